/* elementwise.h: y = EXPR(x, y, z) element by element, with broadcasting; for every EW row of ir/op.def.
 *
 *      void NAME(SdcContext *c, st_R *result, const st_T0 *x [, const st_T1 *y [, const st_T2 *z]])
 *
 *   NAME               the function
 *   INPUTS             1..3
 *   R  T0 T1 T2        types of the result and of the inputs
 *   A                  type of the arithmetic: f32, f64 or an integer type
 *   CONVERT            1: the result leaves the arithmetic by a cast between classes (Pow of an integer to a float)
 *   EXPR               the meaning, in terms of x, y, z, p, q and the names of ew_names.h
 *   P Q                values of the attributes p and q
 *   N  IR I0 I1 I2     length of the innermost axis and strides along it, in elements (0: a scalar along it)
 *   ROWS               product of the other axes; 0 rows or N = 0 are legal
 *   OUTER DIMS         their number and lengths, in the result's storage order
 *   SR S0 S1 S2        their strides
 *
 * A unit is up to CHUNK elements of one row, or as many short rows as make about CHUNK elements.  The result may be the
 * memory of an input in the same order: each element is read before it is written. */
#include "kernel.h"
#include "ew_math.h"
#include "index.h"

#ifndef NAME
#define NAME elementwise_default
#define INPUTS 2
#define R f32
#define T0 f32
#define T1 f32
#define A f32
#define CONVERT 0
#define EXPR x + y
#define P 0.0
#define Q 0.0
#define N 256
#define IR 1
#define I0 1
#define I1 0
#define ROWS 64
#define OUTER 1
#define DIMS 64
#define SR 256
#define S0 256
#define S1 1
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

typedef struct {
    STORED *result;
    const SDC_CAT(st_, T0) *x;
#if INPUTS > 1
    const SDC_CAT(st_, T1) *y;
#endif
#if INPUTS > 2
    const SDC_CAT(st_, T2) *z;
#endif
} SDC_CAT(NAME, _arguments);

/* n elements of one row; the pointers are at the first. */
static inline void SDC_CAT(NAME, _row)(int64_t n, SDC_CAT(NAME, _arguments) a)
{
    const SDC_EW_TYPE fixed_x = LOAD(T0, *a.x);
#if INPUTS > 1
    const SDC_EW_TYPE fixed_y = LOAD(T1, *a.y);
#endif
#if INPUTS > 2
    const SDC_EW_TYPE fixed_z = LOAD(T2, *a.z);
#endif
    const __auto_type p = _Generic((SDC_EW_TYPE)0, float: (float)(P), default: (double)(P));
    const __auto_type q = _Generic((SDC_EW_TYPE)0, float: (float)(Q), default: (double)(Q));
    (void)p, (void)q;
    SDC_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const SDC_EW_TYPE x = I0 ? LOAD(T0, a.x[i * I0]) : fixed_x;
#if INPUTS > 1
        const SDC_EW_TYPE y = I1 ? LOAD(T1, a.y[i * I1]) : fixed_y;
#endif
#if INPUTS > 2
        const SDC_EW_TYPE z = I2 ? LOAD(T2, a.z[i * I2]) : fixed_z;
#endif
        a.result[i * IR] = STORE(EXPR);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S0,
#if INPUTS > 1
                                      S1,
#endif
#if INPUTS > 2
                                      S2,
#endif
    };
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit / PIECES * GROUP, last = first + GROUP < ROWS ? first + GROUP : ROWS;
        const int64_t from = unit % PIECES * CHUNK, n = N - from < CHUNK ? N - from : CHUNK;
        SdcWalk w;
        sdc_walk_start(&w, first, OUTER, dims, INPUTS + 1, strides);
        for (int64_t row = first; row < last; row++) {
            SDC_CAT(NAME, _row)(n, (SDC_CAT(NAME, _arguments)){
                a->result + w.offset[0] + from * IR, a->x + w.offset[1] + from * I0,
#if INPUTS > 1
                a->y + w.offset[2] + from * I1,
#endif
#if INPUTS > 2
                a->z + w.offset[3] + from * I2,
#endif
            });
            sdc_walk_next(&w, OUTER, dims, INPUTS + 1, strides);
        }
    }
}

void NAME(SdcContext *c, STORED *result, const SDC_CAT(st_, T0) *x
#if INPUTS > 1
          , const SDC_CAT(st_, T1) *y
#endif
#if INPUTS > 2
          , const SDC_CAT(st_, T2) *z
#endif
)
{
    SDC_CAT(NAME, _arguments) a = {result, x,
#if INPUTS > 1
                                   y,
#endif
#if INPUTS > 2
                                   z,
#endif
    };
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
#undef NAME
#undef INPUTS
#undef R
#undef T0
#undef T1
#undef T2
#undef A
#undef CONVERT
#undef EXPR
#undef P
#undef Q
#undef N
#undef IR
#undef I0
#undef I1
#undef I2
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef S1
#undef S2
