/* vecmath_body.h: the functions of vecmath.h, once for a float and once for a vector of floats.
 *
 * Parameters (set and cleared by vecmath.h):
 *   FLOAT INT UINT DOUBLE      the types, of as many lanes          FN(name)         sdc_name or sdc_vname
 *   AS_INT(f) AS_FLOAT(i)      the bits as the other type           CONVERT(x, T)    value conversion, lane by lane
 *   SELECT(mask, a, b)         a where a comparison held, else b    CONSTANT(c)      c in every lane
 *   REPAIR(y, x, limit, f)     y[i] = f(x[i]) wherever |x[i]| <= limit does not hold
 *
 * Polynomials are minimax fits (Remez exchange; coefficients rounded to float one after the other, the rest refitted
 * each time); the relative error of each on its interval stands beside it.  They are Horner chains, so contraction into
 * fma has one form only. */

static inline FLOAT FN(abs)(FLOAT x) { return AS_FLOAT(AS_INT(x) & 0x7fffffff); }

static inline FLOAT FN(copysign)(FLOAT magnitude, FLOAT sign)
{
    return AS_FLOAT((AS_INT(magnitude) & 0x7fffffff) | (AS_INT(sign) & INT32_MIN));
}

/* x 2^n for n in [-252, 254]: an exact step and a rounded one, so that subnormal results are right. */
static inline FLOAT FN(scale)(FLOAT x, INT n)
{
    INT half = n >> 1, rest = n - half;
    return x * AS_FLOAT((INT)((UINT)(half + 127) << 23)) * AS_FLOAT((INT)((UINT)(rest + 127) << 23));
}

/* e^x = 2^n e^r, |r| <= ln(2)/2; e^r = 1 + r + r^2 Q(r), 2^-28. */
static inline FLOAT FN(exp)(FLOAT x)
{
    x = SELECT(x > 89.0f, CONSTANT(89.0f), x);                             /* infinity from here on, 0 below -104 */
    x = SELECT(x < -104.0f, CONSTANT(-104.0f), x);
    FLOAT shifted = x * 0x1.715476p0f + 0x1.8p23f, n = shifted - 0x1.8p23f;
    FLOAT r = x - n * 0x1.63p-1f;                                          /* exact: 9 bits by 8 */
    r = r + n * 0x1.bd0106p-13f;
    FLOAT q = CONSTANT(0x1.6ac778p-10f);
    q = q * r + 0x1.123de2p-7f;
    q = q * r + 0x1.555858p-5f;
    q = q * r + 0x1.55548cp-3f;
    q = q * r + 0x1.fffffcp-2f;
    q = q * (r * r) + r;
    return FN(scale)(q + 1.0f, AS_INT(shifted) - 0x4b400000);
}

/* 2^x = 2^n 2^r, |r| <= 1/2; 2^r = 1 + r Q(r), 2^-28. */
static inline FLOAT FN(exp2)(FLOAT x)
{
    x = SELECT(x > 129.0f, CONSTANT(129.0f), x);
    x = SELECT(x < -151.0f, CONSTANT(-151.0f), x);
    FLOAT shifted = x + 0x1.8p23f, r = x - (shifted - 0x1.8p23f);
    FLOAT q = CONSTANT(0x1.d992eap-17f);
    q = q * r + 0x1.4388b4p-13f;
    q = q * r + 0x1.5da6d0p-10f;
    q = q * r + 0x1.3b2a74p-7f;
    q = q * r + 0x1.c6b06ep-5f;
    q = q * r + 0x1.ebfbe0p-3f;
    q = q * r + 0x1.62e430p-1f;
    return FN(scale)(q * r + 1.0f, AS_INT(shifted) - 0x4b400000);
}

/* ln x = k ln 2 + ln(1 + f), 1 + f in [sqrt(1/2), sqrt(2)); with s = f / (2 + f),
 * ln(1 + f) = f - f^2/2 + s (f^2/2 + s^2 Q(s^2)), 2^-35 (Tang 1990, as in fdlibm). */
static inline FLOAT FN(log)(FLOAT x)
{
    FLOAT normal = SELECT(x < 0x1p-126f, x * 0x1p25f, x);
    INT offset = (INT)((UINT)AS_INT(normal) - 0x3f3504f3u), exponent = offset >> 23;     /* bits of sqrt(1/2) */
    FLOAT k = CONVERT(exponent, FLOAT) - SELECT(x < 0x1p-126f, CONSTANT(25.0f), CONSTANT(0.0f));
    FLOAT f = AS_FLOAT((offset & 0x7fffff) + 0x3f3504f3) - 1.0f;
    FLOAT s = f / (f + 2.0f), z = s * s, half_square = f * f * 0.5f;
    FLOAT q = CONSTANT(0x1.f13aeap-3f);
    q = q * z + 0x1.23d3e0p-2f;
    q = q * z + 0x1.999c26p-2f;
    q = q * z + 0x1.555554p-1f;
    q = q * z + half_square;
    q = (q * s - half_square) + f;
    q = (q + k * 0x1.7f7d1cp-20f) + k * 0x1.62e400p-1f;                    /* ln 2, low part first */
    q = SELECT(x < INFINITY, q, x);                                        /* infinity and NaN are themselves */
    q = SELECT(x < 0.0f, CONSTANT(NAN), q);
    return SELECT(x == 0.0f, CONSTANT(-INFINITY), q);
}

