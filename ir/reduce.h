/* reduce.h: which axes a reduction takes away; shared by the shape rules, the oracle and the lowering. */
#ifndef SDC_REDUCE_H
#define SDC_REDUCE_H

#include "sdc.h"

/* Marks the axes of input 0 that n reduces.  ReduceX: operand 1, all axes when it is absent or empty, none then with
 * noop_with_empty_axes.  ArgMax, ArgMin: attribute axis.  Fails the node when axes are out of range, repeated or not
 * constant. */
void reduce_axes(const Node *n, bool reduced[MAX_RANK]);

/* Strides of the result over the axes of input 0: 0 along reduced axes. */
void reduce_strides(const Node *n, const bool reduced[MAX_RANK], int64_t stride[MAX_RANK]);

#endif
