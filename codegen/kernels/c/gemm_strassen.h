/* gemm_strassen.h: Y[M][N] = A[M][K] B[K][N] + bias[N] in f32 by seven products of halves instead of eight, for every matrix of a
 * batch, which all have the same B.
 *
 *      void NAME(SdcContext *c, st_TY *y, const float *a, const float *b, const float *bias, float *scratch
 *                [, operands of EXTRAS])
 *
 * Parameters and operands are those of gemm.h, but for
 *
 *   b                     two matrices, the left and the right half of the columns, each as pack_gemm() writes it
 *   HALF_ROWS             rows of half a block: 2 HALF_ROWS rows that follow each other are one product, so that a row's sums do
 *                         not depend on the batch; 2 HALF_ROWS divides ROWS
 *   DEPTH_STEP            depths of a step, of either half; 2 DEPTH_STEP divides DEPTH
 *   ROUND_BLOCKS          blocks, counted over the whole batch, and steps whose left factors are in scratch at a time
 *   ROUND_STEPS
 *   scratch               StrassenPlan.scratch floats, see codegen/strassen_plan.h
 *
 * COLUMNS is a multiple of 2 SDC_VL, DEPTH_STEP of SDC_VL.  y may be an operand of EXTRAS, but overlaps neither a nor b.
 *
 * Winograd's variant of Strassen's method (Higham, Accuracy and Stability of Numerical Algorithms, chapter 23):
 *
 *      S1 = A21 + A22    S2 = S1 - A11    S3 = A11 - A21    S4 = A12 - S2
 *      T1 = B12 - B11    T2 = B22 - T1    T3 = B22 - B12    T4 = B21 - T2
 *      X = A11 B11 + S2 T2    V = S1 T1    W = X + S3 T3
 *      C11 = A11 B11 + A12 B21    C12 = X + V + S4 B22    C21 = W + A22 T4    C22 = W + V
 *
 * A round first writes the seven left factors of its rows in the order of their use, one stream that is prefetched from the
 * third-level cache.  A unit is a block by a panel of either half of the columns.  In each step it forms T in the second-level
 * cache, where the panels of B are too, and goes through the rows a tile at a time: the seven products of a tile
 * have their sums in the first-level cache, and the four of C wait for the next step. */
#include "finish.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_gemm_strassen_example
#define ROWS 1024
#define COLUMNS 1536
#define DEPTH 1536
#define HALF_ROWS 512
#define DEPTH_STEP 384
#define ROUND_BLOCKS 1
#define ROUND_STEPS 2
#endif
#include "gemm_parameters.h"

#ifndef SDC_STRASSEN
#define SDC_STRASSEN
/* The products in their order, and the quadrants of B and C. */
enum { SDC_A11_B11, SDC_A12_B21, SDC_S1_T1, SDC_S2_T2, SDC_S3_T3, SDC_S4_B22, SDC_A22_T4, SDC_STRASSEN_PRODUCTS };
enum { SDC_11, SDC_12, SDC_21, SDC_22, SDC_QUADRANTS };
enum { SDC_STRASSEN_AHEAD = 8 };        /* so many tiles before its end a step brings in the panels of the next one */

/* `depth` elements of the left factors of a row of the upper half and the lower one, whose right halves are `half` elements
 * farther; `step` elements from one factor to the next. */
static inline void sdc_strassen_left(float *to, int64_t step, const float *upper, const float *lower, int64_t half, int64_t depth)
{
    enum { ahead = 64 };                /* elements: too many streams for the CPU to foresee */
    for (int64_t k = 0; k < depth; k += SDC_VL) {
        const sdc_vf a11 = sdc_load(upper + k), a12 = sdc_load(upper + half + k);
        const sdc_vf a21 = sdc_load(lower + k), a22 = sdc_load(lower + half + k), s1 = a21 + a22, s2 = s1 - a11;
        const sdc_vf factor[SDC_STRASSEN_PRODUCTS] = {a11, a12, s1, s2, a11 - a21, a12 - s2, a22};
        SDC_UNROLL for (int i = 0; i < SDC_STRASSEN_PRODUCTS; i++) {
            __builtin_prefetch(to + i * step + k + ahead, 1);
            sdc_store(to + i * step + k, factor[i]);
        }
        for (int i = 0; i < 2; i++) {
            __builtin_prefetch(upper + i * half + k + ahead);
            __builtin_prefetch(lower + i * half + k + ahead);
        }
    }
}

