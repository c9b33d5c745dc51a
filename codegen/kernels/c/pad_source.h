/* pad_source.h: which source element a padded position shows, by mode: `at` counts from the source's first element and
 * may be negative or beyond count - 1; the result is in 0..count-1, or -1 for the constant.  Source: ONNX Pad. */
#ifndef SDC_PAD_SOURCE_H
#define SDC_PAD_SOURCE_H

#include <stdint.h>

static inline int64_t sdc_pad_constant(int64_t at, int64_t count)
{
    return at < count ? at < 0 ? -1 : at : -1;
}

static inline int64_t sdc_pad_edge(int64_t at, int64_t count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

static inline int64_t sdc_pad_wrap(int64_t at, int64_t count)
{
    const int64_t r = at % count;
    return r < 0 ? r + count : r;
}

/* Mirrored at the first and last element, which are not repeated; again and again where the pad is longer than the
 * source. */
static inline int64_t sdc_pad_reflect(int64_t at, int64_t count)
{
    if (count == 1)
        return 0;
    const int64_t r = sdc_pad_wrap(at, 2 * (count - 1));
    return r < count ? r : 2 * (count - 1) - r;
}

#endif
