/* fill.h: one value into every element of a strided result.
 *
 *      void NAME(SdcContext *c, st_R *result)
 *
 *   NAME               the function
 *   R                  type of the result
 *   VALUE              a constant that ct_R can hold
 *   N  IR              length of the innermost axis and stride along it, in elements
 *   ROWS               product of the other axes; 0 rows or N = 0 are legal
 *   OUTER DIMS SR      number, lengths and strides of the other axes, in storage order
 *
 * A unit is up to CHUNK elements of one row, or as many short rows as make about CHUNK elements. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME fill_default
#define R f32
#define VALUE 0
#define N 4096
#define IR 1
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#endif

#define CHUNK 16384
#define PIECES ((N + CHUNK - 1) / CHUNK)
#define GROUP (N >= CHUNK || N == 0 ? 1 : CHUNK / N)

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR};
    const SDC_CAT(st_, R) value = SDC_CAT(to_, R)((SDC_CAT(ct_, R))(VALUE));
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit / PIECES * GROUP, last = first + GROUP < ROWS ? first + GROUP : ROWS;
        const int64_t from = unit % PIECES * CHUNK, n = N - from < CHUNK ? N - from : CHUNK;
        SdcWalk w;
        sdc_walk_start(&w, first, OUTER, dims, 1, strides);
        for (int64_t row = first; row < last; row++) {
            SDC_CAT(st_, R) *to = (SDC_CAT(st_, R) *)argument + w.offset[0] + from * IR;
            for (int64_t i = 0; i < n; i++)
                to[i * IR] = value;
            sdc_walk_next(&w, OUTER, dims, 1, strides);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *result)
{
    sdc_parallel(c, SDC_CAT(NAME, _part), result, (ROWS + GROUP - 1) / GROUP * PIECES);
}

#undef CHUNK
#undef PIECES
#undef GROUP
#undef NAME
#undef R
#undef VALUE
#undef N
#undef IR
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
