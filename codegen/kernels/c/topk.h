/* topk.h: the K best elements of each line, best first, and where they are; the lower index first among equals.
 *
 *      void NAME(SdcContext *c, st_T *y, int64_t *positions, const st_T *x)
 *
 *   NAME T             the function; type of the elements
 *   BEFORE             whether element v comes strictly before element a (both ct_T), whatever their indices
 *   ROWS OUTER DIMS    product, number and lengths of the other axes
 *   SR S1 S0           strides of the values, of the positions and of x along them
 *   N  I0              length and stride of the axis in x
 *   K  IR I1           length of the axis in the results, and their strides; 1 <= K <= N
 *
 * A unit is one line: a heap of the K best so far, the worst on top, kept in the results; then sorted in place. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME topk_default
#define T f32
#define BEFORE v > a
#define ROWS 16
#define OUTER 1
#define DIMS 16
#define SR 8
#define S1 8
#define S0 1000
#define N 1000
#define I0 1
#define K 8
#define IR 1
#define I1 1
#endif

typedef struct {
    SDC_CAT(st_, T) *y;
    int64_t *positions;
    const SDC_CAT(st_, T) *x;
} SDC_CAT(NAME, _arguments);

typedef struct { SDC_CAT(st_, T) value; int64_t position; } SDC_CAT(NAME, _entry);

static inline bool SDC_CAT(NAME, _before)(SDC_CAT(NAME, _entry) p, SDC_CAT(NAME, _entry) q)
{
    SDC_CAT(ct_, T) v = SDC_CAT(ld_, T)(p.value), a = SDC_CAT(ld_, T)(q.value);
    const bool first = BEFORE;
    v = SDC_CAT(ld_, T)(q.value);
    a = SDC_CAT(ld_, T)(p.value);
    const bool second = BEFORE;
    return first || (!second && p.position < q.position);
}

static inline SDC_CAT(NAME, _entry) SDC_CAT(NAME, _get)(SDC_CAT(NAME, _arguments) l, int64_t k)
{
    return (SDC_CAT(NAME, _entry)){l.y[k * IR], l.positions[k * I1]};
}

static inline void SDC_CAT(NAME, _put)(SDC_CAT(NAME, _arguments) l, int64_t k, SDC_CAT(NAME, _entry) e)
{
    l.y[k * IR] = e.value;
    l.positions[k * I1] = e.position;
}

/* Entry e sinks from place k of a heap of `count` until nothing below it comes later. */
static void SDC_CAT(NAME, _sink)(SDC_CAT(NAME, _arguments) l, int64_t k, int64_t count, SDC_CAT(NAME, _entry) e)
{
    for (int64_t child = 2 * k + 1; child < count; child = 2 * k + 1) {
        SDC_CAT(NAME, _entry) below = SDC_CAT(NAME, _get)(l, child);
        if (child + 1 < count && SDC_CAT(NAME, _before)(below, SDC_CAT(NAME, _get)(l, child + 1)))
            below = SDC_CAT(NAME, _get)(l, ++child);
        if (!SDC_CAT(NAME, _before)(e, below))
            break;
        SDC_CAT(NAME, _put)(l, k, below);
        k = child;
    }
    SDC_CAT(NAME, _put)(l, k, e);
}

static void SDC_CAT(NAME, _line)(SDC_CAT(NAME, _arguments) l)
{
    for (int64_t i = 0; i < K; i++)
        SDC_CAT(NAME, _put)(l, i, (SDC_CAT(NAME, _entry)){l.x[i * I0], i});
    for (int64_t i = K / 2; i-- > 0;)
        SDC_CAT(NAME, _sink)(l, i, K, SDC_CAT(NAME, _get)(l, i));
    for (int64_t i = K; i < N; i++) {
        const SDC_CAT(NAME, _entry) e = {l.x[i * I0], i};
        if (SDC_CAT(NAME, _before)(e, SDC_CAT(NAME, _get)(l, 0)))
            SDC_CAT(NAME, _sink)(l, 0, K, e);
    }
    for (int64_t last = K - 1; last > 0; last--) {
        const SDC_CAT(NAME, _entry) worst = SDC_CAT(NAME, _get)(l, 0), e = SDC_CAT(NAME, _get)(l, last);
        SDC_CAT(NAME, _put)(l, last, worst);
        SDC_CAT(NAME, _sink)(l, 0, last, e);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S1, S0};
    const SDC_CAT(NAME, _arguments) *p = argument;
    SdcWalk w;
    if (begin == end)
        return;
    sdc_walk_start(&w, begin, OUTER, dims, 3, strides);
    for (int64_t unit = begin; unit < end; unit++) {
        const SDC_CAT(NAME, _arguments) l = {p->y + w.offset[0], p->positions + w.offset[1], p->x + w.offset[2]};
        SDC_CAT(NAME, _line)(l);
        sdc_walk_next(&w, OUTER, dims, 3, strides);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, int64_t *positions, const SDC_CAT(st_, T) *x)
{
    SDC_CAT(NAME, _arguments) p = {y, positions, x};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS);
}

#undef NAME
#undef T
#undef BEFORE
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S1
#undef S0
#undef N
#undef I0
#undef K
#undef IR
#undef I1
