/* hoist: what follows from the timestep, and perhaps the prompt, is computed for a block of timesteps at once.
 *
 *      temb = MatMul(Swish(MatMul(sin(timestep), A)), B)                       [2,1280]
 *      becomes   table = ... the same of Tabulate(timestep) ...                [16,2,1280]
 *                temb = TableRow(table)
 *
 *   needs:   static shapes, folded constants, rates of inputs; before fuse, which sees the tables' nodes like any others
 *   leaves:  Tabulate on each input that is a timestep, nodes that compute tables (rate.c: pace `block`), and TableRow
 *            where the step reads them.  What is left behind of the nodes that were tabulated is gone
 *   keeps:   every result exactly: a row of a product does not depend on how many rows there are
 *
 * So each weight is read once a block instead of once a step.  That is the gain, hence what is tabulated: products with
 * constant matrices that have few rows a timestep, everything they follow from, and the bias and activation behind
 * them.  Products of many rows keep the processor busy as they are, and their tables would be large. */
#include <stdlib.h>

#include "../runtime/runtime.h"
#include "decompose.h"
#include "tabulate.h"

enum { FEW_ROWS = 64, MOST_ELEMENTS = 1 << 17 };    /* of a product a timestep; of any value in a row of its table */

/* ---- which nodes ------------------------------------------------------------------------------------------------- */

/* Whether each operand is a table, or the same for all timesteps until the prompt changes. */
static bool operands_hold(const Tables *t, const Node *n, const unsigned char *rates)
{
    bool any = false;
    for (int k = 0; k < n->n_in; k++) {
        const Value *v = n->in[k];
        if (!v)
            continue;
        any |= t->varies[v->id];
        if (!t->varies[v->id] && !v->constant && rates[v->id] != RATE_PROMPT)
            return false;
    }
    return any;
}

static bool is_small(const Node *n)
{
    bool small = true;
    for (int k = 0; k < n->n_out; k++)
        small &= !n->out[k] || shape_count(&n->out[k]->shape) <= MOST_ELEMENTS;
    return small;
}

static void mark(Tables *t, const Node *n, bool varies)
{
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            t->varies[n->out[k]->id] = varies;
}

/* A product that reads its weights for few rows. */
static bool is_worth_it(const Node *n)
{
    if ((n->op != OP_MatMul && n->op != OP_Gemm) || !is_constant(n->in[1]))
        return false;
    const Shape *y = &n->out[0]->shape;
    return shape_count(y) <= FEW_ROWS * y->dim[y->rank - 1];
}

static bool feeds(const Node *n, const bool *kept)
{
    for (int k = 0; k < n->n_out; k++)
        for (int j = 0; n->out[k] && j < n->out[k]->n_uses; j++)
            if (kept[n->out[k]->uses[j]->id])
                return true;
    return false;
}

/* Elementwise on what a product has just made, of which nothing else is read. */
static bool finishes(const Node *n, const bool *kept)
{
    for (int k = 0; op_info(n->op)->elementwise && k < n->n_in; k++) {
        const Value *v = n->in[k];
        if (v && v->def && kept[v->def->id] && v->n_uses == 1 && !v->graph_output &&
            (is_worth_it(v->def) || op_info(v->def->op)->elementwise) && shape_equal(&v->shape, &n->out[0]->shape))
            return true;
    }
    return false;
}

/* The nodes that are tabulated, by Node.id; t->varies says it of their results. */
static bool *choose(Graph *g, Tables *t)
{
    bool *kept = alloc_array(g->model->next_node + 1, sizeof *kept);
    unsigned char *rates = value_rates(g);
    for (Node *n = g->first; n; n = n->next)
        mark(t, n, operands_hold(t, n, rates) && is_small(n) && can_tabulate(t, n));
    for (Node *n = g->last; n; n = n->prev)
        kept[n->id] = n->n_out && n->out[0] && t->varies[n->out[0]->id] && (is_worth_it(n) || feeds(n, kept));
    for (Node *n = g->first; n; n = n->next) {
        bool candidate = n->n_out && n->out[0] && t->varies[n->out[0]->id];
        kept[n->id] |= candidate && operands_hold(t, n, rates) && finishes(n, kept);
        mark(t, n, kept[n->id]);
    }
    free(rates);
    return kept;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void tabulate_inputs(Graph *g, Tables *t)
{
    for (int k = 0; k < g->n_inputs; k++) {
        if (!t->varies[g->inputs[k]->id])
            continue;
        Node *n = begun(g->first, OP_Tabulate, 1, &g->inputs[k]);
        attr_set_i(n, "rows", t->rows);
        t->full[g->inputs[k]->id] = finished(n);
    }
}

static bool leaves(const Value *v, const bool *kept)
{
    bool outside = v->graph_output;
    for (int k = 0; k < v->n_uses; k++)
        outside |= !kept[v->uses[k]->id];
    return outside;
}

/* Rows of the tables in the place of what the step reads. */
static void read_rows(Node *n, Tables *t, const bool *kept)
{
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && leaves(n->out[k], kept))
            value_replace(n->out[k], make1(n, OP_TableRow, full_table(t, n->out[k])));
}

void pass_hoist(Graph *g)
{
    if (!fuses(g, FUSION_hoist) || !g->first)
        return;
    int values = g->model->next_value + 1;
    Tables t = {g->model->block, alloc_array(values, sizeof *t.varies), alloc_array(values, sizeof *t.full),
                alloc_array(values, sizeof *t.merged)};
    for (int k = 0; k < g->n_inputs; k++)
        t.varies[g->inputs[k]->id] = g->inputs[k]->rate == RATE_TIMESTEP && g->inputs[k]->shape.rank < MAX_RANK;
    int nodes = g->model->next_node;
    const bool *kept = choose(g, &t);
    Node *last = g->last;
    tabulate_inputs(g, &t);
    for (Node *n = g->first; n; n = n->next)
        if (n->id < nodes && kept[n->id])
            tabulate(&t, n);
    for (Node *n = last; n; n = n->prev)
        if (n->id < nodes && kept[n->id])
            read_rows(n, &t, kept);
    graph_sweep(g);
}
