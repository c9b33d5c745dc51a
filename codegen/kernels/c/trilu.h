/* trilu.h: the upper or lower triangle of each matrix, the rest zero.
 *
 *      void NAME(SdcContext *c, st_R *result, const st_R *x [, const st_i64 *diagonal])
 *
 *   NAME               the function
 *   R                  type
 *   HAS_DIAGONAL       1: the number of the diagonal is an operand; 0: it is 0
 *   UPPER              1: keep elements on and above the diagonal, 0: on and below it
 *   MATRICES ROWS COLUMNS    extents, row-major and dense; none is 0
 *
 * A unit is one matrix row.  The result may be the memory of x. */
#include "kernel.h"

#ifndef NAME
#define NAME trilu_default
#define R f32
#define HAS_DIAGONAL 0
#define UPPER 1
#define MATRICES 2
#define ROWS 64
#define COLUMNS 64
#endif

typedef struct {
    SDC_CAT(st_, R) *result;
    const SDC_CAT(st_, R) *x;
    int64_t diagonal;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t diagonal = a->diagonal < -ROWS ? -ROWS : a->diagonal > COLUMNS ? COLUMNS : a->diagonal;
        int64_t edge = unit % ROWS + diagonal + !UPPER;
        edge = edge < 0 ? 0 : edge > COLUMNS ? COLUMNS : edge;                /* where the zeros end, or begin */
        SDC_CAT(st_, R) *y = a->result + unit * COLUMNS;
        const SDC_CAT(st_, R) *x = a->x + unit * COLUMNS;
        for (int64_t i = UPPER ? 0 : edge; i < (UPPER ? edge : COLUMNS); i++)
            y[i] = 0;
        for (int64_t i = UPPER ? edge : 0; i < (UPPER ? COLUMNS : edge); i++)
            y[i] = x[i];
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, const SDC_CAT(st_, R) *x
#if HAS_DIAGONAL
          , const st_i64 *diagonal
#endif
)
{
    SDC_CAT(NAME, _arguments) a = {result, x,
#if HAS_DIAGONAL
                                   *diagonal,
#else
                                   0,
#endif
    };
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (int64_t)MATRICES * ROWS);
}

#undef NAME
#undef R
#undef HAS_DIAGONAL
#undef UPPER
#undef MATRICES
#undef ROWS
#undef COLUMNS
