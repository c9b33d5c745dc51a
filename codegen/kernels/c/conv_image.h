/* conv_image.h: how conv.h and conv_winograd.h load the pixels of a block and add a shortcut's products; part of both. */
#include "codes.h"
#include "conv_store.h"
#ifndef CODE_BITS
#define CODE_BITS 0
#define GROUP 0
#endif
#ifndef MORE_CODE_BITS
#define MORE_CODE_BITS 0
#define MORE_GROUP 0
#endif
/* Elements of weights for so many vectors by depths; codes have 4 or 8 bits. */
#define SDC_WEIGHTS_OF(vectors_by_depths, BITS) ((vectors_by_depths) * SDC_VL * ((BITS) ? (BITS) : 8) / 8)
/* Weights in the bytes of a float. */
#define SDC_WEIGHTS_PER_FLOAT(T, BITS) ((BITS) == 4 ? 8 : (BITS) == 8 ? 4 : SDC_IS_NARROW(T) ? 2 : 1)

enum {
    SDC_CAT(NAME, _group_in) = (IN_C) / (GROUPS),
    SDC_CAT(NAME, _patch_h) = ((BLOCK_H) - 1) * (STRIDE_H) + ((KERNEL_H) - 1) * (DILATION_H) + 1,
    SDC_CAT(NAME, _patch_w) = ((BLOCK_W) - 1) * (STRIDE_W) + ((KERNEL_W) - 1) * (DILATION_W) + 1,
    SDC_CAT(NAME, _tile) = SDC_ROWS_FOR((BLOCK_H) * (BLOCK_W)),
    SDC_CAT(NAME, _tiles) = ((BLOCK_H) * (BLOCK_W) + SDC_CAT(NAME, _tile) - 1) / SDC_CAT(NAME, _tile)
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
    if (others > 0 && here < depth)
        SDC_CAT(NAME, _gather)(patch + here, stride, beside + channel + here - first, others, line ? line + here : NULL,
                               block, depth - here);
}

