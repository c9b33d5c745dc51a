/* conv_winograd.h: conv.h's convolution for 3x3 kernels with stride 1, by Winograd's minimal filtering (winograd.h): 36
 * products for 16 outputs instead of 144, or 16 for 4 instead of 36.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_TX *x [, const st_TX *beside], const st_TW *weights,
 *                const float *bias, float *scratch [, const float *lines]
 *                [, const st_TM *more, const st_TMW *more_weights] [, const st_TM *more_beside]
 *                [, operands of EXTRAS] [, double *slots])
 *
 * Parameters and the format of the weights are those of conv.h, without strides, dilations and groups, and
 *
 *   OUTPUTS                             4 or 2: a tile is OUTPUTS x OUTPUTS outputs
 *   BLOCK_H BLOCK_W                     of a block, multiples of OUTPUTS
 *   UNIT_BLOCKS ROUND_BLOCKS            blocks of a unit of products, and of a round: multiples of each other
 *   TRANSFORMED                         0 (default); 1: weights are f32, written by pack_winograd()
 *   scratch                             the round's pixels and sums, see winograd_plan()
 *
 * In rounds of some blocks: each block's pixels, a chunk of channels at a time, are gathered, normalised and transformed to
 * [chunk][position][tile][channel].  Then each panel of output channels is multiplied, one unit of blocks at a time: a
 * chunk's weights are transformed on the stack, and each position is a matrix product of tiles by columns.  The unit
 * transforms its sums back, adds the shortcut's products, and stores.  Transformed weights are four times the stored
 * ones, so they are made anew for every unit, unless they are stored; from 64 tiles a unit that is some percent of its
 * time.  The bits are the same. */
#ifndef NAME                    /* by itself: conv_image.h's example */
#define OUTPUTS 4
#define UNIT_BLOCKS 4
#define ROUND_BLOCKS 8
#endif
#ifndef TRANSFORMED
#define TRANSFORMED 0
#endif
#include "conv_image.h"
#include "winograd.h"

enum {
    SDC_CAT(NAME, _positions) = ((OUTPUTS) + 2) * ((OUTPUTS) + 2),
    SDC_CAT(NAME, _chunks) = ((IN_C) + (CHUNK) - 1) / (CHUNK),
    SDC_CAT(NAME, _wide) = ((CHUNK) + SDC_VL - 1) / SDC_VL * SDC_VL,        /* floats of a chunk of one pixel */
    SDC_CAT(NAME, _across) = (BLOCK_W) / (OUTPUTS),
    SDC_CAT(NAME, _block_tiles) = (BLOCK_H) / (OUTPUTS) * ((BLOCK_W) / (OUTPUTS)),
    SDC_CAT(NAME, _unit_tiles) = SDC_CAT(NAME, _block_tiles) * (UNIT_BLOCKS),
    SDC_CAT(NAME, _round_tiles) = SDC_CAT(NAME, _block_tiles) * (ROUND_BLOCKS),
    SDC_CAT(NAME, _rows) = SDC_ROWS_FOR(SDC_CAT(NAME, _unit_tiles)),
    /* What lies at the same place of two positions shall not fall into the same set of a cache. */
    SDC_CAT(NAME, _pixels_step) = SDC_CAT(NAME, _round_tiles) * SDC_CAT(NAME, _wide) + 16,
    SDC_CAT(NAME, _sums_rows) =
        (SDC_CAT(NAME, _unit_tiles) + SDC_CAT(NAME, _rows) - 1) / SDC_CAT(NAME, _rows) * SDC_CAT(NAME, _rows),
};

typedef struct {
    SdcDense d;
    float *pixels, *sums;
    int64_t first, count;                   /* blocks of the round */
} SDC_CAT(NAME, _arguments);

/* Block number `index`, all panels. */
static SdcConvBlock SDC_CAT(NAME, _block)(int64_t index)
{
    const int64_t across = sdc_ceil_div(OUT_W, BLOCK_W), down = sdc_ceil_div(OUT_H, BLOCK_H);
    const int64_t y = index / across % down * (BLOCK_H), x = index % across * (BLOCK_W);
    return (SdcConvBlock){.n = index / across / down, .y = y, .x = x, .h = sdc_min(BLOCK_H, (OUT_H) - y),
                          .w = sdc_min(BLOCK_W, (OUT_W) - x)};
}

