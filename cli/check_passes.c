/* check_passes.c: does every pass keep the results?
 *
 * The graph is evaluated in double precision after each pass, from the first fold on, on the same random inputs, and
 * compared with what it gave first.  Before that constants are not yet rounded to their types, and a bucket of T5's
 * positions, an integer part of a logarithm, may be another one.  Limit: a relative RMS of 1e-6, or 1e-3 with float16 or bfloat16 results: a constant that a pass computes is
 * rounded to its type, and so is an epsilon or a scale that it moves. */
#include <math.h>
#include <string.h>

#include "verify.h"

typedef struct {
    const Options *options;
    Input *inputs;
    Array **first;                  /* what the graph gave after the first pass */
    int failed;
} PassCheck;

static double worst_difference(const Graph *g, Array *const *got, Array *const *wanted, double *excess)
{
    double worst = 0;
    *excess = 0;
    for (int k = 0; k < g->n_outputs; k++) {
        const SdcArray a = array_view(got[k]), b = array_view(wanted[k]);
        Difference d = compare(&a, &b, 0, 0);
        double limit = dtype_is_half(got[k]->dtype) ? 1e-3 : got[k]->f ? 1e-6 : 0;
        double rms = d.same_shape && got[k]->dtype == wanted[k]->dtype ? d.rms : INFINITY;
        worst = rms > worst ? rms : worst;
        *excess = rms > limit && rms > *excess ? rms : *excess;
    }
    return worst;
}

/* What follows such a pass keeps the results of that. */
static bool changes_results(const char *pass, const Options *o)
{
    return (!strcmp(pass, "precision") && dtype_is_half(o->dtype)) || (!strcmp(pass, "quantise") && o->weights.bits) ||
           (!strcmp(pass, "grad") && o->gradients.count);
}

static void watch(Graph *g, const char *pass, void *context)
{
    PassCheck *c = context;
    Array **got = alloc_array(g->n_outputs + 1, sizeof *got);
    double excess;
    if (!c->inputs && strcmp(pass, "fold"))
        return;
    if (!c->inputs)
        c->inputs = random_inputs(g, c->options);
    run_oracle(g, c->inputs, got, true, NULL, NULL);
    if (changes_results(pass, c->options))
        c->first = NULL;
    if (!c->first) {
        c->first = got;
        printf("%-12s %5d nodes\n", pass, graph_count(g));
        return;
    }
    double worst = worst_difference(g, got, c->first, &excess);
    printf("%-12s %5d nodes, relative rms %.2g%s\n", pass, graph_count(g), worst, excess > 0 ? "  FAILED" : "");
    c->failed += excess > 0;
    for (int k = 0; k < g->n_outputs; k++)
        array_free(got[k]);
}

int check_passes(Graph *g, const Bindings *b, const Options *o)
{
    PassCheck c = {.options = o};
    watch_passes(g, b, NULL, watch, &c);
    return c.failed ? SDC_BUG : SDC_OK;
}
