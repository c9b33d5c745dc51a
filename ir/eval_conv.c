/* eval_conv.c: evaluators of Conv, ConvTranspose, DeformConv and Col2Im.
 *
 * Conv and ConvTranspose are one walk: position i of the smaller side (the result of Conv, the data of ConvTranspose)
 * meets position i * stride + tap * dilation - padding of the larger side.  Both sides are held channels last, so that
 * a run of positions along the last axis is one matrix product. */
#include <math.h>
#include <stdlib.h>

#include "../runtime/runtime.h"
#include "index.h"
#include "op.h"
#include "product.h"
#include "window.h"

static double *doubles(int64_t count)
{
    double *p = calloc((size_t)count + 1, sizeof *p);
    if (!p)
        fail(SDC_NO_SPACE, "out of memory");
    return p;
}

/* to[n][j][i] = from[n][i][j] */
static void swap_axes(double *to, const double *from, int64_t count, int64_t rows, int64_t columns)
{
    for (int64_t n = 0; n < count; n++)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                to[(n * columns + j) * rows + i] = from[(n * rows + i) * columns + j];
}

/* ---- Conv and ConvTranspose -------------------------------------------------------------------------------------- */

typedef struct {
    const Window *w;
    const int64_t *small, *large;       /* spatial extents of the two sides */
    bool transposed;                    /* x is the small side, y the large one */
    int64_t groups, in_channels, out_channels;    /* channels of one group */
    double *y;                          /* [batch][...][groups * out_channels] */
    const double *x;                    /* [batch][...][groups * in_channels] */
    const double *weights;              /* [groups][taps][in_channels][out_channels] */
} Walk;

/* All groups of one tap for the run of positions that starts at `small` (outer axes flattened) on both sides. */
static void walk_run(const Walk *k, int64_t tap, int64_t small_row, int64_t large_row, int64_t step)
{
    int last = k->w->rank - 1;
    int64_t stride = k->w->stride[last], shift = step * k->w->dilation[last] - k->w->before[last];
    int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0, limit = k->large[last] - 1 - shift;
    int64_t end = limit < 0 ? 0 : limit / stride + 1;
    end = end < k->small[last] ? end : k->small[last];
    if (first >= end)
        return;
    int64_t at_small = small_row * k->small[last] + first;
    int64_t at_large = large_row * k->large[last] + first * stride + shift;
    int64_t wide_in = k->groups * k->in_channels, wide_out = k->groups * k->out_channels;
    int64_t x_at = (k->transposed ? at_small : at_large) * wide_in;
    int64_t y_at = (k->transposed ? at_large : at_small) * wide_out;
    int64_t x_row = k->transposed ? wide_in : wide_in * stride, y_row = k->transposed ? wide_out * stride : wide_out;
    int64_t taps = window_taps(k->w), block = k->in_channels * k->out_channels;
    for (int64_t g = 0; g < k->groups; g++)
        product_float(k->y + y_at + g * k->out_channels, y_row, k->x + x_at + g * k->in_channels, x_row, 1,
                      k->weights + (g * taps + tap) * block, k->out_channels, end - first, k->out_channels,
                      k->in_channels);
}

/* One image of the batch: every outer position of the small side, every tap. */
static void walk_image(const Walk *k, int64_t image)
{
    int outer = k->w->rank - 1;
    int64_t at[MAX_RANK] = {0}, small_row = image * index_span(k->small, 0, outer);
    if (!index_span(k->small, 0, outer))
        return;
    do {
        int64_t tap_at[MAX_RANK] = {0}, tap = 0;
        do {
            int64_t large_row = image;
            bool inside = true;
            for (int d = 0; d < outer; d++) {
                int64_t p = at[d] * k->w->stride[d] + tap_at[d] * k->w->dilation[d] - k->w->before[d];
                inside &= p >= 0 && p < k->large[d];
                large_row = large_row * k->large[d] + p;
            }
            if (inside)
                walk_run(k, tap, small_row, large_row, tap_at[outer]);
            tap++;
        } while (index_next(k->w->rank, k->w->kernel, tap_at));
        small_row++;
    } while (index_next(outer, k->small, at));
}

