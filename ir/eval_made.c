/* eval_made.c: evaluators of what is made from shapes and counts.  Source: the ONNX operator documentation of each. */
#include <math.h>

#include "../runtime/runtime.h"
#include "index.h"
#include "made.h"
#include "op.h"

/* One number into any kind of array. */
static void put(Array *a, int64_t k, double v)
{
    if (a->f)
        a->f[k] = v;
    else
        a->i[k] = (int64_t)v;
}

void eval_shape(const Node *n, const Array *const *in, Array *const *out)
{
    int64_t start, end;
    shape_range_of(n, &start, &end);
    for (int64_t k = start; k < end; k++)
        out[0]->i[k - start] = in[0]->shape.dim[k];
}

void eval_size(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    out[0]->i[0] = shape_count(&in[0]->shape);
}

void eval_constant_of_shape(const Node *n, const Array *const *in, Array *const *out)
{
    (void)in;
    const Attr *value = attr_find(n, "value");
    if (!value)
        return;
    Array *one = array_from_tensor(value->tensor);
    for (int64_t k = 0; k < out[0]->count; k++) {
        if (one->f)
            out[0]->f[k] = one->f[0];
        else
            out[0]->i[k] = one->i[0];
    }
    array_free(one);
}

void eval_range(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    for (int64_t k = 0; k < out[0]->count; k++) {
        if (out[0]->f)
            out[0]->f[k] = in[0]->f[0] + (double)k * in[2]->f[0];
        else
            out[0]->i[k] = (int64_t)((uint64_t)in[0]->i[0] + (uint64_t)k * (uint64_t)in[2]->i[0]);
    }
}

void eval_eye_like(const Node *n, const Array *const *in, Array *const *out)
{
    (void)in;
    int64_t columns = out[0]->shape.dim[1], diagonal = attr_i(n, "k");
    for (int64_t k = 0; k < out[0]->count; k++)
        put(out[0], k, k % columns - k / columns == diagonal);
}

void eval_one_hot(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *y = &out[0]->shape;
    int axis = (int)axis_of(n, attr_i(n, "axis"), y->rank);
    int64_t depth = y->dim[axis], inner = index_span(y->dim, axis + 1, y->rank);
    for (int64_t k = 0; k < out[0]->count; k++) {
        int64_t row = k / inner / depth, at = k / inner % depth;
        double index = array_get(in[0], row * inner + k % inner);
        bool hot = index == (double)at || index + (double)depth == (double)at;
        if (out[0]->f)
            out[0]->f[k] = in[2]->f[hot];
        else
            out[0]->i[k] = in[2]->i[hot];
    }
}

/* Sums of cosines: a0 + a1 cos(2 pi k / N) + a2 cos(4 pi k / N). */
void eval_window(const Node *n, const Array *const *in, Array *const *out)
{
    static const double hann[] = {0.5, -0.5, 0}, hamming[] = {25.0 / 46.0, -21.0 / 46.0, 0}, blackman[] = {0.42, -0.5,
                                                                                                           0.08};
    (void)in;
    const double *a = n->op == OP_HannWindow ? hann : n->op == OP_HammingWindow ? hamming : blackman;
    double period = (double)(attr_i(n, "periodic") ? out[0]->count : out[0]->count - 1);
    for (int64_t k = 0; k < out[0]->count; k++) {
        double angle = 2 * M_PI * (double)k / period;
        put(out[0], k, out[0]->count == 1 ? 1 : a[0] + a[1] * cos(angle) + a[2] * cos(2 * angle));
    }
}
