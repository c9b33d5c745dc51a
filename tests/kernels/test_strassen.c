/* test_strassen.c: gemm_strassen.h against a loop in double, and against itself on 1, 2 and 3 threads, in other rounds and with
 * other images before an image; and what strassen_plan.h leaves to gemm.h.
 *
 * Bound: relative root mean square of 8e-7 sqrt(depth / 16 + 1), four times that of test_gemm.c, since what is summed are
 * differences of sums.  y may be the residual that the epilogue adds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../codegen/strassen_plan.h"
#include "../../codegen/conv_pack.h"
#include "isa.h"
#include "kernel.h"
#include "pick.h"
#include "random_floats.h"
#include "tile.h"

typedef void Product(SdcContext *c, float *y, const float *a, const float *b, const float *bias, float *scratch, const float *x0);
typedef struct {
    Product *run;
    const char *name;
    int64_t rows, columns, depth, outer, inner, half_rows, depth_step, round_blocks, round_steps;
    int joined, has_bias, finish;           /* finish: adds x0, laid out [outer][inner][row][column] */
} StrassenRow;

#define CASE plain, 64, 96, 64, 1, 1, 32, 32, 1, 1
#include "strassen_case.h"
#define CASE odd_panels, 40, 160, 96, 1, 1, 20, 48, 1, 1
#define HAS_BIAS 1
#include "strassen_case.h"
#define CASE one_vector, 26, 32, 32, 1, 1, 13, 16, 1, 1
#include "strassen_case.h"
#define CASE steps, 128, 96, 384, 1, 1, 64, 64, 1, 3
#define HAS_BIAS 1
#include "strassen_case.h"
#define CASE rounds, 128, 96, 384, 1, 1, 64, 64, 1, 2
#define HAS_BIAS 1
#include "strassen_case.h"
#define CASE blocks, 180, 224, 128, 1, 1, 30, 32, 2, 1
#define RESULT v + x0
#include "strassen_case.h"
#define CASE images, 64, 96, 128, 3, 2, 16, 32, 5, 1
#define HAS_BIAS 1
#define RESULT v * 0.5f + x0
#include "strassen_case.h"
#define CASE joined, 32, 64, 64, 2, 3, 16, 16, 12, 2
#define JOINED 1
#define HAS_BIAS 1
#include "strassen_case.h"
#define CASE gate, 96, 192, 160, 1, 1, 48, 80, 1, 1
#define HAS_BIAS 1
#define RESULT (v > 0 ? v : 0.0f)
#include "strassen_case.h"

/* Rows of half a matrix and of several in a batch, with the same blocks. */
#define CASE one_image, 64, 96, 128, 1, 1, 16, 32, 1, 1
#include "strassen_case.h"
#define CASE three_images, 192, 96, 128, 1, 1, 16, 32, 4, 2
#include "strassen_case.h"

static const StrassenRow *const rows[] = {&row_plain,  &row_odd_panels, &row_one_vector, &row_steps, &row_rounds, &row_blocks,
                                          &row_images, &row_joined,     &row_gate,       &row_one_image, &row_three_images};

/* b in the kernel's form. */
static float *packed_halves(const float *b, int64_t depth, int64_t columns)
{
    const int64_t bytes = pack_gemm_bytes(depth, columns / 2, SDC_VL, sizeof *b);
    char *packed = malloc((size_t)(2 * bytes));
    for (int half = 0; half < 2; half++)
        pack_gemm(packed + half * bytes, b + half * columns / 2, depth, columns / 2, columns, false, SDC_VL, sizeof *b);
    return (float *)(void *)packed;
}

/* Room as strassen_plan() counts it. */
static float *room_for(const StrassenRow *g)
{
    const int64_t most = g->half_rows + 8;
    const int64_t left = g->round_steps * 7 * (most * g->depth_step + most / 4 * 16);
    return malloc((size_t)(g->round_blocks * (left + 2 * most * g->columns)) * sizeof(float));
}

/* Relative root mean square of y against the loop. */
static double distance(const StrassenRow *g, const float *y, const float *a, const float *b, const float *bias, const float *added)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < g->outer * g->inner * g->rows * g->columns; i++) {
        const int64_t n = i % g->columns, m = i / g->columns % g->rows, inner = i / g->columns / g->rows % g->inner;
        const int64_t outer = i / g->columns / g->rows / g->inner;
        const int64_t row = g->joined ? (outer * g->rows + m) * g->inner + inner : (outer * g->inner + inner) * g->rows + m;
        double v = g->has_bias ? (double)bias[n] : 0;
        for (int64_t k = 0; k < g->depth; k++)
            v += (double)a[row * g->depth + k] * (double)b[k * g->columns + n];
        const double x0 = (double)added[i];
        const double want = g->run == images ? v * 0.5 + x0 : g->run == gate ? (v > 0 ? v : 0) : g->finish ? v + x0 : v;
        const double got = (double)y[row * g->columns + n];
        error += (got - want) * (got - want);
        norm += want * want;
    }
    return sqrt(error / norm);
}

