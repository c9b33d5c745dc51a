/* gemm_bf16.h: Y[M][N] = A[M][K] B[K][N] + bias[N], for every matrix of a batch, of bf16 matrices with f32 sums.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_bf16 *a, const T *b, const float *bias [, operands of EXTRAS])
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
 * b: written by pack_bf16(), see bf16_tile.h, T being st_bf16; or by pack_codes_bf16(), T being int8_t.  y may be an operand of EXTRAS, but overlaps neither a nor b.
 *
 * Tiles are loaded from A where it lies.  What is left of the depth behind whole slices, and what is left of the rows behind
 * whole tiles, is copied beside zeros first.  A unit is a block of rows, about SDC_BF16_ROWS, by some panels. */
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

#if CODE_BITS
typedef int8_t SDC_CAT(NAME, _packed);
#else
typedef st_bf16 SDC_CAT(NAME, _packed);
#endif

/* Elements of b that hold so many tiles, and a whole matrix. */
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
/* What a unit keeps of a panel: its weights as bf16, and the scales of its columns, where they have one each. */
typedef struct { _Alignas(64) st_bf16 b[SDC_CAT(NAME, _slices) * 2 * SDC_BF16_TILE]; const st_bf16 *scales; } SDC_CAT(NAME, _wide);

static inline const st_bf16 *SDC_CAT(NAME, _widen)(SDC_CAT(NAME, _wide) *to, const int8_t *b, int64_t panel, int64_t columns)
{
    enum { slices = SDC_CAT(NAME, _slices) };
    const int64_t tiles = sdc_bf16_tiles(COLUMNS);
    const void *scales = b + sdc_code_tiles(tiles * slices, CODE_BITS);
    to->scales = (const st_bf16 *)scales + panel * 32;
    sdc_widen_panel(CODE_BITS, GROUP, to->b, b + sdc_code_tiles(panel * 2 * slices, CODE_BITS), to->scales, tiles * 16, columns,
                    slices);
    return to->b;
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
    enum { scaled = CODE_BITS && !(GROUP) };        /* a column's sums are multiplied by its scale */
    enum { slices = SDC_CAT(NAME, _slices), whole = SDC_CAT(NAME, _whole), most = SDC_CAT(NAME, _tiles) };
    _Alignas(64) float sums[most * 16 * SDC_BF16_ROW], start[SDC_BF16_ROW], added[SDC_BF16_ROW];
#if CODE_BITS
    SDC_CAT(NAME, _wide) wide;
#endif
    _Alignas(64) st_bf16 last[16 * slices * SDC_BF16_SLICE], rest[slices > whole ? most * SDC_BF16_TILE : 1];
    int64_t at[most], rest_at[most], line[slices];
    const int64_t tiles = sdc_ceil_div(rows, 16), full = rows / 16;
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
        const SDC_CAT(NAME, _packed) *packed = b + SDC_CAT(NAME, _elements)(panel * 2 * slices);
        const void *following = panel + 1 < end ? packed + SDC_CAT(NAME, _elements)(columns * slices) : packed;
#if CODE_BITS
        const st_bf16 *here = SDC_CAT(NAME, _widen)(&wide, b, panel, columns);
#else
        const st_bf16 *here = packed;
#endif
        for (int64_t j = 0; j < SDC_BF16_ROW; j++) {
            added[j] = (HAS_BIAS) && panel * 32 + j < (COLUMNS) ? d->bias[panel * 32 + j] : 0;
            start[j] = scaled ? 0 : added[j];
        }
        SdcBf16Walk w = {.a = {a}, .row = A_ROW, .line = line, .lines = whole, .taps = 1, .b = here};
        if (whole && full)
            sdc_bf16_panel(sums, start, at, full, columns, w, following);
        w = (SdcBf16Walk){.a = {rest}, .row = SDC_BF16_SLICE, .line = line, .lines = 1, .taps = 1,
                          .b = here + whole * columns * SDC_BF16_TILE};
        if (slices > whole && full)
            sdc_bf16_panel(sums, whole ? NULL : start, rest_at, full, columns, w, following);
        w = (SdcBf16Walk){.a = {last}, .row = slices * SDC_BF16_SLICE, .line = line, .lines = slices, .taps = 1, .b = here};
        if (full < tiles)
            sdc_bf16_panel(sums + full * 16 * SDC_BF16_ROW, start, rest_at, 1, columns, w, following);
#if CODE_BITS
        if (scaled)
            sdc_scale_sums(sums, added, wide.scales, rows, columns);
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
        const SDC_CAT(NAME, _packed) *b = (const SDC_CAT(NAME, _packed) *)d->weights + packed * SDC_CAT(NAME, _matrix)();
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
