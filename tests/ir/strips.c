/* strips.c: pass_strips keeps results.
 *
 *      strips FOLDER [NAME]
 *
 * Each value of each graph of FOLDER (text programs), along each axis, in 2, 3 and 5 strips: once as if every value had a
 * place of its own, so that its readers are sinks, and once as if none had, so that strips reach from end to end.  The
 * oracle evaluates the graph before and after in double precision on the same random inputs; at most a relative RMS of 1e-9. */
#include <stdlib.h>
#include <string.h>

#include "../../cli/verify.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct { const char *folder; char **names; int failed; } Run;

static Graph *read_graph(const char *path)
{
    Graph *g = graph_parse(model_new(path), read_text(path, NULL), path);
    run_passes(g, &(Bindings){0}, "strips");
    return g;
}

static bool agree(const Array *got, const Array *wanted)
{
    const SdcArray a = array_view(got), b = array_view(wanted);
    Difference d = compare(&a, &b, 0, 0);
    return d.same_shape && d.rms <= (wanted->f ? 1e-9 : 0);
}

/* 0: it can not be; 1: as before; -1: it differs. */
static int try_one(const char *path, StripSeed seed, unsigned char kept)
{
    const Options o = {.seed = 3};
    Graph *plain = read_graph(path), *g = read_graph(path);
    int n_values = g->model->next_value;
    unsigned char *all = alloc_array(n_values + 1, 1);
    memset(all, kept, (size_t)n_values);
    StripPlan plan = {.seeds = &seed, .n_seeds = 1, .kept = all, .n_values = n_values};
    StripCost cost;
    const char *why;
    if (!strips_cost(g, &plan, &cost, &why))
        return 0;
    g->model->strips = &plan;
    pass_strips(g);
    graph_check(g, "strips");
    Input *inputs = random_inputs(plain, &o);
    Array **wanted = alloc_array(g->n_outputs + 1, sizeof *wanted), **got = alloc_array(g->n_outputs + 1, sizeof *got);
    run_oracle(plain, inputs, wanted, true, NULL, NULL);
    run_oracle(g, inputs, got, true, NULL, NULL);
    int result = 1;
    for (int k = 0; k < g->n_outputs; k++)
        result = agree(got[k], wanted[k]) ? result : -1;
    if (result < 0)
        printf("v%d axis %d in %d strips, kept %d: differs\n", seed.value, seed.axis, seed.count, kept);
    return result;
}

static int work(int k, void *context)
{
    static const int counts[] = {2, 3, 5};
    static const unsigned char kept[] = {0, KEPT_SOMEWHERE | KEPT_ITSELF};
    const Run *r = context;
    const char *path = text_format("%s/%s", r->folder, r->names[k]);
    int made = 0;
    const Graph *g = read_graph(path);
    for (const Node *n = g->first; n; n = n->next)
        for (int axis = 0; n->n_out && n->out[0] && axis < n->out[0]->shape.rank; axis++)
            for (int c = 0; c < 6; c++) {
                int one = try_one(path, (StripSeed){n->out[0]->id, axis, counts[c / 2]}, kept[c % 2]);
                if (one < 0)
                    return 1;
                made += one;
            }
    printf("%s: %d plans\n", r->names[k], made);
    return 0;
}

static void done(int k, int code, const char *text, void *context)
{
    Run *r = context;
    if (code)
        printf("FAILED: %s (code %d): ", r->names[k], code);
    printf("%s", text);
    r->failed += code != 0;
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
