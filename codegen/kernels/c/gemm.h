/* gemm.h: Y[M][N] = A[M][K] B[K][N] + bias[N], for every matrix of a batch.
 *
 *      void NAME(SdcContext *c, float *y, const float *a, const float *b, const float *bias, float *scratch
 *                [, operands of EXTRAS])
 *
 *   NAME                  the function
 *   ROWS COLUMNS DEPTH    M, N, K; at least 1
 *   OUTER INNER           matrices in the batch: OUTER x INNER (1, 1); say batch x heads
 *   A_ROW A_OUTER A_INNER floats from one row, outer and inner matrix of A to the next (dense)
 *   Y_ROW Y_OUTER Y_INNER of Y likewise; the elements of a row lie side by side, so views that split or join heads need
 *                         no copy
 *   B_FORM                SDC_B_PACKED (default): b was written by pack_gemm(); SDC_B_ROWS: b is [K][N], SDC_B_COLUMNS:
 *                         b is [N][K], both packed here, into scratch
 *   B_ROW                 floats from one row of b to the next, for the forms that are not packed (COLUMNS, or DEPTH)
 *   B_OUTER B_INNER       floats from one matrix of b to the next; 0: shared (0, 0).  For SDC_B_PACKED any other value
 *                         means that the packed matrices follow each other in batch order
 *   HAS_BIAS              0 (default): bias is not read
 *   EXTRAS STEPS RESULT   what is stored, see finish.h: rows are counted over the whole batch, outer first
 *
 * scratch: NULL for SDC_B_PACKED, else pack_gemm_bytes() for every distinct matrix of b, 64-byte aligned.  y may be an
 * operand of EXTRAS, but overlaps neither a nor b.
 *
 * A unit is up to 64 rows by up to 4 panels of one matrix.  Its sums stay on the stack (at most 48 KB) while K is
 * walked in steps of SDC_DEPTH_STEP, so that a step of the panel serves all rows from the cache. */
#include "finish.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_gemm_example
#define ROWS 77
#define COLUMNS 768
#define DEPTH 768
#endif
#ifndef OUTER
#define OUTER 1
#endif
#ifndef INNER
#define INNER 1
#endif
#ifndef A_ROW
#define A_ROW DEPTH
#endif
#ifndef A_INNER
#define A_INNER ((int64_t)(ROWS) * (A_ROW))
#endif
#ifndef A_OUTER
#define A_OUTER ((INNER) * (A_INNER))
#endif
#ifndef Y_ROW
#define Y_ROW COLUMNS
#endif
#ifndef Y_INNER
#define Y_INNER ((int64_t)(ROWS) * (Y_ROW))
#endif
#ifndef Y_OUTER
#define Y_OUTER ((INNER) * (Y_INNER))
#endif
#ifndef B_OUTER
#define B_OUTER 0
#endif
#ifndef B_INNER
#define B_INNER 0
#endif
#ifndef B_FORM
#define B_FORM SDC_B_PACKED
#endif
#ifndef B_ROW
#define B_ROW (B_FORM == SDC_B_COLUMNS ? (DEPTH) : (COLUMNS))
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif

enum {
    SDC_CAT(NAME, _tile) = SDC_ROWS_FOR(ROWS),
    SDC_CAT(NAME, _rows) = 64 / SDC_CAT(NAME, _tile) * SDC_CAT(NAME, _tile)               /* of a unit */
};

/* Number of the matrix of b that matrix (outer, inner) of the batch uses. */
static inline int64_t SDC_CAT(NAME, _matrix)(int64_t outer, int64_t inner)
{
    return ((B_OUTER) ? outer : 0) * ((B_INNER) ? (INNER) : 1) + ((B_INNER) ? inner : 0);
}

/* Panels of a unit: fewer when the matrix is small, so that there is work for several threads. */
static inline int64_t SDC_CAT(NAME, _panels)(void)
{
    int64_t panels = SDC_UNIT_PANELS, rows = (int64_t)(OUTER) * (INNER) * sdc_ceil_div(ROWS, SDC_CAT(NAME, _rows));
    while (panels > 1 && rows * sdc_ceil_div(sdc_panels(COLUMNS), panels) < SDC_ENOUGH_UNITS)
        panels /= 2;
    return panels;
}

