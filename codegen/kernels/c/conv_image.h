/* conv_image.h: how conv.h and conv_winograd.h load the pixels of a block, add a shortcut's products, and store a block;
 * part of both, whose parameters it gives their defaults. */
#include "beside.h"
#include "finish.h"
#include "load.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_conv_image_example
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

#ifndef SDC_CONV_IMAGE_H
#define SDC_CONV_IMAGE_H
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

enum {
    SDC_CAT(NAME, _group_in) = (IN_C) / (GROUPS),
    SDC_CAT(NAME, _group_out) = (OUT_C) / (GROUPS),
    SDC_CAT(NAME, _patch_h) = ((BLOCK_H) - 1) * (STRIDE_H) + ((KERNEL_H) - 1) * (DILATION_H) + 1,
    SDC_CAT(NAME, _patch_w) = ((BLOCK_W) - 1) * (STRIDE_W) + ((KERNEL_W) - 1) * (DILATION_W) + 1,
    SDC_CAT(NAME, _tile) = SDC_ROWS_FOR((BLOCK_H) * (BLOCK_W)),
    SDC_CAT(NAME, _tiles) = ((BLOCK_H) * (BLOCK_W) + SDC_CAT(NAME, _tile) - 1) / SDC_CAT(NAME, _tile),
    SDC_CAT(NAME, _has_lines) = 0 LINES(SDC_LINES_COUNT)
};

#define SDC_EW_TYPE float
#include "ew_names.h"
/* `count` pixels from pixel `first` of a row on, `depth` channels of each, to every `width`th place; pixel: elements from one to
 * the next; line: the first channel's factor, or NULL.  They are copied first, so that many are on their way at once. */
static inline void SDC_CAT(NAME, _load)(float *to, int64_t width, const SDC_CAT(st_, TX) *row, int64_t pixel,
                                        const float *line, int64_t first, int64_t count, int64_t depth)
{
    for (int64_t i = 0; i < count; i++)
        SDC_CAT(sdc_widen_, TX)(to + i * width, row + (first + i) / (UP_W) * pixel, depth);
    for (int64_t i = 0; SDC_CAT(NAME, _has_lines) && i < count; i++, to += width)
        SDC_LOAD(to, to, line, line + (IN_C), depth);
}
#include "ew_names.h"
#undef SDC_EW_TYPE

/* `depth` channels of the pixels under the block to patch [patch_h][patch_w][stride]; x: the first one's of an image with
 * `pixel` channels. */
static inline void SDC_CAT(NAME, _gather)(float *patch, int64_t stride, const SDC_CAT(st_, TX) *x, int64_t pixel,
                                          const float *line, const SdcConvBlock *block, int64_t depth)
{
    const int64_t top = block->y * (STRIDE_H) - (PAD_TOP), left = block->x * (STRIDE_W) - (PAD_LEFT);
    const int64_t width = SDC_CAT(NAME, _patch_w);
    const int64_t begin = sdc_min(left < 0 ? -left : 0, width), end = sdc_min((IN_W) - left, width);
    x += block->n * ((IN_H) / (UP_H)) * ((IN_W) / (UP_W)) * pixel;
    for (int64_t row = 0; row < SDC_CAT(NAME, _patch_h); row++, patch += width * stride) {
        const bool inside = top + row >= 0 && top + row < (IN_H) && begin < end;
        for (int64_t i = 0; i < (inside ? begin : width); i++)
            memset(patch + i * stride, 0, (size_t)depth * sizeof *patch);
        if (!inside)
            continue;
        SDC_CAT(NAME, _load)(patch + begin * stride, stride, x + (top + row) / (UP_H) * ((IN_W) / (UP_W)) * pixel, pixel,
                             line, left + begin, end - begin, depth);
        for (int64_t i = end; i < width; i++)
            memset(patch + i * stride, 0, (size_t)depth * sizeof *patch);
    }
}

/* Channels [channel, channel + depth) of the pixels under the block, from x, the image beside it, or both, to patch
 * [patch_h][patch_w][stride]. */
