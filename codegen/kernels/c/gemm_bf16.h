/* gemm_bf16.h: Y[M][N] = A[M][K] B[K][N] + bias[N], for every matrix of a batch, of bf16 matrices with f32 sums.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_bf16 *a, const st_bf16 *b (codes: int8_t), const float *bias [, operands of EXTRAS])
 *
 *   NAME                  the function
 *   TY                    type of y: f32 (default), f16 or bf16
 *   ROWS COLUMNS DEPTH    M, N, K; at least 1
 *   OUTER INNER           matrices in the batch: OUTER x INNER (1, 1)
 *   A_ROW A_OUTER A_INNER elements from one row, outer and inner matrix of A to the next (dense)
 *   Y_ROW Y_OUTER Y_INNER of Y likewise
 *   B_OUTER B_INNER       0: all outer, or inner, matrices share b; else the packed ones follow each other (0, 0)
 *   HAS_BIAS              0 (default): bias is not read
 *   CODE_BITS GROUP       8 or 4: b is codes and scales, see codes_bf16.h; each GROUP depths have a scale, 0: all (0, 0)
 *   EXTRAS STEPS RESULT   what is stored, see finish.h: rows are counted over the whole batch, outer first
 *
 * b: written by pack_bf16(), see bf16_tile.h, or pack_codes_bf16().  y may be an operand of EXTRAS, but overlaps neither a nor b.
 *
 * Tiles are loaded from A where it lies.  What is left of the depth behind whole slices, and what is left of the rows behind
 * whole tiles, is copied beside zeros first.  Codes are widened to the stack, a chunk of a panel at a time.  A unit is a block of rows, about SDC_BF16_ROWS, by some panels. */
#include "codes_bf16.h"
#include "finish.h"

#ifndef NAME
#define NAME sdc_gemm_bf16_example
#define ROWS 77
#define COLUMNS 768
#define DEPTH 768
#endif
#include "gemm_parameters.h"

enum {
    SDC_CAT(NAME, _blocks) = ((ROWS) + SDC_BF16_ROWS - 1) / SDC_BF16_ROWS,
    SDC_CAT(NAME, _tiles) = (((ROWS) + SDC_CAT(NAME, _blocks) - 1) / SDC_CAT(NAME, _blocks) + 15) / 16,     /* of a block */
    SDC_CAT(NAME, _slices) = ((DEPTH) + SDC_BF16_SLICE - 1) / SDC_BF16_SLICE,
    SDC_CAT(NAME, _whole) = (DEPTH) / SDC_BF16_SLICE,
};

/* An element of packed b, and how many hold so many tiles. */
#if CODE_BITS
typedef int8_t SDC_CAT(NAME, _packed);
static inline int64_t SDC_CAT(NAME, _elements)(int64_t tiles) { return sdc_code_tiles(tiles, CODE_BITS); }
static inline int64_t SDC_CAT(NAME, _each)(void) { return sdc_code_bytes_bf16(DEPTH, COLUMNS, CODE_BITS, GROUP); }
#else
typedef st_bf16 SDC_CAT(NAME, _packed);
static inline int64_t SDC_CAT(NAME, _elements)(int64_t tiles) { return tiles * SDC_BF16_TILE; }
static inline int64_t SDC_CAT(NAME, _each)(void)
{
    return SDC_CAT(NAME, _elements)(sdc_bf16_tiles(COLUMNS) * SDC_CAT(NAME, _slices));
}
#endif

/* Panels of a unit: fewer when the matrix is small, so that there is work for several threads. */
static inline int64_t SDC_CAT(NAME, _panels)(void)
{
    const int64_t all = sdc_bf16_panels(COLUMNS), blocks = (int64_t)(OUTER) * (INNER) * SDC_CAT(NAME, _blocks);
    int64_t panels = all;
    while (panels > 1 && blocks * sdc_ceil_div(all, panels) < SDC_ENOUGH_UNITS)
        panels = sdc_ceil_div(panels, 2);
    return panels;
}

