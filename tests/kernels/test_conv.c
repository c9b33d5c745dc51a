/* test_conv.c: conv.h, conv_depthwise.h and conv_winograd.h against a loop in double, and against themselves on 1, 2 and 3
 * threads.
 *
 * Bound: relative root mean square of 2e-7 sqrt(terms / 16 + 1), that of a sum of so many rounded products with room
 * for a factor of two; Winograd's transforms round before and after, so twice that for tiles of
 * 4x4; measured values are printed.  y may be the residual that the epilogue adds; x may be normalised
 * where it is loaded, with a factor and a shift for each channel of each image. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../codegen/winograd_plan.h"
#include "isa.h"
#include "kernel.h"
#include "pick.h"
#include "random_floats.h"

typedef void Convolution(SdcContext *c, float *y, const float *x, const float *weights, const float *bias,
                         const float *x0);
typedef void NormalisedConvolution(SdcContext *c, float *y, const float *x, const float *weights, const float *bias,
                                   const float *lines, const float *x0);
typedef void WinogradConvolution(SdcContext *c, float *y, const float *x, const float *weights, const float *bias,
                                 float *scratch, const float *x0);
typedef void NormalisedWinograd(SdcContext *c, float *y, const float *x, const float *weights, const float *bias,
                                float *scratch, const float *lines, const float *x0);
typedef struct {
    Convolution *run;                       /* one of the four */
    NormalisedConvolution *run_normalised;
    WinogradConvolution *run_winograd;
    NormalisedWinograd *run_normalised_winograd;
    int outputs;                            /* of a Winograd tile, along an axis; 0: none */
    int transformed;                        /* its weights are stored so */
    int silu;                               /* SiLU behind the norm */
    const char *name;
    ConvShape shape;
    int64_t chunk, extra_y;
    int finish;                             /* adds x0, an image like y */
    int has_bias;
} ConvRow;

#define LIMIT(reach) (16384 / (reach) < 64 ? 16384 / (reach) : 64)
#define DIV_UP(a, b) (((a) + (b) - 1) / (b))
#define CHUNK_OF(channels, reach) DIV_UP(channels, DIV_UP(channels, LIMIT(reach)))

