/* test_decompose.c: does a decomposition mean what the operator's own evaluator says?
 *
 *      test_decompose SOURCE_FOLDER
 *
 * Each graph of decompose.txt is evaluated in double precision as it is written, by the evaluators of the composite
 * operators, and again after pass_decompose, by those of the simple ones.  Both must agree to the rounding of constants,
 * integers exactly.  Inputs of floating type are uniform in [-2, 2). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct { char *name, *text; int64_t bound; } Case;       /* integers are drawn from [0, bound) */

enum { CASES = 100 };

static Case cases[CASES];
static int n_cases;

static int failed;

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static Array **random_inputs(const Graph *g, int64_t bound)
{
    uint64_t state = 42;
    Array **in = calloc((size_t)g->n_inputs + 1, sizeof *in);
    for (int k = 0; k < g->n_inputs; k++) {
        in[k] = array_new(g->inputs[k]->dtype, &g->inputs[k]->shape);
        for (int64_t e = 0; e < in[k]->count; e++) {
            double u = uniform(&state);
            int64_t whole = (int64_t)(u * (double)bound);
            if (in[k]->f)
                in[k]->f[e] = 4 * u - 2;
            else
                in[k]->i[e] = in[k]->dtype == DT_I8 ? whole - 128 : whole;
        }
    }
    return in;
}

/* Largest difference, relative to the largest finite value. */
static double difference(const Array *a, const Array *b)
{
    double worst = 0, scale = 0;
    if (a->dtype != b->dtype || !shape_equal(&a->shape, &b->shape))
        return INFINITY;
    for (int64_t k = 0; k < a->count; k++) {
        double x = array_get(a, k), y = array_get(b, k);
        if (isfinite(x))
            scale = fmax(scale, fabs(x));
        if (x != y && !(isnan(x) && isnan(y)))
            worst = fmax(worst, isfinite(x) && isfinite(y) ? fabs(x - y) : INFINITY);
    }
    return worst == 0 ? 0 : worst / scale;
}

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
    Graph *g = graph_parse(model_new("decompose.txt"), c->text, c->name);
    g->model->no_fuse = ~0u;
    pass_infer(g);
    graph_check(g, "infer");
    Array **in = random_inputs(g, c->bound), *before[8], *after[8];
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

static void report(int k, int code, const char *text, void *context)
{
    (void)context;
    if (code)
        printf("FAILED: %s (code %d): %s", cases[k].name, code, text);
    failed += code != 0;
}

/* Cut the file at its "---" lines. */
static void read_cases(const char *path)
{
    char *text = read_text(path, NULL);
    if (!text) {
        printf("%s can not be read\n", path);
        exit(1);
    }
    for (char *at = strstr(text, "\n--- "); at && n_cases < CASES;) {
        char *end, *line = at + 5, *body = strchr(line, '\n');
        int64_t bound = strtoll(line, &end, 10);
        char *next = strstr(body, "\n--- ");
        cases[n_cases++] = (Case){format("%.*s", (int)(body - end - 1), end + 1),
                                  format("%.*s", (int)(next ? next - body : (ptrdiff_t)strlen(body)), body), bound};
        at = next;
    }
    free(text);
}

int main(int argc, char **argv)
{
    int list[CASES];
    read_cases(format("%s/tests/passes/decompose.txt", argc > 1 ? argv[1] : "."));
    for (int k = 0; k < n_cases; k++)
        list[k] = k;
    run_parallel(cpus(), list, n_cases, 60, run_case, report, NULL);
    printf("%d of %d decompositions mean what their operator says\n", n_cases - failed, n_cases);
    return failed != 0 || !n_cases;
}
