/* pipelines.c: the table of classes; see pipelines.h. */
#include "pipelines.h"

#include <string.h>

#include "../models/pipeline.h"
#include "cli.h"
#include "image_tasks.h"
#include "vision.h"
#include "vlm.h"

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

#define SD(name) .class = (name), .driver = "sdc_sd_main", .check_default = sdc_sd_default
#define UNET .denoiser = "unet", .decoder = "vae_decoder", .configs = {{"vae.", "vae_decoder"}}, \
    .tokenizers = {{"tokenizer", "tokenizer"}}
#define TEXT_ENCODER {"text_encoder", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}}
#define UNET_INPUTS {"sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, \
    {"timestep", 1, {BATCH}, RATE_TIMESTEP}, {"encoder_hidden_states", 3, {BATCH, TOKENS, -1}, RATE_PROMPT}
#define DENOISER {"unet", true, true, true, {UNET_INPUTS}}
#define DECODER(latents) {"vae_decoder", true, false, true, {{latents, 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}}
#define ENCODER {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}
#define ON_PICTURES(name) {name, false, false, false, {{"pixel_values", 4, {BATCH, -1, PIXEL_HEIGHT, PIXEL_WIDTH}, 0}}}

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

/* What Stable Diffusion 3's transformers and ControlNets take. */
#define MMDIT_INPUTS \
    {"hidden_states", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}, {"timestep", 1, {BATCH}, RATE_TIMESTEP}, \
    {"hidden_states", 3, {BATCH, PATCHES, -1}, 0}, {"encoder_hidden_states", 3, {BATCH, CONTEXT, -1}, RATE_PROMPT}, \
    {"pooled_projections", 2, {BATCH, -1}, RATE_PROMPT}

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
    {SD("StableDiffusionInpaintPipeline"), UNET, .schedulers = {{"scheduler", "scheduler"}},
     .components = {TEXT_ENCODER, DENOISER, DECODER("latent_sample"), ENCODER}},
    {SD("StableDiffusionDepth2ImgPipeline"), UNET, .describe = describe_depth_model,
     .schedulers = {{"scheduler", "scheduler"}},
     .components = {TEXT_ENCODER, DENOISER, DECODER("latent_sample"), ENCODER, ON_PICTURES("depth_estimator")}},
    {SD("StableDiffusionUpscalePipeline"), UNET,
     .schedulers = {{"scheduler", "scheduler"}, {"low_res_scheduler", "low_res_scheduler"}},
     .components = {TEXT_ENCODER, {"unet", true, true, true, {UNET_INPUTS, {"class_labels", 1, {BATCH}, RATE_PROMPT}}},
                    DECODER("latent_sample")}},
    {SD("StableUnCLIPImg2ImgPipeline"), UNET, .describe = describe_image_encoder,
     .statistics = {"image_normalizer", "image_normalizer"},
     .schedulers = {{"scheduler", "scheduler"}, {"image_noising_scheduler", "image_noising_scheduler"}},
     .components = {TEXT_ENCODER,
                    {"unet", true, true, true, {UNET_INPUTS, {"class_labels", 2, {BATCH, -1}, RATE_PROMPT}}},
                    DECODER("latent_sample"), ON_PICTURES("image_encoder")}},
    {SD("LDMTextToImagePipeline"), UNET, .describe = describe_latent_diffusion,
     .schedulers = {{"scheduler", "scheduler"}}, .components = {TEXT_ENCODER, DENOISER, DECODER("latents")}},
    VISION("clip", RATE_PROMPT, TEXTS),
    VISION("siglip", RATE_PROMPT, TEXTS),
    VISION("clip_vision_model", 0),
    VISION("siglip_vision_model", 0),
    VISION("vit", 0),
    AUTOENCODER("AutoencoderKL"),
    AUTOENCODER("AutoencoderTiny"),
    AUTOENCODER("VQModel"),
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
    {.class = "paligemma", .driver = "sdc_vlm_main", .check_default = sdc_vlm_default, .make = vlm_programs},
    {.class = "minicpmv", .driver = "sdc_vlm_main", .check_default = sdc_vlm_default, .make = vlm_programs},
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
    DRAWS_PIXELS("DDPMPipeline"), DRAWS_PIXELS("DDIMPipeline"),
    {.class = "LDMPipeline", .driver = "sdc_unconditional_main", .check_default = sdc_unconditional_default,
     .denoiser = "unet", .decoder = "vae_decoder", .schedulers = {{"scheduler", "scheduler"}},
     .configs = {{"unet.", "unet"}, {"vae.", "vae_decoder"}},
     .components = {UNET2D, {"vae_decoder", true, false, true, {{"latents", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}}}},
};

/* Other names of the same folders: as exporters and diffusers' image tasks save them. */
static const struct { const char *name, *class; } aliases[] = {
    {"StableDiffusionImg2ImgPipeline", "StableDiffusionPipeline"},
};

static const char *plain_class(const char *name)
{
    name += !strncmp(name, "ORT", 3) ? 3 : !strncmp(name, "Onnx", 4) ? 4 : 0;
    for (size_t k = 0; k < sizeof aliases / sizeof *aliases; k++)
        if (!strcmp(aliases[k].name, name))
            return aliases[k].class;
    return name;
}

const PipelineRule *pipeline_rule(const char *name)
{
    const char *class = plain_class(name);
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
