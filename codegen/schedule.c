/* schedule.c: an order of the calls that needs less memory.
 *
 * Calls rather than nodes: after lowering it is known which results share memory, what is copied, which parts of a
 * concatenation lie in one buffer, and what may be computed in place.  Two calls keep their order when they touch the
 * same memory and one of them writes it, so the results are the same bytes.  What runs once a prompt or a block of timesteps
 * stays in front; an If or a Loop moves as one call, and its blocks are ordered by themselves.
 *
 * Candidates are the order of lowering, which is the exporter's, and the one that always takes the call which leaves
 * least alive.  Both are improved around their peak: what is alive there without being used is made later, or its last
 * readers are moved in front.  A change stays when the peak falls, or occurs less often.  The work is bounded by counts,
 * not by time, so the result is always the same.
 *
 *      needs:   calls in an order that computes the right thing
 *      leaves:  such an order, whose peak of live bytes is not higher */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "plan.h"

/* Calls walked over when improving, a quarter of a second; and where the plan has an aim. */
enum { VISITS = 3 * 1000 * 1000, AIMED_VISITS = VISITS / 16 };

typedef struct { Buffer *buffer; const View *view; int call; bool writes; } Access;
typedef struct { int *list, count, room; } Ints;

/* Calls of a block that may change places with each other. */
typedef struct {
    Program *program;
    Block *block;
    Call *before, *behind;          /* neighbours in the block that stay where they are, or NULL */
    Call **call;                    /* in the order of lowering */
    int count;
    Access *access;
    int n_access, access_room;
    int *first_access;              /* of each call; they are in the order of calls */
    Ints *followers, *leaders;      /* calls that must come after, before; by number of call */
    Ints *users;                    /* calls that touch a buffer, by Buffer.id */
    Pace pace;                      /* of the body's calls that they are all of; PACES: of another block */
    int64_t visits, most_visits;    /* calls walked over so far, and when to stop */
} Part;

static int *ints(int count)
{
    int *list = calloc((size_t)count + 1, sizeof *list);
    if (!list)
        fail(SDC_NO_SPACE, "out of memory");
    return list;
}

/* False: it is in the list. */
static bool add_int(Ints *l, int value)
{
    for (int k = l->count; k-- > 0;)
        if (l->list[k] == value)
            return false;
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 4;
        l->list = realloc(l->list, (size_t)l->room * sizeof *l->list);
        if (!l->list)
            fail(SDC_NO_SPACE, "out of memory");
    }
    l->list[l->count++] = value;
    return true;
}

/* ---- what calls touch -------------------------------------------------------------------------------------------- */

static void add_access(Part *p, int call, const Operand *o, bool inside)
{
    if (!o->view.buffer || o->view.buffer->kind != BUFFER_ARENA)
        return;
    if (p->n_access == p->access_room) {
        p->access_room = p->access_room ? 2 * p->access_room : 256;
        p->access = realloc(p->access, (size_t)p->access_room * sizeof *p->access);
        if (!p->access)
            fail(SDC_NO_SPACE, "out of memory");
    }
    p->access[p->n_access++] = (Access){o->view.buffer, inside ? NULL : &o->view, call, o->mode != OPERAND_READ};
}

/* A control call touches what the calls inside touch, whichever part of it. */
static void add_accesses(Part *p, int call, const Call *c, bool inside)
{
    for (int k = 0; k < c->n_operands; k++)
        add_access(p, call, &c->operands[k], inside);
    const Block *const blocks[] = {c->then_block, c->else_block};
    for (int b = 0; b < 2; b++)
        for (const Call *in = blocks[b] ? blocks[b]->first : NULL; in; in = in->next)
            add_accesses(p, call, in, true);
}

/* Axes of more than one element, outermost first; returns how many. */
static int box_axes(const View *v, int *axes)
{
    int count = 0;
    for (int k = 0; k < v->rank; k++) {
        int at = count;
        if (v->dim[k] == 1)
            continue;
        for (; at > 0 && v->stride[axes[at - 1]] < v->stride[k]; at--)
            axes[at] = axes[at - 1];
        axes[at] = k;
        count++;
    }
    return count;
}

