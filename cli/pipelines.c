/* pipelines.c: the table of classes; see pipelines.h. */
#include "pipelines.h"

#include <string.h>

#include "../models/pipeline.h"
#include "cli.h"
#include "vision.h"

/* A class of vision models; more inputs follow.  The images count as a prompt: texts run over one after the other. */
#define VISION(type, pixel_rate, ...) \
    {.class = type, .driver = "sdc_vision_main", .check_default = sdc_vision_default, .describe = describe_vision, \
     .may_be_wordless = true, .tokenizers = {{"tokenizer", "."}}, \
     .components = {{"model", true, false, false, \
                     {{"pixel_values", 4, {BATCH, -1, HEIGHT, WIDTH}, pixel_rate}, __VA_ARGS__}, .flat = true}}}
#define TEXTS {"input_ids", 2, {ONE, TOKENS}, 0}, {"attention_mask", 2, {ONE, TOKENS}, 0}

/* An autoencoder alone; its latents have another name in each export. */
#define AUTOENCODER(type) \
    {.class = type, .driver = "sdc_autoencoder_main", .check_default = sdc_autoencoder_default, \
     .describe = describe_autoencoder, .sized = true, \
     .components = {{"vae_encoder", false, false, true, {{"*", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}, \
                    {"vae_decoder", false, false, true, {{"*", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}}}}

/* What Stable Diffusion 3's transformers and ControlNets take. */
#define MMDIT_INPUTS \
    {"hidden_states", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, {"timestep", 1, {BATCH}, RATE_TIMESTEP}, \
    {"encoder_hidden_states", 3, {BATCH, CONTEXT, -1}, RATE_PROMPT}, {"pooled_projections", 2, {BATCH, -1}, RATE_PROMPT}

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
        {"transformer", true, true, true, {MMDIT_INPUTS, {"block_controlnet_hidden_states.*", 3, {BATCH, PATCHES, -1}, 0}}},
        {"transformer_skip_layers", false, false, true, {MMDIT_INPUTS}},
        {"controlnet", false, true, true,
         {MMDIT_INPUTS, {"controlnet_cond", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, RATE_PROMPT}}},
        {"vae_decoder", true, false, true, {{"latent_sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}},
        {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}}},
    VISION("clip", RATE_PROMPT, TEXTS),
    VISION("siglip", RATE_PROMPT, TEXTS),
    VISION("clip_vision_model", 0),
    VISION("siglip_vision_model", 0),
    VISION("vit", 0),
    AUTOENCODER("AutoencoderKL"),
    AUTOENCODER("AutoencoderTiny"),
    AUTOENCODER("VQModel"),
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
