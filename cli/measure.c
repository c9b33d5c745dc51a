/* measure.c: builds a model in several ways and runs the executables in turns.
 *
 * A shared machine changes its speed from one second to the next.  So every round runs each executable once, in a
 * process of its own, forwards and backwards in turn, and ratios and savings are medians of those within a round, of
 * its best runs: others' work only adds to a time.  All get the same seeded inputs.
 *
 * All ways are programs of one executable, which stores equal weights and compiles equal kernels once: a dozen builds of
 * a network of gigabytes take little more than one.  Where leaving a fusion out changes nothing, the calls are the same:
 * they are not run again, and save exactly nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Do two programs of one executable call the same kernels on the same places? */
static bool same_calls(const Call *a, const Call *b)
{
    for (; a && b; a = a->next, b = b->next) {
        bool same = a->kind == b->kind && a->instance == b->instance && a->n_operands == b->n_operands &&
                    a->trip_count == b->trip_count;
        for (int k = 0; same && k < a->n_operands; k++) {
            const View *x = &a->operands[k].view, *y = &b->operands[k].view;
            same = !x->buffer == !y->buffer && x->offset == y->offset && x->index_stride == y->index_stride;
            if (same && x->buffer)
                same = x->buffer->kind == y->buffer->kind && x->buffer->offset == y->buffer->offset;
        }
        if (!same || !same_calls(a->then_block ? a->then_block->first : NULL, b->then_block ? b->then_block->first : NULL) ||
            !same_calls(a->else_block ? a->else_block->first : NULL, b->else_block ? b->else_block->first : NULL))
            return false;
    }
    return !a && !b;
}

static void build_variants(Bench *b, const char *folder, const Options *o, SdcProgress *bar)
{
    Program **programs = alloc_array(b->n_variants, sizeof *programs);
    Options own = *o;
    own.quiet = true;
    b->exe = text_format("%s/model", folder);
    remove_at_exit(b->exe);
    for (int k = 0; k < b->n_variants; k++) {
        own.no_fuse = b->variants[k].no_fuse;
        Bindings bindings = bindings_for(b->model, &own);
        b->variants[k].program = programs[k] = compile_model(b->model, &bindings, text_format("model_%d", k), b->isa);
        sdc_progress_step(bar, k + 1);
    }
    BuildOptions options = build_options(&own, b->exe, b->isa);
    build(programs, b->n_variants, &options);
    for (int k = 0; k < b->n_variants; k++)
        for (int j = 0; j < k && !b->variants[k].same; j++)
            if (!b->variants[j].same && same_calls(programs[j]->body.first, programs[k]->body.first))
                b->variants[k].same = &b->variants[j];
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static char *program_option(const Bench *b, const Variant *v)
{
    return text_format("--program=%d", (int)(v - b->variants));
}

/* Run with the bench's threads and seed and `more`; what it prints is one JSON object. */
static json_t *run_json(const Bench *b, const Variant *v, const char *more)
{
    json_error_t error;
    const char *path = text_format("%s.json", b->exe);
    remove_at_exit(path);
    run_executable((char *const[]){text_copy(b->exe), program_option(b, v), text_format("--threads=%d", b->threads),
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

static const char *output_path(const Bench *b, const Variant *v, int k)
{
    return text_format("%s_%d_%d.npy", b->exe, (int)(v - b->variants), k);
}

static void write_outputs(const Bench *b, const Variant *v)
{
    const Graph *g = v->program->graph;
    char **arguments = alloc_array(2 * g->n_outputs + 5, sizeof *arguments);
    int count = 0;
    arguments[count++] = text_copy(b->exe);
    arguments[count++] = program_option(b, v);
    arguments[count++] = text_format("--threads=%d", b->threads);
    arguments[count++] = text_format("--seed=%lld", (long long)b->seed);
    for (int k = 0; k < g->n_outputs; k++) {
        remove_at_exit(output_path(b, v, k));
        arguments[count++] = text_copy("--output");
        arguments[count++] = text_format("%s=%s", g->output_names[k], output_path(b, v, k));
    }
    run_executable(arguments, NULL);
}

static SdcArray read_output(const Bench *b, const Variant *v, int k)
{
    SdcArray a;
    int code = sdc_array_read(&a, output_path(b, v, k), NULL);
    if (code)
        exit(code);
    return a;
}

/* Over all outputs, the largest. */
static double difference_of(const Bench *b, const Variant *v)
{
    double worst = 0;
    for (int k = 0; k < v->program->graph->n_outputs; k++) {
        SdcArray asked = read_output(b, &b->variants[0], k), other = read_output(b, v, k);
        Difference d = compare(&asked, &other, 0, 0);
        worst = d.rms <= worst ? worst : isnan(d.rms) ? INFINITY : d.rms;
        sdc_array_free(&asked);
        sdc_array_free(&other);
    }
    return worst;
}

static void prepare(const Bench *b, Variant *v)
{
    v->round = v->same ? v->same->round : alloc_array(b->rounds, sizeof *v->round);
    if (v->same) {
        v->difference = v->same->difference;
        return;
    }
    write_outputs(b, v);
    v->difference = difference_of(b, v);
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
    build_variants(&b, folder, o, &bar);
    done = b.n_variants;
    for (int k = 0; k < b.n_variants; k++) {
        prepare(&b, &b.variants[k]);
        sdc_progress_step(&bar, ++done);
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
