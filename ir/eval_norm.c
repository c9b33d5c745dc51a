/* eval_norm.c: evaluators of the normalisations.  Variances are means of squared distances from the mean. */
#include <math.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "index.h"
#include "op.h"

/* ---- sets of elements -------------------------------------------------------------------------------------------- */

/* Elements base + i * outer_step + j over i < outer, j < inner. */
typedef struct { int64_t base, outer, outer_step, inner; } Span;

static inline int64_t span_at(const Span *s, int64_t k)
{
    return s->base + k / s->inner * s->outer_step + k % s->inner;
}

static double mean_of(const double *x, const Span *s)
{
    double sum = 0;
    for (int64_t k = 0; k < s->outer * s->inner; k++)
        sum += x[span_at(s, k)];
    return sum / (double)(s->outer * s->inner);
}

static double variance_of(const double *x, const Span *s, double mean)
{
    double sum = 0;
    for (int64_t k = 0; k < s->outer * s->inner; k++) {
        double d = x[span_at(s, k)] - mean;
        sum += d * d;
    }
    return sum / (double)(s->outer * s->inner);
}

/* ---- batch, instance and group normalisation --------------------------------------------------------------------- */

/* y = (x - mean) / deviation * scale + bias over one span. */
static void apply(const double *x, double *y, const Span *s, double mean, double variance, double epsilon,
                  double scale, double bias)
{
    double deviation = sqrt(variance + epsilon);
    for (int64_t k = 0; k < s->outer * s->inner; k++) {
        int64_t at = span_at(s, k);
        y[at] = (x[at] - mean) / deviation * scale + bias;
    }
}

void eval_batch_norm(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t channels = x->rank > 1 ? x->dim[1] : 1, area = x->rank > 2 ? index_span(x->dim, 2, x->rank) : 1;
    double epsilon = attr_f(n, "epsilon"), momentum = attr_f(n, "momentum");
    bool training = attr_i(n, "training_mode") != 0;
    for (int64_t c = 0; c < channels; c++) {
        Span s = {c * area, x->dim[0], channels * area, area};
        double mean = in[3]->f[c], variance = in[4]->f[c];
        if (training) {
            mean = mean_of(in[0]->f, &s);
            variance = variance_of(in[0]->f, &s, mean);
        }
        if (in[0]->count)
            apply(in[0]->f, out[0]->f, &s, mean, variance, epsilon, in[1]->f[c], in[2]->f[c]);
        if (n->n_out > 1 && out[1])
            out[1]->f[c] = training ? in[3]->f[c] * momentum + mean * (1 - momentum) : mean;
        if (n->n_out > 2 && out[2])
            out[2]->f[c] = training ? in[4]->f[c] * momentum + variance * (1 - momentum) : variance;
    }
}

static void group_norm(const Node *n, int64_t groups, const Array *const *in, Array *y)
{
    const Shape *x = &in[0]->shape;
    int64_t channels = x->dim[1], area = index_span(x->dim, 2, x->rank), width = groups ? channels / groups * area : 0;
    for (int64_t g = 0; g < x->dim[0] * groups && width; g++) {
        Span all = {g * width, 1, 0, width};
        double mean = mean_of(in[0]->f, &all), variance = variance_of(in[0]->f, &all, mean);
        for (int64_t k = 0; k < width / area; k++) {
            int64_t c = g % groups * (width / area) + k;
            Span s = {g * width + k * area, 1, 0, area};
            apply(in[0]->f, y->f, &s, mean, variance, attr_f(n, "epsilon"), in[1]->f[c], in[2]->f[c]);
        }
    }
}

void eval_instance_norm(const Node *n, const Array *const *in, Array *const *out)
{
    group_norm(n, in[0]->shape.dim[1], in, out[0]);
}

void eval_group_norm(const Node *n, const Array *const *in, Array *const *out)
{
    group_norm(n, attr_i(n, "num_groups"), in, out[0]);
}

