/* test_attention.c: attention.h against a loop in double, and against itself on 1, 2 and 3 threads.
 *
 * Bound: that of test_gemm.c for a score, relative to the scores' root mean square of 2.8, is what a weight may err by,
 * relatively; one more for the sum over the keys. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "isa.h"
#include "kernel.h"
#include "pick.h"
#include "random_floats.h"

typedef void Attention(SdcContext *c, float *y, const float *q, const float *k, const float *v, const float *mask);
typedef struct { int64_t row, head, batch; } Steps;
typedef struct {
    Attention *run;
    const char *name;
    int64_t batch, heads, group, queries, keys, size, v_size;
    int masked, causal;
    int64_t ahead;
    Steps q, k, v, y;
} AttentionRow;

#define CASE plain, 1, 2, 1, 64, 64, 40, 40
#include "attention_case.h"
#define CASE one_key, 1, 2, 1, 5, 1, 8, 8
#include "attention_case.h"
#define CASE one_query, 2, 3, 1, 1, 300, 64, 64
#include "attention_case.h"
#define CASE one_number, 1, 1, 1, 3, 7, 1, 1
#define SPLIT 1
#include "attention_case.h"
#define CASE text, 2, 8, 1, 100, 77, 40, 40
#include "attention_case.h"
#define CASE split, 2, 3, 1, 50, 77, 80, 80
#define SPLIT 1
#include "attention_case.h"
#define CASE blocks, 1, 2, 1, 401, 777, 40, 40
#include "attention_case.h"
#define CASE wide_64, 1, 1, 1, 231, 431, 64, 64
#include "attention_case.h"
#define CASE wide_96, 1, 2, 1, 17, 200, 96, 96
#include "attention_case.h"
#define CASE wide_128, 1, 1, 1, 65, 200, 128, 128
#include "attention_case.h"
#define CASE wide_160, 1, 2, 1, 256, 256, 160, 160
#include "attention_case.h"
#define CASE wide_512, 1, 1, 1, 150, 170, 512, 512
#include "attention_case.h"
#define CASE odd, 2, 3, 1, 33, 101, 37, 19
#include "attention_case.h"
#define CASE odd_values, 1, 2, 1, 9, 26, 6, 131
#define SPLIT 1
#include "attention_case.h"
#define CASE grouped, 2, 2, 4, 21, 50, 24, 24
#include "attention_case.h"
#define CASE grouped_one_query, 1, 2, 5, 1, 90, 32, 32
#define SPLIT 1
#include "attention_case.h"
#define CASE mask_all, 2, 3, 1, 30, 205, 16, 16
#define MASKED (15 | 16)
#include "attention_case.h"
#define CASE mask_keys, 2, 3, 1, 30, 205, 16, 16
#define MASKED (1 | 8)
#include "attention_case.h"
#define CASE mask_heads, 2, 2, 2, 30, 50, 16, 16
#define MASKED (2 | 4 | 8)
#include "attention_case.h"
#define CASE keys_by_head, 2, 2, 2, 3, 50, 16, 16
#define MASKED (2 | 8)
#include "attention_case.h"
#define CASE mask_rows, 1, 2, 1, 30, 50, 16, 16
#define MASKED (4)
#include "attention_case.h"
#define CASE mask_lowest, 1, 2, 1, 30, 50, 16, 16
#define MASKED (4 | 8 | 32)
#include "attention_case.h"
#define CASE causal, 1, 2, 1, 77, 77, 64, 64
#define CAUSAL 1
#include "attention_case.h"
#define CASE causal_many, 1, 1, 1, 500, 500, 8, 8
#define CAUSAL 1
#include "attention_case.h"
#define CASE causal_ahead, 1, 2, 3, 40, 300, 8, 8
#define CAUSAL 1
#define AHEAD 260
#include "attention_case.h"
#define CASE causal_behind, 1, 1, 1, 40, 40, 8, 8
#define CAUSAL 1
#define AHEAD (-3)
#include "attention_case.h"
#define CASE causal_masked, 2, 1, 2, 60, 60, 8, 8
#define CAUSAL 1
#define MASKED (1 | 4 | 8 | 16)
#include "attention_case.h"

static const AttentionRow *const rows[] = {
    &row_plain,       &row_one_key,      &row_one_query,     &row_one_number,    &row_text,          &row_split,
    &row_blocks,      &row_wide_64,      &row_wide_96,       &row_wide_128,      &row_wide_160,      &row_wide_512,
    &row_odd,         &row_odd_values,   &row_grouped,       &row_grouped_one_query, &row_mask_all,  &row_mask_keys,
    &row_mask_heads,  &row_keys_by_head, &row_mask_rows,  &row_mask_lowest,   &row_causal,        &row_causal_many,
    &row_causal_ahead, &row_causal_behind, &row_causal_masked,
};

static float *scaled_floats(int64_t count, float scale)
{
    float *p = random_floats(count);
    for (int64_t i = 0; i < count; i++)
        p[i] *= scale;
    return p;
}

/* [batch][query head][query][key], of which a mask that repeats uses the beginning. */
static float *random_mask(const AttentionRow *a)
{
    int64_t count = a->batch * a->heads * a->group * a->queries * a->keys;
    float *mask = scaled_floats(count, 3), hidden = a->masked & 32 ? -FLT_MAX : -INFINITY;
    for (int64_t i = 0; i < count && a->masked & (16 | 32); i++)
        if (i / a->keys % a->queries == 1 || (i * 7919 >> 4) % 3 == 0)
            mask[i] = hidden;
    return mask;
}

