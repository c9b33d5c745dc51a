/* unconditional_run.c: programs that fit together, and the loop from noise to pictures, as diffusers' DDPMPipeline,
 * DDIMPipeline and LDMPipeline.
 *
 * Order of random draws: the starting noise [n, C, h, w], then what each step draws, from one generator.  Pictures
 * share each step.  Rows of the network (picture 0 none, picture 0 its class, picture 1 none ...) go through it as many
 * at a time as it was compiled for. */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "unconditional.h"

/* ---- choosing programs ------------------------------------------------------------------------------------------ */

/* Denoiser number k and its decoder, if there are any, and what they draw. */
static int fit_size(Unconditional *u, int k)
{
    const SdcTensor *image;
    const SdcProgram *p = pipeline_nth("unet", k);
    int code = pipeline_input(p, "sample", 4, &u->sample);
    if (code)
        return code;
    u->channels = u->sample->dim[1];
    u->height = u->sample->dim[2];
    u->width = u->sample->dim[3];
    image = u->sample;
    if (pipeline_nth("vae_decoder", 0)) {
        u->decoder = pipeline_program("vae_decoder", "latents", 1, u->height, u->width);
        if (!u->decoder)
            return sdc_error(SDC_UNSUPPORTED, "there is no vae_decoder for a sample of %lldx%lld", (long long)u->width,
                             (long long)u->height);
        if ((code = pipeline_output(u->decoder, "sample", 4, &image)))
            return code;
    }
    u->picture_channels = (int)image->dim[1];
    u->picture_height = image->dim[2];
    u->picture_width = image->dim[3];
    if (image->dim[1] != 1 && image->dim[1] != 3)
        return sdc_error(SDC_UNSUPPORTED, "pictures of %lld channels; 1 and 3 can be written",
                         (long long)image->dim[1]);
    return SDC_OK;
}

static int choose_size(Unconditional *u)
{
    const int64_t height = u->options->height, width = u->options->width;
    for (int k = 0; pipeline_nth("unet", k); k++) {
        int code = fit_size(u, k);
        if (code || !width || (u->picture_width == width && u->picture_height == height))
            return code;
    }
    if (!pipeline_nth("unet", 0))
        return sdc_error(SDC_UNSUPPORTED, "there is no unet in here");
    return sdc_error(SDC_USAGE, "--size %lldx%lld is not in here; there is %lldx%lld, for one", (long long)width,
                     (long long)height, (long long)u->picture_width, (long long)u->picture_height);
}

static int find_tensors(Unconditional *u)
{
    const SdcProgram *p = u->denoiser;
    int code;
    if ((code = pipeline_input(p, "sample", 4, &u->sample)) ||
        (code = pipeline_input(p, "timestep", -1, &u->timestep)) ||
        (code = pipeline_output(p, "out_sample", 4, &u->prediction)))
        return code;
    for (int k = 0; k < p->n_inputs; k++) {
        const SdcTensor *t = &p->inputs[k];
        if (!strcmp(t->name, "class_labels") && dtype_is_float(t->dtype))
            return sdc_error(SDC_UNSUPPORTED, "unet: class_labels are no numbers of classes");
        if (!strcmp(t->name, "class_labels"))
            u->labels = t;
        else if (t != u->sample && t != u->timestep)
            return sdc_error(SDC_UNSUPPORTED, "unet: input '%s' is not one of an unconditional pipeline", t->name);
    }
    const int64_t said = tensor_row(u->prediction), row = tensor_row(u->sample);
    if ((said != row && said != 2 * row) || u->prediction->dim[0] != u->sample->dim[0] ||
        (u->labels && tensor_count(u->labels) != u->sample->dim[0]))
        return sdc_error(SDC_UNSUPPORTED, "unet: output and classes do not fit the sample");
    return said == row ? SDC_OK : pipeline_floats(&u->variance, u->count * u->size);
}

