/* codes.h: weights that are stored in integers, for gemm.h: each is code * scale.
 *
 * A packed matrix is its codes, in the order of gemm.h's panels, and behind them its scales.  Codes of 8 bits are a byte each,
 * [k][vectors of the panel][SDC_VL]; of 4 bits, depths 2 k and 2 k + 1 share a byte, the even one in its low half, and a
 * depth is added where their number is odd.  A scale, bf16, is that of one column and one group of depths:
 * [panel][group][vectors of the panel][SDC_VL].  codegen/code_pack.c writes this. */
#ifndef SDC_CODES_H
#define SDC_CODES_H

#include "tile.h"

typedef int8_t sdc_vc __attribute__((vector_size(SDC_VL)));
typedef int8_t sdc_vcu __attribute__((vector_size(SDC_VL), aligned(1), may_alias));

static inline int64_t sdc_code_depth(int64_t depth, int bits) { return bits == 4 ? depth + depth % 2 : depth; }
static inline int64_t sdc_code_groups(int64_t depth, int64_t group) { return group ? sdc_ceil_div(depth, group) : 1; }

static inline int64_t sdc_code_group(int64_t k, int64_t group) { return group ? k / group : 0; }

/* Of one packed matrix. */
static inline int64_t sdc_code_bytes(int64_t depth, int64_t columns, int bits, int64_t group)
{
    const int64_t width = sdc_vectors(columns) * SDC_VL;
    const int64_t bytes = width * sdc_code_depth(depth, bits) * bits / 8 + width * sdc_code_groups(depth, group) * 2;
    return sdc_ceil_div(bytes, 64) * 64;
}

static inline sdc_vi sdc_code_load(const int8_t *p)
{
    return __builtin_convertvector((sdc_vc) * (const sdc_vcu *)p, sdc_vi);
}

/* `depth` depths of `vectors` vectors that share a scale each. */
static inline __attribute__((always_inline)) void sdc_widen_group(const int bits, const int vectors, float *restrict to,
                                                                  const int8_t *restrict codes, const st_bf16 *scales,
                                                                  int64_t depth)
{
    sdc_vf scale[SDC_TILE_VECTORS];
    SDC_UNROLL for (int v = 0; v < vectors; v++)
        scale[v] = sdc_lanes_bf16(scales + v * SDC_VL, SDC_VL);
    for (int64_t k = 0; k < depth; k += 8 / bits, codes += vectors * SDC_VL, to += 8 / bits * vectors * SDC_VL)
        SDC_UNROLL for (int v = 0; v < vectors; v++) {
            const sdc_vi code = sdc_code_load(codes + v * SDC_VL), even = bits == 4 ? (code << 28) >> 28 : code;
            sdc_store(to + v * SDC_VL, __builtin_convertvector(even, sdc_vf) * scale[v]);
            if (bits == 4)
                sdc_store(to + (vectors + v) * SDC_VL, __builtin_convertvector(code >> 4, sdc_vf) * scale[v]);
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

#endif
