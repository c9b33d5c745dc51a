/* sd_family.c: the classes of pipelines that this driver runs, one row each. */
#include <string.h>

#include "pipeline.h"
#include "sd.h"

#define SD3 .class = "StableDiffusion3Pipeline", .denoiser = "transformer", .sample = "hidden_states", \
    .prediction = "out_hidden_states", .open_text = sd_3_open, .encode = sd_3_encode, .start = sd_start, \
    .strength_up = true
/* SDXL's refiner in one executable with the base. */
static const SdFamily xl_refiner = {
    .class = "StableDiffusionXLImg2ImgPipeline", .denoiser = "refiner_unet", .sample = "sample",
    .prediction = "out_sample", .open_text = sd_xl_open, .encode = sd_xl_encode, .start = sd_xl_start_refiner,
    .scheduler = "refiner_scheduler", .settings = "refiner.index.",
    .encoders = {{"refiner_text_encoder_2", "refiner_tokenizer_2"}},
};

static const SdFamily families[] = {
    {.class = "StableDiffusionPipeline", .denoiser = "unet", .sample = "sample", .prediction = "out_sample",
     .steps = 50, .guidance = 7.5, .open_text = sd_clip_open, .encode = sd_clip_encode, .start = sd_start},
    {SD3, .steps = 40, .guidance = 4.5, .setting = "transformer.qk_norm"},      /* 3.5 */
    {SD3, .steps = 28, .guidance = 7},
    {.class = "StableDiffusionXLPipeline", .denoiser = "unet", .sample = "sample", .prediction = "out_sample",
     .steps = 50, .guidance = 5, .strength = 0.3, .xl = true, .refiner = &xl_refiner,
     .encoders = {{"text_encoder", "tokenizer"}, {"text_encoder_2", "tokenizer_2"}},
     .open_text = sd_xl_open, .encode = sd_xl_encode, .start = sd_xl_start},
    {.class = "StableDiffusionXLImg2ImgPipeline", .denoiser = "unet", .sample = "sample", .prediction = "out_sample",
     .steps = 50, .guidance = 5, .strength = 0.3, .xl = true,
     .encoders = {{"text_encoder", "tokenizer"}, {"text_encoder_2", "tokenizer_2"}},
     .open_text = sd_xl_open_picture, .encode = sd_xl_encode, .start = sd_xl_start_picture},
};

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
