/* lower_movement.c: operators that only move data: another view where strides allow it, else one strided copy. */
#include <string.h>

#include "../ir/movement.h"
#include "../runtime/runtime.h"
#include "axes.h"
#include "steps.h"

/* Axis `axis` of v cut down to `count` elements from `first` on, every `step`th. */
static View part_of(View v, int axis, int64_t first, int64_t step, int64_t count)
{
    v.offset += first * v.stride[axis];
    v.stride[axis] *= step;
    v.dim[axis] = count;
    return v;
}

void lower_identity(Lowering *l, Node *n)
{
    result_is(l, n->out[0], view_of(l, n->in[0]));
}

/* Reshape and its relatives. */
void lower_reshape(Lowering *l, Node *n)
{
    const Shape *s = &n->out[0]->shape;
    View v = view_of(l, n->in[0]);
    if (!view_reshape(&v, s->rank, s->dim)) {
        v = view_dense(l, n->in[0]);
        view_reshape(&v, s->rank, s->dim);
    }
    result_is(l, n->out[0], v);
}

void lower_transpose(Lowering *l, Node *n)
{
    int64_t perm[MAX_RANK];
    int axes[MAX_RANK], rank = transpose_perm(n, perm);
    for (int k = 0; k < rank; k++)
        axes[k] = (int)perm[k];
    result_is(l, n->out[0], view_permute(view_of(l, n->in[0]), rank, axes));
}

void lower_expand(Lowering *l, Node *n)
{
    const Shape *s = &n->out[0]->shape;
    result_is(l, n->out[0], view_broadcast(view_of(l, n->in[0]), s->rank, s->dim));
}

void lower_slice(Lowering *l, Node *n)
{
    Range r = slice_range(n);
    View v = view_of(l, n->in[0]);
    for (int k = 0; k < r.rank; k++)
        v = part_of(v, k, r.start[k], r.step[k], r.count[k]);
    result_is(l, n->out[0], v);
}

void lower_split(Lowering *l, Node *n)
{
    int64_t *size = alloc_array(n->n_out, sizeof *size), first = 0;
    int axis = split_sizes(n, size);
    View v = view_of(l, n->in[0]);
    for (int k = 0; k < n->n_out; k++) {
        if (n->out[k])
            result_is(l, n->out[k], part_of(v, axis, first, 1, size[k]));
        first += size[k];
    }
}

/* The result is stored in the order of the largest input. */
void lower_concat(Lowering *l, Node *n)
{
    if (concat_is_apart(l, n))
        return;
    Value *result = n->out[0];
    int axis = (int)axis_of(n, attr_i(n, "axis"), result->shape.rank);
    View order = view_of(l, n->in[0]);
    for (int k = 1; k < n->n_in; k++) {
        View v = view_of(l, n->in[k]);
        if (view_count(&v) > view_count(&order))
            order = v;
    }
    View whole = is_lowered(l, result) ? view_of(l, result) : result_like(l, result, &order);
    int64_t first = 0;
    for (int k = 0; k < n->n_in; k++) {
        View from = view_of(l, n->in[k]), to = part_of(whole, axis, first, 1, from.dim[axis]);
        first += from.dim[axis];
        if (from.buffer != to.buffer)           /* else its producer has put it there: concat_room() */
            lower_copy_view(l, n, to, from);
    }
}

/* Each repeated axis is two: the repeats, along which the source stands still, and the axis itself. */
void lower_tile(Lowering *l, Node *n)
{
    int64_t repeats[MAX_RANK];
    View from = view_of(l, n->in[0]), to = result_like(l, n->out[0], &from);
    Axes a = {.operands = 2};
    tile_repeats(n, repeats);
    for (int k = 0; k < from.rank; k++) {
        axes_add(&a, repeats[k], from.dim[k] * to.stride[k], 0);
        axes_add(&a, from.dim[k], to.stride[k], from.stride[k]);
    }
    lower_copy_axes(l, n, to, from, a, NULL);
}

/* Axes of the copy: batch, then (rows, columns) of pixels, the block's (row, column), channels. `deep` has block *
 * block times the channels of `wide`; in `deep` the strides of block row, block column and channel are multiples of its
 * channel stride. */
static Axes block_axes(const View *deep, const View *wide, int64_t block, bool channel_inside, bool deep_is_result)
{
    int64_t channels = wide->dim[1];
    int64_t row = channel_inside ? block * channels : block, column = channel_inside ? channels : 1;
    int64_t channel = channel_inside ? 1 : block * block;
    int64_t dim[] = {wide->dim[0], deep->dim[2], deep->dim[3], block, block, channels};
    int64_t in_deep[] = {deep->stride[0], deep->stride[2], deep->stride[3], row * deep->stride[1],
                         column * deep->stride[1],
                         channel * deep->stride[1]};
    int64_t in_wide[] = {wide->stride[0], block * wide->stride[2], block * wide->stride[3], wide->stride[2],
                         wide->stride[3],
                         wide->stride[1]};
    Axes a = {.operands = 2};
    for (int k = 0; k < 6; k++)
        axes_add(&a, dim[k], deep_is_result ? in_deep[k] : in_wide[k], deep_is_result ? in_wide[k] : in_deep[k]);
    return a;
}

void lower_depth_to_space(Lowering *l, Node *n)
{
    View from = view_of(l, n->in[0]), to = result_like(l, n->out[0], &from);
    bool channel_inside = !strcmp(attr_s(n, "mode"), "DCR");
    lower_copy_axes(l, n, to, from, block_axes(&from, &to, attr_i(n, "blocksize"), channel_inside, false), NULL);
}

