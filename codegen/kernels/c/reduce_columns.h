/* reduce_columns.h: many results side by side: reductions whose kept innermost axis runs along memory (spatial means
 * of channels-last data, sums over a leading axis).  Each row of x meets a row of accumulators.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x)
 *
 *   NAME T A INIT STEP FINISH          as in reduce.h
 *   M  MR                              length of the kept axis with stride 1 in x, and its stride in the result
 *   ROWS OUTER DIMS SR S0              the other kept axes
 *   LINES INNER INNER_DIMS SI  N I0    the reduced axes, as in reduce.h
 *
 * A unit is CHUNK results of one kept row. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME reduce_columns_default
#define T f32
#define A f64
#define INIT 0
#define STEP a + v
#define FINISH a
#define M 256
#define MR 1
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define LINES 1
#define INNER 0
#define INNER_DIMS 0
#define SI 0
#define N 64
#define I0 256
#endif

#define CHUNK 128
#define PIECES ((M + CHUNK - 1) / CHUNK)
#define ACC SDC_CAT(ct_, A)

typedef struct {
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *x;
} SDC_CAT(NAME, _arguments);

/* `rows` rows of x, I0 apart, meet the accumulators; a constant number of rows keeps each accumulator in a register
 * meanwhile. */
static inline __attribute__((always_inline)) void SDC_CAT(NAME, _rows)(int64_t n, int rows, ACC *restrict sum,
                                                                       const SDC_CAT(st_, T) *restrict x)
{
    for (int64_t i = 0; i < n; i++) {
        ACC a = sum[i];
        for (int k = 0; k < rows; k++) {
            const ACC v = (ACC)SDC_CAT(ld_, T)(x[k * I0 + i]);
            a = STEP;
        }
        sum[i] = a;
    }
}

static inline void SDC_CAT(NAME, _chunk)(int64_t n, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x)
{
    static const int64_t dims[] = {INNER_DIMS};
    static const int64_t strides[] = {SI};
    ACC sum[CHUNK];
    SdcWalk w;
    for (int64_t i = 0; i < n; i++)
        sum[i] = INIT;
    sdc_walk_start(&w, 0, INNER, dims, 1, strides);
    for (int64_t line = 0; line < LINES; line++) {
        int64_t row = 0;
        for (; row + 4 <= N; row += 4)
            SDC_CAT(NAME, _rows)(n, 4, sum, x + w.offset[0] + row * I0);
        for (; row < N; row++)
            SDC_CAT(NAME, _rows)(n, 1, sum, x + w.offset[0] + row * I0);
        sdc_walk_next(&w, INNER, dims, 1, strides);
    }
    for (int64_t i = 0; i < n; i++) {
        const ACC a = sum[i];
        y[i * MR] = SDC_CAST(A, T, FINISH);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S0};
    const SDC_CAT(NAME, _arguments) *p = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        SdcWalk w;
        const int64_t from = unit % PIECES * CHUNK, n = M - from < CHUNK ? M - from : CHUNK;
        sdc_walk_start(&w, unit / PIECES, OUTER, dims, 2, strides);
        SDC_CAT(NAME, _chunk)(n, p->y + w.offset[0] + from * MR, p->x + w.offset[1] + from);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x)
{
    SDC_CAT(NAME, _arguments) p = {y, x};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS * PIECES);
}

#undef CHUNK
#undef PIECES
#undef ACC
#undef NAME
#undef T
#undef A
#undef INIT
#undef STEP
#undef FINISH
#undef M
#undef MR
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
