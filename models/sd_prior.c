/* sd_prior.c: the prior of unCLIP (Ramesh et al., arXiv 2204.06125): from the prompt to the embedding that CLIP would give
 * for a picture of it, as diffusers' StableUnCLIPPipeline.
 *
 *      hidden_states, predicted_image_embedding    the embedding under noise, and what it is taken for
 *      proj_embedding, encoder_hidden_states       the prompt's pooled and projected text, its last hidden states
 *      attention_mask                              1 where those are of the prompt and not of what fills it up
 *
 * Its guidance is against an empty prompt, whatever --negative says.  All pictures of a run get the same embedding. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

enum { EMPTY, PROMPT, PROMPTS };        /* rows */
enum { STEPS = 25, GUIDANCE = 4 };      /* where the options say nothing */

static double guidance(const Sd *sd)
{
    return sd->options->prior_guidance < 0 ? GUIDANCE : sd->options->prior_guidance;
}

typedef struct {
    int64_t size, tokens;           /* of the embedding; of a prompt */
    Tokenizer tokenizer;
    const SdcProgram *encoder, *network;
    const SdcTensor *ids, *pooled, *states;                             /* of the encoder */
    const SdcTensor *in, *timestep, *text, *context, *mask, *out;       /* of the network */
    SdcContext context_of_encoder, running;
    int64_t first;                  /* of the rows: PROMPT without guidance */
    float *texts[PROMPTS], *contexts[PROMPTS], *masks[PROMPTS];
    float *latents, *scaled, *predicted;        /* [size], [size], [PROMPTS][size] */
    SchedulerConfig config;
    Scheduler *scheduler;
} Prior;

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int find_tensors(Prior *p)
{
    int code;
    if ((code = pipeline_input(p->encoder, "input_ids", 2, &p->ids)) ||
        (code = pipeline_output(p->encoder, "text_embeds", 2, &p->pooled)) ||
        (code = pipeline_output(p->encoder, "last_hidden_state", 3, &p->states)) ||
        (code = pipeline_input(p->network, "hidden_states", 2, &p->in)) ||
        (code = pipeline_input(p->network, "timestep", -1, &p->timestep)) ||
        (code = pipeline_input(p->network, "proj_embedding", 2, &p->text)) ||
        (code = pipeline_input(p->network, "encoder_hidden_states", 3, &p->context)) ||
        (code = pipeline_input(p->network, "attention_mask", 2, &p->mask)) ||
        (code = pipeline_output(p->network, "predicted_image_embedding", 2, &p->out)))
        return code;
    p->tokens = p->ids->dim[1];
    if (tensor_row(p->in) != p->size || tensor_row(p->out) != p->size || tensor_row(p->pooled) != tensor_row(p->text) ||
        tensor_row(p->states) != tensor_row(p->context) || tensor_row(p->mask) != p->tokens)
        return sdc_error(SDC_UNSUPPORTED, "the prior does not take what the prior_text_encoder gives, or does not give "
                         "an embedding of %lld values", (long long)p->size);
    return SDC_OK;
}

static int make_room(Prior *p)
{
    int code = SDC_OK;
    for (int k = 0; !code && k < PROMPTS; k++)
        if (!(code = pipeline_floats(&p->texts[k], tensor_row(p->text))) &&
            !(code = pipeline_floats(&p->contexts[k], tensor_row(p->context))))
            code = pipeline_floats(&p->masks[k], p->tokens);
    if (code || (code = pipeline_floats(&p->latents, p->size)) || (code = pipeline_floats(&p->scaled, p->size)))
        return code;
    return pipeline_floats(&p->predicted, PROMPTS * p->size);
}

static int open_prior(Sd *sd, Prior *p)
{
    SdcSection blob = sdc_section("prior_tokenizer");
    p->first = guidance(sd) > 1 ? EMPTY : PROMPT;
    p->encoder = pipeline_program("prior_text_encoder", "input_ids", 1, 0, 0);
    p->network = pipeline_program("prior", "hidden_states", PROMPTS - p->first, 0, 0);
    if (!p->encoder || !p->network)
        return sdc_error(SDC_UNSUPPORTED, "there is no prior with its text encoder in here");
    if (tokenizer_open(&p->tokenizer, blob.data, blob.bytes))
        return sdc_error(SDC_BAD_INPUT, "the prior_tokenizer is missing from this file or damaged");
    int code = find_tensors(p);
    if (code || (code = make_room(p)))
        return code;
    const DriverSampler sampler = {"prior_scheduler", NULL, NAN, 1, p->size, false};
    return driver_scheduler(&sampler, &p->config, &p->scheduler);
}

static void close_prior(Sd *sd, Prior *p)
{
    sd_close_network(sd, &p->context_of_encoder);
    sd_close_network(sd, &p->running);
    for (int k = 0; k < PROMPTS; k++) {
        free(p->texts[k]);
        free(p->contexts[k]);
        free(p->masks[k]);
    }
    free(p->latents);
    free(p->scaled);
    free(p->predicted);
    scheduler_destroy(p->scheduler);
    scheduler_config_free(&p->config);
}

