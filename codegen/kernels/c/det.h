/* det.h: determinants of square matrices by Gaussian elimination with partial pivoting, in double.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, double *work)
 *
 *   NAME           the function
 *   T              type of x and y
 *   COUNT SIZE     x [COUNT][SIZE][SIZE]; work has as many elements
 *
 * A unit is one matrix. */
#include "kernel.h"

#ifndef NAME
#define NAME det_default
#define T f32
#define COUNT 2
#define SIZE 3
#endif

typedef struct {
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *x;
    double *work;
} SDC_CAT(NAME, _arguments);

/* Row of the largest element of column k at or below the diagonal. */
static int64_t SDC_CAT(NAME, _pivot)(const double *m, int64_t k)
{
    int64_t pivot = k;
    for (int64_t r = k + 1; r < SIZE; r++)
        if (fabs(m[r * SIZE + k]) > fabs(m[pivot * SIZE + k]))
            pivot = r;
    return pivot;
}

static double SDC_CAT(NAME, _eliminate)(double *m)
{
    double product = 1;
    for (int64_t k = 0; k < SIZE; k++) {
        const int64_t pivot = SDC_CAT(NAME, _pivot)(m, k);
        if (m[pivot * SIZE + k] == 0)
            return 0;
        for (int64_t j = k; j < SIZE && pivot != k; j++) {
            const double kept = m[k * SIZE + j];
            m[k * SIZE + j] = m[pivot * SIZE + j];
            m[pivot * SIZE + j] = kept;
        }
        product *= pivot == k ? m[k * SIZE + k] : -m[k * SIZE + k];
        for (int64_t r = k + 1; r < SIZE; r++) {
            const double factor = m[r * SIZE + k] / m[k * SIZE + k];
            for (int64_t j = k; j < SIZE; j++)
                m[r * SIZE + j] -= factor * m[k * SIZE + j];
        }
    }
    return product;
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        double *m = a->work + unit * SIZE * SIZE;
        for (int64_t k = 0; k < (int64_t)SIZE * SIZE; k++)
            m[k] = (double)SDC_CAT(ld_, T)(a->x[unit * SIZE * SIZE + k]);
        a->y[unit] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))SDC_CAT(NAME, _eliminate)(m));
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x, double *work)
{
    SDC_CAT(NAME, _arguments) a = {y, x, work};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, COUNT);
}

#undef NAME
#undef T
#undef COUNT
#undef SIZE