static void check_row(const StrassenRow *g)
{
    const int64_t matrices = g->outer * g->inner, count = matrices * g->rows * g->columns;
    float *a = random_floats(matrices * g->rows * g->depth), *b = random_floats(g->depth * g->columns), *bias = random_floats(g->columns);
    float *added = random_floats(count), *y = malloc((size_t)count * sizeof *y), *first = malloc((size_t)count * sizeof *first);
    float *packed = packed_halves(b, g->depth, g->columns), *scratch = room_for(g);
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        memcpy(y, added, (size_t)count * sizeof *y);
        g->run(&c, y, a, packed, bias, scratch, y);
        sdc_pool_destroy(c.pool);
        if (threads == 1)
            memcpy(first, y, (size_t)count * sizeof *y);
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
    }
    const double rms = distance(g, y, a, b, bias, added);
    print_message("%-20s relative rms %.2e\n", g->name, rms);
    assert_true(rms <= 8e-7 * sqrt((double)g->depth / 16 + 1));
    free(a), free(b), free(bias), free(added), free(y), free(first), free(packed), free(scratch);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(rows[i]);
}

/* y of g for a. */
static float *product_of(const StrassenRow *g, const float *a, const float *packed)
{
    float *y = malloc((size_t)(g->rows * g->columns) * sizeof *y), *scratch = room_for(g);
    SdcContext c = {.pool = sdc_pool_create(2)};
    g->run(&c, y, a, packed, NULL, scratch, y);
    sdc_pool_destroy(c.pool);
    free(scratch);
    return y;
}

/* An image's result has the same bytes wherever it is in a batch, and however the rounds are cut. */
static void test_batch(void **state)
{
    (void)state;
    const StrassenRow *one = &row_one_image, *all = &row_three_images;
    float *a = random_floats(all->rows * all->depth), *b = random_floats(all->depth * all->columns);
    float *packed = packed_halves(b, all->depth, all->columns), *y = product_of(all, a, packed);
    for (int64_t k = 0; k < all->rows / one->rows; k++) {
        float *alone = product_of(one, a + k * one->rows * one->depth, packed);
        assert_memory_equal(alone, y + k * one->rows * one->columns, (size_t)(one->rows * one->columns) * sizeof *y);
        free(alone);
    }
    const StrassenRow *cuts[] = {&row_steps, &row_rounds};
    float *wide = random_floats(128 * 384), *other = random_floats(384 * 96), *halves = packed_halves(other, 384, 96), *result[2];
    const float zeros[96] = {0};
    for (int k = 0; k < 2; k++) {
        float *scratch = room_for(cuts[k]);
        SdcContext c = {.pool = sdc_pool_create(2)};
        result[k] = malloc(128 * 96 * sizeof(float));
        cuts[k]->run(&c, result[k], wide, halves, zeros, scratch, result[k]);
        sdc_pool_destroy(c.pool);
        free(scratch);
    }
    assert_memory_equal(result[0], result[1], 128 * 96 * sizeof(float));
    free(a), free(b), free(packed), free(y), free(wide), free(other), free(halves), free(result[0]), free(result[1]);
}

static void test_plan(void **state)
{
    (void)state;
    const StrassenPlan one = strassen_plan(1024, 1, 1536, 6144, 16), two = strassen_plan(1024, 2, 1536, 6144, 16);
    assert_int_equal(one.half_rows, 512);
    assert_int_equal(one.depth_step, 384);
    assert_int_equal(two.half_rows, one.half_rows);
    assert_int_equal(two.depth_step, one.depth_step);
    assert_int_equal(strassen_plan(4096, 1, 1280, 1280, 16).depth_step, 320);
    assert_int_equal(strassen_plan(1152, 1, 1536, 1536, 16).half_rows, 288);
    static const int64_t others[][3] = {{256, 5120, 1280}, {1025, 1536, 1536}, {1030, 1536, 1536}, {1024, 640, 2560},
                                        {4096, 1280, 320}, {1024, 1544, 1536}, {1024, 1536, 1537}, {1024, 1536, 1538}};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        assert_int_equal(strassen_plan(others[k][0], 1, others[k][1], others[k][2], 16).half_rows, 0);
}

int main(void)
{
    skip_unless_cpu_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_batch), cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
