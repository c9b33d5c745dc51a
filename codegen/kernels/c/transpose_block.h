/* transpose_block.h: square blocks of 2-, 4- and 8-byte elements, rows to columns, in 16-byte registers.
 *
 *      sdc_transpose_16, _32, _64(to, to_stride, from, from_stride)
 *          to[i * to_stride + j] = from[j * from_stride + i] for 0 <= i, j < 8, 4, 2; strides in elements, unaligned
 *
 * One round interleaves row k with row k + n/2 of n; log2(n) rounds transpose.  Registers are named, not in arrays:
 * arrays would go through memory. */
#ifndef SDC_TRANSPOSE_BLOCK_H
#define SDC_TRANSPOSE_BLOCK_H

#include <string.h>

#include "index.h"

typedef uint16_t sdc_u16x8 __attribute__((vector_size(16)));
typedef uint32_t sdc_u32x4 __attribute__((vector_size(16)));
typedef uint64_t sdc_u64x2 __attribute__((vector_size(16)));

#define SDC_LOW_16(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define SDC_HIGH_16(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define SDC_LOW_32(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define SDC_HIGH_32(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define SDC_LOAD_ROW(v, k) memcpy(&v, from + k * from_stride, sizeof v)
#define SDC_STORE_ROW(v, k) memcpy(to + k * to_stride, &v, sizeof v)

/* y0..y7 = one round over x0..x7. */
#define SDC_ROUND_8(y, x)                                                                  \
    const sdc_u16x8 y##0 = SDC_LOW_16(x##0, x##4), y##1 = SDC_HIGH_16(x##0, x##4),         \
                    y##2 = SDC_LOW_16(x##1, x##5), y##3 = SDC_HIGH_16(x##1, x##5),         \
                    y##4 = SDC_LOW_16(x##2, x##6), y##5 = SDC_HIGH_16(x##2, x##6),         \
                    y##6 = SDC_LOW_16(x##3, x##7), y##7 = SDC_HIGH_16(x##3, x##7)
#define SDC_ROUND_4(y, x)                                                                  \
    const sdc_u32x4 y##0 = SDC_LOW_32(x##0, x##2), y##1 = SDC_HIGH_32(x##0, x##2),         \
                    y##2 = SDC_LOW_32(x##1, x##3), y##3 = SDC_HIGH_32(x##1, x##3)

SDC_INLINE void sdc_transpose_16(uint16_t *to, int64_t to_stride, const uint16_t *from, int64_t from_stride)
{
    sdc_u16x8 a0, a1, a2, a3, a4, a5, a6, a7;
    SDC_LOAD_ROW(a0, 0), SDC_LOAD_ROW(a1, 1), SDC_LOAD_ROW(a2, 2), SDC_LOAD_ROW(a3, 3);
    SDC_LOAD_ROW(a4, 4), SDC_LOAD_ROW(a5, 5), SDC_LOAD_ROW(a6, 6), SDC_LOAD_ROW(a7, 7);
    SDC_ROUND_8(b, a);
    SDC_ROUND_8(c, b);
    SDC_ROUND_8(d, c);
    SDC_STORE_ROW(d0, 0), SDC_STORE_ROW(d1, 1), SDC_STORE_ROW(d2, 2), SDC_STORE_ROW(d3, 3);
    SDC_STORE_ROW(d4, 4), SDC_STORE_ROW(d5, 5), SDC_STORE_ROW(d6, 6), SDC_STORE_ROW(d7, 7);
}

SDC_INLINE void sdc_transpose_32(uint32_t *to, int64_t to_stride, const uint32_t *from, int64_t from_stride)
{
    sdc_u32x4 a0, a1, a2, a3;
    SDC_LOAD_ROW(a0, 0), SDC_LOAD_ROW(a1, 1), SDC_LOAD_ROW(a2, 2), SDC_LOAD_ROW(a3, 3);
    SDC_ROUND_4(b, a);
    SDC_ROUND_4(c, b);
    SDC_STORE_ROW(c0, 0), SDC_STORE_ROW(c1, 1), SDC_STORE_ROW(c2, 2), SDC_STORE_ROW(c3, 3);
}

SDC_INLINE void sdc_transpose_64(uint64_t *to, int64_t to_stride, const uint64_t *from, int64_t from_stride)
{
    sdc_u64x2 a0, a1;
    SDC_LOAD_ROW(a0, 0), SDC_LOAD_ROW(a1, 1);
    const sdc_u64x2 b0 = __builtin_shufflevector(a0, a1, 0, 2), b1 = __builtin_shufflevector(a0, a1, 1, 3);
    SDC_STORE_ROW(b0, 0), SDC_STORE_ROW(b1, 1);
}

#undef SDC_LOW_16
#undef SDC_HIGH_16
#undef SDC_LOW_32
#undef SDC_HIGH_32
#undef SDC_LOAD_ROW
#undef SDC_STORE_ROW
#undef SDC_ROUND_8
#undef SDC_ROUND_4

#endif
