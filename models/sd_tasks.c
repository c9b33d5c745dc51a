/* sd_tasks.c: what inpainting, depth to image, upscaling and variations need beside a prompt, as diffusers'
 * StableDiffusionInpaintPipeline (...XLInpaint..., ...3Inpaint...), ...Depth2ImgPipeline, ...UpscalePipeline and
 * StableUnCLIPImg2ImgPipeline and StableUnCLIPPipeline.
 *
 * Order of random draws:
 *      --mask        noise of the picture's distribution (not where the network sees the mask and strength is 1),
 *                    starting noise [n, C, h, w], noise of the masked picture's distribution, then the steps
 *      depth         as image to image
 *      upscaler      noise over the picture [1, 3, h, w], starting noise, then the steps
 *      variations    noise over the embedding [1, E], starting noise, then the steps; with a prior its noise and its
 *                    steps' before that */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"
#include "sd_pixels.h"

typedef struct SdTask {
    float *mask;                    /* [picture_height][picture_width]: 1 where the picture is redrawn, else 0 */
    float *latent_mask;             /* [height][width] */
    float *masked;                  /* [3][picture_height][picture_width]: the picture, 0 where it is redrawn */
    float *kept, *noise;            /* [count][size]: the picture's latents, the noise of the start */
    float *noised;                  /* [count][size]: one over the other */
    float *low;                     /* [3][height][width]: the picture to enlarge */
    float *drawn;                   /* noise over `low` or `embedding` */
    Scheduler *levels;              /* what that noise weighs */
    const SdcProgram *eye;          /* the image encoder */
    float *pixels;                  /* its input, one row */
    float *embedding;               /* [embedded]: its output */
    int64_t embedded;
} SdTask;

/* ---- options ----------------------------------------------------------------------------------------------------- */

