/* channel_moments.h: mean and squared distances from it of each group of channels of an image, for norms of which only a
 * part is there at a time (channel_lines.h joins the parts).
 *
 *      void NAME(SdcContext *c, double *moments, const st_TX *x [, const st_TX *beside], double *sums)
 *
 *   NAME                         the function
 *   T                            f32 or f64, as in group_norm.h; sums are taken in double
 *   TX                           how x is stored (T): f16 and bf16 too where T is f32
 *   BATCH CHANNELS AREA GROUPS   images, channels, elements of a channel, groups; none is 0
 *   LAST BLOCK BESIDE FIRST_C    as in group_norm.h, so sums
 *   moments                      [BATCH][GROUPS][mean, spread]
 *
 * A unit is a block; then a group of an image. */
#include "beside.h"
#include "kernel.h"
#include "lanes.h"

#ifndef NAME
#define NAME channel_moments_default
#define T f32
#define BATCH 2
#define CHANNELS 320
#define AREA 4096
#define GROUPS 32
#define LAST 1
#define BLOCK 32
#endif

#ifndef TX
#define TX T
#endif
#ifndef FIRST_C
#define FIRST_C CHANNELS
#endif

#define IMAGE SDC_CAT(st_, TX)
#define WIDTH (CHANNELS / GROUPS)
#define EXTENT (LAST ? (int64_t)AREA : (int64_t)WIDTH * AREA)
#define BLOCKS ((EXTENT + BLOCK - 1) / BLOCK)

typedef struct {
    double *moments;
    const IMAGE *x, *beside;
    double *sums;                       /* [BATCH][BLOCKS][GROUPS][mean, spread] */
} SDC_CAT(NAME, _arguments);

#include "group_measure.h"

static void SDC_CAT(NAME, _join)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        double m[3];
        SDC_CAT(NAME, _join_blocks)(a->sums + (unit / GROUPS * BLOCKS * GROUPS + unit % GROUPS) * 2, m);
        a->moments[2 * unit] = m[1];
        a->moments[2 * unit + 1] = m[2];
    }
}

void NAME(SdcContext *c, double *moments, const IMAGE *x BESIDE(SDC_BESIDE_PARAMETER), double *sums)
{
    const int64_t flops = (int64_t)BATCH * CHANNELS * AREA * 4, blocks = BATCH * BLOCKS;
    SDC_CAT(NAME, _arguments) a = {.moments = moments, .x = x, BESIDE(SDC_BESIDE_FIELD) .sums = sums};
    sdc_run(c, SDC_CAT(NAME, _measure), &a, LAST ? blocks : blocks * GROUPS, flops);
    sdc_run(c, SDC_CAT(NAME, _join), &a, BATCH * GROUPS, blocks * GROUPS * 8);
}

#undef IMAGE
#undef WIDTH
#undef EXTENT
#undef BLOCKS
#undef NAME
#undef T
#undef TX
#undef BATCH
#undef CHANNELS
#undef BESIDE
#undef FIRST_C
#undef AREA
#undef GROUPS
#undef LAST
#undef BLOCK
