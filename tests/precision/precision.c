/* precision.c: every fixture in bf16 and f16, by the oracle and as an executable, against the outputs that are recorded
 * in f32, or the f32 oracle.
 *
 *      precision SOURCE_FOLDER [--only TEXT] [--every N] [--table]
 *
 * Limits: of the trained models in bf16 2e-2 (relative RMS); of the others what PyTorch has with its weights and
 * activations in the same type (pytorch-TYPE.txt beside this file: "fixture dataset relative_rms", written by
 * pytorch_bf16.py), the largest over a model's data sets.  By the data set one is farther, tiny-vq/autoencode 0 in f16
 * (8.0e-2, PyTorch 2.0e-3, and 1.7e-1 on set 1): one code of a codebook is another, by chance in either set.
 * Random models without a line there are only measured, as are executables in f16: two data sets are farther than
 * PyTorch's there, tiny-vq/unet 1 (1.62e-3, PyTorch 1.44e-3) and tiny-sdxl-refiner/unet 1 (2.85e-3, 2.83e-3).  --every
 * takes the trained models and every Nth of the others, without executables in f16; --table prints every figure. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

enum { SECONDS = 600 };
static const struct { const char *name; DType type; bool compiled, judged; } columns[] = {
    {"bf16, oracle", DT_BF16, false, true}, {"bf16, executable", DT_BF16, true, true},
    {"f16, oracle", DT_F16, false, true}, {"f16, executable", DT_F16, true, false}};
enum { COLUMNS = sizeof columns / sizeof *columns };
static const char same[] = "the same model as in bf16";

typedef struct {
    const char *source;
    Fixture *fixtures;
    int measured, failed, judged, compared;
    double ratios;                      /* sum of logarithms, over `compared` */
    bool table;
} Run;

static bool is_trained(const Fixture *f)
{
    return !strncmp(f->name, "emoji/", 6) || !strncmp(f->name, "taef2/", 6);
}

/* In a child; prints "rms X", or that an autoencoder is the one in bf16 where f16 was asked for. */
static int measure(int k, void *context)
{
    const Run *r = context;
    Fixture f = r->fixtures[k / COLUMNS];
    double worst = 0;
    f.dtype = columns[k % COLUMNS].type;
    LoadedFixture l = load_fixture(&f, NULL);
    if (l.graph->model->dtype != f.dtype)
        return printf("%s\n", same), 0;
    Array **got = alloc_array(l.graph->n_outputs + 1, sizeof *got);
    if (f.shapes) {
        Fixture plain = r->fixtures[k / COLUMNS];
        run_oracle(load_fixture(&plain, "simplify").graph, l.inputs, l.wanted, true, NULL, NULL);
    }
    if (columns[k % COLUMNS].compiled)
        run_compiled(l.graph, l.inputs, got, &(Options){.jobs = 1});
    else
        run_oracle(l.graph, l.inputs, got, false, NULL, NULL);
    for (int j = 0; j < l.graph->n_outputs; j++) {
        if (!l.wanted[j])
            continue;
        const SdcArray a = array_view(got[j]), b = array_view(l.wanted[j]);
        Difference d = compare(&a, &b, 0, 0);
        worst = d.same_shape && d.rms <= worst ? worst : d.same_shape ? d.rms : 1.0 / 0.0;
    }
    printf("rms %.4g\n", worst);
    return 0;
}

/* 0: none is known. */
static double limit_of(const Run *r, const Fixture *f, DType type)
{
    char *text = read_text(format("%s/tests/precision/pytorch-%s.txt", r->source, dtype_info(type)->name), NULL);
    char *rest = text, *line;
    double limit = 0;
    while (rest && (line = strsep(&rest, "\n"))) {
        char name[256], set[256];
        double value;
        if (*line != '#' && sscanf(line, "%255s %255s %lf", name, set, &value) == 3
            && !strncmp(name, f->name, strlen(name)) && f->name[strlen(name)] == '/'
            && !strchr(f->name + strlen(name) + 1, '/') && value > limit)
            limit = value;
    }
    free(text);
    return is_trained(f) && type == DT_BF16 ? 2e-2 : limit;
}

static void done(int k, int code, const char *text, void *context)
{
    Run *r = context;
    const Fixture *f = &r->fixtures[k / COLUMNS];
    if (!code && strstr(text, same))
        return;
    const char *rms = strstr(text, "rms ");
    const double value = rms ? strtod(rms + 4, NULL) : 0;
    const double limit = columns[k % COLUMNS].judged ? limit_of(r, f, columns[k % COLUMNS].type) : 0;
    const bool random = limit > 0 && !is_trained(f);
    const bool failed = code || !rms || (limit > 0 && !(value <= limit));
    if (random && value > 0) {
        r->compared++;
        r->ratios += log(value / limit);
    }
    r->measured++;
    r->judged += limit > 0;
    r->failed += failed;
    if (failed || r->table)
        printf("%s%-44s %-18s %.4g, limit %.4g%s\n", failed ? "FAILED  " : "", f->name, columns[k % COLUMNS].name,
               value, limit, code || !rms ? format(": %s", first_line(text)) : "");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    Run r = {.source = argc > 1 ? argv[1] : "."};
    int count, chosen = 0, every = 1;
    for (int k = 2; k < argc; k++) {
        if (!strcmp(argv[k], "--every") && k + 1 < argc)
            every = atoi(argv[++k]);
        r.table |= !strcmp(argv[k], "--table");
        if (!strcmp(argv[k], "--only") && k + 1 < argc)
            only = argv[++k];
    }
    r.fixtures = list_fixtures(r.source, &count);
    int *list = alloc_array((int64_t)count * COLUMNS + 1, sizeof *list);
    for (int k = 0; k < count * COLUMNS; k++) {
        const Fixture *f = &r.fixtures[k / COLUMNS];
        bool sampled = is_trained(f) || k / COLUMNS % every == 0;
        if (sampled && (every == 1 || columns[k % COLUMNS].judged) && (!only || strstr(f->name, only)))
            list[chosen++] = k;
    }
    run_parallel(cpus(), list, chosen, SECONDS, measure, done, &r);
    const double mean = r.compared ? exp(r.ratios / r.compared) : 0;
    printf("%d measurements, %d judged, %d failed; %.3f times PyTorch's distance in the mean\n", r.measured,
           r.judged, r.failed, mean);
    return r.failed || mean >= 1;
}
