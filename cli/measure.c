/* measure.c: builds a model in several ways and runs the executables in turns.
 *
 * A shared machine changes its speed from one second to the next.  So every round runs each executable once, in a
 * process of its own, forwards and backwards in turn, and ratios and savings are medians of those within a round, of
 * its best runs: others' work only adds to a time.  All get the same seeded inputs.  Where leaving a fusion out changes
 * nothing, the executable is the same to the byte: it is not run again, and saves exactly nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../codegen/build.h"
#include "../runtime/profile.h"
#include "bench.h"
#include "compare.h"

enum { ROUNDS = 5, ROUND_MS = 200, MAX_RUNS = 100, PROFILE_RUNS = 5 };

/* ---- builds ------------------------------------------------------------------------------------------------------ */

static void add_variant(Bench *b, const char *name, int fusion, unsigned no_fuse)
{
    b->variants[b->n_variants++] = (Variant){.name = name, .fusion = fusion, .no_fuse = no_fuse};
}

static void list_variants(Bench *b, const Options *o)
{
    b->variants = alloc_array(FUSION_COUNT + 2, sizeof *b->variants);
    add_variant(b, "as asked", -1, o->no_fuse);
    add_variant(b, "no fusion", -1, NO_FUSION);
    for (int f = 0; o->each && f < FUSION_COUNT; f++)
        if (!(o->no_fuse & 1u << f))
            add_variant(b, text_format("without %s", fusion_name((Fusion)f)), f, o->no_fuse | 1u << f);
}

static bool same_file(const char *a, const char *b)
{
    Mapping x = map_file(a), y = map_file(b);
    bool same = x.bytes == y.bytes && !memcmp(x.data, y.data, (size_t)x.bytes);
    munmap((void *)(uintptr_t)x.data, (size_t)x.bytes);
    munmap((void *)(uintptr_t)y.data, (size_t)y.bytes);
    return same;
}

