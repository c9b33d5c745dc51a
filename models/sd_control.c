/* sd_control.c: ControlNet (Zhang et al., arXiv 2302.05543), as diffusers' StableDiffusionControlNetPipeline, ...XL... and
 * StableDiffusion3ControlNetPipeline.
 *
 * The denoiser takes residuals, which the component "controlnet" gives, in this order, for the same latents, prompts and
 * timestep and for --control-image.  Without the option, and outside --control-start to --control-stop, they are zeros
 * and the ControlNet does not run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "sd_network.h"

/* What the residuals' names begin with, in the order of the ControlNet's outputs. */
static const char *const prefixes[] = {"block_controlnet_hidden_states.", "down_block", "mid_block"};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The residuals among the denoiser's inputs. */
static int find_residuals(const Sd *sd, SdControl *c)
{
    const SdcProgram *p = sd->denoiser;
    for (size_t k = 0; k < sizeof prefixes / sizeof *prefixes; k++)
        for (int i = 0; i < p->n_inputs; i++) {
            const SdcTensor *t = &p->inputs[i];
            if (strncmp(t->name, prefixes[k], strlen(prefixes[k])))
                continue;
            if (c->n == SD_RESIDUALS)
                return sdc_error(SDC_UNSUPPORTED, "%s takes more than %d residuals of a ControlNet", p->name,
                                 SD_RESIDUALS);
            c->to[c->n++] = t;
            c->row = larger(c->row, tensor_row(t));
        }
    return SDC_OK;
}

static bool is_set(const char *key)
{
    char value[16];
    return pipeline_setting(key, value, sizeof value) && !strcmp(value, "true");
}

/* The kind that InstantX trained: zeros for pooled prompts, latents without the autoencoder's shift. */
static bool sees_no_pooled(void)
{
    return is_set("controlnet.force_zeros_for_pooled_projection");
}

