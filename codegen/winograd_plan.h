/* winograd_plan.h: when conv_winograd.h serves a convolution, and how it is cut. */
#ifndef SDC_WINOGRAD_PLAN_H
#define SDC_WINOGRAD_PLAN_H

#include "conv_pack.h"
#include "../runtime/origins.h"

/* Parameters OUTPUTS BLOCK_H BLOCK_W UNIT_BLOCKS ROUND_BLOCKS; outputs 0: conv.h is better or alone.  loads: floats that
 * are gathered; scratch: floats of the call's scratch.  rate: how many times faster than in f32 the products are otherwise;
 * more_c: channels of the shortcut's image, whose products conv_winograd.h adds in f32, or 0. */
typedef struct { int64_t outputs, block_h, block_w, unit_blocks, round_blocks, loads, scratch; } WinogradPlan;
WinogradPlan winograd_plan(const ConvShape *s, int64_t more_c, int vl, int rate);

/* The same with an algorithm and a cut that are given; 0: by the plan's own rule.  For shapes that conv_winograd.h serves alone. */
bool winograd_serves(const ConvShape *s);
typedef struct { int64_t outputs, unit_tiles, round_units; } WinogradCut;
WinogradPlan winograd_cut(const ConvShape *s, const WinogradCut *cut, int vl);
/* Are weights that are stored transformed faster than transforming them in each unit? */
bool winograd_stores(const ConvShape *s, const WinogradPlan *p);

/* ---- winograd_pack.c ---- */

/* w [out_c][in_c][3][3] to dst, pack_winograd_floats() long, as conv_winograd.h would transform it:
 * [panel][chunk][position][channel of the chunk][vector of the panel][vl]. */
int64_t pack_winograd_floats(const ConvShape *s, int64_t outputs, int vl);
void pack_winograd(float *dst, const float *w, const ConvShape *s, int64_t outputs, int vl);
/* The matrix of the transform of a column, outputs + 2 rows. */
void winograd_matrix(int outputs, float matrix[SDC_SIDE][SDC_KERNEL_SIDE]);

#endif
