/* check.c: is a graph well formed?  Runs after every pass; what it finds is our bug and names the pass. */
#include <stdlib.h>

#include "sdc.h"

typedef struct {
    const char *after;
    bool *defined;                  /* by Value.id */
    int *operands;                  /* by Value.id: operands counted, to compare with n_uses */
    const Value **seen;             /* by Value.id */
} Check;

static void check_value(const Check *c, const Node *n, const Value *v)
{
    if (v->n_uses < 0 || v->id < 0)
        bug("after %s: n%d (%s) has a broken operand", c->after, n->id, op_info(n->op)->name);
    if (v->tensor && !v->constant)
        bug("after %s: v%d has a tensor but is not constant", c->after, v->id);
    if (!v->tensor && !c->defined[v->id])
        bug("after %s: n%d (%s) uses v%d before it is defined", c->after, n->id, op_info(n->op)->name, v->id);
    if (v->tensor && (v->dtype != v->tensor->dtype || !shape_equal(&v->shape, &v->tensor->shape)))
        bug("after %s: v%d and its tensor disagree on type or shape", c->after, v->id);
}

static void define(const Check *c, const Value *v)
{
    if (c->defined[v->id])
        bug("after %s: v%d is defined twice", c->after, v->id);
    c->defined[v->id] = true;
}

static void check_graph(const Check *c, const Graph *g)
{
    for (int k = 0; k < g->n_inputs; k++)
        define(c, g->inputs[k]);
    const Node *prev = NULL;
    for (const Node *n = g->first; n; prev = n, n = n->next) {
        if (n->prev != prev || n->graph != g)
            bug("after %s: n%d (%s) is linked wrongly", c->after, n->id, op_info(n->op)->name);
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k]) {
                check_value(c, n, n->in[k]);
                c->operands[n->in[k]->id]++;
                c->seen[n->in[k]->id] = n->in[k];
            }
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                check_graph(c, n->attrs[a].graph);
        for (int k = 0; k < n->n_out; k++) {
            if (!n->out[k])
                continue;
            if (n->out[k]->def != n)
                bug("after %s: v%d does not know its node n%d", c->after, n->out[k]->id, n->id);
            define(c, n->out[k]);
        }
    }
    for (int k = 0; k < g->n_outputs; k++)
        if (!g->outputs[k]->tensor && !c->defined[g->outputs[k]->id])
            bug("after %s: output %d (v%d) is not defined", c->after, k, g->outputs[k]->id);
}

void graph_check(const Graph *g, const char *after)
{
    size_t count = (size_t)g->model->next_value + 1;
    Check c = {after, calloc(count, sizeof *c.defined), calloc(count, sizeof *c.operands), calloc(count, sizeof *c.seen)};
    check_graph(&c, g);
    for (size_t id = 0; id < count; id++)
        if (c.seen[id] && c.operands[id] != c.seen[id]->n_uses)
            bug("after %s: v%d has %d uses recorded and %d operands", after, (int)id, c.seen[id]->n_uses, c.operands[id]);
    free(c.defined);
    free(c.operands);
    free(c.seen);
}