#define SDC_EW_TYPE float
#include "ew_names.h"
/* sums [rows][vectors][SDC_VL] to y, whose first element is at row `first` of the batch and at `column`. */
static void SDC_CAT(NAME, _store)(float *y, const float *sums, int64_t rows, int64_t vectors, int64_t first,
                                  int64_t column, const void *const *extra)
{
    const int64_t lanes = sdc_min(vectors * SDC_VL, (COLUMNS) - column);
    for (int64_t m = 0; m < rows; m++, sums += vectors * SDC_VL)
        SDC_FINISH(j, y + m * (Y_ROW), sums[j], lanes, first + m, column);
}
#include "ew_names.h"
#undef SDC_EW_TYPE

/* The part of packed b that panel `panel` reads from depth k on. */
static inline const float *SDC_CAT(NAME, _panel)(const float *b, int64_t panel, int64_t k)
{
    const int64_t begin = sdc_panel_begin(panel, COLUMNS), vectors = sdc_panel_begin(panel + 1, COLUMNS) - begin;
    return b + (begin * (DEPTH) + vectors * k) * SDC_VL;
}

/* Add the products of depths [k, k + depth) for one panel; sums [tiles][tile][vectors][SDC_VL]; next: the panel that
 * follows. */
static void SDC_CAT(NAME, _step)(float *sums, const float *a, int64_t rows, int64_t depth, int64_t vectors,
                                 const float *b, const float *next)
{
    enum { tile = SDC_CAT(NAME, _tile) };
    const int64_t tap[1] = {0}, tiles = sdc_ceil_div(rows, tile), share = sdc_ceil_div(vectors * SDC_VL, tiles);
    for (int64_t t = 0; t < tiles; t++) {
        const float *at[tile];
        for (int64_t m = 0; m < tile; m++)
            at[m] = a + sdc_min(t * tile + m, rows - 1) * (A_ROW);
        sdc_tile_for(tile, vectors)(sums + t * tile * vectors * SDC_VL, at, tap, 1, depth, b, next + t * share * depth,
                                    share);
    }
}

/* Rows [row, row + rows) by panels [panel, end) of one matrix; `first`: the row's number in the batch. */
static void SDC_CAT(NAME, _unit)(float *y, const float *a, const float *b, const SdcDense *d, int64_t row,
                                 int64_t rows, int64_t panel, int64_t end, int64_t first)
{
    enum { tile = SDC_CAT(NAME, _tile), unit_rows = SDC_CAT(NAME, _rows), widest = SDC_TILE_VECTORS * SDC_VL };
    _Alignas(64) float sums[SDC_UNIT_PANELS][unit_rows * widest];
    const int64_t tiles = sdc_ceil_div(rows, tile);
    for (int64_t k = 0; k < (DEPTH); k += SDC_DEPTH_STEP)
        for (int64_t p = panel; p < end; p++) {
            const int64_t begin = sdc_panel_begin(p, COLUMNS), vectors = sdc_panel_begin(p + 1, COLUMNS) - begin;
            const int64_t depth = sdc_min(SDC_DEPTH_STEP, (DEPTH) - k);
            const int64_t after = k + depth < (DEPTH) ? k + depth : 0;
            const float *next = SDC_CAT(NAME, _panel)(b, p + 1 < end ? p + 1 : panel, p + 1 < end ? k : after);
            const float *bias = HAS_BIAS ? d->bias + begin * SDC_VL : NULL;
            if (k == 0)
                sdc_tile_start(sums[p - panel], tiles * tile, vectors, bias, (COLUMNS) - begin * SDC_VL);
            const float *weights = SDC_CAT(NAME, _panel)(b, p, k);
            SDC_CAT(NAME, _step)(sums[p - panel], a + row * (A_ROW) + k, rows, depth, vectors, weights, next);
        }
    for (int64_t p = panel; p < end; p++) {
        int64_t begin = sdc_panel_begin(p, COLUMNS), vectors = sdc_panel_begin(p + 1, COLUMNS) - begin;
        float *to = y + row * (Y_ROW) + begin * SDC_VL;
        SDC_CAT(NAME, _store)(to, sums[p - panel], rows, vectors, first, begin * SDC_VL, d->extra);
    }
}

