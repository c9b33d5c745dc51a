/* sd_family.c: the classes of pipelines that this driver runs, one row each. */
#include <string.h>

#include "pipeline.h"
#include "sd.h"

static const SdFamily families[] = {
    {"StableDiffusionPipeline", "unet", "sample", "out_sample", 50, 7.5, sd_clip_open, sd_clip_encode, sd_start},
};

/* The first row where the section is absent or names no row: sd_open() finds what is missing. */
const SdFamily *sd_family(void)
{
    char class[96] = "";
    pipeline_setting("class", class, sizeof class);
    for (size_t k = 0; k < sizeof families / sizeof *families; k++)
        if (!strcmp(families[k].class, class))
            return &families[k];
    return &families[0];
}
