/* affine_grid.h: AffineGrid: theta times the normalized coordinates of every element of an image.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *theta)
 *
 *   NAME           the function
 *   T              type of both operands
 *   BATCH          theta [BATCH][RANK][RANK + 1], y [BATCH][OUT...][RANK]
 *   RANK OUT       spatial axes; columns of theta and entries of y begin with the last one
 *   CORNERS        1: -1 and 1 are the centres of the outermost elements, not their outer edges
 *
 * A unit is one point. */
#include "kernel.h"

#ifndef NAME
#define NAME affine_grid_default
#define T f32
#define BATCH 1
#define RANK 2
#define OUT 4, 4
#define CORNERS 0
#endif

typedef struct {
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *theta;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t out[] = {OUT};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        double at[RANK];                            /* normalized, the last axis first */
        int64_t rest = unit;
        for (int d = RANK; d-- > 0; rest /= out[d]) {
            const double p = (double)(rest % out[d]), extent = (double)out[d];
            at[RANK - 1 - d] = !CORNERS ? (2 * p + 1) / extent - 1 : extent > 1 ? 2 * p / (extent - 1) - 1 : -1;
        }
        for (int r = 0; r < RANK; r++) {
            const SDC_CAT(st_, T) *row = a->theta + (rest * RANK + r) * (RANK + 1);
            double sum = (double)SDC_CAT(ld_, T)(row[RANK]);
            for (int d = 0; d < RANK; d++)
                sum += (double)SDC_CAT(ld_, T)(row[d]) * at[d];
            a->y[unit * RANK + r] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))sum);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *theta)
{
    static const int64_t out[] = {OUT};
    SDC_CAT(NAME, _arguments) a = {y, theta};
    int64_t units = BATCH;
    for (int d = 0; d < RANK; d++)
        units *= out[d];
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, units);
}

#undef NAME
#undef T
#undef BATCH
#undef RANK
#undef OUT
#undef CORNERS
