/* bf16_pack.h: the constant operands of gemm_bf16.h and conv_bf16.h in the form of bf16_tile.h, and how the latter is cut. */
#ifndef SDC_BF16_PACK_H
#define SDC_BF16_PACK_H

#include "conv_pack.h"

/* A constant operand: elements lie at column * column_step + depth * depth_step + (line * taps + tap) * tap_step.  Of a matrix
 * lines and taps are 1; of a convolution's weights KERNEL_H and KERNEL_W. */
typedef struct { int64_t columns, depth, lines, taps, column_step, depth_step, tap_step; } Bf16Matrix;

/* To dst, pack_bf16_bytes() long. */
int64_t pack_bf16_bytes(const Bf16Matrix *m);
void pack_bf16(void *dst, const void *src, const Bf16Matrix *m);

/* Parameters of conv_bf16.h; room: elements of the call's room.  more_c: channels of the shortcut's image, or 0. */
typedef struct { int64_t flat, block_h, block_w, round_h, round_n, unit_panels, room; } Bf16Plan;
Bf16Plan conv_bf16_plan(const ConvShape *s, int64_t more_c);

#endif
