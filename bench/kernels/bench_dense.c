/* bench_dense.c: speed of conv.h, gemm.h and attention.h in GF/s and in percent of the ceiling measured in the same run.
 *
 *      bench_dense [THREADS] [PART OF A NAME]
 *
 * Interleaves ceiling and kernel and prints the best of several runs: on a shared machine single runs halve. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../codegen/conv_pack.h"
#include "tile.h"

typedef void Convolution(SdcContext *c, float *y, const float *x, const float *weights, const float *bias,
                         const float *const *extra);
typedef void Product(SdcContext *c, float *y, const float *a, const float *b, const float *bias, float *scratch,
                     const float *const *extra);
typedef void Attention(SdcContext *c, float *y, const float *q, const float *k, const float *v, const float *mask);
typedef struct { Convolution *run; ConvShape shape; ConvPlan plan; } ConvRow;
typedef struct { Product *run; int64_t rows, columns, depth, matrices; int form; } GemmRow;
typedef struct { Attention *run; int64_t heads, queries, keys, size; } AttentionRow;

#define ROW 320x320_64
#define SIDE 64
#define IN 320
#define OUT 320
#define KERNEL 3
#include "conv_case.h"
#define ROW 640x640_32
#define SIDE 32
#define IN 640
#define OUT 640
#define KERNEL 3
#include "conv_case.h"
#define ROW 1280x1280_16
#define SIDE 16
#define IN 1280
#define OUT 1280
#define KERNEL 3
#include "conv_case.h"
#define ROW 1280x1280_8
#define SIDE 8
#define IN 1280
#define OUT 1280
#define KERNEL 3
#define UNIT (SDC_VL == 16 ? 2 : 4)
#include "conv_case.h"
#define ROW 512x512_64
#define SIDE 64
#define IN 512
#define OUT 512
#define KERNEL 3
#include "conv_case.h"
#define ROW 256x256_256
#define SIDE 256
#define IN 256
#define OUT 256
#define KERNEL 3
#include "conv_case.h"
#define ROW 128x128_512
#define SIDE 512
#define IN 128
#define OUT 128
#define KERNEL 3
#include "conv_case.h"
#define ROW 64x64_128
#define SIDE 128
#define IN 64
#define OUT 64
#define KERNEL 3
#include "conv_case.h"
#define ROW 320x320_64_half
#define SIDE 64
#define IN 320
#define OUT 320
#define KERNEL 3
#define STRIDE 2
#include "conv_case.h"
#define ROW 3x128_256
#define SIDE 256
#define IN 3
#define OUT 128
#define KERNEL 3
#include "conv_case.h"
#define ROW 128x3_256
#define SIDE 256
#define IN 128
#define OUT 3
#define KERNEL 3
#include "conv_case.h"

static const ConvRow *const conv_rows[] = {
    &conv_row_320x320_64,      &conv_row_640x640_32,  &conv_row_1280x1280_16, &conv_row_1280x1280_8,
    &conv_row_512x512_64,      &conv_row_256x256_256, &conv_row_128x128_512,  &conv_row_64x64_128,
    &conv_row_320x320_64_half, &conv_row_3x128_256,   &conv_row_128x3_256,
};

#define NAME gemm_4096
#define ROWS 4096
#define COLUMNS 320
#define DEPTH 320
#include "gemm.h"
#define NAME gemm_256
#define ROWS 256
#define COLUMNS 1280
#define DEPTH 1280
#include "gemm.h"
#define NAME gemm_1024
#define ROWS 1024
#define COLUMNS 5120
#define DEPTH 640
#include "gemm.h"
#define NAME gemm_77
#define ROWS 77
#define COLUMNS 3072
#define DEPTH 768
#include "gemm.h"
#define NAME gemm_2
#define ROWS 2
#define COLUMNS 1280
#define DEPTH 320
#include "gemm.h"
#define NAME gemm_1
#define ROWS 1
#define COLUMNS 1280
#define DEPTH 1280
#include "gemm.h"
#define NAME gemm_scores
#define ROWS 4096
#define COLUMNS 4096
#define DEPTH 40
#define INNER 2
#define B_FORM SDC_B_COLUMNS
#define B_INNER (4096 * 40)
#include "gemm.h"
#define NAME gemm_values
#define ROWS 4096
#define COLUMNS 40
#define DEPTH 4096
#define INNER 2
#define B_FORM SDC_B_ROWS
#define B_INNER (4096 * 40)
#include "gemm.h"

static const GemmRow gemm_rows[] = {
    {gemm_4096, 4096, 320, 320, 1, SDC_B_PACKED}, {gemm_256, 256, 1280, 1280, 1, SDC_B_PACKED},
    {gemm_1024, 1024, 5120, 640, 1, SDC_B_PACKED}, {gemm_77, 77, 3072, 768, 1, SDC_B_PACKED},
    {gemm_2, 2, 1280, 320, 1, SDC_B_PACKED}, {gemm_1, 1, 1280, 1280, 1, SDC_B_PACKED},
    {gemm_scores, 4096, 4096, 40, 2, SDC_B_COLUMNS}, {gemm_values, 4096, 40, 4096, 2, SDC_B_ROWS},
};

#define ROW image_40
#define HEADS 8
#define QUERIES 4096
#define KEYS 4096
#define SIZE 40
#include "attention_case.h"
#define ROW text_40
#define HEADS 8
#define QUERIES 4096
#define KEYS 77
#define SIZE 40
#include "attention_case.h"
#define ROW image_80
#define HEADS 8
#define QUERIES 1024
#define KEYS 1024
#define SIZE 80
#include "attention_case.h"
#define ROW image_160
#define HEADS 8
#define QUERIES 256
#define KEYS 256
#define SIZE 160
#include "attention_case.h"
#define ROW joint_64
#define HEADS 24
#define QUERIES 1178
#define KEYS 1178
#define SIZE 64
#include "attention_case.h"
#define ROW vae_512
#define HEADS 1
#define QUERIES 4096
#define KEYS 4096
#define SIZE 512
#include "attention_case.h"
#define ROW decode_64
#define HEADS 8
#define QUERIES 1
#define KEYS 1024
#define SIZE 64
#include "attention_case.h"

static const AttentionRow *const attention_rows[] = {
    &attention_row_image_40, &attention_row_text_40, &attention_row_image_80,  &attention_row_image_160,
    &attention_row_joint_64, &attention_row_vae_512, &attention_row_decode_64,
};

enum { REPEATS = 7 };

static clockid_t bench_clock = CLOCK_MONOTONIC;     /* one thread: CPU time, so that a busy machine matters less */

