/* conv_bf16.h: the convolution of conv.h, without groups, of bf16 images and weights with f32 sums.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_bf16 *x [, const st_bf16 *beside], const st_bf16 *weights,
 *                const float *bias, st_bf16 *room [, const float *lines] [, const st_bf16 *more, const st_bf16 *more_weights]
 *                [, const st_bf16 *more_beside] [, operands of EXTRAS] [, double *slots])
 *
 * Parameters and operands are those of conv.h, but for the types, which are all bf16 except TY, and for the cut, from
 * conv_bf16_plan():
 *
 *   INT8                  1: what is multiplied are codes of 8 bits, see conv_int8.h (0)
 *   BLOCK_H BLOCK_W       outputs of a unit, BLOCK_W a multiple of 16 or OUT_W; with FLAT BLOCK_W is OUT_W
 *   UNIT_PANELS           panels of 32 output channels of a unit
 *   FLAT                  1: tiles are 16 pixels of the image with its padding, row after row, what falls on the padding being
 *                         computed in vain; 0: of one row.  Strides are 1 with it
 *   ROUND_H ROUND_N       rows of outputs, and images, that are packed at once: ROUND_H a multiple of BLOCK_H, or OUT_H; ROUND_N
 *                         1 unless ROUND_H is OUT_H
 *
 * weights, more_weights: written by pack_bf16().  room: what conv_bf16_plan() says, 64-byte aligned.
 *
 * Each round packs its images once, with what is done to them first (LINES) and with padding, in slices of 32 channels whose
 * pixels lie side by side, [row][slice][pixel][32], or [slice][row][pixel][32] with FLAT: so 16 neighbouring pixels are one
 * tile, wherever they begin, and a tap of the kernel is a distance. */
#ifndef NAME                    /* by itself: conv_store.h's example */
#define UNIT_PANELS 10
#define FLAT 0
#define ROUND_H 64
#define ROUND_N 1
#endif
#ifndef INT8
#define INT8 0
#define TX bf16
#endif
#define TM bf16
#define TMW bf16
#include "conv_store.h"
#include "codes_bf16.h"

enum {
    SDC_CAT(NAME, _slice_channels) = (INT8) ? 2 * SDC_BF16_SLICE : SDC_BF16_SLICE,
    SDC_CAT(NAME, _slices) = ((IN_C) + SDC_CAT(NAME, _slice_channels) - 1) / SDC_CAT(NAME, _slice_channels),
    SDC_CAT(NAME, _more_slices) = ((MORE_C) + SDC_BF16_SLICE - 1) / SDC_BF16_SLICE,
    SDC_CAT(NAME, _reach_w) = ((KERNEL_W) - 1) * (DILATION_W) + 1,
    SDC_CAT(NAME, _columns) = ((OUT_W) + 15) / 16 * 16,         /* of outputs, in tiles of one row */
    /* of a packed image */
    SDC_CAT(NAME, _width) = ((FLAT) ? (OUT_W) - 1 : (SDC_CAT(NAME, _columns) - 1) * (STRIDE_W)) + SDC_CAT(NAME, _reach_w),
    SDC_CAT(NAME, _height) = ((ROUND_H) - 1) * (STRIDE_H) + ((KERNEL_H) - 1) * (DILATION_H) + 1,
    SDC_CAT(NAME, _packed_rows) = SDC_CAT(NAME, _height) + ((MORE_C) ? (ROUND_H) : 0),     /* the shortcut's too */
    SDC_CAT(NAME, _more_width) = (FLAT) ? SDC_CAT(NAME, _width) : SDC_CAT(NAME, _columns),
    /* tiles of a unit */
    SDC_CAT(NAME, _tiles) = (FLAT) ? (((BLOCK_H) - 1) * SDC_CAT(NAME, _width) + (OUT_W) + 15) / 16 : (BLOCK_H) * (((BLOCK_W) + 15) / 16),
};
/* Elements from one row, slice and image of what is packed to the next. */
static const int64_t SDC_CAT(NAME, _row) = SDC_CAT(NAME, _width) * 32 * ((FLAT) ? 1 : SDC_CAT(NAME, _slices)),
                     SDC_CAT(NAME, _slice) = SDC_CAT(NAME, _width) * 32 * ((FLAT) ? SDC_CAT(NAME, _height) : 1),
                     SDC_CAT(NAME, _image) = (int64_t)SDC_CAT(NAME, _width) * 32 * SDC_CAT(NAME, _height) * SDC_CAT(NAME, _slices),
                     SDC_CAT(NAME, _more_row) = SDC_CAT(NAME, _more_width) * 32 * ((FLAT) ? 1 : SDC_CAT(NAME, _more_slices)),
                     SDC_CAT(NAME, _more_slice) = SDC_CAT(NAME, _more_width) * 32 * ((FLAT) ? (ROUND_H) : 1),
                     SDC_CAT(NAME, _more_image) = (int64_t)SDC_CAT(NAME, _more_width) * 32 * (ROUND_H) * SDC_CAT(NAME, _more_slices);

