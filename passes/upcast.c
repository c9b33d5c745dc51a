/* upcast: what a model has in f16 or bf16 is computed in f32, where --dtype names a type.
 *
 *   needs:   static shapes and types; before fold, so that small constants are folded as f32
 *   leaves:  no half type but of inputs, of constants and what Casts make of either, of the two edges below; pass_precision
 *            then finds f32 to make narrow as it would in a model that was exported so
 *   keeps:   inputs, outputs and their types, which Casts stand beside; every result but for rounding, and range
 *
 * An autoencoder that was trained in f32 leaves the range of f16 (AutoencoderKL's force_upcast): its pictures are black then.
 * Large constants stay what they are, behind Casts: recipes, which are evaluated when they are packed.  Nodes with subgraphs
 * are left alone, and so is what they and their bodies read. */
#include "../runtime/runtime.h"
#include "decompose.h"

typedef struct {
    Value **cast;                   /* by id: v in f32 */
    DType *was;                     /* by id: the half type that v had; DT_NONE: it has its own still */
} Upcast;

static bool holds_subgraph(const Node *n)
{
    for (int k = 0; k < n->n_attrs; k++)
        if (n->attrs[k].type == ATTR_GRAPH)
            return true;
    return false;
}

/* Operands become f32, each value once. */
static void widen_operands(Upcast *u, Node *n)
{
    for (int k = 0; k < n->n_in; k++) {
        Value *v = n->in[k];
        if (!v || !dtype_is_half(v->dtype))
            continue;
        if (!u->cast[v->id])
            u->cast[v->id] = make_cast(n, v, DT_F32);
        node_set_input(n, k, u->cast[v->id]);
    }
}

static void visit(Upcast *u, Node *n)
{
    DType *before = alloc_array(n->n_out + 1, sizeof *before);
    for (int k = 0; k < n->n_out; k++)
        before[k] = n->out[k] ? n->out[k]->dtype : DT_NONE;
    if (n->op != OP_Cast)
        widen_operands(u, n);
    else if (dtype_is_half(before[0]))
        attr_set_i(n, "to", DT_F32);
    infer_node(n);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && n->out[k]->dtype == DT_F32 && dtype_is_half(before[k]))
            u->was[n->out[k]->id] = before[k];
    fold_node(n);
}

/* v as it was, for those that are left alone. */
static void keep_captures(Upcast *u, Graph *g, Value *v)
{
    Value *narrow = NULL;
    for (int k = 0; k < v->n_uses; k++) {
        Node *reader = v->uses[k];
        if (reader->graph == g && !holds_subgraph(reader))
            continue;
        if (!narrow)
            narrow = make_cast(v->def->next, v, u->was[v->id]);
        for (int j = 0; j < reader->n_in; j++)
            if (reader->in[j] == v)
                node_set_input(reader, j, narrow);
        k = -1;                                     /* the uses changed */
    }
}

void pass_upcast(Graph *g)
{
    if (g->model->dtype == DT_NONE)
        return;
    enum { GROWTH = 3 };                            /* of each value a cast to f32 and one back */
    const int64_t room = (int64_t)g->model->next_value * GROWTH + 1;
    Upcast u = {alloc_array(room, sizeof *u.cast), alloc_array(room, sizeof *u.was)};
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (!holds_subgraph(n))
            visit(&u, n);
    }
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] && u.was[n->out[k]->id])
                keep_captures(&u, g, n->out[k]);
    }
    for (int k = 0; k < g->n_outputs; k++)
        if (u.was[g->outputs[k]->id])
            cast_output(g, k, u.was[g->outputs[k]->id]);
    graph_sweep(g);
}