/* Two boxes cut out of one array, such as the parts of a concatenation: apart along one axis? */
static bool are_apart(const View *a, const View *b)
{
    int p[MAX_RANK], q[MAX_RANK], count;
    if (!a || !b || a->index || b->index || a->dtype != b->dtype || (count = box_axes(a, p)) != box_axes(b, q))
        return false;
    int64_t x = a->offset, y = b->offset, span = INT64_MAX;
    bool apart = false;
    for (int k = 0; k < count; k++) {
        int64_t step = a->stride[p[k]], m = a->dim[p[k]], n = b->dim[q[k]];
        if (step <= 0 || step != b->stride[q[k]])
            return false;
        int64_t i = x / step, j = y / step;
        if ((i + m) > span / step || (j + n) > span / step)     /* wraps into the next outer element */
            return false;
        apart |= i + m <= j || j + n <= i;
        x -= i * step;
        y -= j * step;
        span = step;
    }
    return apart;
}

static bool in_conflict(const Access *a, const Access *b)
{
    return (a->writes || b->writes) && a->call != b->call && !are_apart(a->view, b->view);
}

/* Who must wait for whom.  `last` leads from each access to the one before it on the same buffer. */
static void find_dependencies(Part *p)
{
    int *last = ints(p->program->n_buffers), *back = ints(p->n_access);
    memset(last, -1, (size_t)p->program->n_buffers * sizeof *last);
    for (int k = 0; k < p->n_access; k++) {
        const Access *a = &p->access[k];
        add_int(&p->users[a->buffer->id], a->call);
        back[k] = last[a->buffer->id];
        last[a->buffer->id] = k;
        for (int j = back[k]; j >= 0; j = back[j])
            if (in_conflict(&p->access[j], a) && add_int(&p->leaders[a->call], p->access[j].call))
                add_int(&p->followers[p->access[j].call], a->call);
    }
    free(last);
    free(back);
}

/* ---- orders ------------------------------------------------------------------------------------------------------ */

/* Put the calls of the block into an order. */
static void link_calls(const Part *p, const int *order)
{
    Call **link = p->before ? &p->before->next : &p->block->first;
    for (int k = 0; k < p->count; k++) {
        *link = p->call[order[k]];
        link = &(*link)->next;
    }
    *link = p->behind;
    if (!p->behind)
        p->block->last = p->call[order[p->count - 1]];
    if (p->pace < PACES)
        p->program->last[p->pace] = p->call[order[p->count - 1]];
}

/* Bytes that come to life with a call, less those that die with it. */
static int64_t growth(const Part *p, int call, const int *touched, const int *left)
{
    int64_t bytes = 0;
    for (int k = p->first_access[call]; k < p->first_access[call + 1]; k++) {
        const Buffer *b = p->access[k].buffer;
        int mine = 0;
        bool seen = false;
        for (int j = p->first_access[call]; j < p->first_access[call + 1]; j++) {
            seen |= j < k && p->access[j].buffer == b;
            mine += p->access[j].buffer == b;
        }
        if (!seen)
            bytes += (touched[b->id] ? 0 : arena_room(b)) - (left[b->id] == mine ? arena_room(b) : 0);
    }
    return bytes;
}

/* Always the call that leaves least alive, the first of them. */
static void greedy_order(const Part *p, int *order)
{
    enum { DONE = -1 };
    int buffers = p->program->n_buffers, *touched = ints(buffers), *left = ints(buffers), *waits = ints(p->count);
    for (int k = 0; k < buffers; k++) {             /* made before the part, or read behind it */
        const Buffer *b = p->program->buffers[k];
        touched[k] = b->first < p->call[0]->order;
        left[k] = b->last > p->call[p->count - 1]->order;
    }
    for (int k = 0; k < p->n_access; k++)
        left[p->access[k].buffer->id]++;
    for (int k = 0; k < p->count; k++)
        waits[k] = p->leaders[k].count;
    for (int n = 0; n < p->count; n++) {
        int best = -1;
        int64_t least = INT64_MAX;
        for (int k = 0; k < p->count; k++) {
            int64_t bytes = waits[k] ? INT64_MAX : growth(p, k, touched, left);
            if (bytes < least) {
                least = bytes;
                best = k;
            }
        }
        order[n] = best;
        waits[best] = DONE;
        for (int k = p->first_access[best]; k < p->first_access[best + 1]; k++) {
            touched[p->access[k].buffer->id] = 1;
            left[p->access[k].buffer->id]--;
        }
        for (int k = 0; k < p->followers[best].count; k++)
            waits[p->followers[best].list[k]]--;
    }
    free(touched);
    free(left);
    free(waits);
}

