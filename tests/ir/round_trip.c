/* round_trip.c: print(parse(print(g))) is print(g), for every fixture, as imported and after the passes; for some after
 * each pass.
 *
 *      round_trip SOURCE_FOLDER */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

/* The first three for every fixture; NULL: all passes. */
static const char *const stages[] = {"bind", "simplify", NULL, "masked", "infer", "fold", "norm", "activation",
                                     "attention", "decompose", "projection", "gate"};
enum { STAGES = sizeof stages / sizeof *stages, OF_ALL = 3, SAMPLE = 10 };

typedef struct { Fixture *fixtures; int failed; } Run;

static char *text_of(const Graph *g)
{
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    graph_print(out, g);
    fclose(out);
    return text;
}

static int work(int k, void *context)
{
    const Fixture *f = &((Run *)context)->fixtures[k / STAGES];
    Graph *g = load_fixture(f, stages[k % STAGES]).graph;
    char *once = text_of(g);
    Graph *parsed = graph_parse(model_new("text"), once, "text");
    graph_check(parsed, "parsing");
    char *twice = text_of(parsed);
    if (!strcmp(once, twice))
        return 0;
    size_t at = 0;
    while (once[at] == twice[at])
        at++;
    while (at && once[at - 1] != '\n')
        at--;
    printf("printed  %.200s\nreprinted %.200s\n", once + at, twice + at);
    return 1;
}

static void done(int k, int code, const char *text, void *context)
{
    Run *r = context;
    if (!code)
        return;
    r->failed++;
    printf("FAILED: %s after %s (code %d): %s\n", r->fixtures[k / STAGES].name,
           stages[k % STAGES] ? stages[k % STAGES] : "all passes", code, text);
}

int main(int argc, char **argv)
{
    int count;
    if (argc != 2)
        return 1;
    Run r = {.fixtures = list_fixtures(argv[1], &count)};
    int *list = calloc((size_t)count * STAGES + 1, sizeof *list);
    int n = 0;
    for (int k = 0; list && k < count * STAGES; k++)
        if (k % STAGES < OF_ALL || k / STAGES % SAMPLE == 0)
            list[n++] = k;
    run_parallel(cpus(), list, n, 120, work, done, &r);
    printf("%d graphs, %d failed\n", n, r.failed);
    return r.failed != 0;
}