/* ---- classes ---------------------------------------------------------------------------------------------------- */

static int choose_classes(Unconditional *u)
{
    const UnconditionalOptions *o = u->options;
    if (!u->labels)
        return o->n_classes ? sdc_error(SDC_USAGE, "--class: this model has no classes") : SDC_OK;
    const int64_t classes = (int64_t)pipeline_number("unet.num_class_embeds", 0);
    const int64_t bound = u->labels->bound > 0 ? u->labels->bound : classes;
    const int64_t none = o->none_class >= 0 ? o->none_class : classes - 1;
    if (none < 0 || (bound > 0 && none >= bound))
        return sdc_error(SDC_USAGE, "--none-class: which number stands for no class is not known; there are %lld",
                         (long long)bound);
    u->shown = calloc((size_t)u->count * 2, sizeof *u->shown);
    if (!u->shown)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t k = 0; k < u->count; k++) {
        const int64_t class = o->n_classes ? o->classes[k % o->n_classes] : none;
        if (bound > 0 && class >= bound)
            return sdc_error(SDC_USAGE, "--class %lld: there are classes 0 to %lld", (long long)class,
                             (long long)bound - 1);
        u->shown[2 * k] = none;
        u->shown[2 * k + 1] = class;
    }
    u->guided = o->n_classes && o->guidance > 1;
    return SDC_OK;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int open_scheduler(Unconditional *u)
{
    const UnconditionalOptions *o = u->options;
    const DriverSampler sampler = {"scheduler", o->scheduler, o->eta, u->count, u->size, u->variance != NULL};
    int code = driver_scheduler(&sampler, &u->config, &u->scheduler);
    if (code)
        return code;
    u->scheduler->predicted_variance = u->variance;
    return driver_fits(u->scheduler, u->timestep);
}

static int open_clip(Unconditional *u)
{
    if (!u->options->clip_text)
        return SDC_OK;
    if (u->config.prediction_type != PREDICT_EPSILON || u->config.class->training != TRAINED_DIFFUSION)
        return sdc_error(SDC_UNSUPPORTED, "--clip-text: the network must predict noise");
    int code = clip_guide_open(&u->clip, u->pool, u->options->clip_text, u->count, u->channels, u->height, u->width);
    u->clip.cuts = u->options->clip_cuts;
    sdc_random_seed(&u->clip.random, ~u->options->seed);        /* not the noise's numbers */
    return code;
}

static int64_t default_steps(void)
{
    char class[96] = "";
    pipeline_setting("class", class, sizeof class);
    return strcmp(class, "DDPMPipeline") ? 50 : 1000;
}

static int make_room(Unconditional *u)
{
    const UnconditionalOptions *o = u->options;
    const int64_t n = u->count * u->size, picture = u->picture_channels * u->picture_height * u->picture_width;
    const int64_t steps = o->steps ? o->steps : default_steps();
    int code;
    if (scheduler_set_timesteps(u->scheduler, steps))
        return sdc_error(SDC_USAGE, "%s", u->scheduler->message);
    const int64_t evaluations = u->scheduler->evaluations;
    if ((code = pipeline_floats(&u->latents, n)) || (code = pipeline_floats(&u->scaled, n)) ||
        (code = pipeline_floats(&u->predicted, 2 * n)) || (code = pipeline_floats(&u->x0, n)) ||
        (code = pipeline_floats(&u->decoded, u->count * picture)) || !o->trace)
        return code;
    if ((code = pipeline_floats(&u->trace, (evaluations + 1) * n)) ||
        (code = pipeline_floats(&u->samples, evaluations * n)))
        return code;
    return o->clip_text ? pipeline_floats(&u->losses, evaluations * u->count) : SDC_OK;
}

