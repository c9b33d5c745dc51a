/* gemm.h: Y[M][N] = A[M][K] B[K][N] + bias[N], for every matrix of a batch.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_TA *a, const st_TB *b, const float *bias, float *scratch
 *                [, const st_TB *other] [, operands of EXTRAS])
 *
 *   NAME                  the function
 *   TY TA TB              types: f32 (default), f16 or bf16; all arithmetic is f32
 *   CODE_BITS GROUP       8 or 4: b is codes and scales, see codes.h, and TB is i8; each GROUP depths have a scale, 0: all
 *                         (0, 0)
 *   ROWS COLUMNS DEPTH    M, N, K; at least 1
 *   OUTER INNER           matrices in the batch: OUTER x INNER (1, 1); say batch x heads
 *   A_ROW A_OUTER A_INNER elements from one row, outer and inner matrix of A to the next (dense)
 *   Y_ROW Y_OUTER Y_INNER of Y likewise; the elements of a row lie side by side, so views that split or join heads need
 *                         no copy
 *   B_FORM                SDC_B_PACKED (default): b was written by pack_gemm(); SDC_B_ROWS: b is [K][N], SDC_B_COLUMNS:
 *                         b is [N][K], both packed here, into scratch
 *   B_ROW                 elements from one row of b to the next, for the forms that are not packed (COLUMNS, or DEPTH)
 *   B_OUTER B_INNER       elements from one matrix of b to the next; 0: shared (0, 0).  For SDC_B_PACKED any other value
 *                         means that the packed matrices follow each other in batch order
 *   HAS_BIAS              0 (default): bias is not read
 *   EXTRAS STEPS RESULT   what is stored, see finish.h: rows are counted over the whole batch, outer first
 *   PAIR                  nothing, or X(other): a matrix like b, packed, and the sums of A times it are the finish's
 *   UNIT_PANELS UNIT_ROWS panels (0: SDC_UNIT_PANELS, fewer where there are few units) and rows of a unit, about (64)
 *   DEPTH_STEP            depths in a step (equal steps of about SDC_LONG_STEP, of narrow types SDC_DEPTH_STEP), a multiple of
 *                         GROUP
 *   UNIT_ORDER            units that follow each other have 1: the same rows, 2: the same panels (2 where b has more than
 *                         SDC_NEAR_BYTES, else 1)
 *
 * scratch: NULL for SDC_B_PACKED, else pack_gemm_bytes() for every distinct matrix of b, 64-byte aligned.  y may be an
 * operand of EXTRAS, but overlaps neither a nor b.
 *
 * A unit is some 64 rows, at most 96, by up to 4 panels of one matrix.  Its sums stay on the stack (at most 73 KB so) while K is
 * walked in steps of DEPTH_STEP, so that a step of the panel serves all rows from the cache.  Of narrow types, a step
 * of the rows and of one panel is widened to the stack first, and so are codes, unless
 * there are at most 4 rows, which multiply codes as they are loaded. */
#include "codes.h"
#include "finish.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_gemm_example
#define ROWS 77
#define COLUMNS 768
#define DEPTH 768
#endif
#ifndef TA
#define TA f32
#endif
#ifndef TB
#define TB f32
#endif
#include "gemm_parameters.h"
#ifndef B_FORM
#define B_FORM SDC_B_PACKED
#endif
#ifndef B_ROW
#define B_ROW (B_FORM == SDC_B_COLUMNS ? (DEPTH) : (COLUMNS))
#endif
#ifndef UNIT_ROWS
#define UNIT_ROWS 64
#endif
#ifndef DEPTH_STEP
#if CODE_BITS                   /* groups of codes divide it */
#define DEPTH_STEP SDC_DEPTH_STEP
#else
#define DEPTH_STEP SDC_EQUAL_STEP(DEPTH, SDC_IS_NARROW(TA) || SDC_IS_NARROW(TB) ? SDC_DEPTH_STEP : SDC_LONG_STEP)
#endif
#endif
#ifndef UNIT_ORDER
#define UNIT_ORDER 0
#endif
#define SDC_FEW_BY_CODES (CODE_BITS && ROWS <= 4)

