/* test_precision.c: what pass_precision makes narrow.  Each case of precision.txt is a graph, the type asked for and the
 * nodes that must be left, each with the type of its result. */
#include "cases.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static char *nodes_of(const Graph *g)
{
    char *text = "";
    for (const Node *n = g->first; n; n = n->next)
        text = format("%s %s:%s", text, op_info(n->op)->name, dtype_info(n->out[0]->dtype)->name);
    return text;
}

/* "NAME, TYPE = OP:TYPE ..." */
static int run_case(int number, void *context)
{
    const Case *c = &cases[number];
    (void)context;
    const char *nodes = strstr(c->head, " = ") + 2, *type = nodes - 2;
    while (type[-1] != ' ')
        type--;
    Graph *g = graph_parse(model_new("precision.txt"), c->text, c->head);
    const Bindings b = {.dtype = dtype_by_name(format("%.*s", (int)(nodes - 2 - type), type))};
    run_passes(g, &b, "precision");
    const char *got = nodes_of(g);
    if (strcmp(got, nodes))
        printf("got %s\n", got);
    for (int k = 0; k < g->n_outputs; k++)
        if (g->outputs[k]->dtype != DT_F32 && g->outputs[k]->dtype != DT_I64)
            return printf("output %d is no longer f32\n", k), 1;
    return strcmp(got, nodes) != 0;
}

int main(int argc, char **argv)
{
    return run_cases(argc, argv, "precision.txt", run_case, "graphs are narrow where they should be");
}