/* Weights [group][outer][inner][taps] to [group][taps][in][out]; `outer` is the result's channel in Conv's order. */
static double *pack_weights(const Walk *k, const double *w)
{
    int64_t taps = window_taps(k->w), block = k->in_channels * k->out_channels;
    double *packed = doubles(k->groups * taps * block);
    for (int64_t g = 0; g < k->groups; g++)
        for (int64_t i = 0; i < k->in_channels; i++)
            for (int64_t o = 0; o < k->out_channels; o++)
                for (int64_t t = 0; t < taps; t++) {
                    int64_t from = k->transposed ? i * k->out_channels + o : o * k->in_channels + i;
                    int64_t to = ((g * taps + t) * k->in_channels + i) * k->out_channels + o;
                    packed[to] = w[(g * block + from) * taps + t];
                }
    return packed;
}

static void convolve(Walk *k, const Array *x, const Array *w, const Array *bias, Array *y)
{
    int64_t batch = x->shape.dim[0], wide_in = k->groups * k->in_channels, wide_out = k->groups * k->out_channels;
    int64_t x_area = index_span(x->shape.dim, 2, x->shape.rank), y_area = index_span(y->shape.dim, 2, y->shape.rank);
    double *x_last = doubles(x->count), *y_last = doubles(y->count), *weights = pack_weights(k, w->f);
    swap_axes(x_last, x->f, batch, wide_in, x_area);
    for (int64_t e = 0; bias && e < y->count; e++)
        y_last[e] = bias->f[e % wide_out];
    k->x = x_last;
    k->y = y_last;
    k->weights = weights;
    for (int64_t image = 0; image < batch; image++)
        walk_image(k, image);
    swap_axes(y->f, y_last, batch, y_area, wide_out);
    free(x_last);
    free(y_last);
    free(weights);
}

void eval_conv(const Node *n, const Array *const *in, Array *const *out)
{
    Window w = window_conv(n, &in[0]->shape, &in[1]->shape);
    int64_t groups = attr_i(n, "group");
    Walk k = {.w = &w, .small = w.out, .large = w.in, .groups = groups, .in_channels = in[1]->shape.dim[1],
              .out_channels = in[1]->shape.dim[0] / groups};
    convolve(&k, in[0], in[1], n->n_in > 2 ? in[2] : NULL, out[0]);
}

void eval_conv_transpose(const Node *n, const Array *const *in, Array *const *out)
{
    Window w = window_transposed(n, &in[0]->shape, &in[1]->shape);
    int64_t groups = attr_i(n, "group");
    Walk k = {.w = &w, .small = w.in, .large = w.out, .transposed = true, .groups = groups,
              .in_channels = in[1]->shape.dim[0] / groups, .out_channels = in[1]->shape.dim[1]};
    convolve(&k, in[0], in[1], n->n_in > 2 ? in[2] : NULL, out[0]);
}

/* ---- DeformConv -------------------------------------------------------------------------------------------------- */

/* Bilinear sample of a plane [height][width]; outside it everything is 0. */
static double sample_plane(const double *plane, int64_t height, int64_t width, double y, double x)
{
    if (!(y > -1 && y < (double)height && x > -1 && x < (double)width))
        return 0;
    int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
    double sum = 0, down = y - (double)top, right = x - (double)left;
    for (int64_t i = top; i <= top + 1; i++)
        for (int64_t j = left; j <= left + 1; j++)
            if (i >= 0 && i < height && j >= 0 && j < width)
                sum += plane[i * width + j] * (i > top ? down : 1 - down) * (j > left ? right : 1 - right);
    return sum;
}

