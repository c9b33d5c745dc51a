/* trial.c: what a choice of strips gives, found by making it.
 *
 * The graph goes through the remaining passes, is lowered and planned in a child process, whose memory is gone when it
 * ends; it tells the parent what is needed, and which values are live where that is most. */
#include "trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../runtime/fileio.h"

enum { INSTANCE_BYTES = 8 << 10 };          /* of code, before it is compiled; build() compares with what it became */

/* The id of the value that v is or is a part of, among those before the strips; -1: none. */
static int whole_of(const Value *v, int n_values)
{
    const Model *m = v->graph->model;
    if (v->def && v->def->op == OP_Fused)
        v = attr_find(v->def, "body")->graph->outputs[0];
    return v->id < n_values ? v->id : v->id < m->n_parts ? m->part_of[v->id] : -1;
}

static void add_live(Trial *t, int value, int64_t bytes)
{
    int k = 0;
    while (k < t->n_live && t->live[k].value != value)
        k++;
    if (k == MOST_LIVE)
        return;
    if (k == t->n_live)
        t->live[t->n_live++] = (Live){value, 0};
    t->live[k].bytes += bytes;
}

void apply_plan(Graph *g, const StripPlan *plan)
{
    g->model->strips = plan;
    run_passes_from(g, "strips");
    g->model->strips = NULL;
}

/* At the peak, and not succeeded in its place by another buffer. */
static bool is_live(const Program *p, const Buffer *b)
{
    bool live = b->first <= p->peak && b->last >= p->peak;
    for (int k = 0; live && k < p->n_buffers; k++) {
        const Buffer *o = p->buffers[k];
        live = o == b || o->kind != BUFFER_ARENA || o->offset != b->offset || o->first < b->first || o->first > p->peak ||
               o->last < p->peak;
    }
    return live;
}

int64_t code_bytes(Program *p)
{
    return (int64_t)INSTANCE_BYTES * count_instances(p);
}

static void note_kept(const Program *p, int n_values, unsigned char *kept)
{
    for (const Node *n = p->graph->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++) {
            int whole = n->out[k] ? whole_of(n->out[k], n_values) : -1;
            if (whole >= 0)
                kept[whole] |= KEPT_SOMEWHERE;
        }
    for (int k = 0; k < p->n_buffers; k++) {
        const Buffer *b = p->buffers[k];
        int whole = b->kind == BUFFER_ARENA && b->value ? whole_of(b->value, n_values) : -1;
        if (whole >= 0)
            kept[whole] |= KEPT_ITSELF;
    }
}

/* In the child. */
_Noreturn static void run_trial(const Trier *r, const StripPlan *plan, int64_t limit, int fd)
{
    unsigned char *kept = alloc_array(r->n_values + 1, 1);
    apply_plan(r->graph, plan);
    Program *p = lower_graph(r->graph, r->name, r->isa);
    int64_t code = code_bytes(p);
    p->aim = limit == 0 ? 0 : limit > code ? limit - code : 1;
    plan_program(p);
    Trial t = {.arena = p->arena_bytes, .bound = p->bound_bytes, .flops = p->flops, .code = code};
    note_kept(p, r->n_values, kept);
    for (int k = 0; k < p->n_buffers; k++) {
        const Buffer *b = p->buffers[k];
        if (b->kind == BUFFER_ARENA && is_live(p, b))
            add_live(&t, b->value ? whole_of(b->value, r->n_values) : -1, b->bytes);
    }
    const bool told = !sdc_write_all(fd, &t, sizeof t) && !sdc_write_all(fd, kept, r->n_values);
    _exit(told ? SDC_OK : SDC_BUG);
}

Trial try_plan(const Trier *r, const StripPlan *plan, int64_t limit, unsigned char *kept)
{
    Trial t;
    int ends[2], status = 0;
    fflush(NULL);
    pid_t child = pipe(ends) ? -1 : fork();
    if (child < 0)
        fail(SDC_NO_SPACE, "--max-memory: no child process: %s", strerror(errno));
    if (child == 0) {
        close(ends[0]);
        run_trial(r, plan, limit, ends[1]);
    }
    close(ends[1]);
    bool told = sdc_read_all(ends[0], &t, sizeof t) && sdc_read_all(ends[0], kept, r->n_values);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!told)
        exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : SDC_BUG);
    return t;
}
