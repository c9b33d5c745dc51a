/* lower_conv_transpose.c: convolutions that are a matrix product and a rearrangement.
 *
 * ConvTranspose: every pixel times all taps (gemm.h), then the sum of the overlapping columns (fold.h).
 * DeformConv: windows sampled where their offsets say (deform_gather.h), then times the weights.
 * Col2Im: fold.h alone. */
#include <string.h>

#include "../ir/index.h"
#include "../ir/window.h"
#include "../runtime/runtime.h"
#include "matmul.h"
#include "spatial.h"

/* ---- ConvTranspose ----------------------------------------------------------------------------------------------- */

/* W [C, K / groups, taps...] as [groups, C / groups, taps * K / groups]. */
static View transposed_weights(Lowering *l, Node *n, int64_t groups, Value **constant)
{
    int rank = n->in[1]->shape.rank, perm[MAX_RANK] = {0};
    for (int k = 1; k < rank; k++)
        perm[k] = k == rank - 1 ? 1 : k + 1;
    View w = permuted_operand(l, n, n->in[1], perm, constant);
    return view_split(view_flatten(w, 1, rank - 1), 0, groups);
}

static void fold_call(Lowering *l, Node *n, View y, View col, const Window *w, int64_t groups,
                      const int64_t *col_strides, View bias)
{
    static const char *const names[] = {"COL_N", "COL_G", "COL_K", "COL_T", "COL_P"};
    Call *c = call_kernel(l, n, "fold");
    call_write(c, y);
    call_read(c, col);
    call_read(c, bias);
    call_type(c, "T", y.dtype);
    call_int(c, "BATCH", y.dim[0]);
    call_int(c, "GROUPS", groups);
    call_int(c, "CHANNELS", y.dim[1] / groups);
    window_parameters(c, w);
    for (int k = 0; k < 5; k++)
        call_int(c, names[k], col_strides[k]);
    call_dims(c, "Y_STRIDES", y.rank, y.stride);
    call_int(c, "HAS_BIAS", bias.buffer != NULL);
    call_note(c, "sum of columns -> %s", shape_text(&n->out[0]->shape));
}

void lower_conv_transpose(Lowering *l, Node *n)
{
    Window w = window_transposed(n, &n->in[0]->shape, &n->in[1]->shape);
    int64_t groups = attr_i(n, "group"), taps = window_taps(&w), area = index_span(w.in, 0, w.rank);
    View y = result_channels_last(l, n->out[0]), wanted = y;
    if (view_count(&y) == 0)
        return;
    DType type = y.dtype == DT_F64 ? DT_F64 : DT_F32;
    int64_t batch = y.dim[0], channels = y.dim[1] / groups, row = groups * taps * channels;
    View x = view_cast(l, n, channels_to_last(view_channels_last(l, n->in[0])), type);
    View col = temporary(l, type, 3, (int64_t[]){groups, batch * area, taps * channels});
    for (int k = 0; k < 2; k++)                     /* stored [pixel][group][taps][channel] */
        col.stride[k] = k ? row : taps * channels;
    Product p = {.y = col};
    p.a = view_split(view_flatten(x, 0, x.rank - 1), 1, groups);
    p.a = view_permute(p.a, 3, (int[]){1, 0, 2});
    p.b = transposed_weights(l, n, groups, &p.constant);
    if (!p.constant)
        p.b = view_cast(l, n, p.b, type);
    lower_product(l, n, p);
    if (y.dtype != type) {
        y.buffer = scratch(l, type, view_count(&y)).buffer;
        y.dtype = type;
    }
    int64_t strides[] = {area * row, taps * channels, 1, channels, row};
    View bias = input_of(n, 2) ? view_cast(l, n, view_dense(l, n->in[2]), type) : (View){.dtype = type};
    fold_call(l, n, y, col, &w, groups, strides, bias);
    if (wanted.dtype != type)
        lower_copy_view(l, n, wanted, y);
}

