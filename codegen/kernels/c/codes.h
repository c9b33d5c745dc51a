/* codes.h: weights that are stored in integers, for gemm.h: each is code * scale.
 *
 * A packed matrix is its codes, in the order of gemm.h's panels, and behind them its scales.  32 bits hold the codes of 4
 * or 8 depths of a column, the first in the lowest bits, so that shifts are all it takes to widen them, with any
 * instruction set: [depths / 4 or 8][vectors of the panel][SDC_VL] words.  Depths beyond the last are zero.  A scale, bf16,
 * is that of one column and one group of depths: [panel][group][vectors of the panel][SDC_VL].  codegen/code_pack.c writes
 * this. */
#ifndef SDC_CODES_H
#define SDC_CODES_H

#include "tile.h"

typedef int32_t sdc_viu __attribute__((vector_size(4 * SDC_VL), aligned(4), may_alias));       /* unaligned memory */

/* Floats that widening may write behind a part of a panel: the rest of a word. */
enum { SDC_WIDE_REST = 8 * SDC_TILE_VECTORS * SDC_VL };

/* Depths as they are stored. */
static inline int64_t sdc_code_depth(int64_t depth, int bits)
{
    return bits ? sdc_ceil_div(depth * bits, 32) * 32 / bits : depth;
}
static inline int64_t sdc_code_groups(int64_t depth, int64_t group) { return group ? sdc_ceil_div(depth, group) : 1; }

static inline int64_t sdc_code_group(int64_t k, int64_t group) { return group ? k / group : 0; }

/* Of one packed matrix. */
static inline int64_t sdc_code_bytes(int64_t depth, int64_t columns, int bits, int64_t group)
{
    const int64_t width = sdc_vectors(columns) * SDC_VL;
    const int64_t bytes = width * sdc_code_depth(depth, bits) * bits / 8 + width * sdc_code_groups(depth, group) * 2;
    return sdc_ceil_div(bytes, 64) * 64;
}

/* `depth` depths of `vectors` vectors that share a scale each. */
static inline __attribute__((always_inline)) void sdc_widen_group(const int bits, const int vectors, float *restrict to,
                                                                  const int8_t *restrict codes, const st_bf16 *scales,
                                                                  int64_t depth)
{
    sdc_vf scale[SDC_TILE_VECTORS];
    SDC_UNROLL for (int v = 0; v < vectors; v++)
        scale[v] = sdc_lanes_bf16(scales + v * SDC_VL, SDC_VL);
    for (int64_t k = 0; k < depth; k += 32 / bits, codes += 4 * vectors * SDC_VL)
        SDC_UNROLL for (int v = 0; v < vectors; v++) {
            const sdc_vi word = *(const sdc_viu *)(const void *)(codes + 4 * v * SDC_VL);
            SDC_UNROLL for (int d = 0; d < 32 / bits; d++) {
                const sdc_vi code = (word << (32 - bits * (d + 1))) >> (32 - bits);
                sdc_store(to + ((k + d) * vectors + v) * SDC_VL, __builtin_convertvector(code, sdc_vf) * scale[v]);
            }
        }
}

/* A step of a panel: `depth` depths from a group's first on. */
static inline __attribute__((always_inline)) void sdc_widen_step(const int bits, const int vectors, float *to,
                                                                 const int8_t *codes, const st_bf16 *scales, int64_t depth,
                                                                 int64_t group)
{
    for (int64_t k = 0; k < depth; k += group, scales += vectors * SDC_VL)
        sdc_widen_group(bits, vectors, to + k * vectors * SDC_VL, codes + k * vectors * SDC_VL * bits / 8, scales,
                        sdc_min(group, depth - k));
}

static inline void sdc_widen_codes(const int bits, float *to, const int8_t *codes, const st_bf16 *scales, int64_t vectors,
                                   int64_t depth, int64_t group)
{
    const int64_t shared = group ? group : depth;
    if (vectors == 1)
        sdc_widen_step(bits, 1, to, codes, scales, depth, shared);
    else if (vectors == 2)
        sdc_widen_step(bits, 2, to, codes, scales, depth, shared);
    else
        sdc_widen_step(bits, SDC_TILE_VECTORS, to, codes, scales, depth, shared);
}

