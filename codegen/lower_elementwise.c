/* lower_elementwise.c: every EW row of op.def, or a fused chain of them, becomes one call of elementwise.h.
 *
 * The result takes the storage order of its largest operand.  An operand that runs along another axis is brought into
 * that order first (tiles beat a gather in the inner loop); broadcast operands have strides of 0 and are never copied.
 */
#include <stdlib.h>

#include "../runtime/runtime.h"
#include "axes.h"
#include "steps.h"

enum { SMALL = 4096 };              /* elements: a gather of so few costs less than a call */

/* The storage order for the result: the largest operand's, axes along which it repeats outermost. */
static View order_of(const Value *result, const Steps *s, const View *in)
{
    int best = 0;
    int64_t most = -1;
    for (int k = 0; k < s->count; k++) {
        int64_t count = shape_count(&s->operand[k]->shape);
        if (count > most) {
            most = count;
            best = k;
        }
    }
    View order = in[best];
    for (int k = 0; k < result->shape.rank; k++)
        if (order.stride[k] == 0)
            order.stride[k] = INT64_MAX;
    return order;
}

static bool repeats(const View *v)
{
    for (int k = 0; k < v->rank; k++)
        if (v->dim[k] > 1 && v->stride[k] == 0)
            return true;
    return false;
}

/* Does v run along the result's innermost axis with a stride other than 0 and 1? */
static bool runs_across(const View *result, const View *v)
{
    for (int k = 0; k < v->rank; k++)
        if (v->dim[k] > 1 && result->stride[k] == 1)
            return llabs(v->stride[k]) > 1;
    return false;
}

/* A copy of v in the order of `result`, which is stored without gaps. */
static View reordered(Lowering *l, Node *n, const View *result, View v)
{
    View copy = *result;
    copy.buffer = scratch(l, v.dtype, view_count(&v)).buffer;
    copy.dtype = v.dtype;
    lower_copy_view(l, n, copy, v);
    return copy;
}

/* May the result lie where operand k does?  Not while another operand looks at the same buffer in its own way. */
static bool may_take_place(int operands, const View *v, int k)
{
    if (v[k].buffer->kind != BUFFER_ARENA || dtype_info(v[k].dtype)->bytes != dtype_info(v[0].dtype)->bytes)
        return false;
    for (int j = 1; j <= operands; j++)
        if (v[j].buffer == v[k].buffer && (v[j].offset != v[k].offset || !view_same_order(&v[0], &v[j])))
            return false;
    return view_same_order(&v[0], &v[k]);
}

/* One call over the views v[0] (the result) and v[1], v[2], ... (the operands of s); all have the result's dims. */
static Call *elementwise_call(Lowering *l, Node *n, const Steps *s, const View *v, DType arithmetic)
{
    Axes a = axes_of_views(s->count + 1, v);
    axes_simplify(&a);
    int outer = a.rank - 1;
    char *operands = "", *strides = "";
    Call *c = call_kernel(l, n, "elementwise");
    call_write(c, v[0]);
    for (int k = 0; k < s->count; k++) {
        call_read(c, v[k + 1]);
        operands = text_format("%s%sX(%d, %s, %lld)", operands, k ? " " : "", k, dtype_info(v[k + 1].dtype)->name,
                               (long long)a.stride[k + 1][outer]);
    }
    for (int o = 0; o <= s->count; o++)
        for (int d = 0; d < outer; d++)
            strides = text_format("%s%s%lld", strides, *strides ? ", " : "", (long long)a.stride[o][d]);
    call_int(c, "INPUTS", s->count);
    call_text(c, "OPERANDS(X)", operands);
    call_type(c, "R", v[0].dtype);
    call_type(c, "A", arithmetic);
    call_text(c, "STEPS", s->steps);
    call_text(c, "RESULT", s->result);
    call_int(c, "CONVERT", dtype_is_float(arithmetic) && !dtype_is_float(v[0].dtype) && v[0].dtype != DT_BOOL);
    call_int(c, "N", a.dim[outer]);
    call_int(c, "IR", a.stride[0][outer]);
    axes_parameters(c, &a, outer, NULL);
    call_text(c, "STRIDES", outer ? strides : "0");
    return c;
}

static void note_operands(Call *c, const Steps *s, const View *v)
{
    char *list = "";
    for (int k = 0; k < s->count; k++)
        list = text_format("%s%s%s", list, k ? ", " : "", shape_text(&s->operand[k]->shape));
    Shape result = shape_of(v->rank, v->dim);
    call_note(c, "%s %s -> %s %s", s->note, list, dtype_info(v->dtype)->name, shape_text(&result));
}

/* A place for the result: in the concatenation that takes it, where that can be stored in the same order, or its own. */
static View chain_room(Lowering *l, Value *result, const View *order)
{
    int inner = result->shape.rank - 1;
    bool channels_last = inner > 1 && order->stride[inner] != 1;
    if (channels_last)
        inner = 1;
    if (inner < 0 || order->stride[inner] != 1)
        return result_like(l, result, order);
    View part = concat_room(l, result, kept_type(result), channels_last);
    if (!part.buffer || part.stride[inner] != 1)
        return result_like(l, result, order);
    result_is(l, result, part);
    return part;
}

void lower_chain(Lowering *l, Node *n, const Node *first, const Node *last)
{
    Value *result = n->out[0];
    DType arithmetic = first == last ? steps_arithmetic(first) : DT_F32;
    Steps s = steps_of(first, last, NULL, NULL, arithmetic);
    View v[AXES_OPERANDS], *in = v + 1;
    for (int k = 0; k < s.count; k++)
        in[k] = view_broadcast(view_of(l, s.operand[k]), result->shape.rank, result->shape.dim);
    View order = order_of(result, &s, in);
    v[0] = chain_room(l, result, &order);
    int64_t count = view_count(&v[0]);
    if (count == 0)
        return;
    for (int k = 0; k < s.count; k++)
        if (count > SMALL && !repeats(&in[k]) && runs_across(&v[0], &in[k]))
            in[k] = reordered(l, n, &v[0], in[k]);
    Call *c = elementwise_call(l, n, &s, v, arithmetic);
    bool whole = count * dtype_info(v[0].dtype)->bytes == v[0].buffer->bytes;      /* no part of a concatenation */
    for (int k = 0; k < s.count && whole; k++)
        if (may_take_place(s.count, v, k + 1) && (c->reuse_of < 0 || s.operand[k]->n_uses == 1))
            call_reuse(c, 0, k + 1);
    note_operands(c, &s, v);
}

void lower_elementwise(Lowering *l, Node *n)
{
    lower_chain(l, n, n, n);
}

void lower_increment(Lowering *l, Node *n, View number, View step)
{
    View v[] = {number, number, view_broadcast(step, number.rank, number.dim)};
    Steps s = {.count = 2, .steps = "", .result = "IADD(x0, x1)"};
    Call *c = elementwise_call(l, n, &s, v, number.dtype);
    call_note(c, "next iteration");
}
