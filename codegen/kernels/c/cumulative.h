/* cumulative.h: running sums or products along one axis.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x)
 *
 *   NAME T A           the function; type of the elements; type that accumulates
 *   INIT STEP          an A: the result of nothing; the A after element v meets a
 *   EXCLUSIVE          1: an element's own value does not count for it
 *   ROWS OUTER DIMS    product, number and lengths of the other axes
 *   SR S0              strides of the result and of x along them
 *   N  IR I0           length and strides of the axis, strides negated (from its last element) for a reversed one
 *   FIRST FIRST_X      offset of the axis' first element in the result and in x
 *
 * A unit is one line.  The result may be the memory of x in the same order. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME cumulative_default
#define T f32
#define A f64
#define INIT 0
#define STEP a + v
#define EXCLUSIVE 0
#define ROWS 64
#define OUTER 1
#define DIMS 64
#define SR 256
#define S0 256
#define N 256
#define IR 1
#define I0 1
#define FIRST 0
#define FIRST_X 0
#endif

typedef struct {
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *x;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S0};
    const SDC_CAT(NAME, _arguments) *p = argument;
    SdcWalk w;
    if (begin == end)
        return;
    sdc_walk_start(&w, begin, OUTER, dims, 2, strides);
    for (int64_t unit = begin; unit < end; unit++) {
        SDC_CAT(st_, T) *y = p->y + w.offset[0] + FIRST;
        const SDC_CAT(st_, T) *x = p->x + w.offset[1] + FIRST_X;
        SDC_CAT(ct_, A) a = INIT;
        for (int64_t i = 0; i < N; i++) {
            const SDC_CAT(ct_, A) v = (SDC_CAT(ct_, A))SDC_CAT(ld_, T)(x[i * I0]), before = a;
            a = STEP;
            y[i * IR] = SDC_CAST(A, T, EXCLUSIVE ? before : a);
        }
        sdc_walk_next(&w, OUTER, dims, 2, strides);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x)
{
    SDC_CAT(NAME, _arguments) p = {y, x};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS);
}

#undef NAME
#undef T
#undef A
#undef INIT
#undef STEP
#undef EXCLUSIVE
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef N
#undef IR
#undef I0
#undef FIRST
#undef FIRST_X
