/* int8_case.h: one case of test_int8.c.
 *
 *   CASE   name, rows, columns, depth, outer, gap; each outer matrix has its own b; gap: codes between rows of a */
#define NAME PICK(0, CASE)
#define ROWS PICK(1, CASE)
#define COLUMNS PICK(2, CASE)
#define DEPTH (PICK(3, CASE) / 2)
#define OUTER PICK(4, CASE)
#define A_ROW ((PICK(3, CASE) + PICK(5, CASE)) / 2)
#define B_OUTER (PICK(4, CASE) > 1)
#define HAS_BIAS 1
#define PAIR(X) X(other)
#define EXTRAS(X)
#define STEPS
#define RESULT v + w
Product NAME;
static const Int8Row SDC_CAT(row_, NAME) = {NAME, TEXT(NAME), ROWS, COLUMNS, PICK(3, CASE), OUTER, PICK(5, CASE)};
#include "gemm_int8.h"
#undef CASE