static void SDC_CAT(NAME, _patch)(float *patch, int64_t stride, const SdcDense *d, const SdcConvBlock *block,
                                  int64_t channel, int64_t depth)
{
    enum { first = (FIRST_C), others = (IN_C) - (FIRST_C) };
    const float *line = SDC_CAT(NAME, _has_lines) ? d->lines + block->n * 2 * (IN_C) + channel : NULL;
    const SDC_CAT(st_, TX) *x = d->x, *beside = d->beside;
    const int64_t here = !others ? depth : channel < first ? sdc_min(depth, first - channel) : 0;
    if (here)
        SDC_CAT(NAME, _gather)(patch, stride, x + channel, first, line, block, here);
    if (others && here < depth)
        SDC_CAT(NAME, _gather)(patch + here, stride, beside + channel + here - first, others, line ? line + here : NULL,
                               block, depth - here);
}

/* The weights of a panel for the chunk that begins at `channel`. */
static inline const SDC_CAT(st_, TW) *SDC_CAT(NAME, _panel)(const SDC_CAT(st_, TW) *weights, int64_t panel,
                                                            int64_t channel)
{
    enum { columns = SDC_CAT(NAME, _group_out), taps = (KERNEL_H) * (KERNEL_W) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    return weights + (begin * SDC_CAT(NAME, _group_in) + vectors * channel) * taps * SDC_VL;
}

/* Channels [k, k + depth) of the other image's pixels under the block to patch [h w][depth]. */
static void SDC_CAT(NAME, _gather_more)(float *patch, const SdcDense *d, const SdcConvBlock *block, int64_t k,
                                        int64_t depth)
{
    enum { first = (MORE_FIRST_C), others = (MORE_C) - (MORE_FIRST_C) };
    const SDC_CAT(st_, TM) *image = d->more, *beside = d->more_beside;
    const int64_t here = !others ? depth : k < first ? sdc_min(depth, first - k) : 0;
    for (int64_t row = 0; row < block->h; row++)
        for (int64_t column = 0; column < block->w; column++, patch += depth) {
            const int64_t pixel = (block->n * (OUT_H) + block->y + row) * (OUT_W) + block->x + column;
            if (here)
                SDC_CAT(sdc_widen_, TM)(patch, image + pixel * first + k, here);
            if (others && here < depth)
                SDC_CAT(sdc_widen_, TM)(patch + here, beside + pixel * others + k + here - first, depth - here);
        }
}

/* The other image's weights of a panel from channel k on. */
static inline const SDC_CAT(st_, TMW) *SDC_CAT(NAME, _more_panel)(const SdcDense *d, int64_t panel, int64_t k)
{
    enum { columns = SDC_CAT(NAME, _group_out) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    return (const SDC_CAT(st_, TMW) *)d->more_weights + (begin * (MORE_C) + vectors * k) * SDC_VL;
}

/* Add the products of these channels, at most SDC_DEPTH_STEP, for one panel; following: the panel that follows. */
static void SDC_CAT(NAME, _more)(float *sums, const float *patch, const SdcDense *d, const SdcConvBlock *block,
                                 int64_t panel, int64_t k, int64_t depth, const void *following)
{
    enum { tile = SDC_CAT(NAME, _tile), columns = SDC_CAT(NAME, _group_out), narrow = SDC_IS_NARROW(TMW) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    const int64_t pixels = block->h * block->w, tiles = sdc_ceil_div(pixels, tile), tap[1] = {0};
    const int64_t share = sdc_ceil_div(vectors * SDC_VL, tiles * (narrow ? 2 : 1));
    const void *stored = SDC_CAT(NAME, _more_panel)(d, panel, k);
    _Alignas(64) float wide[narrow ? SDC_WIDE_FLOATS : 1];
    if (narrow)
        SDC_CAT(sdc_widen_, TMW)(wide, stored, depth * vectors * SDC_VL);
    const float *weights = narrow ? wide : stored, *next = following;
    for (int64_t t = 0; t < tiles; t++) {
        const float *row[tile];
        for (int64_t m = 0; m < tile; m++)
            row[m] = patch + sdc_min(t * tile + m, pixels - 1) * depth;
        sdc_tile_for(tile, vectors)(sums + t * tile * vectors * SDC_VL, row, tap, 1, depth, weights,
                                    next + t * share * depth, share);
    }
}

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
