/* shape_conv.c: shape rules of the convolutions. */
#include "../runtime/runtime.h"
#include "need.h"
#include "op.h"
#include "window.h"

/* Data, weights and the bias (input k) are floats of one type. */
static void need_operands(const Node *n, int k, int64_t channels)
{
    const Value *bias = input_of(n, k);
    need_float(n, 0);
    need_mixable(n, 0, 1);
    need_mixable(n, 0, k);
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != channels))
        fail_node(SDC_BAD_INPUT, n, "a bias of shape %s for %lld channels", shape_text(&bias->shape),
                  (long long)channels);
}

static Shape spatial_shape(int64_t batch, int64_t channels, int rank, const int64_t *extents)
{
    Shape s = {.rank = rank + 2, .dim = {batch, channels}};
    for (int k = 0; k < rank; k++)
        s.dim[k + 2] = extents[k];
    return s;
}

void shape_conv(Node *n)
{
    const Shape *x = &n->in[0]->shape, *w = &n->in[1]->shape;
    Window window = window_conv(n, x, w);
    need_operands(n, 2, w->dim[0]);
    Shape out = spatial_shape(x->dim[0], w->dim[0], window.rank, window.out);
    set_output(n, 0, mixed_type(n->in[0]->dtype, n->in[1]->dtype), &out);
}

void shape_conv_transpose(Node *n)
{
    const Shape *x = &n->in[0]->shape, *w = &n->in[1]->shape;
    Window window = window_transposed(n, x, w);
    int64_t channels;
    if (mul_overflow(w->dim[1], attr_i(n, "group"), &channels))
        fail_node(SDC_BAD_INPUT, n, "more than 2^63 channels");
    need_operands(n, 2, channels);
    Shape out = spatial_shape(x->dim[0], channels, window.rank, window.out);
    set_output(n, 0, mixed_type(n->in[0]->dtype, n->in[1]->dtype), &out);
}

void shape_deform_conv(Node *n)
{
    const Shape *x = &n->in[0]->shape, *w = &n->in[1]->shape, *offset = &n->in[2]->shape;
    need_rank(n, 0, 4, 4);
    need_rank(n, 1, 4, 4);
    need_rank(n, 2, 4, 4);
    int64_t group = attr_i(n, "group"), parts = attr_i(n, "offset_group");
    Window window = window_attributes(n, 2, w->dim + 2);
    if (group < 1 || x->dim[1] % group || x->dim[1] / group != w->dim[1] || w->dim[0] % group || parts < 1 ||
        x->dim[1] % parts)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s and weights of shape %s do not fit %lld groups", shape_text(x),
                  shape_text(w), (long long)group);
    for (int k = 0; k < 2; k++) {
        int64_t room = x->dim[k + 2] + window.before[k] + window.after[k] - window_span(&window, k);
        window.out[k] = room < 0 ? 0 : room / window.stride[k] + 1;
    }
    int64_t taps = window_taps(&window), rows;
    Shape want = spatial_shape(x->dim[0], 0, 2, window.out);
    if (mul_overflow(parts, 2 * taps, &rows))
        fail_node(SDC_BAD_INPUT, n, "more than 2^63 offsets");
    want.dim[1] = rows;
    const Value *mask = input_of(n, 4);
    if (!shape_equal(offset, &want))
        fail_node(SDC_BAD_INPUT, n, "offsets of shape %s, not %s", shape_text(offset), shape_text(&want));
    need_same_type(n, 0, 2);
    need_same_type(n, 0, 4);
    want.dim[1] = rows / 2;
    if (mask && !shape_equal(&mask->shape, &want))
        fail_node(SDC_BAD_INPUT, n, "a mask of shape %s, not %s", shape_text(&mask->shape), shape_text(&want));
    need_operands(n, 3, w->dim[0]);
    want.dim[1] = w->dim[0];
    set_output(n, 0, n->in[0]->dtype, &want);
}

void shape_col2im(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    int64_t image[MAX_RANK], block[MAX_RANK], columns = 1;
    need_rank(n, 0, 3, 3);
    int rank = ints_of(n, 1, "image_shape", image, MAX_RANK - 2);
    if (ints_of(n, 2, "block_shape", block, MAX_RANK - 2) != rank)
        fail_node(SDC_BAD_INPUT, n, "image_shape and block_shape have different lengths");
    Window window = window_attributes(n, rank, block);
    for (int k = 0; k < rank; k++) {
        int64_t room = image[k] + window.before[k] + window.after[k] - window_span(&window, k);
        if (image[k] < 0 || image[k] > ((int64_t)1 << 40) || room < 0 ||
            mul_overflow(columns, room / window.stride[k] + 1, &columns))
            fail_node(SDC_BAD_INPUT, n, "an image extent of %lld", (long long)image[k]);
    }
    int64_t taps = window_taps(&window);
    if (x->dim[1] % taps || x->dim[2] != columns)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s for %lld blocks of %lld elements", shape_text(x),
                  (long long)columns, (long long)taps);
    Shape out = spatial_shape(x->dim[0], x->dim[1] / taps, rank, image);
    set_output(n, 0, n->in[0]->dtype, &out);
}
