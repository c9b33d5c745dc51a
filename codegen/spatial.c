/* spatial.c: what the lowerings of convolutions and pools share. */
#include "spatial.h"

#include "../runtime/runtime.h"
#include "matmul.h"

View channels_to_last(View v)
{
    int perm[MAX_RANK];
    for (int k = 0; k < v.rank; k++)
        perm[k] = k == 0 ? 0 : k == v.rank - 1 ? 1 : k + 1;
    return view_permute(v, v.rank, perm);
}

void window_parameters(Call *c, const Window *w)
{
    call_int(c, "RANK", w->rank);
    call_dims(c, "IN", w->rank, w->in);
    call_dims(c, "OUT", w->rank, w->out);
    call_dims(c, "KERNEL", w->rank, w->kernel);
    call_dims(c, "STRIDE", w->rank, w->stride);
    call_dims(c, "DILATION", w->rank, w->dilation);
    call_dims(c, "BEFORE", w->rank, w->before);
}

View permuted_operand(Lowering *l, Node *n, Value *v, const int *perm, Value **constant)
{
    if (!is_constant(v)) {
        *constant = NULL;
        return view_to_dense(l, n, view_permute(view_of(l, v), v->shape.rank, perm));
    }
    int64_t order[MAX_RANK];
    for (int k = 0; k < v->shape.rank; k++)
        order[k] = perm[k];
    Value *turned = node1(n->graph, n, OP_Transpose, 1, &v);
    attr_set_ints(turned->def, "perm", order, v->shape.rank);
    infer_node(turned->def);
    fold_node(turned->def);
    return product_operand(l, turned, constant);
}

View view_flatten(View v, int first, int count)
{
    View r = v;
    for (int k = first + 1; k < first + count; k++) {
        r.dim[first] *= v.dim[k];
        if (v.dim[k] != 1)                          /* the stride along a single element means nothing */
            r.stride[first] = v.stride[k];
    }
    for (int k = first + count; k < v.rank; k++) {
        r.dim[k - count + 1] = v.dim[k];
        r.stride[k - count + 1] = v.stride[k];
    }
    r.rank = v.rank - count + 1;
    return r;
}

View view_split(View v, int axis, int64_t outer)
{
    View r = view_insert(v, axis);
    r.dim[axis] = outer;
    r.dim[axis + 1] = v.dim[axis] / outer;
    r.stride[axis] = v.stride[axis] * r.dim[axis + 1];
    return r;
}
