/* dequantize.h: y = (x - zero point) * scale, with a scale and zero point of any strides.
 *
 *      void NAME(SdcContext *c, st_R *y, const st_T *x, const st_TS *scale [, const st_T *zero])
 *
 *   NAME R T TS        the function; types of the result, of x and of the scale
 *   A  D               type of the product (f32 or f64); type of the difference (i64 for integers, else A)
 *   HAS_ZERO           whether there is a zero point
 *   N  IR I0 I1        length of the innermost axis and strides of the result, of x, of scale and zero point along it
 *   ROWS OUTER DIMS    product, number and lengths of the other axes; 0 rows or N = 0 are legal
 *   SR S0 S1           strides along them
 *
 * A unit is one row. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME dequantize_default
#define R f32
#define T u8
#define TS f32
#define A f32
#define D i32
#define HAS_ZERO 1
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

typedef struct {
    SDC_CAT(st_, R) *y;
    const SDC_CAT(st_, T) *x;
    const SDC_CAT(st_, TS) *scale;
    const SDC_CAT(st_, T) *zero;
} SDC_CAT(NAME, _arguments);

static inline void SDC_CAT(NAME, _row)(SDC_CAT(NAME, _arguments) a)
{
    SDC_INDEPENDENT
    for (int64_t i = 0; i < N; i++) {
        const SDC_CAT(ct_, D) x = (SDC_CAT(ct_, D))SDC_CAT(ld_, T)(a.x[i * I0]);
        const SDC_CAT(ct_, D) zero = HAS_ZERO ? (SDC_CAT(ct_, D))SDC_CAT(ld_, T)(a.zero[i * I1]) : 0;
        const SDC_CAT(ct_, A) v = (SDC_CAT(ct_, A))(x - zero) * (SDC_CAT(ct_, A))SDC_CAT(ld_, TS)(a.scale[i * I1]);
        a.y[i * IR] = SDC_CAST(A, R, v);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S0, S1};
    const SDC_CAT(NAME, _arguments) *p = argument;
    SdcWalk w;
    if (begin == end)
        return;
    sdc_walk_start(&w, begin, OUTER, dims, 3, strides);
    for (int64_t unit = begin; unit < end; unit++) {
        SDC_CAT(NAME, _row)((SDC_CAT(NAME, _arguments)){p->y + w.offset[0], p->x + w.offset[1], p->scale + w.offset[2],
                                                        HAS_ZERO ? p->zero + w.offset[2] : 0});
        sdc_walk_next(&w, OUTER, dims, 3, strides);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *y, const SDC_CAT(st_, T) *x, const SDC_CAT(st_, TS) *scale
#if HAS_ZERO
          , const SDC_CAT(st_, T) *zero
#endif
)
{
    SDC_CAT(NAME, _arguments) p = {y, x, scale,
#if HAS_ZERO
                                   zero
#else
                                   0
#endif
    };
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, ROWS);
}

#undef NAME
#undef R
#undef T
#undef TS
#undef A
#undef D
#undef HAS_ZERO
#undef N
#undef IR
#undef I0
#undef I1
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef S1
