/* lower_elementwise.c: every EW row of op.def becomes one call of elementwise.h.
 *
 * The result takes the storage order of its largest operand.  An operand that runs along another axis is brought into
 * that order first (tiles beat a gather in the inner loop); broadcast operands have strides of 0 and are never copied.
 * */
#include <stdlib.h>

#include "../ir/elementwise.h"
#include "../runtime/runtime.h"
#include "axes.h"

enum { SMALL = 4096 };              /* elements: a gather of so few costs less than a call */

/* The storage order for the result: the largest operand's, axes along which it repeats outermost. */
static View order_of(const Value *result, const Node *n, const View *in)
{
    int best = 0;
    int64_t most = -1;
    for (int k = 0; k < n->n_in; k++) {
        int64_t count = shape_count(&n->in[k]->shape);
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

static bool same_order(const View *a, const View *b)
{
    for (int k = 0; k < a->rank; k++)
        if (a->dim[k] > 1 && a->stride[k] != b->stride[k])
            return false;
    return true;
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
static bool may_take_place(const Node *n, const View *v, int k)
{
    if (v[k].buffer->kind != BUFFER_ARENA || dtype_info(v[k].dtype)->bytes != dtype_info(v[0].dtype)->bytes)
        return false;
    for (int j = 1; j <= n->n_in; j++)
        if (v[j].buffer == v[k].buffer && (v[j].offset != v[k].offset || !same_order(&v[0], &v[j])))
            return false;
    return same_order(&v[0], &v[k]);
}

/* Floats are computed in float, or in double if any operand is one; integers in the type that the result is made of. */
static DType arithmetic_type(const Node *n)
{
    DType type = n->in[n->op == OP_Where ? 1 : 0]->dtype;
    bool real = false, mixed = false;
    for (int k = 0; k < n->n_in; k++) {
        DType t = n->in[k]->dtype;
        if (dtype_is_float(t))
            real = true;
        mixed |= t == DT_F64 || (t != DT_BOOL && !dtype_is_float(t) && dtype_info(t)->bytes > 2);
    }
    if (real)
        return mixed ? DT_F64 : DT_F32;
    if (n->op == OP_Pow && dtype_info(n->in[1]->dtype)->bytes > dtype_info(type)->bytes)
        return n->in[1]->dtype;
    return type;
}

/* Powers that exporters write for squares and cubes; powf has no vector form. */
static const char *small_power(const Node *n)
{
    static const char *const meaning[] = {[2] = "x * x", [3] = "x * x * x"};
    if (n->op != OP_Pow || !dtype_is_float(n->in[0]->dtype))
        return NULL;
    if (!is_constant(n->in[1]) || shape_count(&n->in[1]->shape) != 1)
        return NULL;
    double power = float_of(n, 1, "exponent");
    return power == 2 || power == 3 ? meaning[(int)power] : NULL;
}

/* One call over the views v[0] (the result) and v[1..inputs]; all have the result's dims. */
static Call *elementwise_call(Lowering *l, Node *n, int inputs, const View *v, DType arithmetic, const char *meaning)
{
    static const char *const lists[] = {"SR", "S0", "S1", "S2"}, *const inner[] = {"IR", "I0", "I1", "I2"},
                      *const types[] = {"R", "T0", "T1", "T2"};
    Axes a = axes_of_views(inputs + 1, v);
    axes_simplify(&a);
    Call *c = call_kernel(l, n, "elementwise");
    call_int(c, "INPUTS", inputs);
    call_type(c, "A", arithmetic);
    call_int(c, "CONVERT", dtype_is_float(arithmetic) && !dtype_is_float(v[0].dtype) && v[0].dtype != DT_BOOL);
    call_text(c, "EXPR", meaning);
    call_int(c, "N", a.dim[a.rank - 1]);
    for (int o = 0; o <= inputs; o++) {
        (o ? call_read : call_write)(c, v[o]);
        call_type(c, types[o], v[o].dtype);
        call_int(c, inner[o], a.stride[o][a.rank - 1]);
    }
    axes_parameters(c, &a, a.rank - 1, lists);
    return c;
}

static void note_operands(Call *c, const Node *n)
{
    char *list = "";
    for (int k = 0; k < n->n_in; k++)
        list = text_format("%s%s%s", list, k ? ", " : "", shape_text(&n->in[k]->shape));
    call_note(c, "%s %s -> %s %s", op_info(n->op)->name, list, dtype_info(n->out[0]->dtype)->name,
              shape_text(&n->out[0]->shape));
}

void lower_elementwise(Lowering *l, Node *n)
{
    const OpInfo *row = op_info(n->op);
    Value *result = n->out[0];
    View v[AXES_OPERANDS], *in = v + 1;
    for (int k = 0; k < n->n_in; k++)
        in[k] = view_broadcast(view_of(l, n->in[k]), result->shape.rank, result->shape.dim);
    View order = order_of(result, n, in);
    v[0] = result_like(l, result, &order);
    int64_t count = view_count(&v[0]);
    if (count == 0)
        return;
    for (int k = 0; k < n->n_in; k++)
        if (count > SMALL && !repeats(&in[k]) && runs_across(&v[0], &in[k]))
            in[k] = reordered(l, n, &v[0], in[k]);
    DType arithmetic = arithmetic_type(n);
    const char *power = small_power(n);
    double attribute[2];
    elementwise_attributes(n, attribute);
    Call *c = elementwise_call(l, n, n->n_in, v, arithmetic,
                               power ? power : dtype_is_float(arithmetic) ? row->float_meaning : row->int_meaning);
    call_float(c, "P", attribute[0]);
    call_float(c, "Q", attribute[1]);
    for (int k = 0; k < n->n_in; k++)
        if (may_take_place(n, v, k + 1) && (c->reuse_of < 0 || n->in[k]->n_uses == 1))
            call_reuse(c, 0, k + 1);
    note_operands(c, n);
}

void lower_increment(Lowering *l, Node *n, View number, View step)
{
    View v[] = {number, number, view_broadcast(step, number.rank, number.dim)};
    Call *c = elementwise_call(l, n, 2, v, number.dtype, op_info(OP_Add)->int_meaning);
    call_float(c, "P", 0);
    call_float(c, "Q", 0);
    call_note(c, "next iteration");
}
