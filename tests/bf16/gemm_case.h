/* gemm_case.h: one case of test_bf16.c.
 *
 *   CASE   name, rows, columns, depth, outer, inner, b_outer (0 or 1: differs), b_inner (0 or 1), has_bias
 *   TYPE   of y (f32) */
#define NAME PICK(0, CASE)
#define ROWS PICK(1, CASE)
#define COLUMNS PICK(2, CASE)
#define DEPTH PICK(3, CASE)
#define OUTER PICK(4, CASE)
#define INNER PICK(5, CASE)
#define B_OUTER PICK(6, CASE)
#define B_INNER PICK(7, CASE)
#define HAS_BIAS PICK(8, CASE)
#ifndef GAP
#define GAP 0
#endif
#define A_ROW (DEPTH + GAP)
#define EXTRAS(X) X(0, f32, 1, (row) * (COLUMNS))
#define STEPS
#define RESULT v + x0
Product NAME;
static const GemmRow SDC_CAT(row_, NAME) = {NAME, TEXT(NAME), ROWS, COLUMNS, DEPTH, OUTER, INNER, B_OUTER, B_INNER, HAS_BIAS, GAP};
#include "gemm_bf16.h"
#undef CASE
#undef GAP
