/* sd_vae.c: pictures to latents and back. */
#include <math.h>
#include <stdlib.h>

#include "pipeline.h"
#include "sd.h"

/* latents of one picture = (mean + exp(log variance / 2) * noise - shift) * scale; the noise is drawn here. */
int sd_encode_picture(Sd *sd, const float *picture, float *latents)
{
    const SdcTensor *in, *out;
    float *moments = NULL;
    SdcContext c = {0};
    int code;
    if ((code = pipeline_input(sd->encoder, "sample", 4, &in)) ||
        (code = pipeline_output(sd->encoder, "latent_parameters", 4, &out)) ||
        (code = pipeline_floats(&moments, 2 * sd->size)) || (code = sdc_instance_open(&c, sd->encoder, sd->pool)))
        goto done;
    tensor_repeat(&c, in, picture, 3 * sd->picture_height * sd->picture_width);
    if ((code = pipeline_run(&c, sd->encoder)))
        goto done;
    tensor_get(&c, out, 0, moments, 2 * sd->size);
    sdc_random_normal(&sd->random, latents, sd->size);
    float scale = (float)pipeline_number("vae.scaling_factor", 0.18215);
    float shift = (float)pipeline_number("vae.shift_factor", 0);
    for (int64_t i = 0; i < sd->size; i++) {
        float deviation = expf(0.5f * fminf(fmaxf(moments[sd->size + i], -30), 20));
        latents[i] = (moments[i] + deviation * latents[i] - shift) * scale;
    }
done:
    sd_close_network(sd, &c);
    free(moments);
    return code;
}

int sd_decode(Sd *sd, int64_t k, float *picture)
{
    const SdcTensor *in, *out;
    SdcContext c = {0};
    float *latents = NULL;
    int code;
    if ((code = pipeline_input(sd->decoder, sd_latents(sd->family), 4, &in)) ||
        (code = pipeline_output(sd->decoder, "sample", 4, &out)) || (code = pipeline_floats(&latents, sd->size)) ||
        (code = sdc_instance_open(&c, sd->decoder, sd->pool)))
        goto done;
    float scale = (float)pipeline_number("vae.scaling_factor", 0.18215);
    float shift = (float)pipeline_number("vae.shift_factor", 0);
    for (int64_t i = 0; i < sd->size; i++)
        latents[i] = sd->latents[k * sd->size + i] / scale + shift;
    tensor_repeat(&c, in, latents, sd->size);
    if (!(code = pipeline_run(&c, sd->decoder)))
        tensor_get(&c, out, 0, picture, 3 * sd->picture_height * sd->picture_width);
done:
    sd_close_network(sd, &c);
    free(latents);
    return code;
}
