/* plan.c: lifetimes and offsets of all arena buffers (weights get their offsets in pack.c).
 *
 * Lifetimes come from one walk over the calls in execution order.  What is alive when a loop starts and used inside it
 * stays alive to the loop's end.  A result takes the place of an input that dies in the same call where the kernel
 * allows it.  The lower bound is the largest sum of live bytes: no plan of this order can be smaller.  schedule.c looks
 * for an order with a lower one, place.c for offsets that come near to it; a new order is kept where it plans smaller.
 *
 *      needs:   calls in an order that computes the right thing
 *      leaves:  calls in the order of execution; first, last and offset of every arena buffer; the Program's sizes */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

enum { ALIGNMENT = 64 };

int64_t arena_room(const Buffer *b)
{
    return (b->bytes + ALIGNMENT - 1) & ~(int64_t)(ALIGNMENT - 1);
}

/* ---- lifetimes --------------------------------------------------------------------------------------------------- */

static void touch(const View *v, int order)
{
    Buffer *b = v->buffer;
    if (!b || b->kind != BUFFER_ARENA)      /* NULL: an absent operand */
        return;
    if (b->first < 0)
        b->first = order;
    if (order > b->last)
        b->last = order;
}

static int walk(Program *p, Block *block, int order)
{
    for (Call *c = block->first; c; c = c->next) {
        c->order = order++;
        for (int k = 0; k < c->n_operands; k++)
            touch(&c->operands[k].view, c->order);
        if (c->then_block)
            order = walk(p, c->then_block, order);
        if (c->else_block)
            order = walk(p, c->else_block, order);
        if (c->kind != CALL_LOOP)
            continue;
        for (int k = 0; k < c->n_operands; k++)             /* the condition is read after each iteration */
            touch(&c->operands[k].view, order);
        for (int k = 0; k < p->n_buffers; k++) {
            Buffer *b = p->buffers[k];
            bool before = b->kind == BUFFER_ARENA && b->first >= 0 && b->first <= c->order;
            if (before && b->last > c->order && b->last < order)
                b->last = order;
        }
        order++;
    }
    return order;
}

/* What a loop makes and later calls read (stacked outputs, last states) is there from the loop's start: an iteration
 * writes only its own part of it, and must find the other iterations' parts as they were.  Returns the order behind the
 * block. */
static int extend_over_loops(Program *p, const Block *block, int order)
{
    for (const Call *c = block->first; c; c = c->next) {
        order = c->order + 1;
        if (c->then_block)
            order = extend_over_loops(p, c->then_block, order);
        if (c->else_block)
            order = extend_over_loops(p, c->else_block, order);
        if (c->kind != CALL_LOOP)
            continue;
        for (int k = 0; k < p->n_buffers; k++) {
            Buffer *b = p->buffers[k];
            if (b->kind == BUFFER_ARENA && b->first > c->order && b->first < order && b->last > order)
                b->first = c->order;
        }
        order++;
    }
    return order;
}

/* What is made once a prompt, or once a block of timesteps, and read by later calls stays for all of their runs, and so
 * do inputs that count as the prompt.  All others are written before every run, even those that it does not read. */
static void keep_hoisted(Program *p, Pace pace, int end)
{
    const Call *call = p->last[pace];
    if (!call)
        return;
    const int behind = call->next ? call->next->order : end, last = call->next ? behind - 1 : end;
    for (int k = 0; k < p->n_buffers; k++) {
        Buffer *b = p->buffers[k];
        if (b->kind == BUFFER_ARENA && b->first > 0 && b->first <= last && b->last > last)
            b->last = end;
    }
    for (int k = 0; k < p->graph->n_inputs; k++) {
        Buffer *b = p->inputs[k].buffer;
        const bool prompt = p->graph->inputs[k]->rate == RATE_PROMPT;
        if (prompt && b->last > last)
            b->last = end;
        else if (!prompt && b->last < behind)
            b->last = behind;
    }
    for (int k = 0; k < p->n_tables; k++)
        if (p->tables[k].view.buffer->last > last)
            p->tables[k].view.buffer->last = end;
}

/* ---- in place ---------------------------------------------------------------------------------------------------- */

static Buffer *root(Buffer **same_as, Buffer *b)
{
    while (same_as[b->id] != b)
        b = same_as[b->id];
    return b;
}

