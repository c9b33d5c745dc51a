/* test_recognise.c: are norms, activations and rotary embeddings found in every spelling, and only there?
 *
 *      test_recognise SOURCE_FOLDER
 *
 * Each graph of recognise.txt is evaluated in double precision as it is written and after passes norm,
 * activation and rotary.  Both must agree to the rounding of constants.  A case's head is "NAME = OP... [! REASON]": the operators
 * that must be left, in order, and a part of the reason for the first miss; without one there must be no miss. */
#include "cases.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static bool same_results(Graph *g, Array *const *before, Array *const *after)
{
    for (int k = 0; k < g->n_outputs; k++) {
        double d = difference(before[k], after[k]), most = g->outputs[k]->dtype == DT_F16 ? 1e-3 : 1e-6;
        if (d > most)
            printf("output %d differs by %g\n", k, d);
        if (!(d <= most))
            return false;
    }
    return true;
}

/* The operators, those of subgraphs in brackets. */
static char *operators(const Graph *g)
{
    char *text = "";
    for (const Node *n = g->first; n; n = n->next) {
        text = format("%s %s", text, op_info(n->op)->name);
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                text = format("%s (%s )", text, operators(n->attrs[a].graph));
    }
    return text;
}

static bool same_nodes(const Graph *g, const char *head)
{
    const char *begin = strstr(head, " = ") + 2, *end = strstr(head, " ! ");
    char *wanted = format("%.*s", (int)(end ? end - begin : (ptrdiff_t)strlen(begin)), begin), *there = operators(g);
    if (strcmp(wanted, there))
        printf("left is%s\n", there);
    return !strcmp(wanted, there);
}

static bool same_miss(const Model *m, const char *head)
{
    const char *wanted = strstr(head, " ! ");
    const FusionCandidate *c = m->candidates;
    while (c && !c->reason)
        c = c->next;
    bool same = wanted ? c && strstr(c->reason, wanted + 3) : !c;
    if (!same)
        printf("missed: %s\n", c ? c->reason : "nothing");
    return same;
}

/* In a child: a graph that does not parse ends the process. */
static int run_case(int number, void *context)
{
    const Case *c = &cases[number];
    (void)context;
    Graph *g = graph_parse(model_new("recognise.txt"), c->text, c->head);
    pass_infer(g);
    pass_fold(g);
    pass_simplify(g);
    Array **in = random_inputs(g, 2), *before[8], *after[8];
    eval_graph(g, (const Array *const *)in, before, true, NULL, NULL);
    pass_norm(g);
    graph_check(g, "norm");
    pass_activation(g);
    graph_check(g, "activation");
    pass_rotary(g);
    graph_check(g, "rotary");
    eval_graph(g, (const Array *const *)in, after, true, NULL, NULL);
    pass_fold(g);
    bool results = same_results(g, before, after), nodes = same_nodes(g, c->head);
    return !(same_miss(g->model, c->head) && results && nodes);
}

int main(int argc, char **argv)
{
    return run_cases(argc, argv, "recognise.txt", run_case, "spellings are recognised as they should be");
}
