/* test_bf16.c: gemm_bf16.h against a loop in double, conv_bf16.h against conv.h on the same bf16 operands, and all against
 * themselves on 1, 2 and 3 threads.
 *
 * Products of bf16 are exact in f32, so only sums differ: a relative root mean square of 2e-7 sqrt(depth / 16 + 1), as in
 * test_gemm.c, and twice that between two kernels.  attention_bf16.h against attention.h: weights are rounded to bf16, by 2^-8
 * of themselves at most, evenly spread: at most 2^-8 / sqrt 3.  What is done to a convolution's input is exact in bf16 here.  With tiles,
 * real or emulated, the bytes are the recorded ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../codegen/bf16_pack.h"
#include "form.h"
#include "pick.h"

#define LIMIT(reach) (16384 / (reach) < 64 ? 16384 / (reach) : 64)
#define DIV_UP(a, b) (((a) + (b) - 1) / (b))
#define CHUNK_OF(channels, reach) DIV_UP(channels, DIV_UP(channels, LIMIT(reach)))

typedef void Product(SdcContext *c, float *y, const st_bf16 *a, const st_bf16 *b, const float *bias, const float *x0);
typedef struct {
    Product *run;
    const char *name;
    int64_t rows, columns, depth, outer, inner, b_outer, b_inner;
    int has_bias;
    int64_t gap;                            /* elements between rows of a */
} GemmRow;

#define CASE plain, 64, 96, 64, 1, 1, 0, 0, 0
#include "gemm_case.h"
#define CASE odd, 77, 50, 33, 1, 1, 0, 0, 1
#include "gemm_case.h"
#define CASE one_row, 1, 1000, 320, 1, 1, 0, 0, 1
#include "gemm_case.h"
#define CASE few_rows, 5, 200, 257, 1, 1, 0, 0, 1
#define GAP 7
#include "gemm_case.h"
#define CASE three_rows, 3, 40, 96, 1, 1, 0, 0, 1
#include "gemm_case.h"
#define CASE one_column, 130, 1, 40, 1, 1, 0, 0, 1
#include "gemm_case.h"
#define CASE one_term, 20, 20, 1, 1, 1, 0, 0, 0
#include "gemm_case.h"
#define CASE two_blocks, 300, 80, 480, 1, 1, 0, 0, 1
#include "gemm_case.h"
#define CASE whole_blocks, 513, 33, 800, 1, 1, 0, 0, 1
#define GAP 32
#include "gemm_case.h"
#define CASE shared, 13, 40, 70, 3, 2, 0, 0, 1
#include "gemm_case.h"
#define CASE each, 33, 40, 70, 3, 2, 1, 1, 0
#include "gemm_case.h"
#define CASE outer_only, 17, 40, 70, 3, 2, 1, 0, 0
#include "gemm_case.h"
#define CASE inner_only, 16, 40, 64, 3, 2, 0, 1, 0
#include "gemm_case.h"

static const GemmRow *const gemm_rows[] = {
    &row_plain, &row_odd, &row_one_row, &row_few_rows, &row_one_column, &row_one_term, &row_two_blocks, &row_whole_blocks,
    &row_shared, &row_each, &row_outer_only, &row_inner_only,
};

/* Both products of a gate in one kernel, and each alone. */
#define PAIR_ROWS 300
#define PAIR_COLUMNS 70
#define PAIR_DEPTH 420
#define NAME pair_gate
#define ROWS PAIR_ROWS
#define COLUMNS PAIR_COLUMNS
#define DEPTH PAIR_DEPTH
#define HAS_BIAS 1
#define PAIR(X) X(other)
#define EXTRAS(X)
#define STEPS
#define RESULT v * w
#include "gemm_bf16.h"
#define NAME pair_single
#define ROWS PAIR_ROWS
#define COLUMNS PAIR_COLUMNS
#define DEPTH PAIR_DEPTH
#define HAS_BIAS 1
#define EXTRAS(X)
#define STEPS
#define RESULT v
#include "gemm_bf16.h"

typedef void Bf16Conv(SdcContext *c, float *y, const st_bf16 *x, const st_bf16 *beside, const st_bf16 *weights,
                      const float *bias, st_bf16 *room, const float *lines, const st_bf16 *more, const st_bf16 *more_weights,
                      const st_bf16 *more_beside, const float *x0, double *slots);
typedef void F32Conv(SdcContext *c, float *y, const st_bf16 *x, const st_bf16 *beside, const st_bf16 *weights,
                     const float *bias, const float *lines, const st_bf16 *more, const st_bf16 *more_weights,
                     const st_bf16 *more_beside, const float *x0, double *slots);
