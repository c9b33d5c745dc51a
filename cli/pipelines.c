/* pipelines.c: the table of classes; see pipelines.h. */
#include "pipelines.h"

#include <string.h>

#include "../models/pipeline.h"
#include "cli.h"

/* What Stable Diffusion 3's transformers and ControlNets take. */
#define MMDIT_INPUTS \
    {"hidden_states", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, {"timestep", 1, {BATCH}, RATE_TIMESTEP}, \
    {"hidden_states", 3, {BATCH, PATCHES, -1}, 0}, {"encoder_hidden_states", 3, {BATCH, CONTEXT, -1}, RATE_PROMPT}, \
    {"pooled_projections", 2, {BATCH, -1}, RATE_PROMPT}

/* What the denoiser of SDXL takes. */
#define XL_DENOISER_INPUTS \
    {{"sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, {"timestep", 1, {BATCH}, RATE_TIMESTEP}, \
     {"encoder_hidden_states", 3, {BATCH, TOKENS, -1}, RATE_PROMPT}, {"text_embeds", 2, {BATCH, -1}, RATE_PROMPT}, \
     {"time_ids", 2, {BATCH, -1}, RATE_PROMPT}}

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
    {.class = "StableDiffusion3Pipeline", .driver = "sdc_sd_main", .check_default = sdc_sd_default,
     .denoiser = "transformer", .decoder = "vae_decoder", .max_tokens = 256, .text_is_optional = true,
     .tokenizers = {{"tokenizer", "tokenizer"}, {"tokenizer_2", "tokenizer_2"}, {"tokenizer_3", "tokenizer_3"}},
     .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"vae.", "vae_decoder"}, {"transformer.", "transformer"}, {"controlnet.", "controlnet"}},
     .components = {
        {"text_encoder", false, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}},
        {"text_encoder_2", false, false, false, {{"input_ids", 2, {BATCH, TOKENS_2}, 0}}},
        {"text_encoder_3", false, false, false, {{"input_ids", 2, {BATCH, TOKENS_3}, 0}}},
        {"transformer", true, true, true,
         {MMDIT_INPUTS, {"block_controlnet_hidden_states.*", 3, {BATCH, PATCHES, -1}, 0}}},
        {"transformer_skip_layers", false, false, true, {MMDIT_INPUTS}},
        {"controlnet", false, true, true,
         {MMDIT_INPUTS, {"controlnet_cond", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, RATE_PROMPT}}},
        {"patches", true, false, true, {{"hidden_states", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}},
         .folder = "transformer", .patches = true},
        {"vae_decoder", true, false, true, {{"latent_sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}},
        {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}}},
    {.class = "StableDiffusionXLPipeline", .driver = "sdc_sd_main", .check_default = sdc_sd_default,
     .denoiser = "unet", .decoder = "vae_decoder", .refiner = &xl_refiner,
     .tokenizers = {{"tokenizer", "tokenizer"}, {"tokenizer_2", "tokenizer_2"}}, .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"vae.", "vae_decoder"}},
     .components = {
        {"text_encoder", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}},
        {"text_encoder_2", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}},
        {"unet", true, true, true, XL_DENOISER_INPUTS},
        {"vae_decoder", true, false, true, {{"latent_sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}},
        {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}}},
    {.class = "StableDiffusionXLImg2ImgPipeline", .driver = "sdc_sd_main", .check_default = sdc_sd_default,
     .denoiser = "unet", .decoder = "vae_decoder",
     .tokenizers = {{"tokenizer_2", "tokenizer_2"}, {"tokenizer", "tokenizer"}}, .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"vae.", "vae_decoder"}},
     .components = {
        {"text_encoder", false, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}},
        {"text_encoder_2", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}},
        {"unet", true, true, true, XL_DENOISER_INPUTS},
        {"vae_decoder", true, false, true, {{"latent_sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}},
        {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}}},
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
