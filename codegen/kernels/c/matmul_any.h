/* matmul_any.h: y[..][m][n] = bias[n] + sum over k of a[..][m][k] * b[..][k][n], for any type and any strides.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *a, const st_T *b, const st_T *bias)
 *
 *   NAME                  the function
 *   T  SUM                type of all operands, and the C type of the sum: double, or uint64_t for integers, which wrap
 *   M N K                 extents of one matrix; K = 0 gives the bias
 *   ROWS OUTER DIMS       product, number and lengths of the batch axes
 *   SY SA SB              their strides, in elements; 0 repeats
 *   Y_ROW Y_COLUMN        strides along m and n
 *   A_ROW A_COLUMN        along m and k
 *   B_ROW B_COLUMN        along k and n
 *   HAS_BIAS              0: bias is not read
 *
 * A unit is one row of one result. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME matmul_any_default
#define T f64
#define SUM double
#define M 8
#define N 8
#define K 8
#define ROWS 2
#define OUTER 1
#define DIMS 2
#define SY 64
#define SA 64
#define SB 0
#define Y_ROW 8
#define Y_COLUMN 1
#define A_ROW 8
#define A_COLUMN 1
#define B_ROW 8
#define B_COLUMN 1
#define HAS_BIAS 0
#endif

#define STORED SDC_CAT(st_, T)
#define LOAD(v) ((SUM)SDC_CAT(ld_, T)(v))

typedef struct {
    STORED *y;
    const STORED *a, *b, *bias;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS}, strides[] = {SY, SA, SB};
    const SDC_CAT(NAME, _arguments) *p = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        SdcWalk w;
        sdc_walk_start(&w, unit / M, OUTER, dims, 3, strides);
        STORED *y = p->y + w.offset[0] + unit % M * Y_ROW;
        const STORED *a = p->a + w.offset[1] + unit % M * A_ROW, *b = p->b + w.offset[2];
        for (int64_t j = 0; j < N; j++) {
            SUM sum = HAS_BIAS ? LOAD(p->bias[j]) : 0;
            for (int64_t k = 0; k < K; k++)
                sum += LOAD(a[k * A_COLUMN]) * LOAD(b[k * B_ROW + j * B_COLUMN]);
            y[j * Y_COLUMN] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))sum);
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *a, const STORED *b, const STORED *bias)
{
    SDC_CAT(NAME, _arguments) p = {y, a, b, bias};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, (int64_t)ROWS * M);
}

#undef STORED
#undef LOAD
#undef NAME
#undef T
#undef SUM
#undef M
#undef N
#undef K
#undef ROWS
#undef OUTER
#undef DIMS
#undef SY
#undef SA
#undef SB
#undef Y_ROW
#undef Y_COLUMN
#undef A_ROW
#undef A_COLUMN
#undef B_ROW
#undef B_COLUMN
#undef HAS_BIAS
