/* gemm_case.h: one case of test_gemm.c; see product_case.h.
 *
 *   CASE   ..., b_form, b_outer (0 or 1: differs), b_inner (0 or 1) */
#define B_FORM PICK(6, CASE)
#define B_INNER (PICK(8, CASE) * DEPTH * COLUMNS)
#define B_OUTER (PICK(7, CASE) * (PICK(8, CASE) ? INNER : 1) * DEPTH * COLUMNS)
#define ROW GemmRow
#define MORE B_FORM, PICK(7, CASE), PICK(8, CASE)
#define TEMPLATE "gemm.h"
#include "product_case.h"
