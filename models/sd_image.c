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
    int code = sdc_image_read(&image, path, 3);
    if (!code)
        code = sdc_image_resize(&image, (int)width, (int)height, SDC_LANCZOS);
    for (int64_t i = 0; !code && i < height * width; i++)
        for (int64_t c = 0; c < 3; c++)
            picture[c * height * width + i] = 2 * ((float)image.pixels[3 * i + c] / 255) - 1;
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

/* As Pillow's convert("L"), in diffusers' order: behind resizing. */
static float grey(const uint8_t *rgb)
{
    return (float)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16) / 255;
}

static int read_grey(const char *path, int64_t *height, int64_t *width, float **plane)
{
    SdcImage image;
    int code = sdc_image_read(&image, path, 3);
    if (!code && *height)
        code = sdc_image_resize(&image, (int)*width, (int)*height, SDC_LANCZOS);
    *height = image.height;
    *width = image.width;
    if (!code)
        code = pipeline_floats(plane, *height * *width);
    for (int64_t i = 0; !code && i < *height * *width; i++)
        (*plane)[i] = grey(image.pixels + 3 * i);
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

/* "EulerAncestralDiscreteScheduler" -> "EulerAncestralDiscrete" unless a name was asked for. */
static int sampler(const Sd *sd, const char **name)
{
    *name = sd->options->scheduler ? sd->options->scheduler : sd->config.class->name;
    size_t n = strlen(*name), suffix = strlen("Scheduler");
    bool cut = n > suffix && !strcmp(*name + n - suffix, "Scheduler");
    return (int)(cut ? n - suffix : n);
}

/* Behind the last slash of path[bytes]. */
static const char *file_name(const char *path, size_t bytes)
{
    const char *slash = memrchr(path, '/', bytes);
    return slash ? slash + 1 : path;
}

/* What is not always there; malloc'd, or NULL. */
static char *more_parameters(const SdOptions *o)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    if (o->clip_skip > 1)
        fprintf(out, ", Clip skip: %lld", (long long)o->clip_skip);
    for (int k = 0; k < o->loras.n; k++) {
        double scale;
        const size_t path = sdc_lora_split(o->loras.text[k], &scale);
        const char *name = file_name(o->loras.text[k], path);
        fprintf(out, ", Lora: %.*s:%g", (int)(o->loras.text[k] + path - name), name, scale);
    }
    for (int k = 0; k < o->n_words; k++)
        fprintf(out, ", Embedding: %s", file_name(o->words[k], strlen(o->words[k])));
    if (o->init_image)
        fprintf(out, ", Init image: %s", file_name(o->init_image, strlen(o->init_image)));
    if (o->long_prompts)
        fputs(", Long prompts: yes", out);
    if (!o->weighting)
        fputs(", Prompt weights: none", out);
    return fclose(out) ? NULL : text;
}

char *sd_parameters(const Sd *sd, int64_t k)
{
    const SdOptions *o = sd->options;
    const char *name;
    char *text = NULL, strength[64] = "", batch[96] = "", refined[64] = "";
    int name_bytes = sampler(sd, &name);
    bool negative = sd->guided && *o->negative;
    if (sd->picture)
        snprintf(strength, sizeof strength, ", Denoising strength: %g%s", sd_strength(o),
                 o->mask ? ", Mask: given" : "");
    else if (sd->family->takes & SD_NOISE_LEVEL)
        snprintf(strength, sizeof strength, ", Noise level: %d", sd_noise_level(sd));
    if (o->count > 1)
        snprintf(batch, sizeof batch, ", Batch size: %lld, Batch pos: %lld", (long long)o->count, (long long)k);
    if (sd->refiner)
        snprintf(refined, sizeof refined, ", Refiner switch at: %g", sd_xl_refine_at(sd));
    char *more = more_parameters(o);
    int n = !more ? -1 : asprintf(&text, "%s%s%s\nSteps: %lld, Sampler: %.*s, CFG scale: %g, Seed: %llu, Size: "
                                  "%lldx%lld, Model hash: %010llx, Model: %s%s%s%s%s%s, RNG: CPU, Version: sdc %s",
                     o->prompt, negative ? "\nNegative prompt: " : "", negative ? o->negative : "", (long long)o->steps,
                     name_bytes, name, o->guidance, (unsigned long long)o->seed, (long long)sd->picture_width,
                     (long long)sd->picture_height, (unsigned long long)(sdc_self_hash() >> 24), sdc_model.name,
                     strength, batch, refined, o->latents ? ", Latents: given" : "", more, sdc_model.version);
    free(more);
    return n < 0 ? NULL : text;
}