/* Units: block of the round, chunk. */
static void SDC_CAT(NAME, _transform)(void *argument, int64_t begin, int64_t end)
{
    enum { chunks = SDC_CAT(NAME, _chunks), wide = SDC_CAT(NAME, _wide), width = SDC_CAT(NAME, _patch_w) };
    enum { tiles = SDC_CAT(NAME, _block_tiles), step = SDC_CAT(NAME, _pixels_step) };
    const SDC_CAT(NAME, _arguments) *a = argument;
    _Alignas(64) float patch[SDC_CAT(NAME, _patch_h) * width * wide];
    if ((CHUNK) % SDC_VL || (IN_C) % (CHUNK))
        memset(patch, 0, sizeof patch);                     /* lanes that no channel fills */
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t channel = unit % chunks * (CHUNK), place = unit / chunks;
        const SdcConvBlock block = SDC_CAT(NAME, _block)(a->first + place);
        float *to = a->pixels + unit % chunks * SDC_CAT(NAME, _positions) * step + place * tiles * wide;
        SDC_CAT(NAME, _patch)(patch, wide, &a->d, &block, channel, sdc_min(CHUNK, (IN_C) - channel));
        for (int64_t t = 0; t < tiles; t++) {
            const int64_t row = t / SDC_CAT(NAME, _across) * (OUTPUTS), column = t % SDC_CAT(NAME, _across) * (OUTPUTS);
            if (row < block.h && column < block.w)
                sdc_winograd_input(OUTPUTS, to + t * wide, step, patch + (row * width + column) * wide, width * wide, wide,
                                   wide);
        }
    }
}

#if TRANSFORMED
/* The weights of a panel for the chunk that begins at `channel`, and floats from one position to the next. */
static const float *SDC_CAT(NAME, _weights)(float *room, int64_t *step, const SdcDense *d, int64_t panel, int64_t channel,
                                            int64_t count)
{
    enum { columns = SDC_CAT(NAME, _group_out), positions = SDC_CAT(NAME, _positions) };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    (void)room;
    *step = count;
    return (const float *)d->weights + (begin * (IN_C) + vectors * channel) * positions * SDC_VL;
}
#else
/* The same, transformed to `room`. */
static const float *SDC_CAT(NAME, _weights)(float *room, int64_t *step, const SdcDense *d, int64_t panel, int64_t channel,
                                            int64_t count)
{
    enum { narrow = SDC_IS_NARROW(TW), columns = SDC_CAT(NAME, _group_out) };
    const int64_t vectors = sdc_panel_begin(panel + 1, columns) - sdc_panel_begin(panel, columns);
    _Alignas(64) float wide[narrow ? 9 * (CHUNK) * SDC_TILE_VECTORS * SDC_VL + SDC_WIDE_REST : 1];
    const SDC_CAT(st_, TW) *stored = SDC_CAT(NAME, _panel)(d->weights, panel, channel);
    if (narrow)
        SDC_CAT(NAME, _widen)(wide, stored, d->weights, panel, channel, count / (vectors * SDC_VL), 0, 9);
    *step = count + 16;
    sdc_winograd_weights(OUTPUTS, room, *step, narrow ? wide : (const void *)stored, count);
    return room;
}
#endif

/* m (start: as in tile.h) += tiles by weights, for every position of one chunk.  Brought in meanwhile are the next position's
 * pixels, its weights where they are stored, as so much memory is read in order, and the `bytes` of weights that are to be
 * transformed after this: they come from memory. */
static void SDC_CAT(NAME, _multiply)(const float *start, float *m, int64_t m_step, const float *pixels, int64_t tiles,
                                     const float *u, int64_t u_step, int64_t vectors, int64_t depth, const char *ahead,
                                     int64_t bytes)
{
    enum { rows = SDC_CAT(NAME, _rows), wide = SDC_CAT(NAME, _wide) };
    static const int64_t tap[1];
    const int64_t share = sdc_ceil_div(u_step, tiles * 16) * 16;        /* of stored weights, a tile */
    const int64_t calls = SDC_CAT(NAME, _positions) * sdc_ceil_div(tiles, rows), lines = sdc_ceil_div(bytes, calls * 64);
    const char *const end = ahead + bytes;
    for (int64_t p = 0; p < SDC_CAT(NAME, _positions); p++, m += m_step, u += u_step, pixels += SDC_CAT(NAME, _pixels_step))
        for (int64_t t = 0; t < tiles; t += rows) {
            const float *row[rows];
            for (int64_t k = 0; k < rows; k++)
                row[k] = pixels + sdc_min(t + k, tiles - 1) * wide;
            for (int64_t k = (TRANSFORMED) ? t * share : u_step; k < sdc_min((t + rows) * share, u_step); k += 16)
                __builtin_prefetch(u + u_step + k, 0, 2);
            for (int64_t k = 0; k < lines && ahead < end; k++, ahead += 64)
                __builtin_prefetch(ahead, 0, 2);
            sdc_tile_for(rows, vectors)(start, m + t * vectors * SDC_VL, row, tap, 1, depth, u,
                                        pixels + SDC_CAT(NAME, _pixels_step) + t * wide, rows * wide / depth);
        }
}

