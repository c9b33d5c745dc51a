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

const char *float_meaning(const Node *n)
{
    bool cast = n->op == OP_Cast && dtype_is_single(n->in[0]->dtype) && dtype_is_single(n->out[0]->dtype);
    return cast ? "x" : op_info(n->op)->float_meaning;
}

/* Is it an elementwise node, or one of the list? */
static bool is_among(const Node *n, const Op *list)
{
    if (op_info(n->op)->float_meaning || (n->op == OP_Cast && n->out[0]->dtype == DT_F32))
        return true;
    while (*list != OP_COUNT && *list != n->op)
        list++;
    return *list != OP_COUNT;
}

static bool all_read_by(const Value *v, const Op *list)
{
    bool all = value_is_read(v) && !v->graph_output;
    for (int k = 0; k < v->n_uses; k++)
        all &= v->uses[k]->op == OP_TableRow ? all_read_by(v->uses[k]->out[0], list) : is_among(v->uses[k], list);
    return all;
}

/* Who alone reads v, or its row when it is a table; NULL when there are several. */
static const Node *single_reader(const Value *v)
{
    if (v->n_uses != 1 || v->graph_output)
        return NULL;
    return v->uses[0]->op == OP_TableRow ? single_reader(v->uses[0]->out[0]) : v->uses[0];
}

/* Is v of a half type, made in f32 and, perhaps behind a Reshape, read only by elementwise nodes and those of the list? */
static bool stays_wide(const Value *v, const Op *readers)
{
    static const Op makers[] = {OP_Conv, OP_MatMul, OP_Fused, OP_Reshape, OP_LayerNormalization, OP_RMSNormalization,
                                OP_InstanceNormalization, OP_GroupNormalization, OP_NormApply, OP_COUNT};
    if (!v->def || !dtype_is_half(v->dtype) || !is_among(v->def, makers))
        return false;
    const Node *reader = single_reader(v);
    return all_read_by(reader && reader->op == OP_Reshape ? reader->out[0] : v, readers);
}

/* The table whose row v is, or v. */
static const Value *table_of(const Value *v)
{
    return v->def && v->def->op == OP_TableRow ? v->def->in[0] : v;
}

const Node *quantized_weight(const Value *v)
{
    const Node *n = v->constant ? v->def : NULL;
    while (n && (n->op == OP_Cast || n->op == OP_Reshape))
        n = n->in[0]->def;
    return n && n->op == OP_QuantizedWeight ? n : NULL;
}

DType rounded_type(const Value *v)
{
    static const Op readers[] = {OP_Softmax, OP_LayerNormalization, OP_RMSNormalization, OP_InstanceNormalization,
                                 OP_GroupNormalization, OP_ChannelMoments, OP_NormApply, OP_COUNT};
    return stays_wide(table_of(v), readers) || quantized_weight(v) ? DT_F32 : v->dtype;
}

bool is_code(const Value *v)
{
    const Node *n = v->def;
    if (n && n->op == OP_Fused)
        n = attr_find(n, "body")->graph->outputs[0]->def;
    return n && n->op == OP_ActivationCode;
}

/* Codes of which nothing but products and convolutions reads all. */
static bool is_multiplied(const Value *v)
{
    bool all = v->n_uses && !v->graph_output;
    for (int k = 0; k < v->n_uses; k++) {
        const Node *n = v->uses[k];
        all &= (n->op == OP_MatMul || n->op == OP_Gemm || n->op == OP_Conv) && n->in[0] == v;
    }
    return all;
}

/* Scores, which a softmax reads, are in memory all the same, and what is cast to f32; elementwise nodes read registers
 * in a fused node alone. */
DType kept_type(const Value *row)
{
    static const Op readers[] = {OP_Softmax, OP_COUNT};
    const Value *v = table_of(row);
    if (dtype_is_single(v->dtype) && is_code(v) && is_multiplied(v))
        return DT_I8;
    bool in_registers = v->graph->fused && stays_wide(v, readers);
    const Node *reader = single_reader(v);
    bool alone = reader && (reader->op == OP_Softmax || reader->op == OP_Cast) && stays_wide(v, readers);
    return in_registers || alone ? DT_F32 : v->dtype;
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
