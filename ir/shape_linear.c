/* shape_linear.c: shape rules of matrix products, Einsum and Det. */
#include "../runtime/runtime.h"
#include "einsum.h"
#include "need.h"
#include "op.h"

void shape_matmul(Node *n)
{
    Shape a = n->in[0]->shape, b = n->in[1]->shape, out = {.rank = 0};
    need_rank(n, 0, 1, MAX_RANK);
    need_rank(n, 1, 1, MAX_RANK);
    need_mixable(n, 0, 1);
    int64_t inner_a = a.dim[a.rank - 1], inner_b = b.dim[b.rank == 1 ? 0 : b.rank - 2];
    if (inner_a != inner_b)
        fail_node(SDC_BAD_INPUT, n, "shapes %s and %s do not match", shape_text(&a), shape_text(&b));
    Shape batch_a = shape_of(a.rank < 2 ? 0 : a.rank - 2, a.dim),
        batch_b = shape_of(b.rank < 2 ? 0 : b.rank - 2, b.dim);
    broadcast_shapes(n, &batch_a, &batch_b, &out);
    if (a.rank > 1)
        out.dim[out.rank++] = a.dim[a.rank - 2];
    if (b.rank > 1)
        out.dim[out.rank++] = b.dim[b.rank - 1];
    set_output(n, 0, mixed_type(n->in[0]->dtype, n->in[1]->dtype), &out);
}

void shape_gemm(Node *n)
{
    need_rank(n, 0, 2, 2);
    need_rank(n, 1, 2, 2);
    need_mixable(n, 0, 1);
    need_mixable(n, 0, 2);
    const Shape *a = &n->in[0]->shape, *b = &n->in[1]->shape;
    int across_a = attr_i(n, "transA") != 0, across_b = attr_i(n, "transB") != 0;
    if (a->dim[!across_a] != b->dim[across_b])
        fail_node(SDC_BAD_INPUT, n, "shapes %s and %s do not match", shape_text(a), shape_text(b));
    Shape out = {.rank = 2, .dim = {a->dim[across_a], b->dim[!across_b]}}, both;
    Value *c = input_of(n, 2);
    if (c) {
        broadcast_shapes(n, &c->shape, &out, &both);
        if (!shape_equal(&both, &out))
            fail_node(SDC_BAD_INPUT, n, "input 2 of shape %s does not broadcast to %s", shape_text(&c->shape),
                      shape_text(&out));
    }
    set_output(n, 0, mixed_type(n->in[0]->dtype, n->in[1]->dtype), &out);
}

void shape_einsum(Node *n)
{
    Einsum e = einsum_parse(n);
    Shape out = {.rank = e.out_rank};
    for (int k = 1; k < n->n_in; k++)
        need_same_type(n, 0, k);
    for (int k = 0; k < e.out_rank; k++)
        out.dim[k] = e.extent[e.out[k]];
    set_output(n, 0, n->in[0]->dtype, &out);
}

void shape_det(Node *n)
{
    need_rank(n, 0, 2, MAX_RANK);
    need_float(n, 0);
    const Shape *x = &n->in[0]->shape;
    if (x->dim[x->rank - 1] != x->dim[x->rank - 2])
        fail_node(SDC_BAD_INPUT, n, "matrices of shape %s are not square", shape_text(x));
    Shape out = shape_of(x->rank - 2, x->dim);
    set_output(n, 0, n->in[0]->dtype, &out);
}