/* ---- improving --------------------------------------------------------------------------------------------------- */

typedef struct { int64_t bytes; int peaks, at; } Peak;      /* at: position of the first call with it; -1: none here */

static Peak peak_of(Part *p, const int *order)
{
    Lives l;
    Peak peak = {.at = -1};
    link_calls(p, order);
    find_lives(p->program, &l);
    p->visits += l.end;
    peak.bytes = l.bytes;
    peak.peaks = l.n_peaks;
    for (int k = 0; k < p->count && p->call[order[k]]->order <= l.peak; k++)
        peak.at = k;
    if (p->behind && p->behind->order <= l.peak)
        peak.at = -1;
    free_lives(&l);
    return peak;
}

static bool is_lower(Peak a, Peak b)
{
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.peaks < b.peaks;
}

/* Mark the calls before (way -1) or behind (way 1) position `at` that touch buffer b, and what must stay on their other
 * side: their followers or leaders.  False where that is none, or where the call at `at` is among it. */
static bool mark_moved(const Part *p, const int *order, const int *position, int at, int way, const Buffer *b,
                       int *marked)
{
    const Ints *users = &p->users[b->id];
    bool any = false;
    memset(marked, 0, (size_t)p->count * sizeof *marked);
    for (int k = 0; k < users->count; k++) {
        marked[users->list[k]] = (position[users->list[k]] - at) * way > 0;
        any |= marked[users->list[k]];
    }
    for (int n = way < 0 ? 0 : p->count - 1; any && n != at; n -= way) {
        const Ints *next = way < 0 ? &p->followers[order[n]] : &p->leaders[order[n]];
        for (int k = 0; marked[order[n]] && k < next->count; k++)
            if ((position[next->list[k]] - at) * way >= 0)
                marked[next->list[k]] = true;
    }
    return any && !marked[order[at]];
}

/* Position `at` and all marked calls change sides; far: as far as they can go, otherwise next to it. */
static void move_marked(const Part *p, const int *order, int at, int way, const int *marked, bool far, int *moved)
{
    int to = at, n = 0;
    bool stop = false;
    for (int k = at - way; far && k >= 0 && k < p->count && !stop; k -= way) {
        const Ints *next = way < 0 ? &p->leaders[order[k]] : &p->followers[order[k]];
        for (int j = 0; j < next->count; j++)
            stop |= marked[next->list[j]] != 0;
        to = stop ? to : k;
    }
    for (int k = 0; k < p->count; k++) {
        if (way < 0 && !marked[order[k]])
            moved[n++] = order[k];
        for (int j = 0; k == to && j < p->count; j++)
            if (marked[order[j]])
                moved[n++] = order[j];
        if (way > 0 && !marked[order[k]])
            moved[n++] = order[k];
    }
}

static int by_room(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : x->id - y->id;
}

/* What is alive at a call that does not touch it, largest first. */
static int idle_buffers(const Part *p, const Call *at, int number, Buffer **list)
{
    int count = 0;
    for (int k = 0; k < p->program->n_buffers; k++) {
        Buffer *b = p->program->buffers[k];
        bool idle = b->kind == BUFFER_ARENA && b->first < at->order && b->last > at->order && p->users[k].count;
        for (int j = 0; idle && j < p->users[k].count; j++)
            idle = p->users[k].list[j] != number;
        if (idle)
            list[count++] = b;
    }
    qsort(list, (size_t)count, sizeof *list, by_room);
    return count;
}

