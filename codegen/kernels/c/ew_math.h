/* ew_math.h: the functions behind the names that op.def's elementwise meanings use (ew_names.h binds the names).
 *
 * Floats: vecmath.h's branch-free functions where it has one, libm for the rest and for double.  Integers: two's
 * complement that wraps in the operand's own width; nothing is undefined: x / 0, x % 0 and shifts by the width or more
 * give 0, and INT_MIN / -1 wraps. */
#ifndef SDC_EW_MATH_H
#define SDC_EW_MATH_H

#include "kernel.h"

/* log(1 + u) for u > -1: log of the rounded sum plus what the rounding lost, to first order. */
static inline float sdc_log1p(float u)
{
    float sum = 1.0f + u;
    return sdc_log(sum) + (u - (sum - 1.0f)) / sum;
}

/* e^x - 1 without cancellation: with t = tanh(x / 2) it is 2 t / (1 - t), whose denominator is safe while x is not
 * large. */
static inline float sdc_expm1(float x)
{
    float t = sdc_tanh(0.5f * x);
    return x > 1.0f ? sdc_exp(x) - 1.0f : 2.0f * t / (1.0f - t);
}

static inline double sdc_sigmoid_f64(double x) { return 1.0 / (1.0 + exp(-x)); }

/* The remainder with the divisor's sign, as Python's %. */
static inline float sdc_floormod_f32(float x, float y)
{
    float r = fmodf(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static inline double sdc_floormod_f64(double x, double y)
{
    double r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

/* The bits of x, wide enough for its type: sums and products of these wrap. */
#define SDC_BITS(x) _Generic((x), int64_t: (uint64_t)(x), uint64_t: (uint64_t)(x), default: (uint32_t)(x))

static inline int64_t sdc_idiv_s(int64_t x, int64_t y)
{
    if (y == -1)
        return (int64_t)(0 - (uint64_t)x);
    return y == 0 ? 0 : x / y;
}

static inline int64_t sdc_irem_s(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }

static inline int64_t sdc_imod_s(int64_t x, int64_t y)
{
    int64_t r = sdc_irem_s(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static inline uint64_t sdc_idiv_u(uint64_t x, uint64_t y) { return y == 0 ? 0 : x / y; }
static inline uint64_t sdc_irem_u(uint64_t x, uint64_t y) { return y == 0 ? 0 : x % y; }

/* x to the power y modulo 2^64 by squaring. */
static inline uint64_t sdc_ipow_u(uint64_t x, uint64_t y)
{
    uint64_t power = 1;
    for (; y; y >>= 1, x *= x)
        if (y & 1)
            power *= x;
    return power;
}

/* As above; a negative power of anything but 1 and -1 rounds to 0. */
static inline int64_t sdc_ipow_s(int64_t x, int64_t y)
{
    if (y >= 0)
        return (int64_t)sdc_ipow_u((uint64_t)x, (uint64_t)y);
    return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
}

static inline uint64_t sdc_shift_left(uint64_t x, uint64_t y) { return y < 64 ? x << y : 0; }
static inline uint64_t sdc_shift_right(uint64_t x, uint64_t y) { return y < 64 ? x >> y : 0; }

#endif