/* A block's sums, transformed back, with the shortcut's products; m: the block's first tile. */
static void SDC_CAT(NAME, _finish)(const SDC_CAT(NAME, _arguments) *a, const SdcConvBlock *block, const float *m,
                                   int64_t m_step, int64_t panel)
{
    enum { columns = SDC_CAT(NAME, _group_out), tile = SDC_CAT(NAME, _tile), across = SDC_CAT(NAME, _across) };
    enum { step = (CHUNK) < SDC_DEPTH_STEP ? (CHUNK) : SDC_DEPTH_STEP };
    const int64_t begin = sdc_panel_begin(panel, columns), vectors = sdc_panel_begin(panel + 1, columns) - begin;
    const int64_t pixel = vectors * SDC_VL;
    _Alignas(64) float sums[SDC_CAT(NAME, _tiles) * tile * SDC_TILE_VECTORS * SDC_VL];
    _Alignas(64) float patch[(MORE_C) && !SDC_CAT(NAME, _more_direct) ? (BLOCK_H) * (BLOCK_W) * step : 1];
    for (int64_t v = 0; v < vectors; v++) {
        const int64_t lanes = sdc_min(columns - (begin + v) * SDC_VL, SDC_VL);
        const sdc_vf bias = HAS_BIAS ? sdc_load_some(a->d.bias + (begin + v) * SDC_VL, lanes) : (sdc_vf){0};
        for (int64_t t = 0; t < SDC_CAT(NAME, _block_tiles); t++) {
            const int64_t y = t / across * (OUTPUTS), x = t % across * (OUTPUTS);
            const int64_t h = sdc_min(OUTPUTS, block->h - y), w = sdc_min(OUTPUTS, block->w - x);
            if (h > 0 && w > 0)
                sdc_winograd_output(OUTPUTS, sums + (y * block->w + x) * pixel + v * SDC_VL, block->w * pixel, pixel,
                                    m + (t * vectors + v) * SDC_VL, m_step, bias, h, w);
        }
    }
    for (int64_t k = 0, depth; k < (MORE_C); k += depth) {
        depth = SDC_CAT(NAME, _more_depth)(k, step);
        SDC_CAT(NAME, _gather_more)(patch, &a->d, block, k, depth);
        SDC_CAT(NAME, _more)(sums, patch, &a->d, block, panel, k, depth, SDC_CAT(NAME, _more_panel)(&a->d, panel, k + depth));
    }
    SDC_CAT(NAME, _store)(a->d.y, sums, block, vectors, begin * SDC_VL, a->d.extra);
#if 0 SLOTS(SDC_SLOTS_COUNT)
    SDC_CAT(NAME, _measure)(a->d.slots, a->d.y, block, begin * SDC_VL, sdc_min(pixel, columns - begin * SDC_VL));
#endif
}