typedef struct {
    Bf16Conv *run;
    F32Conv *run_f32;
    const char *name;
    ConvShape shape;
    int64_t first, times, more, more_first, block_h, block_w;
} ConvRow;

Bf16Conv bf16_rows_of_tiles, bf16_flat, bf16_small, bf16_strided, bf16_dilated, bf16_pointwise, bf16_narrow, bf16_wide_blocks,
    bf16_joined, bf16_larger, bf16_shortcut, bf16_flat_shortcut, bf16_one_d;
F32Conv f32_rows_of_tiles, f32_flat, f32_small, f32_strided, f32_dilated, f32_pointwise, f32_narrow, f32_wide_blocks,
    f32_joined, f32_larger, f32_shortcut, f32_flat_shortcut, f32_one_d;

#define CASE rows_of_tiles, 1, 12, 32, 64, 12, 32, 96, 3, 3, 1, 1, 1, 1
#define CUT 0, 4, 32, 12, 1, 2
#include "conv_case.h"
#define CASE flat, 2, 9, 9, 70, 9, 9, 50, 3, 3, 1, 1, 1, 1
#define CUT 1, 9, 9, 9, 2, 2
#include "conv_case.h"
#define CASE small, 3, 4, 5, 33, 4, 5, 40, 3, 3, 1, 1, 1, 1
#define CUT 1, 2, 5, 2, 1, 1
#include "conv_case.h"
#define CASE strided, 1, 17, 40, 64, 9, 20, 80, 3, 3, 2, 1, 1, 1
#define CUT 0, 4, 20, 8, 1, 3
#include "conv_case.h"
#define CASE dilated, 1, 10, 20, 40, 10, 20, 48, 3, 3, 1, 2, 2, 2
#define CUT 0, 3, 20, 6, 1, 1
#include "conv_case.h"
#define CASE pointwise, 2, 6, 19, 96, 6, 19, 64, 1, 1, 1, 0, 0, 1
#define CUT 1, 3, 19, 6, 2, 2
#include "conv_case.h"
#define CASE narrow, 1, 16, 16, 4, 16, 16, 7, 3, 3, 1, 1, 1, 1
#define CUT 0, 16, 16, 16, 1, 1
#include "conv_case.h"
#define CASE wide_blocks, 1, 5, 75, 32, 5, 75, 32, 5, 5, 1, 2, 2, 1
#define CUT 0, 2, 32, 4, 1, 1
#include "conv_case.h"
#define CASE joined, 1, 8, 16, 100, 8, 16, 64, 3, 3, 1, 1, 1, 1
#define CUT 0, 4, 16, 8, 1, 2
#define FIRST 43
#include "conv_case.h"
#define CASE larger, 1, 12, 20, 64, 12, 20, 64, 3, 3, 1, 1, 1, 1
#define CUT 1, 6, 20, 12, 1, 2
#define TIMES 2
#include "conv_case.h"
#define CASE shortcut, 2, 8, 32, 64, 8, 32, 96, 3, 3, 1, 1, 1, 1
#define CUT 0, 4, 32, 4, 1, 3
#define SHORTCUT 70
#define SHORTCUT_FIRST 41
#include "conv_case.h"
#define CASE flat_shortcut, 2, 7, 9, 32, 7, 9, 64, 3, 3, 1, 1, 1, 1
#define CUT 1, 3, 9, 6, 1, 1
#define SHORTCUT 96
#define SHORTCUT_FIRST 96
#include "conv_case.h"
#define CASE one_d, 1, 1, 50, 48, 1, 50, 48, 1, 7, 1, 0, 3, 1
#define CUT 0, 1, 50, 1, 1, 2
#include "conv_case.h"

static const ConvRow *const conv_rows[] = {
    &row_rows_of_tiles, &row_flat, &row_small, &row_strided, &row_dilated, &row_pointwise, &row_narrow, &row_wide_blocks,
    &row_joined, &row_larger, &row_shortcut, &row_flat_shortcut, &row_one_d,
};

typedef void Attention(SdcContext *c, float *y, const st_bf16 *q, const st_bf16 *k, const st_bf16 *v, const float *mask);
typedef struct {
    Attention *run, *run_f32;
    const char *name;
    int64_t batch, heads, group, queries, keys, size, v_size;
    int mask;
} AttentionRow;
Attention bf16_square, bf16_text, bf16_tails, bf16_one_query, bf16_grouped, bf16_masked, bf16_row_mask, bf16_causal, bf16_ahead, bf16_large;
Attention f32_square, f32_text, f32_tails, f32_one_query, f32_grouped, f32_masked, f32_row_mask, f32_causal, f32_ahead, f32_large;

