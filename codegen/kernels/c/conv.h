/* conv.h: 2-d convolution of NHWC images with packed weights, as a matrix product whose rows are gathered pixels.
 *
 *      y[n][oy][ox][k] = bias[k] + sum over r, s, c of x[n][iy][ix][c] w[k][c][r][s]
 *      iy = oy STRIDE_H + r DILATION_H - PAD_TOP        ix = ox STRIDE_W + s DILATION_W - PAD_LEFT
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_TX *x [, const st_TX *beside], const st_TW *weights,
 *                const float *bias [, const float *lines] [, const st_TM *more, const st_TMW *more_weights]
 *                [, const st_TM *more_beside] [, operands of EXTRAS] [, double *slots])
 *
 *   NAME                                the function
 *   TY TX TW                            types: f32 (default), f16 or bf16; all arithmetic is f32
 *   BATCH IN_H IN_W IN_C                x [BATCH][IN_H][IN_W][IN_C]
 *   OUT_H OUT_W OUT_C                   y [BATCH][OUT_H][OUT_W][OUT_C]
 *   KERNEL_H KERNEL_W
 *   STRIDE_H STRIDE_W                   (1, 1)
 *   PAD_TOP PAD_LEFT                    (0, 0); bottom and right padding follow from OUT_H, OUT_W
 *   DILATION_H DILATION_W               (1, 1)
 *   GROUPS                              (1); conv_depthwise.h serves one channel a group
 *   BESIDE FIRST_C                      x in two images, see beside.h
 *   Y_PIXEL                             elements from one pixel to the next (OUT_C): y may be some channels of a wider
 *                                       image
 *   CHUNK BLOCK_H BLOCK_W UNIT_PANELS   the cut, from conv_plan(); CHUNK is part of the weights' format
 *   UP_H UP_W                           (1, 1): x is stored smaller, [IN_H / UP_H][IN_W / UP_W], each pixel once
 *   HAS_BIAS                            0 (default): bias is not read
 *   LINES LOAD_STEPS LOADED             what is done to x first, see load.h; padding is put around its result
 *   MORE MORE_C TM TMW                  nothing, or X(more, more_weights): of another image, [BATCH][OUT_H][OUT_W]
 *                                       [MORE_C], the 1x1 convolution is added; with GROUPS 1; types as TX and TW
 *   MORE_BESIDE MORE_FIRST_C            nothing, or X(more_beside): the channels of that from MORE_FIRST_C on
 *   EXTRAS STEPS RESULT                 what is stored, see finish.h: row (n OUT_H + oy) OUT_W + ox, column k
 *   SLOTS                               nothing, or X(slots): each block's mean and squared distances from it, of what
 *                                       is stored, go to slots [BATCH][rows of blocks][blocks][mean, spread][OUT_C]
 *
 * weights, more_weights: written by pack_conv().  y may be an operand of EXTRAS, but overlaps no image.
 *
 * A unit is BLOCK_H x BLOCK_W output pixels by up to UNIT_PANELS panels of output channels.  Chunk by chunk of input
 * channels it gathers the pixels it needs, as f32 and padding as zeros, into a patch on the stack, and adds that
 * chunk's products to its sums, also on the stack.  A tile is any SDC_TILE_ROWS consecutive pixels of the block, so
 * small images fill tiles too. */
#include "beside.h"
#include "finish.h"
#include "load.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_conv_example
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
#define UNIT_PANELS 4
#endif
#ifndef TY
#define TY f32
#endif
#ifndef TX
#define TX f32
#endif
#ifndef TW
#define TW f32
#endif
#ifndef STRIDE_H
#define STRIDE_H 1
#endif
#ifndef STRIDE_W
#define STRIDE_W 1
#endif
#ifndef PAD_TOP
#define PAD_TOP 0
#endif
#ifndef PAD_LEFT
#define PAD_LEFT 0
#endif
#ifndef DILATION_H
#define DILATION_H 1
#endif
#ifndef DILATION_W
#define DILATION_W 1
#endif
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
#ifndef HAS_BIAS
#define HAS_BIAS 0
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