void lower_col2im(Lowering *l, Node *n)
{
    int64_t block[MAX_RANK], image[MAX_RANK];
    View y = result_dense(l, n->out[0]);
    if (view_count(&y) == 0)
        return;
    ints_of(n, 1, "image_shape", image, MAX_RANK);
    ints_of(n, 2, "block_shape", block, MAX_RANK);
    Window w = window_attributes(n, y.rank - 2, block);
    for (int k = 0; k < w.rank; k++) {
        w.in[k] = (image[k] + w.before[k] + w.after[k] - window_span(&w, k)) / w.stride[k] + 1;
        w.out[k] = image[k];
    }
    View x = view_dense(l, n->in[0]);
    int64_t columns = x.dim[2], taps = window_taps(&w), strides[] = {x.dim[1] * columns, 0, taps * columns, columns, 1};
    fold_call(l, n, y, x, &w, 1, strides, (View){.dtype = y.dtype});
}

/* ---- DeformConv -------------------------------------------------------------------------------------------------- */

/* Windows [N, pixels, C * taps] of a DeformConv in the data's own type. */
static View gather_call(Lowering *l, Node *n, const Window *w, const int64_t *out)
{
    const Shape *s = &n->in[0]->shape;
    View x = view_dense(l, n->in[0]), offset = view_dense(l, n->in[2]), mask = {.dtype = x.dtype};
    if (input_of(n, 4))
        mask = view_dense(l, n->in[4]);
    View col = temporary(l, x.dtype, 3, (int64_t[]){s->dim[0], out[0] * out[1], s->dim[1] * window_taps(w)});
    Call *c = call_kernel(l, n, "deform_gather");
    call_write(c, col);
    call_read(c, x);
    call_read(c, offset);
    call_read(c, mask);
    const struct { const char *name; int64_t value; } list[] = {
        {"BATCH", s->dim[0]}, {"CHANNELS", s->dim[1]}, {"HEIGHT", s->dim[2]}, {"WIDTH", s->dim[3]},
        {"PARTS", attr_i(n, "offset_group")}, {"OUT_H", out[0]}, {"OUT_W", out[1]}, {"KERNEL_H", w->kernel[0]},
        {"KERNEL_W", w->kernel[1]}, {"STRIDE_H", w->stride[0]}, {"STRIDE_W", w->stride[1]},
        {"DILATION_H", w->dilation[0]}, {"DILATION_W", w->dilation[1]}, {"PAD_TOP", w->before[0]},
        {"PAD_LEFT", w->before[1]}, {"HAS_MASK", mask.buffer != NULL},
    };
    call_type(c, "T", x.dtype);
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        call_int(c, list[k].name, list[k].value);
    call_note(c, "sample windows of %s", shape_text(s));
    return col;
}

/* One product a group, because each has a bias of its own. */
void lower_deform_conv(Lowering *l, Node *n)
{
    const Shape *w_shape = &n->in[1]->shape;
    Window w = window_attributes(n, 2, w_shape->dim + 2);
    View y = result_channels_last(l, n->out[0]);
    if (view_count(&y) == 0)
        return;
    int64_t groups = attr_i(n, "group"), wide = w_shape->dim[0] / groups, deep = w_shape->dim[1] * window_taps(&w);
    View col = gather_call(l, n, &w, y.dim + 2), to = view_flatten(channels_to_last(y), 1, 2), bias = {0};
    if (input_of(n, 3))
        bias = view_dense(l, n->in[3]);
    for (int64_t g = 0; g < groups; g++) {
        Product p = {.y = to, .a = col, .bias = bias};
        p.b = product_operand(l, n->in[1], &p.constant);
        if (!p.constant)
            p.b = view_dense(l, n->in[1]);
        p.y.dim[2] = wide;
        p.y.offset += g * wide;
        p.a.dim[2] = deep;
        p.a.offset += g * deep;
        p.b = view_permute(view_flatten(p.b, 1, 3), 2, (int[]){1, 0});
        p.b.dim[1] = wide;
        p.b.offset += g * wide * deep;
        p.bias.dim[0] = wide;
        p.bias.offset += g * wide;
        lower_product(l, n, p);
    }
}
