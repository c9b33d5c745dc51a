/* vecmath.h: elementary functions of floats for kernels.
 *
 *      sdc_NAME(float) -> float       free of branches (but for sin and cos), so a loop over an array vectorises
 *      sdc_vNAME(sdc_vf) -> sdc_vf    the same, bit for bit, on a vector
 *
 * NAME, and a bound on its error in units of the last place, with and without fma (tests/kernels/test_vecmath.c; exp,
 * tanh, sigmoid, erf and log were once checked for every float where they are neither their argument nor constant, the
 * others on samples):
 *
 *      exp 1.1   exp2 1.1   log 1.0   tanh 1.4   erf 1.3   sigmoid 2.5   sin 1.6   cos 1.6   sqrt 0.5   rsqrt 1.5
 *
 * Infinities, NaN, zeros and subnormals behave as in libm.  Compile with -ffp-contract=fast -fno-math-errno
 * -fno-trapping-math, never with -ffast-math. */
#ifndef SDC_VECMATH_H
#define SDC_VECMATH_H

#include <math.h>

typedef uint32_t sdc_vu __attribute__((vector_size(4 * SDC_VL)));
typedef double sdc_vd __attribute__((vector_size(8 * SDC_VL)));

/* ---- scalars ------------------------------------------------------------------------------------------------ */

#define FLOAT float
#define INT int32_t
#define UINT uint32_t
#define DOUBLE double
#define FN(name) sdc_##name
#define AS_INT(f) ((int32_t)dt_bits(f))
#define AS_FLOAT(i) dt_float((uint32_t)(i))
#define CONVERT(x, T) ((T)(x))
#define CONSTANT(c) (c)
#define SELECT(mask, a, b) ((mask) ? (a) : (b))
#define REPAIR(y, x, limit, f) do { if (!(sdc_abs(x) <= (limit))) (y) = f(x); } while (0)
#include "vecmath_body.h"

static inline float sdc_sqrt(float x) { return sqrtf(x); }
static inline float sdc_rsqrt(float x) { return 1.0f / sqrtf(x); }

#undef FLOAT
#undef INT
#undef UINT
#undef DOUBLE
#undef FN
#undef AS_INT
#undef AS_FLOAT
#undef CONVERT
#undef CONSTANT
#undef SELECT
#undef REPAIR

/* ---- vectors ------------------------------------------------------------------------------------------------ */

static inline sdc_vf sdc_select(sdc_vi mask, sdc_vf a, sdc_vf b)
{
    return (sdc_vf)((mask & (sdc_vi)a) | (~mask & (sdc_vi)b));
}

#define FLOAT sdc_vf
#define INT sdc_vi
#define UINT sdc_vu
#define DOUBLE sdc_vd
#define FN(name) sdc_v##name
#define AS_INT(f) ((sdc_vi)(f))
#define AS_FLOAT(i) ((sdc_vf)(i))
#define CONVERT(x, T) __builtin_convertvector(x, T)
#define CONSTANT(c) sdc_splat(c)
#define SELECT(mask, a, b) sdc_select(mask, a, b)
#define REPAIR(y, x, limit, f)                       \
    for (int lane = 0; lane < SDC_VL; lane++)        \
        if (!(sdc_abs((x)[lane]) <= (limit)))        \
            (y)[lane] = f((x)[lane])
#include "vecmath_body.h"

static inline sdc_vf sdc_vsqrt(sdc_vf x)
{
    for (int lane = 0; lane < SDC_VL; lane++)
        x[lane] = sqrtf(x[lane]);
    return x;
}

static inline sdc_vf sdc_vrsqrt(sdc_vf x) { return 1.0f / sdc_vsqrt(x); }

#undef FLOAT
#undef INT
#undef UINT
#undef DOUBLE
#undef FN
#undef AS_INT
#undef AS_FLOAT
#undef CONVERT
#undef CONSTANT
#undef SELECT
#undef REPAIR

#endif
