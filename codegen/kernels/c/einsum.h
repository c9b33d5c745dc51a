/* einsum.h: a sum of products over labelled axes, any number of operands, plain loops.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x0, const st_T *x1, ...)
 *
 *   NAME                  the function
 *   T  SUM                type of all operands, and the C type of the sum: double, or uint64_t for integers, which wrap
 *   OPERANDS POINTERS NAMES    their number, their parameters (", const st_f32 *x0, ...") and names ("x0, x1")
 *   RANK OUT              labels of the result and their extents; y is row-major
 *   SUMS EXTENTS          number and extents of the labels that are summed over
 *   OUT_STRIDES           [OPERANDS][RANK]: distance in each operand from one step of a result label to the
 *                         next; 0 where absent
 *   SUM_STRIDES           [OPERANDS][SUMS], likewise
 *
 * A unit is one element of the result. */
#include "kernel.h"
#include "window.h"

#ifndef NAME
#define NAME einsum_default
#define T f32
#define SUM double
#define OPERANDS 2
#define POINTERS , const float *x0, const float *x1
#define NAMES x0, x1
#define RANK 2
#define OUT 4, 4
#define SUMS 1
#define EXTENTS 3
#define OUT_STRIDES 3, 0, 0, 1
#define SUM_STRIDES 1, 4
#endif

#define STORED SDC_CAT(st_, T)

typedef struct {
    STORED *y;
    const STORED *x[OPERANDS];
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t out[] = {OUT}, extents[] = {EXTENTS}, out_strides[] = {OUT_STRIDES};
    static const int64_t sum_strides[] = {SUM_STRIDES};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const STORED *base[OPERANDS];
        int64_t rest = unit, at[SUMS + 1] = {0}, terms = 1;
        SUM sum = 0;
        for (int k = 0; k < OPERANDS; k++)
            base[k] = a->x[k];
        for (int d = RANK; d-- > 0; rest /= out[d])
            for (int k = 0; k < OPERANDS; k++)
                base[k] += rest % out[d] * out_strides[k * RANK + d];
        for (int s = 0; s < SUMS; s++)
            terms *= extents[s];
        for (int64_t term = 0; term < terms; term++) {
            SUM product = 1;
            for (int k = 0; k < OPERANDS; k++) {
                int64_t from = 0;
                for (int s = 0; s < SUMS; s++)
                    from += at[s] * sum_strides[k * SUMS + s];
                product *= (SUM)SDC_CAT(ld_, T)(base[k][from]);
            }
            sum += product;
            sdc_window_next(SUMS, extents, at);
        }
        a->y[unit] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))sum);
    }
}

void NAME(SdcContext *c, STORED *y POINTERS)
{
    static const int64_t out[] = {OUT};
    SDC_CAT(NAME, _arguments) a = {y, {NAMES}};
    int64_t units = 1;
    for (int d = 0; d < RANK; d++)
        units *= out[d];
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, units);
}

#undef STORED
#undef NAME
#undef T
#undef SUM
#undef OPERANDS
#undef POINTERS
#undef NAMES
#undef RANK
#undef OUT
#undef SUMS
#undef EXTENTS
#undef OUT_STRIDES
#undef SUM_STRIDES
