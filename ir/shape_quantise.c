/* shape_quantise.c: shape rules of the quantisation family. */
#include "need.h"
#include "op.h"
#include "quantise.h"
#include "window.h"

#include "../runtime/runtime.h"

void integer_limits(DType type, int64_t *low, int64_t *high)
{
    const DTypeInfo *info = dtype_info(type);
    bool is_signed = info->class == 'i';
    *high = (int64_t)(UINT64_MAX >> (64 - info->bits + is_signed));
    *low = is_signed ? -*high - 1 : 0;
}

Granularity quantise_granularity(const Node *n)
{
    const Shape *x = &n->in[0]->shape, *scale = &n->in[1]->shape;
    int64_t block = attr_i(n, "block_size");
    if (input_of(n, 2) && shape_count(&n->in[2]->shape) != shape_count(scale))
        fail_node(SDC_BAD_INPUT, n, "scale %s and zero point %s must have one shape", shape_text(scale),
                  shape_text(&n->in[2]->shape));
    if (block < 0)
        fail_node(SDC_BAD_INPUT, n, "block_size %lld is negative", (long long)block);
    if (scale->rank == 0 || (!block && shape_count(scale) == 1))
        return (Granularity){.axis = -1};
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->rank);
    bool fits = block ? scale->rank == x->rank : scale->rank == 1 && scale->dim[0] == x->dim[axis];
    for (int k = 0; block && fits && k < x->rank; k++)
        fits = scale->dim[k] == (k == axis ? (x->dim[k] - 1) / block + (x->dim[k] > 0) : x->dim[k]);
    if (!fits)
        fail_node(SDC_BAD_INPUT, n, "scale %s does not fit data %s along axis %d with block_size %lld",
                  shape_text(scale), shape_text(x), axis, (long long)block);
    return (Granularity){axis, block};
}

DType quantise_precision(const Node *n)
{
    int64_t asked = attr_i(n, "precision");
    DType type = asked > 0 && asked < DT_LIMIT ? (DType)asked : n->in[1]->dtype;
    if (asked && (asked < 0 || asked >= DT_LIMIT || !dtype_is_float(type)))
        fail_node(SDC_BAD_INPUT, n, "precision %lld is no floating-point type", (long long)asked);
    return dtype_is_float(type) ? type : DT_F32;
}

void shape_quantize(Node *n)
{
    int64_t asked = attr_i(n, "output_dtype");
    DType type = input_of(n, 2) ? n->in[2]->dtype : asked ? (DType)asked : DT_U8;
    quantise_granularity(n);
    quantise_precision(n);
    if (asked < 0 || asked >= DT_LIMIT || (asked && (DType)asked != type) || !dtype_info(type)->name ||
        dtype_info(type)->bits > 16)
        fail_node(SDC_BAD_INPUT, n, "output_dtype %lld is no quantised type or differs from the zero point's",
                  (long long)asked);
    set_output(n, 0, type, &n->in[0]->shape);
}

void shape_dequantize(Node *n)
{
    int64_t asked = attr_i(n, "output_dtype");
    DType type = asked ? (DType)asked : n->in[1]->dtype;
    quantise_granularity(n);
    need_float(n, 1);
    need_same_type(n, 0, 2);
    if (asked < 0 || asked >= DT_LIMIT || !dtype_is_float(type))
        fail_node(SDC_BAD_INPUT, n, "output_dtype %lld is no floating-point type", (long long)asked);
    set_output(n, 0, type, &n->in[0]->shape);
}

void shape_quantized_weight(Node *n)
{
    const int64_t bits = attr_i(n, "bits"), group = attr_i(n, "group");
    need_float(n, 0);
    need_rank(n, 0, 1, MAX_RANK);
    axis_of(n, attr_i(n, "axis"), n->in[0]->shape.rank);
    if (bits < 2 || bits > 8 || group < 0 || !shape_count(&n->in[0]->shape))
        fail_node(SDC_BAD_INPUT, n, "no weight is stored in %lld bits by groups of %lld", (long long)bits, (long long)group);
    set_output(n, 0, n->in[0]->dtype, &n->in[0]->shape);
}

void shape_dynamic_quantize(Node *n)
{
    Shape scalar = {.rank = 0};
    need_float(n, 0);
    if (!shape_count(&n->in[0]->shape))
        fail_node(SDC_BAD_INPUT, n, "an empty tensor has no range to quantise");
    set_output(n, 0, DT_U8, &n->in[0]->shape);
    set_output(n, 1, DT_F32, &scalar);
    set_output(n, 2, DT_U8, &scalar);
}

/* A zero point or scale (operand k) for the rows (row: true) or columns of the matrix in operand m. */
static void need_per_line(const Node *n, int k, int m, bool row)
{
    const Value *v = input_of(n, k);
    const Shape *x = &n->in[m]->shape;
    if (!v || shape_count(&v->shape) == 1)
        return;
    int64_t lines = x->rank < 2 ? 1 : x->dim[x->rank - (row ? 2 : 1)];
    bool fits = v->shape.rank == 1 && v->shape.dim[0] == lines;
    if (v->shape.rank > 1 && v->shape.rank == x->rank) {
        fits = true;
        for (int d = 0; d < x->rank; d++)
            fits &= v->shape.dim[d] == (d == x->rank - (row ? 1 : 2) ? 1 : x->dim[d]);
    }
    if (!fits)
        fail_node(SDC_BAD_INPUT, n, "input %d of shape %s is neither one value nor one a %s of %s", k,
                  shape_text(&v->shape), row ? "row" : "column", shape_text(x));
}

