/* batch_norm.h: BatchNormalization: y = (x - mean) / sqrt(variance + EPSILON) * scale + bias, all four by channel.
 *
 *      void NAME(SdcContext *c, st_T *y, st_M *new_mean, st_M *new_variance, const st_T *x, const st_S *scale,
 *                const st_S *bias, const st_M *mean, const st_M *variance, ct_T *lines)
 *
 *   NAME                  the function
 *   T                     type of x and y: f32, f64
 *   S M                   types of scale and bias, of mean and variance
 *   BATCH CHANNELS AREA   images, channels, elements of a channel; none is 0
 *   LAST                  1: x and y are [BATCH][AREA][CHANNELS]; 0: [BATCH][CHANNELS][AREA]
 *   EPSILON
 *   TRAINING MOMENTUM     1: mean and variance are those of x, and the running ones are moved towards them
 *   WITH_MEAN WITH_VARIANCE   0: that result is not wanted
 *   lines                 scratch, 2 * CHANNELS
 *
 * A unit is a channel, then one line: a pixel's channels or a channel's pixels.  y may be x. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME batch_norm_default
#define T f32
#define S f32
#define M f32
#define BATCH 2
#define CHANNELS 64
#define AREA 256
#define LAST 1
#define EPSILON 1e-5
#define TRAINING 0
#define MOMENTUM 0.9
#define WITH_MEAN 0
#define WITH_VARIANCE 0
#endif

#define REAL SDC_CAT(ct_, T)
#define LOAD(X, v) ((double)SDC_CAT(ld_, X)(v))
#define STORE(X, v) SDC_CAT(to_, X)((SDC_CAT(ct_, X))(v))

typedef struct {
    REAL *y;
    SDC_CAT(st_, M) *new_mean, *new_variance;
    const REAL *x;
    const SDC_CAT(st_, S) *scale, *bias;
    const SDC_CAT(st_, M) *mean, *variance;
    REAL *lines;
} SDC_CAT(NAME, _arguments);

/* Element p of channel k of image b. */
static inline int64_t SDC_CAT(NAME, _at)(int64_t b, int64_t k, int64_t p)
{
    return LAST ? (b * AREA + p) * CHANNELS + k : (b * CHANNELS + k) * AREA + p;
}

/* Mean of one channel, or with `centre` the mean squared distance from it. */
static double SDC_CAT(NAME, _moment)(const REAL *x, int64_t k, const double *centre)
{
    double sum = 0;
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t p = 0; p < AREA; p++) {
            const double v = (double)x[SDC_CAT(NAME, _at)(b, k, p)];
            sum += centre ? (v - *centre) * (v - *centre) : v;
        }
    return sum / ((double)BATCH * AREA);
}

static void SDC_CAT(NAME, _prepare)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t k = begin; k < end; k++) {
        double mean = LOAD(M, a->mean[k]), variance = LOAD(M, a->variance[k]), old_mean = mean, old_variance = variance;
        if (TRAINING) {
            mean = SDC_CAT(NAME, _moment)(a->x, k, NULL);
            variance = SDC_CAT(NAME, _moment)(a->x, k, &mean);
        }
        const double keep = TRAINING ? MOMENTUM : 0, factor = LOAD(S, a->scale[k]) / sqrt(variance + EPSILON);
        if (WITH_MEAN)
            a->new_mean[k] = STORE(M, old_mean * keep + mean * (1 - keep));
        if (WITH_VARIANCE)
            a->new_variance[k] = STORE(M, old_variance * keep + variance * (1 - keep));
        a->lines[k] = (REAL)factor;
        a->lines[CHANNELS + k] = (REAL)(LOAD(S, a->bias[k]) - mean * factor);
    }
}

static void SDC_CAT(NAME, _apply)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    const REAL *restrict factor = a->lines, *restrict shift = a->lines + CHANNELS;
    for (int64_t unit = begin; unit < end; unit++) {
        REAL *y = a->y + unit * (LAST ? CHANNELS : AREA);
        const REAL *x = a->x + unit * (LAST ? CHANNELS : AREA);
        if (LAST) {
            SDC_INDEPENDENT
            for (int64_t k = 0; k < CHANNELS; k++)
                y[k] = x[k] * factor[k] + shift[k];
        } else {
            const REAL f = factor[unit % CHANNELS], s = shift[unit % CHANNELS];
            SDC_INDEPENDENT
            for (int64_t p = 0; p < AREA; p++)
                y[p] = x[p] * f + s;
        }
    }
}

void NAME(SdcContext *c, REAL *y, SDC_CAT(st_, M) *new_mean, SDC_CAT(st_, M) *new_variance, const REAL *x,
          const SDC_CAT(st_, S) *scale, const SDC_CAT(st_, S) *bias, const SDC_CAT(st_, M) *mean,
          const SDC_CAT(st_, M) *variance, REAL *lines)
{
    const int64_t count = (int64_t)BATCH * CHANNELS * AREA;
    SDC_CAT(NAME, _arguments) a = {y, new_mean, new_variance, x, scale, bias, mean, variance, lines};
    sdc_run(c, SDC_CAT(NAME, _prepare), &a, CHANNELS, TRAINING ? count * 4 : CHANNELS * 8);
    sdc_run(c, SDC_CAT(NAME, _apply), &a, LAST ? (int64_t)BATCH * AREA : (int64_t)BATCH * CHANNELS, count * 4);
}

#undef REAL
#undef LOAD
#undef STORE
#undef NAME
#undef T
#undef S
#undef M
#undef BATCH
#undef CHANNELS
#undef AREA
#undef LAST
#undef EPSILON
#undef TRAINING
#undef MOMENTUM
#undef WITH_MEAN
#undef WITH_VARIANCE