static void reuse(Block *block, Buffer **same_as)
{
    for (Call *c = block->first; c; c = c->next) {
        if (c->then_block)
            reuse(c->then_block, same_as);
        if (c->else_block)
            reuse(c->else_block, same_as);
        if (c->reuse_by < 0)
            continue;
        const View *result = &c->operands[c->reuse_by].view, *input = &c->operands[c->reuse_of].view;
        Buffer *to = result->buffer, *from = input->buffer;
        if (to->kind != BUFFER_ARENA || from->kind != BUFFER_ARENA || to->first != c->order)
            continue;
        from = root(same_as, from);
        if (from == to || from->last != c->order || from->bytes < to->bytes || input->offset ||
            dtype_info(result->dtype)->bytes != dtype_info(input->dtype)->bytes)   /* each element in its own place */
            continue;
        same_as[to->id] = from;
        from->last = to->last;
    }
}

/* ---- live bytes -------------------------------------------------------------------------------------------------- */

static void find_peak(Lives *l)
{
    int64_t *change = calloc((size_t)l->end + 3, sizeof *change), live = 0;
    for (int k = 0; change && k < l->count; k++) {
        change[l->list[k]->first] += arena_room(l->list[k]);
        change[l->list[k]->last + 1] -= arena_room(l->list[k]);
    }
    l->bytes = l->n_peaks = 0;
    for (int t = 0; change && t < l->end + 2; t++) {
        live += change[t];
        if (live > l->bytes) {
            l->bytes = live;
            l->peak = t;
            l->n_peaks = 0;
        }
        l->n_peaks += live == l->bytes;
    }
    free(change);
}

static void find_lifetimes(Program *p, Lives *l)
{
    for (int k = 0; k < p->n_buffers; k++)
        p->buffers[k]->first = p->buffers[k]->last = -1;
    for (int k = 0; k < p->graph->n_inputs; k++)
        p->inputs[k].buffer->first = p->inputs[k].buffer->last = 0;
    for (int k = 0; k < p->n_tables; k++)
        p->tables[k].view.buffer->first = p->tables[k].view.buffer->last = 0;
    l->end = walk(p, &p->body, 1);
    for (int k = 0; k < p->graph->n_outputs; k++) {
        touch(&p->outputs[k], l->end);
        if (p->outputs[k].buffer->first == l->end)
            p->outputs[k].buffer->first = 0;
    }
    for (int k = 0; k < p->graph->n_inputs; k++)
        if (p->graph->inputs[k]->stays)
            p->inputs[k].buffer->last = l->end;
    if (p->n_loops)
        extend_over_loops(p, &p->body, 1);
    keep_hoisted(p, PACE_PROMPT, l->end);
    keep_hoisted(p, PACE_BLOCK, l->end);
}

void find_lives(Program *p, Lives *l)
{
    size_t room = (size_t)p->n_buffers + 1;
    *l = (Lives){.list = calloc(room, sizeof *l->list), .same_as = calloc(room, sizeof *l->same_as)};
    if (!l->list || !l->same_as)
        fail(SDC_NO_SPACE, "out of memory");
    find_lifetimes(p, l);
    for (int k = 0; k < p->n_buffers; k++)
        l->same_as[k] = p->buffers[k];
    reuse(&p->body, l->same_as);
    for (int k = 0; k < p->n_buffers; k++)
        if (p->buffers[k]->kind == BUFFER_ARENA && l->same_as[k] == p->buffers[k] && p->buffers[k]->first >= 0)
            l->list[l->count++] = p->buffers[k];
    find_peak(l);
}

void free_lives(Lives *l)
{
    free(l->list);
    free(l->same_as);
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

/* No plan, but a place of its own for each buffer that needs one; returns the lower bound. */
static int64_t line_up(const Lives *l, int64_t *offsets)
{
    int64_t end = 0;
    for (int k = 0; k < l->count; k++) {
        offsets[l->list[k]->id] = end;
        end += arena_room(l->list[k]);
    }
    return l->bytes;
}

/* Offsets for the calls in their present order. */
static void plan_order(Program *p)
{
    Lives l;
    int64_t *offsets = alloc_array(p->n_buffers + 1, sizeof *offsets);
    find_lives(p, &l);
    p->bound_bytes = l.bytes;
    p->peak = l.peak;
    p->arena_bytes = p->aim && l.bytes > p->aim ? line_up(&l, offsets) : place_buffers(l.list, l.count, l.bytes, offsets);
    for (int k = 0; k < p->n_buffers; k++)
        if (p->buffers[k]->kind == BUFFER_ARENA)
            p->buffers[k]->offset = offsets[root(l.same_as, p->buffers[k])->id];
    free_lives(&l);
}

void plan_program(Program *p)
{
    plan_order(p);
    p->unscheduled_bytes = p->arena_bytes;
    if ((!p->aim || p->arena_bytes > p->aim) && schedule_program(p))
        plan_order(p);
    program_work(p);
}