#define CASE square, 2, 3, 1, 300, 300, 64, 64, 0, 0, 0
#include "attention_case.h"
#define CASE text, 1, 2, 1, 1100, 77, 40, 40, 0, 0, 0
#include "attention_case.h"
#define CASE tails, 1, 2, 1, 45, 33, 7, 19, 0, 0, 0
#include "attention_case.h"
#define CASE one_query, 1, 4, 1, 1, 500, 80, 80, 0, 0, 0
#include "attention_case.h"
#define CASE grouped, 1, 2, 4, 50, 70, 32, 32, 1, 0, 0
#include "attention_case.h"
#define CASE masked, 1, 2, 1, 77, 130, 64, 64, 1, 0, 0
#include "attention_case.h"
#define CASE row_mask, 2, 2, 1, 40, 90, 160, 160, 2, 0, 0
#include "attention_case.h"
#define CASE causal, 1, 2, 2, 77, 77, 64, 64, 0, 1, 0
#include "attention_case.h"
#define CASE ahead, 1, 2, 1, 20, 400, 64, 48, 1, 1, 380
#include "attention_case.h"
#define CASE large, 1, 1, 1, 200, 260, 512, 512, 0, 0, 0
#include "attention_case.h"

static const AttentionRow *const attention_rows[] = {
    &row_square, &row_text, &row_tails, &row_one_query, &row_grouped, &row_masked, &row_row_mask, &row_causal, &row_ahead,
    &row_large,
};

static uint32_t next_random(void)
{
    static uint32_t state = 1;
    return state = state * 1664525u + 1013904223u;
}

static void *room(int64_t count, size_t size) { return aligned_alloc(64, ((size_t)count * size + 64 + 63) / 64 * 64); }

static st_bf16 *random_bf16(int64_t count)
{
    st_bf16 *p = room(count, sizeof *p);
    for (int64_t i = 0; i < count; i++)
        p[i] = to_bf16((float)(int32_t)next_random() * 0x1p-31f);
    return p;
}

/* Multiples of 1/8 up to 4: exact in bf16, also times 2 and a half. */
static st_bf16 *random_steps(int64_t count)
{
    st_bf16 *p = room(count, sizeof *p);
    for (int64_t i = 0; i < count; i++)
        p[i] = to_bf16((float)((int32_t)next_random() >> 26) * 0.125f);
    return p;
}

static float *random_floats(int64_t count)
{
    float *p = room(count, sizeof *p);
    for (int64_t i = 0; i < count; i++)
        p[i] = (float)(int32_t)next_random() * 0x1p-31f;
    return p;
}

/* ---- gemm_bf16.h ------------------------------------------------------------------------------------------------- */

static int64_t matrix_of_b(const GemmRow *g, int64_t outer, int64_t inner)
{
    return (g->b_outer ? outer * (g->b_inner ? g->inner : 1) : 0) + (g->b_inner ? inner : 0);
}

/* b: [matrix][depth][columns] */
static double distance(const GemmRow *g, const float *y, const st_bf16 *a, const st_bf16 *b, const float *bias,
                       const float *added)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < g->outer * g->inner * g->rows * g->columns; i++) {
        const int64_t n = i % g->columns, row = i / g->columns, matrix = row / g->rows;
        const int64_t of_b = matrix_of_b(g, matrix / g->inner, matrix % g->inner);
        double want = (double)added[i] + (g->has_bias ? (double)bias[n] : 0);
        for (int64_t k = 0; k < g->depth; k++)
            want += (double)ld_bf16(a[row * (g->depth + g->gap) + k]) * (double)ld_bf16(b[(of_b * g->depth + k) * g->columns + n]);
        error += ((double)y[i] - want) * ((double)y[i] - want);
        norm += want * want;
    }
    return sqrt(error / norm);
}

/* FNV-1a of all products' bytes. */
static uint64_t bytes_hash = 14695981039346656037u;

static void hash_bytes(const void *data, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i++)
        bytes_hash = (bytes_hash ^ ((const unsigned char *)data)[i]) * 1099511628211u;
}