/* The weights of a panel for the chunk that begins at `channel`. */
static inline const SDC_CAT(st_, TW) *SDC_CAT(NAME, _panel)(const SDC_CAT(st_, TW) *weights, int64_t panel,
                                                            int64_t channel)
{
    enum { columns = SDC_CAT(NAME, _group_out), taps = (KERNEL_H) * (KERNEL_W) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    const int64_t depth = sdc_code_depth(SDC_CAT(NAME, _group_in), CODE_BITS);
    return weights + SDC_WEIGHTS_OF((begin * depth + vectors * channel) * taps, CODE_BITS);
}

#if CODE_BITS
/* Taps [tap, tap + count) of a panel's weights for `depth` channels from `channel` on, which begin at `from`, as f32; room
 * for the rest of a word must follow. */
static inline void SDC_CAT(NAME, _widen)(float *wide, const SDC_CAT(st_, TW) *from, const SDC_CAT(st_, TW) *weights,
                                         int64_t panel, int64_t channel, int64_t depth, int64_t tap, int64_t count)
{
    enum { columns = SDC_CAT(NAME, _group_out), taps = (KERNEL_H) * (KERNEL_W), channels = SDC_CAT(NAME, _group_in) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    const int64_t groups = sdc_code_groups(channels, GROUP), step = vectors * groups * SDC_VL;
    const int64_t first = begin * taps * groups + vectors * sdc_code_group(channel, GROUP);
    const void *all = weights
                      + SDC_WEIGHTS_OF(sdc_vectors(columns) * sdc_code_depth(channels, CODE_BITS) * taps, CODE_BITS);
    const st_bf16 *scales = (const st_bf16 *)all + first * SDC_VL;
    for (int64_t t = 0; t < count; t++)
        sdc_widen_codes(CODE_BITS, wide + t * depth * vectors * SDC_VL,
                        from + SDC_WEIGHTS_OF(t * sdc_code_depth(depth, CODE_BITS) * vectors, CODE_BITS),
                        scales + (tap + t) * step, vectors, depth, GROUP);
}
#else
static inline void SDC_CAT(NAME, _widen)(float *wide, const SDC_CAT(st_, TW) *from, const SDC_CAT(st_, TW) *weights,
                                         int64_t panel, int64_t channel, int64_t depth, int64_t tap, int64_t count)
{
    enum { columns = SDC_CAT(NAME, _group_out) };
    const int64_t vectors = sdc_panel_begin(panel + 1, columns) - sdc_panel_begin(panel, columns);
    SDC_CAT(sdc_widen_, TW)(wide, from, count * depth * vectors * SDC_VL);
    (void)weights, (void)channel, (void)tap;
}
#endif

/* Is the other image read where it lies? */
enum { SDC_CAT(NAME, _more_direct) = !SDC_IS_NARROW(TM) && (!(MORE_CODE_BITS) || (MORE_FIRST_C) == (MORE_C)) };

/* How many channels of it from k on are multiplied at once. */
static inline int64_t SDC_CAT(NAME, _more_depth)(int64_t k, int64_t step)
{
    return sdc_min(step, (SDC_CAT(NAME, _more_direct) && k < (MORE_FIRST_C) ? (MORE_FIRST_C) : (MORE_C)) - k);
}

/* Number of the block's pixel `i` in its images. */
static inline int64_t SDC_CAT(NAME, _more_pixel)(const SdcConvBlock *block, int64_t i)
{
    return (block->n * (OUT_H) + block->y + i / block->w) * (OUT_W) + block->x + i % block->w;
}

/* Channels [k, k + depth) of the other image's pixels under the block to patch [h w][depth], unless they are read where they
 * lie. */
static void SDC_CAT(NAME, _gather_more)(float *patch, const SdcDense *d, const SdcConvBlock *block, int64_t k,
                                        int64_t depth)
{
    enum { first = (MORE_FIRST_C), others = (MORE_C) - (MORE_FIRST_C) };
    const SDC_CAT(st_, TM) *image = d->more, *beside = d->more_beside;
    const int64_t here = !others ? depth : k < first ? sdc_min(depth, first - k) : 0;
    for (int64_t i = 0; !SDC_CAT(NAME, _more_direct) && i < block->h * block->w; i++, patch += depth) {
        const int64_t pixel = SDC_CAT(NAME, _more_pixel)(block, i);
        if (here)
            SDC_CAT(sdc_widen_, TM)(patch, image + pixel * first + k, here);
        if (others > 0 && here < depth)
            SDC_CAT(sdc_widen_, TM)(patch + here, beside + pixel * others + k + here - first, depth - here);
    }
}

/* Channels [k, k + depth) of the block's pixel `i`. */
static inline const float *SDC_CAT(NAME, _more_row)(const float *patch, const SdcDense *d, const SdcConvBlock *block, int64_t i,
                                                    int64_t k, int64_t depth)
{
    enum { first = (MORE_FIRST_C), others = (MORE_C) - (MORE_FIRST_C) };
    if (!SDC_CAT(NAME, _more_direct))
        return patch + i * depth;
    const int64_t pixel = SDC_CAT(NAME, _more_pixel)(block, i);
    return k < first ? (const float *)d->more + pixel * first + k : (const float *)d->more_beside + pixel * others + k - first;
}

/* The other image's weights of a panel from channel k on. */
static inline const SDC_CAT(st_, TMW) *SDC_CAT(NAME, _more_panel)(const SdcDense *d, int64_t panel, int64_t k)
{
    enum { columns = SDC_CAT(NAME, _group_out) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    return (const SDC_CAT(st_, TMW) *)d->more_weights
           + SDC_WEIGHTS_OF(begin * sdc_code_depth(MORE_C, MORE_CODE_BITS) + vectors * k, MORE_CODE_BITS);
}

/* The same as f32. */
static void SDC_CAT(NAME, _widen_more)(float *wide, const SdcDense *d, int64_t panel, int64_t k, int64_t depth)
{
    enum { columns = SDC_CAT(NAME, _group_out) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
#if MORE_CODE_BITS
    const void *all = (const SDC_CAT(st_, TMW) *)d->more_weights
                      + SDC_WEIGHTS_OF(sdc_vectors(columns) * sdc_code_depth(MORE_C, MORE_CODE_BITS), MORE_CODE_BITS);
    const int64_t group = begin * sdc_code_groups(MORE_C, MORE_GROUP) + vectors * sdc_code_group(k, MORE_GROUP);
    sdc_widen_codes(MORE_CODE_BITS, wide, SDC_CAT(NAME, _more_panel)(d, panel, k), (const st_bf16 *)all + group * SDC_VL,
                    vectors, depth, MORE_GROUP);
#else
    SDC_CAT(sdc_widen_, TMW)(wide, SDC_CAT(NAME, _more_panel)(d, panel, k), depth * vectors * SDC_VL);
#endif
}

/* Add the products of these channels, at most SDC_DEPTH_STEP, for one panel; following: the panel that follows. */
static void SDC_CAT(NAME, _more)(float *sums, const float *patch, const SdcDense *d, const SdcConvBlock *block,
                                 int64_t panel, int64_t k, int64_t depth, const void *following)
{
    enum { tile = SDC_CAT(NAME, _tile), columns = SDC_CAT(NAME, _group_out), narrow = SDC_IS_NARROW(TMW) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    const int64_t pixels = block->h * block->w, tiles = sdc_ceil_div(pixels, tile), tap[1] = {0};
    const int64_t share = sdc_ceil_div(vectors * SDC_VL, tiles * SDC_WEIGHTS_PER_FLOAT(TMW, MORE_CODE_BITS));
    const void *stored = SDC_CAT(NAME, _more_panel)(d, panel, k);
    _Alignas(64) float wide[narrow ? SDC_WIDE_FLOATS + SDC_WIDE_REST : 1];
    if (narrow)
        SDC_CAT(NAME, _widen_more)(wide, d, panel, k, depth);
    const float *weights = narrow ? wide : stored, *next = following;
    for (int64_t t = 0; t < tiles; t++) {
        const float *row[tile];
        for (int64_t m = 0; m < tile; m++)
            row[m] = SDC_CAT(NAME, _more_row)(patch, d, block, sdc_min(t * tile + m, pixels - 1), k, depth);
        sdc_tile_for(tile, vectors)(NULL, sums + t * tile * vectors * SDC_VL, row, tap, 1, depth, weights,
                                    next + t * share * depth, share);
    }
}
