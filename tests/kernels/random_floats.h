/* random_floats.h: count numbers from -1 to 1, to be freed; the same in every run of a test. */
#ifndef SDC_TESTS_RANDOM_FLOATS_H
#define SDC_TESTS_RANDOM_FLOATS_H

#include <stdint.h>
#include <stdlib.h>

static inline float *random_floats(int64_t count)
{
    static uint32_t state = 1;
    float *p = malloc((size_t)count * sizeof *p);
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return p;
}

#endif
