/* check.c: see fuzz.h.
 *
 * What is compared, on normally distributed inputs:
 *
 *      pass NAME       the graph after a pass with the graph as made, both in double precision: 1e-6, 1e-3 with float16
 *      fused, plain    executables with all fusions, and with none or some of them, with the oracle, rounding after
 *                      each node: 1e-5, and 3e-3 with float16, whose rounding inside a group depends on the group;
 *                      bfloat16 rounds to eight times float16's steps, and so are the limits
 *      threads         one and three threads: the same bytes (driver.c)
 *
 * as a relative RMS for each output, integers and bools exactly.  How much a graph amplifies rounding is measured: by
 * the distance between the oracle rounding after each node and in double precision.  Eight times that is allowed too,
 * and so is a difference of 1e-6; an output where they do not even agree about NaN and infinity is not judged. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../cli/verify.h"
#include "fuzz.h"
#include "harness.h"
#include "make.h"

enum { WRONG = 40, SECONDS = 60, BUILD_SECONDS = 300 };

static Graph *read_case(const Case *c, unsigned no_fuse, const char *until)
{
    const char *path = text_format("%s.txt", c->name);
    char *text = read_text(path, NULL);
    if (!text)
        fail(SDC_BAD_INPUT, "%s can not be read", path);
    Graph *g = graph_parse(model_new(path), text, path);
    run_passes(g, &(Bindings){.no_fuse = no_fuse}, until);
    return g;
}

/* ---- by the oracle, in a child ----------------------------------------------------------------------------------- */

typedef struct {
    const Case *c;
    Input *inputs;
    Array **rounded, **wide;
    double *gap;                    /* an output's: between rounded and wide; NaN: not judged */
    double steps;                   /* 0: float32 alone; of float16: 1, of bfloat16: 8 */
} Oracle;

static double steps_of(const Value *v)
{
    return !v ? 0 : v->dtype == DT_F16 ? 1 : v->dtype == DT_BF16 ? 8 : 0;
}

static double coarsest(const Graph *g)
{
    double most = 0;
    for (const Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++)
            most = fmax(most, steps_of(n->out[k]));
    for (int k = 0; k < g->n_inputs; k++)
        most = fmax(most, steps_of(g->inputs[k]));
    return most;
}

static double limit(const Oracle *o, int k, double strict, double half)
{
    const double base = o->steps > 0 ? half * o->steps : strict;
    return !o->rounded[k]->f ? 0 : isnan(o->gap[k]) ? NAN : fmax(base, 8 * o->gap[k]);
}

static void watch(Graph *g, const char *pass, void *context)
{
    Oracle *o = context;
    Array **got = alloc_array(g->n_outputs + 1, sizeof *got);
    run_oracle(g, o->inputs, got, true, NULL, NULL);
    for (int k = 0; k < g->n_outputs; k++) {
        const SdcArray a = array_view(got[k]), b = array_view(o->wide[k]);
        const double most = limit(o, k, 1e-6, 1e-3);
        Difference d = compare(&a, &b, 0, 0);
        const bool near = isnan(most) || d.rms <= most || d.worst <= 1e-6;
        if (!d.same_shape || got[k]->dtype != o->wide[k]->dtype || !near) {
            printf("pass %s: output '%s': relative rms %g, limit %g\n", pass, g->output_names[k], d.rms, most);
            exit(WRONG);
        }
        array_free(got[k]);
    }
}

static void write_values(FILE *out, const void *data, size_t bytes)
{
    if (fwrite(data, 1, bytes, out) != bytes)
        fail(SDC_NO_SPACE, "writing the data of a case");
}

/* What driver.c reads: the inputs as they lie in memory; each output's limit and elements. */
static void write_data(const Oracle *o, const Graph *g)
{
    FILE *out = fopen(text_format("%s.data", o->c->name), "wb");
    if (!out)
        fail(SDC_NO_SPACE, "writing the data of a case");
    for (int k = 0; k < g->n_inputs; k++) {
        const SdcArray *a = &o->inputs[k].array;
        write_values(out, a->data, (size_t)(a->count * dtype_info(a->dtype)->bytes));
    }
    for (int k = 0; k < g->n_outputs; k++) {
        const double most = limit(o, k, 1e-5, 3e-3);
        const Array *a = o->rounded[k];
        write_values(out, &most, sizeof most);
        write_values(out, a->f ? (const void *)a->f : a->i, (size_t)a->count * 8);
    }
    fclose(out);
}

static int work_oracle(int k, void *context)
{
    Oracle o = {.c = &((Case *)context)[k]};
    Graph *g = read_case(o.c, 0, "bind");
    const Options options = {.seed = (int64_t)(o.c->seed & 0xffff)};
    o.inputs = random_inputs(g, &options);
    o.rounded = alloc_array(g->n_outputs + 1, sizeof *o.rounded);
    o.wide = alloc_array(g->n_outputs + 1, sizeof *o.wide);
    o.gap = alloc_array(g->n_outputs + 1, sizeof *o.gap);
    o.steps = coarsest(g);
    run_oracle(g, o.inputs, o.rounded, false, NULL, NULL);
    run_oracle(g, o.inputs, o.wide, true, NULL, NULL);
    for (int j = 0; j < g->n_outputs; j++) {
        const SdcArray a = array_view(o.rounded[j]), b = array_view(o.wide[j]);
        const double d = compare(&a, &b, 0, 0).rms;
        o.gap[j] = isfinite(d) ? d : NAN;
    }
    write_data(&o, g);
    const char *path = text_format("%s.txt", o.c->name);
    watch_passes(graph_parse(model_new(path), read_text(path, NULL), path), &(Bindings){0}, NULL, watch, &o);
    return SDC_OK;
}