/* One element of the result: image b, output channel o, position (i, j). */
static double deform_element(const Node *n, const Array *const *in, const Window *w, int64_t b, int64_t o, int64_t i,
                             int64_t j)
{
    const Shape *x = &in[0]->shape, *k = &in[1]->shape, *f = &in[2]->shape;
    const Array *mask = n->n_in > 4 ? in[4] : NULL;
    int64_t parts = attr_i(n, "offset_group"), taps = window_taps(w), columns = k->dim[3];
    int64_t group = o / (k->dim[0] / attr_i(n, "group")), area = f->dim[2] * f->dim[3], at = i * f->dim[3] + j;
    double sum = n->n_in > 3 && in[3] ? in[3]->f[o] : 0;
    for (int64_t c = 0; c < k->dim[1]; c++) {
        int64_t channel = group * k->dim[1] + c, part = channel / (x->dim[1] / parts);
        const double *plane = in[0]->f + (b * x->dim[1] + channel) * x->dim[2] * x->dim[3];
        for (int64_t t = 0; t < taps; t++) {
            const double *offset = in[2]->f + (b * f->dim[1] + (part * taps + t) * 2) * area + at;
            double y = (double)(i * w->stride[0] + t / columns * w->dilation[0] - w->before[0]) + offset[0];
            double z = (double)(j * w->stride[1] + t % columns * w->dilation[1] - w->before[1]) + offset[area];
            double weight = in[1]->f[(o * k->dim[1] + c) * taps + t];
            if (mask)
                weight *= mask->f[(b * parts * taps + part * taps + t) * area + at];
            sum += weight * sample_plane(plane, x->dim[2], x->dim[3], y, z);
        }
    }
    return sum;
}

void eval_deform_conv(const Node *n, const Array *const *in, Array *const *out)
{
    Window w = window_attributes(n, 2, in[1]->shape.dim + 2);
    const int64_t *dim = out[0]->shape.dim;
    int64_t at[4] = {0};
    for (int64_t e = 0; e < out[0]->count; e++) {
        out[0]->f[e] = deform_element(n, in, &w, at[0], at[1], at[2], at[3]);
        index_next(4, dim, at);
    }
}

/* ---- Col2Im ------------------------------------------------------------------------------------------------------ */

static void add_to(Array *y, int64_t to, const Array *x, int64_t from)
{
    if (y->f)
        y->f[to] += x->f[from];
    else
        y->i[to] = (int64_t)((uint64_t)y->i[to] + (uint64_t)x->i[from]);
}

/* Sum the columns of one (image, channel) pair into its plane. */
static void fold_columns(const Window *w, const Array *x, int64_t from, Array *y, int64_t to)
{
    int64_t tap_at[MAX_RANK] = {0}, stride[MAX_RANK];
    Shape image = shape_of(w->rank, w->in);
    shape_strides(&image, stride);
    do {
        int64_t at[MAX_RANK] = {0};
        do {
            int64_t place = to;
            bool inside = true;
            for (int d = 0; d < w->rank; d++) {
                int64_t p = at[d] * w->stride[d] + tap_at[d] * w->dilation[d] - w->before[d];
                inside &= p >= 0 && p < w->in[d];
                place += p * stride[d];
            }
            if (inside)
                add_to(y, place, x, from);
            from++;
        } while (index_next(w->rank, w->out, at));
    } while (index_next(w->rank, w->kernel, tap_at));
}

void eval_col2im(const Node *n, const Array *const *in, Array *const *out)
{
    Window w = window_attributes(n, out[0]->shape.rank - 2, in[2]->i);
    for (int k = 0; k < w.rank; k++) {
        w.in[k] = in[1]->i[k];
        w.out[k] = (w.in[k] + w.before[k] + w.after[k] - window_span(&w, k)) / w.stride[k] + 1;
    }
    int64_t planes = out[0]->shape.dim[0] * out[0]->shape.dim[1];
    if (!planes)
        return;
    for (int64_t p = 0; p < planes; p++)
        fold_columns(&w, in[0], p * (in[0]->count / planes), out[0], p * (out[0]->count / planes));
}