static bool sees_pictures(const Sd *sd)
{
    return sd->family->takes & SD_CONTROL_PICTURE;
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

/* [3][picture_height][picture_width] in 0..1, where arrays are already. */
static int read_picture(const Sd *sd, float *into)
{
    const char *path = sd->options->control_image;
    const int64_t n = 3 * sd->picture_height * sd->picture_width;
    float *picture = NULL;
    int code = sd_image_read(path, sd->picture_height, sd->picture_width, &picture);
    for (int64_t i = 0; !code && i < n; i++)
        into[i] = pipeline_is_array(path) ? picture[i] : (picture[i] + 1) / 2;
    free(picture);
    return code;
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
    if (p->n_outputs < c->n)
        return sdc_error(SDC_UNSUPPORTED, "%s gives %d residuals, %s takes %d", p->name, p->n_outputs,
                         sd->denoiser->name, c->n);
    for (int k = 0; k < c->n; k++) {
        c->from[k] = &p->outputs[k];
        if (tensor_row(c->from[k]) != tensor_row(c->to[k]))
            return sdc_error(SDC_UNSUPPORTED, "%s: output '%s' is not of the shape that the denoiser's '%s' has",
                             p->name, c->from[k]->name, c->to[k]->name);
    }
    if (p->n_outputs != c->n)
        sdc_error(0, "warning: %s gives %d residuals, %s takes %d", p->name, p->n_outputs, sd->denoiser->name, c->n);
    c->scale = pipeline_tensor(p->inputs, p->n_inputs, "conditioning_scale");
    return SDC_OK;
}

/* Those of the denoiser's conditions that it takes, but pooled prompts are zeros for the kinds that were trained so. */
static int add_conditions(const Sd *sd, SdControl *c, int64_t seen)
{
    const SdcProgram *p = c->network.program;
    int code = SDC_OK;
    for (int k = 0; !code && k < sd->n_conditions; k++) {
        SdCondition own = sd->conditions[k];
        bool pooled = !strcmp(own.input, "pooled_projections");
        if (pooled && sees_no_pooled() && !(code = pipeline_floats(&c->nothing, 2 * own.row)))
            own.values = c->nothing;
        if (!code && pipeline_tensor(p->inputs, p->n_inputs, own.input))
            code = sd_network_add(&c->network, &own);
    }
    if (!code)
        code = sd_network_add(&c->network, &(SdCondition){"controlnet_cond", seen, c->picture});
    if (!code && p->n_inputs != c->network.n_conditions + 2 + (c->scale ? 1 : 0))
        code = sdc_error(SDC_UNSUPPORTED, "%s: takes inputs that no ControlNet of a %s has", p->name, sd->family->class);
    return code;
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

static int64_t tokens_of(const SdcProgram *p)
{
    const SdcTensor *t = pipeline_tensor(p->inputs, p->n_inputs, "encoder_hidden_states");
    return t && t->rank == 3 ? t->dim[1] : 0;
}

/* The ControlNet for pictures of this size and prompts of as many tokens, of the denoiser's batch where there is one. */
static const SdcProgram *choose(const Sd *sd, const SdControl *c, const SdcTensor **seen)
{
    const int64_t height = sees_pictures(sd) ? sd->picture_height : sd->height;
    const int64_t width = sees_pictures(sd) ? sd->picture_width : sd->width, tokens = tokens_of(sd->denoiser);
    const SdcProgram *found = NULL, *p;
    for (int k = 0; (p = pipeline_nth("controlnet", k)); k++) {
        const SdcTensor *t = pipeline_tensor(p->inputs, p->n_inputs, "controlnet_cond");
        if (!t || t->rank != 4 || t->dim[2] != height || t->dim[3] != width ||
            (tokens_of(p) && tokens_of(p) != tokens) || (found && t->dim[0] != c->to[0]->dim[0]))
            continue;
        found = p;
        *seen = t;
    }
    return found;
}

static int open_controlnet(Sd *sd, SdControl *c)
{
    const SdcTensor *seen;
    const SdcProgram *p = choose(sd, c, &seen);
    if (!p)
        return sdc_error(SDC_UNSUPPORTED, "--control-image: there is no controlnet of this size in here");
    const int64_t n = tensor_row(seen), wanted = sees_pictures(sd) ? 3 : sd->channels;
    if (seen->dim[1] != wanted)
        return sdc_error(SDC_UNSUPPORTED, "%s: sees %lld channels, not %lld", p->name, (long long)seen->dim[1],
                         (long long)wanted);
    int code = pipeline_floats(&c->picture, 2 * n);
    if (code || (code = sees_pictures(sd) ? read_picture(sd, c->picture) : encode_picture(sd, c->picture)))
        return code;
    memcpy(c->picture + n, c->picture, (size_t)n * sizeof *c->picture);
    c->pools = is_set("controlnet.global_pool_conditions");
    c->guesses = sd->options->control_guess || c->pools;
    if ((code = sd_network_begin(sd, &c->network, p, 0, sd_prompts(sd))) || (code = find_outputs(sd, c)) ||
        (code = add_conditions(sd, c, n)))
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

/* What residual k of a row is multiplied by: --control-scale, unless the network did that.  One that guesses says nothing
 * to the negative prompt, and less the farther the residual is from the middle. */
static float weight(const Sd *sd, const SdControl *c, int k, int64_t row)
{
    const float scale = c->scale ? 1 : (float)sd->options->control_scale;
    if (!c->guesses)
        return scale;
    if (sd->guided && row % c->network.prompts == 0)
        return 0;
    return c->pools || c->n < 2 ? scale : scale * powf(10, (float)k / (float)(c->n - 1) - 1);
}

/* Rows [row, row + batch) of the denoiser u, as many at a time as the ControlNet takes. */
static int run_controlnet(Sd *sd, SdControl *c, SdNetwork *u, const float *latents, int64_t row, int64_t at)
{
    SdNetwork *n = &c->network;
    for (int64_t first = 0; first < u->batch; first += n->batch) {
        int code = sd_network_put(sd, n, latents, row + first, at);
        if (code || (n->tokens && (code = put_tokens(sd, c, latents, row + first))))
            return code;
        if (c->scale)
            tensor_fill(&n->context, c->scale, sd->options->control_scale);
        if ((code = pipeline_step(&n->context, n->program)))
            return code;
        for (int k = 0; k < c->n; k++) {
            int64_t size = tensor_row(c->to[k]);
            for (int64_t i = 0; i < n->batch && first + i < u->batch; i++) {
                tensor_get(&n->context, c->from[k], i * size, c->residual, size);
                const float times = weight(sd, c, k, row + first + i);
                for (int64_t j = 0; times != 1 && j < size; j++)
                    c->residual[j] *= times;
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
