/* sd_open.c: programs that fit together, room, threads; and the order of a drawing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"
#include "sd_report.h"

/* ---- choosing programs ------------------------------------------------------------------------------------------ */

/* The pictures that denoiser number k draws with the decoder that suits it; false when it has none. */
static bool size_of(const SdFamily *f, int k, int64_t latent[2], int64_t picture[2])
{
    const SdcTensor *sample, *image;
    const SdcProgram *denoiser = pipeline_nth(f->denoiser, k);
    if (!denoiser || pipeline_input(denoiser, f->sample, 4, &sample))
        return false;
    const SdcProgram *decoder = pipeline_program("vae_decoder", sd_latents(f), 1, sample->dim[2], sample->dim[3]);
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
    for (int k = 0; pipeline_nth(sd->family->denoiser, k); k++) {
        if (!size_of(sd->family, k, latent, picture))
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
        return sdc_error(SDC_UNSUPPORTED, "there is no %s with a vae_decoder of its size in here",
                         sd->family->denoiser);
    return sdc_error(SDC_USAGE, "--size %lldx%lld is not in here; there is%s", (long long)width, (long long)height,
                     list);
}

static int check_denoiser(Sd *sd)
{
    const SdcTensor *sample, *out;
    int code;
    if ((code = pipeline_input(sd->denoiser, sd->family->sample, 4, &sample)) ||
        (code = pipeline_output(sd->denoiser, sd->family->prediction, 4, &out)))
        return code;
    sd->channels = out->dim[1];
    sd->size = sd->channels * sd->height * sd->width;
    sd->extra_size = tensor_row(sample) - sd->size;
    bool fits = sd->family->open_task ? sd->extra_size >= 0 : !sd->extra_size;
    if (tensor_row(out) != sd->size || !fits || out->dim[0] != sample->dim[0])
        return sdc_error(SDC_UNSUPPORTED, "%s: its output is not of the shape of its sample",
                         sd->denoiser->name);
    return SDC_OK;
}

/* The latents' shape must be the same in the decoder. */
static int check_others(Sd *sd)
{
    const SdcTensor *latent, *picture;
    int code;
    if ((code = pipeline_input(sd->decoder, sd_latents(sd->family), 4, &latent)) ||
        (code = pipeline_output(sd->decoder, "sample", 4, &picture)))
        return code;
    if (latent->dim[1] != sd->channels || picture->dim[1] != 3)
        return sdc_error(SDC_UNSUPPORTED, "vae_decoder: %lld channels to %lld, not %lld to 3",
                         (long long)latent->dim[1], (long long)picture->dim[1], (long long)sd->channels);
    return SDC_OK;
}

int sd_open_encoder(Sd *sd, const char *option)
{
    const SdcTensor *moments;
    int code;
    sd->encoder = pipeline_program("vae_encoder", "sample", 1, sd->picture_height, sd->picture_width);
    if (!sd->encoder)
        return sdc_error(SDC_UNSUPPORTED, "there is no vae_encoder, which %s needs, of this size in here", option);
    if ((code = pipeline_output(sd->encoder, "latent_parameters", 4, &moments)))
        return code;
    if (moments->dim[1] != 2 * sd->channels || moments->dim[2] != sd->height || moments->dim[3] != sd->width)
        return sdc_error(SDC_UNSUPPORTED, "vae_encoder: does not give mean and log variance of %lld x %lld x %lld",
                         (long long)sd->channels, (long long)sd->height, (long long)sd->width);
    return SDC_OK;
}

void sd_close_network(Sd *sd, SdcContext *c)
{
    if (sd->options->bench)
        sd->anonymous = fmax(sd->anonymous, sd_anonymous());
    sdc_instance_close(c);
}

static int missing(const char *component)
{
    return sdc_error(SDC_UNSUPPORTED, "there is no %s of this size in here", component);
}

int sd_text_program(const Sd *sd, const char *component, const SdcProgram **program)
{
    *program = pipeline_program(component, "input_ids", sd_prompts(sd), 0, 0);
    return *program ? SDC_OK : missing(component);
}

/* Encoders and conditions. */
static int open_text(Sd *sd)
{
    int code = sd->family->open_text(sd);
    return code ? code : sd_add_guidance(sd);
}

static int choose_programs(Sd *sd)
{
    int code = choose_size(sd);
    if (code)
        return code;
    sd->denoiser = pipeline_program(sd->family->denoiser, sd->family->sample, sd_prompts(sd) * sd->options->count,
                                    sd->height, sd->width);
    sd->decoder = pipeline_program("vae_decoder", sd_latents(sd->family), 1, sd->height, sd->width);
    if ((code = check_denoiser(sd)) || (code = check_others(sd)) ||
        (sd->options->init_image && !(sd->family->takes & SD_PICTURE_ASIDE) &&
         (code = sd_open_encoder(sd, "--init-image"))))
        return code;
    return open_text(sd);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int open_scheduler(Sd *sd)
{
    const SdOptions *o = sd->options;
    const char *section = sd->family->scheduler ? sd->family->scheduler : "scheduler";
    int code = driver_scheduler(&(DriverSampler){section, o->scheduler, o->eta, o->count, sd->size, false}, &sd->config,
                                &sd->scheduler);
    if (code)
        return code;
    sd->scheduler->options.begin_early = sd->family->strength_up;
    int64_t patch = (int64_t)pipeline_number("transformer.patch_size", 2);
    if (sd->config.use_dynamic_shifting)
        sd->scheduler->options.mu = scheduler_mu(&sd->config, sd->height / patch * (sd->width / patch));
    return SDC_OK;
}

static int make_room(Sd *sd)
{
    int code = pipeline_floats(&sd->latents, sd->options->count * sd->size);
    return code ? code : pipeline_floats(&sd->extra, sd->extra_size);
}

static bool is_guided(const SdOptions *o, const SdFamily *f)
{
    return o->guidance > 1 && !sd_embeds_guidance(f);
}

/* What takes over from sd, which is open but for the threads. */
static int open_refiner(Sd *sd)
{
    Sd *r = sd->refiner = calloc(1, sizeof *r);
    if (!r)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    *r = (Sd){.options = sd->options, .family = sd->family->refiner, .decoder = sd->decoder,
              .guided = is_guided(sd->options, sd->family->refiner), .height = sd->height, .width = sd->width,
              .picture_height = sd->picture_height, .picture_width = sd->picture_width, .given = sd->latents};
    r->denoiser = pipeline_program(r->family->denoiser, r->family->sample, sd_prompts(r) * r->options->count, r->height,
                                   r->width);
    if (!r->denoiser)
        return missing(r->family->denoiser);
    int code = check_denoiser(r);
    if (code || (code = check_others(r)) || (code = open_text(r)) || (code = open_scheduler(r)))
        return code;
    return make_room(r);
}

int sd_open(Sd *sd, const SdOptions *options)
{
    *sd = (Sd){.options = options, .family = sd_family()};
    sd->guided = is_guided(options, sd->family);
    int code = choose_programs(sd);
    if (code || (code = open_scheduler(sd)) || (code = make_room(sd)) ||
        (sd_xl_refines(sd) && (code = open_refiner(sd))))
        return code;
    code = driver_pool(&options->common, &sd->pool);
    if (sd->refiner)
        sd->refiner->pool = sd->pool;
    return code ? code : sdc_lora_apply(&options->loras, sd->pool);
}

void sd_close(Sd *sd)
{
    sd_task_close(sd);
    if (sd->refiner) {
        sd->refiner->pool = NULL;
        sd_close(sd->refiner);
        free(sd->refiner);
    }
    scheduler_destroy(sd->scheduler);
    scheduler_config_free(&sd->config);
    sdc_pool_destroy(sd->pool);
    for (int k = 0; k < sd->n_encoders; k++) {
        free(sd->encoders[k].ids);
        free(sd->encoders[k].weights);
        sd_embeddings_close(&sd->encoders[k]);
    }
    for (int k = 0; k < sd->n_conditions; k++)
        free(sd->conditions[k].values);
    free(sd->latents);
    free(sd->extra);
    free(sd->trace);
    free(sd->samples);
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

/* One network's part. */
static int draw_part(Sd *sd)
{
    sd->end = 0;
    int code = sd->family->start(sd);
    if (code)
        return code;
    if (sd->options->trace) {
        free(sd->trace);
        free(sd->samples);
        int64_t end = sd->end ? sd->end : sd->scheduler->evaluations;
        int64_t steps = end - sd->scheduler->index, n = sd->options->count * sd->size;
        if ((code = pipeline_floats(&sd->trace, (steps + 1) * n)) || (code = pipeline_floats(&sd->samples, steps * n)))
            return code;
    }
    return sd_denoise(sd);
}

static int draw_refined(Sd *sd)
{
    Sd *r = sd->refiner;
    r->random = sd->random;
    r->outputs = sd->outputs;
    r->warming = sd->warming;
    int code = draw_part(r);
    if (!code)
        memcpy(sd->latents, r->latents, (size_t)(sd->options->count * sd->size) * sizeof *sd->latents);
    sd->table_seconds += r->table_seconds;
    sd->anonymous = fmax(sd->anonymous, r->anonymous);
    return code;
}

int sd_draw(Sd *sd)
{
    double begin = sdc_now();
    int code = sd->options->embeddings ? sd_read_embeddings(sd) : sd->family->encode(sd);
    if (!code && sd->refiner)
        code = sd->refiner->family->encode(sd->refiner);
    sd->prompt_seconds = sdc_now() - begin;
    sdc_random_seed(&sd->random, sd->options->seed);
    if (code || (code = draw_part(sd)))
        return code;
    return sd->refiner ? draw_refined(sd) : SDC_OK;
}