enum {
    SDC_CAT(NAME, _tile) = SDC_FEW_ROWS_FOR(ROWS),
    /* equal units, of up to 32 rows more than UNIT_ROWS: 77, a text's, are one */
    SDC_CAT(NAME, _blocks) = SDC_GREATER(((ROWS) + (UNIT_ROWS) - 33) / (UNIT_ROWS), 1),
    SDC_CAT(NAME, _rows) = SDC_ROUND_UP(((ROWS) + SDC_CAT(NAME, _blocks) - 1) / SDC_CAT(NAME, _blocks), SDC_CAT(NAME, _tile)),
    SDC_CAT(NAME, _unit_panels) = (UNIT_PANELS) ? (UNIT_PANELS) : SDC_UNIT_PANELS,          /* at most */
    SDC_CAT(NAME, _products) = 1 PAIR(SDC_PAIR_COUNT),
    SDC_CAT(NAME, _same_panels) = (UNIT_ORDER) ? (UNIT_ORDER) == 2
        : (int64_t)(DEPTH) * (COLUMNS) * (CODE_BITS ? CODE_BITS : 8 * (int)sizeof(SDC_CAT(st_, TB))) / 8 > SDC_NEAR_BYTES,
    SDC_CAT(NAME, _narrow_a) = SDC_IS_NARROW(TA),
    SDC_CAT(NAME, _narrow_b) = B_FORM == SDC_B_PACKED && SDC_IS_NARROW(TB) && !SDC_FEW_BY_CODES,
    SDC_CAT(NAME, _wide_row) = (DEPTH_STEP) + 16      /* floats from one widened row to the next: off powers of 2 */
};
/* An element of packed b: what is packed here is f32. */
#if B_FORM == SDC_B_PACKED
typedef SDC_CAT(st_, TB) SDC_CAT(NAME, _packed);
#else
typedef float SDC_CAT(NAME, _packed);
#endif

/* Number of the matrix of b that matrix (outer, inner) of the batch uses. */
static inline int64_t SDC_CAT(NAME, _matrix)(int64_t outer, int64_t inner)
{
    return ((B_OUTER) ? outer : 0) * ((B_INNER) ? (INNER) : 1) + ((B_INNER) ? inner : 0);
}

/* Panels of a unit: where it is not said, fewer when the matrix is small, so that there is work for several threads. */
static inline int64_t SDC_CAT(NAME, _panels)(void)
{
    int64_t panels = SDC_CAT(NAME, _unit_panels), rows = (int64_t)(OUTER) * (INNER) * sdc_ceil_div(ROWS, SDC_CAT(NAME, _rows));
    while (!(UNIT_PANELS) && panels > 1 && rows * sdc_ceil_div(sdc_panels(COLUMNS), panels) < SDC_ENOUGH_UNITS)
        panels /= 2;
    return panels;
}

/* A panel by the rows of a unit, in one step of depths. */
typedef struct {
    const SdcDense *d;
    SDC_CAT(st_, TY) *y;                            /* where the first of its sums is stored */
    const float *a;                                 /* the rows from the first depth on, `row` floats from one to the next */
    int64_t row, rows, depth, vectors, first, column;           /* first: the first row's number in the batch */
    float *sums[SDC_CAT(NAME, _products)];          /* [tiles][tile][vectors][SDC_VL] */
    const float *start[SDC_CAT(NAME, _products)];   /* of each row in the first step, later NULL */
    bool ends;                                      /* Is it the last step? */
} SDC_CAT(NAME, _strip);

#define SDC_EW_TYPE float
#include "ew_names.h"
/* Before the multiplications of a tile: looks for what its finish reads. */
static inline void SDC_CAT(NAME, _begin)(const SDC_CAT(NAME, _strip) *s, int64_t t)
{
    enum { tile = SDC_CAT(NAME, _tile) };
    const void *const *extra = s->d->extra;
    const int64_t lanes = sdc_min(s->vectors * SDC_VL, (COLUMNS) - s->column), end = sdc_min((t + 1) * tile, s->rows);
    for (int64_t m = t * tile; s->ends && m < end; m++)
        SDC_FINISH_AHEAD(lanes, s->first + m, s->column);
}

/* Behind those of the last product: a tile is stored at once, while it is in the first-level cache, and reaches memory during
 * the next one's multiplications; a unit's tiles together would fill the CPU's queue of stores and hold it up. */
