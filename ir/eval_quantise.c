/* eval_quantise.c: the oracle for the quantisation family.  Integer products are exact in 64 bits; scales multiply in
 * double.  Rounding is to nearest even before the zero point is added. */
#include "index.h"
#include "op.h"
#include "quantise.h"
#include "../runtime/weight_code.h"
#include "window.h"

#include <math.h>
#include <stdlib.h>

#include "../runtime/dtype_bits.h"
#include "../runtime/runtime.h"

static double rounded_to(DType type, double v)
{
    char bytes[8];
    dtype_store_f(type, bytes, v);
    return dtype_load_f(type, bytes);
}

static double clamp(double v, int64_t low, int64_t high)
{
    return v < (double)low ? (double)low : v > (double)high ? (double)high : v;
}

/* v as an integer of the type, saturated; NaN gives the lowest. */
static int64_t saturated(double v, DType type)
{
    int64_t low, high;
    integer_limits(type, &low, &high);
    return isnan(v) ? low : (int64_t)clamp(v, low, high);
}

static double optional(const Array *a, int64_t k)
{
    return a ? array_get(a, a->count == 1 ? 0 : k) : 0;
}

/* Where the scale of element k of the data lies. */
static int64_t scale_index(const Granularity *g, const Shape *x, const Shape *scale, int64_t k)
{
    if (g->axis < 0)
        return 0;
    int64_t inner = index_span(x->dim, g->axis + 1, x->rank), extent = x->dim[g->axis], at = k / inner % extent;
    if (!g->block)
        return at;
    return (k / inner / extent * scale->dim[g->axis] + at / g->block) * inner + k % inner;
}

/* A float format without room for v: what saturate=0 makes of it. */
static double unsaturated(DType type, double v)
{
    static const struct { DType type; uint8_t (*store)(float); } formats[] = {
        {DT_F8E4M3, dt_f8e4m3_from_f_nosat}, {DT_F8E4M3Z, dt_f8e4m3z_from_f_nosat},
        {DT_F8E5M2, dt_f8e5m2_from_f_nosat}, {DT_F8E5M2Z, dt_f8e5m2z_from_f_nosat},
    };
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++)
        if (formats[k].type == type) {
            uint8_t code = formats[k].store((float)v);
            return dtype_load_f(type, &code);
        }
    return v;
}

void eval_quantize(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0], *scale = in[1], *zero = n->n_in > 2 ? in[2] : NULL;
    Array *y = out[0];
    Granularity g = quantise_granularity(n);
    DType precision = quantise_precision(n);
    bool saturate = attr_i(n, "saturate") != 0;
    for (int64_t k = 0; k < x->count; k++) {
        int64_t s = scale_index(&g, &x->shape, &scale->shape, k);
        double v = rounded_to(precision, array_get(x, k) / array_get(scale, s));
        if (y->i)
            y->i[k] = saturated(nearbyint(v) + optional(zero, s), y->dtype);
        else
            y->f[k] = saturate ? v + optional(zero, s) : unsaturated(y->dtype, v + optional(zero, s));
    }
}

void eval_dequantize(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0], *scale = in[1], *zero = n->n_in > 2 ? in[2] : NULL;
    Granularity g = quantise_granularity(n);
    for (int64_t k = 0; k < x->count; k++) {
        int64_t s = scale_index(&g, &x->shape, &scale->shape, k);
        out[0]->f[k] = (array_get(x, k) - optional(zero, s)) * array_get(scale, s);
    }
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* `count` elements that lie `step` apart: those that share a scale. */
static void quantize_group(double *y, const double *x, int64_t count, int64_t step, int bits)
{
    double largest = 0;
    for (int64_t k = 0; k < count; k++)
        largest = fmax(largest, fabs(x[k * step]));
    const float scale = weight_scale(largest, bits);
    for (int64_t k = 0; k < count; k++)
        y[k * step] = weight_code(x[k * step], scale, bits) * (double)scale;
}

void eval_quantized_weight(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *s = &in[0]->shape;
    const int axis = (int)attr_i(n, "axis"), bits = (int)attr_i(n, "bits");
    const int64_t step = index_span(s->dim, axis + 1, s->rank), depth = s->dim[axis];
    const int64_t group = attr_i(n, "group") ? attr_i(n, "group") : depth;
    for (int64_t line = 0; line < in[0]->count / depth; line++) {
        const int64_t first = line / step * depth * step + line % step;
        for (int64_t k = 0; k < depth; k += group)
            quantize_group(out[0]->f + first + k * step, in[0]->f + first + k * step, k + group < depth ? group : depth - k,
                           step, bits);
    }
}

