/* transpose_block.h: 4 x 4 elements of 4 bytes between two memories, rows to columns, in registers. */
#ifndef SDC_TRANSPOSE_BLOCK_H
#define SDC_TRANSPOSE_BLOCK_H

#include <stdint.h>
#include <string.h>

typedef uint32_t sdc_v4 __attribute__((vector_size(16)));

/* to[i * to_stride + j] = from[j * from_stride + i] for 0 <= i, j < 4; strides in elements. */
static inline __attribute__((always_inline)) void sdc_transpose_4x4(void *to, int64_t to_stride, const void *from, int64_t from_stride)
{
    const uint32_t *x = from;
    uint32_t *y = to;
    sdc_v4 a, b, c, d;
    memcpy(&a, x, sizeof a);
    memcpy(&b, x + from_stride, sizeof b);
    memcpy(&c, x + 2 * from_stride, sizeof c);
    memcpy(&d, x + 3 * from_stride, sizeof d);
    const sdc_v4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const sdc_v4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    memcpy(y, &a, sizeof a);
    memcpy(y + to_stride, &b, sizeof b);
    memcpy(y + 2 * to_stride, &c, sizeof c);
    memcpy(y + 3 * to_stride, &d, sizeof d);
}

#endif
