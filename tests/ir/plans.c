/* plans.c: does any call read what another has overwritten?
 *
 *      plans SOURCE_FOLDER
 *
 * Every fixture is lowered and planned.  Then the calls are walked in execution order over a model of the arena that
 * knows which buffer's data each byte range holds: a call may read a buffer only while its data are there, may write
 * over buffers that nobody reads afterwards, and over its own operands only where its kernel allows it (Call.reuse_by).
 * Loops are walked twice, branches each from the same state.  The arena is at least the lower bound. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct { Fixture *fixtures; int failed; double worst; const char *worst_name; } Run;

/* intact[b]: the data of buffer b are where the plan says. */
typedef struct { const Program *program; bool *intact; } Arena;

static bool overlap(const Buffer *a, const Buffer *b)
{
    return a != b && a->bytes && b->bytes && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static bool in_arena(const Operand *o)
{
    return o->view.buffer && o->view.buffer->kind == BUFFER_ARENA;
}

static void wrote(const Arena *a, const Buffer *b)
{
    for (int k = 0; k < a->program->n_buffers; k++)
        if (a->program->buffers[k]->kind == BUFFER_ARENA && a->program->buffers[k]->offset >= 0 &&
            overlap(a->program->buffers[k], b))
            a->intact[k] = false;
    a->intact[b->id] = true;
}

static void need_intact(const Arena *a, const Buffer *b, const Call *c)
{
    if (a->intact[b->id])
        return;
    printf("call %d (%s, %s) reads buffer %d, [%lld, +%lld), whose data are not there\n", c->order,
           c->kernel ? c->kernel : "control", c->note, b->id, (long long)b->offset, (long long)b->bytes);
    exit(1);
}

/* Operands of one call against each other. */
static void check_own_operands(const Call *c)
{
    for (int w = 0; w < c->n_operands; w++)
        for (int r = 0; r < c->n_operands; r++) {
            bool writes = c->operands[w].mode == OPERAND_WRITE || c->operands[w].mode == OPERAND_UPDATE;
            if (!writes || !in_arena(&c->operands[w]) || !in_arena(&c->operands[r]) ||
                (w == c->reuse_by && r == c->reuse_of))
                continue;
            if (overlap(c->operands[w].view.buffer, c->operands[r].view.buffer)) {
                printf("call %d (%s): operand %d is written over operand %d\n", c->order, c->kernel, w, r);
                exit(1);
            }
        }
}

static void walk(Arena *a, const Block *block);

static void walk_branches(Arena *a, const Call *c)
{
    size_t bytes = (size_t)a->program->n_buffers * sizeof *a->intact;
    bool *before = memcpy(alloc(bytes + 1), a->intact, bytes);
    walk(a, c->then_block);
    bool *after_then = memcpy(alloc(bytes + 1), a->intact, bytes);
    memcpy(a->intact, before, bytes);
    walk(a, c->else_block);
    for (int k = 0; k < a->program->n_buffers; k++)
        a->intact[k] &= after_then[k];
}

static void walk(Arena *a, const Block *block)
{
    for (const Call *c = block->first; c; c = c->next) {
        for (int k = 0; k < c->n_operands; k++)
            if (in_arena(&c->operands[k]) && (c->kind != CALL_KERNEL || c->operands[k].mode == OPERAND_READ))
                need_intact(a, c->operands[k].view.buffer, c);
        if (c->kind == CALL_KERNEL)
            check_own_operands(c);
        for (int k = 0; k < c->n_operands && c->kind == CALL_KERNEL; k++)
            if (in_arena(&c->operands[k]) &&
                (c->operands[k].mode == OPERAND_WRITE || c->operands[k].mode == OPERAND_UPDATE))
                wrote(a, c->operands[k].view.buffer);
        if (c->kind == CALL_IF)
            walk_branches(a, c);
        for (int times = 0; c->kind == CALL_LOOP && times < 2; times++) {
            walk(a, c->then_block);
            for (int k = 0; k < c->n_operands; k++)         /* the condition, read before the next iteration */
                if (in_arena(&c->operands[k]))
                    need_intact(a, c->operands[k].view.buffer, c);
        }
    }
}

static int work(int k, void *context)
{
    LoadedFixture l = load_fixture(&((Run *)context)->fixtures[k], NULL);
    Program *p = lower_graph(l.graph, "model", isa_by_name("generic"));
    plan_program(p);
    Arena a = {p, alloc_array(p->n_buffers + 1, sizeof *a.intact)};
    for (int j = 0; j < l.graph->n_inputs; j++)
        wrote(&a, p->inputs[j].buffer);
    for (int j = 0; j < l.graph->n_inputs; j++)
        need_intact(&a, p->inputs[j].buffer, &(Call){.note = "inputs overlap"});
    for (int j = 0; j < p->n_buffers; j++)
        if (p->buffers[j]->kind == BUFFER_ARENA && p->buffers[j]->offset + p->buffers[j]->bytes > p->arena_bytes) {
            printf("buffer %d ends behind the arena\n", j);
            return 1;
        }
    walk(&a, &p->body);
    for (int j = 0; j < l.graph->n_outputs; j++)
        need_intact(&a, p->outputs[j].buffer, &(Call){.note = "an output at the end"});
    if (p->arena_bytes < p->bound_bytes) {
        printf("the arena has %lld bytes, less than its lower bound %lld\n", (long long)p->arena_bytes,
               (long long)p->bound_bytes);
        return 1;
    }
    printf("%.4f\n", p->bound_bytes ? (double)p->arena_bytes / (double)p->bound_bytes : 1.0);
    return 0;
}

static void done(int k, int code, const char *text, void *context)
{
    Run *r = context;
    double ratio = strtod(text, NULL);
    if (code) {
        r->failed++;
        printf("FAILED: %s (code %d): %s\n", r->fixtures[k].name, code, text);
    } else if (ratio > r->worst) {
        r->worst = ratio;
        r->worst_name = r->fixtures[k].name;
    }
}

int main(int argc, char **argv)
{
    int count;
    if (argc != 2)
        return 1;
    Run r = {.fixtures = list_fixtures(argv[1], &count), .worst_name = "none"};
    int *list = calloc((size_t)count + 1, sizeof *list);
    for (int k = 0; list && k < count; k++)
        list[k] = k;
    run_parallel(cpus(), list, count, 120, work, done, &r);
    printf("%d plans, %d failed; arena at most %.3f times its lower bound (%s)\n", count, r.failed, r.worst,
           r.worst_name);
    return r.failed != 0;
}