/* The range always holds 0; the scale is rounded to f32 because the zero point is computed from the rounded one. */
void eval_dynamic_quantize(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    double low = 0, high = 0;
    (void)n;
    for (int64_t k = 0; k < x->count; k++) {
        low = fmin(low, x->f[k]);
        high = fmax(high, x->f[k]);
    }
    double scale = rounded_to(DT_F32, (high == low ? 1 : rounded_to(DT_F32, high - low)) / 255);
    int64_t zero = saturated(nearbyint(clamp(rounded_to(DT_F32, -low / scale), 0, 255)), DT_U8);
    if (out[1])
        out[1]->f[0] = scale;
    if (out[2])
        out[2]->i[0] = zero;
    for (int64_t k = 0; out[0] && k < x->count; k++)
        out[0]->i[k] = saturated(nearbyint(rounded_to(DT_F32, x->f[k] / scale)) + (double)zero, DT_U8);
}

/* ---- integer matrix products ------------------------------------------------------------------------------------- */

/* Matrix `number` of the broadcast batch in operand m: its offset. */
static int64_t matrix_at(const Shape *m, const Shape *batch, int64_t number)
{
    int64_t at = 0, step = m->rank > 1 ? m->dim[m->rank - 1] * m->dim[m->rank - 2] : 0;
    for (int k = 1; k <= batch->rank; k++) {
        int64_t position = number % batch->dim[batch->rank - k];
        number /= batch->dim[batch->rank - k];
        if (k > m->rank - 2)
            continue;
        int64_t extent = m->dim[m->rank - 2 - k];
        at += (extent == 1 ? 0 : position) * step;
        step *= extent;
    }
    return at;
}

/* Zero point or scale of a line of a matrix: one value, one a line, or one a line of each matrix. */
static double per_line(const Array *p, int64_t matrix, int64_t lines, int64_t line)
{
    if (!p)
        return 0;
    return array_get(p, p->count == 1 ? 0 : p->count == lines ? line : matrix * lines + line);
}

typedef struct { const Array *a, *b, *a_zero, *b_zero, *a_scale, *b_scale; } Product;

/* Calls put(context, element, exact sum, product of the scales) for each element of the result. */
static void multiply(const Node *n, const Product *p, void (*put)(void *, int64_t, int64_t, double), void *context)
{
    const Shape *a = &p->a->shape, *b = &p->b->shape;
    Shape batch_a = *a, batch_b = *b, batch;
    batch_a.rank = a->rank > 1 ? a->rank - 2 : 0;
    batch_b.rank = b->rank > 1 ? b->rank - 2 : 0;
    broadcast_shapes(n, &batch_a, &batch_b, &batch);
    int64_t rows = a->rank > 1 ? a->dim[a->rank - 2] : 1, inner = a->dim[a->rank - 1];
    int64_t columns = b->rank > 1 ? b->dim[b->rank - 1] : 1, at = 0;
    for (int64_t m = 0; m < shape_count(&batch); m++) {
        int64_t a_at = matrix_at(a, &batch, m), b_at = matrix_at(b, &batch, m);
        int64_t a_number = inner && rows ? a_at / (inner * rows) : 0;
        int64_t b_number = inner && columns ? b_at / (inner * columns) : 0;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) {
                int64_t a_zero = (int64_t)per_line(p->a_zero, a_number, rows, i), sum = 0;
                int64_t b_zero = (int64_t)per_line(p->b_zero, b_number, columns, j);
                for (int64_t k = 0; k < inner; k++)
                    sum += (p->a->i[a_at + i * inner + k] - a_zero) * (p->b->i[b_at + k * columns + j] - b_zero);
                put(context, at++, sum,
                    per_line(p->a_scale, a_number, rows, i) * per_line(p->b_scale, b_number, columns, j));
            }
    }
}

static void put_sum(void *context, int64_t k, int64_t sum, double scale)
{
    (void)scale;
    ((Array *)context)->i[k] = sum;
}

