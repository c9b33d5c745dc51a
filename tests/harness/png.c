/* png.c: a PNG file's own samples, by libpng alone: what the runtime's reader would turn into something else. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

uint16_t *read_png(const char *path, PngHead *head)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    FILE *file = fopen(path, "rb");
    if (!file || setjmp(png_jmpbuf(png))) {
        printf("%s: can not be read\n", path);
        exit(1);
    }
    png_init_io(png, file);
    png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    *head = (PngHead){(int)png_get_image_width(png, info), (int)png_get_image_height(png, info),
                      png_get_channels(png, info), png_get_bit_depth(png, info)};
    const size_t row = (size_t)head->width * (size_t)head->channels;
    uint16_t *samples = malloc((size_t)head->height * row * sizeof *samples);
    png_bytepp rows = png_get_rows(png, info);
    for (size_t y = 0; y < (size_t)head->height; y++)
        for (size_t x = 0; x < row; x++)
            samples[y * row + x] = head->bits == 16 ? (uint16_t)(rows[y][2 * x] << 8 | rows[y][2 * x + 1]) : rows[y][x];
    png_destroy_read_struct(&png, &info, NULL);
    fclose(file);
    return samples;
}

int64_t samples_off(const uint16_t *samples, const PngHead *head, const float *picture)
{
    const int64_t n = (int64_t)head->width * head->height, channels = head->channels;
    const double top = head->bits == 16 ? 65535 : 255, tie = 0.5 + 1e-7 * top;     /* sums of float are rounded */
    int64_t off = 0;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < n; i++) {
            const double v = fmin(fmax((double)picture[c * n + i] / 2 + 0.5, 0), 1) * top;
            off += !(fabs(samples[channels * i + c] - v) <= tie);
        }
    return off;
}

bool is_deeper(const char *deep, const char *plain)
{
    PngHead a, b;
    uint16_t *fine = read_png(deep, &a), *coarse = read_png(plain, &b);
    const size_t n = (size_t)a.width * (size_t)a.height * (size_t)a.channels;
    bool same = a.width == b.width && a.height == b.height && a.channels == b.channels && a.bits == 16 && b.bits == 8;
    size_t between = 0;
    for (size_t i = 0; same && i < n; i++) {
        same = abs(fine[i] - 257 * coarse[i]) <= 129;
        between += fine[i] != 257 * coarse[i];
    }
    free(fine);
    free(coarse);
    return same && between > 0;
}
