/* gemm_case.h: one case of test_gemm.c; defines its function and its row.
 *
 *   CASE   name, rows, columns, depth, outer, inner, b_form, b_outer (0 or 1: differs), b_inner (0 or 1)
 *   JOINED (0)      1: A and Y hold [outer][row][inner][...], as heads side by side
 *   HAS_BIAS (0), RESULT           of the template; x0 lies as rows are counted, without gaps */
#define NAME PICK(0, CASE)
#define ROWS PICK(1, CASE)
#define COLUMNS PICK(2, CASE)
#define DEPTH PICK(3, CASE)
#define OUTER PICK(4, CASE)
#define INNER PICK(5, CASE)
#define B_FORM PICK(6, CASE)
#define B_INNER (PICK(8, CASE) * DEPTH * COLUMNS)
#define B_OUTER (PICK(7, CASE) * (PICK(8, CASE) ? INNER : 1) * DEPTH * COLUMNS)
#ifndef JOINED
#define JOINED 0
#endif
#if JOINED
#define A_ROW (INNER * DEPTH)
#define A_INNER DEPTH
#define A_OUTER (ROWS * INNER * DEPTH)
#define Y_ROW (INNER * COLUMNS)
#define Y_INNER COLUMNS
#define Y_OUTER (ROWS * INNER * COLUMNS)
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
Product NAME;
static const GemmRow SDC_CAT(row_, NAME) = {
    NAME, TEXT(NAME), ROWS, COLUMNS, DEPTH, OUTER, INNER, B_FORM, PICK(7, CASE), PICK(8, CASE), JOINED, HAS_BIAS,
#ifdef RESULT
    1
#else
#define RESULT v
    0
#endif
};
#define EXTRAS(X) X(0, f32, 1, (row) * COLUMNS)
#define STEPS
#include "gemm.h"
#undef CASE
#undef JOINED
