/* test_types.c: every conversion of dtype_bits.h, types.h and dtype.c against the definition of the formats.
 *
 * A narrow float format is written out here as a table of its values, made with ldexp() from its bit fields.  Rounding
 * is checked where it can go wrong: at every value, at every midpoint of neighbours (ties to even) and one float to
 * either side of both.  Special values follow the tables in ONNX Cast's documentation. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isa.h"
#include "kernel.h"

typedef struct {
    const char *name;
    DType dtype;
    int mantissa, bias;
    uint32_t sign;                          /* bit of the sign */
    uint32_t largest;                       /* code of the largest finite value */
    uint32_t over, over_nosat;              /* codes, without sign, of a finite value far beyond the largest */
    uint32_t infinite, infinite_nosat;
    uint32_t nan;
    bool unsigned_zero;
    uint32_t (*to)(float);
    uint32_t (*to_nosat)(float);
} Format;

#define TO(TYPE) static uint32_t as_##TYPE(float x) { return to_##TYPE(x); }
TO(f16) TO(bf16) TO(f8e4m3) TO(f8e4m3z) TO(f8e5m2) TO(f8e5m2z) TO(f4e2m1)
TO(f8e4m3_nosat) TO(f8e4m3z_nosat) TO(f8e5m2_nosat) TO(f8e5m2z_nosat)

static const Format formats[] = {
    {"f16", DT_F16, 10, 15, 0x8000, 0x7bff, 0x7c00, 0x7c00, 0x7c00, 0x7c00, 0x7e00, false, as_f16, as_f16},
    {"bf16", DT_BF16, 7, 127, 0x8000, 0x7f7f, 0x7f80, 0x7f80, 0x7f80, 0x7f80, 0x7fc0, false, as_bf16, as_bf16},
    {"f8e4m3", DT_F8E4M3, 3, 7, 0x80, 0x7e, 0x7e, 0x7f, 0x7e, 0x7f, 0x7f, false, as_f8e4m3, as_f8e4m3_nosat},
    {"f8e4m3z", DT_F8E4M3Z, 3, 8, 0x80, 0x7f, 0x7f, 0x80, 0x7f, 0x80, 0x80, true, as_f8e4m3z, as_f8e4m3z_nosat},
    {"f8e5m2", DT_F8E5M2, 2, 15, 0x80, 0x7b, 0x7b, 0x7c, 0x7b, 0x7c, 0x7e, false, as_f8e5m2, as_f8e5m2_nosat},
    {"f8e5m2z", DT_F8E5M2Z, 2, 16, 0x80, 0x7f, 0x7f, 0x80, 0x7f, 0x80, 0x80, true, as_f8e5m2z, as_f8e5m2z_nosat},
    {"f4e2m1", DT_F4E2M1, 1, 1, 0x8, 0x7, 0x7, 0x7, 0x7, 0x7, 0x8, false, as_f4e2m1, as_f4e2m1},
};

/* Value of a code up to one past the largest, as if the format went on. */
static double value_of(const Format *f, uint32_t code)
{
    int exponent = (int)(code >> f->mantissa), fraction = (int)(code & ((1u << f->mantissa) - 1));
    if (exponent == 0)
        return ldexp(fraction, 1 - f->bias - f->mantissa);
    return ldexp(fraction + (1 << f->mantissa), exponent - f->bias - f->mantissa);
}

static uint32_t signed_code(const Format *f, uint32_t code)
{
    bool no_sign = f->unsigned_zero && (code == 0 || code == f->nan);
    return no_sign ? code : code | f->sign;
}

static void check_store(const Format *f, double x, uint32_t want)
{
    uint32_t stored = 0, float_code = f->to((float)x);
    dtype_store_f(f->dtype, &stored, x);
    assert_int_equal(stored, want);
    assert_int_equal(float_code, want);
    stored = 0;
    dtype_store_f(f->dtype, &stored, -x);
    assert_int_equal(stored, signed_code(f, want));
    assert_int_equal(f->to(-(float)x), signed_code(f, want));
}

static void check_rounding(const Format *f)
{
    for (uint32_t code = 0; code <= f->largest; code++) {
        double value = value_of(f, code), next = value_of(f, code + 1), middle = (value + next) / 2;
        uint32_t up = code == f->largest ? f->over : code + 1;
        uint32_t loaded = code;
        assert_true(dtype_load_f(f->dtype, &loaded) == value);
        check_store(f, value, code);
        if (middle >= FLT_MAX)              /* bf16 alone: no float lies beyond the last midpoint */
            continue;
        check_store(f, middle, code % 2 ? up : code);
        check_store(f, (double)nextafterf((float)middle, 0.0f), code);
        check_store(f, (double)nextafterf((float)middle, INFINITY), up);
        uint32_t from_double = 0;           /* a double that rounds to the midpoint as a float must not tie */
        dtype_store_f(f->dtype, &from_double, nextafter(middle, INFINITY));
        assert_int_equal(from_double, up);
        from_double = 0;
        dtype_store_f(f->dtype, &from_double, nextafter(middle, 0));
        assert_int_equal(from_double, code);
    }
}