void eval_channel_moments(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t width = x->dim[1] / attr_i(n, "num_groups") * index_span(x->dim, 2, x->rank);
    for (int64_t g = 0; 2 * g < out[0]->count; g++) {
        Span all = {g * width, 1, 0, width};
        out[0]->f[2 * g] = mean_of(in[0]->f, &all);
        out[0]->f[2 * g + 1] = variance_of(in[0]->f, &all, out[0]->f[2 * g]) * (double)width;
    }
}

/* The mean of the parts' means, weighted, then what is apart from it inside the parts and between them. */
void eval_channel_lines(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *m = &in[0]->shape;
    const int64_t *counts = attr_find(n, "counts")->ints;
    int64_t parts = m->dim[1], groups = m->dim[2], channels = in[1]->count;
    for (int64_t k = 0; k < m->dim[0] * channels; k++) {
        int64_t image = k / channels, c = k % channels;
        const double *moments = in[0]->f + (image * parts * groups + c / (channels / groups)) * 2;
        double count = 0, mean = 0, spread = 0;
        for (int64_t p = 0; p < parts; p++) {
            count += (double)counts[p];
            mean += (double)counts[p] * moments[p * groups * 2];
        }
        mean /= count;
        for (int64_t p = 0; p < parts; p++) {
            double step = moments[p * groups * 2] - mean;
            spread += moments[p * groups * 2 + 1] + (double)counts[p] * step * step;
        }
        double inverse = 1 / sqrt(spread / count + attr_f(n, "epsilon"));
        out[0]->f[image * 2 * channels + c] = inverse * in[1]->f[c];
        out[0]->f[(image * 2 + 1) * channels + c] = in[2]->f[c] - mean * inverse * in[1]->f[c];
    }
}

void eval_norm_apply(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t channels = x->dim[1], area = index_span(x->dim, 2, x->rank);
    (void)n;
    for (int64_t k = 0; k < in[0]->count; k++) {
        const double *line = in[1]->f + k / area / channels * 2 * channels + k / area % channels;
        out[0]->f[k] = in[0]->f[k] * line[0] + line[channels];
    }
}

/* ---- layer and RMS normalisation --------------------------------------------------------------------------------- */

/* Offset in operand a, which broadcasts to `full`, of the element at `at`. */
static int64_t broadcast_offset(const Array *a, const Shape *full, const int64_t *at)
{
    int64_t offset = 0;
    for (int k = 0; k < a->shape.rank; k++)
        offset = offset * a->shape.dim[k] + (a->shape.dim[k] == 1 ? 0 : at[k + full->rank - a->shape.rank]);
    return offset;
}

static void layer_norm(const Node *n, bool centred, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    const Array *bias = n->n_in > 2 ? in[2] : NULL;
    int64_t axis = axis_of(n, attr_i(n, "axis"), x->rank), width = index_span(x->dim, (int)axis, x->rank);
    int64_t at[MAX_RANK] = {0};
    for (int64_t row = 0; width && row < in[0]->count / width; row++) {
        Span s = {row * width, 1, 0, width};
        double mean = centred ? mean_of(in[0]->f, &s) : 0, variance = variance_of(in[0]->f, &s, mean);
        double inverse = 1 / sqrt(variance + attr_f(n, "epsilon"));
        for (int64_t k = row * width; k < (row + 1) * width; k++, index_next(x->rank, x->dim, at)) {
            double v = (in[0]->f[k] - mean) * inverse * in[1]->f[broadcast_offset(in[1], x, at)];
            out[0]->f[k] = v + (bias ? bias->f[broadcast_offset(bias, x, at)] : 0);
        }
        if (n->n_out > 1 && out[1])
            out[1]->f[row] = mean;
        if (n->n_out > 2 && out[2])
            out[2]->f[row] = inverse;
    }
}

void eval_layer_norm(const Node *n, const Array *const *in, Array *const *out)
{
    layer_norm(n, true, in, out);
}

