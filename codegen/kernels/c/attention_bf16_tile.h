/* attention_bf16_tile.h: what all instances of attention_bf16.h share: operands as tiles, scores to weights. */
#ifndef SDC_ATTENTION_BF16_TILE_H
#define SDC_ATTENTION_BF16_TILE_H

#include <float.h>

#include "attention_tile.h"
#include "bf16_tile.h"
#include "lanes.h"

/* `count` rows of `size` values, `row` apart, to [rows][width] with zeros around; width a multiple of 32, `rows` of 16. */
static inline void sdc_bf16_rows(st_bf16 *to, const st_bf16 *from, int64_t row, int64_t count, int64_t size, int64_t rows,
                                 int64_t width)
{
    for (int64_t m = 0; m < rows; m++, to += width) {
        const int64_t present = m < count ? size : 0;
        if (present)
            memcpy(to, from + m * row, (size_t)present * sizeof *to);
        memset(to + present, 0, (size_t)(width - present) * sizeof *to);
    }
}

/* [16][columns] 32-bit elements, rows `from_row` apart, to [columns][16], rows `to_row` apart; columns a multiple of 4. */
static inline void sdc_turn_16(void *to, int64_t to_row, const void *from, int64_t from_row, int64_t columns)
{
    uint32_t *t = to;
    const uint32_t *f = from;
    for (int64_t j = 0; j < columns; j += 4)
        for (int64_t m = 0; m < 16; m += 4)
            sdc_transpose_32(t + j * to_row + m, to_row, f + m * from_row + j, from_row);
}

/* 16 queries [16][slices * 32] as tiles of B whose columns they are: to[slice], `step` apart, [16 pairs][16][2]. */
static inline void sdc_bf16_queries(st_bf16 *to, int64_t step, const st_bf16 *queries, int64_t slices)
{
    for (int64_t s = 0; s < slices; s++)
        sdc_turn_16(to + s * step, 16, queries + s * 32, slices * 16, 16);
}

/* 32 values [32][width] as a tile of A whose depths they are: columns [column, column + 16) to rows `row` apart. */
static inline void sdc_bf16_values(st_bf16 *to, int64_t row, const st_bf16 *values, int64_t width, int64_t column)
{
    uint32_t both[16][16];
    for (int64_t pair = 0; pair < 16; pair++) {
        const st_bf16 *even = values + 2 * pair * width + column, *odd = even + width;
        for (int64_t k = 0; k < 16; k++)
            both[pair][k] = even[k] | (uint32_t)odd[k] << 16;
    }
    sdc_turn_16(to, row / 2, both, 16, 16);
}

/* 2^x for x <= 0 or NaN; below -126 it is 0.  2^x = 2^n P(r), |r| <= 1/2, relative error 2.9e-6. */
static inline sdc_vf sdc_exp2_short(sdc_vf x)
{
    const sdc_vf shifted = x + 0x1.8p23f, r = x - (shifted - 0x1.8p23f);
    sdc_vf q = sdc_splat(0x1.3a02ccp-7f);
    q = q * r + 0x1.c9fc46p-5f;
    q = q * r + 0x1.ec0378p-3f;
    q = q * r + 0x1.62e12cp-1f;
    return sdc_exp2_scaled(q * r + 1.0f, shifted, x);
}

/* 2^x whose upper half is the bf16 nearest to it, infinite from 128 on: with x = n + r, n whole, 2^n (P(r) + 2^-8).  P is
 * in [1, 2), where 2^-8 is half a unit of bf16; its relative error is at most 7.5e-5, a 26th of bf16's own. */
