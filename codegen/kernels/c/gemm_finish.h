/* gemm_finish.h: y[m][n] = ALPHA * y[m][n] + BETA * c[m][n], in place: what is left of Gemm after the product.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *added)
 *
 *   NAME                  the function
 *   T  SUM                type of both operands, and the C type of the arithmetic: float, double, or uint64_t
 *                         (wraps)
 *   M N                   extents; y is row-major
 *   ALPHA BETA            the factors, constants of SUM
 *   HAS_C C_ROW C_COLUMN  0: `added` is not read; its strides, 0 repeats
 *
 * A unit is one row. */
#include "kernel.h"

#ifndef NAME
#define NAME gemm_finish_default
#define T f32
#define SUM float
#define M 8
#define N 8
#define ALPHA 0.5
#define BETA 2.0
#define HAS_C 1
#define C_ROW 8
#define C_COLUMN 1
#endif

#define STORED SDC_CAT(st_, T)
#define LOAD(v) ((SUM)SDC_CAT(ld_, T)(v))

typedef struct {
    STORED *y;
    const STORED *added;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *p = argument;
    for (int64_t i = begin; i < end; i++) {
        STORED *y = p->y + i * N;
        for (int64_t j = 0; j < N; j++) {
            SUM v = (SUM)ALPHA * LOAD(y[j]);
            if (HAS_C)
                v += (SUM)BETA * LOAD(p->added[i * C_ROW + j * C_COLUMN]);
            y[j] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))v);
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *added)
{
    SDC_CAT(NAME, _arguments) p = {y, added};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, M);
}

#undef STORED
#undef LOAD
#undef NAME
#undef T
#undef SUM
#undef M
#undef N
#undef ALPHA
#undef BETA
#undef HAS_C
#undef C_ROW
#undef C_COLUMN
