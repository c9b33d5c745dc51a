/* test_loops.c: --profile of a program with a loop and a branch: how often each call ran.
 *
 *      test_loops SOURCE_FOLDER */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

/* Of ir/programs/if_in_loop.txt: five iterations, the even ones negate, the odd ones add. */
static const struct { const char *note; int times; } rows[] = {
    {"Neg [3] -> f32 [3]", 3}, {"Add [3], [3] -> f32 [3]", 2}, {"Mod [], [] -> i64 []", 5},
};

static void build_loop(const char *source, const char *exe)
{
    Model *m = model_new("loop");
    char *text = read_text(format("%s/tests/ir/programs/if_in_loop.txt", source), NULL);
    m->graph = graph_parse(m, strstr(text, "graph "), "loop");
    run_passes(m->graph, &(Bindings){.no_fuse = NO_FUSION}, NULL);
    Options o = {.quiet = true, .isa = "generic"};
    const Isa *isa = read_isa(&o);
    BuildOptions b = build_options(&o, exe, isa);
    Program *p = lower_graph(m->graph, "loop", isa);
    plan_program(p);
    build(&p, 1, &b);
}

static int times_of(const json_t *profile, const char *note)
{
    size_t k;
    const json_t *call;
    json_array_foreach(json_object_get(profile, "calls"), k, call)
        if (!strcmp(json_string_value(json_object_get(call, "note")), note))
            return (int)json_integer_value(json_object_get(call, "times"));
    return -1;
}

int main(int argc, char **argv)
{
    char *output, *exe = format("%s/loop", work_folder("loops"));
    build_loop(argc > 1 ? argv[1] : ".", exe);
    int code = run_program((char *[]){exe, "--profile=2", "--json", NULL}, 60, &output), failed = code != 0;
    json_t *profile = json_loads(output, 0, NULL);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        int times = times_of(profile, rows[k].note);
        if (times != rows[k].times) {
            printf("FAILED: %s ran %d times, not %d\n", rows[k].note, times, rows[k].times);
            failed = 1;
        }
    }
    if (failed)
        printf("exit code %d: %s\n", code, output);
    json_decref(profile);
    return failed;
}
