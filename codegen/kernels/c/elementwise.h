/* elementwise.h: y = RESULT(x0, x1, ...) element by element, with broadcasting: one EW row of ir/op.def, or a chain.
 *
 *      void NAME(SdcContext *c, st_R *result [, const st_T *x0, const st_T *x1, ...])
 *
 *   NAME               the function
 *   R                  type of the result
 *   INPUTS             how many operands
 *   OPERANDS(X)        X(k, T, step) for operand k = 0, 1, ...: its type, and elements from one to the next along the
 *                      innermost axis (0: a scalar along it)
 *   A                  type of the arithmetic: f32, f64 or an integer type; the operands become x0, x1, ... in it
 *   STEPS              statements that define names, in terms of x0, x1, ... and the names of ew_names.h
 *   RESULT             what is stored
 *   CONVERT            1: the result leaves the arithmetic by a cast between classes (Pow of an integer to a float)
 *   N IR               length of the innermost axis, and the result's step along it
 *   ROWS               product of the other axes; 0 rows or N = 0 are legal
 *   OUTER DIMS         their number and lengths, in the result's storage order
 *   STRIDES            their strides, in elements: OUTER of the result, OUTER of x0, ...
 *
 * A unit is up to CHUNK elements of one row, or as many short rows as make about CHUNK elements.  The result may be the
 * memory of an input in the same order: each element is read before it is written. */
#include "ew_math.h"
#include "index.h"

#ifndef NAME
#define NAME elementwise_default
#define INPUTS 2
#define OPERANDS(X) X(0, f32, 1) X(1, f32, 0)
#define R f32
#define A f32
#define STEPS const float t0 = x0 + x1;
#define RESULT t0
#define CONVERT 0
#define N 256
#define IR 1
#define ROWS 64
#define OUTER 1
#define DIMS 64
#define STRIDES 256, 256, 1
#endif

#define SDC_EW_TYPE SDC_CAT(ct_, A)
#include "ew_names.h"

#define CHUNK 8192
#define PIECES ((N + CHUNK - 1) / CHUNK)
#define GROUP (N >= CHUNK || N == 0 ? 1 : CHUNK / N)
#define STORED SDC_CAT(st_, R)
#define LOAD(T, v) ((SDC_EW_TYPE)SDC_CAT(ld_, T)(v))
#if CONVERT
#define STORE(v) SDC_CAST(A, R, (SDC_EW_TYPE)(v))
#else
#define STORE(v) SDC_CAT(to_, R)((SDC_CAT(ct_, R))(v))
#endif
#define PARAMETER(k, T, step) , const SDC_CAT(st_, T) *x##k
#define MEMBER(k, T, step) const SDC_CAT(st_, T) *x##k;
#define GIVEN(k, T, step) , x##k
#define PLACE(k, T, step) , a->x##k + w.offset[(k) + 1] + from * (step)
#define FIXED(k, T, step) const SDC_EW_TYPE fixed##k = LOAD(T, *a.x##k);
#define VALUE(k, T, step) const SDC_EW_TYPE x##k = (step) ? LOAD(T, a.x##k[i * (step)]) : fixed##k;

typedef struct {
    STORED *result;
    OPERANDS(MEMBER)
} SDC_CAT(NAME, _arguments);

/* n elements of one row; the pointers are at the first. */
static inline void SDC_CAT(NAME, _row)(int64_t n, SDC_CAT(NAME, _arguments) a)
{
    OPERANDS(FIXED)
    SDC_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        OPERANDS(VALUE)
        STEPS
        a.result[i * IR] = STORE(RESULT);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS}, strides[] = {STRIDES};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit / PIECES * GROUP, last = first + GROUP < ROWS ? first + GROUP : ROWS;
        const int64_t from = unit % PIECES * CHUNK, n = N - from < CHUNK ? N - from : CHUNK;
        SdcWalk w;
        sdc_walk_start(&w, first, OUTER, dims, INPUTS + 1, strides);
        for (int64_t row = first; row < last; row++) {
            SDC_CAT(NAME, _row)(n, (SDC_CAT(NAME, _arguments)){
                a->result + w.offset[0] + from * IR OPERANDS(PLACE)});
            sdc_walk_next(&w, OUTER, dims, INPUTS + 1, strides);
        }
    }
}

void NAME(SdcContext *c, STORED *result OPERANDS(PARAMETER))
{
    SDC_CAT(NAME, _arguments) a = {result OPERANDS(GIVEN)};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (ROWS + GROUP - 1) / GROUP * PIECES);
}

#include "ew_names.h"
#undef SDC_EW_TYPE
#undef CHUNK
#undef PIECES
#undef GROUP
#undef STORED
#undef LOAD
#undef STORE
#undef PARAMETER
#undef MEMBER
#undef GIVEN
#undef PLACE
#undef FIXED
#undef VALUE
#undef NAME
#undef INPUTS
#undef OPERANDS
#undef R
#undef A
#undef STEPS
#undef RESULT
#undef CONVERT
#undef N
#undef IR
#undef ROWS
#undef OUTER
#undef DIMS
#undef STRIDES