int unconditional_open(Unconditional *u, const UnconditionalOptions *options)
{
    *u = (Unconditional){.options = options, .count = options->count, .tables.first = -1, .shown_row = -1};
    int code = choose_size(u);
    if (code)
        return code;
    u->size = u->channels * u->height * u->width;
    u->denoiser = pipeline_program("unet", "sample", (options->guidance > 1 ? 2 : 1) * u->count, u->height, u->width);
    if ((code = find_tensors(u)) || (code = choose_classes(u)) || (code = open_scheduler(u)) || (code = make_room(u)) ||
        (code = driver_pool(&options->common, &u->pool)))
        return code;
    return open_clip(u);
}

void unconditional_close(Unconditional *u)
{
    clip_guide_close(&u->clip);
    scheduler_destroy(u->scheduler);
    scheduler_config_free(&u->config);
    sdc_pool_destroy(u->pool);
    free(u->shown);
    free(u->latents);
    free(u->scaled);
    free(u->predicted);
    free(u->variance);
    free(u->x0);
    free(u->trace);
    free(u->samples);
    free(u->losses);
    free(u->decoded);
}

/* ---- the loop --------------------------------------------------------------------------------------------------- */

/* The classes of rows [row, row + batch), unless the network has just seen the same. */
static int show_classes(Unconditional *u, SdcContext *c, int64_t row)
{
    const int64_t last = (u->guided ? 2 : 1) * u->count - 1;
    if (!u->labels || (u->denoiser->prompt && u->shown_row == row))
        return SDC_OK;
    u->shown_row = row;
    u->tables.first = -1;
    for (int64_t k = 0; k < u->sample->dim[0]; k++) {
        const int64_t at = smaller(row + k, last);
        tensor_put_ids(c, u->labels, k, &u->shown[u->guided ? at : 2 * at + 1], 1);
    }
    return pipeline_prompt(c, u->denoiser);
}

/* What the network says of n rows from `row` on: of noise, and behind it of variance, where a picture's last row
 * counts. */
static void take(Unconditional *u, const SdcContext *c, int64_t row, int64_t n)
{
    const int64_t said = tensor_row(u->prediction);
    for (int64_t k = 0; k < n; k++) {
        tensor_get(c, u->prediction, k * said, u->predicted + (row + k) * u->size, u->size);
        if (u->variance)
            tensor_get(c, u->prediction, k * said + u->size,
                       u->variance + (row + k) / (u->guided ? 2 : 1) * u->size, u->size);
    }
}

/* All rows through the network; the pictures' predictions. */
static int predict(Unconditional *u, SdcContext *c)
{
    const Scheduler *s = u->scheduler;
    const int64_t rows = (u->guided ? 2 : 1) * u->count, batch = u->sample->dim[0];
    for (int64_t row = 0; row < rows; row += batch) {
        int code = show_classes(u, c, row);
        for (int64_t k = 0; k < batch; k++)
            tensor_put(c, u->sample, k * u->size,
                       u->scaled + smaller(row + k, rows - 1) / (u->guided ? 2 : 1) * u->size, u->size);
        if (!code)
            code = pipeline_timestep(c, u->denoiser, &u->tables, s->timesteps, s->evaluations, s->index);
        tensor_fill(c, u->timestep, s->timesteps[s->index]);
        if (code || (code = pipeline_step(c, u->denoiser)))
            return code;
        take(u, c, row, smaller(batch, rows - row));
    }
    const float scale = (float)u->options->guidance;
    for (int64_t k = 0; u->guided && k < u->count; k++) {
        const float *none = u->predicted + 2 * k * u->size, *class = none + u->size;
        pipeline_guide(u->predicted + k * u->size, none, class, scale, u->size);
    }
    return SDC_OK;
}

static int preview(Unconditional *u, Outputs *out)
{
    SdcPng grid = {0};
    scheduler_predict(u->scheduler, u->predicted, u->latents, u->x0);
    int code = unconditional_decode(u, u->x0);
    if (!code && !(code = unconditional_grid(u, u->decoded, u->count, 8, &grid)))
        code = outputs_preview(out, &grid);
    free(grid.samples);
    return code;
}

