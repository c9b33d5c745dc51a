/* sd_xl.c: what is SDXL's own: its conditions, and where base and refiner meet.
 *
 * A prompt becomes three conditions, as in diffusers' StableDiffusionXLPipeline and ...XLImg2ImgPipeline:
 *
 *      encoder_hidden_states   the last but one hidden states of all text encoders, side by side
 *      text_embeds             the pooled and projected text of the last one
 *      time_ids                original height and width, top and left of the crop, target height and width; the
 *                              refiner's have an aesthetic score in the target's place */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

enum { HIDDEN, POOLED, TIME_IDS };      /* conditions, in this order */
enum { SIZE_IDS = 6, SCORE_IDS = 5 };
static const double REFINE_AT = 0.8;    /* --refine-at where there is a refiner */

/* ---- laying out -------------------------------------------------------------------------------------------------- */

/* Every encoder with its tokenizer, and in *tokens and *width what they give for a prompt. */
static int open_encoders(Sd *sd, int64_t *tokens, int64_t *width)
{
    const SdcTensor *hidden;
    *tokens = *width = 0;
    for (int k = 0; k < SD_ENCODERS && sd->family->encoders[k].component; k++) {
        if (!pipeline_nth(sd->family->encoders[k].component, 0))
            continue;
        int code = sd_add_encoder(sd, sd->family->encoders[k].component, sd->family->encoders[k].section,
                                  sd->n_encoders);
        const SdEncoder *e = &sd->encoders[sd->n_encoders - 1];
        if (code || (code = sd_hidden_layer(sd, e, &hidden)))
            return code;
        if (hidden->dim[1] != e->length || e->length != sd->encoders[0].length)
            return sdc_error(SDC_UNSUPPORTED, "%s gives %lld tokens for %lld, %s %lld", e->component, (long long)hidden->dim[1],
                             (long long)e->length, sd->encoders[0].component, (long long)sd->encoders[0].length);
        *tokens = sd->chunks * e->length;
        *width += hidden->dim[2];
    }
    return SDC_OK;
}

int sd_xl_open(Sd *sd)
{
    const SdcTensor *text, *pooled, *ids;
    int64_t tokens, width;
    int code;
    if ((code = open_encoders(sd, &tokens, &width)) ||
        (code = pipeline_input(sd->denoiser, "encoder_hidden_states", 3, &text)) ||
        (code = pipeline_input(sd->denoiser, "text_embeds", 2, &pooled)) ||
        (code = pipeline_input(sd->denoiser, "time_ids", 2, &ids)))
        return code;
    if (tokens != text->dim[1] || width != text->dim[2])
        return sdc_error(SDC_UNSUPPORTED, "the text encoders give %lld x %lld, %s takes %lld x %lld", (long long)tokens,
                         (long long)width, sd->family->denoiser, (long long)text->dim[1], (long long)text->dim[2]);
    if (ids->dim[1] != SIZE_IDS && ids->dim[1] != SCORE_IDS)
        return sdc_error(SDC_UNSUPPORTED, "%s: %lld time_ids, neither %d nor %d", sd->family->denoiser,
                         (long long)ids->dim[1], SIZE_IDS, SCORE_IDS);
    if ((code = sd_add_condition(sd, "encoder_hidden_states", tensor_row(text))) ||
        (code = sd_add_condition(sd, "text_embeds", tensor_row(pooled))))
        return code;
    return sd_add_condition(sd, "time_ids", tensor_row(ids));
}

