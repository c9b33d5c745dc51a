/* test_quantise.c: which weights pass_quantise stores in integers.  Each case of quantise.txt is a graph, the type asked for,
 * perhaps that of precision behind it, and the nodes that must be left, each with the type of its result. */
#include "cases.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static char *nodes_of(const Graph *g)
{
    char *text = "";
    for (const Node *n = g->first; n; n = n->next) {
        text = format("%s %s", text, op_info(n->op)->name);
        if (n->op == OP_QuantizedWeight)
            text = format("%s/%d/%d/%d", text, (int)attr_i(n, "bits"), (int)attr_i(n, "axis"), (int)attr_i(n, "group"));
        text = format("%s:%s", text, dtype_info(n->out[0]->dtype)->name);
    }
    return text;
}

/* "NAME, int BITS[:GROUP] [TYPE] = OP:TYPE ..." */
static int run_case(int number, void *context)
{
    const Case *c = &cases[number];
    (void)context;
    const char *nodes = strstr(c->head, " = ") + 2, *weights = strstr(c->head, ", int") + 5;
    Bindings b = {.weights = {.bits = *weights - '0', .group = *weights == '4' ? 32 : 0}};
    if (weights[1] == ':')
        b.weights.group = strtoll(weights + 2, NULL, 10);
    if (!strncmp(nodes - 7, " bf16", 5))
        b.dtype = DT_BF16;
    Graph *g = graph_parse(model_new("quantise.txt"), c->text, c->head);
    run_passes(g, &b, "precision");
    const char *got = nodes_of(g);
    if (strcmp(got, nodes))
        printf("got %s\n", got);
    return strcmp(got, nodes) != 0 || !g->model->stored.count || g->model->stored.bytes * 4 / 3 > g->model->stored.before;
}

int main(int argc, char **argv)
{
    return run_cases(argc, argv, "quantise.txt", run_case, "weights are stored as asked for");
}
