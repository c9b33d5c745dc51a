/* test_decompose.c: does a decomposition mean what the operator's own evaluator says?
 *
 *      test_decompose SOURCE_FOLDER
 *
 * Each graph of decompose.txt is evaluated in double precision as it is written, by the evaluators of the composite
 * operators, and again after pass_decompose, by those of the simple ones.  Both must agree to the rounding of
 * constants, integers exactly.  A case's head is the bound of integer inputs and its name. */
#include "cases.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static bool has_kernels(const Graph *g)
{
    for (const Node *n = g->first; n; n = n->next)
        if (op_info(n->op)->lower == op_info(OP_Shape)->lower && !n->out[0]->constant)
            return false;
    return true;
}

/* In a child: a graph that does not parse ends the process. */
static int run_case(int number, void *context)
{
    const Case *c = &cases[number];
    (void)context;
    char *name;
    int64_t bound = strtoll(c->head, &name, 10);
    Graph *g = graph_parse(model_new("decompose.txt"), c->text, name + 1);
    g->model->no_fuse = ~0u;
    pass_infer(g);
    graph_check(g, "infer");
    Array **in = random_inputs(g, bound), *before[8], *after[8];
    eval_graph(g, (const Array *const *)in, before, true, NULL, NULL);
    pass_decompose(g);
    graph_check(g, "decompose");
    eval_graph(g, (const Array *const *)in, after, true, NULL, NULL);
    for (int k = 0; k < g->n_outputs; k++) {
        double d = difference(before[k], after[k]);
        if (!(d <= (before[k]->f ? 1e-6 : 0))) {
            printf("output %d differs by %g\n", k, d);
            return 1;
        }
    }
    if (!has_kernels(g)) {
        printf("an operator without a kernel is left\n");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    return run_cases(argc, argv, "decompose.txt", run_case, "decompositions mean what their operator says");
}
