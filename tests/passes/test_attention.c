/* test_attention.c: which spellings of attention are recognised, and do they mean the same afterwards?
 *
 *      test_attention SOURCE_FOLDER
 *
 * Each graph of attention.txt is evaluated in double precision before and after pass_attention.  Both must agree to the
 * rounding of constants; the number in front of the graph's name says what it must have become. */
#include "cases.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

/* By number: is there an Attention, its operands, which keys a query sees, how many query heads share keys. */
static const struct { int nodes, operands; bool causal; int64_t ahead, group; } wanted[] = {
    {0, 0, false, -1, 1},           /* 0: left as it is */
    {1, 3, false, -1, 1},           /* 1: plain */
    {1, 4, false, -1, 1},           /* 2: with a mask */
    {1, 3, true, -1, 1},            /* 3: causal */
    {1, 3, false, 2, 1},            /* 4: sees two keys ahead */
    {1, 3, false, -1, 3},           /* 5: three query heads read each head of keys */
};

static int said(const char *what)
{
    printf("%s\n", what);
    return 1;
}

static int check_nodes(const Graph *g, int64_t number)
{
    int attentions = 0, softmaxes = 0;
    const FusionCandidate *c = g->model->candidates;
    for (const Node *n = g->first; n; n = n->next) {
        softmaxes += n->op == OP_Softmax;
        if (n->op != OP_Attention)
            continue;
        attentions++;
        if (n->n_in != wanted[number].operands || attr_i(n, "is_causal") != wanted[number].causal ||
            attr_i(n, "right_window_size") != wanted[number].ahead ||
            n->in[0]->shape.dim[1] != n->in[1]->shape.dim[1] * wanted[number].group)
            return said("Attention has other operands or attributes");
    }
    if (attentions != wanted[number].nodes || softmaxes != 1 - wanted[number].nodes)
        return said(attentions ? "Attention is there" : "no Attention is there");
    if (!c || c->next || (c->became != NULL) != attentions)
        return said("the record of candidates is wrong");
    return 0;
}

/* In a child: a graph that does not parse ends the process. */
static int run_case(int number, void *context)
{
    const Case *c = &cases[number];
    (void)context;
    char *name;
    int64_t wanted_number = strtoll(c->head, &name, 10);
    Graph *g = graph_parse(model_new("attention.txt"), c->text, name + 1);
    pass_infer(g);
    pass_fold(g);
    pass_simplify(g);
    Array **in = random_inputs(g, 2), *before[8], *after[8];
    eval_graph(g, (const Array *const *)in, before, true, NULL, NULL);
    pass_attention(g);
    graph_check(g, "attention");
    eval_graph(g, (const Array *const *)in, after, true, NULL, NULL);
    for (int k = 0; k < g->n_outputs; k++) {
        double d = difference(before[k], after[k]);
        if (!(d <= 1e-6)) {
            printf("output %d differs by %g\n", k, d);
            return 1;
        }
    }
    return check_nodes(g, wanted_number);
}

int main(int argc, char **argv)
{
    return run_cases(argc, argv, "attention.txt", run_case, "spellings become what they should");
}
