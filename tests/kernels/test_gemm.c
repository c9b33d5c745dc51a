/* test_gemm.c: gemm.h against a loop in double, and against itself on 1, 2 and 3 threads.
 *
 * Bound: relative root mean square of 2e-7 sqrt(depth / 16 + 1), as in test_conv.c.  y may be the residual that the
 * epilogue adds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../codegen/conv_pack.h"
#include "isa.h"
#include "kernel.h"
#include "pick.h"
#include "random_floats.h"
#include "tile.h"

typedef void Product(SdcContext *c, float *y, const float *a, const float *b, const float *bias, float *scratch,
                     const float *x0);
typedef struct {
    Product *run;
    const char *name;
    int64_t rows, columns, depth, outer, inner;
    int form;
    int64_t b_outer, b_inner;               /* 0: shared */
    int joined, has_bias, finish;           /* finish: adds x0, laid out [outer][inner][row][column] */
} GemmRow;

#define CASE plain, 64, 96, 64, 1, 1, SDC_B_PACKED, 0, 0
#include "gemm_case.h"
#define CASE odd, 77, 50, 33, 1, 1, SDC_B_PACKED, 0, 0
#define HAS_BIAS 1
#include "gemm_case.h"
#define CASE one_row, 1, 1000, 300, 1, 1, SDC_B_PACKED, 0, 0
#define HAS_BIAS 1
#include "gemm_case.h"
#define CASE two_rows, 2, 130, 517, 1, 1, SDC_B_PACKED, 0, 0
#include "gemm_case.h"
#define CASE three_rows, 3, 64, 256, 1, 1, SDC_B_PACKED, 0, 0
#include "gemm_case.h"
#define CASE five_rows, 5, 200, 257, 1, 1, SDC_B_PACKED, 0, 0
#include "gemm_case.h"
#define CASE one_column, 130, 1, 40, 1, 1, SDC_B_PACKED, 0, 0
#include "gemm_case.h"
#define CASE one_term, 20, 20, 1, 1, 1, SDC_B_PACKED, 0, 0
#include "gemm_case.h"
#define CASE shared, 13, 40, 70, 3, 2, SDC_B_PACKED, 0, 0
#define HAS_BIAS 1
#include "gemm_case.h"
#define CASE each, 13, 40, 70, 3, 2, SDC_B_PACKED, 1, 1
#include "gemm_case.h"
#define CASE outer_only, 13, 40, 70, 3, 2, SDC_B_PACKED, 1, 0
#include "gemm_case.h"
#define CASE inner_only, 13, 40, 70, 3, 2, SDC_B_PACKED, 0, 1
#include "gemm_case.h"
#define CASE b_rows, 65, 45, 80, 1, 1, SDC_B_ROWS, 0, 0
#define HAS_BIAS 1
#include "gemm_case.h"
#define CASE b_rows_each, 33, 70, 300, 2, 3, SDC_B_ROWS, 1, 1
#include "gemm_case.h"
#define CASE b_rows_outer, 9, 70, 30, 2, 3, SDC_B_ROWS, 1, 0
#include "gemm_case.h"
#define CASE scores, 77, 90, 40, 2, 4, SDC_B_COLUMNS, 1, 1
#define JOINED 1
#include "gemm_case.h"
#define CASE scores_shared, 40, 77, 64, 2, 4, SDC_B_COLUMNS, 0, 1
#define JOINED 1
#include "gemm_case.h"
#define CASE residual, 70, 53, 290, 1, 2, SDC_B_PACKED, 0, 0
#define HAS_BIAS 1
#define RESULT v + x0
#include "gemm_case.h"

/* Both products of a gate in one kernel, and each alone. */
#define PAIR_ROWS 150
#define PAIR_COLUMNS 70
#define PAIR_DEPTH 300
#define NAME pair_gate
#define ROWS PAIR_ROWS
#define COLUMNS PAIR_COLUMNS
#define DEPTH PAIR_DEPTH
#define HAS_BIAS 1
#define PAIR(X) X(other)
#define EXTRAS(X)
#define STEPS
#define RESULT v * w
#include "gemm.h"
#define NAME pair_single
#define ROWS PAIR_ROWS
#define COLUMNS PAIR_COLUMNS
#define DEPTH PAIR_DEPTH
#define HAS_BIAS 1
#define EXTRAS(X)
#define STEPS
#define RESULT v
#include "gemm.h"

static const GemmRow *const rows[] = {
    &row_plain,      &row_odd,         &row_one_row,      &row_two_rows, &row_three_rows,    &row_five_rows,
    &row_one_column, &row_one_term,    &row_shared,       &row_each,     &row_outer_only,    &row_inner_only,
    &row_b_rows,     &row_b_rows_each, &row_b_rows_outer, &row_scores,   &row_scores_shared, &row_residual,
};

static int64_t matrix_of_b(const GemmRow *g, int64_t outer, int64_t inner)
{
    return (g->b_outer ? outer * (g->b_inner ? g->inner : 1) : 0) + (g->b_inner ? inner : 0);
}

