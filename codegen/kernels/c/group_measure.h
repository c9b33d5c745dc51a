/* group_measure.h: mean and squared distances from it of each block of each group of channels; part of group_norm.h and
 * channel_moments.h, which have NAME T TX BATCH CHANNELS FIRST_C AREA GROUPS LAST BLOCK, REAL IMAGE WIDTH EXTENT BLOCKS,
 * and arguments with `x`, `beside` and `sums` [BATCH][BLOCKS][GROUPS][mean, spread]. */
#ifndef NAME                        /* by itself */
#include "lanes.h"
#define NAME group_measure_default
#define T f32
#define TX f32
#define REAL float
#define IMAGE float
#define CHANNELS 320
#define FIRST_C CHANNELS
#define AREA 4096
#define GROUPS 32
#define LAST 1
#define BLOCK 32
#define WIDTH (CHANNELS / GROUPS)
#define EXTENT (LAST ? (int64_t)AREA : (int64_t)WIDTH * AREA)
#define BLOCKS ((EXTENT + BLOCK - 1) / BLOCK)
typedef struct { const IMAGE *x, *beside; double *sums; } group_measure_default_arguments;
#endif

#if LAST
/* sum[c] += TERM over the block's pixels of channel c. */
#define CHANNEL_SUMS(TERM)                                                         \
    for (int64_t k = 0; k < CHANNELS; k++)                                         \
        sum[k] = 0;                                                                \
    for (int64_t p = 0; p < pixels; p++) {                                         \
        CHANNEL_TERMS(TERM, x + p * FIRST_C, 0, FIRST_C)                           \
        CHANNEL_TERMS(TERM, beside + p * (CHANNELS - FIRST_C), FIRST_C, CHANNELS)  \
    }
/* Of one pixel: those of channels [begin, end), which lie at `at`. */
#define CHANNEL_TERMS(TERM, at, begin, end)                                        \
    if ((begin) < (end)) {                                                         \
        const IMAGE *restrict from = (at);                                         \
        for (int64_t k = (begin); k < (end); k++) {                                \
            const REAL v = SDC_CAT(ld_, TX)(from[k - (begin)]);                    \
            sum[k] += TERM;                                                        \
        }                                                                          \
    }

static void SDC_CAT(NAME, _measure)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit % BLOCKS * BLOCK, pixels = EXTENT - first < BLOCK ? EXTENT - first : BLOCK;
        const int64_t pixel = unit / BLOCKS * AREA + first;
        const IMAGE *x = a->x + pixel * FIRST_C;
        const IMAGE *beside = FIRST_C < CHANNELS ? a->beside + pixel * (CHANNELS - FIRST_C) : NULL;
        double *out = a->sums + unit * GROUPS * 2;
        REAL sum[CHANNELS], mean[CHANNELS];
        CHANNEL_SUMS(v)
        for (int64_t g = 0; g < GROUPS; g++) {
            double total = 0;
            for (int64_t k = 0; k < WIDTH; k++)
                total += (double)sum[g * WIDTH + k];
            out[2 * g] = (double)(REAL)(total / (double)(pixels * WIDTH));
            for (int64_t k = 0; k < WIDTH; k++)
                mean[g * WIDTH + k] = (REAL)out[2 * g];
        }
        CHANNEL_SUMS((v - mean[k]) * (v - mean[k]))
        for (int64_t g = 0; g < GROUPS; g++) {
            out[2 * g + 1] = 0;
            for (int64_t k = 0; k < WIDTH; k++)
                out[2 * g + 1] += (double)sum[g * WIDTH + k];
        }
    }
}
#undef CHANNEL_SUMS
#undef CHANNEL_TERMS
#else
static void SDC_CAT(NAME, _measure)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {        /* [BATCH][GROUPS][BLOCKS] */
        const int64_t first = unit % BLOCKS * BLOCK, n = EXTENT - first < BLOCK ? EXTENT - first : BLOCK;
        const int64_t group = unit / BLOCKS % GROUPS, image = unit / BLOCKS / GROUPS;
        const void *stored = a->x + (image * GROUPS + group) * EXTENT + first;
        enum { narrow = sizeof(IMAGE) < sizeof(REAL) };
        REAL wide[narrow ? BLOCK : 1];
        const REAL *x = narrow ? wide : stored;
        if (narrow)
            SDC_CAT(sdc_widen_, TX)(wide, stored, n);
        double *out = a->sums + ((image * BLOCKS + unit % BLOCKS) * GROUPS + group) * 2;
        const REAL mean = (REAL)(SDC_CAT(sdc_sum_, T)(x, n) / (double)n);
        out[0] = (double)mean;
        out[1] = SDC_CAT(sdc_spread_, T)(x, n, mean);
    }
}
#endif

/* Number, mean and spread of a group of an image: its blocks, joined in their order (Chan, Golub, LeVeque 1979). */
static void SDC_CAT(NAME, _join_blocks)(const double *sums, double moments[3])
{
    double count = 0, mean = 0, spread = 0;
    for (int64_t b = 0; b < BLOCKS; b++) {
        const double *in = sums + b * GROUPS * 2, step = in[0] - mean;
        const double n = (double)((EXTENT - b * BLOCK < BLOCK ? EXTENT - b * BLOCK : BLOCK) * (LAST ? WIDTH : 1));
        spread += in[1] + step * step * count * n / (count + n);
        mean += step * n / (count + n);
        count += n;
    }
    moments[0] = count;
    moments[1] = mean;
    moments[2] = spread;
}
