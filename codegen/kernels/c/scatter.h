/* scatter.h: updates put into y where index tuples say: ScatterElements and ScatterND.
 *
 *      for each sequence position s, in order:  y[row][inner][indexed by the tuple at (row, s)] meets u[row][s][inner]
 *      void NAME(SdcContext *c, st_T *y, const st_T *updates, const st_TI *indices)
 *
 *   NAME T A TI        the function; type of the elements, of the arithmetic, and of the indices (i32 or i64)
 *   MERGE              the A to store when update u meets element a
 *   ROWS OUTER DIMS    product, number and lengths of the axes whose positions never meet in one element
 *   SR S0 S1           strides of y, of the updates and of the indices along them
 *   LENGTH SEQUENCE    product and number of the other axes of the indices: their tuples may name one element twice, so
 *                      they are taken in order
 *   SEQUENCE_DIMS SQ0 SQ1      their lengths and strides (updates, indices)
 *   TUPLE EXTENTS SY   number of indices a tuple; extents of the indexed axes and strides of y along them
 *   ST                 stride between the indices of a tuple
 *   N  IR I0           length and strides (y, updates) of the innermost axis that is not indexed
 *
 * y already holds the data.  A unit is CHUNK elements along N of one row, for the whole sequence.  An index out of
 * range is reported and its update dropped. */
#include "kernel.h"
#include "bounds.h"
#include "index.h"

#ifndef NAME
#define NAME scatter_default
#define T f32
#define A f32
#define TI i64
#define MERGE u
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define S1 0
#define LENGTH 16
#define SEQUENCE 1
#define SEQUENCE_DIMS 16
#define SQ0 64
#define SQ1 1
#define TUPLE 1
#define EXTENTS 256
#define SY 64
#define ST 1
#define N 64
#define IR 1
#define I0 1
#endif

#define CHUNK 2048
#define PIECES ((N + CHUNK - 1) / CHUNK)

typedef struct {
    SdcContext *c;
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *updates;
    const SDC_CAT(st_, TI) *indices;
} SDC_CAT(NAME, _arguments);

static inline void SDC_CAT(NAME, _merge)(int64_t n, SDC_CAT(st_, T) *restrict y,
                                         const SDC_CAT(st_, T) *restrict updates)
{
    for (int64_t i = 0; i < n; i++) {
        const SDC_CAT(ct_, A) a = (SDC_CAT(ct_, A))SDC_CAT(ld_, T)(y[i * IR]),
                              u = (SDC_CAT(ct_, A))SDC_CAT(ld_, T)(updates[i * I0]);
        (void)a;
        y[i * IR] = SDC_CAST(A, T, MERGE);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS}, sequence_dims[] = {SEQUENCE_DIMS}, extents[] = {EXTENTS}, steps[] = {SY};
    static const int64_t strides[] = {SR, S0, S1}, sequence_strides[] = {SQ0, SQ1};
    const SDC_CAT(NAME, _arguments) *p = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit % PIECES * CHUNK, n = N - first < CHUNK ? N - first : CHUNK;
        SdcWalk row, s;
        sdc_walk_start(&row, unit / PIECES, OUTER, dims, 3, strides);
        sdc_walk_start(&s, 0, SEQUENCE, sequence_dims, 2, sequence_strides);
        for (int64_t k = 0; k < LENGTH; k++) {
            const SDC_CAT(st_, TI) *tuple = p->indices + row.offset[2] + s.offset[1];
            int64_t to = row.offset[0], at = 0;
            for (int64_t j = 0; j < TUPLE && at >= 0; j++) {
                at = sdc_index(p->c, tuple[j * ST], extents[j]);
                to += at * steps[j];
            }
            if (at >= 0)
                SDC_CAT(NAME, _merge)(n, p->y + to + first * IR, p->updates + row.offset[1] + s.offset[0] + first * I0);
            sdc_walk_next(&s, SEQUENCE, sequence_dims, 2, sequence_strides);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *updates, const SDC_CAT(st_, TI) *indices)
{
    SDC_CAT(NAME, _arguments) p = {c, y, updates, indices};
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS * PIECES);
}

#undef CHUNK
#undef PIECES
#undef NAME
#undef T
#undef A
#undef TI
#undef MERGE
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef S1
#undef LENGTH
#undef SEQUENCE
#undef SEQUENCE_DIMS
#undef SQ0
#undef SQ1
#undef TUPLE
#undef EXTENTS
#undef SY
#undef ST
#undef N
#undef IR
#undef I0
