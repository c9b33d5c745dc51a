/* fuzz.c: random graphs through passes, code generation and executables; see fuzz.h and check.c.
 *
 *      fuzz DRIVER [--seconds S] [--seed FIRST] [--count N] [--jobs J] [--isa NAME] [--passes] [--reduce SECONDS]
 *                  [--keep FOLDER] [FILE...]
 *
 * Seeds from FIRST on, for S seconds (60) or N graphs, or the graphs in the files.  Of each failing one the seed and
 * the first failing check are printed, and its graph, reduced, is written to FOLDER/SEED.txt (the current folder). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../cli/verify.h"
#include "fuzz.h"
#include "harness.h"

enum { BATCH = 16, MOST_FAILURES = 64, MOST_JOBS = 256, REDUCE_SECONDS = 120 };

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct {
    Fuzz f;
    const char *keep;
    int64_t seed, count, seconds, reduce, jobs;
    Case failed[MOST_FAILURES];
    int n_failed, n_tried;
    time_t end;
} Run;

/* ---- seeds ------------------------------------------------------------------------------------------------------- */

static int work_batch(int k, void *context)
{
    const Run *r = context;
    static const char *const isas[] = {"native", "native", "x86-64-v3", "generic"};
    Fuzz f = r->f;
    Case list[BATCH] = {0};
    if (!f.isa)
        f.isa = isas[k % 4];
    for (int j = 0; j < BATCH; j++) {
        list[j].seed = (uint64_t)(r->seed + (int64_t)k * BATCH + j);
        list[j].name = format("%s/%lld", f.work, (long long)list[j].seed);
        write_case(&list[j]);
    }
    check_cases(&f, list, BATCH);
    for (int j = 0; j < BATCH; j++)
        if (list[j].failure)
            printf("%lld %s\n", (long long)list[j].seed, list[j].failure);
    return 0;
}

static void batch_done(int k, int code, const char *text, void *context)
{
    Run *r = context;
    r->n_tried += BATCH;
    if (code)
        printf("FAILED: batch %d: code %d: %s\n", k, code, text);
    r->n_failed += code != 0;
    for (const char *p = text; !code && *p; p += strcspn(p, "\n"), p += *p == '\n') {
        char *end;
        long long seed = strtoll(p, &end, 10);
        printf("FAILED: seed %lld, %s\n", seed, first_line(end + 1));
        fflush(stdout);
        if (r->n_failed < MOST_FAILURES)
            r->failed[r->n_failed] = (Case){.name = format("%s/%lld", r->f.work, seed), .seed = (uint64_t)seed,
                                            .failure = first_line(end + 1)};
        r->n_failed++;
    }
}

static void run_seeds(Run *r)
{
    int batches = r->count ? (int)((r->count + BATCH - 1) / BATCH) : INT32_MAX;
    for (int k = 0; k < batches && (r->count || time(NULL) < r->end); k += (int)r->jobs) {
        int list[MOST_JOBS], n = 0;
        for (; n < r->jobs && k + n < batches; n++)
            list[n] = k + n;
        run_parallel((int)r->jobs, list, n, 900, work_batch, batch_done, r);
    }
}

static void reduce_failures(Run *r)
{
    if (!r->f.isa)
        r->f.isa = "native";
    for (int k = 0; k < r->n_failed && k < MOST_FAILURES; k++) {
        Case *c = &r->failed[k];
        if (!c->name || !strncmp(c->failure, "generator", 9))
            continue;
        if (r->reduce)
            reduce_case(&r->f, c, (int)r->reduce);
        const char *path = format("%s/%lld.txt", r->keep, (long long)c->seed);
        write_text(path, format("# seed %lld, %s\n%s", (long long)c->seed, c->failure,
                                read_text(format("%s.txt", c->name), NULL)));
        printf("%s: %s\n", path, c->failure);
        fflush(stdout);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int run_files(Run *r, char **paths, int count)
{
    int failed = 0;
    if (!r->f.isa)
        r->f.isa = "native";
    for (int k = 0; k < count; k++) {
        Case c = {.name = format("%s/file%d", r->f.work, k), .seed = (uint64_t)r->seed};
        char *text = read_text(paths[k], NULL);
        write_text(format("%s.txt", c.name), text ? text : "");
        check_cases(&r->f, &c, 1);
        printf("%s: %s\n", paths[k], c.failure ? c.failure : "ok");
        failed += c.failure != NULL;
    }
    return failed;
}

static int usage(void)
{
    fprintf(stderr, "usage: fuzz DRIVER [--seconds S] [--seed FIRST] [--count N] [--jobs J] [--isa NAME] [--passes] "
                    "[--reduce SECONDS] [--keep FOLDER] [FILE...]\n");
    return SDC_USAGE;
}

int main(int argc, char **argv)
{
    Run r = {.seconds = 60, .seed = 1, .jobs = 1, .keep = ".", .reduce = REDUCE_SECONDS};
    int at = 2;
    for (; at < argc && !strncmp(argv[at], "--", 2); at++) {
        const char *name = argv[at] + 2;
        static const char *const names[] = {"seconds", "seed", "count", "reduce", "jobs"};
        int64_t *const into[] = {&r.seconds, &r.seed, &r.count, &r.reduce, &r.jobs};
        size_t k = 0;
        while (k < sizeof into / sizeof *into && strcmp(names[k], name))
            k++;
        if (!strcmp(name, "passes"))
            r.f.passes_only = true;
        else if (at + 1 == argc)
            return usage();
        else if (k < sizeof into / sizeof *into)
            *into[k] = strtoll(argv[++at], NULL, 10);
        else if (!strcmp(name, "isa"))
            r.f.isa = argv[++at];
        else if (!strcmp(name, "keep"))
            r.keep = argv[++at];
        else
            return usage();
    }
    if (argc < 2 || r.jobs < 1 || r.jobs > MOST_JOBS)
        return usage();
    r.f.driver = argv[1];
    r.f.work = work_folder("sdc-fuzz");
    r.end = time(NULL) + r.seconds;
    if (at < argc)
        return run_files(&r, argv + at, argc - at) != 0;
    run_seeds(&r);
    reduce_failures(&r);
    printf("%d graphs, %d failed\n", r.n_tried, r.n_failed);
    return r.n_failed != 0;
}