static double now(void)
{
    struct timespec t;
    clock_gettime(bench_clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the ceiling: independent multiply-adds in registers ---------------------------------------------------- */

enum { CEILING_STEPS = 400000, CHAINS = 10 };

static void ceiling_part(void *argument, int64_t unit, int64_t end)
{
    float *out = argument;
    for (; unit < end; unit++) {
        sdc_vf a = sdc_splat(0.999f + 1e-6f * (float)unit), b = sdc_splat(1e-3f);
        sdc_vf s0 = a, s1 = b, s2 = a + b, s3 = a - b, s4 = a * b, s5 = a + a, s6 = b + b, s7 = b - a, s8 = a * a,
               s9 = b * b;
        for (int64_t i = 0; i < CEILING_STEPS; i++) {
            s0 = s0 * a + b, s1 = s1 * a + b, s2 = s2 * a + b, s3 = s3 * a + b, s4 = s4 * a + b;
            s5 = s5 * a + b, s6 = s6 * a + b, s7 = s7 * a + b, s8 = s8 * a + b, s9 = s9 * a + b;
        }
        sdc_store(out + unit * SDC_VL, s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9);
    }
}

static double ceiling_gflops(SdcContext *c, int threads)
{
    float out[64 * SDC_VL];
    double start = now();
    sdc_parallel(c, ceiling_part, out, threads);
    return 2.0 * CHAINS * SDC_VL * CEILING_STEPS * threads / (now() - start) * 1e-9;
}

/* ---- one row ------------------------------------------------------------------------------------------------ */

static float *random_floats(int64_t count)
{
    float *p = aligned_alloc(64, (size_t)((count * 4 + 127) / 64 * 64));
    uint32_t state = 12345;
    for (int64_t i = 0; p && i < count; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (float)(int32_t)state * 0x1p-31f;
    }
    if (!p)
        exit(4);
    return p;
}

static void report(const char *name, double flops, double seconds, double ceiling)
{
    double gflops = flops / seconds * 1e-9;
    printf("%-28s %9.3f ms  %7.1f GF/s  %5.1f %% of %.1f\n", name, seconds * 1e3, gflops, 100 * gflops / ceiling,
           ceiling);
    fflush(stdout);
}

static void bench_conv(const ConvRow *row, SdcContext *c, int threads, const char *only)
{
    const ConvShape *s = &row->shape;
    char name[80];
    snprintf(name, sizeof name, "conv %dx%d/%d %d->%d @%d", (int)s->kernel_h, (int)s->kernel_w, (int)s->stride_h,
             (int)s->in_c, (int)s->out_c, (int)s->in_h);
    if (!strstr(name, only))
        return;
    ConvPlan plan = conv_plan(s, SDC_VL, false);
    if (plan.chunk != row->plan.chunk || plan.block_h != row->plan.block_h || plan.block_w != row->plan.block_w
        || plan.unit_panels != row->plan.unit_panels)
        printf("%s: not conv_plan()'s cut: %d, %dx%d, %d\n", name, (int)plan.chunk, (int)plan.block_h,
               (int)plan.block_w, (int)plan.unit_panels);
    float *x = random_floats(s->in_h * s->in_w * s->in_c), *bias = random_floats(s->out_c);
    float *w = random_floats(s->out_c * s->in_c * s->kernel_h * s->kernel_w),
          *y = random_floats(s->out_h * s->out_w * s->out_c);
    float *packed = random_floats(pack_conv_bytes(s, SDC_VL, 1));
    pack_conv(packed, w, s, SDC_VL, sizeof *w);
    double best = 1e30, ceiling = 0;
    for (int i = 0; i < REPEATS; i++) {
        double reached = ceiling_gflops(c, threads), start = now();
        row->run(c, y, x, packed, bias, NULL);
        best = fmin(best, now() - start);
        ceiling = fmax(ceiling, reached);
    }
    report(name, 2.0 * (double)(s->out_h * s->out_w * s->out_c * s->in_c * s->kernel_h * s->kernel_w), best, ceiling);
    free(x), free(bias), free(w), free(y), free(packed);
}

static void bench_gemm(const GemmRow *row, SdcContext *c, int threads, const char *only)
{
    char name[80];
    static const char *const forms[] = {"", " B rows", " B columns"};
    snprintf(name, sizeof name, "gemm %dx %dx%dx%d%s", (int)row->matrices, (int)row->rows, (int)row->columns,
             (int)row->depth, forms[row->form]);
    if (!strstr(name, only))
        return;
    int64_t n = row->matrices, packed_floats = n * pack_gemm_bytes(row->depth, row->columns, SDC_VL, 1);
    float *a = random_floats(n * row->rows * row->depth), *b = random_floats(n * row->depth * row->columns);
    float *y = random_floats(n * row->rows * row->columns), *packed = random_floats(packed_floats);
    if (row->form == SDC_B_PACKED)
        pack_gemm(packed, b, row->depth, row->columns, row->columns, false, SDC_VL, sizeof *b);
    double best = 1e30, ceiling = 0, flops = 2.0 * (double)(n * row->rows * row->columns * row->depth);
    int inner = flops < 1e8 ? 20 : 1;
    for (int i = 0; i < REPEATS; i++) {
        double reached = ceiling_gflops(c, threads), start = now();
        for (int k = 0; k < inner; k++)
            row->run(c, y, a, row->form == SDC_B_PACKED ? packed : b, NULL, packed, NULL);
        best = fmin(best, (now() - start) / inner);
        ceiling = fmax(ceiling, reached);
    }
    report(name, flops, best, ceiling);
    free(a), free(b), free(y), free(packed);
}

static void bench_attention(const AttentionRow *row, SdcContext *c, int threads, const char *only)
{
    char name[80];
    snprintf(name, sizeof name, "attention %dx %dx%d @%d", (int)row->heads, (int)row->queries, (int)row->keys,
             (int)row->size);
    if (!strstr(name, only))
        return;
    int64_t per_head = row->heads * row->size;
    float *q = random_floats(row->queries * per_head), *k = random_floats(row->keys * per_head);
    float *v = random_floats(row->keys * per_head), *y = random_floats(row->queries * per_head);
    double best = 1e30, ceiling = 0, flops = 4.0 * (double)(row->queries * row->keys * per_head);
    int inner = flops < 1e8 ? 20 : 1;
    for (int i = 0; i < REPEATS; i++) {
        double reached = ceiling_gflops(c, threads), start = now();
        for (int r = 0; r < inner; r++)
            row->run(c, y, q, k, v, NULL);
        best = fmin(best, (now() - start) / inner);
        ceiling = fmax(ceiling, reached);
    }
    report(name, flops, best, ceiling);
    free(q), free(k), free(v), free(y);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    const char *only = argc > 2 ? argv[2] : "";
    if (threads < 1 || threads > 64)
        return 1;
    if (threads == 1)
        bench_clock = CLOCK_PROCESS_CPUTIME_ID;
    SdcContext c = {.pool = sdc_pool_create(threads)};
    for (size_t i = 0; i < sizeof conv_rows / sizeof *conv_rows; i++)
        bench_conv(conv_rows[i], &c, threads, only);
    for (size_t i = 0; i < sizeof gemm_rows / sizeof *gemm_rows; i++)
        bench_gemm(&gemm_rows[i], &c, threads, only);
    for (size_t i = 0; i < sizeof attention_rows / sizeof *attention_rows; i++)
        bench_attention(attention_rows[i], &c, threads, only);
    sdc_pool_destroy(c.pool);
    return 0;
}