static void check_gemm(const GemmRow *g)
{
    const int64_t batch = g->outer * g->inner, matrices = matrix_of_b(g, g->outer - 1, g->inner - 1) + 1;
    const int64_t count = batch * g->rows * g->columns;
    const Bf16Matrix m = {g->columns, g->depth, 1, 1, 1, g->columns, 0};
    st_bf16 *a = random_bf16(batch * g->rows * (g->depth + g->gap)), *b = random_bf16(matrices * g->depth * g->columns);
    st_bf16 *packed = room(matrices * pack_bf16_bytes(&m), 1);
    float *bias = random_floats(g->columns), *added = random_floats(count), *y = room(count, sizeof *y), *first = room(count, sizeof *y);
    for (int64_t k = 0; k < matrices; k++)
        pack_bf16(packed + k * pack_bf16_bytes(&m) / 2, b + k * g->depth * g->columns, &m);
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        memcpy(y, added, (size_t)count * sizeof *y);
        g->run(&c, y, a, packed, bias, y);
        sdc_pool_destroy(c.pool);
        if (threads == 1)
            memcpy(first, y, (size_t)count * sizeof *y);
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
    }
    hash_bytes(y, count * (int64_t)sizeof *y);
    const double rms = distance(g, y, a, b, bias, added);
    print_message("%-20s relative rms %.2e\n", g->name, rms);
    assert_true(rms <= 2e-7 * sqrt((double)g->depth / 16 + 1));
    free(a), free(b), free(packed), free(bias), free(added), free(y), free(first);
}

static void test_gemm(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof gemm_rows / sizeof *gemm_rows; k++)
        check_gemm(gemm_rows[k]);
    print_message("bytes of all: %016llx\n", (unsigned long long)bytes_hash);
#if !SDC_BF16_DOT
    assert_int_equal(bytes_hash, 0x26f35eddddaabe7eu);    /* as AMX tiles of Sapphire Rapids gave them */
#endif
    check_gemm(&row_three_rows);                            /* which those were not asked for */
}

static void test_pair(void **state)
{
    (void)state;
    enum { count = PAIR_ROWS * PAIR_COLUMNS };
    const Bf16Matrix m = {PAIR_COLUMNS, PAIR_DEPTH, 1, 1, 1, PAIR_COLUMNS, 0};
    st_bf16 *a = random_bf16(PAIR_ROWS * PAIR_DEPTH), *packed[2];
    float *bias = random_floats(PAIR_COLUMNS), zeros[PAIR_COLUMNS] = {0}, *y[3];
    SdcContext c = {.pool = sdc_pool_create(2)};
    for (int k = 0; k < 2; k++) {
        st_bf16 *b = random_bf16(PAIR_DEPTH * PAIR_COLUMNS);
        packed[k] = room(pack_bf16_bytes(&m), 1);
        pack_bf16(packed[k], b, &m);
        free(b);
        y[k] = room(count, sizeof(float));
        pair_single(&c, y[k], a, packed[k], k ? zeros : bias);
    }
    y[2] = room(count, sizeof(float));
    pair_gate(&c, y[2], a, packed[0], bias, packed[1]);
    for (int i = 0; i < count; i++)
        y[0][i] *= y[1][i];
    assert_memory_equal(y[0], y[2], count * sizeof(float));
    sdc_pool_destroy(c.pool);
    free(a), free(packed[0]), free(packed[1]), free(bias), free(y[0]), free(y[1]), free(y[2]);
}

/* ---- conv_bf16.h ------------------------------------------------------------------------------------------------- */

typedef struct { st_bf16 *plain, *packed, *packed_f32; } Weights;

static Weights weights_of(const ConvShape *s)
{
    const int64_t taps = s->kernel_h * s->kernel_w;
    const Bf16Matrix m = {s->out_c, s->in_c, s->kernel_h, s->kernel_w, s->in_c * taps, taps, 1};
    Weights w = {random_bf16(s->out_c * s->in_c * taps), room(pack_bf16_bytes(&m), 1), room(pack_conv_bytes(s, SDC_VL, 2), 1)};
    pack_bf16(w.packed, w.plain, &m);
    pack_conv(w.packed_f32, w.plain, s, SDC_VL, 2);
    return w;
}

static void drop(Weights *w) { free(w->plain), free(w->packed), free(w->packed_f32); }

/* Factors of 1/2, 1 and 2, shifts in eighths. */
static float *random_lines(int64_t batch, int64_t channels)
{
    float *p = room(batch * 2 * channels, sizeof *p);
    for (int64_t i = 0; i < batch * 2 * channels; i++)
        p[i] = i / channels % 2 ? (float)((int32_t)next_random() >> 28) * 0.125f : 0.5f * (float)(1 << (next_random() >> 8) % 3);
    return p;
}

static double apart(const float *a, const float *b, int64_t count)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < count; i++) {
        error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(error / norm);
}

