/* dtype_bits.h: every conversion between number formats, bit by bit, as inline functions.
 *
 * The only place that knows how a format is laid out and how a value is rounded into it.  The compiler and the runtime
 * reach it through dtype.c, the kernels through types.h, so all of them round alike.
 *
 * Three steps: a format is decoded to float by dt_load_X(), and encoded by dt_X_from_C() for each class C of source:
 *
 *      f  float     d  double (rounded once, never twice)     w  int32_t and narrower     l  int64_t     u  uint64_t
 *
 * Floats are rounded to nearest even; what does not fit becomes infinity (f16, bf16) or, for the narrow formats, the
 * largest finite value, as ONNX Cast does with saturate=1; dt_X_from_f_nosat() is saturate=0.  Integers that do not fit
 * wrap.  A float that does not fit an integer of 8 bits or more saturates and NaN gives 0; into the sub-byte integers
 * it wraps, as ONNX's recorded results do.  Anything but zero is true.
 *
 * Written without branches so that loops over them vectorise: f16 this way is 1.3 to 4 times as fast in a loop as
 * scalar F16C, which no compiler vectorises, and gives the same bits.  Formats: ONNX documentation, "float stored in 8
 * bits"; OCP Microscaling Formats 1.0 (f4e2m1, f8e8m0). */
#ifndef SDC_DTYPE_BITS_H
#define SDC_DTYPE_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t dt_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float dt_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* ---- double to float, rounded to odd: a second rounding into a narrower format is then right ---------------- */

static inline float dt_round_to_odd(double v)
{
    float x = (float)v;
    double back = (double)x;
    uint32_t u = dt_bits(x), even = (u & 1) ^ 1;
    uint32_t inexact = (v > back) | (v < back);                            /* false for NaN */
    uint32_t away = ((v > back) ^ (u >> 31)) ? 1u : UINT32_MAX;            /* magnitude must grow, or shrink */
    return dt_float(u + (away & (0u - (inexact & even))));
}

/* ---- small floats: `mantissa` stored bits, exponent bias `bias` --------------------------------------------- */

/* |x| as a code of the format, rounded to nearest even, as if the exponent had no upper limit. */
static inline uint32_t dt_encode(float x, int mantissa, int bias)
{
    uint32_t magnitude = dt_bits(x) & 0x7fffffffu;
    int shift = 23 - mantissa;
    uint32_t smallest_normal = (uint32_t)(128 - bias) << 23;
    uint32_t normal = magnitude - ((uint32_t)(127 - bias) << 23);
    uint32_t one_ulp = (uint32_t)(128 - bias + shift) << 23;               /* adding it lines the last bits up */
    uint32_t subnormal = dt_bits(dt_float(magnitude) + dt_float(one_ulp)) - one_ulp;
    normal = (normal + (1u << (shift - 1)) - 1 + ((normal >> shift) & 1)) >> shift;
    return magnitude < smallest_normal ? subnormal : normal;
}

/* The value of a code without its sign; the caller handles infinities and NaN. */
static inline float dt_decode(uint32_t code, int mantissa, int bias)
{
    return dt_float(code << (23 - mantissa)) * dt_float((uint32_t)(254 - bias) << 23);
}

static inline float dt_with_sign(float magnitude, uint32_t sign)           /* sign: in bit 31 */
{
    return dt_float(dt_bits(magnitude) | sign);
}

/* ---- f16, bf16 ---------------------------------------------------------------------------------------------- */

static inline float dt_load_f16(uint16_t h)
{
    uint32_t code = h & 0x7fffu;
    float x = dt_decode(code, 10, 15);
    x = code >= 0x7c00u ? dt_float(0x7f800000u | (code & 0x3ffu) << 13 | (code > 0x7c00u ? 0x400000u : 0)) : x;
    return dt_with_sign(x, (uint32_t)(h & 0x8000u) << 16);
}

static inline uint16_t dt_f16_from_f(float x)
{
    uint32_t u = dt_bits(x), magnitude = u & 0x7fffffffu, code = dt_encode(x, 10, 15);
    code = code > 0x7c00u ? 0x7c00u : code;
    code = magnitude >= 0x7f800000u ? 0x7c00u : code;
    code = magnitude > 0x7f800000u ? 0x7e00u | ((magnitude >> 13) & 0x3ffu) : code;
    return (uint16_t)(code | (u >> 16 & 0x8000u));
}

