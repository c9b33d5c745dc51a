/* tile.h: the inner kernel of convolution and matrix product, and how their work is cut.
 *
 *      sum[m][j] += A[m][k] * B[k][j]          m < rows, j < vectors * SDC_VL, all in registers
 *
 * A is read through one pointer a row, so a row may be a row of a matrix or a pixel of a patch; B is a packed panel.
 * For a convolution the k loop runs once a tap: the rows are moved by tap[t] floats, the panel goes on.
 *
 * Columns come in vectors of SDC_VL, vectors in panels of at most SDC_TILE_VECTORS: panel p of `panels` over `vectors`
 * vectors holds the vectors [p * vectors / panels, (p + 1) * vectors / panels), so no two panels differ by more than
 * one vector.  A panel is stored [k][vectors of the panel][SDC_VL], columns beyond the last are zero; it begins at
 * float (its first vector) * SDC_VL * depth.  codegen/conv_pack.c writes this format.
 *
 * Tile shapes fill the register file: 8 x 3 + 3 + 1 of 32 registers with AVX-512, 6 x 2 + 2 + 1 of 16 with AVX2,
 * 8 x 2 + 8 + 2 of 32 on AArch64, 4 x 2 with SSE.  Measured on Sapphire Rapids: 8 x 3 reaches 99 % of the FMA ceiling
 * with the panel prefetched, 80 % without; 6 x 2 97 %. */
#ifndef SDC_TILE_H
#define SDC_TILE_H

#include "kernel.h"

#if SDC_VL == 16
enum { SDC_TILE_ROWS = 8, SDC_TILE_VECTORS = 3 };
#elif SDC_VL == 8
enum { SDC_TILE_ROWS = 6, SDC_TILE_VECTORS = 2 };
#elif defined(__aarch64__)
enum { SDC_TILE_ROWS = 8, SDC_TILE_VECTORS = 2 };
#else
enum { SDC_TILE_ROWS = 4, SDC_TILE_VECTORS = 2 };
#endif

enum { SDC_TILE_AHEAD = 384 };                    /* floats of the panel prefetched ahead: 8 steps of the widest tile */

#ifdef __clang__
#define SDC_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SDC_UNROLL _Pragma("GCC unroll 16")
#endif

/* Of constants. */
#define SDC_ROUND_UP(n, to) (((n) + (to) - 1) / (to) * (to))
#define SDC_LESSER(a, b) ((a) < (b) ? (a) : (b))
#define SDC_GREATER(a, b) ((a) > (b) ? (a) : (b))

