/* arg_reduce.h: where the largest (or smallest) element of each line is.
 *
 *      void NAME(SdcContext *c, int64_t *y, const st_T *x)
 *
 *   NAME T             the function; type of the elements
 *   BETTER             whether v beats the best element a so far (both ct_T)
 *   ROWS OUTER DIMS    product, number and lengths of the kept axes; 0 rows are legal
 *   SR S0              strides of the result and of x along them
 *   N  I0              length (at least 1) and stride of the axis
 *
 * A unit is one result. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME arg_reduce_default
#define T f32
#define BETTER v > a
#define ROWS 64
#define OUTER 1
#define DIMS 64
#define SR 1
#define S0 256
#define N 256
#define I0 1
#endif

typedef struct {
    int64_t *y;
    const SDC_CAT(st_, T) *x;
} SDC_CAT(NAME, _arguments);

static inline int64_t SDC_CAT(NAME, _line)(const SDC_CAT(st_, T) *x)
{
    int64_t best = 0;
    SDC_CAT(ct_, T) a = SDC_CAT(ld_, T)(x[0]);
    for (int64_t i = 1; i < N; i++) {
        const SDC_CAT(ct_, T) v = SDC_CAT(ld_, T)(x[i * I0]);
        if (BETTER) {
            a = v;
            best = i;
        }
    }
    return best;
}

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
        p->y[w.offset[0]] = SDC_CAT(NAME, _line)(p->x + w.offset[1]);
        sdc_walk_next(&w, OUTER, dims, 2, strides);
    }
}

void NAME(SdcContext *c, int64_t *y, const SDC_CAT(st_, T) *x)
{
    SDC_CAT(NAME, _arguments) p = {y, x};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS);
}

#undef NAME
#undef T
#undef BETTER
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef N
#undef I0
