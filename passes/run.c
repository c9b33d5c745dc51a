/* run: the passes in order, with the checker between. */
#include <string.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"

static const struct { const char *name; Pass *pass; } order[] = {
    {"masked", pass_masked}, {"infer", pass_infer}, {"fold", pass_fold}, {"simplify", pass_simplify},
    {"attention", pass_attention}, {"decompose", pass_decompose},
    {"fold", pass_fold},   {"simplify", pass_simplify},
};

void run_passes(Graph *g, const Bindings *b, const char *until)
{
    g->model->no_fuse = b->no_fuse;
    pass_bind(g, b);
    graph_check(g, "bind");
    if (until && !strcmp(until, "bind"))
        return;
    bool found = !until;
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        order[k].pass(g);
        graph_check(g, order[k].name);
        if (until && !strcmp(until, order[k].name)) {
            found = true;
            break;
        }
    }
    if (!found)
        fail(SDC_USAGE, "--after %s: no such pass; there are bind, masked, infer, fold, simplify, attention, decompose", until);
}
