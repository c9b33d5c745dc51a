/* conv_store.h: how the kernels of convolutions store a block, and what they measure of it; part of them, whose parameters it
 * gives their defaults. */
#include "beside.h"
#include "finish.h"
#include "load.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_conv_store_example
#define BATCH 1
#define IN_H 64
#define IN_W 64
#define IN_C 320
#define OUT_H 64
#define OUT_W 64
#define OUT_C 320
#define KERNEL_H 3
#define KERNEL_W 3
#define PAD_TOP 1
#define PAD_LEFT 1
#define CHUNK 64
#define BLOCK_H 4
#define BLOCK_W 16
#endif
#include "conv_parameters.h"
#ifndef GROUPS
#define GROUPS 1
#endif
#ifndef FIRST_C
#define FIRST_C (IN_C)
#endif
#ifndef Y_PIXEL
#define Y_PIXEL (OUT_C)
#endif
#ifndef UP_H
#define UP_H 1
#endif
#ifndef UP_W
#define UP_W 1
#endif
#ifndef LOADED
#define LINES(X)
#define LOAD_STEPS
#define LOADED v
#endif
#ifndef MORE_C
#define MORE(X)
#define MORE_C 0
#endif
#ifndef MORE_FIRST_C
#define MORE_BESIDE(X)
#define MORE_FIRST_C (MORE_C)
#endif
#ifndef TM
#define TM f32
#endif
#ifndef TMW
#define TMW f32
#endif
#ifndef SLOTS
#define SLOTS(X)
#endif

#ifndef SDC_CONV_STORE_H
#define SDC_CONV_STORE_H
/* What a unit computes. */
typedef struct {
    int64_t n, group, y, x, h, w;           /* output rows [y, y + h), columns [x, x + w) of image n */
    int64_t panel, end;                     /* panels [panel, end) of the group */
} SdcConvBlock;

#define SDC_MORE_PARAMETER(image, matrix) , const SDC_CAT(st_, TM) *image, const SDC_CAT(st_, TMW) *matrix
#define SDC_MORE_FIELD(image, matrix) .more = image, .more_weights = matrix,
#define SDC_MORE_BESIDE_PARAMETER(name) , const SDC_CAT(st_, TM) *name
#define SDC_SLOTS_PARAMETER(name) , double *name
#define SDC_SLOTS_FIELD(name) .name = name,
#endif

enum { SDC_CAT(NAME, _group_out) = (OUT_C) / (GROUPS), SDC_CAT(NAME, _has_lines) = 0 LINES(SDC_LINES_COUNT) };

#define SDC_EW_TYPE float
#include "ew_names.h"
/* sums [h * w][vectors][SDC_VL] of channels from `channel` on to y. */
static void SDC_CAT(NAME, _store)(SDC_CAT(st_, TY) *y, const float *sums, const SdcConvBlock *block, int64_t vectors,
                                  int64_t channel, const void *const *extra)
{
    enum { columns = SDC_CAT(NAME, _group_out) };
    const int64_t first = block->group * columns + channel, lanes = sdc_min(vectors * SDC_VL, columns - channel);
    for (int64_t i = 0; i < block->h * block->w; i++, sums += vectors * SDC_VL) {
        const int64_t pixel = (block->n * (OUT_H) + block->y + i / block->w) * (OUT_W) + block->x + i % block->w;
        SDC_CAT(st_, TY) *to = y + pixel * (Y_PIXEL) + first;
        SDC_FINISH(j, TY, to, sums[j], lanes, pixel, first);
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

/* Mean and spread of channels [first, first + lanes) over the block, just stored.  In double, so that the norm does not
 * depend on how the image is cut: other blocks, or strips, give the same factors when they are rounded to float. */
static void SDC_CAT(NAME, _measure)(double *slots, const SDC_CAT(st_, TY) *y, const SdcConvBlock *block, int64_t first,
                                    int64_t lanes)
{
    const int64_t across = sdc_ceil_div(OUT_W, BLOCK_W), down = sdc_ceil_div(OUT_H, BLOCK_H);
    const int64_t slot = (block->n * down + block->y / (BLOCK_H)) * across + block->x / (BLOCK_W);
    double mean[SDC_TILE_VECTORS * SDC_VL] = {0}, spread[SDC_TILE_VECTORS * SDC_VL] = {0};
    const SDC_CAT(st_, TY) *from = y + ((block->n * (OUT_H) + block->y) * (OUT_W) + block->x) * (Y_PIXEL) + first;
    for (int64_t i = 0; i < block->h * block->w; i++)
        for (int64_t k = 0; k < lanes; k++)
            mean[k] += (double)SDC_CAT(ld_, TY)(from[(i / block->w * (OUT_W) + i % block->w) * (Y_PIXEL) + k]);
    for (int64_t k = 0; k < lanes; k++)
        mean[k] /= (double)(block->h * block->w);
    for (int64_t i = 0; i < block->h * block->w; i++)
        for (int64_t k = 0; k < lanes; k++) {
            const int64_t at = (i / block->w * (OUT_W) + i % block->w) * (Y_PIXEL) + k;
            const double step = (double)SDC_CAT(ld_, TY)(from[at]) - mean[k];
            spread[k] += step * step;
        }
    memcpy(slots + slot * 2 * (OUT_C) + first, mean, (size_t)lanes * sizeof *mean);
    memcpy(slots + (slot * 2 + 1) * (OUT_C) + first, spread, (size_t)lanes * sizeof *spread);
}
