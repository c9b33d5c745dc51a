/* window.h: sliding windows over any number of spatial axes, for kernels that take their extents as initializer lists.
 * Everything is inline so that constant extents specialise. */
#ifndef SDC_KERNEL_WINDOW_H
#define SDC_KERNEL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define SDC_INLINE static inline __attribute__((always_inline))

/* Step `at` to the next index in row-major order; false (and all zero again) after the last. */
SDC_INLINE bool sdc_window_next(int rank, const int64_t *dim, int64_t *at)
{
    for (int k = rank; k-- > 0;) {
        if (++at[k] < dim[k])
            return true;
        at[k] = 0;
    }
    return false;
}

/* Offset of the element that tap `tap` of the window at `at` looks at; false when that is padding. */
SDC_INLINE bool sdc_window_offset(int rank, const int64_t *at, const int64_t *tap, const int64_t *in,
                                  const int64_t *stride, const int64_t *dilation, const int64_t *before,
                                  const int64_t *strides, int64_t *offset)
{
    int64_t sum = 0;
    for (int d = 0; d < rank; d++) {
        const int64_t p = at[d] * stride[d] + tap[d] * dilation[d] - before[d];
        if (p < 0 || p >= in[d])
            return false;
        sum += p * strides[d];
    }
    *offset = sum;
    return true;
}

/* Rows along the last axis. */
SDC_INLINE int64_t sdc_window_rows(int rank, const int64_t *dim)
{
    int64_t rows = 1;
    for (int d = 0; d < rank - 1; d++)
        rows *= dim[d];
    return rows;
}

/* Unit `unit` of a walk over [rest, rows]: the row's index into `at`, its last entry 0; returns what is left. */
SDC_INLINE int64_t sdc_window_row(int rank, const int64_t *dim, int64_t unit, int64_t *at)
{
    at[rank - 1] = 0;
    for (int d = rank - 1; d-- > 0; unit /= dim[d])
        at[d] = unit % dim[d];
    return unit;
}

#endif