int sd_xl_open_picture(Sd *sd)
{
    const SdOptions *o = sd->options;
    if (!o->init_image && !o->latents && !o->bench)
        return sdc_error(SDC_USAGE, "a %s starts from a picture: --init-image, or --latents", sd->family->class);
    if (!isnan(o->xl.refine_at) && !o->latents)
        return sdc_error(SDC_USAGE, "--refine-at goes on with --latents, as the base's --save-latents writes them");
    return sd_xl_open(sd);
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */

/* Encoder k's hidden states to their place in each token, which begins at `left` of width; the last one's
 * text_embeds, of a prompt's first chunk. */
static int encode_one(Sd *sd, int k, int64_t *left)
{
    const SdEncoder *e = &sd->encoders[k];
    SdCondition *text = &sd->conditions[HIDDEN], *pooled = &sd->conditions[POOLED];
    const SdcTensor *t;
    float *hidden = NULL;
    int code = sd_hidden_layer(sd, e, &t);
    const int64_t tokens = sd->chunks * e->length, row = code ? 0 : tensor_row(t);
    const int64_t width = text->row / tokens, own = row / e->length;
    if (code || (code = pipeline_floats(&hidden, 2 * sd->chunks * row)))
        return code;
    const SdTextOutput outputs[] = {{t->name, hidden, row, sd->chunks * row},
                                    {"text_embeds", pooled->values, pooled->row, pooled->row}};
    code = sd_run_encoder(sd, e, outputs, k == sd->n_encoders - 1 ? 2 : 1);
    for (int64_t i = 0; !code && i < sd_prompts(sd) * tokens; i++)
        memcpy(text->values + i * width + *left, hidden + i * own, (size_t)own * sizeof *hidden);
    *left += own;
    free(hidden);
    return code;
}

/* ids[6]: pairs of height and width, or top and left, from what was given as width and height. */
static void put_pair(float *ids, const int64_t given[2], int64_t height, int64_t width)
{
    ids[0] = (float)(given[0] < 0 ? height : given[1]);
    ids[1] = (float)(given[0] < 0 ? width : given[0]);
}

/* The negative prompt's sizes are the prompt's unless one of its own is given; then its crop begins at 0, as in
 * diffusers.  With an aesthetic score it always does. */
static void put_time_ids(Sd *sd)
{
    const SdXlOptions *o = &sd->options->xl;
    SdCondition *c = &sd->conditions[TIME_IDS];
    float negative[SIZE_IDS], ids[SIZE_IDS];
    bool scored = c->row == SCORE_IDS;
    put_pair(ids, o->original, sd->picture_height, sd->picture_width);
    put_pair(ids + 2, o->crop, 0, 0);
    put_pair(ids + 4, o->target, sd->picture_height, sd->picture_width);
    bool own = scored || o->negative_original[0] >= 0 || o->negative_target[0] >= 0 || o->negative_crop[0] >= 0;
    put_pair(negative, o->negative_original, (int64_t)ids[0], (int64_t)ids[1]);
    put_pair(negative + 2, o->negative_crop, own ? 0 : (int64_t)ids[2], own ? 0 : (int64_t)ids[3]);
    put_pair(negative + 4, o->negative_target, (int64_t)ids[4], (int64_t)ids[5]);
    if (scored) {
        ids[4] = (float)o->aesthetic;
        negative[4] = (float)o->negative_aesthetic;
    }
    if (sd->guided)
        memcpy(c->values, negative, (size_t)c->row * sizeof *c->values);
    memcpy(c->values + (sd->guided ? c->row : 0), ids, (size_t)c->row * sizeof *c->values);
}

/* diffusers' force_zeros_for_empty_prompt: no negative prompt at all is zeros rather than an encoded empty text. */
static bool forces_zeros(const Sd *sd)
{
    char key[64], value[8];
    snprintf(key, sizeof key, "%sforce_zeros_for_empty_prompt", sd->family->settings ? sd->family->settings : "index.");
    return !pipeline_setting(key, value, sizeof value) || strcmp(value, "false");
}

int sd_xl_encode(Sd *sd)
{
    int64_t left = 0;
    int code = SDC_OK;
    for (int k = 0; !code && k < sd->n_encoders; k++)
        if (!(code = sd_read_prompts(sd, &sd->encoders[k])))
            code = encode_one(sd, k, &left);
    if (!code && sd->guided && !sd->options->negative_given && forces_zeros(sd))
        for (int k = HIDDEN; k <= POOLED; k++)
            memset(sd->conditions[k].values, 0, (size_t)sd->conditions[k].row * sizeof *sd->conditions[k].values);
    if (!code)
        put_time_ids(sd);
    return code;
}

/* ---- base and refiner -------------------------------------------------------------------------------------------- */

static bool has_refiner(const Sd *sd)
{
    return sd->family->refiner && pipeline_nth(sd->family->refiner->denoiser, 0);
}

double sd_xl_refine_at(const Sd *sd)
{
    double given = sd->options->xl.refine_at;
    return !isnan(given) ? given : has_refiner(sd) ? REFINE_AT : 1;
}

bool sd_xl_refines(const Sd *sd)
{
    return has_refiner(sd) && sd_xl_refine_at(sd) < 1;
}

/* Evaluations of the training timesteps from --refine-at on, the refiner's share: of diffusers' denoising_end and
 * denoising_start, which cut between timesteps. */
static int64_t refiners_share(const Scheduler *s, double at)
{
    double trained = (double)s->config.num_train_timesteps, cutoff = rint(trained - at * trained);
    int64_t n = 0;
    for (int64_t k = 0; k < s->evaluations; k++)
        n += s->timesteps[k] < cutoff;
    return n;
}

int sd_xl_start(Sd *sd)
{
    Scheduler *s = sd->scheduler;
    double at = sd_xl_refine_at(sd);
    int code = sd_inpaint_start(sd);
    if (code || at >= 1)
        return code;
    if (sd->options->mask && has_refiner(sd))
        return sdc_error(SDC_USAGE, "--mask: the refiner would redraw all of the picture; give --refine-at 1 too");
    sd->end = s->evaluations - refiners_share(s, at);
    if (sd->end <= s->index)
        return sdc_error(SDC_USAGE, "--refine-at %g leaves no step before it", at);
    return SDC_OK;
}

int sd_xl_start_refiner(Sd *sd)
{
    Scheduler *s = sd->scheduler;
    double at = sd->options->xl.refine_at;
    at = isnan(at) ? REFINE_AT : at;
    if (scheduler_set_timesteps(s, sd->options->steps))
        return sdc_error(SDC_USAGE, "%s", s->message);
    int64_t left = refiners_share(s, at);
    left += s->class->order == 2 && left % 2 == 0;      /* not between the two evaluations of a step */
    if (left < 1 || left > s->evaluations)
        return sdc_error(SDC_USAGE, "--refine-at %g of %lld steps leaves no step to the refiner", at,
                         (long long)sd->options->steps);
    s->index = s->evaluations - left;
    memcpy(sd->latents, sd->given, (size_t)(sd->options->count * sd->size) * sizeof *sd->latents);
    return SDC_OK;
}

int sd_xl_start_picture(Sd *sd)
{
    if (sd->picture)
        return sd_inpaint_start(sd);
    if (!isnan(sd->options->xl.refine_at))
        return sd_xl_start_refiner(sd);
    if (scheduler_set_timesteps(sd->scheduler, sd->options->steps))
        return sdc_error(SDC_USAGE, "%s", sd->scheduler->message);
    size_t bytes = (size_t)(sd->options->count * sd->size) * sizeof *sd->latents;
    if (sd->given)
        memcpy(sd->latents, sd->given, bytes);
    else
        memset(sd->latents, 0, bytes);                  /* --bench without a picture */
    return sd_start_noised(sd);
}