int sd_check_class(const SdOptions *o, const SdFamily *f)
{
    const struct { bool given; unsigned bit; const char *option; } rows[] = {
        {o->mask, SD_MASK, "--mask"}, {o->depth_map, SD_DEPTH, "--depth-map"},
        {o->noise_level >= 0, SD_NOISE_LEVEL, "--noise-level"}, {o->control_guess, SD_CONTROL_PICTURE, "--control-guess"},
        {o->prior_guidance >= 0, SD_PRIOR, "--prior-guidance"}, {o->prior_steps > 0, SD_PRIOR, "--prior-steps"},
        {o->prompt_2, SD_TEXT_2, "--prompt-2"}, {o->negative_2, SD_TEXT_2, "--negative-prompt-2"},
        {o->prompt_3, SD_TEXT_3, "--prompt-3"}, {o->negative_3, SD_TEXT_3, "--negative-prompt-3"}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (rows[k].given && !(f->takes & rows[k].bit))
            return sdc_error(SDC_USAGE, "a %s takes no %s", f->class, rows[k].option);
    if (o->init_image && f->takes & SD_NO_PICTURE)
        return sdc_error(SDC_USAGE, "a %s takes no --init-image", f->class);
    if (o->xl.given && !f->xl)
        return sdc_error(SDC_USAGE, "--%s: is for SDXL, not for a %s", o->xl.given, f->class);
    return SDC_OK;
}

int sd_check_task(const SdOptions *o)
{
    const SdFamily *f = sd_family();
    if (!o->init_image && f->takes & SD_NEEDS_PICTURE)
        return sdc_error(SDC_USAGE, "a %s needs a picture: --init-image", f->class);
    if (!o->init_image && o->mask)
        return sdc_error(SDC_USAGE, "--mask needs the picture that it is for: --init-image");
    const struct { double start, stop; const char *option; } spans[] = {
        {o->control_start, o->control_stop, "control"}, {o->skip_start, o->skip_stop, "skip"}};
    for (size_t k = 0; k < sizeof spans / sizeof *spans; k++)
        if (spans[k].start >= spans[k].stop)
            return sdc_error(SDC_USAGE, "--%s-start %g is not before --%s-stop %g", spans[k].option, spans[k].start,
                             spans[k].option, spans[k].stop);
    if (o->init_image && o->latents && !(f->takes & SD_PICTURE_ASIDE))
        return sdc_error(SDC_USAGE, "--latents and --init-image do not go together");
    return SDC_OK;
}

double sd_strength(const SdOptions *o)
{
    const SdFamily *f = sd_family();
    const double masked = f->mask_strength > 0 ? f->mask_strength : 1;
    return !isnan(o->strength) ? o->strength : o->mask ? masked : sd_default_strength(f);
}

int sd_noise_level(const Sd *sd)
{
    return (int)(sd->options->noise_level < 0 ? sd->family->noise_level : sd->options->noise_level);
}

/* ---- what the tasks share ---------------------------------------------------------------------------------------- */

static int make_task(Sd *sd)
{
    sd->task = calloc(1, sizeof *sd->task);
    return sd->task ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

void sd_task_close(Sd *sd)
{
    SdTask *t = sd->task;
    if (!t)
        return;
    float *const all[] = {t->mask, t->latent_mask, t->masked, t->kept,   t->noise,
                          t->noised, t->low,       t->drawn,  t->pixels, t->embedding};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        free(all[k]);
    scheduler_destroy(t->levels);
    free(t);
    sd->task = NULL;
}

/* The network's sample must be the latents and `channels` more. */
static int expect_extra(const Sd *sd, int64_t channels)
{
    int64_t plane = sd->height * sd->width;
    if (sd->extra_size == channels * plane)
        return SDC_OK;
    return sdc_error(SDC_UNSUPPORTED, "%s: its sample has %lld channels beside %lld of latents; a %s has %lld",
                     sd->denoiser->name, (long long)(sd->extra_size / plane), (long long)sd->channels,
                     sd->family->class, (long long)channels);
}

/* The scheduler of a section, for the weights of its noise alone; `limit`: levels that the class allows. */
static int open_levels(Sd *sd, const char *section, int64_t limit)
{
    SchedulerConfig config = {0};
    int code = driver_scheduler(&(DriverSampler){section, NULL, NAN, 1, 1, false}, &config, &sd->task->levels);
    scheduler_config_free(&config);
    if (code)
        return code;
    const Scheduler *s = sd->task->levels;
    if (!s->alphas_cumprod)
        return sdc_error(SDC_UNSUPPORTED, "%s: a %s has no noise levels", section, s->class->name);
    if (limit > s->config.num_train_timesteps - 1)
        limit = s->config.num_train_timesteps - 1;
    if (sd_noise_level(sd) > limit)
        return sdc_error(SDC_USAGE, "--noise-level %d: this model takes 0 to %lld", sd_noise_level(sd),
                         (long long)limit);
    return SDC_OK;
}

/* out[n] = values under noise of this drawing's level. */
static void add_level(const Sd *sd, float *out, const float *values, const float *noise, int64_t n)
{
    float alpha = sd->task->levels->alphas_cumprod[sd_noise_level(sd)];
    float keep = sqrtf(alpha), add = sqrtf(1 - alpha);
    for (int64_t i = 0; i < n; i++)
        out[i] = keep * values[i] + add * noise[i];
}

/* ---- inpainting -------------------------------------------------------------------------------------------------- */

/* Nearest, as torch's interpolate: the pixel up and left of it. */
static void shrink_mask(const Sd *sd)
{
    SdTask *t = sd->task;
    for (int64_t y = 0; y < sd->height; y++)
        for (int64_t x = 0; x < sd->width; x++)
            t->latent_mask[y * sd->width + x] = t->mask[y * sd->picture_height / sd->height * sd->picture_width +
                                                        x * sd->picture_width / sd->width];
}

static int read_mask(Sd *sd)
{
    SdTask *t = sd->task;
    int64_t height = sd->picture_height, width = sd->picture_width, n = height * width;
    int code = sd_plane_read(sd->options->mask, &height, &width, &t->mask);
    if (code || (code = pipeline_floats(&t->masked, 3 * n)) ||
        (code = pipeline_floats(&t->latent_mask, sd->height * sd->width)))
        return code;
    for (int64_t i = 0; i < n; i++) {
        t->mask[i] = t->mask[i] >= 0.5f;
        for (int64_t c = 0; c < 3; c++)
            t->masked[c * n + i] = t->mask[i] != 0 ? 0 : sd->picture[c * n + i];
    }
    shrink_mask(sd);
    return SDC_OK;
}

int sd_inpaint_open(Sd *sd)
{
    int64_t n = sd->options->count * sd->size;
    bool sees = sd->extra_size > 0;
    int code = sees ? expect_extra(sd, 1 + sd->channels) : SDC_OK;
    if (!code && sees && !sd->options->mask)
        return sdc_error(SDC_USAGE, "this model redraws parts of pictures: --init-image and --mask are needed");
    if (code || !sd->options->mask || (code = make_task(sd)) || (code = read_mask(sd)) ||
        (code = pipeline_floats(&sd->task->kept, n)) || (code = pipeline_floats(&sd->task->noise, n)))
        return code;
    return sees ? SDC_OK : pipeline_floats(&sd->task->noised, n);
}

static int encode_kept(Sd *sd)
{
    float *kept = sd->task->kept;
    int code = sd_encode_picture(sd, sd->picture, kept);
    for (int64_t k = 1; !code && k < sd->options->count; k++)
        memcpy(kept + k * sd->size, kept, (size_t)sd->size * sizeof *kept);
    return code;
}

/* What the network sees: mask and masked picture.  One that does not see them draws the latter's noise all the same. */
static int encode_masked(Sd *sd)
{
    int64_t plane = sd->height * sd->width;
    if (!sd->extra_size) {
        sdc_random_normal(&sd->random, sd->task->noised, sd->size);
        return SDC_OK;
    }
    memcpy(sd->extra, sd->task->latent_mask, (size_t)plane * sizeof *sd->extra);
    return sd_encode_picture(sd, sd->task->masked, sd->extra + plane);
}

int sd_inpaint_start(Sd *sd)
{
    SdTask *t = sd->task;
    Scheduler *s = sd->scheduler;
    int64_t n = sd->options->count * sd->size;
    double strength = sd_strength(sd->options);
    if (!t)
        return sd_start(sd);
    if (scheduler_set_timesteps(s, sd->options->steps) || scheduler_begin(s, strength))
        return sdc_error(SDC_USAGE, "%s", s->message);
    int code = strength < 1 || !sd->extra_size ? encode_kept(sd) : SDC_OK;
    if (code)
        return code;
    sdc_random_normal(&sd->random, t->noise, n);
    if (strength < 1)
        scheduler_add_noise(s, sd->latents, t->kept, t->noise);
    for (int64_t i = 0; strength >= 1 && i < n; i++)
        sd->latents[i] = t->noise[i] * s->init_noise_sigma;
    return encode_masked(sd);
}

int sd_inpaint_after_step(Sd *sd)
{
    SdTask *t = sd->task;
    int64_t plane = sd->height * sd->width, n = sd->options->count * sd->size;
    if (!t || sd->extra_size)
        return SDC_OK;
    scheduler_add_noise(sd->scheduler, t->noised, t->kept, t->noise);
    for (int64_t i = 0; i < n; i++) {
        float mask = t->latent_mask[i % plane];
        sd->latents[i] = (1 - mask) * t->noised[i] + mask * sd->latents[i];
    }
    return SDC_OK;
}

/* ---- depth to image ---------------------------------------------------------------------------------------------- */

/* The depth model's estimate for the picture, [1, H, W]. */
static int estimate_depth(Sd *sd, int64_t *height, int64_t *width, float **depth)
{
    const SdcProgram *p = pipeline_nth("depth_estimator", 0);
    const SdcTensor *out;
    if (!p)
        return sdc_error(SDC_USAGE, "there is no depth model in here: --depth-map is needed");
    int code = pipeline_output(p, "predicted_depth", -1, &out);
    if (code)
        return code;
    if (out->rank < 2)
        return sdc_error(SDC_UNSUPPORTED, "%s: its output '%s' is no map", p->name, out->name);
    *height = out->dim[out->rank - 2];
    *width = out->dim[out->rank - 1];
    if (*height * *width != tensor_row(out))
        return sdc_error(SDC_UNSUPPORTED, "%s: its output '%s' is not one map a picture", p->name, out->name);
    float *pixels = NULL;
    if (!(code = sd_pixels_read(p, sd->options->init_image, &pixels)) &&
        !(code = pipeline_floats(depth, *height * *width)))
        code = sd_pixels_run(sd, p, pixels, "predicted_depth", *depth, *height * *width);
    free(pixels);
    return code;
}

int sd_depth_open(Sd *sd)
{
    int64_t height = 0, width = 0, plane = sd->height * sd->width;
    float *depth = NULL;
    int code = expect_extra(sd, 1);
    if (!code)
        code = sd->options->depth_map ? sd_plane_read(sd->options->depth_map, &height, &width, &depth)
                                      : estimate_depth(sd, &height, &width, &depth);
    if (!code) {
        sd_bicubic(depth, height, width, sd->extra, sd->height, sd->width);
        float low = sd->extra[0], high = low;
        for (int64_t i = 1; i < plane; i++) {
            low = fminf(low, sd->extra[i]);
            high = fmaxf(high, sd->extra[i]);
        }
        for (int64_t i = 0; i < plane; i++)         /* a map without any depth is far away everywhere */
            sd->extra[i] = high > low ? 2 * (sd->extra[i] - low) / (high - low) - 1 : -1;
    }
    free(depth);
    return code;
}

/* ---- upscaling --------------------------------------------------------------------------------------------------- */

int sd_upscale_open(Sd *sd)
{
    int code = expect_extra(sd, 3);
    if (code || (code = make_task(sd)) ||
        (code = open_levels(sd, "low_res_scheduler", (int64_t)pipeline_number("index.max_noise_level", 350))) ||
        (code = sd_image_read(sd->options->init_image, sd->height, sd->width, &sd->task->low)) ||
        (code = pipeline_floats(&sd->task->drawn, sd->extra_size)) || (code = sd_add_condition(sd, "class_labels", 1)))
        return code;
    SdCondition *label = &sd->conditions[sd->n_conditions - 1];
    label->values[0] = label->values[1] = (float)sd_noise_level(sd);
    return SDC_OK;
}

int sd_upscale_start(Sd *sd)
{
    SdTask *t = sd->task;
    sdc_random_normal(&sd->random, t->drawn, sd->extra_size);
    add_level(sd, sd->extra, t->low, t->drawn, sd->extra_size);
    return sd_start(sd);
}

/* ---- variations -------------------------------------------------------------------------------------------------- */

/* The image normalizer: means and deviations of the embeddings. */
static int find_statistics(const Sd *sd, const float **mean)
{
    SdcSection s = sdc_section("image_normalizer");
    if (!s.data || s.bytes != 2 * sd->task->embedded * (int64_t)sizeof **mean)
        return sdc_error(SDC_BAD_INPUT, "the image_normalizer is missing from this file, or is not of %lld values",
                         (long long)sd->task->embedded);
    *mean = s.data;
    return SDC_OK;
}

/* For embeddings of n values, which the network is told under noise. */
static int open_embedding(Sd *sd, int64_t n)
{
    const float *mean;
    int code = expect_extra(sd, 0);
    if (code || (code = make_task(sd)) || (code = open_levels(sd, "image_noising_scheduler", INT64_MAX)))
        return code;
    sd->task->embedded = n;
    if ((code = find_statistics(sd, &mean)) || (code = pipeline_floats(&sd->task->embedding, n)) ||
        (code = pipeline_floats(&sd->task->drawn, n)))
        return code;
    return sd_add_condition(sd, "class_labels", 2 * n);
}

int sd_variation_open(Sd *sd)
{
    const SdcTensor *out;
    const SdcProgram *eye = pipeline_nth("image_encoder", 0);
    if (!eye)
        return sdc_error(SDC_UNSUPPORTED, "there is no image_encoder in here");
    int code = pipeline_output(eye, "image_embeds", 2, &out);
    if (code || (code = open_embedding(sd, tensor_row(out))))
        return code;
    sd->task->eye = eye;
    return sd_pixels_read(eye, sd->options->init_image, &sd->task->pixels);
}

int sd_unclip_open(Sd *sd)
{
    const int64_t n = sd_prior_size();
    return n ? open_embedding(sd, n) : sdc_error(SDC_UNSUPPORTED, "there is no prior in here");
}

int sd_unclip_start(Sd *sd)
{
    int code = sd_prior_draw(sd, sd->task->embedding, sd->task->embedded);
    return code ? code : sd_variation_start(sd);
}

int sd_variation_encode(Sd *sd)
{
    SdTask *t = sd->task;
    int code = sd_clip_encode(sd);
    return code ? code : sd_pixels_run(sd, t->eye, t->pixels, "image_embeds", t->embedding, t->embedded);
}

/* [embedding under noise, the noise level as cosines and sines]; zeros for the negative prompt. */
int sd_variation_start(Sd *sd)
{
    SdTask *t = sd->task;
    SdCondition *label = &sd->conditions[sd->n_conditions - 1];
    int64_t n = t->embedded, half = n / 2;
    float *row = label->values + (sd->guided ? label->row : 0), level = (float)sd_noise_level(sd);
    const float *mean, *deviation;
    int code = find_statistics(sd, &mean);
    if (code)
        return code;
    deviation = mean + n;
    sdc_random_normal(&sd->random, t->drawn, n);
    for (int64_t i = 0; i < n; i++)
        row[i] = (t->embedding[i] - mean[i]) / deviation[i];
    add_level(sd, row, row, t->drawn, n);
    for (int64_t i = 0; i < n; i++)
        row[i] = row[i] * deviation[i] + mean[i];
    for (int64_t i = 0; i < half; i++) {
        float angle = level * expf(-logf(10000) * (float)i / (float)half);
        row[n + i] = cosf(angle);
        row[n + half + i] = sinf(angle);
    }
    return sd_start(sd);
}
