/* image_input.c: see image_input.h.  The steps and their rounding are those of transformers' image processors on
 * Pillow: resize, crop about the centre (black beyond the edges), rescale in double, subtract, divide. */
#include "image_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"

static bool three(const char *key, float *values)
{
    char text[128];
    return pipeline_setting(key, text, sizeof text) &&
           sscanf(text, "%f %f %f", &values[0], &values[1], &values[2]) == 3;
}

int image_input_open(ImageInput *input)
{
    static const char *const kinds[] = {[RESIZE_NONE] = "none", [RESIZE_EXACT] = "exact",
                                        [RESIZE_SHORTEST] = "shortest"};
    char text[16] = "";
    size_t kind = 0, n = sizeof kinds / sizeof *kinds;
    if (pipeline_setting("image.resize", text, sizeof text))
        while (kind < n && strcmp(kinds[kind], text))
            kind++;
    if (kind == n || !*text || !three("image.mean", input->mean) || !three("image.std", input->std) ||
        !three("image.top", input->top))
        return sdc_error(SDC_BAD_INPUT, "the description of the image processing is missing from this file");
    input->resize = (ResizeKind)kind;
    input->height = (int)pipeline_number("image.height", 0);
    input->width = (int)pipeline_number("image.width", 0);
    input->crop_height = (int)pipeline_number("image.crop_height", 0);
    input->crop_width = (int)pipeline_number("image.crop_width", 0);
    input->resample = (SdcResample)pipeline_number("image.resample", SDC_BILINEAR);
    input->rescale = pipeline_number("image.rescale", 1);
    input->offset = (float)pipeline_number("image.offset", 0);
    return SDC_OK;
}

static int resize(const ImageInput *input, SdcImage *image)
{
    enum { LIMIT = 1 << 16 };
    int64_t width = input->width, height = input->height;
    if (input->resize == RESIZE_NONE)
        return SDC_OK;
    if (input->resize == RESIZE_SHORTEST && image->width <= image->height)
        height = (int64_t)((double)(width * image->height) / image->width);
    else if (input->resize == RESIZE_SHORTEST)
        width = (int64_t)((double)(height * image->width) / image->height);
    if (width > LIMIT || height > LIMIT)
        return sdc_error(SDC_UNSUPPORTED, "a picture of %dx%d is too narrow to be resized", image->width,
                         image->height);
    return sdc_image_resize(image, (int)width, (int)height, input->resample);
}

/* Half of what is cut off, rounded down, also where it is negative. */
static int64_t offset(int64_t have, int64_t want)
{
    int64_t d = have - want;
    return d >= 0 ? d / 2 : -((1 - d) / 2);
}

static void put_pixels(const ImageInput *input, const SdcImage *image, int64_t height, int64_t width, float *pixels)
{
    int64_t top = offset(image->height, height), left = offset(image->width, width);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                int64_t row = y + top, column = x + left;
                bool inside = row >= 0 && row < image->height && column >= 0 && column < image->width;
                double v = inside ? image->pixels[(row * image->width + column) * 3 + c] : 0;
                const float scaled = (float)(v * input->rescale) - input->offset;
                pixels[(c * height + y) * width + x] = (scaled - input->mean[c]) / input->std[c] / input->top[c];
            }
}

int image_input_read(const ImageInput *input, const char *path, int64_t height, int64_t width, const char *graph,
                     float *pixels)
{
    SdcImage image;
    int code = sdc_image_read(&image, path, 3);
    if (!code && !(code = resize(input, &image))) {
        int64_t made_height = input->crop_height ? input->crop_height : image.height;
        int64_t made_width = input->crop_width ? input->crop_width : image.width;
        if (made_height == height && made_width == width)
            put_pixels(input, &image, height, width, pixels);
        else
            code = sdc_error(SDC_BAD_INPUT, "%s: becomes %lldx%lld, %s takes %lldx%lld", path, (long long)made_width,
                             (long long)made_height, graph, (long long)width, (long long)height);
    }
    sdc_image_free(&image);
    return code;
}