#define SDC_EW_TYPE float
#include "ew_names.h"
/* sums [rows][32] to y, whose first element is at row `first` of the batch and at `column`. */
static void SDC_CAT(NAME, _store)(SDC_CAT(st_, TY) *y, const float *sums, int64_t rows, int64_t first, int64_t column,
                                  const void *const *extra)
{
    const int64_t lanes = sdc_min(SDC_BF16_ROW, (COLUMNS) - column);
    for (int64_t m = 0; m < rows; m++, sums += SDC_BF16_ROW)
        SDC_FINISH(j, TY, y + m * (Y_ROW), sums[j], lanes, first + m, column);
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

/* Rows [row, row + rows) by panels [panel, end) of one matrix; `first`: the row's number in the batch. */
static void SDC_CAT(NAME, _unit)(const SdcDense *d, SDC_CAT(st_, TY) *y, const st_bf16 *a,
                                 const SDC_CAT(NAME, _packed) *b, int64_t rows, int64_t panel, int64_t end, int64_t first)
{
    enum { slices = SDC_CAT(NAME, _slices), whole = SDC_CAT(NAME, _whole), most = SDC_CAT(NAME, _tiles) };
    _Alignas(64) float sums[most * 16 * SDC_BF16_ROW], start[SDC_BF16_ROW];
    _Alignas(64) st_bf16 last[16 * slices * SDC_BF16_SLICE], rest[slices > whole ? most * SDC_BF16_TILE : 1];
    int64_t at[most], rest_at[most], line[slices];
    const int64_t tiles = sdc_ceil_div(rows, 16), full = rows / 16;
    enum { scaled = CODE_BITS && !(GROUP) };        /* sums, rather than weights */
    const int64_t chunk = CODE_BITS ? sdc_bf16_chunk(slices, 1) : slices;
    const float zeros[SDC_BF16_ROW] = {0};
#if CODE_BITS
    _Alignas(64) st_bf16 wide[SDC_BF16_CHUNK * 2 * SDC_BF16_TILE];
    const st_bf16 *scales = (const void *)(b + SDC_CAT(NAME, _elements)(sdc_bf16_tiles(COLUMNS) * slices));
#endif
    for (int64_t k = 0; k < slices; k++)
        line[k] = k * SDC_BF16_SLICE;
    for (int64_t t = 0; t < tiles; t++) {
        at[t] = t * 16 * (A_ROW);
        rest_at[t] = t * SDC_BF16_TILE;
    }
    if (slices > whole)
        SDC_CAT(NAME, _copy)(rest, a, rows, whole * SDC_BF16_SLICE);
    if (full < tiles)
        SDC_CAT(NAME, _copy)(last, a + full * 16 * (A_ROW), rows - full * 16, 0);
    for (; panel < end; panel++) {
        const int64_t columns = sdc_min(2, sdc_bf16_tiles(COLUMNS) - 2 * panel);
        const SDC_CAT(NAME, _packed) *here = b + SDC_CAT(NAME, _elements)(panel * 2 * slices);
        const void *after = panel + 1 < end ? here + SDC_CAT(NAME, _elements)(columns * slices) : here;
        for (int64_t j = 0; j < SDC_BF16_ROW; j++)
            start[j] = (HAS_BIAS) && panel * 32 + j < (COLUMNS) ? d->bias[panel * 32 + j] : 0;
        const float *first_sums = scaled ? zeros : start;
        for (int64_t s = 0; s < slices; s += chunk) {
            const int64_t count = sdc_min(chunk, slices - s), direct = sdc_min(count, whole - s);
            const void *from = here + SDC_CAT(NAME, _elements)(columns * s);
            const void *following = s + chunk < slices ? here + SDC_CAT(NAME, _elements)(columns * (s + chunk)) : after;
#if CODE_BITS
            sdc_widen_slices(CODE_BITS, GROUP, wide, (const int8_t *)here, scales + panel * 32, sdc_bf16_tiles(COLUMNS) * 16,
                             columns, s, count);
            from = wide;
#endif
            const float *begin = s ? NULL : first_sums;
            SdcBf16Walk w = {.a = {a}, .row = A_ROW, .line = line + s, .lines = direct, .taps = 1, .b = from};
            if (direct > 0 && full)
                sdc_bf16_panel(sums, begin, at, full, columns, w, following);
            w = (SdcBf16Walk){.a = {rest}, .row = SDC_BF16_SLICE, .line = line, .lines = 1, .taps = 1,
                              .b = (const st_bf16 *)from + (whole - s) * columns * SDC_BF16_TILE};
            if (slices > whole && s + count == slices && full)
                sdc_bf16_panel(sums, whole ? NULL : begin, rest_at, full, columns, w, following);
            w = (SdcBf16Walk){.a = {last}, .row = slices * SDC_BF16_SLICE, .line = line + s, .lines = count, .taps = 1, .b = from};
            if (full < tiles)
                sdc_bf16_panel(sums + full * 16 * SDC_BF16_ROW, begin, rest_at, 1, columns, w, following);
        }
#if CODE_BITS
        if (scaled)
            sdc_scale_sums(sums, start, scales + panel * 32, rows, columns);
#endif
        SDC_CAT(NAME, _store)(y + panel * 32, sums, rows, first, panel * 32, d->extra);
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
        const SDC_CAT(NAME, _packed) *b = (const SDC_CAT(NAME, _packed) *)d->weights + packed * SDC_CAT(NAME, _each)();
        const st_bf16 *a = (const st_bf16 *)d->x + outer * (A_OUTER) + inner * (A_INNER) + row * (A_ROW);
        SDC_CAT(st_, TY) *y = (SDC_CAT(st_, TY) *)d->y + outer * (Y_OUTER) + inner * (Y_INNER) + row * (Y_ROW);
        const int64_t rows = sdc_min(most, (ROWS) - row);
        if (rows > 0)               /* whole tiles may fill fewer blocks */
            SDC_CAT(NAME, _unit)(d, y, a, b, rows, panel, sdc_min(panel + step, all), matrix * (ROWS) + row);
    }
    sdc_bf16_end();
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const st_bf16 *a, const SDC_CAT(NAME, _packed) *b, const float *bias
          EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    const int64_t matrices = (int64_t)(OUTER) * (INNER), flops = 2 * matrices * (ROWS) * (COLUMNS) * (DEPTH);
    SdcDense d = {.y = y, .x = a, .weights = b, .bias = bias, .extra = extra};
    sdc_run(c, SDC_CAT(NAME, _part), &d,
            matrices * sdc_ceil_div(sdc_bf16_panels(COLUMNS), SDC_CAT(NAME, _panels)()) * SDC_CAT(NAME, _blocks), flops / 8);
}

#include "gemm_end.h"
