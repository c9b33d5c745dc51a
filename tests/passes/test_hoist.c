/* test_hoist.c: does a row of a table hold what the graph makes of that timestep?
 *
 *      test_hoist SOURCE_FOLDER
 *
 * Each graph of hoist.txt is evaluated as it is written for three timesteps, one after the other, and after pass_hoist
 * with all three in its tables.  Results must be equal.  A case's head is the number of nodes that are left for the
 * step, constants and rows apart, and its name.  TableRow is row 0 to the oracle, so the tables are turned. */
#include "cases.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

enum { ROWS = 3, BOUND = 9, MOST = 8 };

static Graph *read_case(const Case *c)
{
    Graph *g = graph_parse(model_new("hoist.txt"), c->text, c->head);
    g->model->block = ROWS;
    pass_infer(g);
    graph_check(g, "infer");
    return g;
}

static int nodes_of_step(const Graph *g)
{
    const unsigned char *rates = value_rates(g);
    int count = 0;
    for (const Node *n = g->first; n; n = n->next)
        count += node_pace(n, rates) == PACE_STEP && n->op != OP_TableRow && !n->out[0]->constant;
    return count;
}

/* Each table becomes an input behind the others; from[k]: the timestep that input k holds. */
static void open_tables(Graph *g, int *from)
{
    for (int k = 0; k < g->n_inputs; k++)
        from[k] = -1;
    for (Node *n = g->first; n; n = n->next) {
        if (n->op != OP_Tabulate)
            continue;
        for (int k = 0; k < g->n_inputs; k++)
            if (g->inputs[k] == n->in[0])
                from[g->n_inputs] = k;
        value_replace(n->out[0], value_input(g, "table", n->out[0]->dtype, n->out[0]->shape));
    }
}

/* Timesteps differ from one to the next; other inputs are the same for all.  They are float32, as nodes round to it. */
static Array *timestep(const Array *random, int t)
{
    Array *a = array_new(random->dtype, &random->shape);
    for (int64_t k = 0; k < a->count; k++)
        if (a->f)
            a->f[k] = (float)(random->f[k] + 0.3 * t);
        else
            a->i[k] = (random->i[k] + 2 * t) % BOUND;
    return a;
}

/* Timesteps first, first + 1, ..., around. */
static Array *table(const Array *random, const Shape *shape, int first)
{
    Array *a = array_new(random->dtype, shape);
    for (int row = 0; row < ROWS; row++) {
        const Array *t = timestep(random, (first + row) % ROWS);
        for (int64_t k = 0; k < t->count; k++)
            if (a->f)
                a->f[row * t->count + k] = t->f[k];
            else
                a->i[row * t->count + k] = t->i[k];
    }
    return a;
}

static int compare_row(Graph *plain, Graph *hoisted, const int *from, int t)
{
    Array **random = random_inputs(plain, BOUND), *wanted[MOST], *got[MOST];
    const Array *in[2 * MOST];
    for (int k = 0; k < hoisted->n_inputs; k++)
        if (k >= plain->n_inputs)
            in[k] = table(random[from[k]], &hoisted->inputs[k]->shape, t);
        else
            in[k] = plain->inputs[k]->rate == RATE_TIMESTEP ? timestep(random[k], t) : random[k];
    eval_graph(plain, in, wanted, false, NULL, NULL);
    eval_graph(hoisted, in, got, false, NULL, NULL);
    for (int k = 0; k < plain->n_outputs; k++)
        if (difference(wanted[k], got[k]) != 0) {
            printf("timestep %d: output %d differs by %g\n", t, k, difference(wanted[k], got[k]));
            return 1;
        }
    return 0;
}

/* In a child: a graph that does not parse ends the process. */
static int run_case(int number, void *context)
{
    const Case *c = &cases[number];
    (void)context;
    int from[2 * MOST];
    Graph *plain = read_case(c), *hoisted = read_case(c);
    pass_hoist(hoisted);
    graph_check(hoisted, "hoist");
    if (nodes_of_step(hoisted) != atoi(c->head)) {
        printf("%d nodes are left for the step\n", nodes_of_step(hoisted));
        graph_print(stdout, hoisted);
        return 1;
    }
    open_tables(hoisted, from);
    for (int t = 0; t < ROWS; t++)
        if (compare_row(plain, hoisted, from, t))
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    return run_cases(argc, argv, "hoist.txt", run_case, "tables hold what each timestep makes");
}
