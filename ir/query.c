/* query.c: what several stages ask about nodes. */
#include "../runtime/runtime.h"
#include "sdc.h"

int transpose_perm(const Node *n, int64_t *perm)
{
    int rank = n->in[0]->shape.rank;
    int given = attr_ints(n, "perm", perm, MAX_RANK);
    if (!attr_has(n, "perm"))
        for (int k = 0; k < rank; k++)
            perm[k] = rank - 1 - k;
    else if (given != rank)
        fail_node(SDC_BAD_INPUT, n, "perm has %d entries for rank %d", given, rank);
    unsigned seen = 0;
    for (int k = 0; k < rank; k++) {
        perm[k] = axis_of(n, perm[k], rank);
        seen |= 1u << perm[k];
    }
    if (seen != (1u << rank) - 1)
        fail_node(SDC_BAD_INPUT, n, "perm is not a permutation of the axes");
    return rank;
}

/* Besides elementwise nodes: whose results may stay f32, and who takes f32 where its type is float16. */
static bool is_among(Op op, const Op *list)
{
    if (op_info(op)->float_meaning)
        return true;
    while (*list != OP_COUNT && *list != op)
        list++;
    return *list != OP_COUNT;
}

static bool all_take_f32(const Value *v)
{
    static const Op takers[] = {OP_Softmax, OP_LayerNormalization, OP_RMSNormalization, OP_InstanceNormalization,
                                OP_GroupNormalization, OP_ChannelMoments, OP_NormApply, OP_COUNT};
    bool all = value_is_read(v) && !v->graph_output;
    for (int k = 0; k < v->n_uses; k++)
        all &= is_among(v->uses[k]->op, takers);
    return all;
}

DType kept_type(const Value *v)
{
    static const Op makers[] = {OP_Conv, OP_MatMul, OP_Reshape, OP_LayerNormalization, OP_RMSNormalization,
                                OP_InstanceNormalization, OP_GroupNormalization, OP_NormApply, OP_COUNT};
    if (!v->def || !dtype_is_half(v->dtype) || !is_among(v->def->op, makers))
        return v->dtype;
    bool looked_at = v->n_uses == 1 && v->uses[0]->op == OP_Reshape && !v->graph_output;
    return all_take_f32(looked_at ? v->uses[0]->out[0] : v) ? DT_F32 : v->dtype;
}

bool op_is_random(Op op)
{
    return op == OP_RandomNormal || op == OP_RandomUniform || op == OP_RandomNormalLike || op == OP_RandomUniformLike;
}

bool slice_is_whole(const Node *n)
{
    if (!shape_equal(&n->in[0]->shape, &n->out[0]->shape))
        return false;
    int64_t steps[MAX_RANK];
    int count = input_of(n, 4) ? ints_of(n, 4, "steps", steps, MAX_RANK) : 0;
    for (int k = 0; k < count; k++)
        if (steps[k] < 0)
            return false;
    return true;
}

bool dropout_is_identity(const Node *n)
{
    Value *training = input_of(n, 2), *ratio = input_of(n, 1);
    if (!training)
        return true;
    if (!is_constant(training))
        return false;
    return float_of(n, 2, "training_mode") == 0 || (is_constant(ratio) && float_of(n, 1, "ratio") == 0);
}
