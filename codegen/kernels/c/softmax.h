/* softmax.h: Softmax, LogSoftmax or Hardmax of every row of a row-major matrix.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x)
 *
 *   NAME        the function
 *   T           f32 or f64
 *   KIND        SDC_SOFTMAX, SDC_LOG_SOFTMAX or SDC_HARDMAX
 *   ROWS N      rows and their length, at least 1
 *
 * A unit is one row.  y may be x. */
#include "kernel.h"
#include "index.h"
#include "lanes.h"

#ifndef SDC_SOFTMAX_KINDS
#define SDC_SOFTMAX_KINDS
enum { SDC_SOFTMAX, SDC_LOG_SOFTMAX, SDC_HARDMAX };
#endif

#ifndef NAME
#define NAME softmax_default
#define T f32
#define KIND SDC_SOFTMAX
#define ROWS 64
#define N 77
#endif

#define REAL SDC_CAT(ct_, T)

typedef struct { REAL *y; const REAL *x; } SDC_CAT(NAME, _arguments);

static inline void SDC_CAT(NAME, _row)(REAL *y, const REAL *x)
{
    const REAL top = SDC_CAT(sdc_max_, T)(x, N);
    if (KIND == SDC_HARDMAX) {
        int64_t first = 0;
        while (first + 1 < N && !(x[first] == top))
            first++;
        for (int64_t i = 0; i < N; i++)
            y[i] = i == first;
        return;
    }
    if (KIND == SDC_LOG_SOFTMAX) {
        double sum = 0;
        for (int64_t i = 0; i < N; i += 64) {           /* y may be x: the exponentials go to a buffer */
            REAL e[64];
            sum += SDC_CAT(sdc_exp_sum_, T)(e, x + i, N - i < 64 ? N - i : 64, top);
        }
        const REAL shift = (REAL)((double)top + log(sum));
        SDC_INDEPENDENT
        for (int64_t i = 0; i < N; i++)
            y[i] = x[i] - shift;
        return;
    }
    const REAL factor = (REAL)(1 / SDC_CAT(sdc_exp_sum_, T)(y, x, N, top));
    SDC_CAT(sdc_scale_, T)(y, N, factor);
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t row = begin; row < end; row++)
        SDC_CAT(NAME, _row)(a->y + row * N, a->x + row * N);
}

void NAME(SdcContext *c, REAL *y, const REAL *x)
{
    SDC_CAT(NAME, _arguments) a = {y, x};
    sdc_run(c, SDC_CAT(NAME, _part), &a, ROWS, (int64_t)ROWS * N * 16);
}

#undef REAL
#undef NAME
#undef T
#undef KIND
#undef ROWS
#undef N