#ifndef SDC_CONV_H
#define SDC_CONV_H
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
    /* Without horizontal dilation the pixels under a row of the kernel lie side by side in the patch: one tap. */
    SDC_CAT(NAME, _narrow) = SDC_IS_NARROW(TW),
    SDC_CAT(NAME, _merged) =
        (DILATION_W) == 1 && (!SDC_CAT(NAME, _narrow) || (CHUNK) * (KERNEL_W) <= (int)SDC_DEPTH_STEP),
    SDC_CAT(NAME, _taps) = SDC_CAT(NAME, _merged) ? (KERNEL_H) : (KERNEL_H) * (KERNEL_W),
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
 * [patch_h][patch_w][depth]. */
static void SDC_CAT(NAME, _patch)(float *patch, const SdcDense *d, const SdcConvBlock *block, int64_t channel,
                                  int64_t depth)
{
    enum { first = (FIRST_C), others = (IN_C) - (FIRST_C) };
    const float *line = SDC_CAT(NAME, _has_lines) ? d->lines + block->n * 2 * (IN_C) + channel : NULL;
    const SDC_CAT(st_, TX) *x = d->x, *beside = d->beside;
    const int64_t here = !others ? depth : channel < first ? sdc_min(depth, first - channel) : 0;
    if (here)
        SDC_CAT(NAME, _gather)(patch, depth, x + channel, first, line, block, here);
    if (others && here < depth)
        SDC_CAT(NAME, _gather)(patch + here, depth, beside + channel + here - first, others, line ? line + here : NULL, block,
                               depth - here);
}

