/* image_resize.c: Pillow's Image.resize() for 8-bit samples and for floats, bit for bit; the contract is in image.h.
 *
 * A filter is widened by the factor that the axis shrinks by.  Its weights sum to 1 and are rounded to 22 bits of
 * fraction; one axis after the other is filtered, and rounded to 8 bits in between: the width first but where the
 * height loses more than twice as many points (Pillow 13; older ones take the width first always).  Floats have exact
 * weights, and are rounded to float in between. */
#include "image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

enum { PRECISION = 32 - 8 - 2 };

/* ---- filters ---------------------------------------------------------------------------------------------------- */

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double hamming(double x)
{
    x = fabs(x);
    if (x == 0 || x >= 1)
        return x == 0 ? 1 : 0;
    x *= M_PI;
    return sin(x) / x * (0.54f + 0.46f * cos(x));       /* floats, as in Pillow */
}

static double bicubic(double x)
{
    static const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(x * M_PI) / (x * M_PI);
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct { double (*weight)(double x); double support; } filters[SDC_RESAMPLES] = {
    [SDC_LANCZOS] = {lanczos, 3}, [SDC_BILINEAR] = {bilinear, 1}, [SDC_BICUBIC] = {bicubic, 2},
    [SDC_BOX] = {box, 0.5}, [SDC_HAMMING] = {hamming, 1}};

/* ---- windows ---------------------------------------------------------------------------------------------------- */

/* Point i of an axis is made of `count` points from `first` on, with weights[i * room ...], or exact[i * room ...]. */
typedef struct { int first, count; } Window;
typedef struct { Window *windows; int32_t *weights; double *exact; int room; } Axis;

static void find_window(Axis *axis, int i, double ratio, int from, SdcResample filter)
{
    const size_t place = (size_t)i * (size_t)axis->room;
    double *exact = axis->exact + place;
    double widen = ratio < 1 ? 1 : ratio, support = filters[filter].support * widen, total = 0;
    double centre = (i + 0.5) * ratio, narrow = 1 / widen;
    int low = (int)(centre - support + 0.5), high = (int)(centre + support + 0.5);
    low = low < 0 ? 0 : low;
    high = high > from ? from : high;
    for (int k = low; k < high; k++)
        total += exact[k - low] = filters[filter].weight((k - centre + 0.5) * narrow);
    for (int k = 0; k < high - low; k++) {
        exact[k] = total != 0 ? exact[k] / total : exact[k];
        axis->weights[place + (size_t)k] = (int32_t)(exact[k] * (1 << PRECISION) + (exact[k] < 0 ? -0.5 : 0.5));
    }
    axis->windows[i] = (Window){low, high - low};
}

/* false when out of memory. */
static bool open_axis(Axis *axis, int from, int to, SdcResample filter)
{
    double ratio = (double)from / to;
    axis->room = (int)ceil(filters[filter].support * (ratio < 1 ? 1 : ratio)) * 2 + 1;
    axis->windows = malloc((size_t)to * sizeof *axis->windows);
    axis->weights = malloc((size_t)to * (size_t)axis->room * sizeof *axis->weights);
    axis->exact = malloc((size_t)to * (size_t)axis->room * sizeof *axis->exact);
    bool done = axis->windows && axis->weights && axis->exact;
    for (int i = 0; done && i < to; i++)
        find_window(axis, i, ratio, from, filter);
    return done;
}

static void close_axis(Axis *axis)
{
    free(axis->windows);
    free(axis->weights);
    free(axis->exact);
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

static uint8_t rounded(int32_t sum)
{
    int32_t v = sum >> PRECISION;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* in [height][from][channels] -> out [height][to][channels] */
static void filter_rows(const uint8_t *in, int from, uint8_t *out, int to, int height, int channels, const Axis *axis)
{
    for (int y = 0; y < height; y++, in += (size_t)from * (size_t)channels)
        for (int x = 0; x < to; x++) {
            Window w = axis->windows[x];
            const int32_t *weights = axis->weights + (size_t)x * (size_t)axis->room;
            const uint8_t *first = in + (size_t)w.first * (size_t)channels;
            for (int c = 0; c < channels; c++) {
                int32_t sum = 1 << (PRECISION - 1);
                for (int k = 0; k < w.count; k++)
                    sum += first[k * channels + c] * weights[k];
                *out++ = rounded(sum);
            }
        }
}

/* in [from][row] -> out [to][row]; sums [row] */
static void filter_columns(const uint8_t *in, uint8_t *out, int to, size_t row, int32_t *sums, const Axis *axis)
{
    for (int y = 0; y < to; y++, out += row) {
        Window w = axis->windows[y];
        for (size_t i = 0; i < row; i++)
            sums[i] = 1 << (PRECISION - 1);
        for (int k = 0; k < w.count; k++) {
            const uint8_t *line = in + (size_t)(w.first + k) * row;
            int32_t weight = axis->weights[(size_t)y * (size_t)axis->room + (size_t)k];
            for (size_t i = 0; i < row; i++)
                sums[i] += line[i] * weight;
        }
        for (size_t i = 0; i < row; i++)
            out[i] = rounded(sums[i]);
    }
}

/* in [outer][from][inner] -> out [outer][to][inner] */
static void filter_floats(const float *in, int from, float *out, int to, size_t outer, size_t inner, const Axis *axis)
{
    for (size_t y = 0; y < outer; y++, in += (size_t)from * inner)
        for (int x = 0; x < to; x++) {
            Window w = axis->windows[x];
            const double *weights = axis->exact + (size_t)x * (size_t)axis->room;
            const float *first = in + (size_t)w.first * inner;
            for (size_t i = 0; i < inner; i++) {
                double sum = 0;
                for (size_t k = 0; k < (size_t)w.count; k++)
                    sum += (double)first[k * inner + i] * weights[k];
                *out++ = (float)sum;
            }
        }
}

/* One of the sizes is what it was. */
static bool filter_deep(SdcImage *image, int width, int height, SdcResample filter)
{
    Axis axis = {0};
    const bool wide = width != image->width;
    const size_t channels = (size_t)image->channels, row = (size_t)width * channels;
    const int from = wide ? image->width : image->height, to = wide ? width : height;
    float *out = malloc((size_t)height * row * sizeof *out);
    bool done = out && open_axis(&axis, from, to, filter);
    if (done) {
        filter_floats(image->floats, from, out, to, wide ? (size_t)height : 1, wide ? channels : row, &axis);
        free(image->floats);
        *image = (SdcImage){width, height, image->channels, NULL, out};
    } else {
        free(out);
    }
    close_axis(&axis);
    return done;
}

static bool filter_width(SdcImage *image, int width, SdcResample filter)
{
    if (image->floats)
        return filter_deep(image, width, image->height, filter);
    Axis axis = {0};
    uint8_t *out = malloc((size_t)image->height * (size_t)width * (size_t)image->channels);
    bool done = out && open_axis(&axis, image->width, width, filter);
    if (done) {
        filter_rows(image->pixels, image->width, out, width, image->height, image->channels, &axis);
        free(image->pixels);
        image->pixels = out;
        image->width = width;
    } else {
        free(out);
    }
    close_axis(&axis);
    return done;
}

static bool filter_height(SdcImage *image, int height, SdcResample filter)
{
    if (image->floats)
        return filter_deep(image, image->width, height, filter);
    Axis axis = {0};
    size_t row = (size_t)image->width * (size_t)image->channels;
    uint8_t *out = malloc((size_t)height * row);
    int32_t *sums = malloc(row * sizeof *sums);
    bool done = out && sums && open_axis(&axis, image->height, height, filter);
    if (done) {
        filter_columns(image->pixels, out, height, row, sums, &axis);
        free(image->pixels);
        image->pixels = out;
        image->height = height;
    } else {
        free(out);
    }
    free(sums);
    close_axis(&axis);
    return done;
}

/* ---- nearest ---------------------------------------------------------------------------------------------------- */

/* Pillow adds up the steps, which rounds otherwise than a product would. */
static void find_nearest(int *at, int from, int to)
{
    double step = (double)from / to, place = step * 0.5;
    for (int i = 0; i < to; i++, place += step)
        at[i] = (int)place < from ? (int)place : from - 1;
}

static bool take_nearest(SdcImage *image, int width, int height)
{
    const size_t pixel = (size_t)image->channels * (image->floats ? sizeof *image->floats : sizeof *image->pixels);
    const size_t row = (size_t)image->width * pixel;
    void *in = image->floats ? (void *)image->floats : image->pixels;
    char *out = malloc((size_t)width * (size_t)height * pixel);
    int *x = malloc((size_t)width * sizeof *x), *y = malloc((size_t)height * sizeof *y);
    bool done = out && x && y;
    if (done) {
        find_nearest(x, image->width, width);
        find_nearest(y, image->height, height);
        for (int j = 0; j < height; j++)
            for (int i = 0; i < width; i++)
                memcpy(out + ((size_t)j * (size_t)width + (size_t)i) * pixel,
                       (char *)in + (size_t)y[j] * row + (size_t)x[i] * pixel, pixel);
        *image = (SdcImage){width, height, image->channels, image->floats ? NULL : (void *)out,
                            image->floats ? (void *)out : NULL};
        free(in);
    } else {
        free(out);
    }
    free(x);
    free(y);
    return done;
}

int sdc_image_resize(SdcImage *image, int width, int height, SdcResample filter)
{
    bool done = true;
    if (filter == SDC_NEAREST) {
        done = (width == image->width && height == image->height) || take_nearest(image, width, height);
    } else {
        int lost = image->height - height;
        if (lost > 0 && lost > 2 * (image->width - width))
            done = filter_height(image, height, filter);
        done = done && (width == image->width || filter_width(image, width, filter));
        done = done && (height == image->height || filter_height(image, height, filter));
    }
    const size_t n = (size_t)width * (size_t)height * (size_t)image->channels;
    for (size_t i = 0; done && image->floats && i < n; i++)
        image->floats[i] = fminf(fmaxf(image->floats[i], 0), 1);
    return done ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}
