/* sd_image.c: pictures for the Stable Diffusion driver: read, resized, rounded, described. */
#define _GNU_SOURCE 1
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

/* ---- resizing --------------------------------------------------------------------------------------------------- */

/* sinc(x) sinc(x / 3), the window that PIL calls LANCZOS. */
static double lanczos(double x)
{
    if (fabs(x) >= 3)
        return 0;
    if (x == 0)
        return 1;
    double a = M_PI * x;
    return 3 * sin(a) * sin(a / 3) / (a * a);
}

/* Along one axis: points are `step` apart, lines of them `pitch`; a point has 3 channels. */
typedef struct { int64_t n, step, pitch; } Axis;

/* The points [low, high) of `from` that make point i of `to`, and their weights, which sum to 1. */
typedef struct { int64_t low, high; double *weights; } Window;

static void find_window(Window *w, int64_t from, int64_t to, int64_t i)
{
    double ratio = (double)from / (double)to, centre = ((double)i + 0.5) * ratio;
    double widen = ratio > 1 ? ratio : 1, total = 0;
    w->low = (int64_t)fmax(0, floor(centre - 3 * widen + 0.5));
    w->high = (int64_t)fmin((double)from, floor(centre + 3 * widen + 0.5));
    for (int64_t k = w->low; k < w->high; k++)
        total += w->weights[k] = lanczos(((double)k + 0.5 - centre) / widen);
    for (int64_t k = w->low; k < w->high; k++)
        w->weights[k] /= total;
}

/* One axis; results are whole numbers from 0 to 255, as PIL has them between its two passes as well. */
static void resample(const float *in, Axis from, float *out, Axis to, int64_t lines, double *weights)
{
    Window w = {.weights = weights};
    for (int64_t i = 0; i < to.n; i++) {
        find_window(&w, from.n, to.n, i);
        for (int64_t line = 0; line < lines; line++)
            for (int64_t c = 0; c < 3; c++) {
                double sum = 0;
                for (int64_t k = w.low; k < w.high; k++)
                    sum += weights[k] * (double)in[line * from.pitch + k * from.step + c];
                out[line * to.pitch + i * to.step + c] = (float)fmin(fmax(rint(sum), 0), 255);
            }
    }
}

static void resize(const float *full, int64_t height, int64_t width, float *narrow, float *done, int64_t to_height,
                   int64_t to_width, double *weights)
{
    resample(full, (Axis){width, 3, 3 * width}, narrow, (Axis){to_width, 3, 3 * to_width}, height, weights);
    resample(narrow, (Axis){height, 3 * to_width, 3}, done, (Axis){to_height, 3 * to_width, 3}, to_width, weights);
}

int sd_image_resize(const uint8_t *from, int64_t height, int64_t width, int64_t to_height, int64_t to_width,
                    uint8_t **to)
{
    float *full = NULL, *narrow = NULL, *done = NULL;
    int64_t n = to_height * to_width * 3;
    double *weights = malloc((size_t)(height + width) * sizeof *weights);
    *to = malloc((size_t)n);
    int code = weights && *to ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code && !(code = pipeline_floats(&full, height * width * 3)) &&
        !(code = pipeline_floats(&narrow, height * to_width * 3)) && !(code = pipeline_floats(&done, n))) {
        for (int64_t i = 0; i < height * width * 3; i++)
            full[i] = from[i];
        resize(full, height, width, narrow, done, to_height, to_width, weights);
        for (int64_t i = 0; i < n; i++)
            (*to)[i] = (uint8_t)done[i];
    }
    free(full);
    free(narrow);
    free(done);
    free(weights);
    return code;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && !strcasecmp(path + n - m, suffix);
}

