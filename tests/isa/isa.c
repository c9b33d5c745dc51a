/* isa.c: executables for other instruction sets than this CPU's best, against the oracle.
 *
 *      isa SOURCE_FOLDER [NAME]
 *
 * Programs of tests/ir/programs, which hold every kernel that an instruction set can change, and the small models of
 * tests/exports, for NEON by a cross compiler and qemu-aarch64, for SSE2 by a qemu-x86_64 that has no AVX, and natively
 * for AVX2 and AVX-512.  Limits are those of tests/ir/compiled.c, and of tests/fixtures for models.  What is missing here,
 * a compiler, an emulator or an instruction set, is named, and its runs are skipped. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static const struct { const char *isa, *machine, *cc, *emulator, *cpu; } targets[] = {
    {"aarch64", "aarch64", "aarch64-linux-gnu-gcc", "qemu-aarch64", "max"},
    {"generic", "x86_64", "gcc", "qemu-x86_64", "Nehalem"},
    {"x86-64-v3", "x86_64", "gcc", NULL, NULL},
    {"x86-64-v4", "x86_64", "gcc", NULL, NULL}};
enum { NEON = 1, SSE = 2, AVX2 = 4, AVX512 = 8, EMULATED = NEON | SSE, ALL = 15,
       TARGETS = sizeof targets / sizeof *targets };

/* Programs, and fixtures, whose names have a slash. */
static const struct { const char *name; unsigned targets; } cases[] = {
    {"kernels_f32", ALL},
    {"kernels_bf16", NEON | AVX512},
    {"kernels_f16", NEON},
    {"weights_in_integers", NEON},
    {"exports/clip_text/opset23/0", EMULATED},
    {"exports/vae_decoder/opset20/0", NEON},
    {"exports/unet/opset18/0", NEON}};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct { const char *source; Fixture *fixtures; int n_fixtures, failed; bool missing[TARGETS]; } Run;

static double limit(const Array *a, bool model)
{
    return !a->f ? 0 : a->dtype == DT_F16 ? 2e-3 : a->dtype == DT_BF16 ? 1.6e-2 : model ? 1e-5 : 2e-6;
}

static LoadedFixture load(const Run *r, int number, const char *until)
{
    for (int k = 0; k < r->n_fixtures; k++)
        if (!strcmp(r->fixtures[k].name, cases[number].name))
            return load_fixture(&r->fixtures[k], until);
    const char *path = text_format("%s/tests/ir/programs/%s.txt", r->source, cases[number].name);
    LoadedFixture l = {.graph = graph_parse(model_new(path), read_text(path, NULL), path)};
    run_passes(l.graph, &(Bindings){0}, until);
    l.inputs = random_inputs(l.graph, &(Options){0});
    return l;
}

/* What is recorded, or what the oracle computes of the graph as it is written. */
static Array **wanted_of(const Run *r, int number)
{
    LoadedFixture l = load(r, number, "infer");
    if (l.wanted)
        return l.wanted;
    l.wanted = alloc_array(l.graph->n_outputs + 1, sizeof *l.wanted);
    run_oracle(l.graph, l.inputs, l.wanted, false, NULL, NULL);
    return l.wanted;
}

static int work(int k, void *context)
{
    const Run *r = context;
    const int number = k / TARGETS, target = k % TARGETS;
    const Options o = {.isa = targets[target].isa, .cc = targets[target].cc, .emulator = targets[target].emulator,
                       .is_static = targets[target].emulator != NULL, .threads = 2, .jobs = 1};
    Array **wanted = wanted_of(r, number);
    LoadedFixture l = load(r, number, NULL);
    Array **got = alloc_array(l.graph->n_outputs + 1, sizeof *got);
    if (targets[target].cpu)
        setenv("QEMU_CPU", targets[target].cpu, 1);
    run_compiled(l.graph, l.inputs, got, &o);
    for (int j = 0; j < l.graph->n_outputs; j++) {
        const SdcArray a = array_view(got[j]), b = array_view(wanted[j]);
        const Difference d = compare(&a, &b, 0, 0);
        if (!d.same_shape || !(d.rms <= limit(wanted[j], strchr(cases[number].name, '/')))) {
            printf("output '%s': relative rms %g\n", l.graph->output_names[j], d.rms);
            return 1;
        }
    }
    return 0;
}

static void done(int k, int code, const char *text, void *context)
{
    Run *r = context;
    if (!code)
        return;
    r->failed++;
    printf("FAILED: %s (%s, code %d): %s\n", cases[k / TARGETS].name, targets[k % TARGETS].isa, code, text);
}

static bool is_there(const char *program)
{
    char *text, *argv[] = {"sh", "-c", format("command -v %s", program), NULL};
    const bool there = !run_program(argv, 10, &text);
    if (!there)
        printf("skipped: %s is not there\n", program);
    return there;
}

static bool is_missing(int target)
{
    if (!is_there(targets[target].cc) || (targets[target].emulator && !is_there(targets[target].emulator)))
        return true;
    if (strcmp(cc_machine(targets[target].cc), targets[target].machine)) {
        printf("skipped: %s does not make code for %s\n", targets[target].cc, targets[target].isa);
        return true;
    }
    return !targets[target].emulator && sdc_cpu_check(targets[target].isa) != SDC_OK;   /* it has said why */
}

int main(int argc, char **argv)
{
    static int list[CASES * TARGETS];
    int count = 0, missing = 0;
    if (argc < 2)
        return 1;
    Run r = {.source = argv[1]};
    r.fixtures = list_fixtures(argv[1], &r.n_fixtures);
    for (int k = 0; k < TARGETS; k++)
        missing += r.missing[k] = is_missing(k);
    for (int k = 0; k < CASES * TARGETS; k++)
        if ((cases[k / TARGETS].targets & 1u << k % TARGETS) && !r.missing[k % TARGETS]
            && (argc < 3 || strstr(cases[k / TARGETS].name, argv[2])))
            list[count++] = k;
    run_parallel(cpus(), list, count, 120, work, done, &r);
    printf("%d runs, %d failed\n", count, r.failed);
    return r.failed ? 1 : missing == TARGETS ? EXIT_SKIPPED : 0;
}
