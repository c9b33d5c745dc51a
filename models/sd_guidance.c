/* sd_guidance.c: networks that are told the strength of guidance, as latent consistency models (Luo et al., arXiv
 * 2310.04378, section 4.2): one evaluation gives what classifier-free guidance takes two for. */
#include <math.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

static const char input[] = "timestep_cond";

bool sd_embeds_guidance(const SdFamily *f)
{
    const SdcProgram *p = pipeline_nth(f->denoiser, 0);
    return p && pipeline_tensor(p->inputs, p->n_inputs, input);
}

bool sd_is_guidance(const SdCondition *c)
{
    return !strcmp(c->input, input);
}

/* values[n] = sines and cosines of scale * 1000 at n / 2 frequencies, in float32 as diffusers'
 * get_guidance_scale_embedding(). */
static void embed(float scale, float *values, int64_t n)
{
    const int64_t half = n / 2;
    const float step = logf(10000) / (float)(half - 1), thousandfold = scale * 1000;
    for (int64_t i = 0; i < half; i++) {
        const float angle = thousandfold * expf((float)i * -step);
        values[i] = sinf(angle);
        values[half + i] = cosf(angle);
    }
}

int sd_add_guidance(Sd *sd)
{
    const SdcTensor *t;
    if (!sd_embeds_guidance(sd->family))
        return SDC_OK;
    int code = pipeline_input(sd->denoiser, input, 2, &t);
    const int64_t n = code ? 0 : tensor_row(t);
    if (!code && n < 4)
        code = sdc_error(SDC_UNSUPPORTED, "%s: input '%s' of %lld values", sd->denoiser->name, input, (long long)n);
    if (code || (code = sd_add_condition(sd, input, n)))
        return code;
    if (*sd->options->negative)
        sdc_error(0, "warning: --negative: the %s takes no negative prompt", sd->family->denoiser);
    embed((float)(sd->options->guidance - 1), sd->conditions[sd->n_conditions - 1].values, n);
    return SDC_OK;
}