typedef struct {
    SdcDense d;
    st_bf16 *room, *more_room;
    int64_t n, images, y, rows;             /* of the round: images [n, n + images), outputs' rows [y, y + rows) */
} SDC_CAT(NAME, _arguments);

/* ---- packing ----------------------------------------------------------------------------------------------------- */

#define SDC_EW_TYPE float
#include "ew_names.h"
/* A pixel of x, whose channels from `first` on lie in `beside`, to its places in all slices; line: the first channel's factor,
 * or NULL, which is known where it is called. */
static inline __attribute__((always_inline)) void SDC_CAT(NAME, _pixel)(st_bf16 *to, int64_t slice, const st_bf16 *x,
                                                                        const st_bf16 *beside, int64_t first,
                                                                        int64_t channels, const float *line)
{
    enum { most = SDC_BF16_SLICE * (SDC_CAT(NAME, _slices) > SDC_CAT(NAME, _more_slices) ? SDC_CAT(NAME, _slices)
                                                                                         : SDC_CAT(NAME, _more_slices)) };
    _Alignas(64) st_bf16 packed[most];
    if (line) {
        _Alignas(64) float wide[most];
        sdc_widen_bf16(wide, x, first);
        sdc_widen_bf16(wide + first, beside, channels - first);
        SDC_LOAD(wide, wide, line, line + channels, channels);
        SDC_INDEPENDENT
        for (int64_t k = 0; k < channels; k++)
            packed[k] = to_bf16(wide[k]);
    } else {
        memcpy(packed, x, (size_t)first * sizeof *x);
        if (first < channels)
            memcpy(packed + first, beside, (size_t)(channels - first) * sizeof *x);
    }
    const int64_t padded = sdc_bf16_slices(channels) * SDC_BF16_SLICE;
    memset(packed + channels, 0, (size_t)(padded - channels) * sizeof *packed);
    for (int64_t k = 0; k < padded; k += SDC_BF16_SLICE, to += slice)
        memcpy(to, packed + k, SDC_BF16_SLICE * sizeof *to);
}

/* The same of codes, which are what `line` and the steps make of bf16, or what x has. */
static inline __attribute__((always_inline)) void SDC_CAT(NAME, _codes)(st_bf16 *to, int64_t slice, const SDC_CAT(st_, TX) *x,
                                                                        const SDC_CAT(st_, TX) *beside, int64_t first,
                                                                        int64_t channels, const float *line)
{
    enum { most = SDC_CAT(NAME, _slices) * SDC_CAT(NAME, _slice_channels) };
    _Alignas(64) int8_t packed[most];
    if (line) {
        _Alignas(64) float wide[most];
        sdc_widen_bf16(wide, (const void *)x, first);
        sdc_widen_bf16(wide + first, (const void *)beside, channels - first);
        SDC_LOAD(wide, wide, line, line + channels, channels);
        SDC_INDEPENDENT
        for (int64_t k = 0; k < channels; k++)
            packed[k] = (int8_t)wide[k];
    } else {
        for (int64_t k = 0; k < first; k++)
            packed[k] = (int8_t)SDC_CAT(ld_, TX)(x[k]);
        for (int64_t k = first; k < channels; k++)
            packed[k] = (int8_t)SDC_CAT(ld_, TX)(beside[k - first]);
    }
    memset(packed + channels, 0, (size_t)(most - channels));
    for (int64_t k = 0; k < most; k += SDC_CAT(NAME, _slice_channels), to += slice)
        memcpy(to, packed + k, SDC_BF16_SLICE * sizeof *to);
}
#include "ew_names.h"
#undef SDC_EW_TYPE