static inline float dt_load_bf16(uint16_t h) { return dt_float((uint32_t)h << 16); }

static inline uint16_t dt_bf16_from_f(float x)
{
    uint32_t u = dt_bits(x), rounded = (u + 0x7fffu + ((u >> 16) & 1)) >> 16;
    return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? u >> 16 | 0x40u : rounded);
}

/* ---- 8 and 4 bits ------------------------------------------------------------------------------------------- */

/* One row of the table in ONNX Cast's documentation.  `over` is the code of a finite value beyond the largest,
 * `infinite` of an infinity (both without sign, unless `unsigned_zero`), `nan` of a NaN.  FNUZ formats have neither -0
 * nor -NaN. */
typedef struct { int mantissa, bias; uint32_t largest, over, infinite, nan; bool unsigned_zero; } DtSmall;

static inline uint8_t dt_small_from_f(float x, DtSmall f)
{
    uint32_t u = dt_bits(x), magnitude = u & 0x7fffffffu, sign = u >> 24 & 0x80u;
    uint32_t code = dt_encode(x, f.mantissa, f.bias);
    code = code > f.largest ? f.over : code;
    code = magnitude >= 0x7f800000u ? f.infinite : code;
    code = magnitude > 0x7f800000u ? f.nan : code;
    sign = f.unsigned_zero && (code == 0 || code == 0x80u) ? 0 : sign;
    return (uint8_t)(code | sign);
}

#define DT_SMALL_TO(NAME, ...) \
    static inline uint8_t dt_##NAME(float x) { return dt_small_from_f(x, (DtSmall){__VA_ARGS__}); }
DT_SMALL_TO(f8e4m3_from_f, 3, 7, 0x7e, 0x7e, 0x7e, 0x7f, false)
DT_SMALL_TO(f8e4m3_from_f_nosat, 3, 7, 0x7e, 0x7f, 0x7f, 0x7f, false)
DT_SMALL_TO(f8e4m3z_from_f, 3, 8, 0x7f, 0x7f, 0x7f, 0x80, true)
DT_SMALL_TO(f8e4m3z_from_f_nosat, 3, 8, 0x7f, 0x80, 0x80, 0x80, true)
DT_SMALL_TO(f8e5m2_from_f, 2, 15, 0x7b, 0x7b, 0x7b, 0x7e, false)
DT_SMALL_TO(f8e5m2_from_f_nosat, 2, 15, 0x7b, 0x7c, 0x7c, 0x7e, false)
DT_SMALL_TO(f8e5m2z_from_f, 2, 16, 0x7f, 0x7f, 0x7f, 0x80, true)
DT_SMALL_TO(f8e5m2z_from_f_nosat, 2, 16, 0x7f, 0x80, 0x80, 0x80, true)
#undef DT_SMALL_TO

static inline float dt_load_f8e4m3(uint8_t b)
{
    uint32_t code = b & 0x7fu;
    float x = code == 0x7fu ? dt_float(0x7fc00000u) : dt_decode(code, 3, 7);
    return dt_with_sign(x, (uint32_t)(b & 0x80u) << 24);
}

static inline float dt_load_f8e4m3z(uint8_t b)
{
    float x = dt_with_sign(dt_decode(b & 0x7fu, 3, 8), (uint32_t)(b & 0x80u) << 24);
    return b == 0x80u ? dt_float(0x7fc00000u) : x;
}

static inline float dt_load_f8e5m2(uint8_t b) { return dt_load_f16((uint16_t)(b << 8)); }

static inline float dt_load_f8e5m2z(uint8_t b)
{
    float x = dt_with_sign(dt_decode(b & 0x7fu, 2, 16), (uint32_t)(b & 0x80u) << 24);
    return b == 0x80u ? dt_float(0x7fc00000u) : x;
}

