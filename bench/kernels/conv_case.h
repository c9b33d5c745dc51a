/* conv_case.h: one row of the bench; defines conv_ROW(), an instance of conv.h, and conv_row_ROW, its description.
 *
 *   ROW  a name     SIDE  input rows and columns     IN OUT  channels     KERNEL  rows and columns     STRIDE (1)
 *   UNIT (4)  panels of a unit
 *
 * The padding keeps the size.  The cut is written out here and compared with conv_plan()'s by the bench. */
#ifndef STRIDE
#define STRIDE 1
#endif
#ifndef UNIT
#define UNIT 4
#endif
#define NAME SDC_CAT(conv_, ROW)
#define BATCH 1
#define IN_H SIDE
#define IN_W SIDE
#define IN_C IN
#define OUT_H ((SIDE + STRIDE - 1) / STRIDE)
#define OUT_W OUT_H
#define OUT_C OUT
#define KERNEL_H KERNEL
#define KERNEL_W KERNEL
#define STRIDE_H STRIDE
#define STRIDE_W STRIDE
#define PAD_TOP (KERNEL / 2)
#define PAD_LEFT (KERNEL / 2)
#define CHUNK ((IN + (IN + 63) / 64 - 1) / ((IN + 63) / 64))
#define BLOCK_W ((OUT_W < 16 ? OUT_W : 16) / STRIDE)
#define BLOCK_H (OUT_W < 16 ? 64 / OUT_W : 4)
#define UNIT_PANELS UNIT
#define HAS_BIAS 1
Convolution SDC_CAT(conv_, ROW);
static const ConvRow SDC_CAT(conv_row_, ROW) = {
    SDC_CAT(conv_, ROW),
    {BATCH, IN_H, IN_W, IN_C, OUT_H, OUT_W, OUT_C, KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_TOP, PAD_LEFT, 1, 1, 1},
    {CHUNK, BLOCK_H, BLOCK_W, UNIT_PANELS, 0},
};
#include "conv.h"
#undef ROW
#undef SIDE
#undef IN
#undef OUT
#undef KERNEL
#undef STRIDE
#undef UNIT