static void check_conv(const ConvRow *r)
{
    const ConvShape *s = &r->shape;
    ConvShape point = *s;
    point.in_c = r->more ? r->more : 1;
    point.kernel_h = point.kernel_w = 1;
    const int64_t pixels = s->batch * (s->in_h / r->times) * (s->in_w / r->times), outputs = s->batch * s->out_h * s->out_w;
    const int64_t count = outputs * s->out_c, depth = s->in_c * s->kernel_h * s->kernel_w + r->more;
    const int64_t blocks = DIV_UP(s->out_h, r->block_h) * DIV_UP(s->out_w, r->block_w);
    st_bf16 *x = random_steps(pixels * r->first), *beside = random_steps(pixels * (s->in_c - r->first) + 1);
    st_bf16 *more = random_bf16(outputs * r->more_first + 1), *more_beside = random_bf16(outputs * (r->more - r->more_first) + 1);
    Weights w = weights_of(s), more_w = weights_of(&point);
    float *bias = random_floats(s->out_c), *lines = random_lines(s->batch, s->in_c), *added = random_floats(count);
    float *y = room(count, sizeof *y), *want = room(count, sizeof *want), *first = room(count, sizeof *first);
    double *slots = room(s->batch * blocks * 2 * s->out_c, sizeof *slots), *want_slots = room(s->batch * blocks * 2 * s->out_c, sizeof *slots);
    st_bf16 *packed = room(64 * 1024 * 1024, 1);
    memset(packed, 0xff, 64 * 1024 * 1024);             /* NaN: what is not written must not matter */
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        memcpy(y, added, (size_t)count * sizeof *y);
        r->run(&c, y, x, beside, w.packed, bias, packed, lines, more, more_w.packed, more_beside, y, slots);
        if (threads == 1) {
            memcpy(first, y, (size_t)count * sizeof *y);
            r->run_f32(&c, want, x, beside, w.packed_f32, bias, lines, more, more_w.packed_f32, more_beside, added, want_slots);
        }
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
        sdc_pool_destroy(c.pool);
    }
    const double rms = apart(y, want, count);
    print_message("%-20s relative rms %.2e\n", r->name, rms);
    assert_true(rms <= 4e-7 * sqrt((double)depth / 16 + 1));
    for (int64_t k = 0; k < s->batch * blocks * 2 * s->out_c; k++)
        assert_true(fabs(slots[k] - want_slots[k]) <= 1e-4 * (fabs(want_slots[k]) + 1));
    free(x), free(beside), free(more), free(more_beside), drop(&w), drop(&more_w), free(bias), free(lines), free(added);
    free(y), free(want), free(first), free(slots), free(want_slots), free(packed);
}

static void test_conv(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof conv_rows / sizeof *conv_rows; k++)
        check_conv(conv_rows[k]);
}

/* ---- attention_bf16.h -------------------------------------------------------------------------------------------- */

static void check_attention(const AttentionRow *r)
{
    const int64_t q_rows = r->batch * r->queries * r->heads * r->group, k_rows = r->batch * r->keys * r->heads;
    const int64_t count = q_rows * r->v_size, masks = r->queries * r->keys;
    st_bf16 *q = random_bf16(q_rows * r->size), *k = random_bf16(k_rows * r->size), *v = random_bf16(k_rows * r->v_size);
    float *mask = random_floats(masks), *y = room(count, sizeof *y), *want = room(count, sizeof *y), *first = room(count, sizeof *y);
    for (int64_t i = 0; i < masks; i++)         /* a third is hidden, and the second query sees nothing */
        mask[i] = i / r->keys == 1 || next_random() % 3 == 0 ? -INFINITY : mask[i];
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        r->run(&c, y, q, k, v, mask);
        if (threads == 1) {
            memcpy(first, y, (size_t)count * sizeof *y);
            r->run_f32(&c, want, q, k, v, mask);
        }
        assert_memory_equal(first, y, (size_t)count * sizeof *y);
        sdc_pool_destroy(c.pool);
    }
    const double rms = apart(y, want, count);
    print_message("%-20s relative rms %.2e\n", r->name, rms);
    assert_true(rms <= 0x1p-8 / sqrt(3));
    free(q), free(k), free(v), free(mask), free(y), free(want), free(first);
}

static void test_attention(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof attention_rows / sizeof *attention_rows; k++)
        check_attention(attention_rows[k]);
}

int main(void)
{
    skip_unless_form_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gemm), cmocka_unit_test(test_pair), cmocka_unit_test(test_conv), cmocka_unit_test(test_attention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
