/* group_measure.h: mean and squared distances from it of each block of each group of channels; part of group_norm.h and
 * channel_moments.h, which have NAME TX CHANNELS FIRST_C AREA GROUPS LAST BLOCK, IMAGE WIDTH EXTENT BLOCKS, and arguments
 * with `x`, `beside` and `sums` [BATCH][BLOCKS][GROUPS][mean, spread].  In double: see conv_store.h, _measure. */
#ifndef NAME                        /* by itself */
#include "lanes.h"
#define NAME group_measure_default
#define TX f32
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
            const double v = (double)SDC_CAT(ld_, TX)(from[k - (begin)]);          \
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
        double sum[CHANNELS], mean[CHANNELS];
        CHANNEL_SUMS(v)
        for (int64_t g = 0; g < GROUPS; g++) {
            double total = 0;
            for (int64_t k = 0; k < WIDTH; k++)
                total += sum[g * WIDTH + k];
            out[2 * g] = total / (double)(pixels * WIDTH);
            for (int64_t k = 0; k < WIDTH; k++)
                mean[g * WIDTH + k] = out[2 * g];
        }
        CHANNEL_SUMS((v - mean[k]) * (v - mean[k]))
        for (int64_t g = 0; g < GROUPS; g++) {
            out[2 * g + 1] = 0;
            for (int64_t k = 0; k < WIDTH; k++)
                out[2 * g + 1] += sum[g * WIDTH + k];
        }
    }
}
#undef CHANNEL_SUMS
#undef CHANNEL_TERMS
#else
/* Sum of the distances from `centre`, or of their squares. */
static double SDC_CAT(NAME, _sum)(const IMAGE *x, int64_t n, double centre, int power)
{
    enum { LANES = 8 };
    double part[LANES] = {0}, total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            const double v = (double)SDC_CAT(ld_, TX)(x[i + k]) - centre;
            part[k] += power == 2 ? v * v : v;
        }
    for (; i < n; i++) {
        const double v = (double)SDC_CAT(ld_, TX)(x[i]) - centre;
        total += power == 2 ? v * v : v;
    }
    for (int k = 0; k < LANES; k++)
        total += part[k];
    return total;
}

static void SDC_CAT(NAME, _measure)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {        /* [BATCH][GROUPS][BLOCKS] */
        const int64_t first = unit % BLOCKS * BLOCK, n = EXTENT - first < BLOCK ? EXTENT - first : BLOCK;
        const int64_t group = unit / BLOCKS % GROUPS, image = unit / BLOCKS / GROUPS;
        const IMAGE *x = a->x + (image * GROUPS + group) * EXTENT + first;
        double *out = a->sums + ((image * BLOCKS + unit % BLOCKS) * GROUPS + group) * 2;
        out[0] = SDC_CAT(NAME, _sum)(x, n, 0, 1) / (double)n;
        out[1] = SDC_CAT(NAME, _sum)(x, n, out[0], 2);
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