static inline sdc_vf sdc_exp2_halved(sdc_vf x)
{
#if defined(__AVX512DQ__) && SDC_VL == 16
    sdc_vf r, q = sdc_splat(0x1.3f96a4p-4f);
    __asm__("vreduceps $9, %1, %0" : "=v"(r) : "v"(x));         /* x - floor(x), 0 of infinities */
#else
    const sdc_vf above = sdc_select(x < -127.0f, sdc_splat(-127.0f), x);
    const sdc_vf in = sdc_select(above > 128.0f, sdc_splat(128.0f), above), near = in + 0x1.8p23f - 0x1.8p23f;
    const sdc_vf whole = near - sdc_select(near > in, sdc_splat(1), (sdc_vf){0}), r = in - whole;
    sdc_vf q = sdc_splat(0x1.3f96a4p-4f);
#endif
    q = q * r + 0x1.cefc4cp-3f;
    q = q * r + 0x1.64444cp-1f;
    q = q * r + (0x1.fff632p-1f + 0x1p-8f);
#if defined(__AVX512DQ__) && SDC_VL == 16
    __asm__("vscalefps %1, %0, %0" : "+v"(q) : "v"(x));         /* q * 2^floor(x) */
    return q;
#else
    return q * (sdc_vf)(((sdc_vu)(whole + 0x1.8p23f) + 127u) << 23);
#endif
}

/* Results below the normal numbers are 0 until sdc_flush_end(): a vector with one would take 200 cycles. */
static inline uint32_t sdc_flush_begin(void)
{
    uint32_t before = 0;
#if defined(__AVX512F__)
    __asm__ volatile("stmxcsr %0" : "=m"(before)::"memory");
    const uint32_t flush = before | 0x8000;
    __asm__ volatile("ldmxcsr %0" ::"m"(flush) : "memory");
#endif
    return before;
}
static inline void sdc_flush_end(uint32_t before)
{
    (void)before;
#if defined(__AVX512F__)
    __asm__ volatile("ldmxcsr %0" ::"m"(before) : "memory");
#endif
}

/* The sum of both halves of each lane as bf16, added to `sum`. */
static inline sdc_vf sdc_bf16_pair_sum(sdc_vf sum, sdc_vu pair)
{
#if defined(__AVX512BF16__) && !defined(SDC_AMX_EMULATED)
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(pair), "v"((sdc_vu){0} + 0x3f803f80u));
    return sum;
#else
    return sum + ((sdc_vf)(pair << 16) + (sdc_vf)(pair & 0xffff0000u));
#endif
}

/* Scores [32 keys][32] of 16 queries to weights 2^(factor s - base), [16 pairs of keys][16][2]; sum[2] goes on. */
static inline __attribute__((always_inline)) void sdc_bf16_weigh(st_bf16 *weights, const float *s, float factor,
                                                                 sdc_vf base, sdc_vf *sum)
{
    sdc_vf part[2] = {sum[0], sum[1]};
    for (int64_t k = 0; k < 16; k += 2)
        SDC_UNROLL for (int64_t j = 0; j < 2; j++) {
            const float *at = s + (k + j) * 64;
            const sdc_vu even = (sdc_vu)sdc_exp2_halved(sdc_load(at) * factor - base);
            const sdc_vu odd = (sdc_vu)sdc_exp2_halved(sdc_load(at + 32) * factor - base);
            const sdc_vu pair = (odd & 0xffff0000u) | even >> 16;
            memcpy(weights + (k + j) * 32, &pair, sizeof pair);
            part[j] = sdc_bf16_pair_sum(part[j], pair);
        }
    sum[0] = part[0], sum[1] = part[1];
}

/* The largest score of each of 16 queries, of `keys` a multiple of 4. */
static inline sdc_vf sdc_bf16_most(const float *s, int64_t keys)
{
    sdc_vf most[4];
    SDC_UNROLL for (int j = 0; j < 4; j++)
        most[j] = sdc_load(s + j * 32);
    for (int64_t k = 4; k < keys; k += 4)
        SDC_UNROLL for (int j = 0; j < 4; j++)
            most[j] = sdc_larger(sdc_load(s + (k + j) * 32), most[j]);
    return sdc_larger(sdc_larger(most[0], most[1]), sdc_larger(most[2], most[3]));
}

static inline bool sdc_bf16_any(sdc_vi lanes)
{
    uint64_t part[SDC_VL / 2], any = 0;
    memcpy(part, &lanes, sizeof part);
    for (int k = 0; k < SDC_VL / 2; k++)
        any |= part[k];
    return any != 0;
}

#endif
