/* sd_preview.c: pictures of a drawing that is not finished, and of all pictures of a run.
 *
 * A preview shows what the network takes the finished latents for, x0, decoded: from what it was given, its prediction and
 * the noise of the timestep.  Samplers differ in how they scale latents, but the network is given
 * sqrt(a) x0 + sqrt(1 - a) noise by all of them, or (1 - s) x0 + s noise where it predicts a flow. */
#define _GNU_SOURCE 1
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/fileio.h"
#include "grid.h"
#include "pipeline.h"
#include "sd.h"

int sd_grid(const Sd *sd, const float *pictures, uint8_t **rgb, int *width, int *height)
{
    const int64_t count = sd->options->count, n = 3 * sd->picture_height * sd->picture_width;
    uint8_t *bytes = malloc((size_t)(count * n));
    int code = bytes ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t k = 0; !code && k < count; k++)
        sd_image_bytes(pictures + k * n, sd->picture_height, sd->picture_width, bytes + k * n);
    if (!code)
        code = grid_join(bytes, count, sd->picture_height, sd->picture_width, rgb, width, height);
    free(bytes);
    return code;
}

static void finished_latents(const Sd *sd, const float *given, const float *predicted, double timestep, float *x0)
{
    const Scheduler *s = sd->scheduler;
    const int64_t last = s->config.num_train_timesteps - 1, t = llrint(fmin(fmax(timestep, 0), (double)last));
    const int prediction = s->config.prediction_type;
    const float flow = (float)(timestep / (double)(last + 1));
    const float signal = s->alphas_cumprod ? sqrtf(s->alphas_cumprod[t]) : 1;
    const float noise = s->alphas_cumprod ? sqrtf(1 - s->alphas_cumprod[t]) : 0;
    for (int64_t i = 0; i < sd->options->count * sd->size; i++)
        x0[i] = prediction == PREDICT_FLOW ? given[i] - flow * predicted[i]
                : prediction == PREDICT_V ? signal * given[i] - noise * predicted[i]
                : prediction == PREDICT_EPSILON && signal > 0 ? (given[i] - noise * predicted[i]) / signal
                : predicted[i];
}

/* "a.png" -> "a-preview.png". */
static char *preview_path(const SdOptions *o)
{
    const char *slash = strrchr(o->output, '/'), *name = slash ? slash + 1 : o->output, *dot = strrchr(name, '.');
    const int stem = (int)(dot && dot > name ? dot - o->output : (long)strlen(o->output));
    char *path = NULL;
    return asprintf(&path, "%.*s-preview.png", stem, o->output) < 0 ? NULL : path;
}

int sd_preview(Sd *sd, const float *given, const float *predicted, double timestep)
{
    const int64_t n = 3 * sd->picture_height * sd->picture_width;
    float *x0 = NULL, *pictures = NULL, *latents = sd->latents;
    uint8_t *rgb = NULL;
    int width, height, code;
    char *path = preview_path(sd->options);
    if (!(code = path ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory")) &&
        !(code = pipeline_floats(&x0, sd->options->count * sd->size)) &&
        !(code = pipeline_floats(&pictures, sd->options->count * n))) {
        finished_latents(sd, given, predicted, timestep, x0);
        sd->latents = x0;
        for (int64_t k = 0; !code && k < sd->options->count; k++)
            code = sd_decode(sd, k, pictures + k * n);
        sd->latents = latents;
    }
    if (!code)
        code = sd_grid(sd, pictures, &rgb, &width, &height);
    if (!code)
        code = sdc_png_write(path, rgb, width, height, &(SdcText){NULL, NULL});
    free(rgb);
    free(pictures);
    free(x0);
    free(path);
    return code;
}

char *sd_more_parameters(const SdOptions *o)
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
        const char *name = memrchr(o->loras.text[k], '/', path);
        name = name ? name + 1 : o->loras.text[k];
        fprintf(out, ", Lora: %.*s:%g", (int)(o->loras.text[k] + path - name), name, scale);
    }
    for (int k = 0; k < o->n_words; k++)
        fprintf(out, ", Embedding: %s", strrchr(o->words[k], '/') ? strrchr(o->words[k], '/') + 1 : o->words[k]);
    if (o->init_image)
        fprintf(out, ", Init image: %s", strrchr(o->init_image, '/') ? strrchr(o->init_image, '/') + 1 : o->init_image);
    if (o->long_prompts)
        fputs(", Long prompts: yes", out);
    if (!o->weighting)
        fputs(", Prompt weights: none", out);
    return fclose(out) ? NULL : text;
}
