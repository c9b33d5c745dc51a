/* test_int8.c: gemm_int8.h, both products of a pair, against a loop of integers, on 1, 2 and 3 threads.  The weights are
 * multiples of 2^-7 and so are the biases: nothing is rounded, and the bytes must be the same. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../codegen/code_pack.h"
#include "codes_bf16.h"
#include "form.h"
#include "pick.h"

typedef void Product(SdcContext *c, float *y, const int8_t *a, const int8_t *b, const float *bias, const int8_t *other);
typedef struct {
    Product *run;
    const char *name;
    int64_t rows, columns, depth, outer, gap;
} Int8Row;

#define CASE plain, 64, 96, 128, 1, 0
#include "int8_case.h"
#define CASE odd, 77, 50, 66, 1, 0
#include "int8_case.h"
#define CASE one_row, 1, 1000, 320, 1, 0
#include "int8_case.h"
#define CASE few_rows, 5, 200, 258, 1, 6
#include "int8_case.h"
#define CASE one_column, 130, 1, 40, 1, 2
#include "int8_case.h"
#define CASE two_terms, 20, 20, 2, 1, 0
#include "int8_case.h"
#define CASE chunks, 300, 80, 1700, 1, 64
#include "int8_case.h"
#define CASE each, 33, 40, 290, 3, 0
#include "int8_case.h"

static const Int8Row *const rows[] = {&row_plain,      &row_odd,       &row_one_row, &row_few_rows,
                                      &row_one_column, &row_two_terms, &row_chunks,  &row_each};

enum { LARGEST = 127 };

/* From -127 to 127; both occur in each column of `columns` of which that many are the first. */
static int8_t *random_codes(int64_t count, int64_t ends)
{
    static uint32_t state = 1;
    int8_t *p = malloc((size_t)count + 1);
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (int8_t)(i < ends ? i % 2 ? LARGEST : -LARGEST : (int32_t)(state >> 16) % (2 * LARGEST + 1) - LARGEST);
    }
    return p;
}

/* The packed form of outer matrices of these codes, each [depth][columns], with the scale 2^-7. */
static int8_t *packed(const Int8Row *g, int8_t *const *codes)
{
    const CodeType type = {8, 0};
    const int64_t each = g->depth * g->columns, bytes = pack_codes_bf16_bytes(g->depth, g->columns, 64, type);
    int8_t *to = malloc((size_t)(g->outer * bytes));
    float *weights = malloc((size_t)each * sizeof *weights);
    for (int64_t i = 0; i < g->outer; i++) {
        for (int64_t k = 0; k < each; k++)
            weights[k] = (float)codes[i][k] * 0x1p-7f;
        pack_codes_bf16(to + i * bytes, weights, g->depth, g->columns, g->columns, false, 64, type);
    }
    free(weights);
    return to;
}

static float product(const Int8Row *g, const int8_t *a, const int8_t *b, float bias)
{
    int32_t sum = 0;
    for (int64_t k = 0; k < g->depth; k++)
        sum += a[k] * b[k * g->columns];
    return (float)sum * 0x1p-7f + bias;
}

static void check_row(const Int8Row *g)
{
    const int64_t each = g->depth * g->columns, pitch = g->depth + g->gap, count = g->outer * g->rows * g->columns;
    int8_t *a = random_codes(g->outer * g->rows * pitch, 0), *codes[2][3];
    for (int64_t i = 0; i < 2 * g->outer; i++)
        codes[i / g->outer][i % g->outer] = random_codes(each, g->columns);
    int8_t *b = packed(g, codes[0]), *other = packed(g, codes[1]), *biases = random_codes(g->columns, 0);
    float *bias = malloc((size_t)g->columns * sizeof *bias), *y = malloc((size_t)count * sizeof *y);
    float *wanted = malloc((size_t)count * sizeof *wanted);
    for (int64_t n = 0; n < g->columns; n++)
        bias[n] = (float)biases[n];
    for (int64_t i = 0; i < count; i++) {
        const int64_t n = i % g->columns, row = i / g->columns, outer = row / g->rows;
        wanted[i] = product(g, a + row * pitch, codes[0][outer] + n, bias[n]) + product(g, a + row * pitch, codes[1][outer] + n, 0);
    }
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        g->run(&c, y, a, b, bias, other);
        sdc_pool_destroy(c.pool);
        print_message("%-12s %d threads\n", g->name, threads);
        assert_memory_equal(y, wanted, (size_t)count * sizeof *y);
    }
    for (int64_t i = 0; i < 2 * g->outer; i++)
        free(codes[i / g->outer][i % g->outer]);
    free(a), free(b), free(other), free(biases), free(bias), free(y), free(wanted);
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
