/* graphs.h: what tests of passes share: graphs in a text file, random inputs, the distance of two results. */
#ifndef SDC_TESTS_GRAPHS_H
#define SDC_TESTS_GRAPHS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct { char *name, *text; int64_t number; } Case;

enum { CASES = 100 };

static Case cases[CASES];
static int n_cases;

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

/* Cut the file at its "--- NUMBER NAME" lines. */
static void read_cases(const char *path)
{
    char *text = read_text(path, NULL);
    if (!text) {
        printf("%s can not be read\n", path);
        exit(1);
    }
    for (char *at = strstr(text, "\n--- "); at && n_cases < CASES;) {
        char *end, *line = at + 5, *body = strchr(line, '\n');
        int64_t number = strtoll(line, &end, 10);
        char *next = strstr(body, "\n--- ");
        cases[n_cases++] = (Case){format("%.*s", (int)(body - end - 1), end + 1),
                                  format("%.*s", (int)(next ? next - body : (ptrdiff_t)strlen(body)), body), number};
        at = next;
    }
    free(text);
}

#endif
