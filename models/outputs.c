/* outputs.c: see outputs.h. */
#define _GNU_SOURCE 1
#include "outputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files ------------------------------------------------------------------------------------------------------ */

static int out_of_memory(void)
{
    return sdc_error(SDC_NO_SPACE, "out of memory");
}

/* "dir/a.png" with `text` behind "dir/a"; malloc'd. */
static char *named_after(const char *output, const char *text)
{
    const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output, *dot = strrchr(name, '.');
    const char *end = dot && dot > name ? dot : output + strlen(output);
    char *path = NULL;
    return asprintf(&path, "%.*s%s%s", (int)(end - output), output, text, end) < 0 ? NULL : path;
}

char *outputs_numbered(const char *output, int64_t k, int64_t count)
{
    char number[32] = "";
    if (count > 1)
        snprintf(number, sizeof number, "-%lld", (long long)k + 1);
    return named_after(output, number);
}

int outputs_check_picture(const char *path)
{
    static const char *const others[] = {".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".npy", ".npz"};
    const char *dot = strrchr(path, '.');
    for (size_t k = 0; dot && k < sizeof others / sizeof *others; k++)
        if (!strcasecmp(dot, others[k]))
            return sdc_error(SDC_USAGE, "%s: pictures are written as PNG; let its name end in .png", path);
    return sdc_output_check(path);
}

int outputs_begin(Outputs *out, const char *output, int64_t count, int64_t others)
{
    *out = (Outputs){.count = count, .room = count + others, .output = output};
    out->files = calloc((size_t)out->room, sizeof *out->files);
    out->paths = calloc((size_t)count, sizeof *out->paths);
    int code = out->files && out->paths ? SDC_OK : out_of_memory();
    for (int64_t k = 0; !code && k < count; k++) {
        out->paths[k] = outputs_numbered(output, k, count);
        code = out->paths[k] ? outputs_check_picture(out->paths[k]) : out_of_memory();
    }
    return code;
}

int outputs_check(const char *path)
{
    return path ? sdc_output_check(path) : SDC_OK;
}

int outputs_open(Outputs *out, const char *path, SdcOutput **file)
{
    if (out->n == out->room)
        return sdc_error(SDC_BUG, "%s: more files than were announced", path);
    *file = &out->files[out->n];
    int code = sdc_output_open(*file, path, 0666);
    out->n += !code;
    return code;
}

int outputs_arrays(Outputs *out, const char *path, const SdcArray *const *arrays, int n)
{
    SdcOutput *file;
    int code = outputs_open(out, path, &file);
    return code ? code : sdc_arrays_emit(file, arrays, n, sdc_path_ends(path, ".npz"));
}

static void forget_preview(Outputs *out)
{
    if (out->preview)
        unlink(out->preview);
    sdc_output_fleeting(NULL);
    free(out->preview);
    out->preview = NULL;
}

int outputs_commit(Outputs *out)
{
    int code = SDC_OK;
    for (int64_t i = 0; !code && i < out->n; i++)
        code = sdc_output_sync(&out->files[i]);
    for (int64_t i = 0; !code && i < out->n; i++)
        code = sdc_output_commit(&out->files[i]);
    for (int64_t k = 0; !code && k < out->count; k++)
        puts(out->paths[k]);
    return code;
}

void outputs_end(Outputs *out)
{
    forget_preview(out);
    for (int64_t i = 0; i < out->n; i++)
        sdc_output_discard(&out->files[i]);
    for (int64_t k = 0; out->paths && k < out->count; k++)
        free(out->paths[k]);
    free(out->paths);
    free(out->files);
}

SdcArray outputs_view(const char *name, DType dtype, void *data, int rank, const int64_t *dim)
{
    SdcArray a = {.dtype = dtype, .rank = rank, .count = 1, .data = data, .name = (char *)(uintptr_t)name};
    for (int i = 0; i < rank; i++)
        a.count *= a.dim[i] = dim[i];
    return a;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

void picture_put(SdcPng *picture, int64_t i, float v)
{
    uint8_t *sample = picture->samples + i * picture->bits / 8;
    v = v > 0 ? (v < 1 ? v : 1) : 0;
    const unsigned rounded = (unsigned)rintf(v * (float)((1 << picture->bits) - 1));
    if (picture->bits == 16)
        *sample++ = (uint8_t)(rounded >> 8);
    *sample = (uint8_t)rounded;
}

void picture_quantise(const float *floats, SdcPng *picture)
{
    const int64_t n = (int64_t)picture->height * picture->width, channels = picture->channels;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < n; i++)
            picture_put(picture, channels * i + c, floats[c * n + i] / 2 + 0.5f);
}

void picture_check(const char *path, const float *picture, int64_t n)
{
    int64_t unknown = 0;
    for (int64_t i = 0; i < n; i++)
        unknown += isnan(picture[i]);
    if (unknown)
        sdc_error(0, "warning: %s: %lld of %lld values are NaN and drawn black; a --dtype of larger range, bf16 or f32, "
                  "may help", path, (long long)unknown, (long long)n);
}

int picture_grid(const float *pictures, int64_t count, const SdcPng *one, int64_t columns, SdcPng *grid)
{
    if (!columns)
        columns = (int64_t)ceil(sqrt((double)count));
    columns = columns < count ? columns : count;
    const int64_t rows = (count + columns - 1) / columns, height = one->height, width = one->width;
    const int64_t row = width * one->channels * (one->bits / 8), line = columns * row;
    *grid = *one;
    grid->samples = NULL;
    if (columns * width > 1 << 16 || rows * height > 1 << 16)
        return sdc_error(SDC_USAGE, "a grid of %lld x %lld pixels is too large", (long long)(columns * width),
                         (long long)(rows * height));
    grid->width = (int)(columns * width);
    grid->height = (int)(rows * height);
    grid->samples = calloc((size_t)(rows * height), (size_t)line);
    SdcPng next = *one;
    next.samples = malloc((size_t)(height * row));
    if (!grid->samples || !next.samples) {
        free(next.samples);
        return out_of_memory();
    }
    for (int64_t k = 0; k < count; k++) {
        picture_quantise(pictures + k * one->channels * height * width, &next);
        uint8_t *to = grid->samples + k / columns * height * line + k % columns * row;
        for (int64_t y = 0; y < height; y++)
            memcpy(to + y * line, next.samples + y * row, (size_t)row);
    }
    free(next.samples);
    return SDC_OK;
}

int outputs_picture(Outputs *out, int64_t k, const SdcPng *p, const SdcText *texts)
{
    SdcOutput *file;
    int code = outputs_open(out, out->paths[k], &file);
    return code ? code : sdc_png_emit(file, p, texts);
}

int outputs_preview(Outputs *out, const SdcPng *p)
{
    SdcOutput file;
    if (!out->preview && !(out->preview = named_after(out->output, ".preview")))
        return out_of_memory();
    int code = sdc_output_open(&file, out->preview, 0666);
    if (code)
        return code;
    sdc_output_fleeting(out->preview);
    code = sdc_png_emit(&file, p, NULL);
    if (!code)
        return sdc_output_commit(&file);
    sdc_output_discard(&file);
    return code;
}
