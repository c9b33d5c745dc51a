/* roi_pool.h: MaxRoiPool: the largest element of each bin of each region, regions rounded to elements (Fast R-CNN).
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const st_T *rois)
 *
 *   NAME                              the function
 *   T                                 type of all operands
 *   BATCH CHANNELS HEIGHT WIDTH       x, row-major
 *   REGIONS ROWS COLUMNS              y [REGIONS][CHANNELS][ROWS][COLUMNS]; rois [REGIONS][image, x1, y1, x2, y2]
 *   SCALE
 *
 * A unit is one channel of one region.  A region of an image that does not exist ends the run with an error. */
#include "kernel.h"
#include "bounds.h"
#include "roi.h"

#ifndef NAME
#define NAME roi_pool_default
#define T f32
#define BATCH 1
#define CHANNELS 3
#define HEIGHT 16
#define WIDTH 16
#define REGIONS 2
#define ROWS 4
#define COLUMNS 4
#define SCALE 1.0
#endif

#define STORED SDC_CAT(st_, T)
#define LOAD(v) SDC_CAT(ld_, T)(v)

typedef struct {
    SdcContext *c;
    STORED *y;
    const STORED *x, *rois;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const STORED *roi = a->rois + unit / CHANNELS * 5;
        const int64_t image = sdc_index(a->c, sdc_roi_clamp((double)LOAD(roi[0]), -BATCH - 1, BATCH), BATCH);
        if (image < 0)
            return;
        const STORED *x = a->x + (image * CHANNELS + unit % CHANNELS) * HEIGHT * WIDTH;
        for (int64_t bin = 0; bin < ROWS * COLUMNS; bin++) {
            int64_t top, bottom, left, right;
            sdc_roi_bin((double)LOAD(roi[2]) * SCALE, (double)LOAD(roi[4]) * SCALE, bin / COLUMNS, ROWS, HEIGHT, &top,
                        &bottom);
            sdc_roi_bin((double)LOAD(roi[1]) * SCALE, (double)LOAD(roi[3]) * SCALE, bin % COLUMNS, COLUMNS, WIDTH,
                        &left, &right);
            double best = top < bottom && left < right ? -INFINITY : 0;
            for (int64_t i = top; i < bottom; i++)
                for (int64_t j = left; j < right; j++)
                    best = fmax(best, (double)LOAD(x[i * WIDTH + j]));
            a->y[unit * ROWS * COLUMNS + bin] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))best);
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *x, const STORED *rois)
{
    SDC_CAT(NAME, _arguments) a = {c, y, x, rois};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (int64_t)REGIONS * CHANNELS);
}

#undef STORED
#undef LOAD
#undef NAME
#undef T
#undef BATCH
#undef CHANNELS
#undef HEIGHT
#undef WIDTH
#undef REGIONS
#undef ROWS
#undef COLUMNS
#undef SCALE