#define CASE plain, 1, 8, 8, 64, 8, 8, 96, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 4, 8, 2
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE odd_tails, 2, 7, 9, 5, 7, 9, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 3, 5, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE two_chunks, 1, 9, 11, 100, 9, 11, 50, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 4, 4, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE ragged_chunks, 1, 6, 5, 131, 6, 5, 67, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 6, 5, 4
#define TEMPLATE "conv.h"
#define HAS_BIAS 0
#include "conv_case.h"
#define CASE strided, 1, 16, 15, 24, 8, 8, 48, 3, 3, 2, 2, 1, 1, 1, 1, 1
#define CUT 4, 8, 4
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE dilated, 1, 14, 13, 20, 14, 13, 33, 3, 3, 1, 1, 3, 2, 3, 2, 1
#define CUT 4, 13, 4
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE asymmetric, 1, 10, 12, 9, 11, 10, 17, 4, 5, 1, 1, 3, 0, 1, 1, 1
#define CUT 5, 7, 2
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE no_padding, 1, 12, 12, 3, 3, 2, 20, 7, 5, 2, 4, 0, 0, 1, 1, 1
#define CUT 3, 2, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE patches, 1, 32, 32, 4, 4, 4, 130, 8, 8, 8, 8, 0, 0, 1, 1, 1
#define CUT 4, 4, 2
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE one_by_one, 3, 5, 4, 33, 5, 4, 16, 1, 1, 1, 1, 0, 0, 1, 1, 1
#define CUT 5, 4, 4
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE one_pixel, 1, 3, 3, 40, 1, 1, 24, 3, 3, 1, 1, 0, 0, 1, 1, 1
#define CUT 1, 1, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE two_pixels, 1, 3, 4, 40, 1, 2, 24, 3, 3, 1, 1, 0, 0, 1, 1, 1
#define CUT 1, 2, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE one_row, 2, 1, 40, 12, 1, 40, 19, 1, 5, 1, 1, 0, 2, 1, 1, 1
#define CUT 1, 40, 4
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE far_padding, 1, 3, 3, 6, 13, 13, 10, 3, 3, 1, 1, 6, 6, 1, 1, 1
#define CUT 4, 4, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE large_reach, 1, 40, 40, 70, 2, 2, 18, 3, 3, 1, 1, 0, 0, 19, 19, 1
#define CUT 2, 2, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE grouped, 2, 6, 7, 40, 6, 7, 60, 3, 3, 1, 1, 1, 1, 1, 1, 4
#define CUT 3, 7, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE multiplier, 1, 6, 7, 6, 6, 7, 18, 3, 3, 1, 1, 1, 1, 1, 1, 6
#define CUT 6, 7, 1
#define TEMPLATE "conv.h"
#include "conv_case.h"
#define CASE part_of_wider, 2, 6, 6, 20, 6, 6, 37, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 4, 6, 2
#define TEMPLATE "conv.h"
#define EXTRA_Y 13
#include "conv_case.h"
#define CASE residual, 2, 8, 6, 70, 8, 6, 37, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 4, 6, 2
#define TEMPLATE "conv.h"
#define RESULT v + x0
#include "conv_case.h"
#define CASE normalised, 2, 8, 7, 70, 8, 7, 110, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 4, 7, 2
#define TEMPLATE "conv.h"
#define SILU 1
#define RESULT v + x0
#include "conv_case.h"
#define CASE normalised_grouped, 2, 9, 8, 40, 5, 4, 36, 3, 3, 2, 2, 1, 1, 1, 1, 4
#define CUT 3, 4, 2
#define TEMPLATE "conv.h"
#define SILU 0
#include "conv_case.h"
#define CASE normalised_far, 2, 3, 3, 6, 13, 13, 10, 3, 3, 1, 1, 6, 6, 1, 1, 1
#define CUT 4, 4, 1
#define TEMPLATE "conv.h"
#define SILU 1
#include "conv_case.h"
#define CASE depthwise, 2, 9, 8, 37, 9, 8, 37, 3, 3, 1, 1, 1, 1, 1, 1, 37
#define CUT 1, 1, 1
#define TEMPLATE "conv_depthwise.h"
#include "conv_case.h"
#define CASE depthwise_strided, 1, 13, 14, 48, 5, 7, 48, 5, 3, 2, 2, 1, 1, 1, 1, 48
#define CUT 1, 1, 1
#define TEMPLATE "conv_depthwise.h"
#define EXTRA_Y 5
#include "conv_case.h"
#define CASE depthwise_dilated, 1, 9, 9, 16, 9, 13, 16, 3, 3, 1, 1, 2, 4, 2, 2, 16
#define CUT 1, 1, 1
#define TEMPLATE "conv_depthwise.h"
#define RESULT v + x0
#include "conv_case.h"

#define CASE winograd, 2, 16, 16, 64, 16, 16, 96, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 16, 16, 1, 2
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 4
#include "conv_case.h"
#define CASE winograd_tails, 2, 19, 23, 131, 19, 23, 67, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 12, 8, 2, 4
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 4
#define RESULT v + x0
#include "conv_case.h"
#define CASE winograd_normalised, 2, 9, 21, 70, 9, 21, 50, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 8, 16, 3, 3
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 4
#define SILU 1
#define EXTRA_Y 13
#include "conv_case.h"
#define CASE winograd_padding, 1, 5, 6, 7, 8, 4, 5, 3, 3, 1, 1, 3, 0, 1, 1, 1
#define CUT 4, 4, 1, 1
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 4
#define HAS_BIAS 0
#include "conv_case.h"
#define CASE winograd_small, 3, 8, 8, 100, 8, 8, 37, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 8, 8, 2, 2
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 2
#define RESULT v + x0
#include "conv_case.h"
#define CASE winograd_small_normalised, 2, 7, 9, 33, 7, 9, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 4, 6, 1, 3
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 2
#define SILU 1
#include "conv_case.h"
#define CASE winograd_stored, 2, 19, 23, 131, 19, 23, 67, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 12, 8, 2, 4
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 4
#define TRANSFORMED 1
#define RESULT v + x0
#include "conv_case.h"
#define CASE winograd_small_stored, 2, 7, 9, 33, 7, 9, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1
#define CUT 4, 6, 1, 3
#define TEMPLATE "conv_winograd.h"
#define OUTPUTS 2
#define TRANSFORMED 1
#define SILU 1
#include "conv_case.h"

