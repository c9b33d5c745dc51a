/* finish.h: what happens to a row of results before it is stored: residuals, activations, gates.
 *
 * Parameters of the templates that include it; without them a row is stored as it is:
 *
 *   EXTRAS(X)   X(k, T, step, at) for k = 0, 1, ...: operand k of type T; its elements for row `row` begin `at` elements
 *               behind the pointer, an expression in `row`, and lie `step` apart
 *   STEPS       statements that define names in terms of v, the row's element, and x0, x1, ..., the operands' elements;
 *               they use the names of ew_names.h, which the template includes around SDC_FINISH
 *   PAIR(X)     nothing, or X(other): the sums of another product, which STEPS call w, are at other[] likewise
 *   RESULT      what is stored
 *
 * An operand may be the memory of the result in the same order: an element is read before it is written. */
#ifndef SDC_FINISH_H
#define SDC_FINISH_H

#include "ew_math.h"
#include "index.h"

#define SDC_EXTRA_PARAMETER(k, T, step, at) , const SDC_CAT(st_, T) *x##k
#define SDC_EXTRA_POINTER(k, T, step, at) x##k,
#define SDC_EXTRA_ROW(k, T, step, at) const SDC_CAT(st_, T) *const row##k = (const SDC_CAT(st_, T) *)extra[k] + (at);
#define SDC_EXTRA_VALUE(k, T, step, at) \
    const float x##k = (float)SDC_CAT(ld_, T)(row##k[sdc_column * (step)]); (void)x##k;
#define SDC_PAIR_PARAMETER(name) , const SDC_CAT(st_, TB) *name
#define SDC_PAIR_FIELD(name) .more_weights = name,
#define SDC_PAIR_COUNT(name) + 1
#define SDC_PAIR_VALUE(name) const float w = name[sdc_place]; (void)w;

/* Bring in the operands of columns [first, first + count) of row number `number`, which are read soon, SDC_AHEAD rows later where
 * rows follow each other: they lie too far apart for the CPU to foresee them. */
enum { SDC_AHEAD = 48 };
#define SDC_EXTRA_AHEAD(k, T, step, at)                                                                            \
    for (int64_t j = 0; j < ((step) ? sdc_count : 1); j += 64 / (int64_t)sizeof(SDC_CAT(st_, T)))                  \
        __builtin_prefetch((const SDC_CAT(st_, T) *)extra[k] + (at) + (sdc_first + j) * (step));
#define SDC_FINISH_AHEAD(count, number, first)                                             \
    do {                                                                                   \
        const int64_t row = (number), sdc_first = (first), sdc_count = (count); \
        (void)row, (void)extra, (void)sdc_first, (void)sdc_count;                          \
        EXTRAS(SDC_EXTRA_AHEAD)                                                            \
    } while (0)

/* to[j], of type T, for j in [0, count), columns [first, first + count) of row number `number`; value: v, an expression
 * in j.  What is stored in a narrower type is rounded once, here. */
#define SDC_FINISH(j, T, to, value, count, number, first)                \
    do {                                                                 \
        const int64_t row = (number);                                    \
        (void)row, (void)extra;                                          \
        EXTRAS(SDC_EXTRA_ROW)                                            \
        SDC_INDEPENDENT                                                  \
        for (int64_t j = 0; j < (count); j++) {                          \
            const int64_t sdc_column = (first) + j, sdc_place = j;       \
            const __auto_type v = (value);                               \
            (void)sdc_column, (void)sdc_place;                           \
            PAIR(SDC_PAIR_VALUE)                                         \
            EXTRAS(SDC_EXTRA_VALUE)                                      \
            STEPS                                                        \
            (to)[j] = SDC_CAT(to_, T)(RESULT);                           \
        }                                                                \
    } while (0)

#endif

/* For every instance anew. */
#ifndef STEPS
#define EXTRAS(X)
#define STEPS
#define RESULT v
#endif
#ifndef PAIR
#define PAIR(X)
#endif
