/* plan.c: offsets of all arena buffers (weights get theirs in pack.c).
 *
 * Lifetimes come from one walk over the calls in execution order.  What is alive when a loop starts and used inside it
 * stays alive to the loop's end.  A result takes the place of an input that dies in the same call where the kernel
 * allows it.  Then offsets are found by trying buffers in several orders, each at the lowest gap that is free during
 * its whole life; the best of the orders is kept.  The lower bound is the largest sum of live bytes: no plan can be
 * smaller. */
#include "codegen.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

enum { ALIGNMENT = 64 };

static int64_t aligned(int64_t bytes)
{
    return (bytes + ALIGNMENT - 1) & ~(int64_t)(ALIGNMENT - 1);
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

/* What is made once a prompt and read by the other calls stays for all runs with that prompt, and so do inputs that count
 * as the prompt. */
static void keep_prompt(Program *p, int end)
{
    if (!p->prompt_end)
        return;
    int last = p->prompt_end->next ? p->prompt_end->next->order - 1 : end;
    for (int k = 0; k < p->n_buffers; k++) {
        Buffer *b = p->buffers[k];
        if (b->kind == BUFFER_ARENA && b->first > 0 && b->first <= last && b->last > last)
            b->last = end;
    }
    for (int k = 0; k < p->graph->n_inputs; k++)
        if (p->graph->inputs[k]->rate == RATE_PROMPT && p->inputs[k].buffer->last > last)
            p->inputs[k].buffer->last = end;
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
        Buffer *to = c->operands[c->reuse_by].view.buffer, *from = c->operands[c->reuse_of].view.buffer;
        if (to->kind != BUFFER_ARENA || from->kind != BUFFER_ARENA || to->first != c->order)
            continue;
        from = root(same_as, from);
        if (from == to || from->last != c->order || from->bytes < to->bytes || c->operands[c->reuse_of].view.offset)
            continue;
        same_as[to->id] = from;
        from->last = to->last;
    }
}

/* ---- offsets ----------------------------------------------------------------------------------------------------- */

typedef int Order(const void *a, const void *b);

static int by_size(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x->id > y->id) - (x->id < y->id);
}

static int by_start(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    return x->first != y->first ? x->first - y->first : by_size(a, b);
}

static int by_area(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    double p = (double)x->bytes * (x->last - x->first + 1), q = (double)y->bytes * (y->last - y->first + 1);
    return p != q ? (p < q) - (p > q) : by_size(a, b);
}

static int by_offset(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    return x->offset != y->offset ? (x->offset > y->offset) - (x->offset < y->offset) : x->id - y->id;
}

/* Place the buffers one after the other, each in the lowest gap between those placed that live at the same time. */
static int64_t place(Buffer **list, int count, Order *order, int64_t *offsets)
{
    Buffer **placed = calloc((size_t)count + 1, sizeof *placed);
    int64_t peak = 0;
    qsort(list, (size_t)count, sizeof *list, order);
    for (int k = 0; k < count; k++) {
        Buffer *b = list[k];
        int64_t gap = 0;
        for (int j = 0; j < k; j++) {
            const Buffer *other = placed[j];
            if (other->first > b->last || other->last < b->first)
                continue;
            if (other->offset >= gap + aligned(b->bytes))
                break;
            if (other->offset + aligned(other->bytes) > gap)
                gap = other->offset + aligned(other->bytes);
        }
        b->offset = offsets[b->id] = gap;
        if (gap + aligned(b->bytes) > peak)
            peak = gap + aligned(b->bytes);
        int at = k;
        for (; at > 0 && by_offset(&placed[at - 1], &b) > 0; at--)
            placed[at] = placed[at - 1];
        placed[at] = b;
    }
    free(placed);
    return peak;
}

/* The largest sum, and the first call where it is. */
static int64_t lower_bound(Buffer *const *list, int count, int calls, int *peak)
{
    int64_t *change = calloc((size_t)calls + 3, sizeof *change), live = 0, most = 0;
    for (int k = 0; k < count; k++) {
        change[list[k]->first + 1] += aligned(list[k]->bytes);
        change[list[k]->last + 2] -= aligned(list[k]->bytes);
    }
    for (int t = 0; t < calls + 3; t++) {
        live += change[t];
        if (live > most) {
            most = live;
            *peak = t - 1;
        }
    }
    free(change);
    return most;
}

void plan_program(Program *p)
{
    static Order *const orders[] = {by_size, by_area, by_start};
    for (int k = 0; k < p->graph->n_inputs; k++)
        p->inputs[k].buffer->first = p->inputs[k].buffer->last = 0;
    int end = walk(p, &p->body, 1);
    for (int k = 0; k < p->graph->n_outputs; k++) {
        touch(&p->outputs[k], end);
        if (p->outputs[k].buffer->first == end)
            p->outputs[k].buffer->first = 0;
    }
    extend_over_loops(p, &p->body, 1);
    keep_prompt(p, end);
    Buffer **same_as = alloc_array(p->n_buffers + 1, sizeof *same_as);
    Buffer **list = alloc_array(p->n_buffers + 1, sizeof *list);
    for (int k = 0; k < p->n_buffers; k++)
        same_as[k] = p->buffers[k];
    reuse(&p->body, same_as);
    int count = 0;
    for (int k = 0; k < p->n_buffers; k++)
        if (p->buffers[k]->kind == BUFFER_ARENA && same_as[k] == p->buffers[k] && p->buffers[k]->first >= 0)
            list[count++] = p->buffers[k];
    int64_t *best = alloc_array(p->n_buffers + 1, sizeof *best), *trial = alloc_array(p->n_buffers + 1, sizeof *trial);
    p->bound_bytes = lower_bound(list, count, end, &p->peak);
    p->arena_bytes = INT64_MAX;
    for (size_t k = 0; k < sizeof orders / sizeof *orders && p->arena_bytes > p->bound_bytes; k++) {
        int64_t peak = place(list, count, orders[k], trial);
        if (peak < p->arena_bytes) {
            p->arena_bytes = peak;
            memcpy(best, trial, (size_t)p->n_buffers * sizeof *best);
        }
    }
    for (int k = 0; k < p->n_buffers; k++)
        if (p->buffers[k]->kind == BUFFER_ARENA)
            p->buffers[k]->offset = best[root(same_as, p->buffers[k])->id];
    program_work(p);
}
