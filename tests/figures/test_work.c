/* test_work.c: bytes that programs move and their FLOPs, against figures worked out by hand.
 *
 *      test_work SOURCE_FOLDER */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static Program *program_of(const char *text, const char *name)
{
    Model *m = model_new(name);
    Graph *g = m->graph = graph_parse(m, text, name);
    run_passes(g, &(Bindings){.no_fuse = NO_FUSION}, NULL);
    Program *p = lower_graph(g, "figures", isa_by_name("generic"));
    plan_program(p);
    return p;
}

/* The sum over the calls is the program's, where each runs once. */
static bool adds_up(const Program *p)
{
    int64_t moved = 0;
    for (const Call *c = p->body.first; c; c = c->next) {
        Traffic t = call_traffic(c);
        moved += t.read + t.written;
    }
    return moved == p->moved_bytes || p->n_loops > 0;
}

static bool check(char *text)
{
    int64_t bytes, flops;
    int used;
    if (sscanf(text, "%" SCNd64 " %" SCNd64 " %n", &bytes, &flops, &used) < 2) {
        printf("FAILED: no figures: %s\n", text);
        return false;
    }
    char *name = strndup(text + used, strcspn(text + used, "\n"));
    Program *p = program_of(strchr(text, '\n') + 1, name);
    bool good = p->moved_bytes == bytes && p->flops == flops && adds_up(p);
    if (!good)
        printf("FAILED: %s: %" PRId64 " bytes, %" PRId64 " FLOPs\n", name, p->moved_bytes, p->flops);
    free(name);
    return good;
}

int main(int argc, char **argv)
{
    int cases = 0, failed = 0;
    char *text = read_text(format("%s/tests/figures/work.txt", argc > 1 ? argv[1] : "."), NULL);
    if (!text)
        return 1;
    for (char *at = strstr(text, "\n--- "), *next; at; at = next) {
        next = strstr(at + 5, "\n--- ");
        if (next)
            *next = 0;
        failed += !check(at + 5);
        if (next)
            *next = '\n';
        cases++;
    }
    printf("%d cases, %d failed\n", cases, failed);
    return failed || cases < 5;
}
