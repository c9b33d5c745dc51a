/* pipelines.c: the table of classes; see pipelines.h. */
#include "pipelines.h"

#include <string.h>

#include "../models/pipeline.h"
#include "cli.h"

#define UNET2D \
    {"unet", true, false, true, {{"sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, \
                                 {"timestep", 1, {BATCH}, RATE_TIMESTEP}, {"class_labels", 1, {BATCH}, RATE_PROMPT}}}
#define DRAWS_PIXELS(name) \
    {.class = name, .driver = "sdc_unconditional_main", .check_default = sdc_unconditional_default, .denoiser = "unet", \
     .schedulers = {{"scheduler", "scheduler"}}, .configs = {{"unet.", "unet"}}, .clip = true, .components = {UNET2D}}

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
    DRAWS_PIXELS("DDPMPipeline"), DRAWS_PIXELS("DDIMPipeline"),
    {.class = "LDMPipeline", .driver = "sdc_unconditional_main", .check_default = sdc_unconditional_default,
     .denoiser = "unet", .decoder = "vae_decoder", .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"unet.", "unet"}, {"vae.", "vae_decoder"}},
     .components = {UNET2D, {"vae_decoder", true, false, true, {{"latents", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}}}},
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
