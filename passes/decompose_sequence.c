/* decompose_sequence.c: RotaryEmbedding, SwiGLU, CausalConvWithState, TensorScatter and Compress. */
#include "../ir/select.h"
#include "decompose.h"

#include <string.h>

/* ---- RotaryEmbedding --------------------------------------------------------------------------------------------- */

/* A cache as it meets the data: [batch, length, 1, half] for packed heads, [batch, 1, length, half] otherwise. */
static Value *angles(Node *n, int k, bool packed)
{
    Value *cache = n->in[k];
    if (input_of(n, 3))
        cache = make2(n, OP_Gather, cache, n->in[3]);
    const int64_t *dim = cache->shape.dim;
    return make_reshape(n, cache, 4, (int64_t[]){dim[0], packed ? dim[1] : 1, packed ? 1 : dim[1], dim[2]});
}

/* Real and imaginary parts side by side again: one after the other, or in turn. */
static Value *rejoined(Node *n, Value *re, Value *im, bool interleaved)
{
    if (!interleaved)
        return make_concat(n, re, im, -1);
    const int64_t *dim = re->shape.dim;
    const int64_t pair[] = {dim[0], dim[1], dim[2], dim[3], 1};
    Value *joined = make_concat(n, make_reshape(n, re, 5, pair), make_reshape(n, im, 5, pair), -1);
    return make_reshape(n, joined, 4, (int64_t[]){dim[0], dim[1], dim[2], 2 * dim[3]});
}

void decompose_rotary(Node *n)
{
    Value *x = n->in[0];
    Shape given = x->shape;
    bool packed = given.rank == 3, interleaved = attr_i(n, "interleaved") != 0;
    if (packed) {
        int64_t heads = attr_i(n, "num_heads");
        x = make_reshape(n, x, 4, (int64_t[]){given.dim[0], given.dim[1], heads, given.dim[2] / heads});
    }
    Value *cosine = angles(n, 1, packed), *sine = angles(n, 2, packed);
    int64_t half = cosine->shape.dim[3], size = x->shape.dim[3];
    int64_t second = interleaved ? 1 : half, step = interleaved ? 2 : 1, end = interleaved ? 2 * half : half;
    Value *re = make_slice(n, x, 3, 0, end, step), *im = make_slice(n, x, 3, second, 2 * half, step);
    Value *turned_re = make2(n, OP_Sub, make2(n, OP_Mul, cosine, re), make2(n, OP_Mul, sine, im));
    Value *turned_im = make2(n, OP_Add, make2(n, OP_Mul, sine, re), make2(n, OP_Mul, cosine, im));
    Value *y = rejoined(n, turned_re, turned_im, interleaved);
    if (2 * half < size)
        y = make_concat(n, y, make_slice(n, x, 3, 2 * half, size, 1), 3);
    decompose_output(n, 0, packed ? make_reshape(n, y, given.rank, given.dim) : y);
}

/* ---- SwiGLU ------------------------------------------------------------------------------------------------------ */

static Value *swish(Node *n, Value *x, double alpha)
{
    Node *s = begun(n, OP_Swish, 1, &x);
    attr_set_f(s, "alpha", alpha);
    return finished(s);
}

void decompose_swiglu(Node *n)
{
    decompose_output(n, 0, make2(n, OP_Mul, swish(n, n->in[0], attr_f(n, "alpha")), n->in[1]));
}

/* ---- CausalConvWithState ----------------------------------------------------------------------------------------- */

/* The last taps - 1 positions of [past, data] are the state that the next call begins with. */
void decompose_causal_conv(Node *n)
{
    Value *x = n->in[0], *weights = n->in[1], *bias = input_of(n, 2), *past = input_of(n, 3);
    int64_t batch = x->shape.dim[0], channels = x->shape.dim[1], taps = weights->shape.dim[2];
    if (!past)
        past = make_expand(n, make_scalar(n, x->dtype, 0), 3, (int64_t[]){batch, channels, taps - 1});
    Value *padded = make_concat(n, past, x, 2);
    Node *conv = begun(n, OP_Conv, bias ? 3 : 2, (Value *[]){padded, weights, bias});
    attr_set_i(conv, "group", channels);
    Value *y = finished(conv);
    decompose_output(n, 0, strcmp(attr_s(n, "activation"), "none") ? swish(n, y, 1) : y);
    int64_t length = padded->shape.dim[2];
    if (output_of(n, 1))
        decompose_output(n, 1, make_slice(n, padded, 2, length - (taps - 1), length, 1));
}

/* ---- TensorScatter ----------------------------------------------------------------------------------------------- */

/* Steps start at a position of their own in each sample: a ScatterElements whose indices repeat along the other
 * axes. */
void decompose_tensor_scatter(Node *n)
{
    Value *cache = n->in[0], *update = n->in[1], *start = input_of(n, 2);
    const Shape *shape = &update->shape;
    int64_t axis = axis_of(n, attr_i(n, "axis"), shape->rank), dim[MAX_RANK];
    for (int k = 0; k < shape->rank; k++)
        dim[k] = k == axis ? shape->dim[k] : 1;
    int64_t *steps = alloc_array(shape->dim[axis] + 1, sizeof *steps);
    for (int64_t k = 0; k < shape->dim[axis]; k++)
        steps[k] = k;
    Value *at = make_reshape(n, value_ints(n->graph, steps, shape->dim[axis]), shape->rank, dim);
    if (start) {
        dim[axis] = 1;
        dim[0] = shape->dim[0];
        at = make2(n, OP_Add, make_reshape(n, make_cast(n, start, DT_I64), shape->rank, dim), at);
    }
    if (!strcmp(attr_s(n, "mode"), "circular"))
        at = make2(n, OP_Mod, at, make_scalar(n, DT_I64, (double)cache->shape.dim[axis]));
    Value *everywhere = make_expand(n, at, shape->rank, shape->dim);
    Node *scatter = begun(n, OP_ScatterElements, 3, (Value *[]){cache, everywhere, update});
    attr_set_i(scatter, "axis", axis);
    decompose_output(n, 0, finished(scatter));
}

/* ---- Compress ---------------------------------------------------------------------------------------------------- */

/* Its condition is constant, or its shape rule would have refused it: a Gather of the positions that are kept. */
void decompose_compress(Node *n)
{
    Value *x = n->in[0];
    bool flat = !attr_has(n, "axis");
    int64_t axis = flat ? 0 : axis_of(n, attr_i(n, "axis"), x->shape.rank);
    if (flat)
        x = make_reshape(n, x, 1, (int64_t[]){shape_count(&x->shape)});
    Array *condition = array_from_tensor(constant_tensor(n->in[1]));
    constant_release(n->in[1]);
    int64_t *kept = alloc_array(x->shape.dim[axis] + 1, sizeof *kept);
    int64_t count = select_true(condition, x->shape.dim[axis], kept);
    array_free(condition);
    Node *gather = begun(n, OP_Gather, 2, (Value *[]){x, value_ints(n->graph, kept, count)});
    attr_set_i(gather, "axis", axis);
    decompose_output(n, 0, finished(gather));
}
