/* one_hot.h: values[1] where the position along the new axis is the index, values[0] elsewhere.
 *
 *      void NAME(SdcContext *c, st_R *result, const st_T *indices, const st_R *values)
 *
 *   NAME               the function
 *   R  T               types of the result and of the indices
 *   OUTER DEPTH INNER  result [OUTER][DEPTH][INNER], indices [OUTER][INNER], dense; none is 0
 *
 * Indices -DEPTH..-1 count from the end; others outside 0..DEPTH-1 give a row of values[0].  A unit is one [INNER] row.
 * */
#include "kernel.h"

#ifndef NAME
#define NAME one_hot_default
#define R f32
#define T i64
#define OUTER 77
#define DEPTH 10
#define INNER 1
#endif

typedef struct {
    SDC_CAT(st_, R) *result;
    const SDC_CAT(st_, T) *indices;
    const SDC_CAT(st_, R) *values;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    const SDC_CAT(st_, R) off = a->values[0], on = a->values[1];
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t at = unit % DEPTH;
        const SDC_CAT(st_, T) *indices = a->indices + unit / DEPTH * INNER;
        for (int64_t i = 0; i < INNER; i++) {
            const double index = (double)SDC_CAT(ld_, T)(indices[i]);
            a->result[unit * INNER + i] = index == (double)at || index == (double)(at - DEPTH) ? on : off;
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, const SDC_CAT(st_, T) *indices, const SDC_CAT(st_, R) *values)
{
    SDC_CAT(NAME, _arguments) a = {result, indices, values};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (int64_t)OUTER * DEPTH);
}

#undef NAME
#undef R
#undef T
#undef OUTER
#undef DEPTH
#undef INNER
