/* test_codes.c: gemm.h on weights that are stored in integers, against codes times scales and a loop in double, and against
 * itself on 1, 2 and 3 threads.
 *
 * Bound: that of test_gemm.c, 2e-7 sqrt(depth / 16 + 1): a code times a scale is exact in f32.  From the floats that were
 * stored, each term is half a step off at most: a step is the group's largest weight / 127, or / 7. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../codegen/code_pack.h"
#include "../../runtime/weight_code.h"
#include "codes.h"
#include "isa.h"
#include "pick.h"
#include "random_floats.h"

typedef void Product(SdcContext *c, float *y, const float *a, const int8_t *b, const float *bias, float *scratch,
                     const float *x0);
typedef struct {
    Product *run;
    const char *name;
    int64_t rows, columns, depth, outer;
    int bits;
    int64_t group;
} CodesRow;

#define CASE int8_column, 64, 96, 64, 1, 8, 0
#include "codes_case.h"
#define CASE int8_odd, 77, 50, 33, 1, 8, 0
#include "codes_case.h"
#define CASE int8_one_row, 1, 1000, 300, 1, 8, 0
#include "codes_case.h"
#define CASE int8_groups, 5, 200, 517, 1, 8, 64
#include "codes_case.h"
#define CASE int8_each, 13, 40, 290, 3, 8, 32
#include "codes_case.h"
#define CASE int4_groups, 70, 96, 512, 1, 4, 32
#include "codes_case.h"
#define CASE int4_odd, 5, 50, 33, 1, 4, 32
#include "codes_case.h"
#define CASE int4_one_row, 1, 333, 799, 1, 4, 32
#include "codes_case.h"
#define CASE int4_two_rows, 2, 130, 517, 1, 4, 256
#include "codes_case.h"
#define CASE int4_column, 3, 64, 301, 1, 4, 0
#include "codes_case.h"
#define CASE int4_each, 9, 17, 77, 2, 4, 64
#include "codes_case.h"
#define CASE int4_one_column, 130, 1, 40, 1, 4, 32
#include "codes_case.h"

static const CodesRow *const rows[] = {
    &row_int8_column, &row_int8_odd,      &row_int8_one_row,  &row_int8_groups, &row_int8_each, &row_int4_groups,
    &row_int4_odd,    &row_int4_one_row,  &row_int4_two_rows, &row_int4_column, &row_int4_each, &row_int4_one_column,
};

/* b as it is once it was stored; *most: the largest step of a group. */
static double *dequantised(const CodesRow *g, const float *b, double *most)
{
    double *value = malloc((size_t)(g->outer * g->depth * g->columns) * sizeof *value);
    const int64_t group = g->group ? g->group : g->depth;
    *most = 0;
    for (int64_t m = 0; m < g->outer; m++)
        for (int64_t n = 0; n < g->columns; n++)
            for (int64_t first = 0; first < g->depth; first += group) {
                const int64_t end = first + group < g->depth ? first + group : g->depth;
                const int64_t at = m * g->depth * g->columns + n;
                double largest = 0;
                for (int64_t k = first; k < end; k++)
                    largest = fmax(largest, fabs((double)b[at + k * g->columns]));
                const float scale = weight_scale(largest, g->bits);
                *most = fmax(*most, (double)scale);
                for (int64_t k = first; k < end; k++) {
                    value[at + k * g->columns] = weight_code((double)b[at + k * g->columns], scale, g->bits) * (double)scale;
                    assert_true(fabs(value[at + k * g->columns] - (double)b[at + k * g->columns]) <= 0.5001 * (double)scale);
                }
            }
    return value;
}

static double distance(const CodesRow *g, const float *y, const float *a, const double *b, const float *bias,
                       const float *added)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < g->outer * g->rows * g->columns; i++) {
        const int64_t n = i % g->columns, row = i / g->columns, outer = row / g->rows;
        double want = (double)bias[n] + (double)added[i];
        for (int64_t k = 0; k < g->depth; k++)
            want += (double)a[row * g->depth + k] * b[(outer * g->depth + k) * g->columns + n];
        error += ((double)y[i] - want) * ((double)y[i] - want);
        norm += want * want;
    }
    return sqrt(error / norm);
}

static void check_row(const CodesRow *g)
{
    const CodeType type = {g->bits, g->group};
    const int64_t each = g->depth * g->columns, count = g->outer * g->rows * g->columns;
    const int64_t bytes = pack_codes_bytes(g->depth, g->columns, SDC_VL, type);
    assert_int_equal(bytes, sdc_code_bytes(g->depth, g->columns, g->bits, g->group));
    float *a = random_floats(g->outer * g->rows * g->depth), *b = random_floats(g->outer * each);
    float *bias = random_floats(g->columns), *added = random_floats(count), *y = malloc((size_t)count * sizeof *y);
    float *first = malloc((size_t)count * sizeof *first);
    int8_t *packed = malloc((size_t)(g->outer * bytes));
    for (int64_t k = 0; k < g->depth && g->depth > 64; k++)
        b[k * g->columns] *= k / 64 == 1 ? 0.0f : 1;            /* a group of zeros */
    for (int64_t i = 0; i < g->outer; i++)
        pack_codes(packed + i * bytes, b + i * each, g->depth, g->columns, g->columns, false, SDC_VL, type);
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        g->run(&c, y, a, packed, bias, NULL, added);
        sdc_pool_destroy(c.pool);
        if (threads == 1)
            memcpy(first, y, (size_t)count * sizeof *y);
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
    }
    double step;
    double *value = dequantised(g, b, &step);
    const double rms = distance(g, y, a, value, bias, added);
    print_message("%-20s relative rms %.2e\n", g->name, rms);
    assert_true(rms <= 2e-7 * sqrt((double)g->depth / 16 + 1));
    assert_true(step <= (g->bits == 8 ? 1.004 / 127 : 1.004 / 7));
    free(a), free(b), free(bias), free(added), free(y), free(first), free(packed), free(value);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(rows[i]);
}

/* A matrix packs to the same bytes from either order. */
static void test_transposed_source(void **state)
{
    (void)state;
    enum { depth = 67, columns = 83 };
    static const CodeType types[] = {{8, 0}, {8, 64}, {4, 32}};
    float *b = random_floats(depth * columns), *transposed = malloc(depth * columns * sizeof *transposed);
    for (int i = 0; i < depth * columns; i++)
        transposed[i % columns * depth + i / columns] = b[i];
    for (int i = 0; i < 3; i++) {
        const size_t bytes = (size_t)pack_codes_bytes(depth, columns, SDC_VL, types[i]);
        char *one = malloc(bytes), *other = malloc(bytes);
        pack_codes(one, b, depth, columns, columns, false, SDC_VL, types[i]);
        pack_codes(other, transposed, depth, columns, depth, true, SDC_VL, types[i]);
        assert_memory_equal(one, other, bytes);
        free(one), free(other);
    }
    free(b), free(transposed);
}

int main(void)
{
    skip_unless_cpu_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_transposed_source)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
