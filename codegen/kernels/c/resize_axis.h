/* resize_axis.h: linear or cubic interpolation along one axis.
 *
 *      y[o][k][i] = sum over t of weights[k][t] * x[o][index[k][t]][i]
 *
 *      void NAME(SdcContext *c, st_R *y, const st_T *x, const int32_t *index, const REAL *weights)
 *
 *   NAME               the function
 *   R T                types of y and x
 *   REAL               float or double: weights and sums
 *   STORE              the stored element of y in terms of the sum v, a REAL
 *   LEADING INNER      extents before and behind the axis: x [LEADING][IN_N][INNER], y [LEADING][OUT_N][INNER], none 0
 *   IN_N OUT_N TAPS    index, weights [OUT_N][TAPS]
 *   OUTSIDE FILL       1: a first index of -1 makes the whole line FILL
 *
 * A unit is one line of INNER elements, or, where INNER is 1, of OUT_N. */
#include "kernel.h"

#ifndef NAME
#define NAME resize_axis_default
#define R f32
#define T f32
#define REAL float
#define STORE v
#define LEADING 2
#define IN_N 8
#define OUT_N 16
#define INNER 64
#define TAPS 2
#define OUTSIDE 0
#define FILL 0
#endif

#define STRIP 64

typedef struct {
    SDC_CAT(st_, R) *y;
    const SDC_CAT(st_, T) *x;
    const int32_t *index;
    const REAL *weights;
} SDC_CAT(NAME, _arguments);

/* Up to STRIP elements of the line at y, whose sources are the lines at x + index * INNER. */
static inline void SDC_CAT(NAME, _strip)(SDC_CAT(st_, R) *restrict y, const SDC_CAT(st_, T) *restrict x,
                                         const int32_t *index, const REAL *weights, int64_t n)
{
    REAL sum[STRIP];
    const bool outside = OUTSIDE && index[0] < 0;
    for (int64_t i = 0; i < n; i++)
        sum[i] = outside ? (REAL)(FILL) : 0;
    for (int64_t t = 0; t < TAPS && !outside; t++) {
        const SDC_CAT(st_, T) *restrict from = x + index[t] * (int64_t)INNER;
        const REAL weight = weights[t];
        for (int64_t i = 0; i < n; i++)
            sum[i] += weight * (REAL)SDC_CAT(ld_, T)(from[i]);
    }
    for (int64_t i = 0; i < n; i++) {
        const REAL v = sum[i];
        y[i] = STORE;
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        if (INNER == 1) {
            for (int64_t k = 0; k < OUT_N; k++)
                SDC_CAT(NAME, _strip)(a->y + unit * OUT_N + k, a->x + unit * IN_N, a->index + k * TAPS,
                                      a->weights + k * TAPS, 1);
            continue;
        }
        const int64_t k = unit % OUT_N;
        const SDC_CAT(st_, T) *x = a->x + unit / OUT_N * IN_N * INNER;
        for (int64_t i = 0; i < INNER; i += STRIP)
            SDC_CAT(NAME, _strip)(a->y + unit * INNER + i, x + i, a->index + k * TAPS, a->weights + k * TAPS,
                                  INNER - i < STRIP ? INNER - i : STRIP);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *y, const SDC_CAT(st_, T) *x, const int32_t *index, const REAL *weights)
{
    SDC_CAT(NAME, _arguments) a = {y, x, index, weights};
    const int64_t lines = (int64_t)LEADING * OUT_N;
    sdc_run(c, SDC_CAT(NAME, _part), &a, INNER == 1 ? LEADING : lines, lines * INNER * TAPS * 2);
}

#undef STRIP
#undef NAME
#undef R
#undef T
#undef REAL
#undef STORE
#undef LEADING
#undef IN_N
#undef OUT_N
#undef INNER
#undef TAPS
#undef OUTSIDE
#undef FILL