/* One change that lowers the peak, made to `order`; false when none is found. */
static bool improve_once(Part *p, int *order, Peak *peak, int *position, int *marked, int *trial, Buffer **idle)
{
    int at = peak->at;
    for (int k = 0; k < p->count; k++)
        position[order[k]] = k;
    link_calls(p, order);
    int count = at < 0 ? 0 : idle_buffers(p, p->call[order[at]], order[at], idle);
    for (int k = 0; k < count * 4 && p->visits < p->most_visits; k++) {
        int way = k & 1 ? 1 : -1;
        if (!mark_moved(p, order, position, at, way, idle[k / 4], marked))
            continue;
        move_marked(p, order, at, way, marked, k & 2, trial);
        Peak now = peak_of(p, trial);
        if (is_lower(now, *peak)) {
            memcpy(order, trial, (size_t)p->count * sizeof *order);
            *peak = now;
            return true;
        }
    }
    return false;
}

static Peak improve(Part *p, int *order)
{
    int *position = ints(p->count), *marked = ints(p->count), *trial = ints(p->count);
    Buffer **idle = calloc((size_t)p->program->n_buffers + 1, sizeof *idle);
    if (!idle)
        fail(SDC_NO_SPACE, "out of memory");
    p->visits = 0;
    Peak peak = peak_of(p, order);
    while (p->visits < p->most_visits && peak.bytes > p->program->aim &&
           improve_once(p, order, &peak, position, marked, trial, idle))
        continue;
    free(position);
    free(marked);
    free(trial);
    free(idle);
    return peak;
}

/* ---- parts of blocks --------------------------------------------------------------------------------------------- */

static void schedule_calls(Part *p)
{
    int *order = ints(p->count), *greedy = ints(p->count);
    for (int k = 0; k < p->count; k++)
        order[k] = k;
    Peak start = peak_of(p, order);
    greedy_order(p, greedy);
    Peak best = improve(p, order), other = improve(p, greedy);
    if (other.bytes < best.bytes) {
        memcpy(order, greedy, (size_t)p->count * sizeof *order);
        best = other;
    }
    for (int k = 0; k < p->count && best.bytes == start.bytes; k++)
        order[k] = k;
    peak_of(p, order);
    free(order);
    free(greedy);
}

/* The calls between two that stay where they are. */
static void schedule_part(Program *program, Block *block, Call *before, Call *behind, Pace pace)
{
    Part p = {.program = program, .block = block, .before = before, .behind = behind, .pace = pace,
              .most_visits = program->aim ? AIMED_VISITS : VISITS};
    Call *first = before ? before->next : block->first;
    for (Call *c = first; c != behind; c = c->next)
        p.count++;
    p.call = alloc_array(p.count + 1, sizeof *p.call);
    p.first_access = ints(p.count);
    p.followers = alloc_array(p.count + 1, sizeof *p.followers);
    p.leaders = alloc_array(p.count + 1, sizeof *p.leaders);
    p.users = alloc_array(program->n_buffers + 1, sizeof *p.users);
    int n = 0;
    for (Call *c = first; c != behind; c = c->next, n++) {
        p.call[n] = c;
        add_accesses(&p, n, c, false);
        p.first_access[n + 1] = p.n_access;
    }
    find_dependencies(&p);
    if (p.count > 2)
        schedule_calls(&p);
    for (int k = 0; k < p.count; k++) {
        free(p.followers[k].list);
        free(p.leaders[k].list);
    }
    for (int k = 0; k < program->n_buffers; k++)
        free(p.users[k].list);
    free(p.access);
    free(p.first_access);
}

static void schedule_block(Program *program, Block *block)
{
    for (Call *c = block->first; c; c = c->next) {
        if (c->then_block)
            schedule_block(program, c->then_block);
        if (c->else_block)
            schedule_block(program, c->else_block);
    }
    if (block != &program->body) {
        schedule_part(program, block, NULL, NULL, PACES);
        return;
    }
    Call *before = NULL;
    for (Pace pace = 0; pace < PACES; pace++)
        if (program->last[pace]) {
            schedule_part(program, block, before, program->last[pace]->next, pace);
            before = program->last[pace];
        }
}

bool schedule_program(Program *p)
{
    Lives before, after;
    find_lives(p, &before);
    schedule_block(p, &p->body);
    find_lives(p, &after);
    free_lives(&before);
    free_lives(&after);
    return after.bytes < before.bytes;
}
