/* test_codes.c: gemm_bf16.h on weights that are stored in integers, against codes times scales, rounded to bf16 where a group
 * has a scale, and a loop in double, and against itself on 1, 2 and 3 threads.  The bound is that of test_bf16.c. */
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
#include "codes_bf16.h"
#include "form.h"
#include "pick.h"
#include "random_floats.h"

typedef void Product(SdcContext *c, float *y, const st_bf16 *a, const int8_t *b, const float *bias, const float *x0);
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
#define CASE int8_few_rows, 5, 200, 257, 1, 8, 0
#include "codes_case.h"
#define CASE int8_chunks, 300, 80, 1250, 1, 8, 0
#include "codes_case.h"
#define CASE int8_groups, 77, 112, 517, 1, 8, 64
#include "codes_case.h"
#define CASE int8_each, 33, 40, 290, 3, 8, 32
#include "codes_case.h"
#define CASE int4_groups, 70, 96, 512, 1, 4, 32
#include "codes_case.h"
#define CASE int4_chunks, 40, 48, 900, 1, 4, 256
#include "codes_case.h"
#define CASE int4_column, 20, 30, 20, 1, 4, 0
#include "codes_case.h"
#define CASE int4_each, 17, 40, 70, 2, 4, 128
#include "codes_case.h"

static const CodesRow *const rows[] = {
    &row_int8_column, &row_int8_odd,    &row_int8_few_rows, &row_int8_chunks, &row_int8_groups,
    &row_int8_each,   &row_int4_groups, &row_int4_chunks,   &row_int4_column, &row_int4_each,
};

/* b as the kernel multiplies by it. */
static double *dequantised(const CodesRow *g, const float *b)
{
    const int64_t group = g->group ? g->group : g->depth, count = g->outer * g->depth * g->columns;
    double *value = malloc((size_t)count * sizeof *value);
    for (int64_t i = 0; i < count; i++) {
        const int64_t first = i / g->columns % g->depth / group * group;
        const float *column = b + i / g->columns / g->depth * g->depth * g->columns + i % g->columns;
        double largest = 0;
        for (int64_t k = first; k < first + group && k < g->depth; k++)
            largest = fmax(largest, fabs((double)column[k * g->columns]));
        const float scale = weight_scale(largest, g->bits);
        const float weight = (float)weight_code((double)b[i], scale, g->bits) * scale;
        value[i] = (double)(g->group ? ld_bf16(to_bf16(weight)) : weight);
    }
    return value;
}

static double distance(const CodesRow *g, const float *y, const st_bf16 *a, const double *b, const float *bias,
                       const float *added)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < g->outer * g->rows * g->columns; i++) {
        const int64_t n = i % g->columns, row = i / g->columns, outer = row / g->rows;
        double want = (double)bias[n] + (double)added[i];
        for (int64_t k = 0; k < g->depth; k++)
            want += (double)ld_bf16(a[row * g->depth + k]) * b[(outer * g->depth + k) * g->columns + n];
        error += ((double)y[i] - want) * ((double)y[i] - want);
        norm += want * want;
    }
    return sqrt(error / norm);
}

static void check_row(const CodesRow *g)
{
    const CodeType type = {g->bits, g->group};
    const int64_t each = g->depth * g->columns, count = g->outer * g->rows * g->columns;
    const int64_t elements = g->outer * g->rows * g->depth;
    const int64_t bytes = pack_codes_bf16_bytes(g->depth, g->columns, 32, type);
    assert_int_equal(bytes, sdc_code_bytes_bf16(g->depth, g->columns, g->bits, g->group));
    float *wide = random_floats(elements), *b = random_floats(g->outer * each), *bias = random_floats(g->columns);
    float *added = random_floats(count), *y = malloc((size_t)count * sizeof *y);
    float *first = malloc((size_t)count * sizeof *first);
    st_bf16 *a = malloc((size_t)elements * sizeof *a);
    int8_t *packed = malloc((size_t)(g->outer * bytes));
    for (int64_t i = 0; i < elements; i++)
        a[i] = to_bf16(wide[i]);
    for (int64_t i = 0; i < g->outer; i++)
        pack_codes_bf16(packed + i * bytes, b + i * each, g->depth, g->columns, g->columns, false, 32, type);
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        g->run(&c, y, a, packed, bias, added);
        sdc_pool_destroy(c.pool);
        if (threads == 1)
            memcpy(first, y, (size_t)count * sizeof *y);
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
    }
    double *value = dequantised(g, b);
    const double rms = distance(g, y, a, value, bias, added);
    print_message("%-20s relative rms %.2e\n", g->name, rms);
    assert_true(rms <= 2e-7 * sqrt((double)g->depth / 16 + 1));
    free(wide), free(a), free(b), free(bias), free(added), free(y), free(first), free(packed), free(value);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(rows[i]);
}

int main(void)
{
    skip_unless_form_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
