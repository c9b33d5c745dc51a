/* masked_scatter.h: y = x, but where the mask is true the successive elements of the source.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const st_bool *mask, const st_T *source)
 *
 *   NAME      the function
 *   T         type of the elements
 *   COUNT     elements of x, mask and y          SOURCE   elements of source
 *
 * One unit: which element comes next depends on all before.  A mask with more true elements than the source has sets
 * c->error and leaves the rest of x as it is. */
#include "kernel.h"

#ifndef NAME
#define NAME masked_scatter_default
#define T f32
#define COUNT 64
#define SOURCE 32
#endif

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x, const st_bool *mask, const SDC_CAT(st_, T) *source);
void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x, const st_bool *mask, const SDC_CAT(st_, T) *source)
{
    int64_t next = 0;
    for (int64_t k = 0; k < COUNT; k++) {
        y[k] = x[k];
        if (mask[k] && next < SOURCE)
            y[k] = source[next];
        next += mask[k] != 0;
    }
    if (next > SOURCE)
        snprintf(c->error, sizeof c->error, "a mask has %lld true elements for a source of %lld", (long long)next, (long long)SOURCE);
}

#undef NAME
#undef T
#undef COUNT
#undef SOURCE
