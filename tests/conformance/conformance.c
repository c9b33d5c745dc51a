/* conformance.c: the ONNX node suite, by the oracle and through emitted executables.
 *
 *      conformance ARCHIVE DRIVER.a EXPECTED [--all] [--oracle-only] [--update] [--only TEXT] [--batch N]
 *
 * ARCHIVE is node-opset28.tar.xz.  Without --all every sixth case is compiled; all go through the oracle always.
 * EXPECTED is out-of-scope.txt; --update (with --all) rewrites it.  Exit code 0, 1, or 77 when ARCHIVE is not there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

enum { SAMPLE_EVERY = 6, SECONDS = 60 };

typedef struct {
    const char *archive, *driver, *expected, *only;
    bool all, oracle_only, update;
    int batch_size;
} Arguments;

static int usage(void)
{
    fputs("usage: conformance ARCHIVE DRIVER.a EXPECTED [--all] [--oracle-only] [--update] [--only TEXT] [--batch N]\n",
          stderr);
    return 1;
}

static bool read_arguments(Arguments *a, int argc, char **argv)
{
    if (argc < 4)
        return false;
    *a = (Arguments){.archive = argv[1], .driver = argv[2], .expected = argv[3], .batch_size = 40};
    for (int k = 4; k < argc; k++) {
        bool value = k + 1 < argc;
        if (!strcmp(argv[k], "--all"))
            a->all = true;
        else if (!strcmp(argv[k], "--oracle-only"))
            a->oracle_only = true;
        else if (!strcmp(argv[k], "--update"))
            a->update = a->all = true;
        else if (!strcmp(argv[k], "--only") && value)
            a->only = argv[++k];
        else if (!strcmp(argv[k], "--batch") && value)
            a->batch_size = atoi(argv[++k]);
        else
            return false;
    }
    return a->batch_size > 0;
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

static bool is_data_set(const char *folder, const char *name)
{
    (void)folder;
    return !strncmp(name, "test_data_set_", 14);
}

static void list_units(Suite *s, const Arguments *a, const char *nodes)
{
    int count, sets;
    char **names = list_folder(nodes, NULL, &count);
    s->units = calloc((size_t)count * 2 + 1, sizeof *s->units);
    int room = count * 2;
    for (int k = 0; k < count; k++) {
        if (a->only && !strstr(names[k], a->only))
            continue;
        char *folder = format("%s/%s", nodes, names[k]), **data = list_folder(folder, is_data_set, &sets);
        for (int j = 0; j < sets && s->count < room; j++)
            s->units[s->count++] = (Unit){.name = j ? format("%s/%d", names[k], j) : names[k],
                                          .model = format("%s/model.onnx", folder),
                                          .data = format("%s/%s", folder, data[j]),
                                          .sampled = !a->oracle_only && (a->all || k % SAMPLE_EVERY == 0)};
    }
}

static int unpack(const char *archive, const char *folder)
{
    char *text, *argv[] = {"tar", "-xJf", (char *)(uintptr_t)archive, "-C", (char *)(uintptr_t)folder, NULL};
    int code = run_program(argv, 120, &text);
    if (code)
        fprintf(stderr, "tar: %s: %s\n", archive, text);
    free(text);
    return code;
}

/* ---- rounds: whoever needs a constant operand tries again with other inputs bound -------------------------------- */

static Outcome *oracle_of(Unit *u) { return &u->oracle; }
static Outcome *compiled_of(Unit *u) { return &u->compiled; }

static void case_done(int k, int code, const char *text, void *context)
{
    Suite *s = context;
    Outcome *o = s->outcome(&s->units[k]);
    if (code == SDC_OK || code == FOLDED) {
        o->verdict = code == FOLDED ? ALL_FOLDED : o->attempt ? PASSED_BOUND : PASSED;
        return;
    }
    o->verdict = FAILED;
    if (code == NOTHING_LEFT_TO_BIND)           /* the last other message stays */
        return;
    if (!o->message || !strstr(text, "--bind"))
        o->message = code >= SIGNALLED || code == TIMED_OUT ? format("ended with code %d: %.200s", code, text)
                                                            : first_line(text);
    if (strstr(text, "--bind")) {
        o->attempt++;
        s->again[s->n_again++] = k;
    }
}

static void run_rounds(Suite *s, int jobs, const int *list, int count, Work *work, Outcome *(*outcome)(Unit *))
{
    int *now = calloc((size_t)s->count + 1, sizeof *now);
    s->again = calloc((size_t)s->count + 1, sizeof *s->again);
    s->outcome = outcome;
    if (!now || !s->again)
        exit(1);
    memcpy(now, list, (size_t)count * sizeof *now);
    while (count) {
        s->n_again = 0;
        run_parallel(jobs, now, count, SECONDS, work, case_done, s);
        count = s->n_again;
        memcpy(now, s->again, (size_t)count * sizeof *now);
    }
    free(now);
    free(s->again);
}

/* ---- the count --------------------------------------------------------------------------------------------------- */

static void print_count(const char *what, Suite *s, Outcome *(*outcome)(Unit *), double seconds)
{
    int counts[FAILED + 1] = {0}, run = 0;
    for (int k = 0; k < s->count; k++)
        counts[outcome(&s->units[k])->verdict]++;
    run = s->count - counts[NOT_RUN];
    printf("%-8s %d of %d cases pass: %d as they are, %d with shape, axis or index inputs bound, and %d fold away "
           "entirely (counted apart); %d fail; %.0f s\n",
           what, counts[PASSED] + counts[PASSED_BOUND], run, counts[PASSED], counts[PASSED_BOUND], counts[ALL_FOLDED],
           counts[FAILED], seconds);
}

int main(int argc, char **argv)
{
    Arguments a;
    if (!read_arguments(&a, argc, argv))
        return usage();
    if (access(a.archive, R_OK)) {
        printf("skipped: %s is not there\n", a.archive);
        return EXIT_SKIPPED;
    }
    Suite s = {.work = work_folder("sdc-conformance"), .driver = a.driver, .batch_size = a.batch_size};
    setenv("TMPDIR", s.work, 1);
    if (unpack(a.archive, s.work))
        return 1;
    list_units(&s, &a, format("%s/node", s.work));
    int *all = calloc((size_t)s.count + 1, sizeof *all), *sampled = calloc((size_t)s.count + 1, sizeof *sampled),
        n_sampled = 0;
    for (int k = 0; k < s.count; k++) {
        all[k] = k;
        if (s.units[k].sampled)
            sampled[n_sampled++] = k;
    }
    double begin = sdc_now();
    run_rounds(&s, cpus(), all, s.count, work_oracle, oracle_of);
    print_count("oracle", &s, oracle_of, sdc_now() - begin);
    begin = sdc_now();
    if (n_sampled) {
        run_rounds(&s, cpus(), sampled, n_sampled, work_lower, compiled_of);
        fflush(stdout);
        run_batches(&s, cpus());
        print_count("compiled", &s, compiled_of, sdc_now() - begin);
    }
    int untrue =
        a.only && !a.update ? check_expected(&s, "/dev/null", false) : check_expected(&s, a.expected, a.update);
    printf("%d lines of the list of what is out of scope are not true\n", untrue);
    return untrue != 0;
}
