/* attention_bf16_tile.h: what all instances of attention_bf16.h share: keys and values as tiles, scores to weights. */
#ifndef SDC_ATTENTION_BF16_TILE_H
#define SDC_ATTENTION_BF16_TILE_H

#include "attention_tile.h"
#include "bf16_tile.h"
#include "lanes.h"

/* Floats, and weights, of 32 rows from one panel of 32 keys to the next: a cache line more than they fill, since a row's panels
 * would fall on few cache lines otherwise. */
enum { SDC_SCORES_STEP = 32 * 32 + 16, SDC_WEIGHTS_STEP = 32 * 32 + 32 };

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

/* 16 keys [16][slices * 32] as tiles of B whose columns they are: to[slice], `step` apart, [16 pairs][16 keys][2]. */
static inline void sdc_bf16_keys(st_bf16 *to, int64_t step, const st_bf16 *keys, int64_t slices)
{
    for (int64_t s = 0; s < slices; s++, to += step)
        for (int64_t pair = 0; pair < 16; pair += 4)
            for (int64_t key = 0; key < 16; key += 4)
                sdc_transpose_32((uint32_t *)(void *)to + pair * 16 + key, 16,
                                 (const uint32_t *)(const void *)keys + key * slices * 16 + s * 16 + pair, slices * 16);
}

/* 32 values [32][width] as tiles of B whose depths they are: columns [column, column + 16) to [16 pairs][16][2]. */
static inline void sdc_bf16_values(st_bf16 *restrict to, const st_bf16 *restrict values, int64_t width, int64_t column)
{
    for (int64_t pair = 0; pair < 16; pair++) {
        const st_bf16 *even = values + 2 * pair * width + column, *odd = even + width;
        uint32_t both[16];
        for (int64_t k = 0; k < 16; k++)
            both[k] = even[k] | (uint32_t)odd[k] << 16;
        memcpy(to + pair * 32, both, sizeof both);
    }
}

/* 2^x for x <= 0 or NaN; below -126 it is 0.  2^x = 2^n P(r), |r| <= 1/2, relative error 2.9e-6: weights are rounded to bf16. */
static inline sdc_vf sdc_exp2_short(sdc_vf x)
{
    const sdc_vf shifted = x + 0x1.8p23f, r = x - (shifted - 0x1.8p23f);
    sdc_vf q = sdc_splat(0x1.3a02ccp-7f);
    q = q * r + 0x1.c9fc46p-5f;
    q = q * r + 0x1.ec0378p-3f;
    q = q * r + 0x1.62e12cp-1f;
    return sdc_exp2_scaled(q * r + 1.0f, shifted, x);
}

/* 32 weights as bf16. */
static inline void sdc_bf16_narrow(st_bf16 *to, sdc_vf low, sdc_vf high)
{
#if defined(__AVX512BF16__) && !defined(SDC_AMX_EMULATED)
    sdc_vf both;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(both) : "v"(low), "v"(high));
    memcpy(to, &both, sizeof both);
#else
    for (int k = 0; k < 16; k++) {
        to[k] = to_bf16(low[k]);
        to[16 + k] = to_bf16(high[k]);
    }
#endif
}

/* The largest lane. */
static inline float sdc_bf16_largest(sdc_vf v)
{
    v = sdc_larger(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    v = sdc_larger(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    v = sdc_larger(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    v = sdc_larger(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
    return v[0];
}

/* One row's scores of `panels` panels of keys to weights 2^(factor s - top), with the largest so far as *top; *sum goes on, a
 * vector of partial sums; returns what earlier weights are to be multiplied with. */
static inline float sdc_bf16_weigh(st_bf16 *weights, const float *s, int64_t panels, float factor, float *top, float *sum)
{
    sdc_vf most = sdc_load(s), other = sdc_load(s + 16), low = {0}, high = {0};
    for (int64_t p = 1; p < panels; p++) {
        most = sdc_larger(sdc_load(s + p * SDC_SCORES_STEP), most);
        other = sdc_larger(sdc_load(s + p * SDC_SCORES_STEP + 16), other);
    }
    const float before = *top, here = sdc_bf16_largest(sdc_larger(most, other)) * factor;
    const float largest = here > before ? here : before, base = largest == -INFINITY ? 0 : largest;   /* -inf - -inf: NaN */
    for (int64_t p = 0; p < panels; p++) {
        const sdc_vf even = sdc_exp2_short(sdc_load(s + p * SDC_SCORES_STEP) * factor - base);
        const sdc_vf odd = sdc_exp2_short(sdc_load(s + p * SDC_SCORES_STEP + 16) * factor - base);
        low += even;
        high += odd;
        sdc_bf16_narrow(weights + p * SDC_WEIGHTS_STEP, even, odd);
    }
    const float keep = before == largest ? 1 : sdc_exp2_short(sdc_splat(before - base))[0];
    sdc_store(sum, sdc_load(sum) * keep + (low + high));
    *top = largest;
    return keep;
}

#endif