/* T1 to T4 of n elements, to t, `step` elements apart. */
static inline void sdc_strassen_right(float *t, int64_t step, const float *const *b, int64_t n)
{
    for (int64_t i = 0; i < n; i += SDC_VL) {
        const sdc_vf b12 = sdc_load(b[SDC_12] + i), b22 = sdc_load(b[SDC_22] + i), t1 = b12 - sdc_load(b[SDC_11] + i);
        sdc_store(t + i, t1);
        sdc_store(t + step + i, b22 - t1);
        sdc_store(t + 2 * step + i, b22 - b12);
        sdc_store(t + 3 * step + i, sdc_load(b[SDC_21] + i) - (b22 - t1));
    }
}

/* sums[0..n) = a + b, or a where b is NULL; + sums, unless they begin so. */
static inline void sdc_strassen_add(float *sums, bool begins, const float *a, const float *b, int64_t n)
{
    const sdc_vf zero = {0};
    for (int64_t i = 0; i < n; i += SDC_VL)
        sdc_store(sums + i, (begins ? zero : sdc_load(sums + i)) + (sdc_load(a + i) + (b ? sdc_load(b + i) : zero)));
}
#endif

enum {
    SDC_CAT(NAME, _tile) = SDC_TILE_ROWS,
    SDC_CAT(NAME, _tiles) = ((HALF_ROWS) + SDC_TILE_ROWS - 1) / SDC_TILE_ROWS,
    SDC_CAT(NAME, _half) = (COLUMNS) / 2,
    SDC_CAT(NAME, _steps) = (DEPTH) / 2 / (DEPTH_STEP),
    SDC_CAT(NAME, _blocks) = (ROWS) / (2 * (HALF_ROWS)),                                    /* of a matrix */
    SDC_CAT(NAME, _factor) = SDC_TILE_ROWS * (DEPTH_STEP) + 16,     /* floats from a tile of one to the next: off powers of 2 */
    SDC_CAT(NAME, _factors) = SDC_CAT(NAME, _tiles) * SDC_STRASSEN_PRODUCTS * SDC_CAT(NAME, _factor),   /* of a block and step */
    SDC_CAT(NAME, _rounds) = (SDC_CAT(NAME, _steps) + (ROUND_STEPS) - 1) / (ROUND_STEPS),   /* of steps */
    SDC_CAT(NAME, _right) = (DEPTH_STEP) * SDC_TILE_VECTORS * SDC_VL + 16,                  /* floats from T1 to T2: off powers of 2 */
};

typedef struct {
    SdcDense d;
    float *left, *sums;                     /* [block][step][tile][factor][row][DEPTH_STEP]; what waits for the next round */
    int64_t block, blocks, step, steps;     /* the round's first, and how many */
} SDC_CAT(NAME, _round);

/* Units: block of the round, tile of rows. */
static void SDC_CAT(NAME, _left)(void *argument, int64_t unit, int64_t end)
{
    enum { tile = SDC_CAT(NAME, _tile), tiles = SDC_CAT(NAME, _tiles) };
    const SDC_CAT(NAME, _round) *r = argument;
    for (; unit < end; unit++) {
        const int64_t block = r->block + unit / tiles, matrix = block / SDC_CAT(NAME, _blocks), first = unit % tiles * tile;
        const float *a = (const float *)r->d.x + matrix / (INNER) * (A_OUTER) + matrix % (INNER) * (A_INNER)
                         + block % SDC_CAT(NAME, _blocks) * 2 * (HALF_ROWS) * (A_ROW) + r->step * (DEPTH_STEP);
        for (int64_t m = 0; m < tile; m++)
            for (int64_t step = 0; step < r->steps; step++) {
                float *to = r->left + (unit / tiles * r->steps + step) * SDC_CAT(NAME, _factors)
                            + unit % tiles * SDC_STRASSEN_PRODUCTS * SDC_CAT(NAME, _factor) + m * (DEPTH_STEP);
                const float *upper = a + sdc_min(first + m, (HALF_ROWS) - 1) * (A_ROW) + step * (DEPTH_STEP);
                sdc_strassen_left(to, SDC_CAT(NAME, _factor), upper, upper + (int64_t)(HALF_ROWS) * (A_ROW), (DEPTH) / 2, DEPTH_STEP);
            }
    }
}

