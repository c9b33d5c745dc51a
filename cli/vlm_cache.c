/* vlm_cache.c: see vlm_cache.h. */
#include "vlm_cache.h"

#include <string.h>

#include "../runtime/runtime.h"

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* The input that v is, past joins with nothing, which an empty cache leaves; NULL when it is none. */
static Value *past_input(Value *v)
{
    while (v->def && v->def->op == OP_Concat) {
        Value *full = NULL;
        for (int k = 0; k < v->def->n_in; k++) {
            Value *part = v->def->in[k];
            bool empty = part->tensor && part->tensor->count == 0;
            if (!empty && full)
                return NULL;
            full = empty ? full : part;
        }
        if (!full)
            return NULL;
        v = full;
    }
    return v->def || v->tensor ? NULL : v;
}

/* Inputs that say how a decoder is used become constants: optimum's merged ones have an If for the first tokens, which pass
 * without a cache, and those of transformers.js may give logits of the last token alone. */
static void set_switches(Graph *g)
{
    static const char *const switches[] = {"use_cache_branch", "num_logits_to_keep"};
    for (size_t s = 0; s < sizeof switches / sizeof *switches; s++) {
        const int k = graph_find_input(g, switches[s]);
        if (k < 0)
            continue;
        value_replace(g->inputs[k], value_float(g, g->inputs[k]->dtype, 1));
        g->n_inputs--;
        for (int j = k; j < g->n_inputs; j++)
            g->inputs[j] = g->inputs[j + 1];
    }
    pass_fold(g);
}

/* Outputs that join an input and something new become the new part; the input stays where it is. */
static void cut_cache(Graph *g, bool logits)
{
    set_switches(g);
    int kept = 0;
    for (int k = 0; k < g->n_outputs; k++) {
        Value *v = g->outputs[k];
        const char *name = g->output_names[k];
        if (begins(name, "present.")) {
            const Node *join = v->def;
            Value *past = join && join->op == OP_Concat && join->n_in == 2 ? past_input(join->in[0]) : NULL;
            if (!past || !join->in[1]->def)
                fail(SDC_UNSUPPORTED, "%s: output %s does not join past and new keys or values", g->model->path, name);
            v->graph_output = false;
            past->stays = true;
            v = join->in[1];
        } else if (!logits) {
            v->graph_output = false;
            continue;
        }
        v->graph_output = true;
        g->outputs[kept] = v;
        g->output_names[kept++] = name;
    }
    g->n_outputs = kept;
    if (kept < 2)
        fail(SDC_UNSUPPORTED, "%s: has no outputs present.*", g->model->path);
}

void keep_cache_and_logits(Graph *g) { cut_cache(g, true); }
void keep_cache(Graph *g) { cut_cache(g, false); }
