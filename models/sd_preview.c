/* sd_preview.c: pictures of a drawing that is not finished, and what its files say of it.
 *
 * A preview shows what the network takes the finished latents for, x0, decoded: from what it was given, its prediction
 * and the noise of the timestep.  Samplers differ in how they scale latents, but the network is given
 * sqrt(a) x0 + sqrt(1 - a) noise by all of them, or (1 - s) x0 + s noise where it predicts a flow. */
#define _GNU_SOURCE 1
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

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

int sd_preview(Sd *sd, const float *given, const float *predicted, double timestep)
{
    const int64_t n = 3 * sd->picture_height * sd->picture_width, count = sd->options->count;
    float *x0 = NULL, *pictures = NULL, *latents = sd->latents;
    Bytes bytes = {0};
    int code;
    if (!(code = pipeline_floats(&x0, count * sd->size)) && !(code = pipeline_floats(&pictures, count * n))) {
        finished_latents(sd, given, predicted, timestep, x0);
        sd->latents = x0;
        for (int64_t k = 0; !code && k < count; k++)
            code = sd_decode(sd, k, pictures + k * n);
        sd->latents = latents;
    }
    if (!code)
        code = picture_grid(pictures, count, 3, sd->picture_height, sd->picture_width, 0, &bytes);
    if (!code)
        code = outputs_preview(sd->outputs, &bytes);
    free(bytes.pixels);
    free(pictures);
    free(x0);
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