/* Relative root mean square of y against the loop. */
static double distance(const GemmRow *g, const float *y, const float *a, const float *b, const float *bias,
                       const float *added)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < g->outer * g->inner * g->rows * g->columns; i++) {
        int64_t n = i % g->columns, m = i / g->columns % g->rows, inner = i / g->columns / g->rows % g->inner;
        int64_t outer = i / g->columns / g->rows / g->inner, matrix = matrix_of_b(g, outer, inner);
        int64_t row = g->joined ? (outer * g->rows + m) * g->inner + inner : (outer * g->inner + inner) * g->rows + m;
        double want = (bias ? (double)bias[n] : 0) + (added ? (double)added[row * g->columns + n] : 0);
        for (int64_t k = 0; k < g->depth; k++)
            want += (double)a[row * g->depth + k]
                    * (double)b[matrix * g->depth * g->columns
                                + (g->form == SDC_B_COLUMNS ? n * g->depth + k : k * g->columns + n)];
        double got = (double)y[row * g->columns + n];
        error += (got - want) * (got - want);
        norm += want * want;
    }
    return sqrt(error / norm);
}

static void check_row(const GemmRow *g)
{
    int64_t batch = g->outer * g->inner, matrices = matrix_of_b(g, g->outer - 1, g->inner - 1) + 1,
            each = g->depth * g->columns;
    int64_t packed_bytes = pack_gemm_bytes(g->depth, g->columns, SDC_VL, sizeof(float)), count = batch * g->rows * g->columns;
    float *a = random_floats(batch * g->rows * g->depth), *b = random_floats(matrices * each),
          *bias = random_floats(g->columns);
    float *added = random_floats(count), *y = malloc((size_t)count * sizeof *y),
          *first = malloc((size_t)count * sizeof *first);
    char *packed = malloc((size_t)(matrices * packed_bytes));
    for (int64_t i = 0; i < matrices && g->form == SDC_B_PACKED; i++)
        pack_gemm(packed + i * packed_bytes, b + i * each, g->depth, g->columns, g->columns, false, SDC_VL,
                  sizeof *b);
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        memcpy(y, added, (size_t)count * sizeof *y);
        float *scratch = (float *)(void *)packed;
        g->run(&c, y, a, g->form == SDC_B_PACKED ? scratch : b, bias, g->form == SDC_B_PACKED ? NULL : scratch, y);
        sdc_pool_destroy(c.pool);
        if (threads == 1)
            memcpy(first, y, (size_t)count * sizeof *y);
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
    }
    double rms = distance(g, y, a, b, g->has_bias ? bias : NULL, g->finish ? added : NULL);
    print_message("%-20s relative rms %.2e\n", g->name, rms);
    assert_true(rms <= 2e-7 * sqrt((double)g->depth / 16 + 1));
    free(a), free(b), free(bias), free(added), free(y), free(first), free(packed);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(rows[i]);
}

static void test_pair(void **state)
{
    (void)state;
    enum { count = PAIR_ROWS * PAIR_COLUMNS };
    float *a = random_floats(PAIR_ROWS * PAIR_DEPTH), *bias = random_floats(PAIR_COLUMNS), zeros[PAIR_COLUMNS] = {0};
    float *packed[2], *y[3] = {random_floats(count), random_floats(count), random_floats(count)};
    SdcContext c = {.pool = sdc_pool_create(2)};
    for (int k = 0; k < 2; k++) {
        float *b = random_floats(PAIR_DEPTH * PAIR_COLUMNS);
        packed[k] = malloc((size_t)pack_gemm_bytes(PAIR_DEPTH, PAIR_COLUMNS, SDC_VL, sizeof(float)));
        pack_gemm(packed[k], b, PAIR_DEPTH, PAIR_COLUMNS, PAIR_COLUMNS, false, SDC_VL, sizeof(float));
        free(b);
        pair_single(&c, y[k], a, packed[k], k ? zeros : bias, NULL);
    }
    pair_gate(&c, y[2], a, packed[0], bias, NULL, packed[1]);
    for (int i = 0; i < count; i++)
        y[0][i] *= y[1][i];
    assert_memory_equal(y[0], y[2], count * sizeof(float));
    sdc_pool_destroy(c.pool);
    free(a), free(packed[0]), free(packed[1]), free(bias), free(y[0]), free(y[1]), free(y[2]);
}

/* A matrix packs to the same floats from either order. */
static void test_transposed_source(void **state)
{
    (void)state;
    enum { depth = 19, columns = 83 };
    static const int vls[] = {4, 8, 16};
    float b[depth][columns], transposed[columns][depth];
    for (int i = 0; i < depth * columns; i++)
        b[i / columns][i % columns] = transposed[i % columns][i / columns] = (float)i;
    for (int i = 0; i < 3; i++) {
        int64_t bytes = pack_gemm_bytes(depth, columns, vls[i], sizeof(float));
        float *one = malloc((size_t)bytes), *other = malloc((size_t)bytes);
        pack_gemm(one, b[0], depth, columns, columns, false, vls[i], sizeof(float));
        pack_gemm(other, transposed[0], depth, columns, depth, true, vls[i], sizeof(float));
        assert_memory_equal(one, other, (size_t)bytes);
        free(one), free(other);
    }
}

int main(void)
{
    skip_unless_cpu_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_pair), cmocka_unit_test(test_transposed_source)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
