/* conv_case.h: one case of test_conv.c; defines its function and its row.
 *
 *   CASE   name, batch, in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, stride_h, stride_w, pad_top,
 *          pad_left, dilation_h, dilation_w, groups
 *   CUT    block_h, block_w, unit_panels: any, the result may not depend on them; of conv_winograd.h block_h, block_w,
 *          unit_blocks, round_blocks
 *   TEMPLATE                      "conv.h", "conv_depthwise.h" or, with OUTPUTS, "conv_winograd.h"
 *   EXTRA_Y                       channels of the wider image that y is part of (0)
 *   HAS_BIAS (1), RESULT          of the template; x0 is an image like y, without the wider image's channels
 *   TRANSFORMED                   0 or 1, of conv_winograd.h (0)
 *   SILU                          0 or 1: the template normalises x, and then applies SiLU or not
 *
 * CHUNK is written out as conv_plan() must give it. */
#define NAME PICK(0, CASE)
#define BATCH PICK(1, CASE)
#define IN_H PICK(2, CASE)
#define IN_W PICK(3, CASE)
#define IN_C PICK(4, CASE)
#define OUT_H PICK(5, CASE)
#define OUT_W PICK(6, CASE)
#define OUT_C PICK(7, CASE)
#define KERNEL_H PICK(8, CASE)
#define KERNEL_W PICK(9, CASE)
#define STRIDE_H PICK(10, CASE)
#define STRIDE_W PICK(11, CASE)
#define PAD_TOP PICK(12, CASE)
#define PAD_LEFT PICK(13, CASE)
#define DILATION_H PICK(14, CASE)
#define DILATION_W PICK(15, CASE)
#define GROUPS PICK(16, CASE)
#define CHANNELS IN_C
#define BLOCK_H PICK(0, CUT)
#define BLOCK_W PICK(1, CUT)
#ifdef OUTPUTS
#ifndef TRANSFORMED
#define TRANSFORMED 0
#endif
#define UNIT_BLOCKS PICK(2, CUT)
#define ROUND_BLOCKS PICK(3, CUT)
#else
#define UNIT_PANELS PICK(2, CUT)
#endif
#ifndef EXTRA_Y
#define EXTRA_Y 0
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 1
#endif
#define Y_PIXEL (OUT_C + EXTRA_Y)
#define CHUNK (CHUNK_OF(IN_C / GROUPS, ((KERNEL_H - 1) * DILATION_H + 1) * ((KERNEL_W - 1) * DILATION_W + 1)))

#define EXTRAS(X) X(0, f32, 1, (row) * OUT_C)
#define STEPS
#ifdef RESULT
enum { SDC_CAT(NAME, _adds) = 1 };
#else
#define RESULT v
enum { SDC_CAT(NAME, _adds) = 0 };
#endif
#ifdef SILU
#define LINES(X) X(lines)
#define LOAD_STEPS const float t0 = SILU ? v * SIGMOID(v) : v;
#define LOADED t0
#endif
#if defined OUTPUTS && defined SILU
#define FORMS .run_normalised_winograd = NAME, .silu = SILU, .outputs = OUTPUTS, .transformed = TRANSFORMED
NormalisedWinograd NAME;
#elif defined OUTPUTS
#define FORMS .run_winograd = NAME, .outputs = OUTPUTS, .transformed = TRANSFORMED
WinogradConvolution NAME;
#elif defined SILU
#define FORMS .run_normalised = NAME, .silu = SILU
NormalisedConvolution NAME;
#else
#define FORMS .run = NAME
Convolution NAME;
#endif
static const ConvRow SDC_CAT(row_, NAME) = {
    FORMS, .name = TEXT(NAME),
    .shape = {BATCH, IN_H, IN_W, IN_C, OUT_H, OUT_W, OUT_C, KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_TOP, PAD_LEFT,
              DILATION_H, DILATION_W, GROUPS},
    .chunk = CHUNK, .extra_y = EXTRA_Y, .finish = SDC_CAT(NAME, _adds), .has_bias = HAS_BIAS,
};
#include TEMPLATE
#undef CASE
#undef CUT
#undef TEMPLATE
#undef FORMS
#undef SILU
#undef EXTRA_Y
#undef GROUPS
#undef CHANNELS
#undef IN_C
#undef OUT_C
#undef CHUNK
#undef BLOCK_H
#undef BLOCK_W
#undef UNIT_PANELS
