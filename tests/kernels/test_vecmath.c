/* test_vecmath.c: every function of vecmath.h over all floats, in steps, against libm in double; and vectors against
 * scalars, bit by bit.
 *
 *      test_vecmath [STEP]       31: every 31st of the 2^32 floats (minutes); 1511 by default
 *
 * Errors are in units of the last place of the exact result.  Where the exact result overflows a float, either
 * neighbour counts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "isa.h"
#include "kernel.h"

typedef struct {
    const char *name;
    float (*scalar)(float);
    sdc_vf (*vector)(sdc_vf);
    double (*exact)(double);
    double bound;                           /* as vecmath.h states it */
} Function;

static double exact_sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double exact_rsqrt(double x) { return 1 / sqrt(x); }

#define ROW(NAME, EXACT, BOUND) {#NAME, sdc_##NAME, sdc_v##NAME, EXACT, BOUND}
static const Function functions[] = {
    ROW(exp, exp, 1.1),           ROW(exp2, exp2, 1.1), ROW(log, log, 1.0),
    ROW(tanh, tanh, 1.4),         ROW(erf, erf, 1.3),   ROW(sigmoid, exact_sigmoid, 2.5),
    ROW(sin, sin, 1.6),           ROW(cos, cos, 1.6),   ROW(sqrt, sqrt, 0.5),
    ROW(rsqrt, exact_rsqrt, 1.5),
};

static uint32_t step = 1511;

/* Distance of got from want in units of want's last place as a float; HUGE_VAL when one is NaN or infinite and the
 * other not. */
static double error_of(float got, double want)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : HUGE_VAL;
    float rounded = (float)want;
    if (isinf(rounded) || isinf(got)) {
        bool at_the_edge = !isinf(want) && fabs(want) < 0x1.000002p128 && signbit(want) == signbit(got)
                           && fabsf(got) >= 0x1.fffffcp127f;
        return got == rounded || at_the_edge ? 0 : HUGE_VAL;
    }
    int exponent;
    frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static void check_function(const Function *f)
{
    double worst = 0;
    float at = 0;
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32;) {
        sdc_vf x;
        for (int lane = 0; lane < SDC_VL; lane++, bits += step)
            x[lane] = dt_float((uint32_t)bits);
        sdc_vf y = f->vector(x);
        for (int lane = 0; lane < SDC_VL; lane++) {
            float scalar = f->scalar(x[lane]);
            if (dt_bits(scalar) != dt_bits(y[lane]) && !(isnan(scalar) && isnan(y[lane])))
                fail_msg("%s(%a): vector %a, scalar %a", f->name, (double)x[lane], (double)y[lane], (double)scalar);
            double error = error_of(scalar, f->exact((double)x[lane]));
            if (error > worst)
                worst = error, at = x[lane];
        }
    }
    print_message("%-8s %.3f units of the last place, at %a\n", f->name, worst, (double)at);
    assert_true(worst <= f->bound);
}

static void test_functions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        check_function(&functions[i]);
}

/* Signs of zero, infinities, NaN and the ends of the range, one by one against libm. */
static void test_special(void **state)
{
    (void)state;
    static const float values[] = {0.0f,    -0.0f,     INFINITY,   -INFINITY,      NAN,         1.0f,
                                   -1.0f,   0x1p-149f, -0x1p-149f, 0x1p-126f,      88.7228394f, 88.72284f,
                                   -87.5f,  -103.9f,   -104.0f,    127.99999f,     128.0f,      -149.0f,
                                   -149.5f, -150.0f,   0.625f,     0.93f,          4.0f,        9.1f,
                                   1e5f,    -1e5f,     0x1p28f,    0x1.000002p28f, 1e30f,       0x1.fffffep127f};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            const Function *f = &functions[i];
            float got = f->scalar(values[k]);
            double want = f->exact((double)values[k]);
            bool sign_differs = !isnan(want) && !signbit(got) != !signbit((float)want);
            if (sign_differs || error_of(got, want) > f->bound)
                fail_msg("%s(%a): %a instead of %a", f->name, (double)values[k], (double)got, want);
        }
}

int main(int argc, char **argv)
{
    skip_unless_cpu_fits();
    if (argc > 1)
        step = (uint32_t)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions), cmocka_unit_test(test_special)};
    return step == 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
