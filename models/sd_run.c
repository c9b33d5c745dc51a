/* sd_run.c: from a prompt to latents and a picture, as diffusers' StableDiffusionPipeline and ...Img2ImgPipeline.
 *
 * Order of random draws, which makes pictures comparable with other programs from the seed alone:
 *      text to image      starting noise [n, C, h, w] (none with --latents), then what each step draws
 *      image to image     noise of the encoder's distribution [1, C, h, w], starting noise [n, C, h, w], then the steps
 *
 * Pictures of one run share each step, because a sampler draws its noise for all of them at once.  The network's rows
 * (picture 0 negative, picture 0 prompt, picture 1 negative ...) go through it as many at a time as it was compiled
 * for.  A program may overwrite its inputs, so all of them are set before every run, but those that count as the prompt,
 * which are set when it changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"
#include "sd_report.h"

/* ---- choosing programs ------------------------------------------------------------------------------------------ */

/* The pictures that UNet number k draws with the decoder that suits it; false when it has none. */
static bool size_of(int k, int64_t latent[2], int64_t picture[2])
{
    const SdcTensor *sample, *image;
    const SdcProgram *unet = pipeline_nth("unet", k);
    if (!unet || pipeline_input(unet, "sample", 4, &sample))
        return false;
    const SdcProgram *decoder = pipeline_program("vae_decoder", "latent_sample", 1, sample->dim[2], sample->dim[3]);
    if (!decoder || pipeline_output(decoder, "sample", 4, &image))
        return false;
    memcpy(latent, &sample->dim[2], 2 * sizeof *latent);
    memcpy(picture, &image->dim[2], 2 * sizeof *picture);
    return true;
}

