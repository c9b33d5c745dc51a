/* test_ceiling.c: the loops that measure the ceiling do the work that they are counted for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isa.h"

#define NAME loops
#include "ceiling.h"

enum { EACH = 512, UNITS = 3 };

static float from[EACH * UNITS], to[EACH * UNITS];

static SdcCeiling arrays(void)
{
    for (int k = 0; k < EACH * UNITS; k++) {
        from[k] = (float)(k % 7 + 1) / 8;
        to[k] = -1;
    }
    return (SdcCeiling){.from = from, .to = to, .each = EACH, .steps = 100};
}

static double sum_of_lanes(const float *x)
{
    double sum = 0;
    for (int k = 0; k < SDC_VL; k++)
        sum += (double)x[k];
    return sum;
}

/* The units [1, 3) alone are touched. */
static void test_copy(void **state)
{
    (void)state;
    SdcCeiling a = arrays();
    loops_copy(&a, 1, UNITS);
    for (int k = 0; k < EACH * UNITS; k++)
        assert_true(to[k] == (k < EACH ? -1 : from[k] * from[0]));
}

static void test_read(void **state)
{
    (void)state;
    SdcCeiling a = arrays();
    loops_read(&a, 1, 2);
    double sum = 0;
    for (int k = EACH; k < 2 * EACH; k++)
        sum += (double)from[k];
    assert_true(fabs(sum_of_lanes(to + EACH) - sum) < 1e-3 * sum);
    assert_true(to[0] == -1 && to[2 * EACH] == -1);
}

/* x -> x f + (1 - f) goes to 1 in every lane of every chain. */
static void test_multiply(void **state)
{
    (void)state;
    SdcCeiling a = arrays();
    loops_multiply(&a, 0, 1);
    double chains = (double)loops_flops / (2 * SDC_VL);
    assert_true(chains >= 8);
    assert_true(fabs(sum_of_lanes(to) - SDC_VL * chains) < 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy), cmocka_unit_test(test_read),
                                       cmocka_unit_test(test_multiply)};
    skip_unless_cpu_fits();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
