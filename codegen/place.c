/* place.c: offsets of buffers whose lifetimes are known.
 *
 * Buffers are placed in an order, each at the lowest gap that is free during its whole life.  Several orders are tried.
 * Where none reaches the lower bound they are improved in rounds: a buffer at the top of the arena, or one that lives
 * together with it, is placed earlier, and the change stays where the top rises by less than a tolerance that falls to
 * nothing in the course of a round.  A change touches few buffers, and no others are placed again.  The work is bounded
 * by counts, not by time, so the result is always the same. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "plan.h"

/* Pairs of buffers looked at in a round, about 50 ms; rounds; and rounds while the arena is 2.5 % above the bound. */
enum { STEPS = 6 * 1000 * 1000, ROUNDS = 10, MOST_ROUNDS = 40 };

/* By place in list.  Neighbours, those alive at the same time, are at neighbour[start[k]] up to start[k + 1]. */
typedef struct {
    Buffer **list;
    int count, *start, *neighbour;
    int *order, *position;              /* numbers of buffers, and where each is in the order */
    int64_t *room, *offset;
    int64_t bound;
    bool *dirty;                        /* to be placed again */
    int *changed, n_changed;            /* since the last change was accepted, with the offsets before it */
    int64_t *old;
    int *near;                          /* the neighbours of one buffer that are placed, by offset */
    int64_t steps;
} Placing;

/* ---- orders to begin with ---------------------------------------------------------------------------------------- */

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

static int by_length(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    int p = x->last - x->first, q = y->last - y->first;
    return p != q ? q - p : by_size(a, b);
}

static Order *const orders[] = {by_size, by_area, by_start, by_length};

/* ---- one order --------------------------------------------------------------------------------------------------- */

static bool together(const Buffer *a, const Buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static void find_neighbours(Placing *p)
{
    int room = 0;
    p->start[0] = 0;
    for (int k = 0; k < p->count; k++) {
        p->start[k + 1] = p->start[k];
        for (int j = 0; j < p->count; j++) {
            if (j == k || !together(p->list[k], p->list[j]))
                continue;
            if (p->start[k + 1] == room) {
                room = room ? 2 * room : 1024;
                p->neighbour = realloc(p->neighbour, (size_t)room * sizeof *p->neighbour);
                if (!p->neighbour)
                    fail(SDC_NO_SPACE, "out of memory");
            }
            p->neighbour[p->start[k + 1]++] = j;
        }
    }
}

/* The lowest offset that is free during the whole life of buffer k: of those before it in the order. */
static int64_t lowest_gap(Placing *p, int k)
{
    int count = 0;
    for (int n = p->start[k]; n < p->start[k + 1]; n++) {
        int j = p->neighbour[n], at = count;
        if (p->position[j] > p->position[k])
            continue;
        for (; at > 0 && p->offset[p->near[at - 1]] > p->offset[j]; at--)
            p->near[at] = p->near[at - 1];
        p->near[at] = j;
        count++;
    }
    p->steps += p->start[k + 1] - p->start[k] + (int64_t)count * count / 4;
    int64_t gap = 0;
    for (int n = 0; n < count; n++) {
        int64_t from = p->offset[p->near[n]], to = from + p->room[p->near[n]];
        if (from >= gap + p->room[k])
            break;
        gap = to > gap ? to : gap;
    }
    return gap;
}

/* Place what is dirty from a position in the order on, and what that makes dirty. */
static void place_dirty(Placing *p, int from)
{
    for (int n = from; n < p->count; n++) {
        int k = p->order[n];
        if (!p->dirty[k])
            continue;
        p->dirty[k] = false;
        int64_t offset = lowest_gap(p, k);
        if (offset == p->offset[k])
            continue;
        p->changed[p->n_changed] = k;
        p->old[p->n_changed++] = p->offset[k];
        p->offset[k] = offset;
        for (int j = p->start[k]; j < p->start[k + 1]; j++)
            p->dirty[p->neighbour[j]] |= p->position[p->neighbour[j]] > n;
    }
    p->steps += p->count - from;
}

static void place_order(Placing *p)
{
    p->n_changed = 0;
    for (int n = 0; n < p->count; n++) {
        int k = p->order[n];
        p->position[k] = n;
        p->dirty[k] = true;
        p->offset[k] = -p->room[k];
    }
    place_dirty(p, 0);
}

static int64_t top_of(const Placing *p)
{
    int64_t top = 0;
    for (int k = 0; k < p->count; k++)
        if (p->offset[k] + p->room[k] > top)
            top = p->offset[k] + p->room[k];
    return top;
}

/* ---- improving --------------------------------------------------------------------------------------------------- */

static int draw(uint64_t *state, int below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int)((*state >> 33) % (uint64_t)below);
}

