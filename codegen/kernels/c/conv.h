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
 *   CODE_BITS GROUP                     8 or 4: weights are codes and scales, see codes.h, and TW is i8; each GROUP
 *                                       channels of a tap have a scale, 0: all (0, 0)
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
 *                                       [MORE_C], the 1x1 convolution is added; with GROUPS 1; types as TX and TW,
 *                                       MORE_CODE_BITS and MORE_GROUP as CODE_BITS and GROUP
 *   MORE_BESIDE MORE_FIRST_C            nothing, or X(more_beside): the channels of that from MORE_FIRST_C on
 *   EXTRAS STEPS RESULT                 what is stored, see finish.h: row (n OUT_H + oy) OUT_W + ox, column k
 *   SLOTS                               nothing, or X(slots): each block's mean and squared distances from it, of what
 *                                       is stored, go to slots [BATCH][rows of blocks][blocks][mean, spread][OUT_C]
 *
 * weights, more_weights: written by pack_conv() or pack_conv_codes().  y may be an operand of EXTRAS, but overlaps no image.
 *
 * A unit is BLOCK_H x BLOCK_W output pixels by up to UNIT_PANELS panels of output channels.  Chunk by chunk of input
 * channels it gathers the pixels it needs, as f32 and padding as zeros, into a patch on the stack, and adds that
 * chunk's products to its sums, also on the stack.  A tile is any SDC_TILE_ROWS consecutive pixels of the block, so
 * small images fill tiles too. */
#ifndef NAME                    /* by itself: conv_image.h's example */
#define UNIT_PANELS 4
#endif
#include "conv_image.h"

enum {
    /* Without horizontal dilation the pixels under a row of the kernel lie side by side in the patch: one tap. */
    SDC_CAT(NAME, _narrow) = SDC_IS_NARROW(TW),
    SDC_CAT(NAME, _merged) =
        (DILATION_W) == 1 && (!SDC_CAT(NAME, _narrow) || (CHUNK) * (KERNEL_W) <= (int)SDC_DEPTH_STEP),
    SDC_CAT(NAME, _taps) = SDC_CAT(NAME, _merged) ? (KERNEL_H) : (KERNEL_H) * (KERNEL_W)
};

/* Add the products of `taps` taps for one panel.  start: as in tile.h; weights: as f32; share: floats of what comes `next`
 * that each step brings in. */
static void SDC_CAT(NAME, _taps_of)(const float *start, float *sums, const float *patch, const int64_t *pixel, int64_t tiles,
                                    int64_t depth, int64_t vectors, const int64_t *tap, int64_t taps,
                                    const float *weights, const float *next, int64_t share)
{
    enum { tile = SDC_CAT(NAME, _tile), steps = (KERNEL_H) * (KERNEL_W) };
    for (int64_t t = 0; t < tiles; t++) {
        const float *row[tile];
        for (int64_t m = 0; m < tile; m++)
            row[m] = patch + pixel[t * tile + m] * depth;
        sdc_tile_for(tile, vectors)(start, sums + t * tile * vectors * SDC_VL, row, tap, taps,
                                    depth * steps / SDC_CAT(NAME, _taps), weights, next + t * share * depth * steps,
                                    share);
    }
}

/* Add one chunk's products for one panel, all taps at once or, of narrow weights, as many as are widened at once.
 * pixel[i]: place of output pixel i in the patch; following: the panel that follows. */
