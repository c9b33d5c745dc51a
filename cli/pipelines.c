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
                     .inputs = {{"pixel_values", 4, {BATCH, -1, HEIGHT, WIDTH}, pixel_rate}, __VA_ARGS__}, \
                     .flat = true}}}
#define TEXTS {"input_ids", 2, {ONE, TOKENS}, 0}, {"attention_mask", 2, {ONE, TOKENS}, 0}

/* An autoencoder alone; its latents have another name in each export. */
#define AUTOENCODER(type) \
    {.class = type, .driver = "sdc_autoencoder_main", .check_default = sdc_autoencoder_default, \
     .describe = describe_autoencoder, .sized = true, \
     .components = {{"vae_encoder", false, false, true, .inputs = {{"*", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}, \
                    {"vae_decoder", false, false, true, .inputs = {ON_LATENTS("*")}}}}

#define NAMED(name) {name, name}

#define SD(name) \
    .class = (name), .driver = "sdc_sd_main", .check_default = sdc_sd_default, .takes_lora = true, .decoder = "vae_decoder"
#define UNET .denoiser = "unet", .configs = {VAE_CONFIG, {"controlnet.", "controlnet"}}
#define VAE_CONFIG {"vae.", "vae_decoder"}
#define ON_LATENTS(input) {input, 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}
#define TIMESTEP {"timestep", 1, {BATCH}, RATE_TIMESTEP}
#define PROMPT_ROW(input) {input, 2, {BATCH, -1}, RATE_PROMPT}
#define PROMPT_NUMBER(input) {input, 1, {BATCH}, RATE_PROMPT}

/* Components; more members and more inputs follow. */
#define TEXT_ENCODER(name, needed, tokens, ...) \
    {name, needed, false, false, .inputs = {{"input_ids", 2, {BATCH, tokens}, 0}}, __VA_ARGS__}
#define TEXT_ROWS {"encoder_hidden_states", 3, {BATCH, TOKENS, -1}, RATE_PROMPT}
#define UNET_INPUTS ON_LATENTS("sample"), TIMESTEP, TEXT_ROWS, PROMPT_ROW("timestep_cond")
#define DENOISER(...) {"unet", true, true, true, .inputs = {UNET_INPUTS, __VA_ARGS__}}
/* A denoiser that a ControlNet of the folder may steer. */
#define RESIDUALS(input) {input, 4, {BATCH, -1, RESIDUAL, RESIDUAL}, 0}
#define STEERED(...) \
    {"unet", true, true, true, .inputs = {UNET_INPUTS, RESIDUALS("down_block*"), RESIDUALS("mid_block*"), __VA_ARGS__}}
#define CONTROLNET(...) \
    {"controlnet", false, true, true, \
     .inputs = {ON_LATENTS("sample"), TIMESTEP, TEXT_ROWS, {"controlnet_cond", 4, {BATCH, -1, HEIGHT, WIDTH}, RATE_PROMPT}, \
                __VA_ARGS__}}
#define DECODER(latents) {"vae_decoder", true, false, true, .inputs = {ON_LATENTS(latents)}}
#define ENCODER {"vae_encoder", false, false, true, .inputs = {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}
#define ON_PICTURES(name) \
    {name, false, false, false, .inputs = {{"pixel_values", 4, {BATCH, -1, PIXEL_HEIGHT, PIXEL_WIDTH}, 0}}}

/* Of unCLIP. */
#define NORMALIZER {"image_normalizer", "image_normalizer", "mean", "std"}
#define PRIOR_ROW(input) {input, 2, {BATCH, -1}, 0}
#define PRIOR \
    {"prior", true, true, false, \
     .inputs = {PRIOR_ROW("hidden_states"), {"timestep", 1, {BATCH}, 0}, PRIOR_ROW("proj_embedding"), \
                {"encoder_hidden_states", 3, {BATCH, TOKENS_2, -1}, 0}, {"attention_mask", 2, {BATCH, TOKENS_2}, 0}}}

/* Of an executable of SDXL; both: the first text encoder is needed too. */
#define XL_INPUTS PROMPT_ROW("text_embeds"), PROMPT_ROW("time_ids")
#define XL_COMPONENTS(both) \
    TEXT_ENCODER("text_encoder", both, TOKENS), TEXT_ENCODER("text_encoder_2", true, TOKENS), \
    STEERED(XL_INPUTS), CONTROLNET(XL_INPUTS), DECODER("latent_sample"), ENCODER
#define XL(name) \
    SD(name), UNET, .tokenizers = {NAMED("tokenizer"), NAMED("tokenizer_2")}, .schedulers = {NAMED("scheduler")}, \
    .components = {XL_COMPONENTS(true)}
/* From a picture: the refiner has no first encoder. */
#define XL_PICTURE(name) \
    {SD(name), UNET, .tokenizers = {NAMED("tokenizer_2"), NAMED("tokenizer")}, .schedulers = {NAMED("scheduler")}, \
     .components = {XL_COMPONENTS(false)}}

/* Of Stable Diffusion 1 and 2. */
#define SD1(name) \
    {SD(name), UNET, .tokenizers = {NAMED("tokenizer")}, .schedulers = {NAMED("scheduler")}, \
     .components = {TEXT_ENCODER("text_encoder", true, TOKENS), STEERED(), CONTROLNET(), DECODER("latent_sample"), \
                    ENCODER}}

/* SDXL's refiner beside a base, whose autoencoder it shares. */
static const PipelineRule xl_refiner = {
    .class = "StableDiffusionXLImg2ImgPipeline", .denoiser = "refiner_unet",
    .tokenizers = {{"refiner_tokenizer_2", "tokenizer_2"}}, .schedulers = {{"refiner_scheduler", "scheduler"}},
    .components = {TEXT_ENCODER("refiner_text_encoder_2", true, TOKENS, .folder = "text_encoder_2"),
                   {"refiner_unet", true, true, true, .inputs = {UNET_INPUTS, XL_INPUTS}, .folder = "unet"}},
};

/* What Stable Diffusion 3's transformers and ControlNets take. */
#define MMDIT_INPUTS \
    ON_LATENTS("hidden_states"), TIMESTEP, {"hidden_states", 3, {BATCH, PATCHES, -1}, 0}, \
    {"encoder_hidden_states", 3, {BATCH, CONTEXT, -1}, RATE_PROMPT}, PROMPT_ROW("pooled_projections")

#define SD3(name) \
    {SD(name), .denoiser = "transformer", .max_tokens = 256, .text_is_optional = true, .flows = true, \
     .tokenizers = {NAMED("tokenizer"), NAMED("tokenizer_2"), NAMED("tokenizer_3")}, .schedulers = {NAMED("scheduler")}, \
     .configs = {VAE_CONFIG, {"transformer.", "transformer"}, {"controlnet.", "controlnet"}}, \
     .components = { \
        TEXT_ENCODER("text_encoder", false, TOKENS), TEXT_ENCODER("text_encoder_2", false, TOKENS_2), \
        TEXT_ENCODER("text_encoder_3", false, TOKENS_3), \
        {"transformer", true, true, true, \
         .inputs = {MMDIT_INPUTS, {"block_controlnet_hidden_states.*", 3, {BATCH, PATCHES, -1}, 0}}}, \
        {"transformer_skip_layers", false, false, true, .inputs = {MMDIT_INPUTS}}, \
        {"controlnet", false, true, true, \
         .inputs = {MMDIT_INPUTS, {"controlnet_cond", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, RATE_PROMPT}}}, \
        {"patches", true, false, true, .inputs = {ON_LATENTS("hidden_states")}, .folder = "transformer", \
         .patches = true}, \
        DECODER("latent_sample"), ENCODER}}

/* What draws from noise alone, or of a class by its number. */
#define UNCONDITIONAL(name) \
    .class = (name), .driver = "sdc_unconditional_main", .check_default = sdc_unconditional_default, \
    .denoiser = "unet", .schedulers = {NAMED("scheduler")}, .variances = true
#define UNET2D {"unet", true, false, true, .inputs = {ON_LATENTS("sample"), TIMESTEP, PROMPT_NUMBER("class_labels")}}
#define DRAWS_PIXELS(name) {UNCONDITIONAL(name), .configs = {{"unet.", "unet"}}, .clip = true, .components = {UNET2D}}

#define VLM(type) {.class = (type), .driver = "sdc_vlm_main", .check_default = sdc_vlm_default, .make = vlm_programs}

/* In the order of docs/cli.md. */
static const PipelineRule pipelines[] = {
    SD1("StableDiffusionPipeline"), SD1("StableDiffusionInpaintPipeline"),
    SD1("StableDiffusionControlNetImg2ImgPipeline"), SD1("StableDiffusionControlNetInpaintPipeline"),
    SD1("LatentConsistencyModelPipeline"),
    {SD("StableDiffusionDepth2ImgPipeline"), UNET, .tokenizers = {NAMED("tokenizer")},
     .schedulers = {NAMED("scheduler")}, .describe = describe_depth_model,
     .components = {TEXT_ENCODER("text_encoder", true, TOKENS), DENOISER(), DECODER("latent_sample"), ENCODER,
                    ON_PICTURES("depth_estimator")}},
    {SD("StableDiffusionUpscalePipeline"), UNET, .tokenizers = {NAMED("tokenizer")},
     .schedulers = {NAMED("scheduler"), NAMED("low_res_scheduler")},
     .components = {TEXT_ENCODER("text_encoder", true, TOKENS), DENOISER(PROMPT_NUMBER("class_labels")),
                    DECODER("latent_sample")}},
    {SD("StableUnCLIPImg2ImgPipeline"), UNET, .tokenizers = {NAMED("tokenizer")},
     .schedulers = {NAMED("scheduler"), NAMED("image_noising_scheduler")},
     .describe = describe_image_encoder, .statistics = {NORMALIZER},
     .components = {TEXT_ENCODER("text_encoder", true, TOKENS), DENOISER(PROMPT_ROW("class_labels")),
                    DECODER("latent_sample"), ON_PICTURES("image_encoder")}},
    {SD("StableUnCLIPPipeline"), UNET, .tokenizers = {NAMED("tokenizer"), NAMED("prior_tokenizer")},
     .schedulers = {NAMED("scheduler"), NAMED("image_noising_scheduler"), NAMED("prior_scheduler")},
     .statistics = {NORMALIZER, {"prior_statistics", "prior", "clip_mean", "clip_std"}},
     .components = {TEXT_ENCODER("text_encoder", true, TOKENS), TEXT_ENCODER("prior_text_encoder", true, TOKENS_2),
                    PRIOR, DENOISER(PROMPT_ROW("class_labels")), DECODER("latent_sample")}},
    {SD("LDMTextToImagePipeline"), UNET, .tokenizers = {NAMED("tokenizer")}, .schedulers = {NAMED("scheduler")},
     .describe = describe_latent_diffusion,
     .components = {TEXT_ENCODER("text_encoder", true, TOKENS), DENOISER(), DECODER("latents")}},
    SD3("StableDiffusion3Pipeline"), SD3("StableDiffusion3Img2ImgPipeline"), SD3("StableDiffusion3InpaintPipeline"),
    {XL("StableDiffusionXLPipeline"), .refiner = &xl_refiner}, {XL("StableDiffusionXLInpaintPipeline")},
    {XL("StableDiffusionXLControlNetInpaintPipeline")}, XL_PICTURE("StableDiffusionXLImg2ImgPipeline"),
    XL_PICTURE("StableDiffusionXLControlNetImg2ImgPipeline"),
    DRAWS_PIXELS("DDPMPipeline"), DRAWS_PIXELS("DDIMPipeline"),
    {UNCONDITIONAL("LDMPipeline"), .decoder = "vae_decoder", .configs = {{"unet.", "unet"}, VAE_CONFIG},
     .components = {UNET2D, DECODER("latents")}},
    VISION("clip", RATE_PROMPT, TEXTS), VISION("siglip", RATE_PROMPT, TEXTS),
    VISION("clip_vision_model", 0), VISION("siglip_vision_model", 0), VISION("vit", 0), VISION("swin", 0),
    VISION("swinv2", 0), VISION("deit", 0), VISION("bit", 0), VISION("dinov2", 0), VISION("convnext", 0),
    VISION("convnextv2", 0), VISION("resnet", 0), VISION("regnet", 0), VISION("mobilenet_v1", 0),
    VISION("mobilenet_v2", 0), VISION("efficientnet", 0),
    VLM("paligemma"), VLM("minicpmv"),
    AUTOENCODER("AutoencoderKL"), AUTOENCODER("AutoencoderTiny"), AUTOENCODER("VQModel"),
};

/* Other names of the same folders, with the same defaults: as exporters and diffusers' image tasks save them. */
static const struct { const char *name, *class; } aliases[] = {
    {"StableDiffusionImg2ImgPipeline", "StableDiffusionPipeline"},
    {"StableDiffusionControlNetPipeline", "StableDiffusionPipeline"},
    {"LatentConsistencyModelImg2ImgPipeline", "LatentConsistencyModelPipeline"},
    {"StableDiffusionXLControlNetPipeline", "StableDiffusionXLPipeline"},
    {"StableDiffusion3ControlNetPipeline", "StableDiffusion3Pipeline"},
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
