/* code_pack.h: constant operands that kernels read as integers with scales, in the forms of codegen/kernels/c/codes.h
 * and codes_bf16.h. */
#ifndef SDC_CODE_PACK_H
#define SDC_CODE_PACK_H

#include "conv_pack.h"

/* How floats become codes; group: depths that share a scale, 0: all. */
typedef struct { int bits; int64_t group; } CodeType;

/* b [depth][columns], or [columns][depth] when transposed, with `row` elements from one row to the next, to dst,
 * pack_codes_bytes() long: a multiple of 64. */
int64_t pack_codes_bytes(int64_t depth, int64_t columns, int vl, CodeType type);
void pack_codes(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
                CodeType type);

/* The scale of one column's `count` depths, `step` apart. */
float group_scale(const float *b, int64_t count, int64_t step, int bits);

/* The same for gemm_bf16.h, whose slices are 32 depths, or gemm_int8.h, 64. */
int64_t pack_codes_bf16_bytes(int64_t depth, int64_t columns, int slice, CodeType type);
void pack_codes_bf16(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int slice,
                     CodeType type);

/* Those of conv.h and conv_winograd.h: w [out_c][in_c][kernel_h][kernel_w] to [panel][chunk][kernel_h][kernel_w][word of the
 * chunk's channels][vector of the panel][vl], and scales [panel][kernel_h][kernel_w][group][vector of the panel][vl]. */
int64_t pack_conv_codes_bytes(const ConvShape *s, int vl, CodeType type);
void pack_conv_codes(void *dst, const float *w, const ConvShape *s, int vl, CodeType type);

#endif