static void test_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const Format *f = &formats[i];
        check_rounding(f);
        assert_int_equal(f->to(0x1p127f), f->dtype == DT_BF16 ? 0x7f00 : f->over);
        assert_int_equal(f->to(INFINITY), f->infinite);
        assert_int_equal(f->to(-INFINITY), signed_code(f, f->infinite));
        assert_int_equal(f->to(NAN), f->nan);
        assert_int_equal(f->to_nosat(0x1p127f), f->dtype == DT_BF16 ? 0x7f00 : f->over_nosat);
        assert_int_equal(f->to_nosat(INFINITY), f->infinite_nosat);
        assert_int_equal(f->to_nosat(-INFINITY), signed_code(f, f->infinite_nosat));
        assert_int_equal(f->to_nosat(NAN), f->nan);
        if (f->dtype != DT_F4E2M1)
            assert_true(isnan(dtype_load_f(f->dtype, &f->nan)));
    }
    assert_true(isinf(ld_f16(0x7c00)) && ld_f16(0xfc00) < 0 && isinf(ld_bf16(0x7f80)) && isinf(ld_f8e5m2(0x7c)));
}

static void test_powers_of_two(void **state)
{
    (void)state;
    for (int code = 0; code < 255; code++) {
        float x = ld_f8e8m0((uint8_t)code);
        assert_true(x == ldexpf(1.0f, code - 127));
        assert_int_equal(to_f8e8m0(x), code);
        assert_int_equal(to_f8e8m0_nosat(x), code);
        if (code < 254) {
            assert_int_equal(to_f8e8m0(nextafterf(x, INFINITY)), code + 1);
            assert_int_equal(dt_f8e8m0_round(x * 1.9f, DT_ROUND_DOWN, true), code);
            assert_int_equal(to_f8e8m0_nosat(x * 1.5f), code + 1);
            assert_int_equal(to_f8e8m0_nosat(nextafterf(x * 1.5f, 0.0f)), code);
        }
    }
    assert_true(isnan(ld_f8e8m0(255)));
    assert_int_equal(to_f8e8m0(0.0f), 0);
    assert_int_equal(to_f8e8m0(INFINITY), 254);
    assert_int_equal(to_f8e8m0(NAN), 255);
    assert_int_equal(to_f8e8m0_nosat(0.0f), 255);
    assert_int_equal(to_f8e8m0_nosat(INFINITY), 255);
}

static void test_integers(void **state)
{
    (void)state;
    assert_int_equal(SDC_CAST(f32, i8, -1e9f), INT8_MIN);
    assert_int_equal(SDC_CAST(f32, i8, 127.9f), 127);
    assert_int_equal(SDC_CAST(f32, i8, -128.9f), -128);
    assert_int_equal(SDC_CAST(f32, u8, 300.0f), 255);
    assert_int_equal(SDC_CAST(f32, u8, -0.9f), 0);
    assert_int_equal(SDC_CAST(f32, i32, 2147483648.0f), INT32_MAX);
    assert_int_equal(SDC_CAST(f64, i32, 2147483646.9), 2147483646);
    assert_int_equal(SDC_CAST(f64, i64, 1e30), INT64_MAX);
    assert_int_equal(SDC_CAST(f64, i64, -INFINITY), INT64_MIN);
    assert_true(SDC_CAST(f64, u64, 1.8446744073709550e19) == 18446744073709549568u);
    assert_true(SDC_CAST(f32, u64, INFINITY) == UINT64_MAX);
    assert_int_equal(SDC_CAST(f32, i32, NAN), 0);
    assert_int_equal(SDC_CAST(f64, u8, NAN), 0);
    assert_int_equal(SDC_CAST(i64, i8, 200), -56);          /* ONNX: 200 (int16) -> -56 (int8) */
    assert_int_equal(SDC_CAST(i32, u16, -1), 65535);
    assert_int_equal(SDC_CAST(f32, i4, -9.0f), 7);          /* as recorded in test_cast_FLOAT_to_INT4 */
    assert_int_equal(SDC_CAST(f32, i4, 8.0f), -8);
    assert_int_equal(SDC_CAST(f32, u4, -9.0f), 7);
    assert_int_equal(SDC_CAST(i32, i2, 2), -2);
    assert_int_equal(SDC_CAST(u8, u2, 7), 3);
    assert_int_equal(SDC_CAST(f32, bool, NAN), 1);
    assert_int_equal(SDC_CAST(f32, bool, -0.0f), 0);
    assert_int_equal(SDC_CAST(i64, bool, INT64_C(1) << 40), 1);
    assert_true(SDC_CAST(bool, f16, true) == 0x3c00);
    assert_true(SDC_CAST(u64, f64, UINT64_MAX) == 0x1p64);
    assert_true(SDC_CAST(f64, f32, 1e300) == INFINITY);
    assert_true(SDC_CAST(i64, f32, 16777217) == 16777216.0f);
}

/* dtype.h's table: names, sizes, both ways through memory. */
static void test_table(void **state)
{
    (void)state;
#define DTYPE(NAME, text, code, bytes_, bits_, class_)                                            \
    assert_int_equal(dtype_by_name(#text), DT_##NAME);                                            \
    assert_int_equal(sizeof(st_##text), dtype_info(DT_##NAME)->bytes);                            \
    {                                                                                             \
        uint8_t element[8] = {0};                                                                 \
        dtype_store_i(DT_##NAME, element, 1);                                                     \
        assert_int_equal(dtype_load_i(DT_##NAME, element), 1);                                    \
        assert_true(dtype_load_f(DT_##NAME, element) == 1.0);                                     \
    }
#include "dtype.def"
#undef DTYPE
    assert_int_equal(dtype_by_name("f128"), DT_NONE);
    assert_null(dtype_info(8)->name);
    assert_null(dtype_info((DType)1000)->name);
    uint64_t big = UINT64_MAX;
    assert_true(dtype_load_f(DT_U64, &big) == 0x1p64);
    assert_int_equal(dtype_load_i(DT_U64, &big), -1);
}

int main(void)
{
    skip_unless_cpu_fits();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_powers_of_two),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
