/* clip_skip.c: see clip_skip.h.  Exports of Stable Diffusion 1 and 2 give a text encoder's last layer alone:
 *
 *      last_hidden_state = LayerNormalization(x);  x = y + mlp(norm(y));  y = z + attention(norm(z))
 *
 * where z is of the layer before.
 * What a layer adds to is read twice, by its norm and by the sum, and what it adds once, by the sum. */
#include "../runtime/runtime.h"
#include "clip_skip.h"

/* What x adds something to; NULL when it is no such sum. */
static Value *added_to(const Value *x)
{
    const Node *n = x->def;
    if (!n || n->op != OP_Add || !n->in[0] || !n->in[1])
        return NULL;
    const bool first = n->in[0]->n_uses == 2, second = n->in[1]->n_uses == 2;
    return first == second ? NULL : n->in[first ? 0 : 1];
}

static Node *final_norm(const Graph *g)
{
    int k = graph_find_output(g, "last_hidden_state");
    Node *n = k < 0 ? NULL : g->outputs[k]->def;
    return n && n->op == OP_LayerNormalization ? n : NULL;
}

void clip_skip_outputs(Graph *g, int64_t layers)
{
    Node *norm = final_norm(g);
    Value *x = norm ? norm->in[0] : NULL;
    for (int64_t k = 2; k <= layers; k++) {
        x = x ? added_to(x) : NULL;
        x = x ? added_to(x) : NULL;
        if (!x)
            fail(SDC_UNSUPPORTED, "%s: --clip-skip %lld: %s", g->model->path, (long long)layers,
                 norm ? text_format("only %lld layers of CLIP's text encoder are found in front of last_hidden_state",
                                    (long long)k - 1)
                      : "there is no output last_hidden_state that is a LayerNormalization");
        Node *copy = node_copy(norm, norm);
        node_set_input(copy, 0, x);
        copy->out[0]->name = text_format("clip_skip.%lld", (long long)k);
        graph_output(g, copy->out[0]);
    }
}