static void SDC_CAT(NAME, _chunk)(const float *start, float *sums, const float *patch, const int64_t *pixel, int64_t tiles,
                                  int64_t depth, const SDC_CAT(st_, TW) *weights, int64_t panel, int64_t channel,
                                  const void *following)
{
    enum { columns = SDC_CAT(NAME, _group_out), single = SDC_CAT(NAME, _merged) ? (KERNEL_W) : 1 };
    enum { taps = SDC_CAT(NAME, _taps), merged = SDC_CAT(NAME, _merged), narrow = SDC_CAT(NAME, _narrow) };
    const int64_t vectors = sdc_panel_begin(panel + 1, columns) - sdc_panel_begin(panel, columns);
    _Alignas(64) float wide[narrow ? SDC_WIDE_FLOATS + SDC_WIDE_REST : 1];
    int64_t tap[taps];
    for (int64_t t = 0; t < taps; t++) {
        int64_t r = merged ? t : t / (KERNEL_W), s = merged ? 0 : t % (KERNEL_W);
        tap[t] = (r * (DILATION_H) * SDC_CAT(NAME, _patch_w) + s * (DILATION_W)) * depth;
    }
    const int64_t share = sdc_ceil_div(vectors * SDC_VL, tiles * SDC_WEIGHTS_PER_FLOAT(TW, CODE_BITS));
    const int64_t inside = depth * (KERNEL_H) * (KERNEL_W) / taps, together = narrow ? SDC_DEPTH_STEP / inside : taps;
    const float *next = following;
    for (int64_t t = 0; t < taps; t += together, next += together * inside * share) {
        const int64_t count = sdc_min(together, taps - t);
        const SDC_CAT(st_, TW) *from = SDC_CAT(NAME, _panel)(weights, panel, channel)
                                       + SDC_WEIGHTS_OF(t * single * sdc_code_depth(depth, CODE_BITS) * vectors, CODE_BITS);
        if (narrow)
            SDC_CAT(NAME, _widen)(wide, from, weights, panel, channel, depth, t * single, count * single);
        SDC_CAT(NAME, _taps_of)(t ? NULL : start, sums, patch, pixel, tiles, depth, vectors, tap + t, count,
                                narrow ? wide : (const void *)from, next, share);
    }
}

static void SDC_CAT(NAME, _unit)(const SdcDense *d, const SdcConvBlock *block)
{
    enum { tile = SDC_CAT(NAME, _tile), columns = SDC_CAT(NAME, _group_out), channels = SDC_CAT(NAME, _group_in) };
    enum { pixels = SDC_CAT(NAME, _tiles) * tile };
    _Alignas(64) float patch[SDC_CAT(NAME, _patch_h) * SDC_CAT(NAME, _patch_w) * (CHUNK)];
    _Alignas(64) float sums[UNIT_PANELS][pixels * SDC_TILE_VECTORS * SDC_VL], start[SDC_TILE_VECTORS * SDC_VL];
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
        SDC_CAT(NAME, _patch)(patch, chunk, d, block, block->group * channels + channel, chunk);
        for (int64_t p = block->panel; p < block->end; p++) {
            const int64_t begin = sdc_panel_begin(p, columns);
            const bool last = p + 1 == block->end;
            const void *next = SDC_CAT(NAME, _panel)(weights, last ? block->panel : p + 1, last ? after : channel);
            if ((MORE_C) && last && after == 0)
                next = SDC_CAT(NAME, _more_panel)(d, block->panel, 0);
            if (channel == 0)
                sdc_tile_start(start, bias ? bias + begin * SDC_VL : NULL, columns - begin * SDC_VL);
            SDC_CAT(NAME, _chunk)(channel ? NULL : start, sums[p - block->panel], patch, pixel, tiles, chunk, weights, p,
                                  channel, next);
        }
    }
    const int64_t step = sdc_min(CHUNK, SDC_DEPTH_STEP);
    for (int64_t k = 0, depth; k < (MORE_C); k += depth) {
        depth = SDC_CAT(NAME, _more_depth)(k, step);
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
#if 0 SLOTS(SDC_SLOTS_COUNT)
        SDC_CAT(NAME, _measure)(d->slots, d->y, block, block->group * columns + begin * SDC_VL,
                                sdc_min(vectors * SDC_VL, columns - begin * SDC_VL));
#endif
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

#include "conv_end.h"
#undef UNIT_PANELS
