/* lower_made.c: tensors made from shapes, counts and random numbers at run time.  Shape, Size, ConstantOfShape, Range
 * and the windows are always constants by now. */
#include "../ir/made.h"
#include "../runtime/runtime.h"
#include "axes.h"

/* Zeros, then ones along the diagonal, which is a view of the result. */
void lower_eye_like(Lowering *l, Node *n)
{
    View y = result_dense(l, n->out[0]);
    int64_t diagonal = attr_i(n, "k"), rows = y.dim[0], columns = y.dim[1];
    lower_fill_view(l, n, y, 0);
    int64_t row = diagonal < 0 ? -diagonal : 0, column = diagonal > 0 ? diagonal : 0;
    if (diagonal < -rows || diagonal > columns)
        return;
    View line = y;
    line.rank = 1;
    line.dim[0] = rows - row < columns - column ? rows - row : columns - column;
    line.stride[0] = columns + 1;
    line.offset = row * columns + column;
    lower_fill_view(l, n, line, 1);
}

void lower_one_hot(Lowering *l, Node *n)
{
    const Shape *s = &n->out[0]->shape;
    int axis = (int)axis_of(n, attr_i(n, "axis"), s->rank);
    View indices = view_dense(l, n->in[0]), values = view_dense(l, n->in[2]), y = result_dense(l, n->out[0]);
    if (!view_count(&y))
        return;
    int64_t inner = 1;
    for (int k = axis + 1; k < s->rank; k++)
        inner *= s->dim[k];
    Call *c = call_kernel(l, n, "one_hot");
    call_write(c, y);
    call_read(c, indices);
    call_read(c, values);
    call_type(c, "R", y.dtype);
    call_type(c, "T", indices.dtype);
    call_int(c, "OUTER", view_count(&indices) / inner);
    call_int(c, "DEPTH", s->dim[axis]);
    call_int(c, "INNER", inner);
    call_note(c, "one-hot %s -> %s", shape_text(&n->in[0]->shape), shape_text(s));
}

/* Drawn as float32, as the generator does, then shifted, scaled and converted. */
void lower_random(Lowering *l, Node *n)
{
    Draw d = random_draw(n);
    View y = result_dense(l, n->out[0]);
    if (!view_count(&y))
        return;
    Call *c = call_kernel(l, n, "random");
    call_write(c, y);
    call_update(c, scratch(l, DT_F32, view_count(&y)));
    call_type(c, "R", y.dtype);
    call_text(c, "DRAW", d.normal ? "sdc_random_normal" : "sdc_random_uniform");
    call_text(c, "SEED", text_format("UINT64_C(%llu)", (unsigned long long)d.seed));
    call_float(c, "SHIFT", d.shift);
    call_float(c, "SCALE", d.scale);
    call_int(c, "COUNT", view_count(&y));
    call_note(c, "random %s", shape_text(&n->out[0]->shape));
}

void lower_dropout(Lowering *l, Node *n)
{
    bool wants_mask = n->n_out > 1 && n->out[1];
    if (dropout_is_identity(n)) {
        if (n->out[0])
            result_is(l, n->out[0], view_of(l, n->in[0]));
        if (wants_mask)
            lower_fill_view(l, n, result_dense(l, n->out[1]), 1);
        return;
    }
    const Shape *s = &n->in[0]->shape;
    View x = view_dense(l, n->in[0]);
    View y = n->out[0] ? result_dense(l, n->out[0]) : temporary(l, x.dtype, s->rank, s->dim);
    View mask = wants_mask ? result_dense(l, n->out[1]) : temporary(l, DT_BOOL, s->rank, s->dim);
    if (!view_count(&x))
        return;
    Value *ratio = input_of(n, 1);
    Call *c = call_kernel(l, n, "dropout");
    call_write(c, y);
    call_write(c, mask);
    call_read(c, x);
    call_read(c, view_of(l, n->in[2]));
    if (ratio)
        call_read(c, view_of(l, ratio));
    call_type(c, "R", y.dtype);
    call_type(c, "T", ratio ? ratio->dtype : DT_F32);
    call_int(c, "HAS_RATIO", ratio != NULL);
    call_text(c, "SEED", text_format("UINT64_C(%llu)", (unsigned long long)dropout_seed(n)));
    call_int(c, "COUNT", view_count(&x));
    call_note(c, "dropout %s", shape_text(s));
}
