/* eval_resize.c: evaluators of Resize, GridSample and AffineGrid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "index.h"
#include "op.h"
#include "resize.h"

static double *doubles(int64_t count)
{
    double *p = calloc((size_t)count + 1, sizeof *p);
    if (!p)
        fail(SDC_NO_SPACE, "out of memory");
    return p;
}

static void store(Array *y, int64_t k, double v)
{
    if (y->f)
        y->f[k] = v;
    else                                /* rounded, and saturated by way of the type's own conversion */
        dtype_store_f(DT_I64, &y->i[k], rint(v));
}

/* Integers saturate to their type; the rounding that follows every evaluator would wrap them. */
static void saturate(Array *y)
{
    char bytes[8];
    for (int64_t k = 0; !y->f && k < y->count; k++) {
        dtype_store_f(y->dtype, bytes, (double)y->i[k]);
        y->i[k] = dtype_load_i(y->dtype, bytes);
    }
}

/* ---- Resize ------------------------------------------------------------------------------------------------------ */

/* from [outer][axis.in][inner] to [outer][axis.out][inner] */
static void resize_axis(const ResizeAxis *a, double extrapolation, int64_t outer, int64_t inner, const double *from,
                        double *to)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < a->out; k++) {
            const int64_t *index = a->index + k * a->taps;
            const double *weight = a->weight + k * a->taps;
            double *row = to + (o * a->out + k) * inner;
            for (int64_t i = 0; i < inner; i++) {
                row[i] = index[0] < 0 ? extrapolation : 0;
                for (int64_t t = 0; t < a->taps && index[0] >= 0; t++)
                    row[i] += weight[t] * from[(o * a->in + index[t]) * inner + i];
            }
        }
}

/* Nearest elements as they are: 64-bit integers would not survive a double. */
static void gather_nearest(const Resize *r, const Array *x, Array *y)
{
    int64_t at[MAX_RANK] = {0}, stride[MAX_RANK];
    shape_strides(&x->shape, stride);
    for (int64_t e = 0; e < y->count; e++, index_next(r->rank, y->shape.dim, at)) {
        int64_t from = 0;
        bool outside = false;
        for (int k = 0; k < r->rank; k++) {
            int64_t index = r->axis[k].identity ? at[k] : r->axis[k].index[at[k]];
            outside |= index < 0;
            from += index * stride[k];
        }
        if (outside)
            store(y, e, r->extrapolation);
        else if (y->f)
            y->f[e] = x->f[from];
        else
            y->i[e] = x->i[from];
    }
}

void eval_resize(const Node *n, const Array *const *in, Array *const *out)
{
    Resize r = resize_tables(n);
    if (!strcmp(attr_s(n, "mode"), "nearest")) {
        gather_nearest(&r, in[0], out[0]);
        return;
    }
    Shape now = in[0]->shape;
    double *data = doubles(in[0]->count);
    for (int64_t k = 0; k < in[0]->count; k++)
        data[k] = array_get(in[0], k);
    for (int k = 0; k < r.rank; k++) {
        if (r.axis[k].identity)
            continue;
        now.dim[k] = r.axis[k].out;
        double *next = doubles(shape_count(&now));
        resize_axis(&r.axis[k], r.extrapolation, index_span(now.dim, 0, k), index_span(now.dim, k + 1, now.rank), data,
                    next);
        free(data);
        data = next;
    }
    for (int64_t k = 0; k < out[0]->count; k++)
        store(out[0], k, data[k]);
    saturate(out[0]);
    free(data);
}

/* ---- GridSample -------------------------------------------------------------------------------------------------- */

typedef enum { PAD_ZEROS, PAD_BORDER, PAD_REFLECTION } Padding;

typedef struct {
    int taps;                       /* 1 nearest, 2 linear, 4 cubic */
    Padding padding;
    bool corners;
    int rank;
    const int64_t *dim;             /* spatial extents of the data */
} GridSampler;

/* x mirrored at the borders until it lies between them. */
static double reflect(double x, double low, double high)
{
    double range = high - low;
    if (range <= 0 || !isfinite(x))
        return low;
    double distance = fmod(fabs(x - low), 2 * range);
    return low + (distance > range ? 2 * range - distance : distance);
}