static int step(Unconditional *u, SdcContext *c, Outputs *out)
{
    Scheduler *s = u->scheduler;
    const int64_t n = u->count * u->size, at = s->index, every = u->options->preview_every;
    int code;
    if (u->trace)
        memcpy(u->trace + at * n, u->latents, (size_t)n * sizeof *u->latents);
    scheduler_scale_model_input(s, u->scaled, u->latents);
    if (u->samples)
        memcpy(u->samples + at * n, u->scaled, (size_t)n * sizeof *u->scaled);
    if ((code = predict(u, c)))
        return code;
    if (u->clip.program && (code = clip_guide_lead(&u->clip, s, u->options->clip_scale, u->latents, u->predicted, u->x0,
                                                   u->losses ? u->losses + at * u->count : NULL)))
        return code;
    if (every && (at + 1) % every == 0 && at + 1 < s->evaluations && (code = preview(u, out)))
        return code;
    code = scheduler_step(s, u->predicted, u->latents, scheduler_draw_random, &u->random);
    return code ? sdc_error(code, "%s", s->message) : SDC_OK;
}

static int loop(Unconditional *u, Outputs *out)
{
    Scheduler *s = u->scheduler;
    const int64_t n = u->count * u->size;
    SdcProgress progress;
    SdcContext c = {0};
    int code = sdc_instance_open(&c, u->denoiser, u->pool);
    sdc_progress_begin(&progress, "drawing", s->evaluations, u->options->common.quiet);
    while (!code && s->index < s->evaluations) {
        code = step(u, &c, out);
        sdc_progress_step(&progress, s->index);
    }
    sdc_progress_end(&progress);
    sdc_instance_close(&c);
    if (u->trace)
        memcpy(u->trace + s->evaluations * n, u->latents, (size_t)n * sizeof *u->latents);
    return code;
}

int unconditional_draw(Unconditional *u, const float *given, Outputs *out)
{
    const int64_t n = u->count * u->size;
    sdc_random_seed(&u->random, u->options->seed);
    if (given)
        memcpy(u->latents, given, (size_t)n * sizeof *u->latents);
    else
        sdc_random_normal(&u->random, u->latents, n);
    for (int64_t i = 0; i < n; i++)
        u->latents[i] *= u->scheduler->init_noise_sigma;
    int code = loop(u, out);
    return code ? code : unconditional_decode(u, u->latents);
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

int unconditional_grid(const Unconditional *u, const float *pictures, int64_t count, int bits, SdcPng *grid)
{
    const SdcPng one = {.channels = u->picture_channels, .bits = bits, .width = (int)u->picture_width,
                        .height = (int)u->picture_height};
    return picture_grid(pictures, count, &one, u->options->columns, grid);
}

int unconditional_decode(Unconditional *u, const float *latents)
{
    const int64_t picture = u->picture_channels * u->picture_height * u->picture_width;
    if (!u->decoder) {
        memcpy(u->decoded, latents, (size_t)(u->count * picture) * sizeof *latents);
        return SDC_OK;
    }
    const SdcTensor *in, *image;
    SdcContext c = {0};
    const float scale = (float)pipeline_number("vae.scaling_factor", 0.18215);
    int code;
    if (!(code = pipeline_input(u->decoder, "latents", 4, &in)) &&
        !(code = pipeline_output(u->decoder, "sample", 4, &image)))
        code = sdc_instance_open(&c, u->decoder, u->pool);
    for (int64_t k = 0; !code && k < u->count; k++) {
        for (int64_t i = 0; i < u->size; i++)
            u->scaled[i] = latents[k * u->size + i] / scale;
        tensor_repeat(&c, in, u->scaled, u->size);
        if (!(code = pipeline_run(&c, u->decoder)))
            tensor_get(&c, image, 0, u->decoded + k * picture, picture);
    }
    sdc_instance_close(&c);
    return code;
}
