/* codes_bf16.h: weights that are stored in integers, for gemm_bf16.h; see codes.h.
 *
 * A packed matrix is its codes, in the order of bf16_tile.h's panels, and behind them its scales.  Of a tile of 32 depths and
 * 16 columns there are [depths / 4 or 8][16] words, each the codes of 4 or 8 depths of a column, the first in the lowest
 * bits; scales, bf16, are [group][columns, rounded up to tiles].  codegen/code_pack.c writes this.
 *
 * Codes are bf16 as they are, so where a column has one scale its sums are multiplied by it; with groups a weight is code
 * times scale, rounded to bf16. */
#ifndef SDC_CODES_BF16_H
#define SDC_CODES_BF16_H

#include "bf16_tile.h"
#include "codes.h"

/* Bytes of the codes of so many tiles, and of a whole packed matrix. */
static inline int64_t sdc_code_tiles(int64_t tiles, int bits) { return tiles * SDC_BF16_TILE * bits / 8; }

static inline int64_t sdc_code_bytes_bf16(int64_t depth, int64_t columns, int bits, int64_t group)
{
    const int64_t tiles = sdc_bf16_tiles(columns);
    const int64_t scales = tiles * 16 * sdc_code_groups(depth, group) * (int64_t)sizeof(st_bf16);
    return sdc_ceil_div(sdc_code_tiles(tiles * sdc_bf16_slices(depth), bits) + scales, 64) * 64;
}

/* A float's bits rounded to bf16, in the upper half. */
static inline sdc_vi sdc_code_round(sdc_vi x) { return x + 0x7fff + ((x >> 16) & 1); }

/* One tile to bf16; scales: of its 16 columns, or NULL. */
static inline __attribute__((always_inline)) void sdc_widen_tile(const int bits, st_bf16 *to, const int8_t *codes,
                                                                 const st_bf16 *scales)
{
    const sdc_vf scale = scales ? sdc_lanes_bf16(scales, 16) : (sdc_vf){0};
    for (int w = 0; w < bits; w++, codes += 64)
        SDC_UNROLL for (int d = 0; d < 32 / bits; d += 2, to += 32) {
            const sdc_vi word = *(const sdc_viu *)(const void *)codes;
            sdc_vf even = __builtin_convertvector((word << (32 - bits * (d + 1))) >> (32 - bits), sdc_vf);
            sdc_vf odd = __builtin_convertvector((word << (32 - bits * (d + 2))) >> (32 - bits), sdc_vf);
            sdc_vi low = (sdc_vi)even, high = (sdc_vi)odd;
            if (scales) {
                low = sdc_code_round((sdc_vi)(even * scale));
                high = sdc_code_round((sdc_vi)(odd * scale));
            }
            *(sdc_viu *)(void *)to = ((low >> 16) & 0xffff) | (high & -0x10000);
        }
}

/* A panel of `columns` tiles.  scales: of its columns in the first group, `row` from one group to the next. */
static inline __attribute__((always_inline)) void sdc_widen_panel(const int bits, const int group, st_bf16 *to,
                                                                  const int8_t *codes, const st_bf16 *scales, int64_t row,
                                                                  int64_t columns, int64_t slices)
{
    for (int64_t s = 0; s < slices; s++)
        for (int64_t t = 0; t < columns; t++, to += SDC_BF16_TILE, codes += sdc_code_tiles(1, bits))
            sdc_widen_tile(bits, to, codes, group ? scales + sdc_code_group(s * SDC_BF16_SLICE, group) * row + t * 16 : NULL);
}

/* sums [rows][32] = sums * scale + bias, for `columns` tiles of a panel; integers: the sums are int32 before. */
static inline __attribute__((always_inline)) void sdc_scale_sums(float *sums, const float *bias, const st_bf16 *scales,
                                                                 int64_t rows, int64_t columns, const bool integers)
{
    for (int64_t t = 0; t < columns; t++) {
        const sdc_vf scale = sdc_lanes_bf16(scales + t * 16, 16), added = sdc_load(bias + t * 16);
        for (int64_t m = 0; m < rows; m++) {
            float *at = sums + m * SDC_BF16_ROW + t * 16;
            const sdc_vf sum = sdc_load(at);
            sdc_store(at, (integers ? __builtin_convertvector((sdc_vi)sum, sdc_vf) : sum) * scale + added);
        }
    }
}

#endif
