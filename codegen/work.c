/* work.c: what a program does in one run: FLOPs, and bytes that its kernels read and write.
 *
 * Bytes follow from the operands' views: each distinct element counts once, so an axis of stride 0 counts once, and an
 * operand that stands there twice counts once.  Memory that only one call touches is that call's own affair and counts
 * as nothing moved.  A branch counts both ways, a loop as often as it runs (of unknown length: once).
 *
 *      needs:   the plan's lifetimes
 *      leaves:  Program.flops and Program.moved_bytes, Program.work for each pace */
#include <string.h>

#include "codegen.h"

/* ---- one operand ------------------------------------------------------------------------------------------------- */

static int64_t distinct_bytes(const View *v)
{
    int64_t count = 1, span = 1;
    for (int k = 0; k < v->rank; k++) {
        int64_t stride = v->stride[k] < 0 ? -v->stride[k] : v->stride[k];
        if (v->dim[k] == 0)
            return 0;
        if (stride)
            count *= v->dim[k];
        span += stride * (v->dim[k] - 1);           /* windows that overlap have more places than memory */
    }
    return (count < span ? count : span) * dtype_info(v->dtype)->bytes;
}

static bool same_view(const View *a, const View *b)
{
    bool same = a->buffer == b->buffer && a->dtype == b->dtype && a->rank == b->rank && a->offset == b->offset &&
                a->index == b->index && a->index_stride == b->index_stride;
    for (int k = 0; same && k < a->rank; k++)
        same = a->dim[k] == b->dim[k] && a->stride[k] == b->stride[k];
    return same;
}

static bool reads(const Operand *o)
{
    return o->mode != OPERAND_WRITE;
}

static bool read_before(const Call *c, int operand)
{
    for (int k = 0; k < operand; k++)
        if (reads(&c->operands[k]) && same_view(&c->operands[k].view, &c->operands[operand].view))
            return true;
    return false;
}

static bool is_scratch(const Operand *o)
{
    const Buffer *b = o->view.buffer;
    return o->mode == OPERAND_UPDATE && b->kind == BUFFER_ARENA && b->first == b->last;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Kernels that pick elements of their first input by index: they read no more of it than they write. */
static bool picks(const Call *c)
{
    return c->kernel && !strcmp(c->kernel, "gather");
}

Traffic call_traffic(const Call *c)
{
    Traffic t = {0};
    bool first_read = true;
    for (int k = 0; k < c->n_operands; k++)
        if (c->operands[k].view.buffer && !reads(&c->operands[k]))
            t.written += distinct_bytes(&c->operands[k].view);
    for (int k = 0; k < c->n_operands; k++) {
        const Operand *o = &c->operands[k];
        if (!o->view.buffer || !reads(o) || is_scratch(o) || read_before(c, k))
            continue;
        int64_t bytes = distinct_bytes(&o->view);
        if (first_read && picks(c) && bytes > t.written)
            bytes = t.written;
        first_read = false;
        *(o->view.buffer->kind == BUFFER_ARENA ? &t.read : &t.weights) += bytes;
        if (o->mode == OPERAND_UPDATE)
            t.written += bytes;
    }
    return t;
}

static void add_block(PaceWork *w, const Block *block, int64_t times);

static void add_call(PaceWork *w, const Call *c, int64_t times)
{
    Traffic t = call_traffic(c);
    int64_t inner = times * (c->kind == CALL_LOOP && c->trip_count >= 0 ? c->trip_count : 1);
    w->calls++;
    w->flops += times * c->flops;
    w->moved += times * (t.read + t.written);
    w->weights += times * t.weights;
    if (c->then_block)
        add_block(w, c->then_block, inner);
    if (c->else_block)
        add_block(w, c->else_block, inner);
}

static void add_block(PaceWork *w, const Block *block, int64_t times)
{
    for (const Call *c = block->first; c; c = c->next)
        add_call(w, c, times);
}

void program_work(Program *p)
{
    Pace pace = 0;
    p->flops = p->moved_bytes = 0;
    for (const Call *c = p->body.first; c; c = c->next) {
        while (pace < PACE_STEP && !p->last[pace])
            pace++;
        add_call(&p->work[pace], c, 1);
        if (c == p->last[pace])
            pace++;
    }
    for (Pace k = 0; k < PACES; k++) {
        p->flops += p->work[k].flops;
        p->moved_bytes += p->work[k].moved;
    }
}

void print_work(const Program *p, int indent)
{
    const char *const when[PACES] = {"once a prompt", p->n_tables && p->tables[0].view.dim[0] > 1 ?
        text_format("once in %lld timesteps", (long long)p->tables[0].view.dim[0]) : "once a timestep", "in each step"};
    for (Pace k = 0; k < PACES && (p->last[PACE_PROMPT] || p->last[PACE_BLOCK]); k++) {
        const PaceWork *w = &p->work[k];
        if (w->calls)
            printf("%*s%s: %d kernel calls, %.4f GFLOP, %.1f MB moved, %.1f MB of weights read\n", indent, "", when[k],
                   w->calls, (double)w->flops / 1e9, (double)w->moved / 1e6, (double)w->weights / 1e6);
    }
}
