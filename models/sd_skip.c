/* sd_skip.c: skip-layer guidance, as diffusers' StableDiffusion3Pipeline.
 *
 * The denoiser with layers left out is a network of its own, "NAME_skip_layers" beside the denoiser NAME: which layers
 * those are was decided when it was exported. */
#include <stdlib.h>

#include "sd_network.h"

bool sd_skip_wanted(const Sd *sd, int64_t at)
{
    const SdOptions *o = sd->options;
    double steps = (double)sd->evaluations;
    return sd->guided && o->skip_layers != 0 && (double)at > steps * o->skip_start && (double)at < steps * o->skip_stop;
}

int sd_skip_open(Sd *sd, SdSkip *s)
{
    if (sd->options->skip_layers == 0)
        return SDC_OK;
    if (!sd->guided)
        return sdc_error(SDC_USAGE, "--skip-layer-guidance goes with --guidance above 1");
    char name[96];
    snprintf(name, sizeof name, "%s_skip_layers", sd->family->denoiser);
    const SdcProgram *p = pipeline_program(name, sd->family->sample, sd->options->count, sd->height, sd->width);
    if (!p)
        return sdc_error(SDC_UNSUPPORTED, "--skip-layer-guidance: there is no %s of this size in here", name);
    int code = sd_network_open(sd, &s->network, p, 1, 1);
    if (!code)
        code = pipeline_output(p, sd->family->prediction, 4, &s->out);
    if (!code && tensor_row(s->out) != sd->size)
        code = sdc_error(SDC_UNSUPPORTED, "%s: its output is not of the shape of its sample", p->name);
    return code ? code : pipeline_floats(&s->predicted, s->network.batch * sd->size);
}

void sd_skip_close(Sd *sd, SdSkip *s)
{
    sd_network_close(sd, &s->network);
    free(s->predicted);
}

int sd_skip_guide(Sd *sd, SdSkip *s, const float *latents, int64_t at, const float *prompt, float *guided)
{
    SdNetwork *n = &s->network;
    float scale = (float)sd->options->skip_layers;
    int64_t rows = sd_network_rows(sd, n);
    for (int64_t row = 0; row < rows; row += n->batch) {
        int code = sd_network_put(sd, n, latents, row, at);
        if (code || (code = pipeline_step(&n->context, n->program)))
            return code;
        int64_t here = smaller(rows - row, n->batch) * sd->size;
        tensor_get(&n->context, s->out, 0, s->predicted, here);
        for (int64_t i = 0, k = row * sd->size; i < here; i++, k++)
            guided[k] += (prompt[k] - s->predicted[i]) * scale;
    }
    return SDC_OK;
}
