/* conv_case.h: one case of test_bf16.c: the same convolution by conv_bf16.h and by conv.h.
 *
 *   CASE      name, batch, in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, stride, pad_top, pad_left, dilation
 *   CUT       flat, block_h, block_w, round_h, round_n, unit_panels
 *   FIRST     channels of x, the others being those of the image beside it (all)
 *   TIMES     x is stored so many times smaller (1)
 *   SHORTCUT, SHORTCUT_FIRST   channels of the shortcut's image, and of its first part (0) */
#ifndef FIRST
#define FIRST PICK(4, CASE)
#endif
#ifndef TIMES
#define TIMES 1
#endif
#ifndef SHORTCUT
#define SHORTCUT 0
#define SHORTCUT_FIRST 0
#endif
static const ConvRow SDC_CAT(row_, PICK(0, CASE)) = {
    SDC_CAT(bf16_, PICK(0, CASE)), SDC_CAT(f32_, PICK(0, CASE)), TEXT(PICK(0, CASE)),
    {PICK(1, CASE), PICK(2, CASE), PICK(3, CASE), PICK(4, CASE), PICK(5, CASE), PICK(6, CASE), PICK(7, CASE), PICK(8, CASE),
     PICK(9, CASE), PICK(10, CASE), PICK(10, CASE), PICK(11, CASE), PICK(12, CASE), PICK(13, CASE), PICK(13, CASE), 1, 0},
    FIRST, TIMES, SHORTCUT, SHORTCUT_FIRST, PICK(1, CUT), PICK(2, CUT),
};
#define NAME SDC_CAT(bf16_, PICK(0, CASE))
#define FLAT PICK(0, CUT)
#define ROUND_H PICK(3, CUT)
#define ROUND_N PICK(4, CUT)
#include "conv_parts.h"
#include "conv_bf16.h"
#define NAME SDC_CAT(f32_, PICK(0, CASE))
#define TX bf16
#define TW bf16
#define TM bf16
#define TMW bf16
#define CHUNK CHUNK_OF(PICK(4, CASE), ((PICK(8, CASE) - 1) * PICK(13, CASE) + 1) * ((PICK(9, CASE) - 1) * PICK(13, CASE) + 1))
#include "conv_parts.h"
#include "conv.h"
#undef CASE
#undef CUT
#undef FIRST
#undef TIMES
#undef SHORTCUT
#undef SHORTCUT_FIRST
