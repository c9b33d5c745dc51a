/* eval_signal.c: DFT, STFT and MelWeightMatrix: shape rules and the oracle (sums by definition, in double). */
#include "index.h"
#include "need.h"
#include "op.h"
#include "spectrum.h"

#include <math.h>
#include <stdlib.h>

#include "../runtime/runtime.h"

#define PI 3.14159265358979323846

static int64_t one_int(const Node *n, int k, const char *what)
{
    int64_t v;
    if (ints_of(n, k, what, &v, 1) != 1)
        fail_node(SDC_BAD_INPUT, n, "input %d (%s) must have one element", k, what);
    return v;
}

/* ---- DFT --------------------------------------------------------------------------------------------------------- */

Transform signal_transform(const Node *n)
{
    const Shape *x = &n->in[0]->shape;
    Transform t = {.inverse = attr_i(n, "inverse") != 0, .onesided = attr_i(n, "onesided") != 0};
    need_float(n, 0);
    need_rank(n, 0, 2, MAX_RANK);
    t.axis = (int)axis_of(n, input_of(n, 2) ? one_int(n, 2, "axis") : -2, x->rank);
    if (t.axis == x->rank - 1)
        fail_node(SDC_BAD_INPUT, n, "the last axis holds the real and imaginary parts and can not be transformed");
    t.in = x->dim[t.axis];
    t.parts_in = (int)x->dim[x->rank - 1];
    if (x->dim[x->rank - 1] != 1 && x->dim[x->rank - 1] != 2)
        fail_node(SDC_BAD_INPUT, n, "the last axis must be 1 (real) or 2 (complex), not %lld",
                  (long long)x->dim[x->rank - 1]);
    t.length = input_of(n, 1) ? one_int(n, 1, "dft_length") : t.inverse && t.onesided ? 2 * (t.in - 1) : t.in;
    if (t.length < 1 || t.length > INT32_MAX)
        fail_node(SDC_BAD_INPUT, n, "a transform of length %lld", (long long)t.length);
    if (t.onesided && !t.inverse && t.parts_in == 2)
        fail_node(SDC_BAD_INPUT, n, "a one-sided transform needs real data");
    if (t.onesided && t.inverse && t.parts_in == 1)
        fail_node(SDC_BAD_INPUT, n, "a one-sided inverse transform needs complex data");
    t.out = t.onesided && !t.inverse ? t.length / 2 + 1 : t.length;
    t.parts_out = t.onesided && t.inverse ? 1 : 2;
    return t;
}

void shape_dft(Node *n)
{
    Transform t = signal_transform(n);
    Shape y = n->in[0]->shape;
    y.dim[t.axis] = t.out;
    y.dim[y.rank - 1] = t.parts_out;
    set_output(n, 0, n->in[0]->dtype, &y);
}

/* Bins of a one-sided inverse: beyond the middle, the conjugates of the given ones; the imaginary parts of bin 0 and
 * of the middle one do not count. */
static void complete_spectrum(double *re, double *im, int64_t length)
{
    im[0] = 0;
    if (length % 2 == 0)
        im[length / 2] = 0;
    for (int64_t k = length / 2 + 1; k < length; k++) {
        re[k] = re[length - k];
        im[k] = -im[length - k];
    }
}

/* re, im [length] to bins 0..out of the transform; angles are reduced exactly. */
static void transform_line(const Transform *t, const double *re, const double *im, double *to_re, double *to_im)
{
    double direction = t->inverse ? 2 * PI : -2 * PI, scale = t->inverse ? 1 / (double)t->length : 1;
    for (int64_t k = 0; k < t->out; k++) {
        double sum_re = 0, sum_im = 0;
        for (int64_t e = 0; e < t->length; e++) {
            double angle = direction * (double)(k * e % t->length) / (double)t->length, c = cos(angle), s = sin(angle);
            sum_re += re[e] * c - im[e] * s;
            sum_im += re[e] * s + im[e] * c;
        }
        to_re[k] = sum_re * scale;
        to_im[k] = sum_im * scale;
    }
}

void eval_dft(const Node *n, const Array *const *in, Array *const *out)
{
    Transform t = signal_transform(n);
    const Array *x = in[0];
    Array *y = out[0];
    int64_t inner = index_span(x->shape.dim, t.axis + 1, x->shape.rank - 1);
    int64_t outer = index_span(x->shape.dim, 0, t.axis);
    double *line = calloc((size_t)(t.length + 1) * 4, sizeof *line);
    if (!line)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    double *re = line, *im = re + t.length + 1, *to_re = im + t.length + 1, *to_im = to_re + t.length + 1;
    for (int64_t l = 0; l < outer * inner; l++) {
        for (int64_t e = 0; e < t.length; e++) {
            int64_t from = ((l / inner * t.in + e) * inner + l % inner) * t.parts_in;
            re[e] = e < t.in ? x->f[from] : 0;
            im[e] = e < t.in && t.parts_in == 2 ? x->f[from + 1] : 0;
        }
        if (t.inverse && t.onesided)
            complete_spectrum(re, im, t.length);
        transform_line(&t, re, im, to_re, to_im);
        for (int64_t k = 0; k < t.out; k++) {
            int64_t to = ((l / inner * t.out + k) * inner + l % inner) * t.parts_out;
            y->f[to] = to_re[k];
            if (t.parts_out == 2)
                y->f[to + 1] = to_im[k];
        }
    }
    free(line);
}

/* ---- STFT -------------------------------------------------------------------------------------------------------- */

