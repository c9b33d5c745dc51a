/* pad.h: a strided operand with elements put around it; constant, reflect, edge and wrap.
 *
 *      void NAME(SdcContext *c, st_R *result, const st_R *x [, const st_R *value])
 *
 *   NAME               the function
 *   R                  type
 *   SOURCE             sdc_pad_constant, sdc_pad_reflect, sdc_pad_edge or sdc_pad_wrap (pad_source.h)
 *   HAS_VALUE          1: the constant to pad with is an operand; 0: it is zero
 *   RANK  DIMS         extents of the result, which is stored in this order without gaps; RANK >= 1, none is 0
 *   COUNTS  BEFORE     extents of the source, and elements put before it, an axis
 *   STRIDES            of the source, in elements
 *
 * A unit is one row of the result along its last axis, or as many short ones as make about CHUNK elements. */
#include "kernel.h"
#include "index.h"
#include "pad_source.h"

#ifndef NAME
#define NAME pad_default
#define R f32
#define SOURCE sdc_pad_reflect
#define HAS_VALUE 0
#define RANK 2
#define DIMS 66, 66
#define COUNTS 64, 64
#define BEFORE 1, 1
#define STRIDES 64, 1
#endif

#define CHUNK 8192
#define STORED SDC_CAT(st_, R)

typedef struct {
    STORED *result;
    const STORED *x;
    STORED value;
    int64_t rows, group;
} SDC_CAT(NAME, _arguments);

static const int64_t SDC_CAT(NAME, _dims)[] = {DIMS};
static const int64_t SDC_CAT(NAME, _counts)[] = {COUNTS};
static const int64_t SDC_CAT(NAME, _before)[] = {BEFORE};
static const int64_t SDC_CAT(NAME, _strides)[] = {STRIDES};

/* Elements [from, to) of one row outside the source's own extent; x is the source's row. */
static inline void SDC_CAT(NAME, _border)(STORED *y, const STORED *x, STORED value, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        const int64_t at = SOURCE(i - SDC_CAT(NAME, _before)[RANK - 1], SDC_CAT(NAME, _counts)[RANK - 1]);
        y[i] = at < 0 ? value : x[at * SDC_CAT(NAME, _strides)[RANK - 1]];
    }
}

static inline void SDC_CAT(NAME, _row)(STORED *restrict y, const STORED *restrict x, STORED value)
{
    const int64_t n = SDC_CAT(NAME, _dims)[RANK - 1], stride = SDC_CAT(NAME, _strides)[RANK - 1];
    const int64_t first = SDC_CAT(NAME, _before)[RANK - 1], count = SDC_CAT(NAME, _counts)[RANK - 1];
    SDC_CAT(NAME, _border)(y, x, value, 0, first);
    for (int64_t i = 0; i < count; i++)
        y[first + i] = x[i * stride];
    SDC_CAT(NAME, _border)(y, x, value, first + count, n);
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t none[RANK] = {0};
    const SDC_CAT(NAME, _arguments) *a = argument;
    const int64_t *dims = SDC_CAT(NAME, _dims), n = dims[RANK - 1];
    const int64_t first = begin * a->group, last = end * a->group < a->rows ? end * a->group : a->rows;
    SdcWalk w;
    sdc_walk_start(&w, first, RANK - 1, dims, 1, none);
    for (int64_t row = first; row < last; row++) {
        int64_t offset = 0, outside = 0;
        for (int k = 0; k < RANK - 1; k++) {
            const int64_t at = SOURCE(w.at[k] - SDC_CAT(NAME, _before)[k], SDC_CAT(NAME, _counts)[k]);
            outside |= at < 0;
            offset += at * SDC_CAT(NAME, _strides)[k];
        }
        if (outside)
            for (int64_t i = 0; i < n; i++)
                a->result[row * n + i] = a->value;
        else
            SDC_CAT(NAME, _row)(a->result + row * n, a->x + offset, a->value);
        sdc_walk_next(&w, RANK - 1, dims, 1, none);
    }
}

void NAME(SdcContext *c, STORED *result, const STORED *x
#if HAS_VALUE
          , const STORED *value
#endif
)
{
    const int64_t *dims = SDC_CAT(NAME, _dims);
    SDC_CAT(NAME, _arguments) a = {result, x,
#if HAS_VALUE
                                   *value,
#else
                                   0,
#endif
                                   1, dims[RANK - 1] < CHUNK ? CHUNK / dims[RANK - 1] : 1};
    for (int k = 0; k < RANK - 1; k++)
        a.rows *= dims[k];
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (a.rows + a.group - 1) / a.group);
}

#undef CHUNK
#undef STORED
#undef NAME
#undef R
#undef SOURCE
#undef HAS_VALUE
#undef RANK
#undef DIMS
#undef COUNTS
#undef BEFORE
#undef STRIDES
