/* roi.h: geometry of regions of interest, in double: coordinates come from data, so every conversion is clamped. */
#ifndef SDC_ROI_H
#define SDC_ROI_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { SDC_ROI_GRID = 4096 };       /* samples along one axis of a bin; more is a broken region */

static inline int64_t sdc_roi_clamp(double v, int64_t low, int64_t high)
{
    return v >= (double)high ? high : v > (double)low ? (int64_t)v : low;
}

/* Elements [*from, *to) of bin k of `bins` along one axis. */
static inline void sdc_roi_bin(double begin, double end, int64_t k, int64_t bins, int64_t extent, int64_t *from,
                               int64_t *to)
{
    const double start = round(begin), size = fmax(round(end) - start + 1, 1) / (double)bins;
    *from = sdc_roi_clamp(floor((double)k * size) + start, 0, extent);
    *to = sdc_roi_clamp(ceil((double)(k + 1) * size) + start, 0, extent);
}

/* The two elements around position p and the weight of the second; false: p is outside the axis. */
static inline bool sdc_roi_around(double p, int64_t extent, int64_t *low, int64_t *high, double *weight)
{
    if (!(p >= -1 && p <= (double)extent))
        return false;
    p = fmax(p, 0);
    *low = sdc_roi_clamp(floor(p), 0, extent - 1);
    *high = *low + 1 < extent ? *low + 1 : *low;
    *weight = *high > *low ? p - (double)*low : 0;
    return true;
}

#endif
