/* gemm_bf16.h: Y[M][N] = A[M][K] B[K][N] + bias[N], for every matrix of a batch, of bf16 matrices with f32 sums.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_bf16 *a, const st_TB *b, const float *bias [, const st_TB *other]
 *                [, operands of EXTRAS])
 *
 *   NAME                  the function
 *   TY                    type of y: f32 (default), f16 or bf16
 *   ROWS COLUMNS DEPTH    M, N, K; at least 1
 *   OUTER INNER           matrices in the batch: OUTER x INNER (1, 1)
 *   A_ROW A_OUTER A_INNER elements from one row, outer and inner matrix of A to the next (dense)
 *   Y_ROW Y_OUTER Y_INNER of Y likewise
 *   B_OUTER B_INNER       0: all outer, or inner, matrices share b; else the packed ones follow each other (0, 0)
 *   HAS_BIAS              0 (default): bias is not read
 *   INT8                  1: a and b are codes of 8 bits, see gemm_int8.h (0)
 *   CODE_BITS GROUP       8 or 4: b is codes and scales, see codes_bf16.h; each GROUP depths have a scale, 0: all (0, 0)
 *   EXTRAS STEPS RESULT   what is stored, see finish.h: rows are counted over the whole batch, outer first
 *   PAIR                  nothing, or X(other): a matrix like b, and the sums of A times it are the finish's
 *   UNIT_PANELS UNIT_ROWS panels (0: all, fewer where there are few units) and rows of a unit, about (SDC_BF16_ROWS)
 *
 * b: written by pack_bf16(), see bf16_tile.h, TB being bf16, or by pack_codes_bf16(), TB being i8.  y may be an operand of
 * EXTRAS, but overlaps neither a nor b.
 *
 * Tiles are loaded from A where it lies.  What is left of the depth behind whole slices, and what is left of the rows behind
 * whole tiles, is copied beside zeros first.  A unit is a block of rows, about UNIT_ROWS, by some panels. */
#include "codes_bf16.h"
#include "finish.h"

#ifndef NAME
#define NAME sdc_gemm_bf16_example
#define ROWS 77
#define COLUMNS 768
#define DEPTH 768
#endif
#include "gemm_parameters.h"
#ifndef UNIT_ROWS
#define UNIT_ROWS SDC_BF16_ROWS
#endif
#if INT8
#define TA i8
#undef CODE_BITS
#define CODE_BITS 16            /* two of them */
#else
#define TA bf16
#endif
#if CODE_BITS
#define TB i8
#else
#define TB bf16
#endif

enum {
    SDC_CAT(NAME, _blocks) = ((ROWS) + (UNIT_ROWS) - 1) / (UNIT_ROWS),
    SDC_CAT(NAME, _tiles) = (((ROWS) + SDC_CAT(NAME, _blocks) - 1) / SDC_CAT(NAME, _blocks) + 15) / 16,     /* of a block */
    SDC_CAT(NAME, _slices) = ((DEPTH) + SDC_BF16_SLICE - 1) / SDC_BF16_SLICE,
    SDC_CAT(NAME, _whole) = (DEPTH) / SDC_BF16_SLICE,
    SDC_CAT(NAME, _products) = 1 PAIR(SDC_PAIR_COUNT),
};

/* Elements of packed b that hold so many tiles, and a whole matrix. */
static inline int64_t SDC_CAT(NAME, _elements)(int64_t tiles)
{
    return CODE_BITS ? sdc_code_tiles(tiles, CODE_BITS) : tiles * SDC_BF16_TILE;
}
static inline int64_t SDC_CAT(NAME, _matrix)(void)
{
    return CODE_BITS ? sdc_code_bytes_bf16(DEPTH, COLUMNS, CODE_BITS, GROUP)
                     : SDC_CAT(NAME, _elements)(sdc_bf16_tiles(COLUMNS) * SDC_CAT(NAME, _slices));
}

