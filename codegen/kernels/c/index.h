/* index.h: walking the outer axes of strided operands, row by row.
 *
 * A kernel that takes dims and strides as initializer lists loops over its innermost axis itself and lets a walk carry
 * the element offset of each operand over the outer axes, in row-major order.  `strides` is [operands][rank]; rank 0 is
 * one row.  Everything is inline so that constant dims and strides specialise. */
#ifndef SDC_INDEX_H
#define SDC_INDEX_H

#include <stdint.h>

/* Small functions whose constant arguments must specialise the caller's loops. */
#define SDC_INLINE static inline __attribute__((always_inline))

enum { SDC_WALK_RANK = 16, SDC_WALK_OPERANDS = 12 };

/* In front of a loop whose iterations touch different elements, though a result may be the very memory of an input. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"        /* it is an offer, not a demand */
#define SDC_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define SDC_INDEPENDENT _Pragma("GCC ivdep")
#endif

typedef struct {
    int64_t at[SDC_WALK_RANK];
    int64_t offset[SDC_WALK_OPERANDS];
} SdcWalk;

/* The walk at row number `row`, 0 <= row < product of dims. */
SDC_INLINE void sdc_walk_start(SdcWalk *w, int64_t row, int rank, const int64_t *dims,
                               int operands, const int64_t *strides)
{
    for (int o = 0; o < operands; o++)
        w->offset[o] = 0;
    for (int k = rank; k-- > 0; row /= dims[k]) {
        w->at[k] = row % dims[k];
        for (int o = 0; o < operands; o++)
            w->offset[o] += w->at[k] * strides[o * rank + k];
    }
}

SDC_INLINE void sdc_walk_next(SdcWalk *w, int rank, const int64_t *dims, int operands, const int64_t *strides)
{
    for (int k = rank; k-- > 0;) {
        if (++w->at[k] < dims[k]) {
            for (int o = 0; o < operands; o++)
                w->offset[o] += strides[o * rank + k];
            return;
        }
        w->at[k] = 0;
        for (int o = 0; o < operands; o++)
            w->offset[o] -= strides[o * rank + k] * (dims[k] - 1);
    }
}

#endif
