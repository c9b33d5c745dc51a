/* bisect.c: which node's result is the first to differ from the oracle's. */
#include "verify.h"

static void add_outputs(Graph *g, Node **nodes, int *count)
{
    for (Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] && !n->out[k]->constant && !n->out[k]->graph_output) {
                n->out[k]->name = text_format("v%d", n->out[k]->id);
                nodes[g->n_outputs] = n;
                graph_output(g, n->out[k]);
                (*count)++;
            }
}

int bisect(Graph *g, const Input *inputs, const Options *o)
{
    double limit = o->rms > 0 ? o->rms : 1e-4;
    int count = 0, room = graph_count(g) * 4 + g->n_outputs + 1;
    Node **nodes = alloc_array(room, sizeof *nodes);
    add_outputs(g, nodes, &count);
    Array **wanted = alloc_array(g->n_outputs + 1, sizeof *wanted), **got = alloc_array(g->n_outputs + 1, sizeof *got);
    run_oracle(g, inputs, wanted, true, NULL, NULL);
    run_compiled(g, inputs, got, o);
    for (Node *n = g->first; n; n = n->next)
        for (int k = 0; k < g->n_outputs; k++) {
            if (nodes[k] != n)
                continue;
            const SdcArray a = array_view(got[k]), b = array_view(wanted[k]);
            Difference d = compare(&a, &b, 1e-3, 1e-7);
            if (d.same_shape && d.rms <= limit)
                continue;
            printf("n%d %s '%s' -> %s is the first that differs: relative rms %.3g, largest difference %.3g\n", n->id,
                   op_info(n->op)->name, n->name ? n->name : "", shape_text(&wanted[k]->shape), d.rms, d.worst);
            return SDC_BAD_INPUT;
        }
    printf("all %d results agree within relative rms %g\n", count, limit);
    return SDC_OK;
}