static inline void SDC_CAT(NAME, _zeros)(st_bf16 *to, int64_t slice, int64_t slices, int64_t pixels)
{
    for (int64_t s = 0; s < slices; s++, to += slice)
        memset(to, 0, (size_t)(pixels * SDC_BF16_SLICE) * sizeof *to);
}

/* Row `iy` of image n with padding. */
static void SDC_CAT(NAME, _pack_row)(st_bf16 *to, const SdcDense *d, int64_t n, int64_t iy)
{
    enum { first = (FIRST_C), others = (IN_C) - (FIRST_C), width = SDC_CAT(NAME, _width), slices = SDC_CAT(NAME, _slices) };
    const int64_t slice = SDC_CAT(NAME, _slice), inside = sdc_min(IN_W, width - (PAD_LEFT)), left = sdc_min(PAD_LEFT, width);
    const int64_t row = (n * ((IN_H) / (UP_H)) + iy / (UP_H)) * ((IN_W) / (UP_W));
    const SDC_CAT(st_, TX) *x = (const SDC_CAT(st_, TX) *)d->x + row * first;
    const SDC_CAT(st_, TX) *beside = (const SDC_CAT(st_, TX) *)d->beside + (others ? row * others : 0);
    const float *line = d->lines + n * 2 * (IN_C);
    if (iy < 0 || iy >= (IN_H) || inside <= 0) {
        SDC_CAT(NAME, _zeros)(to, slice, slices, width);
        return;
    }
    SDC_CAT(NAME, _zeros)(to, slice, slices, left);
    for (int64_t p = 0; p < inside; p++) {
        const SDC_CAT(st_, TX) *pixel = x + p / (UP_W) * first, *other = others ? beside + p / (UP_W) * others : NULL;
        st_bf16 *place = to + (left + p) * 32;
        if (INT8)
            SDC_CAT(NAME, _codes)(place, slice, pixel, other, first, IN_C, SDC_CAT(NAME, _has_lines) ? line : NULL);
        else
            SDC_CAT(NAME, _pixel)(place, slice, (const void *)pixel, (const void *)other, first, IN_C,
                                  SDC_CAT(NAME, _has_lines) ? line : NULL);
    }
    SDC_CAT(NAME, _zeros)(to + (left + inside) * 32, slice, slices, width - left - inside);
}

/* Row `oy` of the shortcut's image n. */
static void SDC_CAT(NAME, _pack_more)(st_bf16 *to, const SdcDense *d, int64_t n, int64_t oy)
{
    enum { first = (MORE_FIRST_C), others = (MORE_C) - (MORE_FIRST_C) };
    const int64_t slice = SDC_CAT(NAME, _more_slice), row = (n * (OUT_H) + oy) * (OUT_W);
    const st_bf16 *x = (const st_bf16 *)d->more + row * first, *beside = d->more_beside;
    for (int64_t p = 0; p < (OUT_W); p++)
        SDC_CAT(NAME, _pixel)(to + p * 32, slice, x + p * first, others ? beside + (row + p) * others : NULL, first, MORE_C,
                              NULL);
    SDC_CAT(NAME, _zeros)(to + (OUT_W) * 32, slice, SDC_CAT(NAME, _more_slices), SDC_CAT(NAME, _more_width) - (OUT_W));
}

