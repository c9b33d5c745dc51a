/* codes_case.h: one case of test_codes.c.
 *
 *   CASE   name, rows, columns, depth, outer, bits, group; each outer matrix has its own b */
#define NAME PICK(0, CASE)
#define ROWS PICK(1, CASE)
#define COLUMNS PICK(2, CASE)
#define DEPTH PICK(3, CASE)
#define OUTER PICK(4, CASE)
#define CODE_BITS PICK(5, CASE)
#define GROUP PICK(6, CASE)
#define B_OUTER (PICK(4, CASE) > 1)
#define HAS_BIAS 1
#define EXTRAS(X) X(0, f32, 1, (row) * (COLUMNS))
#define STEPS
#define RESULT v + x0
Product NAME;
static const CodesRow SDC_CAT(row_, NAME) = {NAME, TEXT(NAME), ROWS, COLUMNS, DEPTH, OUTER, CODE_BITS, GROUP};
#include "gemm_bf16.h"
#undef CASE
