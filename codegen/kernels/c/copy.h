/* copy.h: the elements of one strided operand into another, converted on the way; rows along the result's last axis.
 *
 *      void NAME(SdcContext *c, st_R *result, const st_T *x)
 *
 *   NAME               the function
 *   R  T               types of the result and of the source
 *   EXPR               the element to store, from the stored element v: `v`, or a conversion, SDC_CAST(T, R, ld_T(v))
 *   SAME               1: EXPR is `v`, so that unit strides are a memcpy
 *   N  IR I0           length of the innermost axis and strides along it, in elements (I0 = 0 repeats one element)
 *   ROWS               product of the other axes; 0 rows or N = 0 are legal
 *   OUTER DIMS SR S0   number, lengths and strides of the other axes, in the result's storage order
 *
 * A unit is up to CHUNK elements of one row, or as many short rows as make about CHUNK elements. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME copy_default
#define R f32
#define T f32
#define EXPR v
#define SAME 1
#define N 64
#define IR 1
#define I0 1
#define ROWS 64
#define OUTER 1
#define DIMS 64
#define SR 64
#define S0 128
#endif

#define CHUNK 16384
#define PIECES ((N + CHUNK - 1) / CHUNK)
#define GROUP (N >= CHUNK || N == 0 ? 1 : CHUNK / N)

typedef struct {
    SDC_CAT(st_, R) *result;
    const SDC_CAT(st_, T) *x;
} SDC_CAT(NAME, _arguments);

static inline void SDC_CAT(NAME, _row)(int64_t n, SDC_CAT(st_, R) *restrict result, const SDC_CAT(st_, T) *restrict x)
{
    if (SAME && IR == 1 && I0 == 1) {
        memcpy(result, x, (size_t)n * sizeof *result);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const SDC_CAT(st_, T) v = x[i * I0];
        result[i * IR] = EXPR;
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S0};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit / PIECES * GROUP, last = first + GROUP < ROWS ? first + GROUP : ROWS;
        const int64_t from = unit % PIECES * CHUNK, n = N - from < CHUNK ? N - from : CHUNK;
        SdcWalk w;
        sdc_walk_start(&w, first, OUTER, dims, 2, strides);
        for (int64_t row = first; row < last; row++) {
            SDC_CAT(NAME, _row)(n, a->result + w.offset[0] + from * IR, a->x + w.offset[1] + from * I0);
            sdc_walk_next(&w, OUTER, dims, 2, strides);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, const SDC_CAT(st_, T) *x)
{
    SDC_CAT(NAME, _arguments) a = {result, x};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (ROWS + GROUP - 1) / GROUP * PIECES);
}

#undef CHUNK
#undef PIECES
#undef GROUP
#undef NAME
#undef R
#undef T
#undef EXPR
#undef SAME
#undef N
#undef IR
#undef I0
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
