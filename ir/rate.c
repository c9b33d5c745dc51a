/* rate.c: how often a value changes: with the prompt, the timestep or the sample that a run is given. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "sdc.h"

static const struct { const char *name; unsigned rate; } names[] = {
    {"prompt", RATE_PROMPT}, {"timestep", RATE_TIMESTEP}, {"sample", RATE_SAMPLE}};

unsigned rate_by_name(const char *name)
{
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (!strcmp(names[k].name, name))
            return names[k].rate;
    return 0;
}

const char *rate_name(unsigned rate)
{
    size_t k = 0;
    while (names[k].rate != rate)
        k++;
    return names[k].name;
}

static unsigned node_rate(const Node *n, const unsigned char *rates);

/* All that the nodes of a subgraph read and do. */
static unsigned body_rate(const Graph *g, unsigned char *rates)
{
    unsigned all = 0;
    for (int k = 0; k < g->n_inputs; k++)           /* given by the node that runs it, whose operands count there */
        rates[g->inputs[k]->id] = 0;
    for (const Node *n = g->first; n; n = n->next) {
        unsigned rate = node_rate(n, rates);
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                rates[n->out[k]->id] = (unsigned char)rate;
        all |= rate;
    }
    return all;
}

static unsigned node_rate(const Node *n, const unsigned char *rates)
{
    unsigned rate = op_is_random(n->op) ? RATE_SAMPLE : 0;
    if (n->op == OP_Tabulate || n->op == OP_TableRow)
        return n->op == OP_Tabulate ? RATE_TIMESTEP : RATE_SAMPLE;
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k])
            rate |= rates[n->in[k]->id];
    for (int a = 0; a < n->n_attrs; a++)
        if (n->attrs[a].graph)
            rate |= body_rate(n->attrs[a].graph, (unsigned char *)(uintptr_t)rates);
    return rate;
}

unsigned char *value_rates(const Graph *g)
{
    unsigned char *rates = calloc((size_t)g->model->next_value + 1, 1);
    if (!rates)
        fail(SDC_NO_SPACE, "out of memory");
    for (int k = 0; k < g->n_inputs; k++)
        rates[g->inputs[k]->id] = g->inputs[k]->rate == RATE_PROMPT ? RATE_PROMPT : RATE_SAMPLE;
    for (const Node *n = g->first; n; n = n->next) {
        unsigned rate = node_rate(n, rates);
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                rates[n->out[k]->id] = (unsigned char)rate;
    }
    return rates;
}

Pace node_pace(const Node *n, const unsigned char *rates)
{
    unsigned rate = n->n_out && n->out[0] ? rates[n->out[0]->id] : RATE_SAMPLE;
    if (rate == RATE_PROMPT)
        return PACE_PROMPT;
    return rate & RATE_TIMESTEP && !(rate & RATE_SAMPLE) ? PACE_BLOCK : PACE_STEP;
}