void eval_rms_norm(const Node *n, const Array *const *in, Array *const *out)
{
    layer_norm(n, false, in, out);
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

void eval_lrn(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t channels = x->dim[1], area = index_span(x->dim, 2, x->rank), size = attr_i(n, "size");
    int64_t before = (size - 1) / 2, after = size - 1 - before;
    for (int64_t k = 0; k < in[0]->count; k++) {
        int64_t c = k / area % channels, from = c < before ? 0 : c - before,
            to = after < channels - 1 - c ? c + after : channels - 1;
        double sum = 0;
        for (int64_t j = from; j <= to; j++)
            sum += in[0]->f[k + (j - c) * area] * in[0]->f[k + (j - c) * area];
        out[0]->f[k] = in[0]->f[k] / pow(attr_f(n, "bias") + attr_f(n, "alpha") / (double)size * sum,
                                         attr_f(n, "beta"));
    }
}

void eval_lp_norm(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->rank);
    int64_t length = x->dim[axis], inner = index_span(x->dim, axis + 1, x->rank);
    bool square = attr_i(n, "p") == 2;
    for (int64_t line = 0; length && line < in[0]->count / length; line++) {
        Span s = {line / inner * length * inner + line % inner, length, inner, 1};
        double sum = 0;
        for (int64_t k = 0; k < length; k++) {
            double v = in[0]->f[span_at(&s, k)];
            sum += square ? v * v : fabs(v);
        }
        double norm = square ? sqrt(sum) : sum;
        for (int64_t k = 0; k < length; k++)
            out[0]->f[span_at(&s, k)] = norm == 0 ? 0 : in[0]->f[span_at(&s, k)] / norm;
    }
}

/* Mean and deviation over the listed axes; the epsilon is that of the function body on the ONNX page. */
void eval_mvn(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t axes[MAX_RANK], stride[MAX_RANK], kept[MAX_RANK], reduced[MAX_RANK], at[MAX_RANK] = {0};
    int count = attr_ints(n, "axes", axes, MAX_RANK);
    shape_strides(x, stride);
    for (int k = 0; k < x->rank; k++) {
        kept[k] = x->dim[k];
        reduced[k] = 1;
    }
    for (int k = 0; k < count; k++) {
        int64_t axis = axis_of(n, axes[k], x->rank);
        reduced[axis] = x->dim[axis];
        kept[axis] = 1;
    }
    if (!in[0]->count)
        return;
    double size = (double)index_span(reduced, 0, x->rank);
    do {
        int64_t base = index_offset(x->rank, at, stride), inner[MAX_RANK] = {0};
        double mean = 0, variance = 0;
        do
            mean += in[0]->f[base + index_offset(x->rank, inner, stride)];
        while (index_next(x->rank, reduced, inner));
        mean /= size;
        do {
            double d = in[0]->f[base + index_offset(x->rank, inner, stride)] - mean;
            variance += d * d;
        } while (index_next(x->rank, reduced, inner));
        double deviation = sqrt(variance / size) + 1e-9;
        do {
            int64_t k = base + index_offset(x->rank, inner, stride);
            out[0]->f[k] = (in[0]->f[k] - mean) / deviation;
        } while (index_next(x->rank, reduced, inner));
    } while (index_next(x->rank, kept, at));
}

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

/* One line of `length` elements, `step` apart. */
static void softmax_line(Op op, const double *x, double *y, int64_t length, int64_t step)
{
    int64_t first = 0;
    double sum = 0;
    for (int64_t k = 1; k < length; k++)
        if (x[k * step] > x[first * step])
            first = k;
    double top = x[first * step];
    for (int64_t k = 0; k < length; k++)
        sum += exp(x[k * step] - top);
    for (int64_t k = 0; k < length; k++) {
        double shifted = x[k * step] - top;
        y[k * step] = op == OP_Hardmax ? k == first : op == OP_Softmax ? exp(shifted) / sum : shifted - log(sum);
    }
}

void eval_softmax(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->rank);
    int64_t length = x->dim[axis], inner = index_span(x->dim, axis + 1, x->rank);
    for (int64_t line = 0; length && line < in[0]->count / length; line++) {
        int64_t base = line / inner * length * inner + line % inner;
        softmax_line(n->op, in[0]->f + base, out[0]->f + base, length, inner);
    }
}
