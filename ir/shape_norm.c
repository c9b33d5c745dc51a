/* shape_norm.c: shape rules of the normalisations.  All keep their input's shape; the rules check the operands. */
#include "../runtime/runtime.h"
#include "need.h"
#include "op.h"

/* Inputs first.. are [count] and of input 0's type. */
static void need_lists(const Node *n, int first, int last, int64_t count)
{
    for (int k = first; k <= last; k++) {
        if (n->in[k]->shape.rank != 1 || n->in[k]->shape.dim[0] != count)
            fail_node(SDC_BAD_INPUT, n, "input %d has shape %s; it must have %lld elements", k,
                      shape_text(&n->in[k]->shape), (long long)count);
        need_float(n, k);
    }
}

static void keep_shape(Node *n)
{
    need_float(n, 0);
    set_output(n, 0, n->in[0]->dtype, &n->in[0]->shape);
}

void shape_batch_norm(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    need_rank(n, 0, 1, MAX_RANK);
    need_lists(n, 1, 4, x->rank > 1 ? x->dim[1] : 1);
    keep_shape(n);
    set_output(n, 1, n->in[3]->dtype, &n->in[3]->shape);
    set_output(n, 2, n->in[4]->dtype, &n->in[4]->shape);
}

/* InstanceNormalization and GroupNormalization: scale and bias for each channel. */
void shape_channel_norm(Node *n)
{
    need_rank(n, 0, 2, MAX_RANK);
    int64_t channels = n->in[0]->shape.dim[1];
    need_lists(n, 1, 2, channels);
    if (n->op == OP_GroupNormalization) {
        int64_t groups = attr_i(n, "num_groups");
        if (groups < 1 || channels % groups)
            fail_node(SDC_BAD_INPUT, n, "%lld channels in %lld groups", (long long)channels, (long long)groups);
    }
    keep_shape(n);
}

/* A norm of an image that is never whole, in three (passes/strips.c).  Mean of each group and squared distances from it,
 * [N,1,groups,2]: parts are joined along axis 1. */
void shape_channel_moments(Node *n)
{
    int64_t groups = attr_i(n, "num_groups");
    need_rank(n, 0, 3, MAX_RANK);
    need_float(n, 0);
    if (groups < 1 || n->in[0]->shape.dim[1] % groups)
        fail_node(SDC_BAD_INPUT, n, "%lld channels in %lld groups", (long long)n->in[0]->shape.dim[1], (long long)groups);
    Shape s = shape_of(4, (int64_t[]){n->in[0]->shape.dim[0], 1, groups, 2});
    set_output(n, 0, DT_F64, &s);
}

/* The factor and the shift of each channel, [N,2,C], from the moments of parts with `counts` elements a group. */
void shape_channel_lines(Node *n)
{
    need_rank(n, 0, 4, 4);
    need_rank(n, 1, 1, 1);
    need_lists(n, 1, 2, n->in[1]->shape.dim[0]);
    const Attr *counts = attr_find(n, "counts");
    if (!counts || counts->count != n->in[0]->shape.dim[1])
        fail_node(SDC_BAD_INPUT, n, "counts must have one entry a part");
    Shape s = shape_of(3, (int64_t[]){n->in[0]->shape.dim[0], 2, n->in[1]->shape.dim[0]});
    set_output(n, 0, DT_F32, &s);
}

/* x times factor plus shift. */
void shape_norm_apply(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    need_rank(n, 0, 3, MAX_RANK);
    Shape lines = shape_of(3, (int64_t[]){x->dim[0], 2, x->dim[1]});
    if (!shape_equal(&n->in[1]->shape, &lines))
        fail_node(SDC_BAD_INPUT, n, "factors and shifts have shape %s, not %s", shape_text(&n->in[1]->shape),
                  shape_text(&lines));
    keep_shape(n);
}

/* LayerNormalization and RMSNormalization; further outputs: mean and inverse deviation, normalised axes kept as 1. */
void shape_layer_norm(Node *n)
{
    Shape out = n->in[0]->shape, both;
    need_rank(n, 0, 1, MAX_RANK);
    int64_t axis = axis_of(n, attr_i(n, "axis"), out.rank);
    for (int k = 1; k < n->n_in; k++) {
        if (!n->in[k])
            continue;
        need_float(n, k);
        broadcast_shapes(n, &n->in[k]->shape, &out, &both);
        if (!shape_equal(&both, &out))
            fail_node(SDC_BAD_INPUT, n, "input %d of shape %s does not broadcast to %s", k,
                      shape_text(&n->in[k]->shape), shape_text(&out));
    }
    keep_shape(n);
    for (int k = (int)axis; k < out.rank; k++)
        out.dim[k] = 1;
    DType stash = attr_i(n, "stash_type") == DT_BF16 ? DT_BF16 : DT_F32;
    set_output(n, 1, stash, &out);
    set_output(n, 2, stash, &out);
}

/* Softmax, LogSoftmax, Hardmax and LpNormalization work along attribute `axis`. */
void shape_axis_norm(Node *n)
{
    need_rank(n, 0, 1, MAX_RANK);
    axis_of(n, attr_i(n, "axis"), n->in[0]->shape.rank);
    if (n->op == OP_LpNormalization && (attr_i(n, "p") < 1 || attr_i(n, "p") > 2))
        fail_node(SDC_BAD_INPUT, n, "attribute 'p' is %lld", (long long)attr_i(n, "p"));
    keep_shape(n);
}

void shape_lrn(Node *n)
{
    need_rank(n, 0, 2, MAX_RANK);
    if (attr_i(n, "size") < 1)
        fail_node(SDC_BAD_INPUT, n, "attribute 'size' is %lld", (long long)attr_i(n, "size"));
    keep_shape(n);
}

void shape_mvn(Node *n)
{
    int64_t axes[MAX_RANK];
    int count = attr_ints(n, "axes", axes, MAX_RANK);
    for (int k = 0; k < count; k++)
        axis_of(n, axes[k], n->in[0]->shape.rank);
    keep_shape(n);
}
