/* ew_names.h: the short names of op.def's elementwise meanings, in force between two inclusions of this file.
 *
 * The first inclusion defines them, the second takes them away again, since other templates use names such as K and MAX
 * as parameters.  K(c) needs SDC_EW_TYPE, the arithmetic's C type; the others pick by the type of their first operand.
 * */
#ifndef SDC_EW_NAMES
#define SDC_EW_NAMES

#define SDC_BY_TYPE(x, single, twice) _Generic((x), double: twice, default: single)
#define SDC_BY_SIGN(x, with, without) _Generic((x), uint64_t: without, default: with)

#define K(c) ((SDC_EW_TYPE)(c))
#define SELECT(condition, a, b) ((condition) ? (a) : (b))
#define ABS(x) SDC_BY_TYPE(x, fabsf, fabs)(x)
#define SQRT(x) SDC_BY_TYPE(x, sqrtf, sqrt)(x)
#define EXP(x) SDC_BY_TYPE(x, sdc_exp, exp)(x)
#define EXPM1(x) SDC_BY_TYPE(x, sdc_expm1, expm1)(x)
#define LOG(x) SDC_BY_TYPE(x, sdc_log, log)(x)
#define LOG1P(x) SDC_BY_TYPE(x, sdc_log1p, log1p)(x)
#define SIN(x) SDC_BY_TYPE(x, sdc_sin, sin)(x)
#define COS(x) SDC_BY_TYPE(x, sdc_cos, cos)(x)
#define TAN(x) SDC_BY_TYPE(x, tanf, tan)(x)
#define ASIN(x) SDC_BY_TYPE(x, asinf, asin)(x)
#define ACOS(x) SDC_BY_TYPE(x, acosf, acos)(x)
#define ATAN(x) SDC_BY_TYPE(x, atanf, atan)(x)
#define SINH(x) SDC_BY_TYPE(x, sinhf, sinh)(x)
#define COSH(x) SDC_BY_TYPE(x, coshf, cosh)(x)
#define ASINH(x) SDC_BY_TYPE(x, asinhf, asinh)(x)
#define ACOSH(x) SDC_BY_TYPE(x, acoshf, acosh)(x)
#define ATANH(x) SDC_BY_TYPE(x, atanhf, atanh)(x)
#define TANH(x) SDC_BY_TYPE(x, sdc_tanh, tanh)(x)
#define ERF(x) SDC_BY_TYPE(x, sdc_erf, erf)(x)
#define SIGMOID(x) SDC_BY_TYPE(x, sdc_sigmoid, sdc_sigmoid_f64)(x)
#define FLOOR(x) SDC_BY_TYPE(x, floorf, floor)(x)
#define CEIL(x) SDC_BY_TYPE(x, ceilf, ceil)(x)
#define ROUND_EVEN(x) SDC_BY_TYPE(x, rintf, rint)(x)
#define POW(x, y) SDC_BY_TYPE(x, powf, pow)(x, y)
#define FMOD(x, y) SDC_BY_TYPE(x, fmodf, fmod)(x, y)
#define FLOORMOD(x, y) SDC_BY_TYPE(x, sdc_floormod_f32, sdc_floormod_f64)(x, y)
#define ISNAN(x) ((x) != (x))
#define ISINF(x) (ABS(x) == K(INFINITY))
#define MAX(x, y) ((x) < (y) ? (y) : (x))                           /* a NaN first operand stays */
#define MIN(x, y) ((y) < (x) ? (y) : (x))
#define NANMAX(x, y) (ISNAN(y) ? (y) : MAX(x, y))                   /* either NaN stays */
#define NANMIN(x, y) (ISNAN(y) ? (y) : MIN(x, y))

#define IADD(x, y) (SDC_BITS(x) + SDC_BITS(y))
#define ISUB(x, y) (SDC_BITS(x) - SDC_BITS(y))
#define IMUL(x, y) (SDC_BITS(x) * SDC_BITS(y))
#define INEG(x) (0 - SDC_BITS(x))
#define IABS(x) ((x) < 0 ? 0 - SDC_BITS(x) : SDC_BITS(x))
#define IDIV(x, y) SDC_BY_SIGN(x, sdc_idiv_s, sdc_idiv_u)(x, y)
#define IREM(x, y) SDC_BY_SIGN(x, sdc_irem_s, sdc_irem_u)(x, y)
#define IMOD(x, y) SDC_BY_SIGN(x, sdc_imod_s, sdc_irem_u)(x, y)
#define IPOW(x, y) SDC_BY_SIGN(x, sdc_ipow_s, sdc_ipow_u)(x, y)
#define TRUNCATE(v) SDC_BY_SIGN(x, dt_i64_from_d, dt_u64_from_d)((double)(v))      /* saturating */
#define SHIFT_LEFT(x, y) sdc_shift_left(x, y)
#define SHIFT_RIGHT(x, y) sdc_shift_right(x, y)

#else
#undef SDC_EW_NAMES
#undef SDC_BY_TYPE
#undef SDC_BY_SIGN
#undef K
#undef SELECT
#undef ABS
#undef SQRT
#undef EXP
#undef EXPM1
#undef LOG
#undef LOG1P
#undef SIN
#undef COS
#undef TAN
#undef ASIN
#undef ACOS
#undef ATAN
#undef SINH
#undef COSH
#undef ASINH
#undef ACOSH
#undef ATANH
#undef TANH
#undef ERF
#undef SIGMOID
#undef FLOOR
#undef CEIL
#undef ROUND_EVEN
#undef POW
#undef FMOD
#undef FLOORMOD
#undef ISNAN
#undef ISINF
#undef MAX
#undef MIN
#undef NANMAX
#undef NANMIN
#undef IADD
#undef ISUB
#undef IMUL
#undef INEG
#undef IABS
#undef IDIV
#undef IREM
#undef IMOD
#undef IPOW
#undef TRUNCATE
#undef SHIFT_LEFT
#undef SHIFT_RIGHT
#endif
