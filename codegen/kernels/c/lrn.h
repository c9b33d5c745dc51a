/* lrn.h: local response normalisation: y = x / (BIAS + ALPHA / SIZE * sum of squares over nearby channels) ^ BETA.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x)
 *
 *   NAME                       the function
 *   T                          any floating type
 *   OUTER_COUNT CHANNELS INNER x and y are [OUTER_COUNT][CHANNELS][INNER]
 *   BELOW ABOVE                neighbours on either side; SIZE = BELOW + 1 + ABOVE
 *   ALPHA BETA BIAS
 *
 * A unit is one channel of one image. */
#include "kernel.h"

#ifndef NAME
#define NAME lrn_default
#define T f32
#define OUTER_COUNT 1
#define CHANNELS 8
#define INNER 16
#define BELOW 1
#define ABOVE 2
#define ALPHA 1e-4
#define BETA 0.75
#define BIAS 1.0
#endif

#define STORED SDC_CAT(st_, T)

typedef struct { STORED *y; const STORED *x; } SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t k = unit % CHANNELS, from = k < BELOW ? -k : -BELOW;
        const int64_t to = ABOVE < CHANNELS - 1 - k ? ABOVE : CHANNELS - 1 - k;
        for (int64_t i = unit * INNER; i < (unit + 1) * INNER; i++) {
            double sum = 0;
            for (int64_t j = from; j <= to; j++) {
                const double v = (double)SDC_CAT(ld_, T)(a->x[i + j * INNER]);
                sum += v * v;
            }
            const double v = (double)SDC_CAT(ld_, T)(a->x[i]) / pow(BIAS + ALPHA / (BELOW + 1 + ABOVE) * sum, BETA);
            a->y[i] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))v);
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *x)
{
    SDC_CAT(NAME, _arguments) a = {y, x};
    sdc_run(c, SDC_CAT(NAME, _part), &a, (int64_t)OUTER_COUNT * CHANNELS, (int64_t)OUTER_COUNT * CHANNELS * INNER * 40);
}

#undef STORED
#undef NAME
#undef T
#undef OUTER_COUNT
#undef CHANNELS
#undef INNER
#undef BELOW
#undef ABOVE
#undef ALPHA
#undef BETA
#undef BIAS