static void move_to(Placing *p, int from, int to)
{
    int moved = p->order[from], way = from < to ? 1 : -1;
    for (int n = from; n != to; n += way) {
        p->order[n] = p->order[n + way];
        p->position[p->order[n]] = n;
    }
    p->order[to] = moved;
    p->position[moved] = to;
}

/* One of the buffers that end at the top of the arena. */
static int highest(const Placing *p, int64_t top, uint64_t *state)
{
    int chosen = 0;
    for (int k = 0, found = 0; k < p->count; k++)
        if (p->offset[k] + p->room[k] == top && draw(state, ++found) == 0)
            chosen = k;
    return chosen;
}

/* One change; returns the top, which rises by no more than the tolerance. */
static int64_t change(Placing *p, int64_t top, int64_t tolerance, uint64_t *state)
{
    int k = highest(p, top, state), neighbours = p->start[k + 1] - p->start[k];
    if (neighbours && draw(state, 3) == 0)
        k = p->neighbour[p->start[k] + draw(state, neighbours)];
    int from = p->position[k], to = draw(state, from + 1);
    p->n_changed = 0;
    p->steps += 3 * p->count;
    if (to == from)
        return top;
    move_to(p, from, to);
    p->dirty[k] = true;
    for (int j = p->start[k]; j < p->start[k + 1]; j++)
        p->dirty[p->neighbour[j]] |= p->position[p->neighbour[j]] > to;
    place_dirty(p, to);
    int64_t now = top_of(p);
    if (now <= top + tolerance)
        return now;
    while (p->n_changed-- > 0)
        p->offset[p->changed[p->n_changed]] = p->old[p->n_changed];
    move_to(p, to, from);
    return top;
}

/* One round, from the present order. */
static int64_t improve(Placing *p, int64_t lowest, uint64_t seed, int64_t *best)
{
    enum { PARTS = 1024, HUNDREDTH = 100 };
    uint64_t state = seed;
    place_order(p);
    int64_t top = top_of(p);
    for (p->steps = 0; lowest > p->bound && p->steps < STEPS;) {
        double u = (double)draw(&state, PARTS) / PARTS, left = 1 - (double)p->steps / STEPS;
        top = change(p, top, (int64_t)((double)p->bound / HUNDREDTH * left * u * u), &state);
        if (top < lowest) {
            lowest = top;
            memcpy(best, p->offset, (size_t)p->count * sizeof *best);
        }
    }
    return lowest;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* The order that a comparison gives. */
static void sort_order(Placing *p, Order *compare, Buffer **sorted, const int *place_of)
{
    memcpy(sorted, p->list, (size_t)p->count * sizeof *sorted);
    qsort(sorted, (size_t)p->count, sizeof *sorted, compare);
    for (int k = 0; k < p->count; k++)
        p->order[k] = place_of[sorted[k]->id];
}

static int64_t place_all(Placing *p, int64_t *best, Buffer **sorted, const int *place_of)
{
    enum { ORDERS = sizeof orders / sizeof *orders };
    int64_t top = INT64_MAX;
    int first = 0;
    for (int k = 0; k < ORDERS && top > p->bound; k++) {
        sort_order(p, orders[k], sorted, place_of);
        place_order(p);
        if (top_of(p) < top) {
            top = top_of(p);
            first = k;
            memcpy(best, p->offset, (size_t)p->count * sizeof *best);
        }
    }
    for (int r = 0; top > p->bound && r < (top - p->bound > p->bound / 40 ? MOST_ROUNDS : ROUNDS); r++) {
        sort_order(p, orders[(first + r) % ORDERS], sorted, place_of);
        top = improve(p, top, (uint64_t)r + 1, best);
    }
    return top;
}

int64_t place_buffers(Buffer **list, int count, int64_t bound, int64_t *offsets)
{
    int room = count + 1, ids = 0;
    for (int k = 0; k < count; k++)
        ids = list[k]->id >= ids ? list[k]->id + 1 : ids;
    Placing p = {.list = list, .count = count, .bound = bound};
    int **const ints[] = {&p.start, &p.order, &p.position, &p.changed, &p.near};
    int64_t **const sizes[] = {&p.room, &p.offset, &p.old};
    for (size_t k = 0; k < sizeof ints / sizeof *ints; k++)
        *ints[k] = alloc_array(room, sizeof(int));
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        *sizes[k] = alloc_array(room, sizeof(int64_t));
    p.dirty = alloc_array(room, sizeof *p.dirty);
    Buffer **sorted = alloc_array(room, sizeof *sorted);
    int *place_of = alloc_array(ids + 1, sizeof *place_of);
    int64_t *best = alloc_array(room, sizeof *best);
    for (int k = 0; k < count; k++) {
        place_of[list[k]->id] = k;
        p.room[k] = arena_room(list[k]);
    }
    find_neighbours(&p);
    int64_t top = count ? place_all(&p, best, sorted, place_of) : 0;
    for (int k = 0; k < count; k++)
        offsets[list[k]->id] = best[k];
    free(p.neighbour);
    return top;
}