#if CODE_BITS
/* The scales of a panel's columns in the first group; and the panel as bf16. */
static inline const st_bf16 *SDC_CAT(NAME, _scales)(const int8_t *b, int64_t panel)
{
    const void *scales = b + SDC_CAT(NAME, _elements)(sdc_bf16_tiles(COLUMNS) * SDC_CAT(NAME, _slices));
    return (const st_bf16 *)scales + panel * 32;
}
static inline const st_bf16 *SDC_CAT(NAME, _widen)(st_bf16 *to, const int8_t *b, int64_t panel, int64_t columns)
{
    enum { slices = SDC_CAT(NAME, _slices) };
    if (INT8)
        return (const st_bf16 *)(const void *)(b + SDC_CAT(NAME, _elements)(panel * 2 * slices));
    sdc_widen_panel(CODE_BITS, GROUP, to, b + SDC_CAT(NAME, _elements)(panel * 2 * slices), SDC_CAT(NAME, _scales)(b, panel),
                    sdc_bf16_tiles(COLUMNS) * 16, columns, slices);
    return to;
}
#endif

/* Panels of a unit: where it is not said, fewer when the matrix is small, so that there is work for several threads. */
static inline int64_t SDC_CAT(NAME, _panels)(void)
{
    const int64_t all = sdc_bf16_panels(COLUMNS), blocks = (int64_t)(OUTER) * (INNER) * SDC_CAT(NAME, _blocks);
    int64_t panels = (UNIT_PANELS) ? (UNIT_PANELS) : all;
    while (!(UNIT_PANELS) && panels > 1 && blocks * sdc_ceil_div(all, panels) < SDC_ENOUGH_UNITS)
        panels = sdc_ceil_div(panels, 2);
    return panels;
}

