/* pipelines.c: the table of classes; see pipelines.h. */
#include "pipelines.h"

#include <string.h>

#include "../models/pipeline.h"
#include "cli.h"

#define SD(name) .class = (name), .driver = "sdc_sd_main", .check_default = sdc_sd_default
#define UNET .denoiser = "unet", .decoder = "vae_decoder", .configs = {{"vae.", "vae_decoder"}}, \
    .tokenizers = {{"tokenizer", "tokenizer"}}
#define TEXT_ENCODER {"text_encoder", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}}
#define UNET_INPUTS {"sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, {"timestep", 1, {BATCH}, RATE_TIMESTEP}, \
    {"encoder_hidden_states", 3, {BATCH, TOKENS, -1}, RATE_PROMPT}
#define DENOISER {"unet", true, true, true, {UNET_INPUTS}}
#define DECODER(latents) {"vae_decoder", true, false, true, {{latents, 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}}
#define ENCODER {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}
#define ON_PICTURES(name) {name, false, false, false, {{"pixel_values", 4, {BATCH, -1, -1, -1}, 0}}}

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
    {SD("StableDiffusionInpaintPipeline"), UNET, .schedulers = {{"scheduler", "scheduler"}},
     .components = {TEXT_ENCODER, DENOISER, DECODER("latent_sample"), ENCODER}},
    {SD("StableDiffusionDepth2ImgPipeline"), UNET, .schedulers = {{"scheduler", "scheduler"}},
     .components = {TEXT_ENCODER, DENOISER, DECODER("latent_sample"), ENCODER, ON_PICTURES("depth_estimator")}},
    {SD("StableDiffusionUpscalePipeline"), UNET,
     .schedulers = {{"scheduler", "scheduler"}, {"low_res_scheduler", "low_res_scheduler"}},
     .components = {TEXT_ENCODER, {"unet", true, true, true, {UNET_INPUTS, {"class_labels", 1, {BATCH}, RATE_PROMPT}}},
                    DECODER("latent_sample")}},
    {SD("StableUnCLIPImg2ImgPipeline"), UNET, .statistics = {"image_normalizer", "image_normalizer"},
     .schedulers = {{"scheduler", "scheduler"}, {"image_noising_scheduler", "image_noising_scheduler"}},
     .components = {TEXT_ENCODER, {"unet", true, true, true, {UNET_INPUTS, {"class_labels", 2, {BATCH, -1}, RATE_PROMPT}}},
                    DECODER("latent_sample"), ON_PICTURES("image_encoder")}},
    {SD("LDMTextToImagePipeline"), UNET, .max_tokens = 77, .schedulers = {{"scheduler", "scheduler"}},
     .components = {TEXT_ENCODER, DENOISER, DECODER("latents")}},
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
