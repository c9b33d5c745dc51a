/* group_norm.h: GroupNormalization and InstanceNormalization: mean and variance of each group of channels of an image.
 *
 *      y = (x - mean) / sqrt(variance + EPSILON) * scale[channel] + bias[channel]
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_TX *x [, const st_TX *beside], const st_T *scale, const st_T *bias,
 *                double *sums, st_T *lines [, operands of EXTRAS])
 *
 *   NAME                         the function
 *   T                            f32 or f64: what is computed with
 *   TY TX                        how y and x are stored (T): f16 and bf16 too where T is f32
 *   BATCH CHANNELS AREA GROUPS   images, channels, elements of a channel, groups; none is 0
 *   LAST                         1: x and y are [BATCH][AREA][CHANNELS]; 0: [BATCH][CHANNELS][AREA]
 *   BESIDE FIRST_C               LAST: x in two images, see beside.h
 *   BLOCK                        LAST: pixels of a unit; else elements of one group in a unit
 *   EPSILON
 *   APPLY                        1; 0: nothing but `lines` is wanted, y is NULL
 *   GIVEN                        1: `lines` is an operand; scale, bias and sums are NULL
 *   EXTRAS STEPS RESULT          what is stored, see finish.h (T f32 alone).  LAST: row = pixel, image by image, column =
 *                                channel; else row = channel, image by image, column = element of it
 *   sums                         scratch: BATCH * GROUPS * blocks * 2
 *                                blocks = ceil((LAST ? AREA : CHANNELS / GROUPS * AREA) / BLOCK)
 *   lines                        BATCH * CHANNELS * 2: the factor and the shift of each channel
 *
 * Each block gives its own mean and squared distances from it, from memory that is still in cache; those are joined in
 * the order of the blocks (Chan, Golub, LeVeque 1979), become one factor and one shift a channel, and are applied. */
#include "beside.h"
#include "finish.h"
#include "lanes.h"

#ifndef NAME
#define NAME group_norm_default
#define T f32
#define BATCH 2
#define CHANNELS 320
#define AREA 4096
#define GROUPS 32
#define LAST 1
#define BLOCK 32
#define EPSILON 1e-5
#define APPLY 1
#define GIVEN 0
#endif

#ifndef TY
#define TY T
#endif
#ifndef TX
#define TX T
#endif
#ifndef FIRST_C
#define FIRST_C CHANNELS
#endif

#define REAL SDC_CAT(ct_, T)
#define IMAGE SDC_CAT(st_, TX)
#define WIDTH (CHANNELS / GROUPS)
#define EXTENT (LAST ? (int64_t)AREA : (int64_t)WIDTH * AREA)
#define BLOCKS ((EXTENT + BLOCK - 1) / BLOCK)

#if GIVEN
#define LINES const REAL
#else
#define LINES REAL
#endif

typedef struct {
    SDC_CAT(st_, TY) *y;
    const IMAGE *x, *beside;
    const REAL *scale, *bias;
    double *sums;                       /* [BATCH][BLOCKS][GROUPS][mean, spread] */
    LINES *lines;                       /* [BATCH][factor, shift][CHANNELS] */
    const void *const *extra;
} SDC_CAT(NAME, _arguments);

#if !GIVEN
#include "group_measure.h"

/* Join the blocks of each (image, group) into a factor and a shift for each of its channels. */
static void SDC_CAT(NAME, _join)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / GROUPS, group = unit % GROUPS;
        double m[3];
        SDC_CAT(NAME, _join_blocks)(a->sums + (image * BLOCKS * GROUPS + group) * 2, m);
        const double mean = m[1], inverse = 1 / sqrt(m[2] / m[0] + EPSILON);
        REAL *factor = a->lines + image * 2 * CHANNELS, *shift = factor + CHANNELS;
        for (int64_t k = group * WIDTH; k < (group + 1) * WIDTH; k++) {
            factor[k] = (REAL)(inverse * (double)a->scale[k]);
            shift[k] = (REAL)((double)a->bias[k] - mean * inverse * (double)a->scale[k]);
        }
    }
}

#endif

#define SDC_EW_TYPE REAL
#include "ew_names.h"
/* Units of _apply: blocks of pixels, or single channels. */
static void SDC_CAT(NAME, _apply)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    const void *const *extra = a->extra;
    for (int64_t unit = begin; unit < end; unit++) {
        if (LAST) {
            const int64_t image = unit / BLOCKS, first = unit % BLOCKS * BLOCK;
            const int64_t pixels = EXTENT - first < BLOCK ? EXTENT - first : BLOCK, at = image * AREA + first;
            const REAL *restrict factor = a->lines + image * 2 * CHANNELS, *restrict shift = factor + CHANNELS;
            for (int64_t p = 0; p < pixels; p++) {
                SDC_CAT(st_, TY) *y = a->y + (at + p) * CHANNELS;
                const IMAGE *x = a->x + (at + p) * FIRST_C;
                SDC_FINISH(k, TY, y, SDC_CAT(ld_, TX)(x[k]) * factor[k] + shift[k], FIRST_C, at + p, 0);
#if FIRST_C < CHANNELS
                const REAL *others = factor + FIRST_C, *their_shift = shift + FIRST_C;
                x = a->beside + (at + p) * (CHANNELS - FIRST_C);
                y += FIRST_C;
                SDC_FINISH(k, TY, y, SDC_CAT(ld_, TX)(x[k]) * others[k] + their_shift[k], CHANNELS - FIRST_C, at + p, FIRST_C);
#endif
            }
        } else {
            const REAL *line = a->lines + unit / CHANNELS * 2 * CHANNELS + unit % CHANNELS;
            const REAL factor = line[0], shift = line[CHANNELS];
            SDC_CAT(st_, TY) *y = a->y + unit * AREA;
            const IMAGE *x = a->x + unit * AREA;
            SDC_FINISH(p, TY, y, SDC_CAT(ld_, TX)(x[p]) * factor + shift, AREA, unit, 0);
        }
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const IMAGE *x BESIDE(SDC_BESIDE_PARAMETER), const REAL *scale,
          const REAL *bias, double *sums, LINES *lines EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    const int64_t flops = (int64_t)BATCH * CHANNELS * AREA * 4, blocks = BATCH * BLOCKS;
    SDC_CAT(NAME, _arguments) a = {.y = y, .x = x, BESIDE(SDC_BESIDE_FIELD) .scale = scale, .bias = bias, .sums = sums,
                                   .lines = lines, .extra = extra};
#if !GIVEN
    sdc_run(c, SDC_CAT(NAME, _measure), &a, LAST ? blocks : blocks * GROUPS, flops);
    sdc_run(c, SDC_CAT(NAME, _join), &a, BATCH * GROUPS, blocks * GROUPS * 8);
#endif
    if (APPLY)
        sdc_run(c, SDC_CAT(NAME, _apply), &a, LAST ? blocks : (int64_t)BATCH * CHANNELS, flops);
}

#undef REAL
#undef LINES
#undef IMAGE
#undef WIDTH
#undef EXTENT
#undef BLOCKS
#undef NAME
#undef T
#undef TY
#undef TX
#undef BATCH
#undef CHANNELS
#undef BESIDE
#undef FIRST_C
#undef AREA
#undef GROUPS
#undef LAST
#undef BLOCK
#undef EPSILON
#undef APPLY
#undef GIVEN
#undef EXTRAS
#undef STEPS
#undef RESULT
