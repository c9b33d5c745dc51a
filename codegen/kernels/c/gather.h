/* gather.h: slices of x picked by index tuples: Gather, GatherElements and GatherND.
 *
 *      y[row][m][inner...] = x[row][m][indexed by the tuple at (row, m)][inner...]
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const st_TI *indices)
 *
 *   NAME T TI          the function; types of the elements and of the indices (i32 or i64)
 *   ROWS OUTER DIMS    product, number and lengths of the axes that have a tuple each, but the innermost of them
 *   SR S0 S1           strides of the result, of x and of the indices along them
 *   M  MR M0 M1        length and strides of that innermost axis
 *   TUPLE EXTENTS SX   number of indices a tuple; extents of the indexed axes and strides of x along them
 *   ST                 stride between the indices of a tuple
 *   LINES INNER        product and number of a slice's axes but its innermost
 *   INNER_DIMS SLR SL0 their lengths and strides (result, x)
 *   N  IR I0           length and strides of a slice's innermost axis
 *
 * A unit is one tuple.  An index out of range is reported and leaves its slice unwritten. */
#include "kernel.h"
#include "bounds.h"
#include "index.h"

#ifndef NAME
#define NAME gather_default
#define T f32
#define TI i64
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define S1 0
#define M 77
#define MR 512
#define M0 0
#define M1 1
#define TUPLE 1
#define EXTENTS 49408
#define SX 512
#define ST 1
#define LINES 1
#define INNER 0
#define INNER_DIMS 0
#define SLR 0
#define SL0 0
#define N 512
#define IR 1
#define I0 1
#endif

typedef struct {
    SdcContext *c;
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *x;
    const SDC_CAT(st_, TI) *indices;
} SDC_CAT(NAME, _arguments);

static inline void SDC_CAT(NAME, _slice)(SDC_CAT(st_, T) *restrict y, const SDC_CAT(st_, T) *restrict x)
{
    static const int64_t dims[] = {INNER_DIMS};
    static const int64_t strides[] = {SLR, SL0};
    SdcWalk w;
    sdc_walk_start(&w, 0, INNER, dims, 2, strides);
    for (int64_t line = 0; line < LINES; line++) {
        if (IR == 1 && I0 == 1 && N > 1)
            memcpy(y + w.offset[0], x + w.offset[1], N * sizeof *y);
        else
            for (int64_t i = 0; i < N; i++)
                y[w.offset[0] + i * IR] = x[w.offset[1] + i * I0];
        sdc_walk_next(&w, INNER, dims, 2, strides);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS}, extents[] = {EXTENTS}, steps[] = {SX};
    static const int64_t strides[] = {SR, S0, S1};
    const SDC_CAT(NAME, _arguments) *p = argument;
    SdcWalk w;
    if (begin == end)
        return;
    int64_t m = begin % M;
    sdc_walk_start(&w, begin / M, OUTER, dims, 3, strides);
    for (int64_t unit = begin; unit < end; unit++) {
        const SDC_CAT(st_, TI) *tuple = p->indices + w.offset[2] + m * M1;
        int64_t from = w.offset[1] + m * M0, at = 0;
        for (int64_t k = 0; k < TUPLE && at >= 0; k++) {
            at = sdc_index(p->c, tuple[k * ST], extents[k]);
            from += at * steps[k];
        }
        if (at >= 0)
            SDC_CAT(NAME, _slice)(p->y + w.offset[0] + m * MR, p->x + from);
        if (++m == M) {
            m = 0;
            sdc_walk_next(&w, OUTER, dims, 3, strides);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x, const SDC_CAT(st_, TI) *indices)
{
    SDC_CAT(NAME, _arguments) p = {c, y, x, indices};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS * M);
}

#undef NAME
#undef T
#undef TI
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef S1
#undef M
#undef MR
#undef M0
#undef M1
#undef TUPLE
#undef EXTENTS
#undef SX
#undef ST
#undef LINES
#undef INNER
#undef INNER_DIMS
#undef SLR
#undef SL0
#undef N
#undef IR
#undef I0
