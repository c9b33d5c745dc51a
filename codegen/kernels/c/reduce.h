/* reduce.h: one result a line: y[kept] = FINISH(STEP over all reduced elements of x).  For reduced axes that run along
 * memory, and for whatever reduce_columns.h is not made for.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x)
 *
 *   NAME               the function
 *   T  A               type of the elements; type that accumulates (f64 for sums of floats)
 *   INIT               an A: the result of nothing
 *   STEP  JOIN         the A after element v (an A) meets a; after partial results a and b meet
 *   FINISH             the A to store, in terms of a
 *   ROWS OUTER DIMS    product, number and lengths of the kept axes; 0 rows are legal
 *   SR S0              strides of the result and of x along them
 *   LINES INNER        product and number of the reduced axes but the innermost
 *   INNER_DIMS SI      their lengths and strides in x
 *   N  I0              length and stride of the innermost reduced axis; N = 0 is legal
 *
 * A unit is one result, summed in a fixed order: LANES interleaved partial results, joined at the end. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME reduce_default
#define T f32
#define A f64
#define INIT 0
#define STEP a + v
#define JOIN a + b
#define FINISH a
#define ROWS 64
#define OUTER 1
#define DIMS 64
#define SR 1
#define S0 256
#define LINES 1
#define INNER 0
#define INNER_DIMS 0
#define SI 0
#define N 256
#define I0 1
#endif

#define LANES (I0 == 1 && N >= 16 ? 16 : 1)
#define ACC SDC_CAT(ct_, A)

typedef struct {
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *x;
} SDC_CAT(NAME, _arguments);

/* The elements of one line into the lanes. */
static inline __attribute__((always_inline)) void SDC_CAT(NAME, _line)(ACC *restrict lane,
                                                                       const SDC_CAT(st_, T) *restrict x)
{
    int64_t i = 0;
    for (; LANES > 1 && i + LANES <= N; i += LANES)
        for (int k = 0; k < LANES; k++) {
            const ACC a = lane[k], v = (ACC)SDC_CAT(ld_, T)(x[i + k]);
            lane[k] = STEP;
        }
    for (; i < N; i++) {
        const ACC a = lane[0], v = (ACC)SDC_CAT(ld_, T)(x[i * I0]);
        lane[0] = STEP;
    }
}

static inline SDC_CAT(st_, T) SDC_CAT(NAME, _one)(const SDC_CAT(st_, T) *x)
{
    static const int64_t dims[] = {INNER_DIMS};
    static const int64_t strides[] = {SI};
    ACC lane[LANES];
    SdcWalk w;
    for (int k = 0; k < LANES; k++)
        lane[k] = INIT;
    sdc_walk_start(&w, 0, INNER, dims, 1, strides);
    for (int64_t line = 0; line < LINES; line++) {
        SDC_CAT(NAME, _line)(lane, x + w.offset[0]);
        sdc_walk_next(&w, INNER, dims, 1, strides);
    }
    for (int half = LANES / 2; half; half /= 2)
        for (int k = 0; k < half; k++) {
            const ACC a = lane[k], b = lane[k + half];
            lane[k] = JOIN;
        }
    const ACC a = lane[0];
    return SDC_CAST(A, T, FINISH);
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
        p->y[w.offset[0]] = SDC_CAT(NAME, _one)(p->x + w.offset[1]);
        sdc_walk_next(&w, OUTER, dims, 2, strides);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x)
{
    SDC_CAT(NAME, _arguments) p = {y, x};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS);
}

#undef LANES
#undef ACC
#undef NAME
#undef T
#undef A
#undef INIT
#undef STEP
#undef JOIN
#undef FINISH
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef LINES
#undef INNER
#undef INNER_DIMS
#undef SI
#undef N
#undef I0