/* f4e2m1 has neither infinity nor NaN: NaN becomes -0 with either sign, as in ONNX's recorded results. */
static inline uint8_t dt_f4e2m1_from_f(float x)
{
    uint32_t u = dt_bits(x), magnitude = u & 0x7fffffffu, code = dt_encode(x, 1, 1);
    code = code > 7 || magnitude == 0x7f800000u ? 7 : code;
    code |= u >> 28 & 8u;
    return (uint8_t)(magnitude > 0x7f800000u ? 8u : code);
}

static inline float dt_load_f4e2m1(uint8_t b)
{
    return dt_with_sign(dt_decode(b & 7u, 1, 1), (uint32_t)(b & 8u) << 28);
}

/* f8e8m0 holds powers of two, 2^-127 .. 2^127, and NaN (255); the sign is lost.  Modes are ONNX Cast's round_mode;
 * "nearest" rounds ties up.  Beyond the range: saturate keeps the nearest end (0 becomes 2^-127), otherwise NaN. */
enum { DT_ROUND_UP, DT_ROUND_DOWN, DT_ROUND_NEAREST };

static inline uint8_t dt_f8e8m0_round(float x, int mode, bool saturate)
{
    static const uint32_t normal_add[] = {0x7fffffu, 0, 0x400000u};
    static const uint32_t subnormal_from[] = {0x400001u, 0x800000u, 0x600000u};
    uint32_t magnitude = dt_bits(x) & 0x7fffffffu;
    uint32_t normal = (magnitude + normal_add[mode]) >> 23, subnormal = magnitude >= subnormal_from[mode];
    uint32_t code = magnitude < 0x800000u ? subnormal : normal;
    uint32_t beyond = saturate ? 254 : 255, below = saturate ? 0 : 255;
    code = code > 254 ? beyond : code;
    code = magnitude < 0x400000u ? below : code;
    return (uint8_t)(magnitude > 0x7f800000u ? 255 : code);
}

static inline uint8_t dt_f8e8m0_from_f(float x) { return dt_f8e8m0_round(x, DT_ROUND_UP, true); }

static inline float dt_load_f8e8m0(uint8_t b)
{
    uint32_t u = b == 0 ? 0x400000u : (uint32_t)b << 23;
    return dt_float(b == 255 ? 0x7fc00000u : u);
}

/* ---- the other sources of the formats above ----------------------------------------------------------------- */

#define DT_FLOAT_SOURCES(NAME, T)                                                                        \
    static inline T dt_##NAME##_from_d(double x) { return dt_##NAME##_from_f(dt_round_to_odd(x)); }      \
    static inline T dt_##NAME##_from_w(int32_t x) { return dt_##NAME##_from_d((double)x); }              \
    static inline T dt_##NAME##_from_l(int64_t x) { return dt_##NAME##_from_d((double)x); }              \
    static inline T dt_##NAME##_from_u(uint64_t x) { return dt_##NAME##_from_d((double)x); }
DT_FLOAT_SOURCES(f16, uint16_t)
DT_FLOAT_SOURCES(bf16, uint16_t)
DT_FLOAT_SOURCES(f8e4m3, uint8_t)
DT_FLOAT_SOURCES(f8e4m3z, uint8_t)
DT_FLOAT_SOURCES(f8e5m2, uint8_t)
DT_FLOAT_SOURCES(f8e5m2z, uint8_t)
DT_FLOAT_SOURCES(f4e2m1, uint8_t)
DT_FLOAT_SOURCES(f8e8m0, uint8_t)
#undef DT_FLOAT_SOURCES

/* C's own conversion for f32, f64; `!= 0` for bool. */
#define DT_PLAIN_SOURCES(NAME, T, EXPRESSION)                                \
    static inline T dt_##NAME##_from_f(float x) { return EXPRESSION; }       \
    static inline T dt_##NAME##_from_d(double x) { return EXPRESSION; }      \
    static inline T dt_##NAME##_from_w(int32_t x) { return EXPRESSION; }     \
    static inline T dt_##NAME##_from_l(int64_t x) { return EXPRESSION; }     \
    static inline T dt_##NAME##_from_u(uint64_t x) { return EXPRESSION; }