static const ConvRow *const rows[] = {
    &row_plain, &row_odd_tails, &row_two_chunks, &row_ragged_chunks, &row_strided, &row_dilated,
    &row_asymmetric, &row_no_padding, &row_patches, &row_one_by_one, &row_one_pixel, &row_two_pixels,
    &row_one_row, &row_far_padding, &row_large_reach, &row_grouped, &row_multiplier, &row_part_of_wider,
    &row_residual, &row_normalised, &row_normalised_grouped, &row_normalised_far, &row_depthwise,
    &row_depthwise_strided, &row_depthwise_dilated, &row_winograd, &row_winograd_tails, &row_winograd_normalised,
    &row_winograd_padding, &row_winograd_small, &row_winograd_small_normalised, &row_winograd_stored,
    &row_winograd_small_stored,
};

/* What the kernel takes for x, an element of channel c of image n. */
static double loaded(const ConvRow *row, const float *lines, int64_t n, int64_t c, float x)
{
    if (!row->run_normalised && !row->run_normalised_winograd)
        return (double)x;
    const float *line = lines + n * 2 * row->shape.in_c + c;
    double v = (double)x * (double)line[0] + (double)line[row->shape.in_c];
    return row->silu ? v / (1 + exp(-v)) : v;
}

/* One output, in double. */
static double exact(const ConvRow *row, const float *lines, const float *x, const float *w, int64_t n, int64_t oy,
                    int64_t ox, int64_t k)
{
    const ConvShape *s = &row->shape;
    int64_t channels = s->in_c / s->groups, group = k / (s->out_c / s->groups);
    double sum = 0;
    for (int64_t r = 0; r < s->kernel_h; r++)
        for (int64_t t = 0; t < s->kernel_w; t++) {
            int64_t iy = oy * s->stride_h + r * s->dilation_h - s->pad_top,
                    ix = ox * s->stride_w + t * s->dilation_w - s->pad_left;
            if (iy < 0 || iy >= s->in_h || ix < 0 || ix >= s->in_w)
                continue;
            for (int64_t c = 0; c < channels; c++)
                sum += loaded(row, lines, n, group * channels + c,
                              x[((n * s->in_h + iy) * s->in_w + ix) * s->in_c + group * channels + c])
                    * (double)w[((k * channels + c) * s->kernel_h + r) * s->kernel_w + t];
        }
    return sum;
}

/* Relative root mean square of y against the loop; floats of y outside the output's channels must be `outside`. */
static double distance(const ConvRow *row, const float *y, const float *x, const float *w, const float *bias,
                       const float *lines, const float *added, float outside)
{
    const ConvShape *s = &row->shape;
    double error = 0, norm = 0;
    for (int64_t pixel = 0; pixel < s->batch * s->out_h * s->out_w; pixel++, y += s->out_c + row->extra_y) {
        int64_t n = pixel / (s->out_h * s->out_w), oy = pixel / s->out_w % s->out_h, ox = pixel % s->out_w;
        for (int64_t k = 0; k < s->out_c; k++) {
            double want = exact(row, lines, x, w, n, oy, ox, k) + (bias ? (double)bias[k] : 0)
                          + (added ? (double)added[pixel * s->out_c + k] : 0);
            error += ((double)y[k] - want) * ((double)y[k] - want);
            norm += want * want;
        }
        for (int64_t k = s->out_c; k < s->out_c + row->extra_y; k++)
            assert_true(y[k] == outside);
    }
    return sqrt(error / norm);
}

static void run_row(const ConvRow *row, SdcContext *c, float *y, const float *x, const float *w, const float *bias,
                    float *scratch, const float *lines)
{
    if (row->run)
        row->run(c, y, x, w, bias, y);
    else if (row->run_normalised)
        row->run_normalised(c, y, x, w, bias, lines, y);
    else if (row->run_winograd)
        row->run_winograd(c, y, x, w, bias, scratch, y);
    else
        row->run_normalised_winograd(c, y, x, w, bias, scratch, lines, y);
}