/* Units: image of the round, packed row; then the shortcut's. */
static void SDC_CAT(NAME, _pack)(void *argument, int64_t unit, int64_t end)
{
    enum { height = SDC_CAT(NAME, _height), packed_rows = SDC_CAT(NAME, _packed_rows) };
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (; unit < end; unit++) {
        const int64_t image = unit / packed_rows, row = unit % packed_rows, n = a->n + image;
        if (row < height)
            SDC_CAT(NAME, _pack_row)(a->room + image * SDC_CAT(NAME, _image) + row * SDC_CAT(NAME, _row), &a->d, n,
                                     a->y * (STRIDE_H) - (PAD_TOP) + row);
        else if (row - height < a->rows)
            SDC_CAT(NAME, _pack_more)(a->more_room + image * SDC_CAT(NAME, _more_image)
                                      + (row - height) * SDC_CAT(NAME, _more_row), &a->d, n, a->y + row - height);
    }
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* Where the block's tiles begin, behind its first row in what is packed; returns how many they are. */
static int64_t SDC_CAT(NAME, _places)(int64_t *at, const SdcConvBlock *block, int64_t row, int64_t stride_h, int64_t stride_w)
{
    const int64_t across = sdc_ceil_div(block->w, 16), wide = (block->h - 1) * SDC_CAT(NAME, _width) + block->w;
    const int64_t tiles = (FLAT) ? sdc_ceil_div(wide, 16) : block->h * across;
    for (int64_t t = 0; t < tiles; t++)
        at[t] = (FLAT) ? t * 16 * 32 : t / across * stride_h * row + (block->x + t % across * 16) * stride_w * 32;
    return tiles;
}

/* One panel's sums, stored and measured. */
static void SDC_CAT(NAME, _finish)(const SDC_CAT(NAME, _arguments) *a, const float *sums, const SdcConvBlock *block,
                                   int64_t channel)
{
    const int64_t pitch = (FLAT) ? SDC_CAT(NAME, _width) : sdc_ceil_div(block->w, 16) * 16;
    SdcConvBlock line = *block;
    line.h = 1;
    for (int64_t row = 0; row < block->h; row++, line.y++)
        SDC_CAT(NAME, _store)(a->d.y, sums + row * pitch * SDC_BF16_ROW, &line, SDC_BF16_ROW / SDC_VL, channel, a->d.extra);
#if 0 SLOTS(SDC_SLOTS_COUNT)
    SDC_CAT(NAME, _measure)(a->d.slots, a->d.y, block, channel, sdc_min(SDC_BF16_ROW, (OUT_C) - channel));
#endif
}

static void SDC_CAT(NAME, _unit)(const SDC_CAT(NAME, _arguments) *a, const SdcConvBlock *block)
{
    enum { tiles_room = SDC_CAT(NAME, _tiles), slices = SDC_CAT(NAME, _slices), more_slices = SDC_CAT(NAME, _more_slices) };
    enum { lines = slices * (KERNEL_H) };
    _Alignas(64) float sums[tiles_room * 16 * SDC_BF16_ROW], start[SDC_BF16_ROW], added[SDC_BF16_ROW];
    int64_t at[tiles_room], more_at[tiles_room], line[lines], more_line[more_slices + 1];
    const int64_t image = block->n - a->n, row = block->y - a->y;
    const int64_t tiles = SDC_CAT(NAME, _places)(at, block, SDC_CAT(NAME, _row), STRIDE_H, STRIDE_W);
    SDC_CAT(NAME, _places)(more_at, block, SDC_CAT(NAME, _more_row), 1, 1);
    for (int64_t l = 0; l < lines; l++)
        line[l] = l / slices * (DILATION_H) * SDC_CAT(NAME, _row) + l % slices * SDC_CAT(NAME, _slice);
    for (int64_t l = 0; l < more_slices; l++)
        more_line[l] = l * SDC_CAT(NAME, _more_slice);
    const int64_t blocks = a->images * sdc_ceil_div(a->rows, BLOCK_H) * sdc_ceil_div(OUT_W, BLOCK_W);
    const int64_t last_panel = blocks > 1 ? block->end : sdc_bf16_panels(OUT_C);            /* the next unit goes on */
    const st_bf16 *scales = (const st_bf16 *)a->d.weights + sdc_bf16_tiles(OUT_C) * lines * (KERNEL_W) * SDC_BF16_TILE;
    for (int64_t panel = block->panel; panel < block->end; panel++) {
        const int64_t columns = sdc_min(2, sdc_bf16_tiles(OUT_C) - 2 * panel);
        const st_bf16 *b = (const st_bf16 *)a->d.weights + panel * 2 * lines * (KERNEL_W) * SDC_BF16_TILE;
        const st_bf16 *more_b = (const st_bf16 *)a->d.more_weights + panel * 2 * more_slices * SDC_BF16_TILE;
        const st_bf16 *following = panel + 1 < last_panel ? b + columns * lines * (KERNEL_W) * SDC_BF16_TILE : b;
        for (int64_t j = 0; j < SDC_BF16_ROW; j++) {
            added[j] = (HAS_BIAS) && panel * 32 + j < (OUT_C) ? a->d.bias[panel * 32 + j] : 0;
            start[j] = (INT8) ? 0 : added[j];
        }
        SdcBf16Walk w = {.a = {a->room + image * SDC_CAT(NAME, _image) + row * (STRIDE_H) * SDC_CAT(NAME, _row)},
                         .row = (STRIDE_W) * 32, .line = line, .lines = lines, .taps = KERNEL_W, .tap = (DILATION_W) * 32, .b = b, .codes = INT8};
        sdc_bf16_panel(sums, start, at, tiles, columns, w, (MORE_C) ? more_b : following, 0, 1);
        if (INT8)
            sdc_scale_sums(sums, added, scales + panel * 32, tiles * 16, columns, true);
        w = (SdcBf16Walk){.a = {a->more_room + image * SDC_CAT(NAME, _more_image) + row * SDC_CAT(NAME, _more_row)}, .row = 32,
                          .line = more_line, .lines = more_slices, .taps = 1, .b = more_b};
        if (MORE_C)
            sdc_bf16_panel(sums, NULL, more_at, tiles, columns, w, following, 0, 1);
        SDC_CAT(NAME, _finish)(a, sums, block, panel * 32);
    }
}

/* Units in the order panels, image, row of blocks, block: neighbours share weights. */
static void SDC_CAT(NAME, _products)(void *argument, int64_t unit, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    const int64_t across = sdc_ceil_div(OUT_W, BLOCK_W), down = sdc_ceil_div(a->rows, BLOCK_H);
    sdc_bf16_begin();
    for (; unit < end; unit++) {
        const int64_t column = unit % across * (BLOCK_W), row = unit / across % down * (BLOCK_H);
        const int64_t image = unit / across / down % a->images, panel = unit / across / down / a->images * (UNIT_PANELS);
        const SdcConvBlock block = {
            .n = a->n + image, .y = a->y + row, .h = sdc_min(BLOCK_H, a->rows - row),
            .x = column, .w = sdc_min(BLOCK_W, (OUT_W) - column),
            .panel = panel, .end = sdc_min(panel + (UNIT_PANELS), sdc_bf16_panels(OUT_C)),
        };
        SDC_CAT(NAME, _unit)(a, &block);
    }
    sdc_bf16_end();
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TX) *x BESIDE(SDC_BESIDE_PARAMETER),
          const st_bf16 *weights, const float *bias, st_bf16 *room LINES(SDC_LINES_PARAMETER) MORE(SDC_MORE_PARAMETER)
          MORE_BESIDE(SDC_MORE_BESIDE_PARAMETER) EXTRAS(SDC_EXTRA_PARAMETER) SLOTS(SDC_SLOTS_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    SDC_CAT(NAME, _arguments) a = {
        .d = {.y = y, .x = x, BESIDE(SDC_BESIDE_FIELD) .weights = weights, .bias = bias, LINES(SDC_LINES_FIELD)
              MORE(SDC_MORE_FIELD) MORE_BESIDE(SDC_BESIDE_FIELD) SLOTS(SDC_SLOTS_FIELD) .extra = extra},
        .room = room, .more_room = room + (ROUND_N) * SDC_CAT(NAME, _image) + 16 * 32};
    for (a.n = 0; a.n < (BATCH); a.n += (ROUND_N))
        for (a.y = 0; a.y < (OUT_H); a.y += (ROUND_H)) {
            a.images = sdc_min(ROUND_N, (BATCH) - a.n);
            a.rows = sdc_min(ROUND_H, (OUT_H) - a.y);
            const int64_t pixels = a.images * a.rows * (OUT_W), depth = (IN_C) * (KERNEL_H) * (KERNEL_W) + (MORE_C);
            sdc_run(c, SDC_CAT(NAME, _pack), &a, a.images * SDC_CAT(NAME, _packed_rows), pixels * 16 * ((IN_C) + (MORE_C)));
            sdc_run(c, SDC_CAT(NAME, _products), &a, sdc_ceil_div(sdc_bf16_panels(OUT_C), UNIT_PANELS) * a.images
                    * sdc_ceil_div(a.rows, BLOCK_H) * sdc_ceil_div(OUT_W, BLOCK_W), pixels * (OUT_C) * depth / 4);
        }
}

#include "conv_end.h"
#undef INT8
#undef UNIT_PANELS
#undef FLAT
#undef ROUND_H
#undef ROUND_N