/* Units: UNIT_BLOCKS blocks of the round, panel. */
static void SDC_CAT(NAME, _products)(void *argument, int64_t begin, int64_t end)
{
    enum { columns = SDC_CAT(NAME, _group_out), positions = SDC_CAT(NAME, _positions), channels = (IN_C) };
    enum { block_tiles = SDC_CAT(NAME, _block_tiles), pixels_step = SDC_CAT(NAME, _pixels_step) };
    const SDC_CAT(NAME, _arguments) *a = argument;
    static const _Alignas(64) float zeros[SDC_TILE_VECTORS * SDC_VL];
    const int64_t panels = sdc_panels(columns), total = sdc_vectors(columns);
    _Alignas(64) float room[(TRANSFORMED) ? 1 : positions * ((CHUNK) * SDC_TILE_VECTORS * SDC_VL + 16)];
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t panel = unit % panels, place = unit / panels * (UNIT_BLOCKS), first = sdc_panel_begin(panel, columns);
        const int64_t vectors = sdc_panel_begin(panel + 1, columns) - first, blocks = sdc_min(UNIT_BLOCKS, a->count - place);
        const int64_t m_step = SDC_CAT(NAME, _sums_rows) * vectors * SDC_VL + 16;
        float *m = a->sums + positions * (unit / panels * (SDC_CAT(NAME, _sums_rows) * total * SDC_VL + panels * 16)
                                          + SDC_CAT(NAME, _sums_rows) * first * SDC_VL + panel * 16);
        for (int64_t channel = 0; channel < channels; channel += (CHUNK)) {
            const int64_t depth = sdc_min(CHUNK, channels - channel);
            int64_t u_step;
            const float *u = SDC_CAT(NAME, _weights)(room, &u_step, &a->d, panel, channel, depth * vectors * SDC_VL);
            const float *pixels = a->pixels + channel / (CHUNK) * positions * pixels_step
                                  + place * block_tiles * SDC_CAT(NAME, _wide);
            const bool more = channel + depth < channels;
            const void *ahead = (TRANSFORMED) ? NULL : (const void *)SDC_CAT(NAME, _panel)(
                a->d.weights, more ? panel : (unit + 1) % panels, more ? channel + depth : 0);
            const int64_t bytes = SDC_WEIGHTS_OF(9 * depth * vectors, CODE_BITS) * (int64_t)sizeof(SDC_CAT(st_, TW));
            SDC_CAT(NAME, _multiply)(channel ? NULL : zeros, m, m_step, pixels, blocks * block_tiles, u, u_step, vectors, depth,
                                     ahead, ahead ? bytes : 0);
        }
        for (int64_t b = 0; b < blocks; b++) {
            const SdcConvBlock block = SDC_CAT(NAME, _block)(a->first + place + b);
            SDC_CAT(NAME, _finish)(a, &block, m + b * block_tiles * vectors * SDC_VL, m_step, panel);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TX) *x BESIDE(SDC_BESIDE_PARAMETER),
          const SDC_CAT(st_, TW) *weights, const float *bias, float *scratch LINES(SDC_LINES_PARAMETER)
          MORE(SDC_MORE_PARAMETER) MORE_BESIDE(SDC_MORE_BESIDE_PARAMETER) EXTRAS(SDC_EXTRA_PARAMETER)
          SLOTS(SDC_SLOTS_PARAMETER))
{
    enum { positions = SDC_CAT(NAME, _positions), tiles = SDC_CAT(NAME, _block_tiles) };
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    const int64_t blocks = (BATCH) * sdc_ceil_div(OUT_H, BLOCK_H) * sdc_ceil_div(OUT_W, BLOCK_W);
    SDC_CAT(NAME, _arguments) a = {
        .d = {.y = y, .x = x, BESIDE(SDC_BESIDE_FIELD) .weights = weights, .bias = bias, LINES(SDC_LINES_FIELD)
              MORE(SDC_MORE_FIELD) MORE_BESIDE(SDC_BESIDE_FIELD) SLOTS(SDC_SLOTS_FIELD) .extra = extra},
        .pixels = scratch, .sums = scratch + SDC_CAT(NAME, _chunks) * positions * SDC_CAT(NAME, _pixels_step)};
    for (a.first = 0; a.first < blocks; a.first += (ROUND_BLOCKS)) {
        a.count = sdc_min(ROUND_BLOCKS, blocks - a.first);
        sdc_run(c, SDC_CAT(NAME, _transform), &a, a.count * SDC_CAT(NAME, _chunks), a.count * tiles * positions * 16 * (IN_C));
        sdc_run(c, SDC_CAT(NAME, _products), &a, sdc_ceil_div(a.count, UNIT_BLOCKS) * sdc_panels(SDC_CAT(NAME, _group_out)),
                2 * a.count * tiles * positions * (OUT_C) * (IN_C));
    }
}

#include "conv_end.h"
#undef OUTPUTS
#undef TRANSFORMED
#undef UNIT_BLOCKS
#undef ROUND_BLOCKS