static inline int64_t sdc_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t sdc_min(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t sdc_vectors(int64_t columns) { return sdc_ceil_div(columns, SDC_VL); }
static inline int64_t sdc_panels(int64_t columns) { return sdc_ceil_div(sdc_vectors(columns), SDC_TILE_VECTORS); }

/* First vector of a panel; of panel `sdc_panels(columns)`, the number of vectors. */
static inline int64_t sdc_panel_begin(int64_t panel, int64_t columns)
{
    return panel * sdc_vectors(columns) / sdc_panels(columns);
}

/* Values of k at once: AArch64 multiplies by any lane of a register, so a row's are one load. */
#ifdef __aarch64__
enum { SDC_TILE_STEPS = SDC_VL };
#else
enum { SDC_TILE_STEPS = 1 };
#endif

/* `steps` values of k, steps being 1 or SDC_TILE_STEPS; b, next and share as below. */
static inline __attribute__((always_inline)) void sdc_tile_steps(const int rows, const int vectors, const int steps,
                                                                 sdc_vf (*sum)[SDC_TILE_VECTORS], const float *const *a,
                                                                 int64_t k, const float *b, const float *next,
                                                                 int64_t share)
{
    sdc_vf value[SDC_TILE_ROWS];
    SDC_UNROLL for (int m = 0; m < rows && steps > 1; m++)
        value[m] = sdc_load(a[m] + k);
    SDC_UNROLL for (int line = 0; line < steps * vectors * SDC_VL; line += 16)
        __builtin_prefetch(b + SDC_TILE_AHEAD + line);
    SDC_UNROLL for (int step = 0; step < steps; step++) {
        sdc_vf column[SDC_TILE_VECTORS];
        SDC_UNROLL for (int v = 0; v < vectors; v++)
            column[v] = sdc_load(b + (step * vectors + v) * SDC_VL);
        __builtin_prefetch(next + step * share, 0, 2);
        SDC_UNROLL for (int m = 0; m < rows; m++) {
            const sdc_vf each = sdc_splat(steps > 1 ? value[m][step] : a[m][k]);
            SDC_UNROLL for (int v = 0; v < vectors; v++)
                sum[m][v] += each * column[v];
        }
    }
}

/* A loop over constants that the compiler unrolls, so that sum[][] lives in registers.
 *
 *   start        what each row's sums begin with, [vectors][SDC_VL]; NULL: what is in sums
 *   sums         [rows][vectors][SDC_VL], written
 *   row, tap     row[rows]: A; tap[taps]: floats to move the rows by for `depth` values of k each
 *   b            [taps * depth][vectors][SDC_VL]
 *   next, share  what will be read as b after this: `share` floats a step are brought into the second-level cache
 *                meanwhile.  A convolution of 1280 channels at 16 x 16 reaches 91 % of the ceiling so, 72 % without. */
static inline __attribute__((always_inline)) void sdc_tile_body(const int rows, const int vectors, const float *start,
                                                                float *sums, const float *const *row, const int64_t *tap,
                                                                int64_t taps, int64_t depth, const float *b,
                                                                const float *next, int64_t share)
{
    sdc_vf sum[SDC_TILE_ROWS][SDC_TILE_VECTORS];
    const float *from = start ? start : sums;
    const int64_t step = start ? 0 : vectors * SDC_VL;
    SDC_UNROLL for (int m = 0; m < rows; m++)
        SDC_UNROLL for (int v = 0; v < vectors; v++)
            sum[m][v] = sdc_load(from + m * step + v * SDC_VL);
    for (int64_t t = 0; t < taps; t++) {
        const float *a[SDC_TILE_ROWS];
        int64_t k = 0;
        SDC_UNROLL for (int m = 0; m < rows; m++)
            a[m] = row[m] + tap[t];
        for (; SDC_TILE_STEPS > 1 && k + SDC_TILE_STEPS <= depth; k += SDC_TILE_STEPS) {
            sdc_tile_steps(rows, vectors, SDC_TILE_STEPS, sum, a, k, b, next, share);
            b += SDC_TILE_STEPS * vectors * SDC_VL;
            next += SDC_TILE_STEPS * share;
        }
        for (; k < depth; k++) {
            sdc_tile_steps(rows, vectors, 1, sum, a, k, b, next, share);
            b += vectors * SDC_VL;
            next += share;
        }
    }
    SDC_UNROLL for (int m = 0; m < rows; m++)
        SDC_UNROLL for (int v = 0; v < vectors; v++)
            sdc_store(sums + (m * vectors + v) * SDC_VL, sum[m][v]);
}

/* One function a shape, shared by all instances in the translation unit; NAME(vectors) is that for a panel's width. */
typedef void SdcTile(const float *start, float *sums, const float *const *row, const int64_t *tap, int64_t taps,
                     int64_t depth, const float *b, const float *next, int64_t share);

#define SDC_TILE(NAME, ROWS, VECTORS)                                                                                  \
    static __attribute__((noinline, unused)) void NAME##_##VECTORS(const float *start, float *sums,                    \
        const float *const *row, const int64_t *tap, int64_t taps, int64_t depth, const float *b, const float *next,   \
        int64_t share)                                                                                                 \
    {                                                                                                                  \
        sdc_tile_body(ROWS, VECTORS, start, sums, row, tap, taps, depth, b, next, share);                                     \
    }
#if SDC_VL == 16
#define SDC_TILES(NAME, ROWS)                                                                                          \
    SDC_TILE(NAME, ROWS, 1)                                                                                            \
    SDC_TILE(NAME, ROWS, 2)                                                                                            \
    SDC_TILE(NAME, ROWS, 3)                                                                                            \
    static inline SdcTile *NAME(int64_t vectors)                                                                       \
    {                                                                                                                  \
        return vectors == 3 ? NAME##_3 : vectors == 2 ? NAME##_2 : NAME##_1;                                           \
    }