Frames signal_frames(const Node *n)
{
    const Shape *x = &n->in[0]->shape;
    const Value *window = input_of(n, 2);
    need_float(n, 0);
    need_rank(n, 0, 3, 3);
    need_same_type(n, 0, 2);
    if (x->dim[2] != 1 && x->dim[2] != 2)
        fail_node(SDC_BAD_INPUT, n, "the last axis must be 1 (real) or 2 (complex), not %lld", (long long)x->dim[2]);
    if (attr_i(n, "onesided") && x->dim[2] == 2)
        fail_node(SDC_BAD_INPUT, n, "a one-sided transform needs a real signal");
    if (window)
        need_rank(n, 2, 1, 1);
    Frames f = {.step = one_int(n, 1, "frame_step")};
    f.length = input_of(n, 3) ? one_int(n, 3, "frame_length") : window ? window->shape.dim[0] : x->dim[1];
    if (f.step < 1 || f.length < 1 || f.length > x->dim[1])
        fail_node(SDC_BAD_INPUT, n, "frames of length %lld, %lld apart, in a signal of %lld", (long long)f.length,
                  (long long)f.step, (long long)x->dim[1]);
    if (window && window->shape.dim[0] != f.length)
        fail_node(SDC_BAD_INPUT, n, "a window of %lld for frames of %lld", (long long)window->shape.dim[0],
                  (long long)f.length);
    f.frames = 1 + (x->dim[1] - f.length) / f.step;
    return f;
}

void shape_stft(Node *n)
{
    Frames f = signal_frames(n);
    int64_t bins = attr_i(n, "onesided") ? f.length / 2 + 1 : f.length;
    Shape y = shape_of(4, (int64_t[]){n->in[0]->shape.dim[0], f.frames, bins, 2});
    set_output(n, 0, n->in[0]->dtype, &y);
}

void eval_stft(const Node *n, const Array *const *in, Array *const *out)
{
    Frames f = signal_frames(n);
    const Array *x = in[0], *window = n->n_in > 2 ? in[2] : NULL;
    int64_t parts = x->shape.dim[2], bins = out[0]->shape.dim[2];
    Transform t = {.length = f.length, .out = bins};
    double *line = calloc((size_t)(f.length + 1) * 4, sizeof *line);
    if (!line)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    double *re = line, *im = re + f.length + 1, *to_re = im + f.length + 1, *to_im = to_re + f.length + 1;
    for (int64_t frame = 0; frame < x->shape.dim[0] * f.frames; frame++) {
        int64_t start = frame / f.frames * x->shape.dim[1] + frame % f.frames * f.step;
        for (int64_t e = 0; e < f.length; e++) {
            double w = window ? window->f[e] : 1;
            re[e] = w * x->f[(start + e) * parts];
            im[e] = parts == 2 ? w * x->f[(start + e) * parts + 1] : 0;
        }
        transform_line(&t, re, im, to_re, to_im);
        for (int64_t k = 0; k < bins; k++) {
            out[0]->f[(frame * bins + k) * 2] = to_re[k];
            out[0]->f[(frame * bins + k) * 2 + 1] = to_im[k];
        }
    }
    free(line);
}

/* ---- MelWeightMatrix --------------------------------------------------------------------------------------------- */

void shape_mel_weight_matrix(Node *n)
{
    int64_t bins = one_int(n, 0, "num_mel_bins"), length = one_int(n, 1, "dft_length");
    int64_t type = attr_i(n, "output_datatype");
    if (bins < 0 || length < 0 || type < 0 || type >= DT_LIMIT || !dtype_info((DType)type)->name)
        fail_node(SDC_BAD_INPUT, n, "%lld mel bins of a transform of length %lld", (long long)bins, (long long)length);
    Shape y = shape_of(2, (int64_t[]){length / 2 + 1, bins});
    set_output(n, 0, (DType)type, &y);
}

static void put(Array *y, int64_t row, int64_t column, double v)
{
    if (row < 0 || row >= y->shape.dim[0])
        return;
    if (y->f)
        y->f[row * y->shape.dim[1] + column] = v;
    else
        y->i[row * y->shape.dim[1] + column] = (int64_t)v;
}

/* Triangles between neighbouring edges that are equally spaced on the mel scale, 2595 log10(1 + f / 700). */
void eval_mel_weight_matrix(const Node *n, const Array *const *in, Array *const *out)
{
    int64_t bins = out[0]->shape.dim[1];
    double length = array_get(in[1], 0), rate = array_get(in[2], 0);
    double low = 2595 * log10(1 + array_get(in[3], 0) / 700), high = 2595 * log10(1 + array_get(in[4], 0) / 700);
    double step = (high - low) / (double)(bins + 2);
    if (rate <= 0 || !isfinite(step))
        fail_node(SDC_BAD_INPUT, n, "sample rate %g with edges of %g and %g mel", rate, low, high);
    int64_t *edge = malloc((size_t)(bins + 2) * sizeof *edge);
    if (!edge)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    for (int64_t k = 0; k < bins + 2; k++)
        edge[k] = (int64_t)floor((length + 1) * (700 * (pow(10, ((double)k * step + low) / 2595) - 1)) / rate);
    for (int64_t k = 0; k < bins; k++) {
        int64_t left = edge[k], middle = edge[k + 1], right = edge[k + 2];
        if (left == middle)
            put(out[0], middle, k, 1);
        for (int64_t row = left; left != middle && row <= middle; row++)
            put(out[0], row, k, (double)(row - left) / (double)(middle - left));
        for (int64_t row = middle; row < right; row++)
            put(out[0], row, k, (double)(right - row) / (double)(right - middle));
    }
    free(edge);
}
