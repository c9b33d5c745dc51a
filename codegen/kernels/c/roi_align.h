/* roi_align.h: RoiAlign: bilinear samples in each bin of each region, averaged, or the largest weighted element.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const st_T *rois, const st_I *images)
 *
 *   NAME                              the function
 *   T I                               types of data and regions, and of the images' indices
 *   BATCH CHANNELS HEIGHT WIDTH       x, row-major
 *   REGIONS ROWS COLUMNS              y [REGIONS][CHANNELS][ROWS][COLUMNS]; rois [REGIONS][x1, y1, x2, y2],
 *                                     images [REGIONS]
 *   SCALE HALF_PIXEL                  HALF_PIXEL 1 shifts by half an element and keeps regions below 1x1 as they are
 *   RATIO                             samples along each axis of a bin; 0: as many as the bin has elements
 *   LARGEST                           1: maximum instead of average
 *
 * A unit is one channel of one region. */
#include "kernel.h"
#include "bounds.h"
#include "roi.h"

#ifndef NAME
#define NAME roi_align_default
#define T f32
#define I i64
#define BATCH 1
#define CHANNELS 3
#define HEIGHT 16
#define WIDTH 16
#define REGIONS 2
#define ROWS 4
#define COLUMNS 4
#define SCALE 1.0
#define HALF_PIXEL 1
#define RATIO 2
#define LARGEST 0
#endif

#define STORED SDC_CAT(st_, T)
#define LOAD(v) ((double)SDC_CAT(ld_, T)(v))

typedef struct {
    SdcContext *c;
    STORED *y;
    const STORED *x, *rois;
    const SDC_CAT(st_, I) *images;
} SDC_CAT(NAME, _arguments);

/* A region along one axis: its begin, the extent of a bin, samples in it. */
typedef struct { double start, size; int64_t grid; } SDC_CAT(NAME, _axis);

static SDC_CAT(NAME, _axis) SDC_CAT(NAME, _region)(double begin, double end, int64_t bins)
{
    const double extent = (end - begin) * SCALE, size = (HALF_PIXEL ? extent : fmax(extent, 1)) / (double)bins;
    return (SDC_CAT(NAME, _axis)){begin * SCALE - (HALF_PIXEL ? 0.5 : 0), size,
                                  sdc_roi_clamp(RATIO > 0 ? RATIO : ceil(size), RATIO > 0, SDC_ROI_GRID)};
}

static double SDC_CAT(NAME, _sample)(const STORED *x, double y, double z)
{
    int64_t top, bottom, left, right;
    double down, across;
    if (!sdc_roi_around(y, HEIGHT, &top, &bottom, &down) || !sdc_roi_around(z, WIDTH, &left, &right, &across))
        return 0;
    const double a = (1 - down) * (1 - across) * LOAD(x[top * WIDTH + left]);
    const double b = (1 - down) * across * LOAD(x[top * WIDTH + right]);
    const double e = down * (1 - across) * LOAD(x[bottom * WIDTH + left]);
    const double f = down * across * LOAD(x[bottom * WIDTH + right]);
    return LARGEST ? fmax(fmax(a, b), fmax(e, f)) : a + b + e + f;
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const STORED *roi = a->rois + unit / CHANNELS * 4;
        const int64_t image = sdc_index(a->c, (int64_t)SDC_CAT(ld_, I)(a->images[unit / CHANNELS]), BATCH);
        if (image < 0)
            return;
        const STORED *x = a->x + (image * CHANNELS + unit % CHANNELS) * HEIGHT * WIDTH;
        const SDC_CAT(NAME, _axis) down = SDC_CAT(NAME, _region)(LOAD(roi[1]), LOAD(roi[3]), ROWS);
        const SDC_CAT(NAME, _axis) across = SDC_CAT(NAME, _region)(LOAD(roi[0]), LOAD(roi[2]), COLUMNS);
        const int64_t samples = down.grid * across.grid;
        for (int64_t bin = 0; bin < ROWS * COLUMNS; bin++) {
            double total = 0;
            for (int64_t i = 0; i < samples; i++) {
                const double y = ((double)(i / across.grid) + 0.5) / (double)down.grid + (double)(bin / COLUMNS);
                const double z = ((double)(i % across.grid) + 0.5) / (double)across.grid + (double)(bin % COLUMNS);
                const double v = SDC_CAT(NAME, _sample)(x, down.start + y * down.size, across.start + z * across.size);
                total = !LARGEST ? total + v : i ? fmax(total, v) : v;
            }
            const double v = LARGEST || !samples ? total : total / (double)samples;
            a->y[unit * ROWS * COLUMNS + bin] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))v);
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *x, const STORED *rois, const SDC_CAT(st_, I) *images)
{
    SDC_CAT(NAME, _arguments) a = {c, y, x, rois, images};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (int64_t)REGIONS * CHANNELS);
}

#undef STORED
#undef LOAD
#undef NAME
#undef T
#undef I
#undef BATCH
#undef CHANNELS
#undef HEIGHT
#undef WIDTH
#undef REGIONS
#undef ROWS
#undef COLUMNS
#undef SCALE
#undef HALF_PIXEL
#undef RATIO
#undef LARGEST
