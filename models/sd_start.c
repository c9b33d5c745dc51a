/* sd_start.c: the latents that the loop starts from, as diffusers' StableDiffusionPipeline and ...Img2ImgPipeline.
 *
 * Order of random draws, which makes pictures comparable with other programs from the seed alone:
 *      text to image      starting noise [n, C, h, w] (none with --latents), then what each step draws
 *      image to image     noise of the encoder's distribution [1, C, h, w], starting noise [n, C, h, w], the steps */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

int sd_start_noised(Sd *sd)
{
    int64_t n = sd->options->count * sd->size;
    float *noise = NULL;
    const bool whole = sd->scheduler->options.strength < 1;     /* the timesteps are already those of --strength */
    if (scheduler_begin(sd->scheduler, whole ? 1 : sd_strength(sd->options)))
        return sdc_error(SDC_USAGE, "%s", sd->scheduler->message);
    int code = pipeline_floats(&noise, n);
    if (!code) {
        sdc_random_normal(&sd->random, noise, n);
        scheduler_add_noise(sd->scheduler, sd->latents, sd->latents, noise);
    }
    free(noise);
    return code;
}

static int start_from_picture(Sd *sd)
{
    int code = sd_encode_picture(sd, sd->picture, sd->latents);
    for (int64_t k = 1; !code && k < sd->options->count; k++)
        memcpy(sd->latents + k * sd->size, sd->latents, (size_t)sd->size * sizeof *sd->latents);
    return code ? code : sd_start_noised(sd);
}

int sd_start(Sd *sd)
{
    int64_t n = sd->options->count * sd->size;
    if (scheduler_set_timesteps(sd->scheduler, sd->options->steps))
        return sdc_error(SDC_USAGE, "%s", sd->scheduler->message);
    if (sd->picture)
        return start_from_picture(sd);
    if (sd->given)
        memcpy(sd->latents, sd->given, (size_t)n * sizeof *sd->latents);
    else
        sdc_random_normal(&sd->random, sd->latents, n);
    for (int64_t i = 0; i < n; i++)
        sd->latents[i] *= sd->scheduler->init_noise_sigma;
    return SDC_OK;
}

int sd_start_distilled(Sd *sd)
{
    if (sd->picture && sd->config.original_inference_steps > 0)
        sd->scheduler->options.strength = sd_strength(sd->options);
    return sd_start(sd);
}
