/* product_case.h: what cases of gemm.h and of gemm_strassen.h have alike; defines a case's function and its row.
 *
 *   CASE   name, rows, columns, depth, outer, inner, and what MORE has
 *   ROW MORE        the type of the row, and what its fields are behind those
 *   TEMPLATE        the kernel's file
 *   JOINED (0)      1: A and Y hold [outer][row][inner][...], as heads side by side
 *   HAS_BIAS (0), RESULT           of the template; x0 lies as rows are counted, without gaps */
#define NAME PICK(0, CASE)
#define ROWS PICK(1, CASE)
#define COLUMNS PICK(2, CASE)
#define DEPTH PICK(3, CASE)
#define OUTER PICK(4, CASE)
#define INNER PICK(5, CASE)
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
static const ROW SDC_CAT(row_, NAME) = {
    NAME, TEXT(NAME), ROWS, COLUMNS, DEPTH, OUTER, INNER, MORE, JOINED, HAS_BIAS,
#ifdef RESULT
    1
#else
#define RESULT v
    0
#endif
};
#define EXTRAS(X) X(0, f32, 1, (row) * COLUMNS)
#define STEPS
#include TEMPLATE
#undef CASE
#undef JOINED
#undef ROW
#undef MORE
#undef TEMPLATE
