/* sd_family.c: the classes of pipelines that this driver runs, one row each. */
#include <string.h>

#include "pipeline.h"
#include "sd.h"

#define SD3 .class = "StableDiffusion3Pipeline", .denoiser = "transformer", .sample = "hidden_states", \
    .prediction = "out_hidden_states", .open_text = sd_3_open, .encode = sd_3_encode, .start = sd_start, \
    .strength_up = true

static const SdFamily families[] = {
    {.class = "StableDiffusionPipeline", .denoiser = "unet", .sample = "sample", .prediction = "out_sample",
     .steps = 50, .guidance = 7.5, .open_text = sd_clip_open, .encode = sd_clip_encode, .start = sd_start},
    {SD3, .steps = 40, .guidance = 4.5, .setting = "transformer.qk_norm"},      /* 3.5 */
    {SD3, .steps = 28, .guidance = 7},
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