/* The weights of a panel for the chunk that begins at `channel`. */
static inline const SDC_CAT(st_, TW) *SDC_CAT(NAME, _panel)(const SDC_CAT(st_, TW) *weights, int64_t panel,
                                                            int64_t channel)
{
    enum { columns = SDC_CAT(NAME, _group_out), taps = (KERNEL_H) * (KERNEL_W) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    return weights + (begin * SDC_CAT(NAME, _group_in) + vectors * channel) * taps * SDC_VL;
}

/* Add the products of `taps` taps for one panel.  weights: as f32; share: floats of what comes `next` that each step
 * brings in. */
static void SDC_CAT(NAME, _taps_of)(float *sums, const float *patch, const int64_t *pixel, int64_t tiles, int64_t depth,
                                    int64_t vectors, const int64_t *tap, int64_t taps, const float *weights,
                                    const float *next, int64_t share)
{
    enum { tile = SDC_CAT(NAME, _tile), steps = (KERNEL_H) * (KERNEL_W) };
    for (int64_t t = 0; t < tiles; t++) {
        const float *row[tile];
        for (int64_t m = 0; m < tile; m++)
            row[m] = patch + pixel[t * tile + m] * depth;
        sdc_tile_for(tile, vectors)(sums + t * tile * vectors * SDC_VL, row, tap, taps,
                                    depth * steps / SDC_CAT(NAME, _taps), weights, next + t * share * depth * steps,
                                    share);
    }
}

/* Add one chunk's products for one panel, all taps at once or, of narrow weights, as many as are widened at once.
 * pixel[i]: place of output pixel i in the patch; following: the panel that follows. */
static void SDC_CAT(NAME, _chunk)(float *sums, const float *patch, const int64_t *pixel, int64_t tiles, int64_t depth,
                                  int64_t vectors, const SDC_CAT(st_, TW) *weights, const void *following)
{
    enum { taps = SDC_CAT(NAME, _taps), merged = SDC_CAT(NAME, _merged), narrow = SDC_CAT(NAME, _narrow) };
    _Alignas(64) float wide[narrow ? SDC_WIDE_FLOATS : 1];
    int64_t tap[taps];
    for (int64_t t = 0; t < taps; t++) {
        int64_t r = merged ? t : t / (KERNEL_W), s = merged ? 0 : t % (KERNEL_W);
        tap[t] = (r * (DILATION_H) * SDC_CAT(NAME, _patch_w) + s * (DILATION_W)) * depth;
    }
    const int64_t share = sdc_ceil_div(vectors * SDC_VL, tiles * (narrow ? 2 : 1));
    const int64_t inside = depth * (KERNEL_H) * (KERNEL_W) / taps, together = narrow ? SDC_DEPTH_STEP / inside : taps;
    const float *next = following;
    for (int64_t t = 0; t < taps; t += together, next += together * inside * share) {
        const int64_t count = sdc_min(together, taps - t);
        const void *from = weights + t * inside * vectors * SDC_VL;
        if (narrow)
            SDC_CAT(sdc_widen_, TW)(wide, from, count * inside * vectors * SDC_VL);
        SDC_CAT(NAME, _taps_of)(sums, patch, pixel, tiles, depth, vectors, tap + t, count, narrow ? wide : from, next,
                                share);
    }
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

static void SDC_CAT(NAME, _unit)(const SdcDense *d, const SdcConvBlock *block)
{
    enum { tile = SDC_CAT(NAME, _tile), columns = SDC_CAT(NAME, _group_out), channels = SDC_CAT(NAME, _group_in) };
    enum { pixels = SDC_CAT(NAME, _tiles) * tile };
    _Alignas(64) float patch[SDC_CAT(NAME, _patch_h) * SDC_CAT(NAME, _patch_w) * (CHUNK)];
    _Alignas(64) float sums[UNIT_PANELS][pixels * SDC_TILE_VECTORS * SDC_VL];
    int64_t pixel[pixels];
    const int64_t tiles = sdc_ceil_div(block->h * block->w, tile);
    const SDC_CAT(st_, TW) *weights = d->weights;
    weights += block->group * sdc_vectors(columns) * SDC_VL * channels * (KERNEL_H) * (KERNEL_W);
    const float *bias = HAS_BIAS ? d->bias + block->group * columns : NULL;
    for (int64_t i = 0; i < tiles * tile; i++) {
        int64_t inside = sdc_min(i, block->h * block->w - 1);
        pixel[i] = inside / block->w * (STRIDE_H) * SDC_CAT(NAME, _patch_w) + inside % block->w * (STRIDE_W);
    }
    for (int64_t channel = 0; channel < channels; channel += (CHUNK)) {
        const int64_t chunk = sdc_min(CHUNK, channels - channel), after = (channel + chunk) % channels;
        SDC_CAT(NAME, _patch)(patch, d, block, block->group * channels + channel, chunk);
        for (int64_t p = block->panel; p < block->end; p++) {
            int64_t begin = sdc_panel_begin(p, columns), vectors = sdc_panel_begin(p + 1, columns) - begin;
            const bool last = p + 1 == block->end;
            const void *next = SDC_CAT(NAME, _panel)(weights, last ? block->panel : p + 1, last ? after : channel);
            if ((MORE_C) && last && after == 0)
                next = SDC_CAT(NAME, _more_panel)(d, block->panel, 0);
            const SDC_CAT(st_, TW) *at = SDC_CAT(NAME, _panel)(weights, p, channel);
            if (channel == 0)
                sdc_tile_start(sums[p - block->panel], tiles * tile, vectors, bias ? bias + begin * SDC_VL : NULL,
                               columns - begin * SDC_VL);
            SDC_CAT(NAME, _chunk)(sums[p - block->panel], patch, pixel, tiles, chunk, vectors, at, next);
        }
    }
    const int64_t step = sdc_min(CHUNK, SDC_DEPTH_STEP);
    for (int64_t k = 0; k < (MORE_C); k += step) {
        const int64_t depth = sdc_min(step, (MORE_C) - k);
        SDC_CAT(NAME, _gather_more)(patch, d, block, k, depth);
        for (int64_t p = block->panel; p < block->end; p++) {
            const void *next = p + 1 < block->end ? SDC_CAT(NAME, _more_panel)(d, p + 1, k)
                               : k + depth < (MORE_C) ? SDC_CAT(NAME, _more_panel)(d, block->panel, k + depth)
                                                      : (const void *)SDC_CAT(NAME, _panel)(weights, block->panel, 0);
            SDC_CAT(NAME, _more)(sums[p - block->panel], patch, d, block, p, k, depth, next);
        }
    }
    for (int64_t p = block->panel; p < block->end; p++) {
        int64_t begin = sdc_panel_begin(p, columns), vectors = sdc_panel_begin(p + 1, columns) - begin;
        SDC_CAT(NAME, _store)(d->y, sums[p - block->panel], block, vectors, begin * SDC_VL, d->extra);
        if (d->slots)
            SDC_CAT(NAME, _measure)(d->slots, d->y, block, block->group * columns + begin * SDC_VL,
                                    sdc_min(vectors * SDC_VL, columns - begin * SDC_VL));
    }
}

/* Units in the order group, panels, image, row of blocks, block: neighbours share weights. */
static void SDC_CAT(NAME, _part)(void *argument, int64_t unit, int64_t unit_end)
{
    const int64_t across = sdc_ceil_div(OUT_W, BLOCK_W), down = sdc_ceil_div(OUT_H, BLOCK_H);
    const int64_t panels = sdc_panels(SDC_CAT(NAME, _group_out)), panel_units = sdc_ceil_div(panels, UNIT_PANELS);
    for (; unit < unit_end; unit++) {
        int64_t column = unit % across, row = unit / across % down, n = unit / across / down % (BATCH);
        int64_t panel = unit / across / down / (BATCH) % panel_units * (UNIT_PANELS);
        SdcConvBlock block = {
            .n = n, .group = unit / across / down / (BATCH) / panel_units,
            .y = row * (BLOCK_H), .h = sdc_min(BLOCK_H, (OUT_H) - row * (BLOCK_H)),
            .x = column * (BLOCK_W), .w = sdc_min(BLOCK_W, (OUT_W) - column * (BLOCK_W)),
            .panel = panel, .end = sdc_min(panel + (UNIT_PANELS), panels),
        };
        SDC_CAT(NAME, _unit)(argument, &block);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TX) *x BESIDE(SDC_BESIDE_PARAMETER),
          const SDC_CAT(st_, TW) *weights, const float *bias LINES(SDC_LINES_PARAMETER) MORE(SDC_MORE_PARAMETER)
          MORE_BESIDE(SDC_MORE_BESIDE_PARAMETER) EXTRAS(SDC_EXTRA_PARAMETER) SLOTS(SDC_SLOTS_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    SdcDense d = {.y = y, .x = x, BESIDE(SDC_BESIDE_FIELD) .weights = weights, .bias = bias, LINES(SDC_LINES_FIELD)
                  MORE(SDC_MORE_FIELD) MORE_BESIDE(SDC_BESIDE_FIELD) SLOTS(SDC_SLOTS_FIELD) .extra = extra};
    const int64_t pixels = (int64_t)(BATCH) * (OUT_H) * (OUT_W);
    const int64_t units = (GROUPS) * sdc_ceil_div(sdc_panels(SDC_CAT(NAME, _group_out)), UNIT_PANELS) * (BATCH)
        * sdc_ceil_div(OUT_H, BLOCK_H) * sdc_ceil_div(OUT_W, BLOCK_W);
    sdc_run(c, SDC_CAT(NAME, _part), &d, units,
            2 * pixels * (OUT_C) * (SDC_CAT(NAME, _group_in) * (KERNEL_H) * (KERNEL_W) + (MORE_C)));
}

#undef NAME
#undef TY
#undef TX
#undef TW
#undef BATCH
#undef IN_H
#undef IN_W
#undef IN_C
#undef BESIDE
#undef FIRST_C
#undef OUT_H
#undef OUT_W
#undef OUT_C
#undef KERNEL_H
#undef KERNEL_W
#undef STRIDE_H
#undef STRIDE_W
#undef PAD_TOP
#undef PAD_LEFT
#undef DILATION_H
#undef DILATION_W
#undef GROUPS
#undef Y_PIXEL
#undef CHUNK
#undef BLOCK_H
#undef BLOCK_W
#undef UNIT_PANELS
#undef UP_H
#undef UP_W
#undef HAS_BIAS
#undef MORE
#undef MORE_C
#undef MORE_BESIDE
#undef MORE_FIRST_C
#undef TM
#undef TMW
#undef SLOTS
#undef LINES
#undef LOAD_STEPS
#undef LOADED
#undef EXTRAS
#undef STEPS
#undef RESULT
