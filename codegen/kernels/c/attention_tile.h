/* attention_tile.h: what all instances of attention.h share: register tiles, 2^x, rows to columns.
 *
 *      sdc_keys_tile:      sums[m][j]  =                        sum over k of a[m * step + k] * b[k][j]
 *      sdc_values_tile:    sums[m][j]  = sums[m][j] * keep[j] + sum over k of a[k * step + m] * b[k][j]
 *
 * j runs over `vectors` vectors of queries, m over the rows of a tile: keys, or dimensions of the values.  The sum over
 * k is taken alone and joined to what was there at the end: sums over many keys round less so. */
#ifndef SDC_ATTENTION_TILE_H
#define SDC_ATTENTION_TILE_H

#include "tile.h"
#include "transpose_block.h"

/* A stride of about n floats that does not walk through few sets of a cache. */
#define SDC_OFF_POWERS(n) ((n) % 64 ? (n) : (n) + 16)

enum { SDC_TURNED = 0, SDC_STRAIGHT = 1 };

static inline __attribute__((always_inline)) void sdc_attention_body(const int rows, const int vectors, const int order,
                                                                     float *sums, const float *a, int64_t step,
                                                                     int64_t depth, const float *b, const float *keep)
{
    sdc_vf sum[SDC_TILE_ROWS][SDC_TILE_VECTORS];
    const float *row[SDC_TILE_ROWS];
    SDC_UNROLL for (int m = 0; m < rows; m++) {
        row[m] = a + (order == SDC_STRAIGHT ? m * step : m);
        SDC_UNROLL for (int v = 0; v < vectors; v++)
            sum[m][v] = (sdc_vf){0};
    }
    for (int64_t k = 0; k < depth; k++, b += vectors * SDC_VL) {
        sdc_vf column[SDC_TILE_VECTORS];
        SDC_UNROLL for (int v = 0; v < vectors; v++)
            column[v] = sdc_load(b + v * SDC_VL);
        SDC_UNROLL for (int m = 0; m < rows; m++) {
            const sdc_vf value = sdc_splat(order == SDC_STRAIGHT ? row[m][k] : a[k * step + m]);
            SDC_UNROLL for (int v = 0; v < vectors; v++)
                sum[m][v] += value * column[v];
        }
    }
    SDC_UNROLL for (int v = 0; v < vectors; v++) {
        const sdc_vf kept = order == SDC_STRAIGHT ? (sdc_vf){0} : sdc_load(keep + v * SDC_VL);
        SDC_UNROLL for (int m = 0; m < rows; m++) {
            float *at = sums + (m * vectors + v) * SDC_VL;
            sdc_store(at, order == SDC_STRAIGHT ? sum[m][v] : sdc_load(at) * kept + sum[m][v]);
        }
    }
}

typedef void SdcAttentionTile(float *sums, const float *a, int64_t step, int64_t depth, const float *b,
                              const float *keep);

#define SDC_ATTENTION_TILE(NAME, ORDER, ROWS, VECTORS)                                                                 \
    static __attribute__((noinline)) void NAME##_##ROWS##_##VECTORS(float *sums, const float *a, int64_t step,         \
                                                                    int64_t depth, const float *b, const float *keep)  \
    {                                                                                                                  \
        sdc_attention_body(ROWS, VECTORS, ORDER, sums, a, step, depth, b, keep);                                       \
    }
#if SDC_VL == 16
#define SDC_ATTENTION_WIDTHS(NAME, ORDER, ROWS)                                                                        \
    SDC_ATTENTION_TILE(NAME, ORDER, ROWS, 1)                                                                           \
    SDC_ATTENTION_TILE(NAME, ORDER, ROWS, 2)                                                                           \
    SDC_ATTENTION_TILE(NAME, ORDER, ROWS, 3)
#define SDC_ATTENTION_ROW(NAME, ROWS) {NAME##_##ROWS##_1, NAME##_##ROWS##_2, NAME##_##ROWS##_3}
#else
#define SDC_ATTENTION_WIDTHS(NAME, ORDER, ROWS)                                                                        \
    SDC_ATTENTION_TILE(NAME, ORDER, ROWS, 1)                                                                           \
    SDC_ATTENTION_TILE(NAME, ORDER, ROWS, 2)
#define SDC_ATTENTION_ROW(NAME, ROWS) {NAME##_##ROWS##_1, NAME##_##ROWS##_2}
#endif