DT_PLAIN_SOURCES(f32, float, (float)x)
DT_PLAIN_SOURCES(f64, double, (double)x)
DT_PLAIN_SOURCES(bool, uint8_t, x != 0)
#undef DT_PLAIN_SOURCES

/* ---- integers ----------------------------------------------------------------------------------------------- */

/* Saturating: LOW and HIGH + 1 are powers of two, exact in every float; NaN falls through both comparisons to LOW, then
 * to 0. */
#define DT_SATURATE(T, x, LOW, HIGH, ABOVE, REAL)                            \
    REAL from_low = x >= (REAL)(LOW) ? x : (REAL)(LOW);                      \
    T inside = (T)(from_low < (REAL)(ABOVE) ? from_low : (REAL)0);           \
    inside = x >= (REAL)(ABOVE) ? (T)(HIGH) : inside;                        \
    return x != x ? (T)0 : inside;

#define DT_INTEGER_SOURCES(NAME, T, LOW, HIGH, ABOVE)                                                     \
    static inline T dt_##NAME##_from_f(float x) { DT_SATURATE(T, x, LOW, HIGH, ABOVE, float) }            \
    static inline T dt_##NAME##_from_d(double x) { DT_SATURATE(T, x, LOW, HIGH, ABOVE, double) }          \
    static inline T dt_##NAME##_from_w(int32_t x) { return (T)x; }                                        \
    static inline T dt_##NAME##_from_l(int64_t x) { return (T)x; }                                        \
    static inline T dt_##NAME##_from_u(uint64_t x) { return (T)x; }
DT_INTEGER_SOURCES(i8, int8_t, INT8_MIN, INT8_MAX, 0x1p7)
DT_INTEGER_SOURCES(i16, int16_t, INT16_MIN, INT16_MAX, 0x1p15)
DT_INTEGER_SOURCES(i32, int32_t, INT32_MIN, INT32_MAX, 0x1p31)
DT_INTEGER_SOURCES(i64, int64_t, INT64_MIN, INT64_MAX, 0x1p63)
DT_INTEGER_SOURCES(u8, uint8_t, 0, UINT8_MAX, 0x1p8)
DT_INTEGER_SOURCES(u16, uint16_t, 0, UINT16_MAX, 0x1p16)
DT_INTEGER_SOURCES(u32, uint32_t, 0, UINT32_MAX, 0x1p32)
DT_INTEGER_SOURCES(u64, uint64_t, 0, UINT64_MAX, 0x1p64)
#undef DT_INTEGER_SOURCES
#undef DT_SATURATE

/* Sub-byte integers: the low bits, sign-extended for i4 and i2. */
static inline int8_t dt_low_signed(uint32_t u, int bits)
{
    uint32_t sign = 1u << (bits - 1);
    return (int8_t)(int32_t)(((u & (2 * sign - 1)) ^ sign) - sign);
}

static inline uint8_t dt_low_unsigned(uint32_t u, int bits) { return (uint8_t)(u & ((1u << bits) - 1)); }

#define DT_LOW_SOURCES(NAME, T, LOW_BITS, BITS)                                                                    \
    static inline T dt_##NAME##_from_f(float x) { return LOW_BITS((uint32_t)dt_i32_from_f(x), BITS); }             \
    static inline T dt_##NAME##_from_d(double x) { return LOW_BITS((uint32_t)dt_i32_from_d(x), BITS); }            \
    static inline T dt_##NAME##_from_w(int32_t x) { return LOW_BITS((uint32_t)x, BITS); }                          \
    static inline T dt_##NAME##_from_l(int64_t x) { return LOW_BITS((uint32_t)x, BITS); }                          \
    static inline T dt_##NAME##_from_u(uint64_t x) { return LOW_BITS((uint32_t)x, BITS); }
DT_LOW_SOURCES(i4, int8_t, dt_low_signed, 4)
DT_LOW_SOURCES(i2, int8_t, dt_low_signed, 2)
DT_LOW_SOURCES(u4, uint8_t, dt_low_unsigned, 4)
DT_LOW_SOURCES(u2, uint8_t, dt_low_unsigned, 2)
#undef DT_LOW_SOURCES

#endif
