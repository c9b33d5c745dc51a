/* choices.c: every candidate of every choice, forced.
 *
 *      choices FILE.txt [ISA...]
 *
 * A graph is compiled as the cost model has it, with each convolution done directly and by both of Winograd's tiles, with
 * each block of keys, and, of each convolution's way, with every other value of what only cuts the work: in f32 and, where
 * the CPU multiplies bf16, in bf16.  Results agree with the oracle's; those of other cuts are the same bytes. */
#include <string.h>

#include "../../cli/verify.h"
#include "../../codegen/choice.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct {
    const char *path, *isa;
    DType dtype;
    Choices choices;
    Input *inputs;
    Array **wanted, **base;         /* the oracle's, and with the cost model's cuts */
    int builds, failed;
} Case;

static Graph *read_graph(Case *c, const char *until)
{
    Graph *g = graph_parse(model_new(c->path), read_text(c->path, NULL), c->path);
    run_passes(g, &(Bindings){.dtype = until ? DT_NONE : c->dtype, .choices = &c->choices}, until);
    return g;
}

static void fail_case(Case *c, const char *what, const char *output)
{
    printf("%s, %s: %s: %s\n", c->path, c->dtype ? "bf16" : "f32", what, output);
    c->failed++;
}

static Array **outputs_of(Case *c, const char *what)
{
    Graph *g = read_graph(c, NULL);
    Array **got = alloc_array(g->n_outputs + 1, sizeof *got);
    run_compiled(g, c->inputs, got, &(Options){.isa = c->isa, .threads = 2, .jobs = 1});
    c->builds++;
    for (int k = 0; k < g->n_outputs; k++) {
        const SdcArray a = array_view(got[k]), b = array_view(c->wanted[k]);
        if (!(compare(&a, &b, 0, 0).rms <= (c->dtype ? 2e-2 : 2e-6)))
            fail_case(c, what, g->output_names[k]);
        if (c->base && memcmp(a.data, c->base[k]->f, (size_t)a.count * sizeof(float)))
            fail_case(c, text_format("%s: other bytes than the cost model's cut", what), g->output_names[k]);
    }
    return got;
}

/* Candidate number `number`, from 0, of all questions of this kind that were asked; false: none has so many. */
static bool force(Case *c, ChoiceKind kind, int number)
{
    bool some = false;
    for (int k = 0; k < c->choices.n_asked; k++) {
        const Asked *a = &c->choices.asked[k];
        int64_t values[MOST_CANDIDATES];
        const int count = a->kind == kind ? choice_candidates(kind, a->standard, a->limit, values) : 0;
        if (number < count)
            choices_set(&c->choices, kind, a->site, values[number], 1);
        some |= number < count;
    }
    return some;
}

static void restore(Case *c, ChoiceKind kind)
{
    for (int k = 0; k < c->choices.n_asked; k++)
        if (c->choices.asked[k].kind == kind)
            choices_set(&c->choices, kind, c->choices.asked[k].site, c->choices.asked[k].standard, 1);
}

/* All cuts that keep the bytes at once, one candidate after the other. */
static void try_cuts(Case *c, const char *way)
{
    c->base = outputs_of(c, way);
    for (int number = 0; number < MOST_CANDIDATES; number++) {
        bool some = false;
        for (ChoiceKind kind = 0; kind < CHOICE_COUNT; kind++)
            some |= choice_info(kind)->same_bytes && force(c, kind, number);
        if (some)
            outputs_of(c, text_format("%s, cut %d", way, number + 1));
    }
    for (ChoiceKind kind = 0; kind < CHOICE_COUNT; kind++)
        if (choice_info(kind)->same_bytes)
            restore(c, kind);
    c->base = NULL;
}

static int try_graph(const char *path, const char *isa, DType dtype)
{
    Case c = {.path = path, .isa = isa, .dtype = dtype};
    Graph *plain = read_graph(&c, "infer");
    c.inputs = random_inputs(plain, &(Options){.seed = 0});
    c.wanted = alloc_array(plain->n_outputs + 1, sizeof *c.wanted);
    run_oracle(plain, c.inputs, c.wanted, false, NULL, NULL);
    try_cuts(&c, "as the cost model has it");
    for (int number = 0; force(&c, CHOICE_KEY_BLOCK, number); number++)
        outputs_of(&c, text_format("key block %d", number));
    restore(&c, CHOICE_KEY_BLOCK);
    for (int number = 0; force(&c, CHOICE_WINOGRAD, number); number++)
        if (number || dtype)        /* the other tile's cuts, and bf16's, are the same code */
            outputs_of(&c, text_format("way %d of convolutions", number + 1));
        else
            try_cuts(&c, text_format("way %d of convolutions", number + 1));
    for (ChoiceKind kind = 0; kind < CHOICE_COUNT; kind++)
        if (!c.failed && !force(&c, kind, 0))
            fail_case(&c, choice_info(kind)->name, "is asked for nowhere");
    printf("%s, %s, %s: %d builds, %d failures\n", path, isa, dtype ? "bf16" : "f32", c.builds, c.failed);
    return c.failed;
}

static int try_isa(const char *path, const char *isa)
{
    const int failed = try_graph(path, isa, DT_NONE);
    return isa_by_name(isa)->bf16_rate ? failed + try_graph(path, isa, DT_BF16) : failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2)
        return 1;
    if (argc == 2)
        failed = try_isa(argv[1], "native");
    for (int k = 2; k < argc; k++)
        failed += try_isa(argv[1], argv[k]);
    return failed != 0;
}