/* NAME(rows, vectors): the tile for so many rows that are left; it may compute more, at most SDC_TILE_ROWS. */
#define SDC_ATTENTION_TILES(NAME, ORDER)                                                                               \
    SDC_ATTENTION_WIDTHS(NAME, ORDER, 2)                                                                               \
    SDC_ATTENTION_WIDTHS(NAME, ORDER, 4)                                                                               \
    SDC_ATTENTION_WIDTHS(NAME, ORDER, SDC_TILE_ROWS)                                                                   \
    static inline SdcAttentionTile *NAME(int64_t rows, int64_t vectors)                                                \
    {                                                                                                                  \
        static SdcAttentionTile *const tiles[3][SDC_TILE_VECTORS] = {                                                  \
            SDC_ATTENTION_ROW(NAME, 2), SDC_ATTENTION_ROW(NAME, 4), SDC_ATTENTION_ROW(NAME, SDC_TILE_ROWS)};           \
        return tiles[rows <= 2 ? 0 : rows <= 4 ? 1 : 2][vectors - 1];                                                  \
    }
SDC_ATTENTION_TILES(sdc_keys_tile, SDC_STRAIGHT)
SDC_ATTENTION_TILES(sdc_values_tile, SDC_TURNED)

/* value 2^n, where shifted = x + 3 * 2^22 holds n in its lowest bits; 0 for x below -126. */
static inline sdc_vf sdc_exp2_scaled(sdc_vf value, sdc_vf shifted, sdc_vf x)
{
    const sdc_vf power = (sdc_vf)(sdc_vi)(((sdc_vu)shifted << 23) + 0x3f800000u);
    return (sdc_vf)(~(x < -126.0f) & (sdc_vi)(value * power));
}

/* 2^x for x <= 0 or NaN; below -126 it is 0.  2^x = 2^n (1 + r Q(r)), |r| <= 1/2; relative error 2^-27.5 and one
 * rounding (Q as in vecmath_body.h, one term shorter). */
static inline sdc_vf sdc_exp2_below(sdc_vf x)
{
    const sdc_vf shifted = x + 0x1.8p23f, r = x - (shifted - 0x1.8p23f);
    sdc_vf q = sdc_splat(0x1.4bcd60p-13f);
    q = q * r + 0x1.5fbfb4p-10f;
    q = q * r + 0x1.3b21c6p-7f;
    q = q * r + 0x1.c6ada6p-5f;
    q = q * r + 0x1.ebfbe6p-3f;
    q = q * r + 0x1.62e432p-1f;
    return sdc_exp2_scaled(q * r + 1.0f, shifted, x);
}

/* a > b ? a : b; asm, since compilers make three instructions of the select. */
static inline sdc_vf sdc_larger(sdc_vf a, sdc_vf b)
{
#if defined(__AVX512F__) && SDC_VL == 16
    __asm__("vmaxps %1, %0, %0" : "+v"(a) : "v"(b));
    return a;
#else
    return sdc_select(a > b, a, b);
#endif
}

/* Scores to weights in one column of vectors, `step` floats apart: s = 2^(s - top) with the largest so far as top; *sum
 * goes on, *keep is what earlier weights are to be multiplied with. */
static __attribute__((noinline)) void sdc_weigh(float *s, int64_t count, int64_t step, float *top, float *sum,
                                                float *keep)
{
    const sdc_vf before = sdc_load(top);
    sdc_vf most[4] = {before, before, before, before}, part[2] = {{0}, {0}};
    int64_t k = 0;
    for (; k + 4 <= count; k += 4)
        SDC_UNROLL for (int j = 0; j < 4; j++)
            most[j] = sdc_larger(sdc_load(s + (k + j) * step), most[j]);
    for (; k < count; k++)
        most[0] = sdc_larger(sdc_load(s + k * step), most[0]);
    most[0] = sdc_larger(sdc_larger(most[0], most[1]), sdc_larger(most[2], most[3]));
    const sdc_vf base = sdc_select(most[0] == -INFINITY, (sdc_vf){0}, most[0]);      /* -inf - -inf would be NaN */
    const sdc_vf kept = sdc_exp2_below(before - base);
    for (k = 0; k + 2 <= count; k += 2)
        SDC_UNROLL for (int j = 0; j < 2; j++) {
            float *at = s + (k + j) * step;
            const sdc_vf weight = sdc_exp2_below(sdc_load(at) - base);
            sdc_store(at, weight);
            part[j] += weight;
        }
    if (k < count) {
        const sdc_vf weight = sdc_exp2_below(sdc_load(s + k * step) - base);
        sdc_store(s + k * step, weight);
        part[0] += weight;
    }
    sdc_store(top, most[0]);
    sdc_store(sum, sdc_load(sum) * kept + (part[0] + part[1]));
    sdc_store(keep, kept);
}

/* to[i * to_stride + j] = from[j * from_stride + i] for i < columns, j < rows, both rounded up to 4. */
static inline void sdc_turn(float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t columns,
                            int64_t rows)
{
    for (int64_t i = 0; i < columns; i += 4)
        for (int64_t j = 0; j < rows; j += 4)
            sdc_transpose_32((uint32_t *)(to + i * to_stride + j), to_stride,
                             (const uint32_t *)(from + j * from_stride + i), from_stride);
}

#endif
