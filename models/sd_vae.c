/* sd_vae.c: pictures to latents and back. */
#include <math.h>
#include <stdlib.h>

#include "latents.h"
#include "pipeline.h"
#include "sd.h"

static int find_scaling(const Sd *sd, float **scaling)
{
    return latents_scaling("vae.", sd->channels, sd->family->xl, scaling);      /* diffusers' others read no statistics */
}

/* latents of one picture = mean + exp(log variance / 2) * noise, scaled; the noise is drawn here. */
int sd_encode_picture(Sd *sd, const float *picture, float *latents)
{
    const SdcTensor *in, *out;
    float *moments = NULL, *scaling = NULL;
    SdcContext c = {0};
    int code;
    if ((code = pipeline_input(sd->encoder, "sample", 4, &in)) ||
        (code = pipeline_output(sd->encoder, "latent_parameters", 4, &out)) ||
        (code = pipeline_floats(&moments, 2 * sd->size)) || (code = find_scaling(sd, &scaling)) ||
        (code = sdc_instance_open(&c, sd->encoder, sd->pool)))
        goto done;
    tensor_repeat(&c, in, picture, 3 * sd->picture_height * sd->picture_width);
    if ((code = pipeline_run(&c, sd->encoder)))
        goto done;
    tensor_get(&c, out, 0, moments, 2 * sd->size);
    sdc_random_normal(&sd->random, latents, sd->size);
    for (int64_t i = 0; i < sd->size; i++)
        latents[i] = moments[i] + expf(0.5f * fminf(fmaxf(moments[sd->size + i], -30), 20)) * latents[i];
    latents_scale(scaling, sd->channels, sd->height * sd->width, latents, latents);
done:
    sd_close_network(sd, &c);
    free(scaling);
    free(moments);
    return code;
}

int sd_decode(Sd *sd, int64_t k, float *picture)
{
    const SdcTensor *in, *out;
    SdcContext c = {0};
    float *latents = NULL, *scaling = NULL;
    int code;
    if ((code = pipeline_input(sd->decoder, sd_latents(sd->family), 4, &in)) ||
        (code = pipeline_output(sd->decoder, "sample", 4, &out)) || (code = pipeline_floats(&latents, sd->size)) ||
        (code = find_scaling(sd, &scaling)) || (code = sdc_instance_open(&c, sd->decoder, sd->pool)))
        goto done;
    latents_unscale(scaling, sd->channels, sd->height * sd->width, sd->latents + k * sd->size, latents);
    tensor_repeat(&c, in, latents, sd->size);
    if (!(code = pipeline_run(&c, sd->decoder)))
        tensor_get(&c, out, 0, picture, 3 * sd->picture_height * sd->picture_width);
done:
    sd_close_network(sd, &c);
    free(scaling);
    free(latents);
    return code;
}
