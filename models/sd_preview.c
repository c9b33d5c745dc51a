/* sd_preview.c: pictures of a drawing that is not finished: what the network takes the final latents for, decoded. */
#include <stdlib.h>

#include "pipeline.h"
#include "sd.h"

int sd_preview(Sd *sd, const float *predicted)
{
    const int64_t n = 3 * sd->picture_height * sd->picture_width, count = sd->options->count;
    float *x0 = NULL, *pictures = NULL, *latents = sd->latents;
    const SdcPng one = {.channels = 3, .bits = 8, .width = (int)sd->picture_width, .height = (int)sd->picture_height};
    SdcPng grid = {0};
    int code;
    if (!(code = pipeline_floats(&x0, count * sd->size)) && !(code = pipeline_floats(&pictures, count * n))) {
        scheduler_predict(sd->scheduler, predicted, latents, x0);
        sd->latents = x0;
        for (int64_t k = 0; !code && k < count; k++)
            code = sd_decode(sd, k, pictures + k * n);
        sd->latents = latents;
    }
    if (!code)
        code = picture_grid(pictures, count, &one, 0, &grid);
    if (!code)
        code = outputs_preview(sd->outputs, &grid);
    free(grid.samples);
    free(pictures);
    free(x0);
    return code;
}
