/* sd_control.c: ControlNet, as diffusers' StableDiffusion3ControlNetPipeline.
 *
 * The denoiser takes the residuals block_controlnet_hidden_states.0, .1 ..., which the component "controlnet" gives for
 * the same latents, prompts and timestep and for --control-image.  Without the option, and outside --control-start to
 * --control-stop, they are zeros and the ControlNet does not run. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "sd_network.h"

static const char prefix[] = "block_controlnet_hidden_states.";

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The residuals among the denoiser's inputs. */
static int find_residuals(const Sd *sd, SdControl *c)
{
    const SdcProgram *p = sd->denoiser;
    for (int i = 0; i < p->n_inputs; i++) {
        const SdcTensor *t = &p->inputs[i];
        if (strncmp(t->name, prefix, sizeof prefix - 1))
            continue;
        if (c->n == SD_RESIDUALS)
            return sdc_error(SDC_UNSUPPORTED, "%s takes more than %d residuals of a ControlNet", p->name, SD_RESIDUALS);
        c->to[c->n++] = t;
        c->row = larger(c->row, tensor_row(t));
    }
    return SDC_OK;
}

/* The kind that InstantX trained: zeros for pooled prompts, latents without the autoencoder's shift. */
static bool sees_no_pooled(void)
{
    char value[16];
    return pipeline_setting("controlnet.force_zeros_for_pooled_projection", value, sizeof value) &&
           !strcmp(value, "true");
}

/* ---- the picture ------------------------------------------------------------------------------------------------ */

/* Latents given as they are, float32 [1, channels, height, width]; *are: the file holds such. */
static int read_latents(const Sd *sd, const char *path, float *into, bool *are)
{
    SdcArray a = {0};
    *are = false;
    if (!pipeline_is_array(path))
        return SDC_OK;
    int code = sdc_array_read(&a, path, "latents");
    if (code)
        return code;
    const int64_t *last = a.dim + a.rank - 3;
    *are = a.dtype == DT_F32 && a.rank >= 3 && a.count == sd->size && last[0] == sd->channels &&
           last[1] == sd->height && last[2] == sd->width;
    if (*are)
        memcpy(into, a.data, (size_t)sd->size * sizeof *into);
    sdc_array_free(&a);
    return SDC_OK;
}