static inline void SDC_CAT(NAME, _end)(const SDC_CAT(NAME, _strip) *s, int64_t t)
{
    enum { tile = SDC_CAT(NAME, _tile), last = SDC_CAT(NAME, _products) - 1 };
    const void *const *extra = s->d->extra;
    const int64_t width = s->vectors * SDC_VL, lanes = sdc_min(width, (COLUMNS) - s->column);
    const int64_t end = sdc_min((t + 1) * tile, s->rows);
    for (int64_t m = t * tile; s->ends && m < end; m++) {
        const float *sums = s->sums[0] + m * width, *other = s->sums[last] + m * width;
        (void)other;
        SDC_FINISH(j, TY, s->y + m * (Y_ROW), sums[j], lanes, s->first + m, s->column);
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

/* Elements of packed b for so many vectors of columns by depths. */
static inline int64_t SDC_CAT(NAME, _elements)(int64_t vectors_by_depths)
{
    return vectors_by_depths * SDC_VL * (CODE_BITS ? CODE_BITS : 8) / 8;
}

/* The part of packed b that panel `panel` reads from depth k on. */
static inline const SDC_CAT(NAME, _packed) *SDC_CAT(NAME, _panel)(const SDC_CAT(NAME, _packed) *b, int64_t panel,
                                                                  int64_t k)
{
    const int64_t begin = sdc_panel_begin(panel, COLUMNS), vectors = sdc_panel_begin(panel + 1, COLUMNS) - begin;
    return b + SDC_CAT(NAME, _elements)(begin * sdc_code_depth(DEPTH, CODE_BITS) + vectors * k);
}

#if CODE_BITS
/* The scales of panel `panel` from depth k on. */
static inline const st_bf16 *SDC_CAT(NAME, _scales)(const int8_t *b, int64_t panel, int64_t k)
{
    const int64_t begin = sdc_panel_begin(panel, COLUMNS), vectors = sdc_panel_begin(panel + 1, COLUMNS) - begin;
    const void *scales = b + SDC_CAT(NAME, _elements)(sdc_vectors(COLUMNS) * sdc_code_depth(DEPTH, CODE_BITS));
    const int64_t group = begin * sdc_code_groups(DEPTH, GROUP) + vectors * sdc_code_group(k, GROUP);
    return (const st_bf16 *)scales + group * SDC_VL;
}
#endif

#if !SDC_FEW_BY_CODES
/* Add one product's terms; b: the panel's weights as f32; following: the panel that follows, of which each tile brings in its
 * share. */
static void SDC_CAT(NAME, _tiles)(const SDC_CAT(NAME, _strip) *s, int product, const float *b, const void *following)
{
    enum { tile = SDC_CAT(NAME, _tile), per_float = CODE_BITS == 4 ? 8 : CODE_BITS == 8 ? 4 : SDC_CAT(NAME, _narrow_b) ? 2 : 1 };
    const int64_t tap[1] = {0}, tiles = sdc_ceil_div(s->rows, tile);
    const int64_t share = sdc_ceil_div(s->vectors * SDC_VL, tiles * per_float);
    const float *next = following;
    for (int64_t t = 0; t < tiles; t++) {
        const float *at[tile];
        for (int64_t m = 0; m < tile; m++)
            at[m] = s->a + sdc_min(t * tile + m, s->rows - 1) * s->row;
        if (product == 0)
            SDC_CAT(NAME, _begin)(s, t);
        sdc_tile_for(tile, s->vectors)(s->start[product], s->sums[product] + t * tile * s->vectors * SDC_VL, at, tap, 1,
                                       s->depth, b, next + t * share * s->depth, share);
        if (product + 1 == SDC_CAT(NAME, _products))
            SDC_CAT(NAME, _end)(s, t);
    }
}
#endif

/* Add one product's terms of depths from k on, whatever b's elements are; wide: room for them as f32. */
static inline void SDC_CAT(NAME, _multiply)(const SDC_CAT(NAME, _strip) *s, int product, const SDC_CAT(NAME, _packed) *b,
                                            int64_t panel, int64_t k, float *wide, const void *following)
{
    const void *weights = SDC_CAT(NAME, _panel)(b, panel, k);
#if SDC_FEW_BY_CODES
    enum { tile = SDC_CAT(NAME, _tile) };
    const float *at[tile];
    for (int64_t m = 0; m < tile; m++)
        at[m] = s->a + sdc_min(m, s->rows - 1) * s->row;
    for (int64_t m = 0; s->start[product] && m < tile; m++)
        memcpy(s->sums[product] + m * s->vectors * SDC_VL, s->start[product], (size_t)(s->vectors * SDC_VL) * sizeof(float));
    if (product == 0)
        SDC_CAT(NAME, _begin)(s, 0);
    sdc_code_rows(CODE_BITS, tile, s->sums[product], at, weights, SDC_CAT(NAME, _scales)(b, panel, k), s->vectors, s->depth, GROUP,
                  following);
    if (product + 1 == SDC_CAT(NAME, _products))
        SDC_CAT(NAME, _end)(s, 0);
    (void)wide;
#else
#if CODE_BITS
    sdc_widen_codes(CODE_BITS, wide, weights, SDC_CAT(NAME, _scales)(b, panel, k), s->vectors, s->depth, GROUP);
#else
    if (SDC_CAT(NAME, _narrow_b))
        SDC_CAT(sdc_widen_, TB)(wide, weights, s->depth * s->vectors * SDC_VL);
#endif
    SDC_CAT(NAME, _tiles)(s, product, SDC_CAT(NAME, _narrow_b) ? wide : weights, following);
#endif
}

/* Rows [row, row + rows) by panels [panel, end) of one matrix; `first`: the row's number in the batch. */
static void SDC_CAT(NAME, _unit)(SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TA) *a, const SDC_CAT(NAME, _packed) *b,
                                 const SDC_CAT(NAME, _packed) *other, const SdcDense *d, int64_t row, int64_t rows,
                                 int64_t panel, int64_t end, int64_t first)
{
    enum { unit_rows = SDC_CAT(NAME, _rows), widest = SDC_TILE_VECTORS * SDC_VL, products = SDC_CAT(NAME, _products) };
    enum { narrow_a = SDC_CAT(NAME, _narrow_a), narrow_b = SDC_CAT(NAME, _narrow_b), wide = SDC_CAT(NAME, _wide_row) };
    enum { kept = (DEPTH_STEP) < (DEPTH) ? SDC_CAT(NAME, _unit_panels) : 1 };       /* panels whose sums wait for the next step */
    _Alignas(64) float sums[kept][products][unit_rows * widest];
    _Alignas(64) float start[products][widest];
    _Alignas(64) float wide_a[narrow_a ? unit_rows * wide : 1], wide_b[narrow_b ? (DEPTH_STEP) * widest : 1];
    const bool same = SDC_CAT(NAME, _same_panels) && row + rows < (ROWS);    /* are the next unit's panels the same? */
    const int64_t following = same ? panel : end < sdc_panels(COLUMNS) ? end : 0;
    for (int64_t k = 0; k < (DEPTH); k += (DEPTH_STEP)) {
        const int64_t depth = sdc_min(DEPTH_STEP, (DEPTH) - k);
        const int64_t after = k + depth < (DEPTH) ? k + depth : 0, again = after ? panel : following;
        const void *from = a + row * (A_ROW) + k;
        for (int64_t m = 0; narrow_a && m < rows; m++)
            SDC_CAT(sdc_widen_, TA)(wide_a + m * wide, a + (row + m) * (A_ROW) + k, depth);
        for (int64_t p = panel; p < end; p++) {
            const int64_t begin = sdc_panel_begin(p, COLUMNS), column = begin * SDC_VL;
            SDC_CAT(NAME, _strip) s = {
                .d = d, .y = y + row * (Y_ROW) + column, .a = narrow_a ? wide_a : from, .row = narrow_a ? wide : (A_ROW),
                .rows = rows, .depth = depth, .vectors = sdc_panel_begin(p + 1, COLUMNS) - begin, .first = first, .column = column,
                .ends = after == 0};
            for (int i = 0; i < products; i++) {
                s.sums[i] = sums[kept > 1 ? p - panel : 0][i];
                s.start[i] = k ? NULL : start[i];
                if (k == 0)
                    sdc_tile_start(start[i], HAS_BIAS && i == 0 ? d->bias + column : NULL, (COLUMNS) - column);
            }
            for (int i = 0; i < products; i++) {
                const bool last = i + 1 == products, end_of_step = last && p + 1 == end;
                const void *next = SDC_CAT(NAME, _panel)(last ? b : other, end_of_step ? again : last ? p + 1 : p, end_of_step ? after : k);
                SDC_CAT(NAME, _multiply)(&s, i, i ? other : b, p, k, wide_b, next);
            }
        }
    }
}

/* Units in the order outer, inner, rows, panels: neighbours share rows of A, which stay in the second-level cache while b,
 * which is brought in ahead, comes from the third.  A b that is too large for that is to come from memory once: there
 * panels are before rows. */
static void SDC_CAT(NAME, _part)(void *argument, int64_t unit, int64_t unit_end)
{
    const SdcDense *d = argument;
    const int64_t row_units = sdc_ceil_div(ROWS, SDC_CAT(NAME, _rows)), step = SDC_CAT(NAME, _panels)();
    const int64_t all_panels = sdc_panels(COLUMNS), panel_units = sdc_ceil_div(all_panels, step);
    for (; unit < unit_end; unit++) {
        const int64_t in_matrix = unit % (row_units * panel_units);
        int64_t row = (SDC_CAT(NAME, _same_panels) ? in_matrix % row_units : in_matrix / panel_units) * SDC_CAT(NAME, _rows);
        int64_t panel = (SDC_CAT(NAME, _same_panels) ? in_matrix / row_units : in_matrix % panel_units) * step;
        int64_t matrix = unit / row_units / panel_units, outer = matrix / (INNER), inner = matrix % (INNER);
        int64_t rows = sdc_min(SDC_CAT(NAME, _rows), (ROWS) - row), end = sdc_min(panel + step, all_panels);
        const int64_t each = CODE_BITS ? sdc_code_bytes(DEPTH, COLUMNS, CODE_BITS, GROUP) : sdc_vectors(COLUMNS) * SDC_VL * (DEPTH);
        const int64_t packed = SDC_CAT(NAME, _matrix)(outer, inner) * each;
        SDC_CAT(st_, TY) *y = (SDC_CAT(st_, TY) *)d->y + outer * (Y_OUTER) + inner * (Y_INNER);
        const SDC_CAT(st_, TA) *a = (const SDC_CAT(st_, TA) *)d->x + outer * (A_OUTER) + inner * (A_INNER);
        const SDC_CAT(NAME, _packed) *b = (const SDC_CAT(NAME, _packed) *)d->weights + packed, *other = d->more_weights;
        SDC_CAT(NAME, _unit)(y, a, b, SDC_CAT(NAME, _products) > 1 ? other + packed : NULL, d, row, rows, panel, end,
                             matrix * (ROWS) + row);
    }
}

#if B_FORM != SDC_B_PACKED
/* Pack panels of b; unit = matrix of b * panels + panel.  y is the scratch, weights is b. */
static void SDC_CAT(NAME, _pack)(void *argument, int64_t unit, int64_t unit_end)
{
    const SdcDense *d = argument;
    for (; unit < unit_end; unit++) {
        int64_t matrix = unit / sdc_panels(COLUMNS), per_outer = (B_INNER) ? (INNER) : 1;
        const int64_t begin = matrix / per_outer * (B_OUTER) + matrix % per_outer * (B_INNER);
        const SDC_CAT(st_, TB) *b = (const SDC_CAT(st_, TB) *)d->weights + begin;
        float *to = (float *)d->y + matrix * sdc_vectors(COLUMNS) * SDC_VL * (DEPTH);
        SDC_CAT(sdc_pack_panel_, TB)(to, b, DEPTH, COLUMNS, B_ROW, B_FORM == SDC_B_COLUMNS, unit % sdc_panels(COLUMNS));
    }
}
#endif

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TA) *a, const SDC_CAT(st_, TB) *b, const float *bias,
          float *scratch PAIR(SDC_PAIR_PARAMETER) EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    const int64_t matrices = (int64_t)(OUTER) * (INNER), flops = 2 * matrices * (ROWS) * (COLUMNS) * (DEPTH) * SDC_CAT(NAME, _products);
    const int64_t row_units = sdc_ceil_div(ROWS, SDC_CAT(NAME, _rows));
    const int64_t panel_units = sdc_ceil_div(sdc_panels(COLUMNS), SDC_CAT(NAME, _panels)());
#if B_FORM != SDC_B_PACKED
    SdcDense packing = {.y = scratch, .weights = b};
    const int64_t to_pack = SDC_CAT(NAME, _matrix)((OUTER) - 1, (INNER) - 1) + 1;
    sdc_run(c, SDC_CAT(NAME, _pack), &packing, to_pack * sdc_panels(COLUMNS), flops);
    const float *packed = scratch;
#else
    const SDC_CAT(st_, TB) *packed = b;
#endif
    (void)scratch;
    SdcDense d = {.y = y, .x = a, .weights = packed, PAIR(SDC_PAIR_FIELD) .bias = bias, .extra = extra};
    sdc_run(c, SDC_CAT(NAME, _part), &d, matrices * panel_units * row_units, flops);
}

#include "gemm_end.h"
#undef TA
#undef TB
#undef SDC_FEW_BY_CODES
#undef DEPTH_STEP
#undef UNIT_ORDER
#undef B_FORM
#undef B_ROW