/* numpy's matmul of the shapes of operands a and b. */
static Shape product_shape(const Node *n, int a, int b)
{
    Shape x = n->in[a]->shape, w = n->in[b]->shape, batch_x = x, batch_w = w, y;
    if (!x.rank || !w.rank)
        fail_node(SDC_BAD_INPUT, n, "a matrix product of a scalar");
    int64_t k_x = x.dim[x.rank - 1], k_w = w.dim[w.rank > 1 ? w.rank - 2 : 0];
    if (k_x != k_w)
        fail_node(SDC_BAD_INPUT, n, "matrices %s and %s do not fit", shape_text(&x), shape_text(&w));
    batch_x.rank = x.rank > 1 ? x.rank - 2 : 0;
    batch_w.rank = w.rank > 1 ? w.rank - 2 : 0;
    broadcast_shapes(n, &batch_x, &batch_w, &y);
    if (x.rank > 1)
        y.dim[y.rank++] = x.dim[x.rank - 2];
    if (w.rank > 1)
        y.dim[y.rank++] = w.dim[w.rank - 1];
    return y;
}

static void need_bytes(const Node *n, int k)
{
    DType type = n->in[k]->dtype;
    if (type != DT_U8 && type != DT_I8)
        fail_node(SDC_UNSUPPORTED, n, "input %d is %s, not u8 or i8", k, dtype_info(type)->name);
}

void shape_matmul_integer(Node *n)
{
    need_bytes(n, 0);
    need_bytes(n, 1);
    need_same_type(n, 0, 2);
    need_same_type(n, 1, 3);
    need_per_line(n, 2, 0, true);
    need_per_line(n, 3, 1, false);
    Shape y = product_shape(n, 0, 1);
    set_output(n, 0, DT_I32, &y);
}

void shape_qlinear_matmul(Node *n)
{
    need_bytes(n, 0);
    need_bytes(n, 3);
    need_bytes(n, 7);
    need_same_type(n, 0, 2);
    need_same_type(n, 3, 5);
    for (int k = 1; k <= 2; k++) {
        need_per_line(n, k, 0, true);
        need_per_line(n, k + 3, 3, false);
    }
    for (int k = 6; k <= 7; k++)
        if (shape_count(&n->in[k]->shape) != 1)
            fail_node(SDC_UNSUPPORTED, n, "the result's scale and zero point must have one element");
    need_float(n, 1);
    need_float(n, 4);
    need_float(n, 6);
    Shape y = product_shape(n, 0, 3);
    set_output(n, 0, n->in[7]->dtype, &y);
}

/* One value, or one for each of the output channels. */
static void need_per_channel(const Node *n, int k, int64_t channels)
{
    const Value *v = input_of(n, k);
    if (v && shape_count(&v->shape) != 1 && (v->shape.rank != 1 || v->shape.dim[0] != channels))
        fail_node(SDC_BAD_INPUT, n, "input %d of shape %s is neither one value nor one a channel of %lld", k,
                  shape_text(&v->shape), (long long)channels);
}

static Shape convolved_shape(const Node *n, int x, int w)
{
    const Shape *data = &n->in[x]->shape, *weights = &n->in[w]->shape;
    Window window = window_conv(n, data, weights);
    Shape y = {.rank = data->rank, .dim = {data->dim[0], weights->dim[0]}};
    for (int k = 0; k < window.rank; k++)
        y.dim[k + 2] = window.out[k];
    return y;
}

void shape_conv_integer(Node *n)
{
    need_bytes(n, 0);
    need_bytes(n, 1);
    need_same_type(n, 0, 2);
    need_same_type(n, 1, 3);
    Shape y = convolved_shape(n, 0, 1);
    need_per_channel(n, 2, 1);
    need_per_channel(n, 3, y.dim[1]);
    set_output(n, 0, DT_I32, &y);
}

void shape_qlinear_conv(Node *n)
{
    need_bytes(n, 0);
    need_bytes(n, 3);
    need_bytes(n, 7);
    need_same_type(n, 0, 2);
    need_same_type(n, 3, 5);
    Shape y = convolved_shape(n, 0, 3);
    for (int k = 1; k <= 7; k++)
        if (k != 3)
            need_per_channel(n, k, k == 4 || k == 5 ? y.dim[1] : 1);
    const Value *bias = input_of(n, 8);
    if (bias && (bias->dtype != DT_I32 || bias->shape.rank != 1 || bias->shape.dim[0] != y.dim[1]))
        fail_node(SDC_BAD_INPUT, n, "the bias must be i32 of shape [%lld]", (long long)y.dim[1]);
    set_output(n, 0, n->in[7]->dtype, &y);
}