#define SDC_EW_TYPE float
#include "ew_names.h"
/* sums [rows][32], and the other product's, to y, whose first element is at row `first` of the batch and at `column`. */
static void SDC_CAT(NAME, _store)(SDC_CAT(st_, TY) *y, const float *sums, const float *other, int64_t rows, int64_t first,
                                  int64_t column, const void *const *extra)
{
    const int64_t lanes = sdc_min(SDC_BF16_ROW, (COLUMNS) - column);
    for (int64_t m = 0; m < rows; m++, sums += SDC_BF16_ROW, other += SDC_BF16_ROW) {
        SDC_FINISH_AHEAD(lanes, first + m + SDC_AHEAD, column);
        SDC_FINISH(j, TY, y + m * (Y_ROW), sums[j], lanes, first + m, column);
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

/* Depths [k, DEPTH) of these rows to `to`, [rounded up to tiles][slices left][32] with zeros around. */
static void SDC_CAT(NAME, _copy)(st_bf16 *to, const st_bf16 *a, int64_t rows, int64_t k)
{
    const int64_t width = (SDC_CAT(NAME, _slices) - k / SDC_BF16_SLICE) * SDC_BF16_SLICE, depth = (DEPTH) - k;
    const int64_t padded = sdc_ceil_div(rows, 16) * 16;
    for (int64_t m = 0; m < padded; m++, to += width) {
        const int64_t present = m < rows ? depth : 0;
        memcpy(to, a + sdc_min(m, rows - 1) * (A_ROW) + k, (size_t)present * sizeof *to);
        memset(to + present, 0, (size_t)(width - present) * sizeof *to);
    }
}

/* What a unit reads of A: rows in whole tiles from where they lie, but for the depth's last slice, if that is not whole, which
 * lies in `rest`; the rows behind them in `last`. */
typedef struct {
    const st_bf16 *a, *rest, *last;
    int64_t spare;                  /* rows of `last` that are zeros */
    int64_t line[SDC_CAT(NAME, _slices)];
} SDC_CAT(NAME, _rows_of);

/* sums of tiles [tile, tile + tiles), all whole or one of the rows behind them, for a panel of b that `calls` calls use. */
static inline void SDC_CAT(NAME, _sums)(float *sums, const float *start, const SDC_CAT(NAME, _rows_of) *r, int64_t tile,
                                        int64_t tiles, bool whole_tiles, int64_t columns, const st_bf16 *b,
                                        const void *following, int64_t call, int64_t calls)
{
    enum { slices = SDC_CAT(NAME, _slices), whole = SDC_CAT(NAME, _whole), most = SDC_CAT(NAME, _tiles) };
    int64_t at[most], rest_at[most];
    for (int64_t t = 0; t < tiles; t++) {
        at[t] = (tile + t) * 16 * (A_ROW);
        rest_at[t] = (tile + t) * SDC_BF16_TILE;
    }
    SdcBf16Walk w = {.a = {r->last}, .row = slices * SDC_BF16_SLICE, .line = r->line, .lines = slices, .taps = 1, .b = b,
                     .codes = INT8};
    if (!whole_tiles) {
        static const int64_t here[1];
        w.spare_rows = r->spare;
        sdc_bf16_panel(sums, start, here, 1, columns, w, following, 0, 1);
        return;
    }
    w.a[0] = r->a;
    w.row = A_ROW;
    w.lines = whole;
    if (whole)
        sdc_bf16_panel(sums, start, at, tiles, columns, w, following, call, calls);
    w = (SdcBf16Walk){.a = {r->rest}, .row = SDC_BF16_SLICE, .line = r->line, .lines = 1, .taps = 1,
                      .b = b + whole * columns * SDC_BF16_TILE, .codes = INT8};
    if (slices > whole)
        sdc_bf16_panel(sums, whole ? NULL : start, rest_at, tiles, columns, w, following, call, calls);
}

/* `rows` rows from a on by panels [panel, end) of one matrix; `first`: the first row's number in the batch.  Where the depth is
 * one chunk, each pair of tiles is stored before the next one, while its sums are in the first-level cache. */
static void SDC_CAT(NAME, _unit)(const SdcDense *d, SDC_CAT(st_, TY) *y, const st_bf16 *a,
                                 const SDC_CAT(st_, TB) *b, const SDC_CAT(st_, TB) *other, int64_t rows,
                                 int64_t panel, int64_t end, int64_t first)
{
    enum { slices = SDC_CAT(NAME, _slices), whole = SDC_CAT(NAME, _whole), most = SDC_CAT(NAME, _tiles) };
    enum { together = slices > (int)SDC_BF16_CHUNK || most < 2 ? most : 2, products = SDC_CAT(NAME, _products) };
    enum { scaled = CODE_BITS && !(GROUP) };        /* a column's sums are multiplied by its scale */
    _Alignas(64) float sums[products][together * 16 * SDC_BF16_ROW], start[products][SDC_BF16_ROW];
    _Alignas(64) float added[products][SDC_BF16_ROW];
#if CODE_BITS
    _Alignas(64) st_bf16 wide[products][INT8 ? 1 : slices * 2 * SDC_BF16_TILE];
#endif
    _Alignas(64) st_bf16 last[16 * slices * SDC_BF16_SLICE], rest[slices > whole ? most * SDC_BF16_TILE : 1];
    const int64_t full = rows / 16, calls = sdc_ceil_div(full, together);
    const int64_t last_panel = SDC_CAT(NAME, _blocks) > 1 ? end : sdc_bf16_panels(COLUMNS);     /* the next unit goes on */
    SDC_CAT(NAME, _rows_of) r = {.a = a, .rest = rest, .last = last, .spare = (full + 1) * 16 - rows};
    for (int64_t k = 0; k < slices; k++)
        r.line[k] = k * SDC_BF16_SLICE;
    if (slices > whole)
        SDC_CAT(NAME, _copy)(rest, a, rows, whole * SDC_BF16_SLICE);
    if (full * 16 < rows)
        SDC_CAT(NAME, _copy)(last, a + full * 16 * (A_ROW), rows - full * 16, 0);
    memset(start, 0, sizeof start);
    memset(added, 0, sizeof added);
    for (; panel < end; panel++) {
        const int64_t columns = sdc_min(2, sdc_bf16_tiles(COLUMNS) - 2 * panel), at = SDC_CAT(NAME, _elements)(panel * 2 * slices);
        const int64_t after = panel + 1 < last_panel ? at + SDC_CAT(NAME, _elements)(columns * slices) : at;
        for (int64_t j = 0; j < SDC_BF16_ROW; j++) {
            added[0][j] = (HAS_BIAS) && panel * 32 + j < (COLUMNS) ? d->bias[panel * 32 + j] : 0;
            start[0][j] = scaled ? 0 : added[0][j];
        }
        const st_bf16 *weights[products];
        for (int64_t i = 0; i < products; i++)
#if CODE_BITS
            weights[i] = SDC_CAT(NAME, _widen)(wide[i], i ? other : b, panel, columns);
#else
            weights[i] = (i ? other : b) + at;
#endif
        for (int64_t t = 0; t * 16 < rows; t += t < full ? sdc_min(together, full - t) : 1) {
            const int64_t tiles = t < full ? sdc_min(together, full - t) : 1;
            for (int64_t i = 0; i < products; i++) {
                SDC_CAT(NAME, _sums)(sums[i], start[i], &r, t, tiles, t < full, columns, weights[i],
                                     i + 1 < products ? other + at : b + after, t / together, calls);
#if CODE_BITS
                if (scaled)
                    sdc_scale_sums(sums[i], added[i], SDC_CAT(NAME, _scales)(i ? other : b, panel), tiles * 16, columns, INT8);
#endif
            }
            SDC_CAT(NAME, _store)(y + t * 16 * (Y_ROW) + panel * 32, sums[0], sums[products - 1], sdc_min(tiles * 16, rows - t * 16),
                                  first + t * 16, panel * 32, d->extra);
        }
    }
}

/* Units in the order outer, inner, panels, rows: neighbours share a part of b. */
static void SDC_CAT(NAME, _part)(void *argument, int64_t unit, int64_t unit_end)
{
    enum { blocks = SDC_CAT(NAME, _blocks), most = SDC_CAT(NAME, _tiles) * 16 };
    const SdcDense *d = argument;
    const int64_t step = SDC_CAT(NAME, _panels)(), all = sdc_bf16_panels(COLUMNS), panel_units = sdc_ceil_div(all, step);
    sdc_bf16_begin();
    for (; unit < unit_end; unit++) {
        const int64_t row = unit % blocks * most, panel = unit / blocks % panel_units * step;
        const int64_t matrix = unit / blocks / panel_units, outer = matrix / (INNER), inner = matrix % (INNER);
        const int64_t packed = ((B_OUTER) ? outer : 0) * ((B_INNER) ? (INNER) : 1) + ((B_INNER) ? inner : 0);
        const int64_t at = packed * SDC_CAT(NAME, _matrix)();
        const SDC_CAT(st_, TB) *b = (const SDC_CAT(st_, TB) *)d->weights + at, *other = d->more_weights;
        const st_bf16 *a = (const st_bf16 *)d->x + outer * (A_OUTER) + inner * (A_INNER) + row * (A_ROW);
        SDC_CAT(st_, TY) *y = (SDC_CAT(st_, TY) *)d->y + outer * (Y_OUTER) + inner * (Y_INNER) + row * (Y_ROW);
        const int64_t rows = sdc_min(most, (ROWS) - row);
        if (rows > 0)               /* whole tiles may fill fewer blocks */
            SDC_CAT(NAME, _unit)(d, y, a, b, SDC_CAT(NAME, _products) > 1 ? other + at : NULL, rows, panel, sdc_min(panel + step, all),
                                 matrix * (ROWS) + row);
    }
    sdc_bf16_end();
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TA) *a, const SDC_CAT(st_, TB) *b, const float *bias
          PAIR(SDC_PAIR_PARAMETER) EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    const int64_t matrices = (int64_t)(OUTER) * (INNER), flops = 2 * matrices * (ROWS) * (COLUMNS) * (DEPTH) * SDC_CAT(NAME, _products);
    SdcDense d = {.y = y, .x = a, .weights = b, PAIR(SDC_PAIR_FIELD) .bias = bias, .extra = extra};
    sdc_run(c, SDC_CAT(NAME, _part), &d,
            matrices * sdc_ceil_div(sdc_bf16_panels(COLUMNS), SDC_CAT(NAME, _panels)()) * SDC_CAT(NAME, _blocks), flops / 8);
}

#include "gemm_end.h"
#undef TA
#undef TB
