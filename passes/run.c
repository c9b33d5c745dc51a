/* run: the passes in order, with the checker between. */
#include <string.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"

static const struct { const char *name; Pass *pass; } order[] = {
    {"masked", pass_masked}, {"infer", pass_infer}, {"upcast", pass_upcast}, {"fold", pass_fold}, {"simplify", pass_simplify},
    {"norm", pass_norm}, {"activation", pass_activation}, {"grad", pass_grad}, {"attention", pass_attention}, {"rotary", pass_rotary},
    {"decompose", pass_decompose}, {"fold", pass_fold}, {"simplify", pass_simplify}, {"projection", pass_projection},
    {"gate", pass_gate}, {"concat", pass_concat}, {"fold", pass_fold}, {"integers", pass_integers},
    {"quantise", pass_quantise}, {"precision", pass_precision}, {"hoist", pass_hoist}, {"strips", pass_strips}, {"fuse", pass_fuse},
};
enum { PASSES = sizeof order / sizeof *order };

_Noreturn static void unknown_pass(const char *name)
{
    char *list = "bind";
    for (int k = 0; k < PASSES; k++) {
        bool again = false;
        for (int j = 0; j < k; j++)
            again |= !strcmp(order[j].name, order[k].name);
        if (!again)
            list = text_format("%s, %s", list, order[k].name);
    }
    fail(SDC_USAGE, "--after %s: no such pass; there are %s", name, list);
}

void run_passes(Graph *g, const Bindings *b, const char *until)
{
    watch_passes(g, b, until, NULL, NULL);
}

void run_passes_from(Graph *g, const char *from)
{
    int k = 0;
    while (strcmp(order[k].name, from))
        k++;
    for (; k < PASSES; k++) {
        order[k].pass(g);
        graph_check(g, order[k].name);
    }
}

void watch_passes(Graph *g, const Bindings *b, const char *until, PassWatcher *watch, void *context)
{
    g->model->no_fuse = b->no_fuse;
    g->model->block = b->block ? b->block : 1;
    g->model->dtype = b->dtype;
    g->model->exact = b->exact;
    g->model->weights = b->weights;
    g->model->choices = b->choices;
    g->model->calibration = b->calibration;
    g->model->gradients = b->gradients;
    g->model->n_gradients = b->n_gradients;
    g->model->pack_winograd = b->pack_winograd;
    pass_bind(g, b);
    graph_check(g, "bind");
    bool found = !until || !strcmp(until, "bind");
    for (int k = 0; k < PASSES && !(until && found); k++) {
        order[k].pass(g);
        graph_check(g, order[k].name);
        if (watch)
            watch(g, order[k].name, context);
        found |= until && !strcmp(until, order[k].name);
    }
    if (!found)
        unknown_pass(until);
}
