/* bounds.h: indices that come from data.  One outside its axis never reaches memory: it is reported in c->error, and
 * the program ends with SDC_BAD_INPUT. */
#ifndef SDC_BOUNDS_H
#define SDC_BOUNDS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime.h"

/* The first report stays: whoever turns the empty text's first byte into an 'i' writes the rest. */
static __attribute__((cold, noinline, unused)) void sdc_index_error(SdcContext *c, int64_t index, int64_t extent)
{
    char empty = 0;
    if (__atomic_compare_exchange_n(&c->error[0], &empty, 'i', 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        snprintf(c->error + 1, sizeof c->error - 1, "ndex %" PRId64 " is out of range for an extent of %" PRId64, index,
                 extent);
}

/* index counted from either end, or -1 after reporting it. */
static inline __attribute__((unused)) int64_t sdc_index(SdcContext *c, int64_t index, int64_t extent)
{
    int64_t at = index < 0 ? index + extent : index;
    if (__builtin_expect(at >= 0 && at < extent, 1))
        return at;
    sdc_index_error(c, index, extent);
    return -1;
}

#endif
