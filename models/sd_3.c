/* sd_3.c: the conditions of Stable Diffusion 3 and 3.5, as diffusers' StableDiffusion3Pipeline.
 *
 *      encoder_hidden_states      the last but one hidden state of both CLIP encoders side by side, padded with zeros
 *                                 to T5's width; behind them in length T5's states
 *      pooled_projections         the projections of both CLIP encoders side by side
 *
 * Each encoder is optional: what it would give is zeros. */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

static const char *const components[SD_ENCODERS] = {"text_encoder", "text_encoder_2", "text_encoder_3"};
static const char *const tokenizers[SD_ENCODERS] = {"tokenizer", "tokenizer_2", "tokenizer_3"};
enum { CLIP, OPEN_CLIP, T5 };
enum { HIDDEN, POOLED };                /* conditions */

static bool is(const SdEncoder *e, int which)
{
    return !strcmp(e->component, components[which]);
}

/* What an encoder gives for one prompt, and where in the conditions it goes. */
typedef struct {
    const SdcTensor *states, *pooled;   /* pooled: NULL for T5 */
    int64_t tokens, width;              /* of states */
    int64_t token, column;              /* of the conditions, where they begin */
} Place;

/* The first CLIP's columns come first; where it is absent the second's are still those that they would be. */
static int place(const Sd *sd, const SdEncoder *e, Place *p)
{
    const SdcTensor *text, *pool;
    int code;
    *p = (Place){0};
    if ((code = pipeline_input(sd->denoiser, "encoder_hidden_states", 3, &text)) ||
        (code = pipeline_input(sd->denoiser, "pooled_projections", 2, &pool)) ||
        (code = is(e, T5) ? pipeline_output(e->program, "last_hidden_state", 3, &p->states)
                          : sd_hidden_layer(sd, e, &p->states)) ||
        (!is(e, T5) && (code = pipeline_output(e->program, "text_embeds", 2, &p->pooled))))
        return code;
    p->tokens = p->states->dim[1];
    p->width = p->states->dim[2];
    p->token = is(e, T5) ? text->dim[1] - p->tokens : 0;
    p->column = is(e, OPEN_CLIP) ? pool->dim[1] - p->pooled->dim[1] : 0;
    if (p->token < 0 || p->token + p->tokens > text->dim[1] || p->column < 0 || p->column + p->width > text->dim[2] ||
        (p->pooled && p->column + p->pooled->dim[1] > pool->dim[1]))
        return sdc_error(SDC_UNSUPPORTED, "%s gives %lld x %lld, which does not fit into the %lld x %lld of %s",
                         e->component, (long long)p->tokens, (long long)p->width, (long long)text->dim[1],
                         (long long)text->dim[2], sd->family->denoiser);
    return SDC_OK;
}

int sd_3_open(Sd *sd)
{
    const SdcTensor *text, *pool;
    Place p;
    int code;
    if ((code = pipeline_input(sd->denoiser, "encoder_hidden_states", 3, &text)) ||
        (code = pipeline_input(sd->denoiser, "pooled_projections", 2, &pool)))
        return code;
    for (int k = 0; !code && k < SD_ENCODERS; k++)
        if (pipeline_nth(components[k], 0) && !(code = sd_add_encoder(sd, components[k], tokenizers[k], k)))
            code = place(sd, &sd->encoders[sd->n_encoders - 1], &p);
    if (!code && !sd->n_encoders && !sd->options->embeddings)
        code = sdc_error(SDC_UNSUPPORTED, "there is no text encoder in here; give --embeddings");
    if (code || (code = sd_add_condition(sd, "encoder_hidden_states", tensor_row(text))))
        return code;
    return sd_add_condition(sd, "pooled_projections", tensor_row(pool));
}

/* One encoder's part of both conditions; states: room for both prompts. */
static int encode(Sd *sd, SdEncoder *e, const Place *p, float *states)
{
    SdCondition *hidden = &sd->conditions[HIDDEN], *pooled = &sd->conditions[POOLED];
    const SdcTensor *text;
    int64_t size = p->tokens * p->width;
    SdTextOutput outputs[2] = {{p->states->name, states, size, size}};
    if (p->pooled)
        outputs[1] = (SdTextOutput){p->pooled->name, pooled->values + p->column, p->pooled->dim[1], pooled->row};
    int code = sd_read_prompts(sd, e);
    if (code || (code = sd_run_encoder(sd, e, outputs, p->pooled ? 2 : 1)) ||
        (code = pipeline_input(sd->denoiser, "encoder_hidden_states", 3, &text)))
        return code;
    for (int k = 0; k < sd_prompts(sd); k++)
        for (int64_t i = 0; i < p->tokens; i++)
            memcpy(hidden->values + k * hidden->row + (p->token + i) * text->dim[2] + p->column,
                   states + k * size + i * p->width, (size_t)p->width * sizeof *states);
    return SDC_OK;
}

int sd_3_encode(Sd *sd)
{
    int code = SDC_OK;
    for (int k = 0; !code && k < sd->n_encoders; k++) {
        Place p;
        float *states = NULL;
        if (!(code = place(sd, &sd->encoders[k], &p)) && !(code = pipeline_floats(&states, 2 * p.tokens * p.width)))
            code = encode(sd, &sd->encoders[k], &p, states);
        free(states);
    }
    return code;
}