static int choose_size(Sd *sd)
{
    char list[512] = "";
    size_t used = 0;
    int64_t latent[2], picture[2], height = sd->options->height, width = sd->options->width;
    for (int k = 0; pipeline_nth("unet", k); k++) {
        if (!size_of(k, latent, picture))
            continue;
        if (!width || (width == picture[1] && height == picture[0])) {
            sd->height = latent[0];
            sd->width = latent[1];
            sd->picture_height = picture[0];
            sd->picture_width = picture[1];
            return SDC_OK;
        }
        char name[48];
        snprintf(name, sizeof name, " %lldx%lld", (long long)picture[1], (long long)picture[0]);
        if (!strstr(list, name) && used + strlen(name) < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s", name);
    }
    if (!used)
        return sdc_error(SDC_UNSUPPORTED, "there is no unet with a vae_decoder of its size in here");
    return sdc_error(SDC_USAGE, "--size %lldx%lld is not in here; there is%s", (long long)width, (long long)height,
                     list);
}

static int check_unet(Sd *sd)
{
    static const char *const known[] = {"sample", "timestep", "encoder_hidden_states", NULL};
    const SdcTensor *sample, *text, *out, *time;
    int code;
    if ((code = pipeline_input(sd->unet, "sample", 4, &sample)) ||
        (code = pipeline_input(sd->unet, "timestep", -1, &time)) ||
        (code = pipeline_input(sd->unet, "encoder_hidden_states", 3, &text)) ||
        (code = pipeline_output(sd->unet, "out_sample", 4, &out)))
        return code;
    for (int i = 0; i < sd->unet->n_inputs; i++) {
        int k = 0;
        while (known[k] && strcmp(known[k], sd->unet->inputs[i].name))
            k++;
        if (!known[k])
            return sdc_error(SDC_UNSUPPORTED, "unet: input '%s' is not one of Stable Diffusion 1 or 2",
                             sd->unet->inputs[i].name);
    }
    if (tensor_row(out) != tensor_row(sample) || text->dim[0] != sample->dim[0] || out->dim[0] != sample->dim[0])
        return sdc_error(SDC_UNSUPPORTED, "unet: its output is not of the shape of its sample; an inpainting network?");
    sd->channels = sample->dim[1];
    sd->size = sd->channels * sd->height * sd->width;
    sd->length = text->dim[1];
    sd->features = text->dim[2];
    return SDC_OK;
}

/* The prompt's length and the latents' shape must be the same in all programs. */
static int check_others(Sd *sd)
{
    const SdcTensor *ids, *hidden, *latent, *picture, *moments;
    int code;
    if ((code = pipeline_input(sd->text, "input_ids", 2, &ids)) ||
        (code = pipeline_output(sd->text, "last_hidden_state", 3, &hidden)) ||
        (code = pipeline_input(sd->decoder, "latent_sample", 4, &latent)) ||
        (code = pipeline_output(sd->decoder, "sample", 4, &picture)))
        return code;
    if (ids->dim[1] != sd->length || hidden->dim[1] != sd->length || hidden->dim[2] != sd->features)
        return sdc_error(SDC_UNSUPPORTED, "text_encoder gives %lld x %lld, unet takes %lld x %lld",
                         (long long)hidden->dim[1], (long long)hidden->dim[2], (long long)sd->length,
                         (long long)sd->features);
    if (latent->dim[1] != sd->channels || picture->dim[1] != 3)
        return sdc_error(SDC_UNSUPPORTED, "vae_decoder: %lld channels to %lld, not %lld to 3",
                         (long long)latent->dim[1], (long long)picture->dim[1], (long long)sd->channels);
    if (!sd->encoder)
        return SDC_OK;
    if ((code = pipeline_output(sd->encoder, "latent_parameters", 4, &moments)))
        return code;
    if (moments->dim[1] != 2 * sd->channels || moments->dim[2] != sd->height || moments->dim[3] != sd->width)
        return sdc_error(SDC_UNSUPPORTED, "vae_encoder: does not give mean and log variance of %lld x %lld x %lld",
                         (long long)sd->channels, (long long)sd->height, (long long)sd->width);
    return SDC_OK;
}

/* The network is done with; what --bench reports as the peak is noted while its arena is still there. */
static void close_network(Sd *sd, SdcContext *c)
{
    if (sd->options->bench)
        sd->anonymous = fmax(sd->anonymous, sd_anonymous());
    sdc_instance_close(c);
}

static int missing(const char *component)
{
    return sdc_error(SDC_UNSUPPORTED, "there is no %s of this size in here", component);
}

static int choose_programs(Sd *sd)
{
    int64_t prompts = sd->guided ? 2 : 1;
    int code = choose_size(sd);
    if (code)
        return code;
    sd->unet = pipeline_program("unet", "sample", prompts * sd->options->count, sd->height, sd->width);
    sd->decoder = pipeline_program("vae_decoder", "latent_sample", 1, sd->height, sd->width);
    sd->text = pipeline_program("text_encoder", "input_ids", prompts, 0, 0);
    if (!sd->text)
        return missing("text_encoder");
    if (sd->options->init_image) {
        sd->encoder = pipeline_program("vae_encoder", "sample", 1, sd->picture_height, sd->picture_width);
        if (!sd->encoder)
            return missing("vae_encoder, which --init-image needs,");
    }
    if ((code = check_unet(sd)) || (code = check_others(sd)))
        return code;
    return SDC_OK;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int open_scheduler(Sd *sd)
{
    SdcSection text = sdc_section("scheduler");
    if (!text.data)
        return sdc_error(SDC_BAD_INPUT, "the scheduler's configuration is missing from this file");
    if (scheduler_config_read(&sd->config, sd->options->scheduler, text.data, text.bytes))
        return sdc_error(sd->options->scheduler ? SDC_USAGE : SDC_BAD_INPUT, "%s", sd->config.message);
    sd->scheduler = scheduler_create(&sd->config, sd->options->count, sd->size);
    if (!sd->scheduler)
        return sdc_error(SDC_NO_SPACE, "%s", sd->config.message);
    if (!isnan(sd->options->eta))
        sd->scheduler->options.eta = sd->options->eta;
    return SDC_OK;
}

static int make_room(Sd *sd)
{
    int code = pipeline_floats(&sd->embeddings, 2 * sd->length * sd->features);
    sd->ids = calloc((size_t)sd->length * 2, sizeof *sd->ids);
    if (!sd->ids && !code)
        code = sdc_error(SDC_NO_SPACE, "out of memory");
    return code ? code : pipeline_floats(&sd->latents, sd->options->count * sd->size);
}

int sd_open(Sd *sd, const SdOptions *options)
{
    *sd = (Sd){.options = options, .guided = options->guidance > 1};
    SdcSection tokenizer = sdc_section("tokenizer");
    if (tokenizer_clip_open(&sd->tokenizer, tokenizer.data, tokenizer.bytes))
        return sdc_error(SDC_BAD_INPUT, "the tokenizer is missing from this file or damaged");
    int code = choose_programs(sd);
    if (code || (code = open_scheduler(sd)) || (code = make_room(sd)))
        return code;
    int threads = options->threads ? (int)options->threads : sdc_default_threads();
    sd->pool = sdc_pool_create(threads);
    if (!sd->pool)
        return sdc_error(SDC_NO_SPACE, "no room for %d threads", threads);
    return options->pin ? sdc_pool_pin(sd->pool) : SDC_OK;
}

void sd_close(Sd *sd)
{
    scheduler_destroy(sd->scheduler);
    scheduler_config_free(&sd->config);
    sdc_pool_destroy(sd->pool);
    free(sd->ids);
    free(sd->embeddings);
    free(sd->latents);
    free(sd->trace);
    free(sd->samples);
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static int read_prompt(Sd *sd, const char *what, const char *text, int64_t *ids)
{
    ClipTokens tokens;
    int code = tokenizer_clip_encode(&sd->tokenizer, text, (int64_t)strlen(text), sd->length, true, &tokens);
    if (code)
        return code;
    if (tokens.cut)
        sdc_error(0, "warning: the %s has %lld tokens, %lld are read; left out: '%s'", what, (long long)tokens.tokens,
                  (long long)sd->length, tokens.cut);
    memcpy(ids, tokens.ids, (size_t)sd->length * sizeof *ids);
    tokenizer_clip_free(&tokens);
    const SdcTensor *input;
    code = pipeline_input(sd->text, "input_ids", 2, &input);
    for (int64_t i = 0; !code && i < sd->length; i++)
        if (input->bound > 0 && ids[i] >= input->bound)
            code = sdc_error(SDC_BAD_INPUT, "the tokenizer gives id %lld, the text encoder knows %lld",
                             (long long)ids[i], (long long)input->bound);
    return code;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int run_text_encoder(Sd *sd, SdcContext *c, int64_t rows)
{
    const SdcTensor *ids, *hidden;
    int code;
    if ((code = pipeline_input(sd->text, "input_ids", 2, &ids)) ||
        (code = pipeline_output(sd->text, "last_hidden_state", 3, &hidden)))
        return code;
    int64_t batch = ids->dim[0], size = sd->length * sd->features;
    for (int64_t row = 0; row < rows; row += batch) {
        for (int64_t k = 0; k < batch; k++)
            tensor_put_ids(c, ids, k * sd->length, sd->ids + smaller(row + k, rows - 1) * sd->length, sd->length);
        if ((code = pipeline_run(c, sd->text)))
            return code;
        tensor_get(c, hidden, 0, sd->embeddings + row * size, smaller(batch, rows - row) * size);
    }
    return SDC_OK;
}

static int encode_prompts(Sd *sd)
{
    double start = sdc_now();
    const SdOptions *o = sd->options;
    int code = SDC_OK;
    if (sd->guided)
        code = read_prompt(sd, "negative prompt", o->negative, sd->ids);
    if (!code)
        code = read_prompt(sd, "prompt", o->prompt ? o->prompt : "", sd->ids + (sd->guided ? sd->length : 0));
    SdcContext c = {0};
    if (!code)
        code = sdc_instance_open(&c, sd->text, sd->pool);
    if (!code)
        code = run_text_encoder(sd, &c, sd->guided ? 2 : 1);
    close_network(sd, &c);
    sd->prompt_seconds = sdc_now() - start;
    return code;
}

/* ---- starting latents ------------------------------------------------------------------------------------------- */

/* latents of one picture = (mean + exp(log variance / 2) * noise - shift) * scale; the noise is drawn here. */
static int encode_picture(Sd *sd, float *latents)
{
    const SdcTensor *in, *out;
    float *moments = NULL;
    SdcContext c = {0};
    int code;
    if ((code = pipeline_input(sd->encoder, "sample", 4, &in)) ||
        (code = pipeline_output(sd->encoder, "latent_parameters", 4, &out)) ||
        (code = pipeline_floats(&moments, 2 * sd->size)) || (code = sdc_instance_open(&c, sd->encoder, sd->pool)))
        goto done;
    int64_t row = 3 * sd->picture_height * sd->picture_width;
    for (int64_t k = 0; k < in->dim[0]; k++)
        tensor_put(&c, in, k * row, sd->picture, row);
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
    close_network(sd, &c);
    free(moments);
    return code;
}

static int start_from_picture(Sd *sd)
{
    int64_t count = sd->options->count, n = count * sd->size;
    float *noise = NULL;
    if (scheduler_begin(sd->scheduler, sd->options->strength))
        return sdc_error(SDC_USAGE, "%s", sd->scheduler->message);
    int code = pipeline_floats(&noise, n);
    if (!code)
        code = encode_picture(sd, sd->latents);
    if (!code) {
        for (int64_t k = 1; k < count; k++)
            memcpy(sd->latents + k * sd->size, sd->latents, (size_t)sd->size * sizeof *sd->latents);
        sdc_random_normal(&sd->random, noise, n);
        scheduler_add_noise(sd->scheduler, sd->latents, sd->latents, noise);
    }
    free(noise);
    return code;
}

static int start(Sd *sd)
{
    int64_t n = sd->options->count * sd->size;
    sdc_random_seed(&sd->random, sd->options->seed);
    if (scheduler_set_timesteps(sd->scheduler, sd->options->steps))
        return sdc_error(SDC_USAGE, "%s", sd->scheduler->message);
    if (sd->picture)
        return start_from_picture(sd);
    if (sd->given)
        memcpy(sd->latents, sd->given, (size_t)n * sizeof *sd->latents);
    else
        sdc_random_normal(&sd->random, sd->latents, n);
    for (int64_t i = 0; i < n; i++)
        sd->latents[i] *= sd->scheduler->init_noise_sigma;
    return SDC_OK;
}

/* ---- denoising -------------------------------------------------------------------------------------------------- */

typedef struct {
    SdcContext context;
    const SdcTensor *sample, *timestep, *text, *out;
    float *scaled;                  /* [count][size]: the latents as the network wants them */
    float *predicted;               /* [rows][size] */
    int64_t *shown;                 /* [batch]: the prompt in each row of the arena that prompt() has seen, -1: none */
    PipelineTables tables;
} Unet;

/* The prompts of rows [row, row + batch), unless the network has just seen the same. */
static int show_prompts(Sd *sd, Unet *u, int64_t row)
{
    int64_t prompts = sd->guided ? 2 : 1, last = prompts * sd->options->count - 1, batch = u->sample->dim[0];
    int64_t words = sd->length * sd->features;
    bool same = true;
    for (int64_t k = 0; k < batch; k++)
        same &= u->shown[k] == smaller(row + k, last) % prompts;
    if (same && sd->unet->prompt)               /* without it the text is an input like any other, and used up by a run */
        return SDC_OK;
    if (!same)
        u->tables.first = -1;
    for (int64_t k = 0; k < batch; k++) {
        u->shown[k] = smaller(row + k, last) % prompts;
        tensor_put(&u->context, u->text, k * words, sd->embeddings + u->shown[k] * words, words);
    }
    return pipeline_prompt(&u->context, sd->unet);
}

/* All rows through the network for evaluation `at` of the drawing; predicted[rows]. */
static int run_unet(Sd *sd, Unet *u, int64_t at)
{
    int64_t prompts = sd->guided ? 2 : 1, rows = prompts * sd->options->count, batch = u->sample->dim[0];
    for (int64_t row = 0; row < rows; row += batch) {
        int code = show_prompts(sd, u, row);
        if (!code)
            code = pipeline_timestep(&u->context, sd->unet, &u->tables, sd->timesteps, sd->evaluations, at);
        for (int64_t k = 0; k < batch; k++)
            tensor_put(&u->context, u->sample, k * sd->size, u->scaled + smaller(row + k, rows - 1) / prompts * sd->size,
                       sd->size);
        tensor_fill(&u->context, u->timestep, sd->timesteps[at]);
        if (code || (code = pipeline_step(&u->context, sd->unet)))
            return code;
        tensor_get(&u->context, u->out, 0, u->predicted + row * sd->size, smaller(batch, rows - row) * sd->size);
    }
    return SDC_OK;
}

/* predicted [count][negative, prompt][size] to [count][size], in place. */
static void guide(const Sd *sd, float *predicted)
{
    float scale = (float)sd->options->guidance;
    for (int64_t k = 0; k < sd->options->count; k++) {
        const float *negative = predicted + 2 * k * sd->size, *prompt = negative + sd->size;
        for (int64_t i = 0; i < sd->size; i++)
            predicted[k * sd->size + i] = negative[i] + scale * (prompt[i] - negative[i]);
    }
}

static int denoise(Sd *sd, Unet *u)
{
    Scheduler *s = sd->scheduler;
    int64_t n = sd->options->count * sd->size, first = s->index;
    SdcProgress progress;
    sd->evaluations = s->evaluations - first;
    sd->timesteps = s->timesteps + first;
    sdc_progress_begin(&progress, "drawing", sd->evaluations, sd->options->quiet || sd->options->bench);
    int code = SDC_OK;
    while (!code && s->index < s->evaluations) {
        if (sd->trace)
            memcpy(sd->trace + (s->index - first) * n, sd->latents, (size_t)n * sizeof *sd->latents);
        scheduler_scale_model_input(s, u->scaled, sd->latents);
        if (sd->samples)
            memcpy(sd->samples + (s->index - first) * n, u->scaled, (size_t)n * sizeof *u->scaled);
        if ((code = run_unet(sd, u, s->index - first)))
            break;
        if (sd->guided)
            guide(sd, u->predicted);
        if ((code = scheduler_step(s, u->predicted, sd->latents, scheduler_draw_random, &sd->random)))
            sdc_error(code, "%s", s->message);
        sdc_progress_step(&progress, s->index - first);
        if (sd->warming)
            break;
    }
    if (sd->trace)
        memcpy(sd->trace + sd->evaluations * n, sd->latents, (size_t)n * sizeof *sd->latents);
    sdc_progress_end(&progress);
    sd->table_seconds = u->tables.seconds;
    return code;
}

static int forget_prompts(Unet *u)
{
    int64_t batch = u->sample->dim[0];
    u->shown = malloc((size_t)batch * sizeof *u->shown);
    u->tables = (PipelineTables){.first = -1};
    for (int64_t k = 0; u->shown && k < batch; k++)
        u->shown[k] = -1;
    return u->shown ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

static int run_denoiser(Sd *sd)
{
    Unet u = {0};
    int64_t count = sd->options->count;
    int code;
    if (!(code = pipeline_input(sd->unet, "sample", 4, &u.sample)) &&
        !(code = pipeline_input(sd->unet, "timestep", -1, &u.timestep)) &&
        !(code = pipeline_input(sd->unet, "encoder_hidden_states", 3, &u.text)) &&
        !(code = pipeline_output(sd->unet, "out_sample", 4, &u.out)) &&
        !(code = pipeline_floats(&u.scaled, count * sd->size)) &&
        !(code = pipeline_floats(&u.predicted, count * 2 * sd->size)) && !(code = forget_prompts(&u)) &&
        !(code = sdc_instance_open(&u.context, sd->unet, sd->pool)))
        code = denoise(sd, &u);
    close_network(sd, &u.context);
    free(u.scaled);
    free(u.predicted);
    free(u.shown);
    return code;
}

int sd_draw(Sd *sd)
{
    int code = encode_prompts(sd);
    if (code || (code = start(sd)))
        return code;
    if (sd->options->trace) {
        free(sd->trace);
        free(sd->samples);
        int64_t steps = sd->scheduler->evaluations - sd->scheduler->index, n = sd->options->count * sd->size;
        if ((code = pipeline_floats(&sd->trace, (steps + 1) * n)) || (code = pipeline_floats(&sd->samples, steps * n)))
            return code;
    }
    return run_denoiser(sd);
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

int sd_decode(Sd *sd, int64_t k, float *picture)
{
    const SdcTensor *in, *out;
    SdcContext c = {0};
    float *latents = NULL;
    int code;
    if ((code = pipeline_input(sd->decoder, "latent_sample", 4, &in)) ||
        (code = pipeline_output(sd->decoder, "sample", 4, &out)) || (code = pipeline_floats(&latents, sd->size)) ||
        (code = sdc_instance_open(&c, sd->decoder, sd->pool)))
        goto done;
    float scale = (float)pipeline_number("vae.scaling_factor", 0.18215);
    float shift = (float)pipeline_number("vae.shift_factor", 0);
    for (int64_t i = 0; i < sd->size; i++)
        latents[i] = sd->latents[k * sd->size + i] / scale + shift;
    for (int64_t row = 0; row < in->dim[0]; row++)
        tensor_put(&c, in, row * sd->size, latents, sd->size);
    if (!(code = pipeline_run(&c, sd->decoder)))
        tensor_get(&c, out, 0, picture, 3 * sd->picture_height * sd->picture_width);
done:
    close_network(sd, &c);
    free(latents);
    return code;
}