/* Every executable has the same name, in a folder of its own. */
static void build_variant(const Bench *b, Variant *v, const char *folder, const Options *o)
{
    Options own = *o;
    own.quiet = true;
    own.no_fuse = v->no_fuse;
    const char *place = text_format("%s/%d", folder, (int)(v - b->variants));
    make_folder(place, true);
    v->exe = text_format("%s/model", place);
    remove_at_exit(v->exe);
    BuildOptions options = build_options(&own, v->exe, b->isa);
    Bindings bindings = read_bindings(&own);
    Program *p = compile_model(b->model, &bindings, "model", b->isa);
    build(&p, 1, &options);
    v->program = p;
    for (const Variant *before = b->variants; before < v && !v->same; before++)
        if (!before->same && same_file(before->exe, v->exe))
            v->same = before;
    if (v->same)
        unlink(v->exe);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Run with the bench's threads and seed and `more`; what it prints is one JSON object. */
static json_t *run_json(const Bench *b, const Variant *v, const char *more)
{
    json_error_t error;
    const char *path = text_format("%s.json", v->exe);
    remove_at_exit(path);
    run_executable((char *const[]){text_copy(v->exe), text_format("--threads=%d", b->threads),
                                   text_format("--seed=%lld", (long long)b->seed), text_copy(more), text_copy("--json"),
                                   NULL}, path);
    json_t *root = json_load_file(path, 0, &error);
    if (!root)
        bug("%s printed no JSON: %s", more, error.text);
    return root;
}

const char *gflops_text(const json_t *row)
{
    return number(row, "flops") > 0 ? text_format("%.1f", number(row, "gflops")) : "-";
}

static void run_round(const Bench *b, Variant *v, int round)
{
    if (v->same)
        return;
    json_t *times = run_json(b, v, text_format("--bench=%d", b->runs));
    v->round[round] = (Round){number(times, "median_ms"), number(times, "best_ms")};
    json_decref(times);
}

/* The median over the rounds of what `of` makes of two builds' best times. */
static double over_rounds(const Variant *v, const Variant *other, int rounds, double (*of)(double ms, double other_ms))
{
    double *values = alloc_array(rounds, sizeof *values);
    for (int k = 0; k < rounds; k++)
        values[k] = of(v->round[k].best, other->round[k].best);
    return sdc_median(values, rounds);
}

static double quotient(double ms, double other) { return ms / other; }
static double excess(double ms, double other) { return ms - other; }

static void finish_variant(const Bench *b, Variant *v)
{
    double *values = alloc_array(b->rounds, sizeof *values);
    v->best = v->round[0].best;
    for (int k = 0; k < b->rounds; k++) {
        values[k] = v->round[k].median;
        v->best = v->round[k].best < v->best ? v->round[k].best : v->best;
    }
    v->median = sdc_median(values, b->rounds);          /* sorts them */
    v->spread = v->median > 0 ? (values[b->rounds - 1] - values[0]) / v->median : 0;
    v->ratio = over_rounds(v, &b->variants[1], b->rounds, quotient);
    v->excess = over_rounds(v, &b->variants[0], b->rounds, excess);
}

/* Rounds of about ROUND_MS, or of one run. */
static int runs_a_round(const Bench *b)
{
    json_t *times = run_json(b, &b->variants[0], "--bench=1");
    double runs = ROUND_MS / number(times, "best_ms");
    json_decref(times);
    return runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : (int)runs;
}

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

static const char *output_path(const Variant *v, int k)
{
    return text_format("%s_%d.npy", v->exe, k);
}

static void write_outputs(const Bench *b, const Variant *v)
{
    const Graph *g = v->program->graph;
    char **arguments = alloc_array(2 * g->n_outputs + 4, sizeof *arguments);
    int count = 0;
    arguments[count++] = text_copy(v->exe);
    arguments[count++] = text_format("--threads=%d", b->threads);
    arguments[count++] = text_format("--seed=%lld", (long long)b->seed);
    for (int k = 0; k < g->n_outputs; k++) {
        remove_at_exit(output_path(v, k));
        arguments[count++] = text_copy("--output");
        arguments[count++] = text_format("%s=%s", g->output_names[k], output_path(v, k));
    }
    run_executable(arguments, NULL);
}

static SdcArray read_output(const Variant *v, int k)
{
    SdcArray a;
    int code = sdc_array_read(&a, output_path(v, k), NULL);
    if (code)
        exit(code);
    return a;
}

/* Over all outputs, the largest. */
static double difference_of(const Variant *asked, const Variant *other)
{
    double worst = 0;
    for (int k = 0; k < asked->program->graph->n_outputs; k++) {
        SdcArray a = read_output(asked, k), b = read_output(other, k);
        Difference d = compare(&a, &b, 0, 0);
        worst = d.rms <= worst ? worst : isnan(d.rms) ? INFINITY : d.rms;
        sdc_array_free(&a);
        sdc_array_free(&b);
    }
    return worst;
}

static void prepare(const Bench *b, Variant *v, const char *folder, const Options *o)
{
    build_variant(b, v, folder, o);
    v->round = v->same ? v->same->round : alloc_array(b->rounds, sizeof *v->round);
    if (v->same) {
        v->difference = v->same->difference;
        return;
    }
    write_outputs(b, v);
    v->difference = difference_of(&b->variants[0], v);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

Bench measure(const char *path, const Options *o)
{
    Bench b = {.model = path, .isa = read_isa(o), .rounds = o->runs ? (int)o->runs : ROUNDS, .seed = o->seed,
               .threads = o->threads ? (int)o->threads : sdc_default_threads()};
    const char *folder = temporary_folder("sdc-bench");
    SdcProgress bar;
    int done = 0;
    list_variants(&b, o);
    sdc_progress_begin(&bar, "measuring", (2 + b.rounds) * b.n_variants, false);
    for (int k = 0; k < b.n_variants; k++) {
        prepare(&b, &b.variants[k], folder, o);
        sdc_progress_step(&bar, done += 2);
    }
    b.runs = runs_a_round(&b);
    for (int round = 0; round < b.rounds; round++)
        for (int k = 0; k < b.n_variants; k++) {
            run_round(&b, &b.variants[round % 2 ? b.n_variants - 1 - k : k], round);
            sdc_progress_step(&bar, ++done);
        }
    for (int k = 0; k < b.n_variants; k++)
        finish_variant(&b, &b.variants[k]);
    b.profile = run_json(&b, &b.variants[0], text_format("--profile=%d", PROFILE_RUNS));
    sdc_progress_end(&bar);
    return b;
}
