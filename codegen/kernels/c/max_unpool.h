/* max_unpool.h: MaxUnpool: zeros, and each element of x where its index says.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const int64_t *index)
 *
 *   NAME               the function
 *   T                  type of x and y
 *   COUNT              elements of x and index, both row-major
 *   TOTAL              elements of y
 *   RANK FULL          the shape that indices count in; an index outside ends the run with an error
 *   Y_STRIDES          of y along its axes
 *
 * One unit: indices may meet, and the last one wins. */
#include "kernel.h"
#include "bounds.h"

#ifndef NAME
#define NAME max_unpool_default
#define T f32
#define COUNT 4
#define TOTAL 16
#define RANK 4
#define FULL 1, 1, 4, 4
#define Y_STRIDES 16, 16, 4, 1
#endif

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x, const int64_t *index)
{
    static const int64_t full[] = {FULL}, strides[] = {Y_STRIDES};
    int64_t limit = 1;
    for (int d = 0; d < RANK; d++)
        limit *= full[d];
    memset(y, 0, TOTAL * sizeof *y);
    for (int64_t k = 0; k < COUNT; k++) {
        int64_t at = index[k], to = 0;
        if (at < 0 || at >= limit) {
            sdc_index_error(c, at, limit);
            return;
        }
        for (int d = RANK; d-- > 0; at /= full[d])
            to += at % full[d] * strides[d];
        y[to] = x[k];
    }
}

#undef NAME
#undef T
#undef COUNT
#undef TOTAL
#undef RANK
#undef FULL
#undef Y_STRIDES