void lower_space_to_depth(Lowering *l, Node *n)
{
    View from = view_of(l, n->in[0]), to = result_like(l, n->out[0], &from);
    lower_copy_axes(l, n, to, from, block_axes(&to, &from, attr_i(n, "blocksize"), true, true), NULL);
}

/* ---- padding
 * ------------------------------------------------------------------------------------------------------------- */

/* The axes of an unpadded source in the result's storage order, as the kernel wants them. */
static void storage_order(const View *v, int *axes)
{
    for (int k = 0; k < v->rank; k++) {
        int place = k;
        for (; place > 0 && v->stride[axes[place - 1]] < v->stride[k]; place--)
            axes[place] = axes[place - 1];
        axes[place] = k;
    }
}

/* One call of pad.h; fill NULL: zeros. */
static void lower_padding(Lowering *l, Node *n, const Padding *p, const View *fill)
{
    static const char *const modes[] = {
        [PAD_CONSTANT] = "constant", [PAD_REFLECT] = "reflect", [PAD_EDGE] = "edge", [PAD_WRAP] = "wrap",
    };
    View from = view_of(l, n->in[0]);
    bool padded = false;
    for (int k = 0; k < p->rank; k++) {
        from = part_of(from, k, p->start[k], 1, p->count[k]);
        padded |= p->before[k] || p->after[k];
    }
    if (!padded) {
        result_is(l, n->out[0], from);
        return;
    }
    View to = result_like(l, n->out[0], &from);
    if (!view_count(&to))
        return;
    int axes[MAX_RANK];
    int64_t dim[MAX_RANK], source[MAX_RANK], before[MAX_RANK], stride[MAX_RANK];
    storage_order(&to, axes);
    for (int k = 0; k < p->rank; k++) {
        dim[k] = to.dim[axes[k]];
        source[k] = from.dim[axes[k]];
        before[k] = p->before[axes[k]];
        stride[k] = from.stride[axes[k]];
    }
    Call *c = call_kernel(l, n, "pad");
    call_write(c, to);
    call_read(c, from);
    if (fill)
        call_read(c, *fill);
    call_type(c, "R", to.dtype);
    call_text(c, "SOURCE", text_format("sdc_pad_%s", modes[p->mode]));
    call_int(c, "HAS_VALUE", fill != NULL);
    call_int(c, "RANK", p->rank);
    call_dims(c, "DIMS", p->rank, dim);
    call_dims(c, "COUNTS", p->rank, source);
    call_dims(c, "BEFORE", p->rank, before);
    call_dims(c, "STRIDES", p->rank, stride);
    call_note(c, "pad %s -> %s, %s", shape_text(&n->in[0]->shape), shape_text(&n->out[0]->shape), modes[p->mode]);
}

void lower_pad(Lowering *l, Node *n)
{
    Padding p = pad_padding(n);
    View fill;
    if (input_of(n, 2))
        fill = view_dense(l, n->in[2]);
    lower_padding(l, n, &p, input_of(n, 2) ? &fill : NULL);
}

void lower_center_crop_pad(Lowering *l, Node *n)
{
    Padding p = center_padding(n);
    lower_padding(l, n, &p, NULL);
}

/* ---- triangles and sequences
 * ------------------------------------------------------------------------------------------------ */

void lower_trilu(Lowering *l, Node *n)
{
    const Shape *s = &n->in[0]->shape;
    View x = view_dense(l, n->in[0]), y = result_dense(l, n->out[0]);
    if (!view_count(&y))
        return;
    bool given = input_of(n, 1) != NULL;
    Call *c = call_kernel(l, n, "trilu");
    call_write(c, y);
    call_read(c, x);
    if (given)
        call_read(c, view_dense(l, n->in[1]));
    call_type(c, "R", y.dtype);
    call_int(c, "HAS_DIAGONAL", given);
    call_int(c, "UPPER", attr_i(n, "upper") != 0);
    call_int(c, "MATRICES", view_count(&y) / (s->dim[s->rank - 2] * s->dim[s->rank - 1]));
    call_int(c, "ROWS", s->dim[s->rank - 2]);
    call_int(c, "COLUMNS", s->dim[s->rank - 1]);
    call_reuse(c, 0, 1);
    call_note(c, "trilu %s", shape_text(s));
}

void lower_reverse_sequence(Lowering *l, Node *n)
{
    const Shape *s = &n->in[0]->shape;
    View x = view_dense(l, n->in[0]), lengths = view_dense(l, n->in[1]), y = result_dense(l, n->out[0]);
    if (!view_count(&y))
        return;
    int batch_axis = (int)attr_i(n, "batch_axis");
    int64_t inner = view_count(&y) / (s->dim[0] * s->dim[1]);
    Call *c = call_kernel(l, n, "reverse_sequence");
    call_write(c, y);
    call_read(c, x);
    call_read(c, lengths);
    call_type(c, "R", y.dtype);
    call_int(c, "BATCH", s->dim[batch_axis]);
    call_int(c, "STEPS", s->dim[1 - batch_axis]);
    call_int(c, "INNER", inner);
    call_int(c, "BATCH_STRIDE", batch_axis ? inner : s->dim[1] * inner);
    call_int(c, "STEP_STRIDE", batch_axis ? s->dim[1] * inner : inner);
    call_note(c, "reverse the sequences of %s", shape_text(s));
}
