/* masked: torch's masked_scatter, whose export takes the detour over an extent that depends on the data, becomes one
 * operator with a static shape.
 *
 *   needs:   imported graph (runs before infer, which could not give NonZero a shape)
 *   spells:  i = Transpose(NonZero(mask)); ScatterND(x, i, Slice(source, 0, Gather(Shape(i), 0)))
 *   leaves:  MaskedScatter(x, mask, source); its shape rule checks that the mask has x's shape                      */
#include <string.h>

#include "../ir/sdc.h"

static Node *made_by(const Value *v, Op op)
{
    return v && v->def && v->def->op == op ? v->def : NULL;
}

/* A constant all of whose elements equal c; an absent optional operand counts as one. */
static bool all_equal(const Value *v, int64_t c)
{
    if (!v)
        return true;
    for (int64_t k = 0; v->tensor && k < v->tensor->count; k++)
        if (dtype_load_i(v->dtype, (const char *)v->tensor->data + k * dtype_info(v->dtype)->bytes) != c)
            return false;
    return v->tensor && !dtype_is_float(v->dtype);
}

/* Is v the number of rows of `indices`: Shape, then element 0, in any rank? */
static bool counts_rows(const Value *v, const Value *indices)
{
    const Node *n = v ? v->def : NULL;
    while (n && (n->op == OP_Unsqueeze || n->op == OP_Reshape || n->op == OP_Cast || n->op == OP_Squeeze))
        n = input_of(n, 0) ? n->in[0]->def : NULL;
    if (!n || n->op != OP_Gather || !all_equal(input_of(n, 1), 0))
        return false;
    const Node *shape = made_by(input_of(n, 0), OP_Shape);
    return shape && input_of(shape, 0) == indices;
}

/* True when n was replaced. */
static bool rewrite(Node *n)
{
    const Node *turn = made_by(n->in[1], OP_Transpose), *cut = made_by(n->in[2], OP_Slice);
    const Node *found = turn ? made_by(input_of(turn, 0), OP_NonZero) : NULL;
    int64_t perm[2];
    if (!output_of(n, 0) || !found || !cut || strcmp(attr_s(n, "reduction"), "none"))
        return false;
    if (attr_ints(turn, "perm", perm, 2) != 2 || perm[0] != 1)
        return false;
    if (!all_equal(input_of(cut, 1), 0) || !all_equal(input_of(cut, 3), 0) || !all_equal(input_of(cut, 4), 1) ||
        !counts_rows(input_of(cut, 2), n->in[1]))
        return false;
    Value *in[] = {n->in[0], input_of(found, 0), input_of(cut, 0)};
    Node *masked = node_new(n->graph, n, OP_MaskedScatter, 3, in, 1);
    masked->name = n->name;
    masked->out[0]->name = n->out[0]->name;
    value_replace(n->out[0], masked->out[0]);
    return true;
}

void pass_masked(Graph *g)
{
    bool any = false;
    for (Node *n = g->first; n; n = n->next)
        if (n->op == OP_ScatterND && n->n_in == 3)
            any |= rewrite(n);
    if (any)
        graph_sweep(g);
}
