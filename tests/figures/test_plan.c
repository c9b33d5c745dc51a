/* test_plan.c: the schedule and the offsets of arena buffers.
 *
 *      test_plan SOURCE_FOLDER
 *
 * tests/ir/programs/schedule.txt makes three wide results before it reads the first; a good order reads each first.
 * In hoist_gemm.txt the timestep is read once a block, but written before every run: nothing that is kept from one pace to
 * the next may lie there, wherever it is placed.
 * Offsets are checked on drawn lifetimes: no two that live together overlap, and what can be packed without gaps by
 * construction comes within 6 % of that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "../../codegen/plan.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

enum { MOST = 4096, CUTS = 160, LENGTH = 400, HEIGHT = 1 << 20 };

static bool check_schedule(const char *source)
{
    Model *m = model_new("schedule");
    char *text = read_text(format("%s/tests/ir/programs/schedule.txt", source), NULL);
    Graph *g = m->graph = graph_parse(m, strstr(text, "graph "), "schedule");
    run_passes(g, &(Bindings){.no_fuse = NO_FUSION}, NULL);
    Program *p = lower_graph(g, "schedule", isa_by_name("generic"));
    plan_program(p);
    if (p->arena_bytes < p->unscheduled_bytes && p->arena_bytes >= p->bound_bytes)
        return true;
    printf("the arena takes %lld bytes, %lld in the order of lowering\n", (long long)p->arena_bytes,
           (long long)p->unscheduled_bytes);
    return false;
}

static bool check_inputs(const char *source)
{
    Model *m = model_new("hoist_gemm");
    char *text = read_text(format("%s/tests/ir/programs/hoist_gemm.txt", source), NULL);
    Graph *g = m->graph = graph_parse(m, strstr(text, "graph "), "hoist_gemm");
    run_passes(g, &(Bindings){.block = 16}, NULL);
    Program *p = lower_graph(g, "hoist_gemm", isa_by_name("generic"));
    plan_program(p);
    const Call *first = p->last[PACE_BLOCK] ? p->last[PACE_BLOCK]->next : NULL;
    bool good = first != NULL;
    for (int k = 0; good && k < g->n_inputs; k++)
        good = p->inputs[k].buffer->last >= first->order;
    if (!good)
        printf("an input's place is free before the first call of a run\n");
    return good;
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % below;
}

/* A full rectangle of time and memory cut into pieces at random: so these lifetimes fit without a gap. */
static int cut_rectangle(Buffer *list, uint64_t seed)
{
    uint64_t state = seed;
    int count = 1;
    list[0] = (Buffer){.bytes = HEIGHT, .last = LENGTH - 1};
    for (int k = 0; k < CUTS; k++) {
        Buffer *b = &list[draw(&state, (uint64_t)count)], *c = &list[count];
        int64_t life = b->last - b->first + 1, units = b->bytes / 64;
        if (life < 2 || units < 2)
            continue;
        *c = *b;
        c->id = count++;
        if (draw(&state, 2)) {
            b->last = b->first + (int)draw(&state, (uint64_t)life - 1);
            c->first = b->last + 1;
        } else {
            b->bytes = 64 * (1 + (int64_t)draw(&state, (uint64_t)units - 1));
            c->bytes -= b->bytes;
        }
    }
    return count;
}

static bool check_offsets(uint64_t seed)
{
    static Buffer buffers[MOST];
    Buffer *list[MOST];
    int64_t offsets[MOST];
    int count = cut_rectangle(buffers, seed);
    for (int k = 0; k < count; k++)
        list[k] = &buffers[k];
    int64_t top = place_buffers(list, count, HEIGHT, offsets);
    for (int k = 0; k < count; k++)
        for (int j = 0; j < k; j++) {
            const Buffer *a = list[k], *b = list[j];
            if (a->first <= b->last && b->first <= a->last && offsets[k] < offsets[j] + b->bytes &&
                offsets[j] < offsets[k] + a->bytes) {
                printf("seed %llu: buffers %d and %d overlap\n", (unsigned long long)seed, j, k);
                return false;
            }
        }
    printf("seed %llu: %d buffers, %.2f %% above the bound\n", (unsigned long long)seed, count,
           100 * (double)(top - HEIGHT) / HEIGHT);
    return top >= HEIGHT && top < HEIGHT + HEIGHT / 16;
}

int main(int argc, char **argv)
{
    const char *source = argc > 1 ? argv[1] : ".";
    bool good = check_schedule(source) & check_inputs(source);
    for (uint64_t seed = 1; seed <= 4; seed++)
        good &= check_offsets(seed);
    return !good;
}