static double mask_of(const AttentionRow *a, const float *mask, int64_t b, int64_t h, int64_t i, int64_t j)
{
    int64_t at = a->masked & 8 ? j : 0;
    at += a->masked & 4 ? i * a->keys : 0;
    at += a->masked & 2 ? h * a->queries * a->keys : 0;
    at += a->masked & 1 ? b * a->heads * a->group * a->queries * a->keys : 0;
    double hidden = a->causal && j > i + a->ahead ? -INFINITY : 0;
    return hidden + (a->masked ? (double)mask[at] : 0);
}

/* Weights of one query's keys, which add up to 1, or are all 0. */
static void weigh(const AttentionRow *a, const float *q, const float *k, const float *mask, int64_t b, int64_t h,
                  int64_t i, double *weight)
{
    const float *row = q + b * a->q.batch + h * a->q.head + i * a->q.row;
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < a->keys; j++) {
        const float *key = k + b * a->k.batch + h / a->group * a->k.head + j * a->k.row;
        double dot = 0;
        for (int64_t d = 0; d < a->size; d++)
            dot += (double)row[d] * (double)key[d];
        weight[j] = (double)(float)0.7 * dot + mask_of(a, mask, b, h, i, j);
        top = fmax(top, weight[j]);
    }
    for (int64_t j = 0; j < a->keys; j++)
        sum += weight[j] = top == -INFINITY ? 0 : exp(weight[j] - top);
    for (int64_t j = 0; j < a->keys && sum > 0; j++)
        weight[j] /= sum;
}

/* Relative root mean square of y against the loop. */
static double distance(const AttentionRow *a, const float *y, const float *q, const float *k, const float *v,
                       const float *mask)
{
    double error = 0, norm = 0, *weight = malloc((size_t)a->keys * sizeof *weight);
    for (int64_t n = 0; n < a->batch * a->heads * a->group * a->queries; n++) {
        int64_t heads = a->heads * a->group, i = n % a->queries, h = n / a->queries % heads, b = n / a->queries / heads;
        weigh(a, q, k, mask, b, h, i, weight);
        for (int64_t d = 0; d < a->v_size; d++) {
            double want = 0, got = (double)y[b * a->y.batch + h * a->y.head + i * a->y.row + d];
            for (int64_t j = 0; j < a->keys; j++)
                want += weight[j] * (double)v[b * a->v.batch + h / a->group * a->v.head + j * a->v.row + d];
            error += (got - want) * (got - want);
            norm += want * want;
        }
    }
    free(weight);
    return sqrt(error / norm);
}

static void check_row(const AttentionRow *a)
{
    int64_t heads = a->batch * a->heads, count = heads * a->group * a->queries * a->v_size;
    float spread = 6 / sqrtf((float)a->size);          /* scores: 0.7 * 6 * 2 / 3 */
    float *q = scaled_floats(heads * a->group * a->queries * a->size, spread),
          *k = scaled_floats(heads * a->keys * a->size, 2), *v = scaled_floats(heads * a->keys * a->v_size, 1),
          *mask = random_mask(a);
    float *y = malloc((size_t)count * sizeof *y), *first = malloc((size_t)count * sizeof *first);
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        memset(y, 0xff, (size_t)count * sizeof *y);
        a->run(&c, y, q, k, v, mask);
        sdc_pool_destroy(c.pool);
        if (threads == 1)
            memcpy(first, y, (size_t)count * sizeof *y);
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
    }
    double rms = distance(a, y, q, k, v, mask);
    print_message("%-20s relative rms %.2e\n", a->name, rms);
    assert_true(rms <= 2e-7 * (1 + 2.8 * sqrt((double)a->size / 16 + 1)));
    free(q), free(k), free(v), free(mask), free(y), free(first);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(rows[i]);
}

/* What is no number stays so, in its own row alone. */
static void test_nan(void **state)
{
    (void)state;
    const AttentionRow *a = &row_plain;
    int64_t count = a->q.batch;
    float *q = scaled_floats(count, 1), *k = scaled_floats(a->k.batch, 1), *v = scaled_floats(a->v.batch, 1);
    float *y = malloc((size_t)count * sizeof *y);
    SdcContext c = {.pool = sdc_pool_create(1)};
    q[3 * a->q.row] = NAN;
    a->run(&c, y, q, k, v, NULL);
    for (int64_t i = 0; i < a->queries; i++)
        for (int64_t d = 0; d < a->v_size; d++) {
            assert_true(isnan(y[i * a->y.row + d]) == (i == 3));
            assert_true(isfinite(y[i * a->y.row + a->y.head + d]));
        }
    sdc_pool_destroy(c.pool);
    free(q), free(k), free(v), free(y);
}

int main(void)
{
    skip_unless_cpu_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_nan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
