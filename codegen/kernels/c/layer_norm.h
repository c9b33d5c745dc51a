/* layer_norm.h: LayerNormalization and RMSNormalization of every row of a row-major matrix.
 *
 *      y = (x - mean) / sqrt(variance + EPSILON) * scale + bias;  without CENTRED the mean is 0
 *
 *      void NAME(SdcContext *c, st_T *y, st_U *mean, st_U *inverse, const st_T *x, const st_T *scale, const st_T *bias)
 *
 *   NAME                     the function
 *   T                        f32 or f64
 *   U WITH_MEAN WITH_INVERSE type of mean and inverse deviation [ROWS], and 0 where one is not wanted
 *   ROWS N                   rows and their length, at least 1
 *   CENTRED EPSILON
 *   SCALE_ROW                elements of scale from one row to the next: 0 shares one row
 *   HAS_BIAS BIAS_ROW        0: bias is not read
 *
 * A unit is one row. */
#include "kernel.h"
#include "index.h"
#include "lanes.h"

#ifndef NAME
#define NAME layer_norm_default
#define T f32
#define U f32
#define WITH_MEAN 0
#define WITH_INVERSE 0
#define ROWS 77
#define N 768
#define CENTRED 1
#define EPSILON 1e-5
#define SCALE_ROW 0
#define HAS_BIAS 1
#define BIAS_ROW 0
#endif

#define REAL SDC_CAT(ct_, T)

typedef struct {
    REAL *y;
    SDC_CAT(st_, U) *mean, *inverse;
    const REAL *x, *scale, *bias;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict x = a->x + row * N, *restrict scale = a->scale + row * SCALE_ROW;
        const REAL *restrict bias = HAS_BIAS ? a->bias + row * BIAS_ROW : NULL;
        REAL *y = a->y + row * N;
        const REAL mean = CENTRED ? (REAL)(SDC_CAT(sdc_sum_, T)(x, N) / N) : 0;
        const REAL inverse = (REAL)(1 / sqrt(SDC_CAT(sdc_spread_, T)(x, N, mean) / N + EPSILON));
        SDC_INDEPENDENT
        for (int64_t i = 0; i < N; i++)
            y[i] = (x[i] - mean) * inverse * scale[i] + (HAS_BIAS ? bias[i] : 0);
        if (WITH_MEAN)
            a->mean[row] = SDC_CAT(to_, U)((SDC_CAT(ct_, U))mean);
        if (WITH_INVERSE)
            a->inverse[row] = SDC_CAT(to_, U)((SDC_CAT(ct_, U))inverse);
    }
}

void NAME(SdcContext *c, REAL *y, SDC_CAT(st_, U) *mean, SDC_CAT(st_, U) *inverse, const REAL *x, const REAL *scale,
          const REAL *bias)
{
    SDC_CAT(NAME, _arguments) a = {y, mean, inverse, x, scale, bias};
    sdc_run(c, SDC_CAT(NAME, _part), &a, ROWS, (int64_t)ROWS * N * 8);
}

#undef REAL
#undef NAME
#undef T
#undef U
#undef WITH_MEAN
#undef WITH_INVERSE
#undef ROWS
#undef N
#undef CENTRED
#undef EPSILON
#undef SCALE_ROW
#undef HAS_BIAS
#undef BIAS_ROW