static void oracle_done(int k, int code, const char *text, void *context)
{
    Case *c = &((Case *)context)[k];
    if (code == WRONG)
        c->failure = first_line(text);
    else if (code)
        c->failure = format("compiler (code %d): %s", code, first_line(text));
}

static int work_make(int k, void *context)
{
    const Case *c = &((Case *)context)[k];
    FILE *out = fopen(text_format("%s.txt", c->name), "w");
    if (!out)
        return SDC_NO_SPACE;
    graph_print(out, make_graph(c->seed));
    return fclose(out) ? SDC_NO_SPACE : SDC_OK;
}

static void make_done(int k, int code, const char *text, void *context)
{
    if (code)
        ((Case *)context)[k].failure = format("generator (code %d): %s", code, first_line(text));
}

bool write_case(Case *c)
{
    run_parallel(1, (const int[]){0}, 1, SECONDS, work_make, make_done, c);
    return !c->failure;
}

/* ---- as executables ---------------------------------------------------------------------------------------------- */

typedef struct { const Fuzz *f; Case **list; int count; } Batch;

/* Every case twice: with all fusions, and with none or, for every other seed, with some. */
static unsigned switched_off(const Case *c, int j)
{
    return !(j & 1) ? 0 : c->seed & 1 ? ~0u : (unsigned)(c->seed >> 1);
}

static int work_build(int k, void *context)
{
    const Batch *b = context;
    (void)k;
    const char *exe = text_format("%s.exe", b->list[0]->name);
    const char *driver = text_format("-Wl,-u,fuzz_main,%s", b->f->driver);
    Program **programs = alloc_array(2 * b->count, sizeof *programs);
    const Isa *isa = isa_by_name(b->f->isa);
    char **arguments = alloc_array(b->count + 2, sizeof *arguments);
    arguments[0] = text_copy(exe);
    for (int j = 0; j < 2 * b->count; j++) {
        const Case *c = b->list[j / 2];
        programs[j] = lower_graph(read_case(c, switched_off(c, j), NULL), text_format("g%d", j), isa);
        plan_program(programs[j]);
        arguments[1 + j / 2] = text_format("%s.data", c->name);
    }
    BuildOptions o = {.output = exe,
                      .name = "fuzz",
                      .isa = isa,
                      .cc = "cc",
                      .driver = "fuzz_main",
                      .cflags = (const char *const[]){"-O0", driver, NULL},
                      .quiet = true,
                      .jobs = 1};
    build(programs, 2 * b->count, &o);
    pid_t child = fork();               /* not in our place: what build() made must be removed at our exit */
    if (!child) {
        execv(exe, arguments);
        _exit(127);
    }
    waitpid(child, NULL, 0);
    unlink(exe);
    return SDC_OK;
}

/* "0 ok", "1 wrong output 2: ...": the even ones are fused. */
static void read_verdicts(const Batch *b, const char *text)
{
    bool *told = calloc(2 * (size_t)b->count, sizeof *told);
    for (const char *p = text; told && *p; p += strcspn(p, "\n"), p += *p == '\n') {
        char *end;
        long j = strtol(p, &end, 10);
        if (end == p || j < 0 || j >= 2 * b->count)
            continue;
        told[j] = true;
        if (strncmp(end, " ok\n", 4) && !b->list[j / 2]->failure)
            b->list[j / 2]->failure = format("%s %s", j & 1 ? "plain" : "fused", first_line(end + 1));
    }
    for (int j = 0; told && j < 2 * b->count; j++)
        if (!told[j] && !b->list[j / 2]->failure)
            b->list[j / 2]->failure = format("%s: the executable said nothing of it", j & 1 ? "plain" : "fused");
    free(told);
}

static void build_done(int k, int code, const char *text, void *context);

static void run_batch(const Fuzz *f, Case **list, int count)
{
    Batch b = {f, list, count};
    if (count)
        run_parallel(1, (const int[]){0}, 1, BUILD_SECONDS, work_build, build_done, &b);
}

/* What can not be built is cut in halves until the case to blame is alone. */
static void build_done(int k, int code, const char *text, void *context)
{
    const Batch *b = context;
    (void)k;
    if (!code) {
        read_verdicts(b, text);
    } else if (b->count == 1) {
        b->list[0]->failure = format("building (code %d): %s", code, first_line(text));
    } else {
        run_batch(b->f, b->list, b->count / 2);
        run_batch(b->f, b->list + b->count / 2, b->count - b->count / 2);
    }
}

void check_cases(const Fuzz *f, Case *list, int count)
{
    Case **good = calloc((size_t)count + 1, sizeof *good);
    int *numbers = calloc((size_t)count + 1, sizeof *numbers), n = 0;
    for (int k = 0; good && numbers && k < count; k++)
        if (!list[k].failure)
            numbers[n++] = k;
    run_parallel(1, numbers, n, SECONDS, work_oracle, oracle_done, list);
    n = 0;
    for (int k = 0; good && k < count; k++)
        if (!list[k].failure)
            good[n++] = &list[k];
    if (!f->passes_only)
        run_batch(f, good, n);
    free(good);
    free(numbers);
}
