/* index.h: walking multi-dimensional indices in evaluators.  Extents and strides are plain arrays so that a subset of a
 * tensor's axes can be walked as well. */
#ifndef SDC_IR_INDEX_H
#define SDC_IR_INDEX_H

#include "sdc.h"

/* Step `at` to the next index in row-major order; false (and all zero again) after the last. */
static inline bool index_next(int rank, const int64_t *dim, int64_t *at)
{
    for (int k = rank; k-- > 0;) {
        if (++at[k] < dim[k])
            return true;
        at[k] = 0;
    }
    return false;
}

static inline int64_t index_offset(int rank, const int64_t *at, const int64_t *stride)
{
    int64_t offset = 0;
    for (int k = 0; k < rank; k++)
        offset += at[k] * stride[k];
    return offset;
}

/* An index from the model's data, which may count from the end: resolved, or -1 when it lies outside. */
static inline int64_t index_wrap(int64_t index, int64_t extent)
{
    if (index < -extent || index >= extent)
        return -1;
    return index < 0 ? index + extent : index;
}

/* Product of dim[from..to). */
static inline int64_t index_span(const int64_t *dim, int from, int to)
{
    int64_t count = 1;
    for (int k = from; k < to; k++)
        count *= dim[k];
    return count;
}

/* Element x of a against element y of b: negative, 0 or positive.  NaN counts as larger than every number, as in
 * numpy's sort. */
int array_compare(const Array *a, int64_t x, const Array *b, int64_t y);

#endif