#else
#define SDC_TILES(NAME, ROWS)                                                                                          \
    SDC_TILE(NAME, ROWS, 1)                                                                                            \
    SDC_TILE(NAME, ROWS, 2)                                                                                            \
    static inline SdcTile *NAME(int64_t vectors) { return vectors == 2 ? NAME##_2 : NAME##_1; }
#endif
SDC_TILES(sdc_tile_1, 1)
SDC_TILES(sdc_tile_2, 2)
SDC_TILES(sdc_tile_4, 4)
SDC_TILES(sdc_tile_full, SDC_TILE_ROWS)

/* Rows of the tile that serves a matrix of so many rows, and that tile. */
#define SDC_ROWS_FOR(rows) ((rows) == 1 ? 1 : (rows) == 2 ? 2 : (rows) <= 4 ? 4 : SDC_TILE_ROWS)
#if SDC_VL == 16
/* Few rows are multiples of 7 rather than of 8: a text's 77. */
SDC_TILES(sdc_tile_7, 7)
#define SDC_FEW_ROWS_FOR(rows) ((rows) > 4 && (rows) % 7 == 0 && (rows) % 8 && (rows) < 200 ? 7 : SDC_ROWS_FOR(rows))
#else
#define SDC_FEW_ROWS_FOR(rows) SDC_ROWS_FOR(rows)
#endif
static inline SdcTile *sdc_tile_for(int rows, int64_t vectors)
{
#if SDC_VL == 16
    if (rows == 7)
        return sdc_tile_7(vectors);
#endif
    if (rows == SDC_TILE_ROWS)
        return sdc_tile_full(vectors);
    return rows == 1 ? sdc_tile_1(vectors) : rows == 2 ? sdc_tile_2(vectors) : sdc_tile_4(vectors);
}

/* start [SDC_TILE_VECTORS][SDC_VL] = bias, or 0 when bias is NULL; columns: how many are left from bias[0] on. */
static inline void sdc_tile_start(float *start, const float *bias, int64_t columns)
{
    for (int64_t j = 0; j < SDC_TILE_VECTORS * SDC_VL; j++)
        start[j] = bias && j < columns ? bias[j] : 0;
}

/* Of gemm.h: the forms of b, and the cut. */
#define SDC_B_PACKED 0
#define SDC_B_ROWS 1
#define SDC_B_COLUMNS 2
enum { SDC_DEPTH_STEP = 256, SDC_LONG_STEP = 768, SDC_UNIT_PANELS = 4, SDC_ENOUGH_UNITS = 16 };
enum { SDC_NEAR_BYTES = 32 << 20 };             /* of b: more is taken to be beyond the third-level cache */
#define SDC_STEPS(depth, step) SDC_GREATER(((depth) + (step) / 2 - 1) / (step), 1)
#define SDC_EQUAL_STEP(depth, step) (((depth) + SDC_STEPS(depth, step) - 1) / SDC_STEPS(depth, step))

/* Narrow types are widened a step of the panel at a time, on the stack: once for all tiles of a unit, which costs some
 * 5 % of their products; in the inner kernel it would be a quarter.  SDC_IS_NARROW is a constant. */
#define SDC_IS_NARROW(T) (sizeof(SDC_CAT(st_, T)) < sizeof(float))
enum { SDC_WIDE_FLOATS = SDC_DEPTH_STEP * SDC_TILE_VECTORS * SDC_VL };

/* Panel `panel` of b [depth][columns], or of b [columns][depth] when transposed, with `row` elements from one row of b to
 * the next, to its place in dst; columns beyond the last become zero. */
#define SDC_PACK_PANEL(T)                                                                                              \
    static inline void sdc_pack_panel_##T(float *dst, const st_##T *b, int64_t depth, int64_t columns, int64_t row,    \
                                          int transposed, int64_t panel)                                               \
    {                                                                                                                  \
        int64_t begin = sdc_panel_begin(panel, columns) * SDC_VL, end = sdc_panel_begin(panel + 1, columns) * SDC_VL;  \
        int64_t width = end - begin, present = sdc_min(end, columns) - begin;                                          \
        int64_t step_k = transposed ? 1 : row, step_column = transposed ? row : 1;                                     \
        dst += begin * depth;                                                                                          \
        b += begin * step_column;                                                                                      \
        for (int64_t k = 0; k < depth; k++)                                                                            \
            for (int64_t j = 0; j < width; j++)                                                                        \
                dst[k * width + j] = j < present ? ld_##T(b[k * step_k + j * step_column]) : 0.0f;                     \
    }
SDC_PACK_PANEL(f32)
SDC_PACK_PANEL(f16)
SDC_PACK_PANEL(bf16)

/* The operands of one call, as the part functions get them. */
typedef struct {
    void *y;
    const void *x, *beside, *weights;             /* beside: of beside.h */
    const void *more, *more_beside, *more_weights;/* of conv.h */
    double *slots;                                /* of conv.h */
    const float *bias, *lines;                    /* lines: of load.h */
    const void *const *extra;                     /* operands of EXTRAS */
} SdcDense;

#endif
