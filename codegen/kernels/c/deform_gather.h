/* deform_gather.h: the windows of DeformConv: every tap of every position, sampled where its offset moves it, times
 * its mask.
 *
 *      void NAME(SdcContext *c, st_T *col, const st_T *x, const st_T *offset, const st_T *mask)
 *
 *   NAME                              the function
 *   T                                 type of all operands
 *   BATCH CHANNELS HEIGHT WIDTH       x, row-major
 *   PARTS                             offset groups
 *   OUT_H OUT_W KERNEL_H KERNEL_W STRIDE_H STRIDE_W DILATION_H DILATION_W PAD_TOP PAD_LEFT
 *   HAS_MASK                          0: mask is not read
 *
 *   offset [BATCH][PARTS][taps][y, x][OUT_H][OUT_W], mask [BATCH][PARTS][taps][OUT_H][OUT_W]
 *   col [BATCH][OUT_H][OUT_W][CHANNELS][taps]
 *
 * A unit is one row of positions. */
#include "kernel.h"

#ifndef NAME
#define NAME deform_gather_default
#define T f32
#define BATCH 1
#define CHANNELS 4
#define HEIGHT 8
#define WIDTH 8
#define PARTS 1
#define OUT_H 6
#define OUT_W 6
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define DILATION_H 1
#define DILATION_W 1
#define PAD_TOP 0
#define PAD_LEFT 0
#define HAS_MASK 0
#endif

#define TAPS ((int64_t)KERNEL_H * KERNEL_W)
#define STORED SDC_CAT(st_, T)
#define LOAD(v) ((double)SDC_CAT(ld_, T)(v))

typedef struct {
    STORED *col;
    const STORED *x, *offset, *mask;
} SDC_CAT(NAME, _arguments);

/* Bilinear sample of a plane; outside it everything is 0. */
static double SDC_CAT(NAME, _sample)(const STORED *plane, double y, double z)
{
    if (!(y > -1 && y < HEIGHT && z > -1 && z < WIDTH))
        return 0;
    const int64_t top = (int64_t)floor(y), left = (int64_t)floor(z);
    const double down = y - (double)top, across = z - (double)left;
    double sum = 0;
    for (int64_t i = top; i <= top + 1; i++)
        for (int64_t j = left; j <= left + 1; j++)
            if (i >= 0 && i < HEIGHT && j >= 0 && j < WIDTH)
                sum += LOAD(plane[i * WIDTH + j]) * (i > top ? down : 1 - down) * (j > left ? across : 1 - across);
    return sum;
}

/* Position (i, j) of image b: all its channels and taps. */
static void SDC_CAT(NAME, _position)(const SDC_CAT(NAME, _arguments) *a, int64_t b, int64_t i, int64_t j)
{
    const int64_t area = (int64_t)OUT_H * OUT_W, at = i * OUT_W + j;
    STORED *col = a->col + (b * area + at) * CHANNELS * TAPS;
    for (int64_t k = 0; k < CHANNELS; k++) {
        const int64_t part = k / (CHANNELS / PARTS);
        for (int64_t t = 0; t < TAPS; t++) {
            const int64_t tap = (b * PARTS + part) * TAPS + t;
            const double y = (double)(i * STRIDE_H + t / KERNEL_W * DILATION_H - PAD_TOP) +
                LOAD(a->offset[2 * tap * area + at]);
            const double z = (double)(j * STRIDE_W + t % KERNEL_W * DILATION_W - PAD_LEFT) +
                LOAD(a->offset[(2 * tap + 1) * area + at]);
            double v = SDC_CAT(NAME, _sample)(a->x + (b * CHANNELS + k) * HEIGHT * WIDTH, y, z);
            if (HAS_MASK)
                v *= LOAD(a->mask[tap * area + at]);
            col[k * TAPS + t] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))v);
        }
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    for (int64_t row = begin; row < end; row++)
        for (int64_t j = 0; j < OUT_W; j++)
            SDC_CAT(NAME, _position)(argument, row / OUT_H, row % OUT_H, j);
}

void NAME(SdcContext *c, STORED *col, const STORED *x, const STORED *offset, const STORED *mask)
{
    SDC_CAT(NAME, _arguments) a = {col, x, offset, mask};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (int64_t)BATCH * OUT_H);
}

#undef TAPS
#undef STORED
#undef LOAD
#undef NAME
#undef T
#undef BATCH
#undef CHANNELS
#undef HEIGHT
#undef WIDTH
#undef PARTS
#undef OUT_H
#undef OUT_W
#undef KERNEL_H
#undef KERNEL_W
#undef STRIDE_H
#undef STRIDE_W
#undef DILATION_H
#undef DILATION_W
#undef PAD_TOP
#undef PAD_LEFT
#undef HAS_MASK
