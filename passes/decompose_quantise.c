/* decompose_quantise.c: integer products become products of integers whose zero points are taken off first.
 *
 * Matrix products run in i32, as ONNX says.  Convolutions run in f64, which holds every sum of products of bytes
 * exactly.  Scales multiply in f64; QuantizeLinear with a scale of 1 rounds and saturates. */
#include "decompose.h"

/* One value, or one a line: shaped to repeat over the axes of an operand of `rank`, lying along `axis`. */
static Value *along(Node *n, Value *v, int rank, int axis)
{
    int64_t dim[MAX_RANK];
    if (shape_count(&v->shape) == 1)
        return make_reshape(n, v, 0, NULL);
    if (v->shape.rank > 1)
        return v;
    for (int k = 0; k < rank; k++)
        dim[k] = k == axis ? v->shape.dim[0] : 1;
    return make_reshape(n, v, rank, dim);
}

/* Bytes as `type`, without their zero point (NULL: 0). */
static Value *centred(Node *n, Value *x, Value *zero, int axis, DType type)
{
    Value *wide = make_cast(n, x, type);
    if (!zero)
        return wide;
    return make2(n, OP_Sub, wide, make_cast(n, along(n, zero, x->shape.rank, axis), type));
}

static Value *matrix_product(Node *n, Value *a, Value *a_zero, Value *b, Value *b_zero)
{
    Value *x = centred(n, a, a_zero, a->shape.rank - 2, DT_I32);
    return make2(n, OP_MatMul, x, centred(n, b, b_zero, b->shape.rank - 1, DT_I32));
}

void decompose_matmul_integer(Node *n)
{
    decompose_output(n, 0, matrix_product(n, n->in[0], input_of(n, 2), n->in[1], input_of(n, 3)));
}

/* scale_a * scale_b / scale_y in f64, the operands' scales lying along axes of the result. */
static Value *combined_scale(Node *n, Value *a, Value *b, Value *y)
{
    Value *product = make2(n, OP_Mul, make_cast(n, a, DT_F64), make_cast(n, b, DT_F64));
    return make2(n, OP_Div, product, make_cast(n, make_reshape(n, y, 0, NULL), DT_F64));
}

static Value *requantised(Node *n, Value *sum, Value *scale, Value *zero)
{
    Value *v = make2(n, OP_Mul, make_cast(n, sum, DT_F64), scale);
    Node *q = begun(n, OP_QuantizeLinear, 3, (Value *[]){v, make_scalar(n, DT_F64, 1), make_reshape(n, zero, 0, NULL)});
    return finished(q);
}

void decompose_qlinear_matmul(Node *n)
{
    Value *sum = matrix_product(n, n->in[0], n->in[2], n->in[3], n->in[5]);
    int rank = sum->shape.rank;
    Value *scale = combined_scale(n, along(n, n->in[1], rank, rank - 2), along(n, n->in[4], rank, rank - 1), n->in[6]);
    decompose_output(n, 0, requantised(n, sum, scale, n->in[7]));
}

/* The exact sums of a convolution of bytes, in f64. */
static Value *convolution(Node *n, Value *x, Value *x_zero, Value *w, Value *w_zero, Value *bias)
{
    static const char *const kept[] = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"};
    Value *in[] = {centred(n, x, x_zero, 1, DT_F64), centred(n, w, w_zero, 0, DT_F64),
                   bias ? make_cast(n, bias, DT_F64) : NULL};
    Node *conv = begun(n, OP_Conv, bias ? 3 : 2, in);
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) {
        const Attr *a = attr_find(n, kept[k]);
        if (a)
            attr_set(conv, *a);
    }
    return finished(conv);
}

/* By way of i64: a sum beyond 32 bits wraps. */
void decompose_conv_integer(Node *n)
{
    Value *sum = convolution(n, n->in[0], input_of(n, 2), n->in[1], input_of(n, 3), NULL);
    decompose_output(n, 0, make_cast(n, make_cast(n, sum, DT_I64), DT_I32));
}

void decompose_qlinear_conv(Node *n)
{
    Value *sum = convolution(n, n->in[0], n->in[2], n->in[3], n->in[5], input_of(n, 8));
    Value *x_scale = make_reshape(n, n->in[1], 0, NULL), *w_scale = along(n, n->in[4], sum->shape.rank, 1);
    decompose_output(n, 0, requantised(n, sum, combined_scale(n, x_scale, w_scale, n->in[6]), n->in[7]));
}

/* The range always holds 0, so that 0 is exact; a range of 0 counts as 1. */
void decompose_dynamic_quantize(Node *n)
{
    Value *x = make_cast(n, n->in[0], DT_F32), *zero = make_scalar(n, DT_F32, 0), *top = make_scalar(n, DT_F32, 255);
    Value *low = make2(n, OP_Min, make_reduce_all(n, OP_ReduceMin, x), zero);
    Value *high = make2(n, OP_Max, make_reduce_all(n, OP_ReduceMax, x), zero);
    Value *range = make2(n, OP_Sub, high, low);
    range = make3(n, OP_Where, make2(n, OP_Equal, range, zero), make_scalar(n, DT_F32, 1), range);
    Value *scale = make2(n, OP_Div, range, top);
    Value *point = make1(n, OP_Neg, make2(n, OP_Div, low, scale));
    point = make_cast(n, make1(n, OP_Round, make3(n, OP_Clip, point, zero, top)), DT_U8);
    decompose_output(n, 0, make3(n, OP_QuantizeLinear, x, scale, point));
    decompose_output(n, 1, scale);
    decompose_output(n, 2, point);
}
