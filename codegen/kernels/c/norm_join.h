/* norm_join.h: a GroupNormalization's factor and shift of each channel, from what a convolution measured (conv.h, SLOTS).
 *
 *      void NAME(SdcContext *c, float *lines, const double *slots, const float *scale, const float *bias)
 *
 *   NAME                         the function
 *   BATCH CHANNELS GROUPS        images, channels, groups of channels
 *   HEIGHT WIDTH                 pixels
 *   BLOCK_H BLOCK_W              of the convolution: slots [BATCH][ceil(HEIGHT / BLOCK_H)][ceil(WIDTH / BLOCK_W)]
 *                                [mean, spread][CHANNELS]
 *   EPSILON
 *   lines                        [BATCH][factor, shift][CHANNELS]
 *
 * The blocks are joined in one order: the mean of means weighted by their pixels, then what the blocks' values and the
 * blocks' means are apart from it. */
#include "kernel.h"

#ifndef NAME
#define NAME norm_join_default
#define BATCH 2
#define CHANNELS 320
#define GROUPS 32
#define HEIGHT 64
#define WIDTH 64
#define BLOCK_H 4
#define BLOCK_W 16
#define EPSILON 1e-5
#endif

#define DOWN (((HEIGHT) + (BLOCK_H) - 1) / (BLOCK_H))
#define ACROSS (((WIDTH) + (BLOCK_W) - 1) / (BLOCK_W))
#define SHARE ((CHANNELS) / (GROUPS))

typedef struct {
    float *lines;
    const double *slots;
    const float *scale, *bias;
} SDC_CAT(NAME, _arguments);

static double SDC_CAT(NAME, _pixels)(int64_t block)
{
    const int64_t row = block / ACROSS * (BLOCK_H), column = block % ACROSS * (BLOCK_W);
    return (double)(((HEIGHT) - row < (BLOCK_H) ? (HEIGHT) - row : (BLOCK_H))
                    * ((WIDTH) - column < (BLOCK_W) ? (WIDTH) - column : (BLOCK_W)));
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    const double count = (double)(HEIGHT) * (WIDTH) * SHARE;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / (GROUPS), first = unit % (GROUPS) * SHARE;
        const double *slots = a->slots + image * DOWN * ACROSS * 2 * (CHANNELS) + first;
        double mean = 0, spread = 0;
        for (int64_t b = 0; b < DOWN * ACROSS; b++)
            for (int64_t k = 0; k < SHARE; k++)
                mean += SDC_CAT(NAME, _pixels)(b) * slots[b * 2 * (CHANNELS) + k];
        mean /= count;
        for (int64_t b = 0; b < DOWN * ACROSS; b++)
            for (int64_t k = 0; k < SHARE; k++) {
                const double step = slots[b * 2 * (CHANNELS) + k] - mean;
                spread += slots[(b * 2 + 1) * (CHANNELS) + k] + SDC_CAT(NAME, _pixels)(b) * step * step;
            }
        const double inverse = 1 / sqrt(spread / count + EPSILON);
        float *factor = a->lines + image * 2 * (CHANNELS), *shift = factor + (CHANNELS);
        for (int64_t k = first; k < first + SHARE; k++) {
            factor[k] = (float)(inverse * (double)a->scale[k]);
            shift[k] = (float)((double)a->bias[k] - mean * inverse * (double)a->scale[k]);
        }
    }
}

void NAME(SdcContext *c, float *lines, const double *slots, const float *scale, const float *bias)
{
    SDC_CAT(NAME, _arguments) a = {lines, slots, scale, bias};
    sdc_run(c, SDC_CAT(NAME, _part), &a, (int64_t)(BATCH) * (GROUPS), (int64_t)(BATCH) * DOWN * ACROSS * (CHANNELS) * 8);
}

#undef DOWN
#undef ACROSS
#undef SHARE
#undef NAME
#undef BATCH
#undef CHANNELS
#undef GROUPS
#undef HEIGHT
#undef WIDTH
#undef BLOCK_H
#undef BLOCK_W
#undef EPSILON
