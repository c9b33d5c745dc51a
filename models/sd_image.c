/* sd_image.c: pictures for the Stable Diffusion driver: read, resized, rounded, described. */
#define _GNU_SOURCE 1
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/image.h"
#include "pipeline.h"
#include "sd.h"

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static int read_floats(const char *path, int64_t height, int64_t width, float *picture)
{
    return pipeline_array(path, "image", (const int64_t[]){1, 3, height, width}, picture);
}

static int read_picture(const char *path, int64_t height, int64_t width, float *picture)
{
    SdcImage image;
    int code = sdc_image_read_deep(&image, path, 3);
    if (!code)
        code = sdc_image_resize(&image, (int)width, (int)height, SDC_LANCZOS);
    for (int64_t i = 0; !code && i < height * width; i++)
        for (int64_t c = 0; c < 3; c++)
            picture[c * height * width + i] = 2 * sdc_image_value(&image, 3 * i + c) - 1;
    sdc_image_free(&image);
    return code;
}

int sd_image_read(const char *path, int64_t height, int64_t width, float **picture)
{
    int code = pipeline_floats(picture, 3 * height * width);
    if (!code)
        code = (pipeline_is_array(path) ? read_floats : read_picture)(path, height, width, *picture);
    return code;
}

/* ---- planes ----------------------------------------------------------------------------------------------------- */

/* Pixel i as Pillow's convert("L"), in diffusers' order: behind resizing; of 16 bits the same sum, not rounded. */
static float grey(const SdcImage *image, int64_t i)
{
    if (image->floats) {
        const float *f = image->floats + 3 * i;
        return (float)(((double)f[0] * 19595 + (double)f[1] * 38470 + (double)f[2] * 7471) / 65536);
    }
    const uint8_t *rgb = image->pixels + 3 * i;
    return (float)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16) / 255;
}

static int read_grey(const char *path, int64_t *height, int64_t *width, float **plane)
{
    SdcImage image;
    int code = sdc_image_read_deep(&image, path, 3);
    if (!code && *height)
        code = sdc_image_resize(&image, (int)*width, (int)*height, SDC_LANCZOS);
    *height = image.height;
    *width = image.width;
    if (!code)
        code = pipeline_floats(plane, *height * *width);
    for (int64_t i = 0; !code && i < *height * *width; i++)
        (*plane)[i] = grey(&image, i);
    sdc_image_free(&image);
    return code;
}

static int read_array(const char *path, int64_t *height, int64_t *width, float **plane)
{
    SdcArray a = {0};
    int code = sdc_array_read(&a, path, "image");
    if (code)
        return code;
    int64_t h = a.rank >= 2 ? a.dim[a.rank - 2] : 0, w = a.rank >= 2 ? a.dim[a.rank - 1] : 0;
    bool fits = a.dtype == DT_F32 && a.count > 0 && h <= 32768 && w <= 32768 && a.count == h * w &&
                (!*height || (h == *height && w == *width));
    if (!fits)
        code = *height ? sdc_error(SDC_BAD_INPUT, "%s: not float32 [1,1,%lld,%lld]", path, (long long)*height,
                                   (long long)*width)
                       : sdc_error(SDC_BAD_INPUT, "%s: not float32 [1,1,H,W]", path);
    else if (!(code = pipeline_floats(plane, a.count)))
        memcpy(*plane, a.data, (size_t)a.count * sizeof **plane);
    *height = h;
    *width = w;
    sdc_array_free(&a);
    return code;
}

int sd_plane_read(const char *path, int64_t *height, int64_t *width, float **plane)
{
    return (pipeline_is_array(path) ? read_array : read_grey)(path, height, width, plane);
}

/* ---- what was drawn, in words --------------------------------------------------------------------------------- */

/* What is written only where there is more than one picture, a picture to start from, or a second network. */
static void write_circumstances(FILE *out, const Sd *sd, int64_t k)
{
    const SdOptions *o = sd->options;
    if (sd->picture || !isnan(o->strength))
        fprintf(out, ", Denoising strength: %g", sd_strength(o));
    if (sd->family->takes & SD_NOISE_LEVEL)
        fprintf(out, ", Noise level: %d", sd_noise_level(sd));
    if (o->count > 1)
        fprintf(out, ", Batch size: %lld", (long long)o->count);
    if (o->count > 1 && !o->grid)
        fprintf(out, ", Batch pos: %lld", (long long)k);
    if (sd->refiner || !isnan(o->xl.refine_at))
        fprintf(out, ", Refiner switch at: %g", sd_xl_refine_at(sd));
}

char *sd_parameters(const Sd *sd, int64_t k)
{
    const SdOptions *o = sd->options;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    fputs(o->prompt, out);
    /* SDXL tells an empty negative prompt from none. */
    if (sd->guided && (*o->negative || (sd->family->xl && o->negative_given)))
        fprintf(out, "\nNegative prompt: %s", o->negative);
    fprintf(out, "\nSteps: %lld", (long long)o->steps);
    driver_record_sampler(out, o->scheduler, sd->config.class->name);
    fprintf(out, ", CFG scale: %g, Seed: %llu, Size: %lldx%lld", o->guidance, (unsigned long long)o->seed,
            (long long)sd->picture_width, (long long)sd->picture_height);
    driver_record_model(out);
    write_circumstances(out, sd, k);
    driver_record_fields(out, o->scheduler);
    sd_options_record(out, o);
    fprintf(out, ", RNG: CPU, Version: sdc %s", sdc_model.version);
    return fclose(out) ? NULL : text;
}