/* A step of a block by a panel of either half of the columns. */
typedef struct {
    const SDC_CAT(NAME, _round) *r;
    int64_t block, column, vectors;         /* column: the left panel's first */
    bool begins, ends;                      /* Is it the first of all steps, the last? */
    const float *left;                      /* the block's factors */
    const float *right[SDC_STRASSEN_PRODUCTS];
    const float *next[SDC_QUADRANTS];       /* the panels of B in the next step */
    float *sums;                            /* of C: [tile][quadrant][row][vectors][SDC_VL] */
} SDC_CAT(NAME, _strip);

#define SDC_EW_TYPE float
#include "ew_names.h"
/* The number of the first row of a quadrant in the batch, and the rows of a tile of it. */
static inline int64_t SDC_CAT(NAME, _row)(const SDC_CAT(NAME, _strip) *s, int quadrant)
{
    return s->block * 2 * (HALF_ROWS) + quadrant / 2 * (HALF_ROWS);
}

/* Before a tile's last product: looks for what its finish reads. */
static inline void SDC_CAT(NAME, _begin)(const SDC_CAT(NAME, _strip) *s, int quadrant, int64_t t)
{
    enum { tile = SDC_CAT(NAME, _tile) };
    const void *const *extra = s->r->d.extra;
    const int64_t column = s->column + quadrant % 2 * SDC_CAT(NAME, _half), end = sdc_min((t + 1) * tile, HALF_ROWS);
    for (int64_t m = t * tile; s->ends && m < end; m++)
        SDC_FINISH_AHEAD(s->vectors * SDC_VL, SDC_CAT(NAME, _row)(s, quadrant) + m, column);
}

