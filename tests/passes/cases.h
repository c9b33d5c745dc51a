/* cases.h: what the tests of passes share: graphs as text in one file, cut at lines "--- HEAD", random inputs, and the
 * difference of two results. */
#ifndef SDC_TESTS_PASSES_CASES_H
#define SDC_TESTS_PASSES_CASES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "harness.h"

typedef struct { char *head, *text; } Case;

enum { CASES = 200 };

static Case cases[CASES];
static int n_cases, failed;

/* Cut the file at its "---" lines. */
static inline void read_cases(const char *path)
{
    char *text = read_text(path, NULL);
    if (!text) {
        printf("%s can not be read\n", path);
        exit(1);
    }
    for (char *at = strstr(text, "\n--- "); at && n_cases < CASES;) {
        char *line = at + 5, *body = strchr(line, '\n'), *next = strstr(body, "\n--- ");
        cases[n_cases++] = (Case){format("%.*s", (int)(body - line), line),
                                format("%.*s", (int)(next ? next - body : (ptrdiff_t)strlen(body)), body)};
        at = next;
    }
    free(text);
}

static inline double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

/* Floats in [-2, 2), integers in [0, bound). */
static inline Array **random_inputs(const Graph *g, int64_t bound)
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
static inline double difference(const Array *a, const Array *b)
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

static inline void report_case(int k, int code, const char *text, void *context)
{
    (void)context;
    if (code)
        printf("FAILED: %s (code %d): %s", cases[k].head, code, text);
    failed += code != 0;
}

/* main(): every case of tests/passes/FILE through run_case() in a process of its own. */
static inline int run_cases(int argc, char **argv, const char *file, int (*run_case)(int, void *), const char *what)
{
    int list[CASES];
    read_cases(format("%s/tests/passes/%s", argc > 1 ? argv[1] : ".", file));
    for (int k = 0; k < n_cases; k++)
        list[k] = k;
    run_parallel(cpus(), list, n_cases, 60, run_case, report_case, NULL);
    printf("%d of %d %s\n", n_cases - failed, n_cases, what);
    return failed != 0 || !n_cases;
}

#endif