static void check_row(const ConvRow *row)
{
    enum { SCRATCH = 1 << 22 };
    const ConvShape *s = &row->shape;
    int64_t pixels = s->batch * s->out_h * s->out_w, depth = s->in_c / s->groups * s->kernel_h * s->kernel_w;
    size_t y_bytes = (size_t)(pixels * (s->out_c + row->extra_y)) * sizeof(float);
    float *x = random_floats(s->batch * s->in_h * s->in_w * s->in_c),
          *w = random_floats(s->out_c * depth);
    float *bias = random_floats(s->out_c), *lines = random_floats(s->batch * 2 * s->in_c),
          *added = random_floats(pixels * s->out_c);
    const int64_t floats = row->transformed ? pack_winograd_floats(s, row->outputs, SDC_VL) : pack_conv_bytes(s, SDC_VL, 1);
    float *packed = malloc((size_t)floats * sizeof *packed), *y = malloc(y_bytes), *first = malloc(y_bytes);
    float *scratch = aligned_alloc(64, SCRATCH * sizeof *scratch);
    ConvPlan plan = conv_plan(s, SDC_VL, false);
    assert_true(conv_is_depthwise(s) || plan.chunk == row->chunk);
    if (row->transformed)
        pack_winograd(packed, w, s, row->outputs, SDC_VL);
    else
        pack_conv(packed, w, s, SDC_VL, sizeof *w);
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        for (size_t i = 0; i < y_bytes / sizeof *y; i++)
            y[i] = 7.0f;
        if (row->finish)
            memcpy(y, added, y_bytes);
        for (int64_t i = 0; i < SCRATCH; i++)
            scratch[i] = NAN;
        run_row(row, &c, y, x, packed, row->has_bias ? bias : NULL, scratch, lines);
        sdc_pool_destroy(c.pool);
        if (threads == 1)
            memcpy(first, y, y_bytes);
        assert_memory_equal(first, y, y_bytes);
    }
    double rms = distance(row, y, x, w, row->has_bias ? bias : NULL, lines, row->finish ? added : NULL, 7.0f);
    print_message("%-20s relative rms %.2e\n", row->name, rms);
    assert_true(rms <= (row->outputs == 4 ? 2 : 1) * 2e-7 * sqrt((double)depth / 16 + 1));
    free(scratch), free(x), free(w), free(bias), free(lines), free(added), free(packed), free(y), free(first);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(rows[i]);
}

/* What the compiler stores is what a kernel of this width makes, bit for bit. */
static void test_transformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const ConvShape *s = &rows[i]->shape;
        const int64_t outputs = rows[i]->outputs, positions = (outputs + 2) * (outputs + 2);
        if (!outputs)
            continue;
        const int64_t floats = pack_winograd_floats(s, outputs, SDC_VL);
        float *w = random_floats(s->out_c * s->in_c * 9), *packed = malloc((size_t)pack_conv_bytes(s, SDC_VL, sizeof *w));
        float *stored = malloc((size_t)floats * sizeof *stored), *made = malloc((size_t)floats * sizeof *made);
        float *from = packed, *to = made;
        pack_conv(packed, w, s, SDC_VL, sizeof *w);
        pack_winograd(stored, w, s, outputs, SDC_VL);
        for (int64_t panel = 0; panel < sdc_panels(s->out_c); panel++)
            for (int64_t c = 0, count; c < s->in_c; c += rows[i]->chunk, from += 9 * count, to += positions * count) {
                count = sdc_min(rows[i]->chunk, s->in_c - c)
                        * (sdc_panel_begin(panel + 1, s->out_c) - sdc_panel_begin(panel, s->out_c)) * SDC_VL;
                if (outputs == 4)
                    sdc_winograd_weights(4, to, count, from, count);
                else
                    sdc_winograd_weights(2, to, count, from, count);
            }
        assert_int_equal(to - made, floats);
        assert_memory_equal(stored, made, (size_t)floats * sizeof *made);
        free(w), free(packed), free(stored), free(made);
    }
}

/* Whatever the shape, the cut must stay within what pool.h promises of a thread's stack. */
static void test_plans(void **state)
{
    (void)state;
    static const int vls[] = {4, 8, 16};
    for (int64_t side = 1; side <= 1024; side *= 2)
        for (int64_t channels = 3; channels <= 2560; channels *= 3)
            for (int64_t kernel = 1; kernel <= 31; kernel += 3)
                for (int64_t stride = 1; stride <= 2; stride++)
                    for (int i = 0; i < 6; i++) {
                        int64_t out = (side + stride - 1) / stride;
                        ConvShape s = {1, side, side, channels, out, out, channels, kernel, kernel, stride, stride,
                                       kernel / 2, kernel / 2, 1, 1, 1, 0};
                        const bool normalises = i >= 3;
                        ConvPlan p = conv_plan(&s, vls[i % 3], normalises);
                        assert_true(p.block_h >= 1 && p.block_w >= 1 && p.block_h * p.block_w <= (normalises ? 256 : 64)
                                    && p.unit_panels >= 1);
                        assert_true(p.chunk >= 1 && p.chunk <= 64 && p.stack_bytes <= (normalises ? 176 : 160) * 1024);
                    }
}

int main(void)
{
    skip_unless_cpu_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_transformed), cmocka_unit_test(test_plans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