/* What the ControlNet sees of the picture, [size]: its latents, without the shift where that kind goes without it. */
static int encode_picture(Sd *sd, float *into)
{
    const char *path = sd->options->control_image;
    float *picture = NULL;
    bool are_latents;
    int code = read_latents(sd, path, into, &are_latents);
    if (code || are_latents)
        return code;
    if (!(code = sd_open_encoder(sd, "--control-image")) &&
        !(code = sd_image_read(path, sd->picture_height, sd->picture_width, &picture)))
        code = sd_encode_picture(sd, picture, into);
    free(picture);
    float shift = (float)(pipeline_number("vae.shift_factor", 0) * pipeline_number("vae.scaling_factor", 0.18215));
    if (!code && sees_no_pooled())
        for (int64_t i = 0; i < sd->size; i++)
            into[i] += shift;
    return code;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int find_outputs(const Sd *sd, SdControl *c)
{
    const SdcProgram *p = c->network.program;
    for (int k = 0; k < c->n; k++) {
        int code = pipeline_output(p, c->to[k]->name, -1, &c->from[k]);
        if (code)
            return code;
        if (tensor_row(c->from[k]) != tensor_row(c->to[k]))
            return sdc_error(SDC_UNSUPPORTED, "%s: output '%s' is not of the shape that the denoiser takes", p->name,
                             c->to[k]->name);
    }
    if (p->n_outputs != c->n)
        sdc_error(0, "warning: %s gives %d residuals, %s takes %d", p->name, p->n_outputs, sd->denoiser->name, c->n);
    return pipeline_input(p, "conditioning_scale", -1, &c->scale);
}

/* Prompts as the denoiser sees them, but pooled ones are zeros for the kinds that were trained so. */
static int add_conditions(const Sd *sd, SdControl *c)
{
    int code = SDC_OK;
    for (int k = 0; !code && k < sd->n_conditions; k++) {
        SdCondition own = sd->conditions[k];
        bool pooled = !strcmp(own.input, "pooled_projections");
        if (pooled && sees_no_pooled() && !(code = pipeline_floats(&c->nothing, 2 * own.row)))
            own.values = c->nothing;
        if (!code && (pooled || !c->network.tokens))        /* those that take tokens do without the text's */
            code = sd_network_add(&c->network, &own);
    }
    return code ? code : sd_network_add(&c->network, &(SdCondition){"controlnet_cond", sd->size, c->picture});
}

/* What makes tokens of latents as the denoiser does. */
static int open_patches(Sd *sd, SdControl *c)
{
    const SdcTensor *tokens;
    c->patches = pipeline_program("patches", sd->family->sample, 1, sd->height, sd->width);
    if (!c->patches)
        return sdc_error(SDC_UNSUPPORTED, "%s: takes tokens, which nothing in here makes", c->network.program->name);
    int code = pipeline_output(c->patches, "tokens", 3, &tokens);
    if (!code && tensor_row(tokens) != tensor_row(c->network.sample))
        code = sdc_error(SDC_UNSUPPORTED, "%s: takes other tokens than the denoiser", c->network.program->name);
    if (!code)
        code = pipeline_floats(&c->tokens, tensor_row(tokens));
    return code ? code : sdc_instance_open(&c->patcher, c->patches, sd->pool);
}

static int open_controlnet(Sd *sd, SdControl *c)
{
    const SdcProgram *p = pipeline_program("controlnet", "controlnet_cond", c->to[0]->dim[0], sd->height, sd->width);
    if (!p)
        return sdc_error(SDC_UNSUPPORTED, "--control-image: there is no controlnet of this size in here");
    int code;
    if ((code = pipeline_floats(&c->picture, 2 * sd->size)) || (code = encode_picture(sd, c->picture)))
        return code;
    memcpy(c->picture + sd->size, c->picture, (size_t)sd->size * sizeof *c->picture);
    if ((code = sd_network_begin(sd, &c->network, p, 0, sd_prompts(sd))) || (code = find_outputs(sd, c)) ||
        (code = add_conditions(sd, c)))
        return code;
    c->open = true;
    if (c->network.tokens && (code = open_patches(sd, c)))
        return code;
    return sd_network_start(sd, &c->network);
}

int sd_control_open(Sd *sd, SdControl *c)
{
    int code = find_residuals(sd, c);
    if (!code)
        code = pipeline_floats(&c->residual, c->row);
    if (code || !sd->options->control_image)
        return code;
    if (!c->n)
        return sdc_error(SDC_UNSUPPORTED, "--control-image: the %s in here takes no residuals of a ControlNet",
                         sd->family->denoiser);
    return open_controlnet(sd, c);
}

void sd_control_close(Sd *sd, SdControl *c)
{
    sd_network_close(sd, &c->network);
    sd_close_network(sd, &c->patcher);
    free(c->tokens);
    free(c->picture);
    free(c->nothing);
    free(c->residual);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static bool wanted(const Sd *sd, const SdControl *c, int64_t at)
{
    const SdOptions *o = sd->options;
    double steps = (double)sd->evaluations;
    return c->open && o->control_scale != 0 && (double)at / steps >= o->control_start &&
           (double)(at + 1) / steps <= o->control_stop;
}

/* The tokens of rows [row, row + batch) into the ControlNet. */
static int put_tokens(const Sd *sd, SdControl *c, const float *latents, int64_t row)
{
    SdNetwork *n = &c->network;
    const SdcTensor *in, *out;
    int64_t size = tensor_row(n->sample), last = sd_network_rows(sd, n) - 1;
    int code = pipeline_input(c->patches, sd->family->sample, 4, &in);
    if (!code)
        code = pipeline_output(c->patches, "tokens", 3, &out);
    for (int64_t k = 0; !code && k < n->batch; k++) {
        int64_t picture = smaller(row + k, last) / n->prompts;
        tensor_repeat(&c->patcher, in, latents + picture * sd->size, sd->size);
        if (!(code = pipeline_run(&c->patcher, c->patches))) {
            tensor_get(&c->patcher, out, 0, c->tokens, size);
            tensor_put(&n->context, n->sample, k * size, c->tokens, size);
        }
    }
    return code;
}

/* Rows [row, row + batch) of the denoiser u, as many at a time as the ControlNet takes. */
static int run_controlnet(Sd *sd, SdControl *c, SdNetwork *u, const float *latents, int64_t row, int64_t at)
{
    SdNetwork *n = &c->network;
    for (int64_t first = 0; first < u->batch; first += n->batch) {
        int code = sd_network_put(sd, n, latents, row + first, at);
        if (code || (n->tokens && (code = put_tokens(sd, c, latents, row + first))))
            return code;
        tensor_fill(&n->context, c->scale, sd->options->control_scale);
        if ((code = pipeline_step(&n->context, n->program)))
            return code;
        for (int k = 0; k < c->n; k++) {
            int64_t size = tensor_row(c->to[k]);
            for (int64_t i = 0; i < n->batch && first + i < u->batch; i++) {
                tensor_get(&n->context, c->from[k], i * size, c->residual, size);
                tensor_put(&u->context, c->to[k], (first + i) * size, c->residual, size);
            }
        }
    }
    return SDC_OK;
}

int sd_control_put(Sd *sd, SdControl *c, SdNetwork *u, const float *latents, int64_t row, int64_t at)
{
    if (wanted(sd, c, at))
        return run_controlnet(sd, c, u, latents, row, at);
    for (int k = 0; k < c->n; k++)
        tensor_fill(&u->context, c->to[k], 0);
    return SDC_OK;
}
