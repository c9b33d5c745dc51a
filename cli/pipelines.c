/* pipelines.c: the table of classes; see pipelines.h. */
#include "pipelines.h"

#include <string.h>

#include "../models/pipeline.h"
#include "cli.h"

/* What the denoiser of SDXL takes. */
#define XL_DENOISER_INPUTS \
    {{"sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, {"timestep", 1, {BATCH}, RATE_TIMESTEP}, \
     {"encoder_hidden_states", 3, {BATCH, TOKENS, -1}, RATE_PROMPT}, {"text_embeds", 2, {BATCH, -1}, RATE_PROMPT}, \
     {"time_ids", 2, {BATCH, -1}, RATE_PROMPT}}

/* Of an executable of SDXL; both: the first text encoder is needed too. */
#define XL_COMPONENTS(both) \
    {"text_encoder", both, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}}, \
    {"text_encoder_2", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}}, \
    {"unet", true, true, true, XL_DENOISER_INPUTS}, \
    {"vae_decoder", true, false, true, {{"latent_sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}}, \
    {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}

/* SDXL's refiner beside a base, whose autoencoder it shares. */
static const PipelineRule xl_refiner = {
    .class = "StableDiffusionXLImg2ImgPipeline", .denoiser = "unet",
    .tokenizers = {{"refiner_tokenizer_2", "tokenizer_2"}}, .schedulers = {{"refiner_scheduler", "scheduler"}},
    .components = {
        {"refiner_text_encoder_2", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}, .folder = "text_encoder_2"},
        {"refiner_unet", true, true, true, XL_DENOISER_INPUTS, .folder = "unet"}},
};

static const PipelineRule pipelines[] = {
    {.class = "StableDiffusionPipeline", .driver = "sdc_sd_main", .check_default = sdc_sd_default,
     .denoiser = "unet", .decoder = "vae_decoder",
     .tokenizers = {{"tokenizer", "tokenizer"}}, .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"vae.", "vae_decoder"}},
     .components = {
        {"text_encoder", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}},
        {"unet", true, true, true, {{"sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0},
                                    {"timestep", 1, {BATCH}, RATE_TIMESTEP},
                                    {"encoder_hidden_states", 3, {BATCH, TOKENS, -1}, RATE_PROMPT}}},
        {"vae_decoder", true, false, true, {{"latent_sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}},
        {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}}},
    {.class = "StableDiffusionXLPipeline", .driver = "sdc_sd_main", .check_default = sdc_sd_default,
     .denoiser = "unet", .decoder = "vae_decoder", .refiner = &xl_refiner,
     .tokenizers = {{"tokenizer", "tokenizer"}, {"tokenizer_2", "tokenizer_2"}}, .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"vae.", "vae_decoder"}},
     .components = {XL_COMPONENTS(true)}},
    {.class = "StableDiffusionXLImg2ImgPipeline", .driver = "sdc_sd_main", .check_default = sdc_sd_default,
     .denoiser = "unet", .decoder = "vae_decoder",
     .tokenizers = {{"tokenizer_2", "tokenizer_2"}, {"tokenizer", "tokenizer"}}, .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"vae.", "vae_decoder"}},
     .components = {XL_COMPONENTS(false)}},
};

const PipelineRule *pipeline_rule(const char *class)
{
    for (size_t k = 0; k < sizeof pipelines / sizeof *pipelines; k++)
        if (!strcmp(pipelines[k].class, class))
            return &pipelines[k];
    return NULL;
}

const char *pipeline_classes(void)
{
    const char *list = "";
    for (size_t k = 0; k < sizeof pipelines / sizeof *pipelines; k++)
        list = text_format("%s%s%s", list, k ? ", " : "", pipelines[k].class);
    return list;
}