void eval_matmul_integer(const Node *n, const Array *const *in, Array *const *out)
{
    Product p = {.a = in[0], .b = in[1], .a_zero = n->n_in > 2 ? in[2] : NULL, .b_zero = n->n_in > 3 ? in[3] : NULL};
    multiply(n, &p, put_sum, out[0]);
}

typedef struct { Array *y; double scale, zero; } Requantise;

static void put_quantised(void *context, int64_t k, int64_t sum, double scale)
{
    const Requantise *r = context;
    r->y->i[k] = saturated(nearbyint((double)sum * (scale / r->scale)) + r->zero, r->y->dtype);
}

void eval_qlinear_matmul(const Node *n, const Array *const *in, Array *const *out)
{
    Product p = {in[0], in[3], in[2], in[5], in[1], in[4]};
    Requantise r = {out[0], array_get(in[6], 0), array_get(in[7], 0)};
    multiply(n, &p, put_quantised, &r);
}

/* ---- integer convolutions ---------------------------------------------------------------------------------------- */

/* One element: image b, output channel o, position `at`; taps in the padding count as the zero point. */
static int64_t convolve_element(const Window *w, const Array *x, int64_t x_zero, const Array *k, int64_t k_zero,
                                int64_t b, int64_t o, int64_t groups, const int64_t *at)
{
    int64_t channels = k->shape.dim[1], group = o / (k->shape.dim[0] / groups), taps = window_taps(w), sum = 0;
    int64_t area = index_span(w->in, 0, w->rank), stride[MAX_RANK], tap_at[MAX_RANK] = {0};
    Shape in = shape_of(w->rank, w->in);
    shape_strides(&in, stride);
    for (int64_t t = 0; t < taps; t++) {
        int64_t from = 0;
        bool inside = true;
        for (int d = 0; d < w->rank; d++) {
            int64_t p = at[d] * w->stride[d] + tap_at[d] * w->dilation[d] - w->before[d];
            inside &= p >= 0 && p < w->in[d];
            from += p * stride[d];
        }
        for (int64_t c = 0; inside && c < channels; c++)
            sum += (x->i[(b * x->shape.dim[1] + group * channels + c) * area + from] - x_zero) *
                   (k->i[(o * channels + c) * taps + t] - k_zero);
        index_next(w->rank, w->kernel, tap_at);
    }
    return sum;
}

static void convolve(const Node *n, const Array *x, const Array *x_zero, const Array *w, const Array *w_zero,
                     void (*put)(void *, int64_t, int64_t, int64_t), void *context)
{
    Window window = window_conv(n, &x->shape, &w->shape);
    int64_t channels = w->shape.dim[0], area = index_span(window.out, 0, window.rank), element = 0;
    for (int64_t b = 0; b < x->shape.dim[0]; b++)
        for (int64_t o = 0; o < channels; o++) {
            int64_t at[MAX_RANK] = {0};
            for (int64_t p = 0; p < area; p++) {
                put(context, element++, o,
                    convolve_element(&window, x, (int64_t)optional(x_zero, 0), w, (int64_t)optional(w_zero, o), b, o,
                                     attr_i(n, "group"), at));
                index_next(window.rank, window.out, at);
            }
        }
}

static void put_channel_sum(void *context, int64_t k, int64_t channel, int64_t sum)
{
    (void)channel;
    ((Array *)context)->i[k] = sum;
}

void eval_conv_integer(const Node *n, const Array *const *in, Array *const *out)
{
    convolve(n, in[0], n->n_in > 2 ? in[2] : NULL, in[1], n->n_in > 3 ? in[3] : NULL, put_channel_sum, out[0]);
}

typedef struct { Array *y; const Array *const *in; const Array *bias; } RequantiseChannel;

static void put_channel_quantised(void *context, int64_t k, int64_t channel, int64_t sum)
{
    const RequantiseChannel *r = context;
    double scale = array_get(r->in[1], 0) * optional(r->in[4], channel) / array_get(r->in[6], 0);
    sum += r->bias ? r->bias->i[channel] : 0;
    r->y->i[k] = saturated(nearbyint((double)sum * scale) + array_get(r->in[7], 0), r->y->dtype);
}

void eval_qlinear_conv(const Node *n, const Array *const *in, Array *const *out)
{
    RequantiseChannel r = {out[0], in, n->n_in > 8 ? in[8] : NULL};
    convolve(n, in[0], in[2], in[3], in[5], put_channel_quantised, &r);
}