/* The element that position p of an axis stands for; -1: none, it counts as 0. */
static int64_t resolve(const GridSampler *g, int axis, double p)
{
    double last = (double)(g->dim[axis] - 1), half = g->corners ? 0 : 0.5;
    if (g->padding == PAD_REFLECTION && (p < 0 || p > last))
        p = trunc(reflect(p, -half, last + half));
    if (g->padding == PAD_ZEROS && !(p >= 0 && p <= last))
        return -1;
    return p <= 0 || isnan(p) ? 0 : p >= last ? g->dim[axis] - 1 : (int64_t)p;
}

/* Coordinate of the grid, -1..1, among the axis' elements; padding moves positions that lie outside, but for cubic,
 * which as in PyTorch and ONNX Runtime pads tap by tap. */
static double denormalize(const GridSampler *g, int axis, double v)
{
    double extent = (double)g->dim[axis], half = g->corners ? 0 : 0.5;
    double p = g->corners ? (v + 1) / 2 * (extent - 1) : ((v + 1) * extent - 1) / 2;
    if (g->taps == 1)
        p = rint(p);
    bool outside = g->taps != 4 && (p < -half || p > extent - 1 + half);
    if (g->padding == PAD_BORDER && outside)
        p = fmin(fmax(p, 0), extent - 1);
    if (g->padding == PAD_REFLECTION && outside)
        p = reflect(p, -half, extent - 1 + half);
    return p;
}

static void tap_weights(int taps, double t, double *weight)
{
    const double a = -0.75;
    if (taps == 1)
        weight[0] = 1;
    else if (taps == 2) {
        weight[0] = 1 - t;
        weight[1] = t;
    } else {
        weight[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
        weight[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
        weight[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1;
        weight[3] = ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a;
    }
}

/* The plane of x that starts at `base`, sampled where `at` [rank] points; the grid lists the last axis first. */
static double grid_element(const GridSampler *g, const Array *x, int64_t base, const double *at)
{
    int64_t index[MAX_RANK][4], tap[MAX_RANK] = {0}, taps[MAX_RANK];
    double weight[MAX_RANK][4], sum = 0;
    for (int k = 0; k < g->rank; k++) {
        double p = denormalize(g, k, at[g->rank - 1 - k]), first = g->taps == 1 ? p : floor(p);
        taps[k] = g->taps;
        tap_weights(g->taps, p - first, weight[k]);
        for (int t = 0; t < g->taps; t++)
            index[k][t] = resolve(g, k, first + t - (g->taps == 4));
    }
    do {
        int64_t from = 0;
        double w = 1;
        bool inside = true;
        for (int k = 0; k < g->rank; k++) {
            inside &= index[k][tap[k]] >= 0;
            from = from * g->dim[k] + index[k][tap[k]];
            w *= weight[k][tap[k]];
        }
        if (inside)
            sum += w * array_get(x, base + from);
    } while (index_next(g->rank, taps, tap));
    return sum;
}

void eval_grid_sample(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    const char *mode = attr_s(n, "mode"), *padding = attr_s(n, "padding_mode");
    GridSampler g = {.taps = *mode == 'n' ? 1 : *mode == 'l' ? 2 : 4, .rank = x->rank - 2, .dim = x->dim + 2,
                     .padding = *padding == 'z' ? PAD_ZEROS : *padding == 'b' ? PAD_BORDER : PAD_REFLECTION,
                     .corners = attr_i(n, "align_corners") != 0};
    int64_t area = index_span(x->dim, 2, x->rank), points = index_span(out[0]->shape.dim, 2, x->rank);
    for (int64_t e = 0; e < out[0]->count; e++) {
        int64_t plane = e / points, image = plane / x->dim[1];
        store(out[0], e, grid_element(&g, in[0], plane * area, in[1]->f + (image * points + e % points) * g.rank));
    }
    saturate(out[0]);
}

/* ---- AffineGrid -------------------------------------------------------------------------------------------------- */

void eval_affine_grid(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *y = &out[0]->shape;
    int rank = y->rank - 2;
    bool corners = attr_i(n, "align_corners") != 0;
    int64_t at[MAX_RANK] = {0};
    for (int64_t e = 0; e < out[0]->count; e++, index_next(y->rank, y->dim, at)) {
        const double *row = in[0]->f + (at[0] * rank + at[rank + 1]) * (rank + 1);
        double sum = row[rank];
        for (int k = 0; k < rank; k++) {             /* theta's columns are x, y, z: the last axis first */
            double extent = (double)y->dim[rank - k], p = (double)at[rank - k];
            sum += row[k] * (!corners ? (2 * p + 1) / extent - 1 : extent > 1 ? 2 * p / (extent - 1) - 1 : -1);
        }
        out[0]->f[e] = sum;
    }
}
