/* quantise.h: which scale and zero point belong to an element; shared by shape rules, oracle and lowering. */
#ifndef SDC_QUANTISE_H
#define SDC_QUANTISE_H

#include "sdc.h"

/* Granularity of QuantizeLinear and DequantizeLinear. */
typedef struct {
    int axis;                       /* -1: one scale for everything */
    int64_t block;                  /* 0: one scale an index of `axis`; else one a block of so many indices */
} Granularity;

/* From attributes and the shapes of operands 0 (data), 1 (scale) and 2 (zero point); fails the node when they do not
 * fit. */
Granularity quantise_granularity(const Node *n);

/* The type that QuantizeLinear divides in. */
DType quantise_precision(const Node *n);

/* Limits of an integer type; sub-byte types included. */
void integer_limits(DType type, int64_t *low, int64_t *high);

#endif