/* Units in the order outer, inner, panels, rows: neighbours share a part of b. */
static void SDC_CAT(NAME, _part)(void *argument, int64_t unit, int64_t unit_end)
{
    const SdcDense *d = argument;
    const int64_t row_units = sdc_ceil_div(ROWS, SDC_CAT(NAME, _rows)), step = SDC_CAT(NAME, _panels)();
    const int64_t all_panels = sdc_panels(COLUMNS), panel_units = sdc_ceil_div(all_panels, step);
    for (; unit < unit_end; unit++) {
        int64_t row = unit % row_units * SDC_CAT(NAME, _rows), panel = unit / row_units % panel_units * step;
        int64_t matrix = unit / row_units / panel_units, outer = matrix / (INNER), inner = matrix % (INNER);
        int64_t rows = sdc_min(SDC_CAT(NAME, _rows), (ROWS) - row), end = sdc_min(panel + step, all_panels);
        float *y = d->y + outer * (Y_OUTER) + inner * (Y_INNER);
        const float *a = d->x + outer * (A_OUTER) + inner * (A_INNER);
        const float *b = d->weights + SDC_CAT(NAME, _matrix)(outer, inner) * sdc_vectors(COLUMNS) * SDC_VL * (DEPTH);
        SDC_CAT(NAME, _unit)(y, a, b, d, row, rows, panel, end, matrix * (ROWS) + row);
    }
}

#if B_FORM != SDC_B_PACKED
/* Pack panels of b; unit = matrix of b * panels + panel.  y is the scratch, weights is b. */
static void SDC_CAT(NAME, _pack)(void *argument, int64_t unit, int64_t unit_end)
{
    const SdcDense *d = argument;
    for (; unit < unit_end; unit++) {
        int64_t matrix = unit / sdc_panels(COLUMNS), per_outer = (B_INNER) ? (INNER) : 1;
        const float *b = d->weights + matrix / per_outer * (B_OUTER) + matrix % per_outer * (B_INNER);
        float *to = d->y + matrix * sdc_vectors(COLUMNS) * SDC_VL * (DEPTH);
        sdc_pack_panel(to, b, DEPTH, COLUMNS, B_ROW, B_FORM == SDC_B_COLUMNS, unit % sdc_panels(COLUMNS));
    }
}
#endif

void NAME(SdcContext *c, float *y, const float *a, const float *b, const float *bias, float *scratch
          EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    const int64_t matrices = (int64_t)(OUTER) * (INNER), flops = 2 * matrices * (ROWS) * (COLUMNS) * (DEPTH);
    const int64_t row_units = sdc_ceil_div(ROWS, SDC_CAT(NAME, _rows));
    const int64_t panel_units = sdc_ceil_div(sdc_panels(COLUMNS), SDC_CAT(NAME, _panels)());
#if B_FORM != SDC_B_PACKED
    SdcDense packing = {.y = scratch, .weights = b};
    const int64_t to_pack = SDC_CAT(NAME, _matrix)((OUTER) - 1, (INNER) - 1) + 1;
    sdc_run(c, SDC_CAT(NAME, _pack), &packing, to_pack * sdc_panels(COLUMNS), flops);
    b = scratch;
#endif
    (void)scratch;
    SdcDense d = {.y = y, .x = a, .weights = b, .bias = bias, .extra = extra};
    sdc_run(c, SDC_CAT(NAME, _part), &d, matrices * panel_units * row_units, flops);
}

#undef NAME
#undef ROWS
#undef COLUMNS
#undef DEPTH
#undef OUTER
#undef INNER
#undef A_ROW
#undef A_OUTER
#undef A_INNER
#undef Y_ROW
#undef Y_OUTER
#undef Y_INNER
#undef B_FORM
#undef B_ROW
#undef B_OUTER
#undef B_INNER
#undef HAS_BIAS
#undef EXTRAS
#undef STEPS
#undef RESULT