/* ---- few rows ---------------------------------------------------------------------------------------------------- */

/* sums [rows][vectors][SDC_VL] += products of `depth` depths that share a scale each; following: what is read after
 * these codes, brought into the second-level cache meanwhile. */
static inline __attribute__((always_inline)) void sdc_code_group_body(const int bits, const int rows, const int vectors,
                                                                      float *sums, const float *const *a,
                                                                      const int8_t *codes, const st_bf16 *scales,
                                                                      int64_t depth, const int8_t *following)
{
    sdc_vf sum[4][SDC_TILE_VECTORS] = {0};
    float last[4][8] = {0};                         /* what is left of a, beside zeros, for the last word */
    const int64_t whole = depth * bits / 32 * 32 / bits;
    for (int64_t k = 0; k < depth; k += 32 / bits, codes += 4 * vectors * SDC_VL, following += 4 * vectors * SDC_VL) {
        const float *at[4];
        SDC_UNROLL for (int m = 0; m < rows; m++) {
            at[m] = a[m] + k;
            if (k == whole)
                at[m] = memcpy(last[m], at[m], (size_t)(depth - k) * sizeof *at[m]);
        }
        SDC_UNROLL for (int line = 0; line < 4 * vectors * SDC_VL; line += 64)
            __builtin_prefetch(following + line, 0, 2);
        SDC_UNROLL for (int v = 0; v < vectors; v++) {
            const sdc_vi word = *(const sdc_viu *)(const void *)(codes + 4 * v * SDC_VL);
            SDC_UNROLL for (int d = 0; d < 32 / bits; d++) {
                const sdc_vf code = __builtin_convertvector((word << (32 - bits * (d + 1))) >> (32 - bits), sdc_vf);
                SDC_UNROLL for (int m = 0; m < rows; m++)
                    sum[m][v] += sdc_splat(at[m][d]) * code;
            }
        }
    }
    SDC_UNROLL for (int v = 0; v < vectors; v++) {
        const sdc_vf scale = sdc_lanes_bf16(scales + v * SDC_VL, SDC_VL);
        SDC_UNROLL for (int m = 0; m < rows; m++) {
            float *to = sums + (m * vectors + v) * SDC_VL;
            sdc_store(to, sdc_load(to) + sum[m][v] * scale);
        }
    }
}

/* The same for a step of a panel, in groups. */
static inline __attribute__((always_inline)) void sdc_code_body(const int bits, const int rows, const int vectors, float *sums,
                                                                const float *const *a, const int8_t *codes,
                                                                const st_bf16 *scales, int64_t depth, int64_t group,
                                                                const int8_t *following)
{
    for (int64_t k = 0; k < depth; k += group, scales += vectors * SDC_VL) {
        const float *at[4];
        const int64_t done = k * vectors * SDC_VL * bits / 8;
        SDC_UNROLL for (int m = 0; m < rows; m++)
            at[m] = a[m] + k;
        sdc_code_group_body(bits, rows, vectors, sums, at, codes + done, scales, sdc_min(group, depth - k),
                            following + done);
    }
}

static inline __attribute__((always_inline)) void sdc_code_rows(const int bits, const int rows, float *sums,
                                                                const float *const *a, const int8_t *codes,
                                                                const st_bf16 *scales, int64_t vectors, int64_t depth,
                                                                int64_t group, const int8_t *following)
{
    const int64_t shared = group ? group : depth;
    if (vectors == 1)
        sdc_code_body(bits, rows, 1, sums, a, codes, scales, depth, shared, following);
    else if (vectors == 2)
        sdc_code_body(bits, rows, 2, sums, a, codes, scales, depth, shared, following);
    else
        sdc_code_body(bits, rows, SDC_TILE_VECTORS, sums, a, codes, scales, depth, shared, following);
}

#endif
