/* shape_reduce.c: shape rules of reductions, of ArgMax and ArgMin, and of cumulative sums and products. */
#include "op.h"
#include "reduce.h"

#include "../runtime/runtime.h"

void reduce_axes(const Node *n, bool reduced[MAX_RANK])
{
    int rank = n->in[0]->shape.rank, count = 0;
    int64_t axes[MAX_RANK];
    bool arg = n->op == OP_ArgMax || n->op == OP_ArgMin;
    if (arg)
        axes[count++] = attr_i(n, "axis");
    else if (input_of(n, 1))
        count = ints_of(n, 1, "axes", axes, MAX_RANK);
    bool all = !count && !arg && !attr_i(n, "noop_with_empty_axes");
    for (int k = 0; k < MAX_RANK; k++)
        reduced[k] = all && k < rank;
    for (int k = 0; k < count; k++) {
        int64_t axis = axis_of(n, axes[k], rank);
        if (reduced[axis])
            fail_node(SDC_BAD_INPUT, n, "axis %lld is given twice", (long long)axes[k]);
        reduced[axis] = true;
    }
}

void reduce_strides(const Node *n, const bool reduced[MAX_RANK], int64_t stride[MAX_RANK])
{
    const Shape *x = &n->in[0]->shape;
    int64_t step = 1;
    for (int k = x->rank; k-- > 0;) {
        stride[k] = reduced[k] ? 0 : step;
        step *= reduced[k] ? 1 : x->dim[k];
    }
}

static Shape reduced_shape(const Node *n, const bool reduced[MAX_RANK])
{
    const Shape *x = &n->in[0]->shape;
    Shape y = {.rank = 0};
    bool keep = attr_i(n, "keepdims") != 0;
    for (int k = 0; k < x->rank; k++) {
        if (!reduced[k])
            y.dim[y.rank++] = x->dim[k];
        else if (keep)
            y.dim[y.rank++] = 1;
    }
    return y;
}

void shape_reduce(Node *n)
{
    bool reduced[MAX_RANK];
    reduce_axes(n, reduced);
    Shape y = reduced_shape(n, reduced);
    set_output(n, 0, n->in[0]->dtype, &y);
}

void shape_arg_reduce(Node *n)
{
    bool reduced[MAX_RANK];
    const Shape *x = &n->in[0]->shape;
    reduce_axes(n, reduced);
    Shape y = reduced_shape(n, reduced);
    for (int k = 0; k < x->rank; k++)
        if (reduced[k] && !x->dim[k] && shape_count(&y))
            fail_node(SDC_BAD_INPUT, n, "there is no largest or smallest element along axis %d of extent 0", k);
    set_output(n, 0, DT_I64, &y);
}

void shape_cumulative(Node *n)
{
    int64_t axis;
    if (ints_of(n, 1, "axis", &axis, 1) != 1)
        fail_node(SDC_BAD_INPUT, n, "input 1 (axis) must have one element");
    axis_of(n, axis, n->in[0]->shape.rank);
    set_output(n, 0, n->in[0]->dtype, &n->in[0]->shape);
}
