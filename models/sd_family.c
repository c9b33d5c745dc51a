/* sd_family.c: the classes of pipelines that this driver runs, one row each. */
#include <string.h>

#include "pipeline.h"
#include "sd.h"

#define UNET(name) .class = (name), .denoiser = "unet", .sample = "sample", .prediction = "out_sample"
#define CLIP .open_text = sd_clip_open, .encode = sd_clip_encode
#define BLENDS .open_task = sd_inpaint_open, .after_step = sd_inpaint_after_step
#define SD1(name) UNET(name), .steps = 50, .guidance = 7.5, CLIP, .takes = SD_MASK | SD_CONTROL_PICTURE, \
    .start = sd_inpaint_start, BLENDS
#define XL(name) UNET(name), .steps = 50, .xl = true, .encode = sd_xl_encode, BLENDS, \
    .encoders = {{"text_encoder", "tokenizer"}, {"text_encoder_2", "tokenizer_2"}}, \
    .takes = SD_MASK | SD_TEXT_2 | SD_CONTROL_PICTURE
#define FROM_TEXT .open_text = sd_xl_open, .start = sd_xl_start
#define FROM_PICTURE .open_text = sd_xl_open_picture, .start = sd_xl_start_picture
#define SD3(name) .class = (name), .denoiser = "transformer", .sample = "hidden_states", \
    .prediction = "out_hidden_states", .open_text = sd_3_open, .encode = sd_3_encode, \
    .start = sd_inpaint_start, BLENDS, .takes = SD_MASK | SD_ONE_CHUNK | SD_TEXT_2 | SD_TEXT_3, .strength = 0.6, \
    .strength_up = true

/* SDXL's refiner in one executable with the base. */
static const SdFamily xl_refiner = {
    .class = "StableDiffusionXLImg2ImgPipeline", .denoiser = "refiner_unet", .sample = "sample",
    .prediction = "out_sample", .open_text = sd_xl_open, .encode = sd_xl_encode, .start = sd_xl_start_refiner,
    .scheduler = "refiner_scheduler", .settings = "refiner.index.",
    .encoders = {{"refiner_text_encoder_2", "refiner_tokenizer_2"}},
};

static const SdFamily families[] = {
    {SD1("StableDiffusionPipeline")},
    {SD1("StableDiffusionInpaintPipeline")},
    {SD1("StableDiffusionControlNetImg2ImgPipeline"), .control_scale = 0.8},
    {SD1("StableDiffusionControlNetInpaintPipeline"), .control_scale = 0.5},
    {UNET("LatentConsistencyModelPipeline"), .steps = 4, .guidance = 8.5, CLIP, .start = sd_start_distilled,
     .takes = SD_CONTROL_PICTURE},
    {UNET("StableDiffusionDepth2ImgPipeline"), .steps = 50, .guidance = 7.5, CLIP, .start = sd_start,
     .takes = SD_DEPTH | SD_NEEDS_PICTURE, .open_task = sd_depth_open},
    {UNET("StableDiffusionUpscalePipeline"), .steps = 75, .guidance = 9, CLIP, .start = sd_upscale_start,
     .takes = SD_NOISE_LEVEL | SD_NEEDS_PICTURE | SD_PICTURE_ASIDE, .noise_level = 20, .open_task = sd_upscale_open},
    {UNET("StableUnCLIPImg2ImgPipeline"), .steps = 20, .guidance = 10, .open_text = sd_clip_open,
     .encode = sd_variation_encode, .start = sd_variation_start,
     .takes = SD_NOISE_LEVEL | SD_NEEDS_PICTURE | SD_PICTURE_ASIDE | SD_NO_PROMPT, .open_task = sd_variation_open},
    {UNET("StableUnCLIPPipeline"), .steps = 20, .guidance = 10, CLIP, .start = sd_unclip_start,
     .takes = SD_NOISE_LEVEL | SD_NO_PICTURE | SD_ONE_CHUNK | SD_PRIOR, .open_task = sd_unclip_open},
    {UNET("LDMTextToImagePipeline"), .steps = 50, .guidance = 1, CLIP, .start = sd_start, .takes = SD_NO_PICTURE,
     .latents = "latents"},
    {XL("StableDiffusionXLPipeline"), FROM_TEXT, .guidance = 5, .strength = 0.3, .refiner = &xl_refiner},
    {XL("StableDiffusionXLImg2ImgPipeline"), FROM_PICTURE, .guidance = 5, .strength = 0.3},
    {XL("StableDiffusionXLInpaintPipeline"), FROM_TEXT, .guidance = 7.5, .strength = 0.9999, .mask_strength = 0.9999},
    {XL("StableDiffusionXLControlNetImg2ImgPipeline"), FROM_PICTURE, .guidance = 5, .strength = 0.8, .control_scale = 0.8},
    {XL("StableDiffusionXLControlNetInpaintPipeline"), FROM_TEXT, .guidance = 5, .strength = 0.9999,
     .mask_strength = 0.9999},
    {SD3("StableDiffusion3Pipeline"), .steps = 40, .guidance = 4.5, .setting = "transformer.qk_norm"},      /* 3.5 */
    {SD3("StableDiffusion3Pipeline"), .steps = 28, .guidance = 7},
    {SD3("StableDiffusion3Img2ImgPipeline"), .steps = 50, .guidance = 7},
    {SD3("StableDiffusion3InpaintPipeline"), .steps = 50, .guidance = 7, .mask_strength = 0.6},
};

const SdFamily *sd_family_of(const char *class)
{
    size_t k = 0;
    while (k + 1 < sizeof families / sizeof *families && strcmp(families[k].class, class))
        k++;
    return &families[k];
}

/* The first row where the section is absent or names no row: sd_open() finds what is missing. */
const SdFamily *sd_family(void)
{
    char class[96] = "", value[96];
    pipeline_setting("class", class, sizeof class);
    for (size_t k = 0; k < sizeof families / sizeof *families; k++)
        if (!strcmp(families[k].class, class) &&
            (!families[k].setting || pipeline_setting(families[k].setting, value, sizeof value)))
            return &families[k];
    return &families[0];
}
