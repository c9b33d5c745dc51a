/* patches.c: the part of a transformer that makes tokens of latents, as a graph of its own.
 *
 *      hidden_states -> Conv (one step a patch) -> Reshape, Transpose -> Add (positions) -> the tokens
 *
 * The ControlNets of Stable Diffusion 3.5 large have no such part: they take the transformer's tokens. */
#include "patches.h"

#include "../runtime/runtime.h"

/* The only reader of v beside those that ask for its shape; NULL when there is none, or several. */
static Node *reader(const Value *v)
{
    Node *found = NULL;
    for (int k = 0; k < v->n_uses; k++) {
        if (v->uses[k]->op == OP_Shape)
            continue;
        if (found)
            return NULL;
        found = v->uses[k];
    }
    return found;
}

bool takes_patches(const Graph *g, const char *sample)
{
    int k = graph_find_input(g, sample);
    return k >= 0 && g->inputs[k]->shape.rank == 3;
}

void cut_patches(Graph *g, const char *sample)
{
    enum { STEPS = 8 };
    int at = graph_find_input(g, sample);
    Value *latents = at < 0 ? NULL : g->inputs[at], *v = latents;
    Node *n = v ? reader(v) : NULL;
    bool is_patches = n && n->op == OP_Conv;
    for (int k = 0; n && k < STEPS && n->op != OP_Add; k++) {
        v = n->out[0];
        n = reader(v);
    }
    if (!is_patches || !n || n->op != OP_Add)
        fail(SDC_UNSUPPORTED, "%s: does not begin with a convolution and positions, which the ControlNet needs",
             g->model->path);
    graph_drop_outputs(g);
    n->out[0]->name = "tokens";
    graph_output(g, n->out[0]);
    graph_sweep(g);
    g->inputs[0] = latents;
    g->n_inputs = 1;
}