static int read_floats(const char *path, int64_t height, int64_t width, float *picture)
{
    SdcArray a = {0};
    int64_t n = 3 * height * width;
    int code = sdc_array_read(&a, path, "image");
    if (code)
        return code;
    bool fits = a.dtype == DT_F32 && a.count == n && a.rank >= 3 && a.dim[a.rank - 3] == 3 &&
                a.dim[a.rank - 2] == height;
    if (fits)
        memcpy(picture, a.data, (size_t)n * sizeof *picture);
    else
        code = sdc_error(SDC_BAD_INPUT, "%s: not float32 [1,3,%lld,%lld]", path, (long long)height, (long long)width);
    sdc_array_free(&a);
    return code;
}

static int read_png(const char *path, int64_t height, int64_t width, float *picture)
{
    uint8_t *rgb, *fitting = NULL;
    int given_width, given_height;
    int code = sdc_png_read(path, &rgb, &given_width, &given_height);
    if (code)
        return code;
    if (given_width != width || given_height != height) {
        code = sd_image_resize(rgb, given_height, given_width, height, width, &fitting);
        free(rgb);
        rgb = fitting;
    }
    for (int64_t i = 0; !code && i < height * width; i++)
        for (int64_t c = 0; c < 3; c++)
            picture[c * height * width + i] = 2 * ((float)rgb[3 * i + c] / 255) - 1;
    free(rgb);
    return code;
}

int sd_image_read(const char *path, int64_t height, int64_t width, float **picture)
{
    bool array = ends_in(path, ".npy") || ends_in(path, ".npz") || strstr(path, ".npz:");
    int code = pipeline_floats(picture, 3 * height * width);
    if (!code)
        code = (array ? read_floats : read_png)(path, height, width, *picture);
    return code;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

void sd_image_bytes(const float *picture, int64_t height, int64_t width, uint8_t *rgb)
{
    int64_t n = height * width;
    for (int64_t c = 0; c < 3; c++)
        for (int64_t i = 0; i < n; i++) {
            float v = picture[c * n + i] / 2 + 0.5f;
            v = v > 0 ? (v < 1 ? v : 1) : 0;            /* NaN becomes black */
            rgb[3 * i + c] = (uint8_t)rintf(v * 255);
        }
}

/* "EulerAncestralDiscreteScheduler" -> "EulerAncestralDiscrete" unless a name was asked for. */
static int sampler(const Sd *sd, const char **name)
{
    *name = sd->options->scheduler ? sd->options->scheduler : sd->config.class->name;
    size_t n = strlen(*name), suffix = strlen("Scheduler");
    bool cut = n > suffix && !strcmp(*name + n - suffix, "Scheduler");
    return (int)(cut ? n - suffix : n);
}

char *sd_parameters(const Sd *sd, int64_t k)
{
    const SdOptions *o = sd->options;
    const char *name;
    char *text = NULL, strength[64] = "", batch[96] = "";
    int name_bytes = sampler(sd, &name);
    bool negative = sd->guided && *o->negative;
    if (sd->picture)
        snprintf(strength, sizeof strength, ", Denoising strength: %g", o->strength);
    if (o->count > 1)
        snprintf(batch, sizeof batch, ", Batch size: %lld, Batch pos: %lld", (long long)o->count, (long long)k);
    char *more = sd_more_parameters(o);
    int n = !more ? -1 : asprintf(&text, "%s%s%s\nSteps: %lld, Sampler: %.*s, CFG scale: %g, Seed: %llu, Size: %lldx%lld, "
                     "Model hash: %010llx, Model: %s%s%s%s%s, RNG: CPU, Version: sdc %s",
                     o->prompt, negative ? "\nNegative prompt: " : "", negative ? o->negative : "", (long long)o->steps,
                     name_bytes, name, o->guidance, (unsigned long long)o->seed, (long long)sd->picture_width,
                     (long long)sd->picture_height, (unsigned long long)(sdc_self_hash() >> 24), sdc_model.name,
                     strength, batch, o->latents ? ", Latents: given" : "", more, sdc_model.version);
    free(more);
    return n < 0 ? NULL : text;
}
