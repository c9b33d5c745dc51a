/* spatial.h: what the lowerings of convolutions and pools share. */
#ifndef SDC_SPATIAL_H
#define SDC_SPATIAL_H

#include "../ir/window.h"
#include "codegen.h"
#include "conv_pack.h"

/* [N,C,spatial...] as [N,spatial...,C]: the same data, the same order in memory. */
View channels_to_last(View v);

/* Parameters RANK, and the lists IN OUT KERNEL STRIDE DILATION BEFORE of the spatial axes. */
void window_parameters(Call *c, const Window *w);

/* v with its axes permuted, ready to be a factor of a product: a constant becomes a Transpose of it that is evaluated
 * when weights are packed (then *constant is that, and the view has no buffer); a run-time value is copied. */
View permuted_operand(Lowering *l, Node *n, Value *v, const int *perm, Value **constant);

/* winograd_pack.c: a convolution's constant weights, transformed for tiles of `outputs` x `outputs`. */
View transformed_weights(Lowering *l, Value *weights, const ConvShape *s, int64_t outputs);

/* conv_codes.c: the node by which a convolution's weights are stored in integers as they are, not as a matrix (integers.c). */
const Node *weights_in_codes(const Value *weights);
/* A convolution's weights that are stored in integers. */
View coded_weights(Lowering *l, const Value *weights, const ConvShape *s);
/* May n's weights be those of a kernel for s, as its own or as a shortcut's?  Integers in bf16 may not: gemm_bf16.h is faster. */
bool conv_reads_codes(const Lowering *l, const Node *n, const ConvShape *s);

/* The axes [first, first + count) as one axis; the view must store them one inside the other. */
View view_flatten(View v, int first, int count);
/* Axis `axis` as two, [outer, extent / outer]. */
View view_split(View v, int axis, int64_t outer);

#endif
