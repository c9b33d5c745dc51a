/* decompose: operators without a kernel of their own become simpler nodes.
 *
 *   needs:   inferred shapes
 *   leaves:  no operator of the table below but Attention that has a kernel; the nodes in its place are inferred, constants among them folded
 *   rows:    the oracle evaluates each of these operators by its own definition, so that it can check the rewriting  */
#include "decompose.h"

#include <string.h>

static const struct { Op op; Decompose *rewrite; } rows[] = {
    {OP_Attention, decompose_attention},
    {OP_FlexAttention, decompose_flex_attention},
    {OP_RotaryEmbedding, decompose_rotary},
    {OP_SwiGLU, decompose_swiglu},
    {OP_CausalConvWithState, decompose_causal_conv},
    {OP_TensorScatter, decompose_tensor_scatter},
    {OP_Compress, decompose_compress},
    {OP_DynamicQuantizeLinear, decompose_dynamic_quantize},
    {OP_MatMulInteger, decompose_matmul_integer},
    {OP_QLinearMatMul, decompose_qlinear_matmul},
    {OP_ConvInteger, decompose_conv_integer},
    {OP_QLinearConv, decompose_qlinear_conv},
    {OP_NegativeLogLikelihoodLoss, decompose_nll_loss},
    {OP_SoftmaxCrossEntropyLoss, decompose_softmax_loss},
    {OP_LpNormalization, decompose_lp_norm},
    {OP_MeanVarianceNormalization, decompose_mvn},
    {OP_ReduceLogSumExp, decompose_log_sum_exp},
    {OP_Adagrad, decompose_adagrad},
    {OP_Adam, decompose_adam},
    {OP_Momentum, decompose_momentum},
    {OP_STFT, decompose_stft},
};

static Decompose *rewrite_of(const Node *n)
{
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (rows[k].op == n->op)
            return rows[k].rewrite;
    return NULL;
}

bool is_composite(const Node *n)
{
    return rewrite_of(n) != NULL;
}

Node *decompose_node(Node *n)
{
    Graph *g = n->graph;
    Node *before = n->prev;
    rewrite_of(n)(n);
    node_remove(n);
    return before ? before->next : g->first;
}

void pass_decompose(Graph *g)
{
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                pass_decompose(n->attrs[a].graph);
        if (is_composite(n) && !(n->op == OP_Attention && attention_stays(n)))
            next = decompose_node(n);                   /* the new nodes may be composite themselves */
    }
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

Node *begun(Node *at, Op op, int n_in, Value *const *in)
{
    Node *n = node_new(at->graph, at, op, n_in, in, 1);
    n->name = at->name;
    return n;
}

Value *finished(Node *n)
{
    infer_node(n);
    fold_node(n);
    return n->out[0];
}

Value *make1(Node *at, Op op, Value *x)
{
    return finished(begun(at, op, 1, &x));
}

Value *make2(Node *at, Op op, Value *x, Value *y)
{
    return finished(begun(at, op, 2, (Value *[]){x, y}));
}

Value *make3(Node *at, Op op, Value *x, Value *y, Value *z)
{
    return finished(begun(at, op, 3, (Value *[]){x, y, z}));
}

Value *make_scalar(Node *at, DType dtype, double v)
{
    return value_float(at->graph, dtype, v);
}

Value *make_cast(Node *at, Value *x, DType dtype)
{
    if (x->dtype == dtype)
        return x;
    Node *n = begun(at, OP_Cast, 1, &x);
    attr_set_i(n, "to", dtype);
    return finished(n);
}

void cast_output(Graph *g, int k, DType dtype)
{
    Value *v = g->outputs[k];
    Node *cast = node_new(g, NULL, OP_Cast, 1, &v, 1);
    attr_set_i(cast, "to", dtype);
    infer_node(cast);
    g->outputs[k] = cast->out[0];
    cast->out[0]->graph_output = true;
    v->graph_output = false;
}

Value *make_reshape(Node *at, Value *x, int rank, const int64_t *dim)
{
    Node *n = begun(at, OP_Reshape, 2, (Value *[]){x, value_ints(at->graph, dim, rank)});
    attr_set_i(n, "allowzero", 1);
    return finished(n);
}

Value *make_transpose(Node *at, Value *x, int rank, const int64_t *perm)
{
    Node *n = begun(at, OP_Transpose, 1, &x);
    attr_set_ints(n, "perm", perm, rank);
    return finished(n);
}

Value *make_concat(Node *at, Value *x, Value *y, int64_t axis)
{
    Node *n = begun(at, OP_Concat, 2, (Value *[]){x, y});
    attr_set_i(n, "axis", axis);
    return finished(n);
}

Value *make_slice(Node *at, Value *x, int64_t axis, int64_t first, int64_t end, int64_t step)
{
    Graph *g = at->graph;
    Value *in[] = {x, value_ints(g, &first, 1), value_ints(g, &end, 1), value_ints(g, &axis, 1),
                   value_ints(g, &step, 1)};
    return finished(begun(at, OP_Slice, 5, in));
}

Value *make_reduce(Node *at, Op op, Value *x, int64_t axis, bool keep)
{
    Node *n = begun(at, op, 2, (Value *[]){x, value_ints(at->graph, &axis, 1)});
    attr_set_i(n, "keepdims", keep);
    return finished(n);
}

Value *make_reduce_all(Node *at, Op op, Value *x)
{
    Node *n = begun(at, op, 1, &x);
    attr_set_i(n, "keepdims", 0);
    return finished(n);
}

Value *make_expand(Node *at, Value *x, int rank, const int64_t *dim)
{
    return make2(at, OP_Expand, x, value_ints(at->graph, dim, rank));
}

void decompose_output(Node *n, int k, Value *v)
{
    if (output_of(n, k))
        value_replace(n->out[k], v);
}

DType working_type(DType type)
{
    return type == DT_F64 ? DT_F64 : DT_F32;
}
