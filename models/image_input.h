/* image_input.h: pictures as a vision model wants them, by what the compiler found in preprocessor_config.json.
 *
 * Keys of the section "pipeline" (cli/image_processor.c): image.resize (none, exact, shortest), image.height,
 * image.width (shortest: of the shorter edge both), image.resample, image.crop_height, image.crop_width (0: no crop),
 * image.rescale, image.offset, and image.mean, image.std and image.top (three numbers, separated by spaces): a byte v
 * becomes (v * rescale - offset - mean) / std / top. */
#ifndef SDC_IMAGE_INPUT_H
#define SDC_IMAGE_INPUT_H

#include "../runtime/image.h"
#include "../runtime/runtime.h"

typedef enum { RESIZE_NONE, RESIZE_EXACT, RESIZE_SHORTEST } ResizeKind;

typedef struct {
    ResizeKind resize;
    int height, width, crop_height, crop_width;
    SdcResample resample;
    double rescale;
    float offset, mean[3], std[3], top[3];
} ImageInput;

/* SDC_OK, or SDC_BAD_INPUT when the section lacks something. */
int image_input_open(ImageInput *input);

/* A picture file to [3][height][width], which the processing must give; `graph` is named when it does not. */
int image_input_read(const ImageInput *input, const char *path, int64_t height, int64_t width, const char *graph,
                     float *pixels);

#endif
