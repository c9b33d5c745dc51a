/* eval_roi.c: evaluators of MaxRoiPool and RoiAlign. */
#include <math.h>

#include "../runtime/runtime.h"
#include "index.h"
#include "op.h"

enum { GRID_LIMIT = 4096 };         /* samples along one axis of a bin; more is a broken region */

/* The plane of image `index`, channel c. */
static const double *plane_of(const Node *n, const Array *x, double index, int64_t c)
{
    if (!(index >= 0 && index < (double)x->shape.dim[0]))
        fail_node(SDC_BAD_INPUT, n, "batch index %g is out of range", index);
    return x->f + ((int64_t)index * x->shape.dim[1] + c) * x->shape.dim[2] * x->shape.dim[3];
}

static int64_t clamp(double v, int64_t low, int64_t high)
{
    return v >= (double)high ? high : v > (double)low ? (int64_t)v : low;
}

/* First and last element of bin k along one axis of `extent`: regions are rounded to elements, as in Fast R-CNN. */
static void bin_range(double begin, double end, int64_t k, int64_t bins, int64_t extent, int64_t *from, int64_t *to)
{
    double start = round(begin), size = fmax(round(end) - start + 1, 1) / (double)bins;
    *from = clamp(floor((double)k * size) + start, 0, extent);
    *to = clamp(ceil((double)(k + 1) * size) + start, 0, extent);
}

void eval_max_roi_pool(const Node *n, const Array *const *in, Array *const *out)
{
    const int64_t *dim = out[0]->shape.dim, *x = in[0]->shape.dim;
    double scale = attr_f(n, "spatial_scale");
    int64_t at[4] = {0};
    for (int64_t e = 0; e < out[0]->count; e++, index_next(4, dim, at)) {
        const double *roi = in[1]->f + at[0] * 5, *plane = plane_of(n, in[0], roi[0], at[1]);
        int64_t top, bottom, left, right;
        bin_range(roi[2] * scale, roi[4] * scale, at[2], dim[2], x[2], &top, &bottom);
        bin_range(roi[1] * scale, roi[3] * scale, at[3], dim[3], x[3], &left, &right);
        double best = top < bottom && left < right ? -INFINITY : 0;
        for (int64_t i = top; i < bottom; i++)
            for (int64_t j = left; j < right; j++)
                best = fmax(best, plane[i * x[3] + j]);
        out[0]->f[e] = best;
    }
}

/* Position p along an axis: the two elements around it and the weight of the second; false: outside. */
static bool neighbours(double p, int64_t extent, int64_t *low, int64_t *high, double *weight)
{
    if (!(p >= -1 && p <= (double)extent))
        return false;
    p = fmax(p, 0);
    *low = clamp(floor(p), 0, extent - 1);
    *high = *low + 1 < extent ? *low + 1 : *low;
    *weight = *high > *low ? p - (double)*low : 0;
    return true;
}

/* A bilinear sample: the sum of its four weighted elements or, as the ONNX tests have it for max, the largest one. */
static double sample(const double *plane, const int64_t *x, double y, double z, bool largest)
{
    int64_t top, bottom, left, right;
    double down, across;
    if (!neighbours(y, x[2], &top, &bottom, &down) || !neighbours(z, x[3], &left, &right, &across))
        return 0;
    double a = (1 - down) * (1 - across) * plane[top * x[3] + left];
    double b = (1 - down) * across * plane[top * x[3] + right];
    double c = down * (1 - across) * plane[bottom * x[3] + left], d = down * across * plane[bottom * x[3] + right];
    return largest ? fmax(fmax(a, b), fmax(c, d)) : a + b + c + d;
}

/* Region along one axis: where it begins, the size of a bin, and the samples in each. */
static void region(const Node *n, double begin, double end, int64_t bins, double *start, double *size, int64_t *grid)
{
    bool half = attr_s(n, "coordinate_transformation_mode")[0] == 'h';
    double scale = attr_f(n, "spatial_scale"), extent = (end - begin) * scale;
    int64_t ratio = attr_i(n, "sampling_ratio");
    *start = begin * scale - (half ? 0.5 : 0);
    *size = (half ? extent : fmax(extent, 1)) / (double)bins;
    *grid = ratio > 0 ? clamp((double)ratio, 1, GRID_LIMIT) : clamp(ceil(*size), 0, GRID_LIMIT);
}

void eval_roi_align(const Node *n, const Array *const *in, Array *const *out)
{
    const int64_t *dim = out[0]->shape.dim, *x = in[0]->shape.dim;
    bool largest = attr_s(n, "mode")[0] == 'm';
    int64_t at[4] = {0};
    for (int64_t e = 0; e < out[0]->count; e++, index_next(4, dim, at)) {
        const double *roi = in[1]->f + at[0] * 4, *plane = plane_of(n, in[0], (double)in[2]->i[at[0]], at[1]);
        double top, left, height, width, total = 0;
        int64_t rows, columns;
        region(n, roi[1], roi[3], dim[2], &top, &height, &rows);
        region(n, roi[0], roi[2], dim[3], &left, &width, &columns);
        for (int64_t i = 0; i < rows * columns; i++) {
            double y = top + ((double)at[2] + ((double)(i / columns) + 0.5) / (double)rows) * height;
            double z = left + ((double)at[3] + ((double)(i % columns) + 0.5) / (double)columns) * width;
            double v = sample(plane, x, y, z, largest);
            total = !largest ? total + v : i ? fmax(total, v) : v;
        }
        out[0]->f[e] = largest || !rows || !columns ? total : total / (double)(rows * columns);
    }
}
