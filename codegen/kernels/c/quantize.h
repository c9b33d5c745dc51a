/* quantize.h: y = saturate(round(x / scale) + zero point), with a scale and zero point of any strides.
 *
 *      void NAME(SdcContext *c, st_R *y, const st_T *x, const st_TS *scale [, const st_R *zero])
 *
 *   NAME R T TS        the function; types of the result, of x and of the scale
 *   A                  type of the division; its result is rounded to it
 *   HAS_ZERO           whether there is a zero point
 *   LOW HIGH           limits of an integer R; both 0: R is a float format
 *   STORE              for a float format, the element to store in terms of the sum v (a float)
 *   N  IR I0 I1        length of the innermost axis and strides of the result, of x, of scale and zero point along it
 *   ROWS OUTER DIMS    product, number and lengths of the other axes; 0 rows or N = 0 are legal
 *   SR S0 S1           strides along them
 *
 * Rounding is to nearest even and comes before the zero point.  A unit is one row. */
#include "kernel.h"
#include "index.h"

#ifndef NAME
#define NAME quantize_default
#define R u8
#define T f32
#define TS f32
#define A f32
#define HAS_ZERO 1
#define LOW 0
#define HIGH 255
#define STORE 0
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
    const SDC_CAT(st_, R) *zero;
} SDC_CAT(NAME, _arguments);

/* nearbyint() without a call, for magnitudes that an int32 holds; larger ones saturate anyway. */
static inline __attribute__((always_inline)) SDC_CAT(ct_, A) SDC_CAT(NAME, _round)(SDC_CAT(ct_, A) v)
{
    const SDC_CAT(ct_, A) big = sizeof v == sizeof(float) ? (SDC_CAT(ct_, A))0x1.8p23 : (SDC_CAT(ct_, A))0x1.8p52;
    return v > (SDC_CAT(ct_, A))-0x1p22 && v < (SDC_CAT(ct_, A))0x1p22 ? (v + big) - big : v;
}

static inline void SDC_CAT(NAME, _row)(SDC_CAT(NAME, _arguments) a)
{
    SDC_INDEPENDENT
    for (int64_t i = 0; i < N; i++) {
        const SDC_CAT(ct_, A) x = (SDC_CAT(ct_, A))SDC_CAT(ld_, T)(a.x[i * I0]),
                              scale = (SDC_CAT(ct_, A))SDC_CAT(ld_, TS)(a.scale[i * I1]);
        const SDC_CAT(ct_, A) quotient = SDC_CAT(ld_, A)(SDC_CAT(to_, A)(x / scale));
        const SDC_CAT(ct_, A) zero = HAS_ZERO ? (SDC_CAT(ct_, A))SDC_CAT(ld_, R)(a.zero[i * I1]) : 0;
#if LOW == 0 && HIGH == 0
        const float v = (float)(quotient + zero);
        a.y[i * IR] = STORE;
#else
        SDC_CAT(ct_, A) v = SDC_CAT(NAME, _round)(quotient) + zero;
        v = v > (SDC_CAT(ct_, A))(LOW) ? v : (SDC_CAT(ct_, A))(LOW);
        v = v < (SDC_CAT(ct_, A))(HIGH) ? v : (SDC_CAT(ct_, A))(HIGH);
        a.y[i * IR] = (SDC_CAT(st_, R))v;
#endif
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
          , const SDC_CAT(st_, R) *zero
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
#undef HAS_ZERO
#undef LOW
#undef HIGH
#undef STORE
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
