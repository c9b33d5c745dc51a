/* strassen_case.h: one case of test_strassen.c; defines its function and its row.
 *
 *   CASE   name, rows, columns, depth, outer, inner, half_rows, depth_step, round_blocks, round_steps
 *   JOINED (0)      1: A and Y hold [outer][row][inner][...], as heads side by side
 *   HAS_BIAS (0), RESULT           of the template; x0 lies as rows are counted, without gaps */
#define NAME PICK(0, CASE)
#define ROWS PICK(1, CASE)
#define COLUMNS PICK(2, CASE)
#define DEPTH PICK(3, CASE)
#define OUTER PICK(4, CASE)
#define INNER PICK(5, CASE)
#define HALF_ROWS PICK(6, CASE)
#define DEPTH_STEP PICK(7, CASE)
#define ROUND_BLOCKS PICK(8, CASE)
#define ROUND_STEPS PICK(9, CASE)
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
static const StrassenRow SDC_CAT(row_, NAME) = {
    NAME, TEXT(NAME), ROWS, COLUMNS, DEPTH, OUTER, INNER, HALF_ROWS, DEPTH_STEP, ROUND_BLOCKS, ROUND_STEPS, JOINED, HAS_BIAS,
#ifdef RESULT
    1
#else
#define RESULT v
    0
#endif
};
#define EXTRAS(X) X(0, f32, 1, (row) * COLUMNS)
#define STEPS
#include "gemm_strassen.h"
#undef CASE
#undef JOINED
