/* load.h: what happens to an image's elements where a kernel loads them: a norm's factor and shift, an activation.
 *
 * Parameters of the templates that include it; without them elements are taken as they are:
 *
 *   LINES(X)     X(lines), which gives the function the parameter `const float *lines`, [BATCH][factor, shift][channels]
 *   LOAD_STEPS   statements that define names in terms of v = element * factor + shift, with the names of ew_names.h,
 *                which the template includes around SDC_LOAD
 *   LOADED       what takes the element's place */
#ifndef SDC_LOAD_H
#define SDC_LOAD_H

#include "ew_math.h"

#define SDC_LINES_PARAMETER(name) , const float *name
#define SDC_LINES_FIELD(name) .name = name,
#define SDC_LINES_COUNT(name) + 1

/* to[j] for j in [0, count) from from[j]; factor, shift: those of from[0]. */
#define SDC_LOAD(to, from, factor, shift, count)                         \
    do {                                                                 \
        SDC_INDEPENDENT                                                  \
        for (int64_t j = 0; j < (count); j++) {                          \
            const float v = (from)[j] * (factor)[j] + (shift)[j];        \
            LOAD_STEPS                                                   \
            (to)[j] = LOADED;                                            \
        }                                                                \
    } while (0)

#endif