/* ---- the prompt -------------------------------------------------------------------------------------------------- */

static int encode(Prior *p, int k, const char *text)
{
    Tokens tokens;
    int code = pipeline_tokens(&p->tokenizer, "the prompt", text, p->tokens, &tokens);
    if (code)
        return code;
    for (int64_t row = 0; row < p->ids->dim[0]; row++)
        tensor_put_ids(&p->context_of_encoder, p->ids, row * p->tokens, tokens.ids, p->tokens);
    for (int64_t i = 0; i < p->tokens; i++)
        p->masks[k][i] = i < tokens.tokens;
    tokens_free(&tokens);
    if ((code = pipeline_run(&p->context_of_encoder, p->encoder)))
        return code;
    tensor_get(&p->context_of_encoder, p->pooled, 0, p->texts[k], tensor_row(p->pooled));
    tensor_get(&p->context_of_encoder, p->states, 0, p->contexts[k], tensor_row(p->states));
    return SDC_OK;
}

static int encode_prompts(Sd *sd, Prior *p)
{
    char *plain = NULL;
    int code = sdc_instance_open(&p->context_of_encoder, p->encoder, sd->pool);
    if (!code && !(code = sd_plain_text(sd, sd->options->prompt ? sd->options->prompt : "", &plain)))
        code = encode(p, PROMPT, plain);
    free(plain);
    return code ? code : encode(p, EMPTY, "");
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

/* All rows through the network, as many at a time as it takes. */
static int predict(Prior *p, double timestep)
{
    const int64_t batch = p->in->dim[0];
    for (int64_t first = p->first; first < PROMPTS; first += batch) {
        for (int64_t k = 0; k < batch; k++) {
            const int64_t row = smaller(first + k, PROMPT);
            tensor_put(&p->running, p->in, k * p->size, p->scaled, p->size);
            tensor_put(&p->running, p->text, k * tensor_row(p->text), p->texts[row], tensor_row(p->text));
            tensor_put(&p->running, p->context, k * tensor_row(p->context), p->contexts[row], tensor_row(p->context));
            tensor_put(&p->running, p->mask, k * p->tokens, p->masks[row], p->tokens);
        }
        tensor_fill(&p->running, p->timestep, timestep);
        int code = pipeline_run(&p->running, p->network);
        if (code)
            return code;
        tensor_get(&p->running, p->out, 0, p->predicted + first * p->size, smaller(batch, PROMPTS - first) * p->size);
    }
    return SDC_OK;
}

static int denoise(Sd *sd, Prior *p)
{
    Scheduler *s = p->scheduler;
    float *prompt = p->predicted + PROMPT * p->size;
    int code = sdc_instance_open(&p->running, p->network, sd->pool);
    if (!code && scheduler_set_timesteps(s, sd->options->prior_steps ? sd->options->prior_steps : STEPS))
        code = sdc_error(SDC_USAGE, "prior_scheduler: %s", s->message);
    if (code)
        return code;
    sdc_random_normal(&sd->random, p->latents, p->size);
    for (int64_t i = 0; i < p->size; i++)
        p->latents[i] *= s->init_noise_sigma;
    while (!code && s->index < s->evaluations) {
        scheduler_scale_model_input(s, p->scaled, p->latents);
        if ((code = predict(p, s->timesteps[s->index])))
            break;
        if (p->first == EMPTY)
            pipeline_guide(prompt, p->predicted, prompt, (float)guidance(sd), p->size);
        if ((code = scheduler_step(s, prompt, p->latents, scheduler_draw_random, &sd->random)))
            sdc_error(code, "prior_scheduler: %s", s->message);
    }
    return code;
}

int64_t sd_prior_size(void)
{
    const SdcProgram *p = pipeline_nth("prior", 0);
    const SdcTensor *t = p ? pipeline_tensor(p->outputs, p->n_outputs, "predicted_image_embedding") : NULL;
    return t ? tensor_row(t) : 0;
}

int sd_prior_draw(Sd *sd, float *embedding, int64_t n)
{
    const SdcSection s = sdc_section("prior_statistics");
    const float *mean = s.data;
    if (!mean || s.bytes != 2 * n * (int64_t)sizeof *mean)
        return sdc_error(SDC_BAD_INPUT, "the prior's clip_mean and clip_std are missing from this file, or are not of "
                         "%lld values", (long long)n);
    Prior p = {.size = n};
    int code = open_prior(sd, &p);
    if (!code && !(code = encode_prompts(sd, &p)))
        code = denoise(sd, &p);
    for (int64_t i = 0; !code && i < n; i++)
        embedding[i] = p.latents[i] * mean[n + i] + mean[i];
    close_prior(sd, &p);
    return code;
}