/* |x| < 0.625: x + x^3 Q(x^2), 2^-27; else 1 - 2 / (e^2|x| + 1). */
static inline FLOAT FN(tanh)(FLOAT x)
{
    FLOAT magnitude = FN(abs)(x), z = x * x;
    FLOAT q = CONSTANT(-0x1.6a8f7cp-8f);
    q = q * z + 0x1.4fa350p-6f;
    q = q * z - 0x1.b7db34p-5f;
    q = q * z + 0x1.110450p-3f;
    q = q * z - 0x1.555526p-2f;
    FLOAT small = q * (z * x) + x;
    FLOAT large = 1.0f - 2.0f / (FN(exp)(magnitude + magnitude) + 1.0f);
    return FN(copysign)(SELECT(magnitude < 0.625f, small, large), x);      /* of -0 too */
}

/* |x| < 0.93: x + x Q(x^2), 2^-25.7; else 1 - e^-(t + t Q(t)) with t = min(|x|, 4), 2^-28 of the result. */
static inline FLOAT FN(erf)(FLOAT x)
{
    FLOAT t = FN(abs)(x), z = x * x;
    FLOAT q = CONSTANT(-0x1.386e12p-11f);
    q = q * z + 0x1.46d86cp-8f;
    q = q * z - 0x1.b67bcep-6f;
    q = q * z + 0x1.ce1984p-4f;
    q = q * z - 0x1.8126e2p-2f;
    q = q * z + 0x1.06eba6p-3f;
    FLOAT small = q * x + x;
    FLOAT capped = SELECT(t > 4.0f, CONSTANT(4.0f), t);
    FLOAT p = CONSTANT(-0x1.c00c10p-13f);
    p = p * capped + 0x1.a505a6p-9f;
    p = p * capped - 0x1.76e17ap-6f;
    p = p * capped + 0x1.af182ap-4f;
    p = p * capped + 0x1.457e4ap-1f;
    p = p * capped + 0x1.0730dap-3f;
    FLOAT large = 1.0f - FN(exp)(-(p * capped) - capped);
    return SELECT(t < 0.93f, small, FN(copysign)(large, x));
}

/* 1 / (1 + e^-x) without overflow: the numerator is e^-|x| for negative x. */
static inline FLOAT FN(sigmoid)(FLOAT x)
{
    FLOAT e = FN(exp)(-FN(abs)(x));
    return SELECT(x >= 0.0f, CONSTANT(1.0f), e) / (e + 1.0f);
}

/* sin (turn 0) and cos (turn 1) of x = q pi/2 + r: reduced in double with pi/2 = 25 + 53 bits, exact to |x| = 2^28,
 * libm beyond.  sin r = r + r^3 S(r^2), 2^-32; cos r = 1 - r^2/2 + r^4 C(r^2), 2^-33, |r| <= pi/4. */
static inline FLOAT FN(sin_turned)(FLOAT x, int turn)
{
    FLOAT inside = SELECT(FN(abs)(x) <= 0x1p28f, x, CONSTANT(0.0f));
    DOUBLE wide = CONVERT(inside, DOUBLE), n = (wide * 0x1.45f306dc9c883p-1 + 0x1.8p52) - 0x1.8p52;
    FLOAT r = CONVERT((wide - n * 0x1.921fb5p0) - n * 0x1.110b4611a6263p-26, FLOAT), z = r * r;
    INT q = CONVERT(n, INT) + turn;
    FLOAT s = CONSTANT(0x1.7c2c4cp-19f);
    s = s * z - 0x1.a05954p-13f;
    s = s * z + 0x1.111174p-7f;
    s = s * z - 0x1.555556p-3f;
    s = FN(copysign)(s * (z * r) + r, r);                                  /* of -0 too */
    FLOAT c = CONSTANT(0x1.99e80cp-16f);
    c = c * z - 0x1.6c0c28p-10f;
    c = c * z + 0x1.55554ap-5f;
    c = c * (z * z) + (1.0f - z * 0.5f);
    FLOAT y = SELECT((q & 1) != 0, c, s);
    return AS_FLOAT(AS_INT(y) ^ (INT)((UINT)(q & 2) << 30));
}

static inline FLOAT FN(sin)(FLOAT x)
{
    FLOAT y = FN(sin_turned)(x, 0);
    REPAIR(y, x, 0x1p28f, sinf);
    return y;
}

static inline FLOAT FN(cos)(FLOAT x)
{
    FLOAT y = FN(sin_turned)(x, 1);
    REPAIR(y, x, 0x1p28f, cosf);
    return y;
}
