/* compiled.c: graphs written as text, by an executable and by the oracle, on random inputs.
 *
 *      compiled FOLDER [NAME]
 *
 * For what the recorded cases have little of: control flow, and every form of fusion.  A graph of FOLDER/NAME.txt goes
 * through all passes, with all fusions and with none, both with direct convolutions alone, and, where it takes Winograd's,
 * with all fusions and those; the outputs of the executables must agree with the oracle's of the graph as it is written,
 * within a relative RMS of 1e-6, 2e-6 where Winograd's transforms round too (2e-3 for float16 and 1.6e-2 for bfloat16,
 * which the oracle rounds after each node), integers and bools exactly.  Inputs that are timesteps get tables of three
 * rows. */
#include <string.h>

#include "../../cli/verify.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct { const char *folder; char **names; int failed; } Run;

static const struct { const char *name; unsigned no_fuse; bool exact; } forms[] = {
    {"fused", 0, true}, {"nothing fused", ~0u, true}, {"fused, Winograd", 0, false}};
enum { FORMS = sizeof forms / sizeof *forms };

static double limit(const Array *a, bool exact)
{
    return !a->f ? 0 : a->dtype == DT_F16 ? 2e-3 : a->dtype == DT_BF16 ? 1.6e-2 : exact ? 1e-6 : 2e-6;
}

/* The graph of `path` after the passes up to `until`. */
static Graph *read_graph(const char *path, int form, const char *until)
{
    Graph *g = graph_parse(model_new(path), read_text(path, NULL), path);
    run_passes(g, &(Bindings){.no_fuse = forms[form].no_fuse, .block = 3, .exact = forms[form].exact}, until);
    return g;
}

static bool takes_winograd(const Block *block)
{
    for (const Call *c = block->first; c; c = c->next)
        if ((c->kind == CALL_KERNEL && !strcmp(c->kernel, "conv_winograd")) ||
            (c->then_block && takes_winograd(c->then_block)) || (c->else_block && takes_winograd(c->else_block)))
            return true;
    return false;
}

static int compare_one(const char *path, int form, const Options *o)
{
    Graph *plain = read_graph(path, form, "infer"), *g = read_graph(path, form, NULL);
    Input *inputs = random_inputs(plain, o);
    Array **wanted = alloc_array(g->n_outputs + 1, sizeof *wanted), **got = alloc_array(g->n_outputs + 1, sizeof *got);
    run_oracle(plain, inputs, wanted, false, NULL, NULL);
    run_compiled(g, inputs, got, o);
    for (int j = 0; j < g->n_outputs; j++) {
        const SdcArray a = array_view(got[j]), b = array_view(wanted[j]);
        Difference d = compare(&a, &b, 0, 0);
        const DType written = wanted[j]->dtype == DT_BF16 ? DT_F32 : wanted[j]->dtype;      /* NumPy has no bfloat16 */
        if (!d.same_shape || got[j]->dtype != written || !(d.rms <= limit(wanted[j], forms[form].exact))) {
            printf("seed %d, %s, output '%s': relative rms %g\n", (int)o->seed, forms[form].name, g->output_names[j],
                   d.rms);
            return 1;
        }
    }
    return 0;
}

static int work(int k, void *context)
{
    const Run *r = context;
    const char *path = text_format("%s/%s", r->folder, r->names[k]);
    for (int form = 0; form < FORMS; form++) {
        if (!forms[form].exact && !takes_winograd(&lower_graph(read_graph(path, form, NULL), "g", isa_by_name("native"))->body))
            continue;
        for (int64_t seed = 0; seed < 2; seed++)
            if (compare_one(path, form, &(Options){.seed = seed, .threads = 2, .jobs = 1}))
                return 1;
    }
    return 0;
}

static void done(int k, int code, const char *text, void *context)
{
    Run *r = context;
    if (!code)
        return;
    r->failed++;
    printf("FAILED: %s (code %d): %s\n", r->names[k], code, text);
}

int main(int argc, char **argv)
{
    enum { MOST = 1024 };
    static int list[MOST];
    int files, count = 0;
    if (argc < 2)
        return 1;
    Run r = {.folder = argv[1]};
    r.names = list_folder(argv[1], NULL, &files);
    for (int k = 0; k < files && count < MOST; k++)
        if (argc < 3 || strstr(r.names[k], argv[2]))
            list[count++] = k;
    run_parallel(cpus(), list, count, 120, work, done, &r);
    printf("%d programs, %d failed\n", count, r.failed);
    return r.failed != 0 || count == 0;
}