/* Behind a tile's last product; each quadrant is stored at once, so that it reaches memory during the next product. */
static inline void SDC_CAT(NAME, _end)(const SDC_CAT(NAME, _strip) *s, int quadrant, int64_t t, const float *sums)
{
    enum { tile = SDC_CAT(NAME, _tile), matrix_rows = (ROWS) };
    const SDC_CAT(NAME, _round) *r = s->r;
    const void *const *extra = r->d.extra;
    const int64_t width = s->vectors * SDC_VL, column = s->column + quadrant % 2 * SDC_CAT(NAME, _half);
    const int64_t first = SDC_CAT(NAME, _row)(s, quadrant), matrix = first / matrix_rows, end = sdc_min((t + 1) * tile, HALF_ROWS);
    SDC_CAT(st_, TY) *y = (SDC_CAT(st_, TY) *)r->d.y + matrix / (INNER) * (Y_OUTER) + matrix % (INNER) * (Y_INNER)
                          + first % matrix_rows * (Y_ROW) + column;
    for (int64_t m = t * tile; s->ends && m < end; m++) {
        const float *sum = sums + (m - t * tile) * width, *bias = r->d.bias + (HAS_BIAS ? column : 0);
        (void)bias;
        SDC_FINISH(j, TY, y + m * (Y_ROW), sum[j] + (HAS_BIAS ? bias[j] : 0), width, first + m, column);
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

/* sums, or, unless start is NULL, what all of its rows begin with, + a tile of a product; b and the tile's factors: see _strip.
 * Behind those lie the next product's, which are brought in meanwhile, and so are, at the step's end, the next one's panels. */
static inline void SDC_CAT(NAME, _multiply)(const SDC_CAT(NAME, _strip) *s, int product, int64_t t, const float *start, float *sums)
{
    enum { tile = SDC_CAT(NAME, _tile), tiles = SDC_CAT(NAME, _tiles), ahead = tiles < SDC_STRASSEN_AHEAD ? tiles : SDC_STRASSEN_AHEAD };
    const int64_t width = s->vectors * SDC_VL, share = sdc_ceil_div((DEPTH_STEP) * width, ahead * 16) * 16, tap[1] = {0};
    const float *left = s->left + (t * SDC_STRASSEN_PRODUCTS + product) * SDC_CAT(NAME, _factor), *row[tile];
    const int64_t from = (t - tiles + ahead) * share;
    for (int64_t m = 0; m < tile; m++)
        row[m] = left + m * (DEPTH_STEP);
    for (int64_t i = from; product < SDC_QUADRANTS && from >= 0 && i < sdc_min(from + share, (DEPTH_STEP) * width); i += 16)
        __builtin_prefetch(s->next[product] + i, 0, 2);
    sdc_tile_for(tile, s->vectors)(start, sums, row, tap, 1, DEPTH_STEP, s->right[product], left + SDC_CAT(NAME, _factor), tile);
}

/* The seven products of tile t. */
static void SDC_CAT(NAME, _products)(const SDC_CAT(NAME, _strip) *s, int64_t t)
{
    enum { widest = SDC_TILE_VECTORS * SDC_VL, most = SDC_CAT(NAME, _tile) * widest };
    static const _Alignas(64) float zeros[widest];
    _Alignas(64) float x[most], v[most], w[most];
    const int64_t count = SDC_CAT(NAME, _tile) * s->vectors * SDC_VL;
    float *c[SDC_QUADRANTS];
    for (int q = 0; q < SDC_QUADRANTS; q++)
        c[q] = s->sums + (t * SDC_QUADRANTS + q) * count;
    for (int64_t i = 0; i < SDC_QUADRANTS * count; i += 16)
        __builtin_prefetch(c[0] + i, 1);
    SDC_CAT(NAME, _multiply)(s, SDC_A11_B11, t, zeros, x);
    sdc_strassen_add(c[SDC_11], s->begins, x, NULL, count);
    SDC_CAT(NAME, _begin)(s, SDC_11, t);
    SDC_CAT(NAME, _multiply)(s, SDC_A12_B21, t, NULL, c[SDC_11]);
    SDC_CAT(NAME, _end)(s, SDC_11, t, c[SDC_11]);
    SDC_CAT(NAME, _multiply)(s, SDC_S1_T1, t, zeros, v);
    SDC_CAT(NAME, _multiply)(s, SDC_S2_T2, t, NULL, x);
    memcpy(w, x, (size_t)count * sizeof *w);
    SDC_CAT(NAME, _begin)(s, SDC_22, t);
    SDC_CAT(NAME, _multiply)(s, SDC_S3_T3, t, NULL, w);
    sdc_strassen_add(c[SDC_22], s->begins, w, v, count);
    SDC_CAT(NAME, _end)(s, SDC_22, t, c[SDC_22]);
    sdc_strassen_add(c[SDC_12], s->begins, x, v, count);
    SDC_CAT(NAME, _begin)(s, SDC_12, t);
    SDC_CAT(NAME, _multiply)(s, SDC_S4_B22, t, NULL, c[SDC_12]);
    SDC_CAT(NAME, _end)(s, SDC_12, t, c[SDC_12]);
    sdc_strassen_add(c[SDC_21], s->begins, w, NULL, count);
    SDC_CAT(NAME, _begin)(s, SDC_21, t);
    SDC_CAT(NAME, _multiply)(s, SDC_A22_T4, t, NULL, c[SDC_21]);
    SDC_CAT(NAME, _end)(s, SDC_21, t, c[SDC_21]);
}

/* The panels of B's quadrants in a step. */
static inline void SDC_CAT(NAME, _quadrants)(const float **quadrant, const float *b, int64_t panel, int64_t step)
{
    enum { half = SDC_CAT(NAME, _half) };
    const int64_t begin = sdc_panel_begin(panel, half), vectors = sdc_panel_begin(panel + 1, half) - begin;
    const float *first = b + (begin * (DEPTH) + vectors * step * (DEPTH_STEP)) * SDC_VL;
    for (int q = 0; q < SDC_QUADRANTS; q++)
        quadrant[q] = first + (int64_t)(q % 2) * half * (DEPTH) + q / 2 * vectors * ((DEPTH) / 2) * SDC_VL;
}

/* Units: panel, block of the round: those that follow each other have the same panels. */
static void SDC_CAT(NAME, _part)(void *argument, int64_t unit, int64_t end)
{
    enum { widest = SDC_TILE_VECTORS * SDC_VL, tiles = SDC_CAT(NAME, _tiles), right = SDC_CAT(NAME, _right), half = SDC_CAT(NAME, _half) };
    enum { sums_rows = SDC_QUADRANTS * tiles * SDC_CAT(NAME, _tile) };
    const SDC_CAT(NAME, _round) *r = argument;
    _Alignas(64) float t[4 * right], sums[SDC_CAT(NAME, _rounds) > 1 ? 1 : sums_rows * widest];
    for (; unit < end; unit++) {
        const int64_t panel = unit / r->blocks, place = unit % r->blocks, begin = sdc_panel_begin(panel, half);
        const int64_t after = (place + 1 < r->blocks ? panel : panel + 1) % sdc_panels(half);
        SDC_CAT(NAME, _strip) s = {.r = r, .block = r->block + place, .column = begin * SDC_VL,
                                   .vectors = sdc_panel_begin(panel + 1, half) - begin};
        s.sums = SDC_CAT(NAME, _rounds) > 1 ? r->sums + (place * half + begin * SDC_VL) * sums_rows : sums;
        for (int64_t step = 0; step < r->steps; step++) {
            const bool more = step + 1 < r->steps;
            const float *b[SDC_QUADRANTS];
            s.begins = r->step + step == 0;
            s.ends = r->step + step + 1 == SDC_CAT(NAME, _steps);
            s.left = r->left + (place * r->steps + step) * SDC_CAT(NAME, _factors);
            SDC_CAT(NAME, _quadrants)(b, r->d.weights, panel, r->step + step);
            SDC_CAT(NAME, _quadrants)(s.next, r->d.weights, more ? panel : after, r->step + (more ? step + 1 : 0));
            sdc_strassen_right(t, right, b, (DEPTH_STEP) * s.vectors * SDC_VL);
            memcpy(s.right, (const float *[]){b[SDC_11], b[SDC_21], t, t + right, t + 2 * right, b[SDC_22], t + 3 * right}, sizeof s.right);
            for (int64_t tile = 0; tile < tiles; tile++)
                SDC_CAT(NAME, _products)(&s, tile);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const float *a, const float *b, const float *bias, float *scratch EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    const int64_t blocks = (int64_t)(OUTER) * (INNER) * SDC_CAT(NAME, _blocks), panels = sdc_panels(SDC_CAT(NAME, _half));
    SDC_CAT(NAME, _round) r = {.d = {.y = y, .x = a, .weights = b, .bias = bias, .extra = extra}, .left = scratch,
                               .sums = scratch + (int64_t)(ROUND_BLOCKS) * (ROUND_STEPS) * SDC_CAT(NAME, _factors)};
    for (; r.block < blocks; r.block += r.blocks) {
        r.blocks = sdc_min(ROUND_BLOCKS, blocks - r.block);
        for (r.step = 0; r.step < SDC_CAT(NAME, _steps); r.step += r.steps) {
            r.steps = sdc_min(ROUND_STEPS, SDC_CAT(NAME, _steps) - r.step);
            sdc_parallel(c, SDC_CAT(NAME, _left), &r, r.blocks * SDC_CAT(NAME, _tiles));
            sdc_parallel(c, SDC_CAT(NAME, _part), &r, r.blocks * panels);
        }
    }
}

#include "gemm_end.h"
#undef HALF_ROWS
#undef DEPTH_STEP
#undef ROUND_BLOCKS
#undef ROUND_STEPS
