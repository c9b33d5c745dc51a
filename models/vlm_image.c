/* vlm_image.c: a picture through tower and resampler; see vlm.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "../runtime/image.h"
#include "pipeline.h"
#include "vlm.h"

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Pixel values as the tower takes them, from a file of numbers. */
static int read_pixels(VlmImage *image, const char *path)
{
    const int64_t dim[] = {1, 3, image->tower_height, image->tower_width};
    return pipeline_array(path, "pixel_values", dim, image->pixels);
}

static int read_picture(VlmImage *image, const char *path)
{
    if (pipeline_is_array(path) && image->patch)
        return sdc_error(SDC_USAGE, "%s: the tower takes views of many sizes, so it needs a picture, no pixel values", path);
    if (pipeline_is_array(path))
        return read_pixels(image, path);
    return sdc_image_read(&image->picture, path, 3);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int open_resampler(VlmImage *image, const Vlm *v)
{
    const SdcTensor *in, *out;
    int code;
    image->resampler = pipeline_nth("resampler", 0);
    if (!image->resampler)
        return SDC_OK;
    if ((code = pipeline_input(image->resampler, "image_feature", 3, &in)) ||
        (code = pipeline_output(image->resampler, "image_embeds", 3, &out)))
        return code;
    if (in->dim[1] != image->n || in->dim[2] != image->hidden)
        return sdc_error(SDC_UNSUPPORTED, "%s does not take what %s gives", image->resampler->name, image->tower->name);
    image->patches = image->n;
    image->width = image->hidden;
    image->n = out->dim[1];
    image->hidden = out->dim[2];
    return sdc_instance_open(&image->resampler_context, image->resampler, v->pool);
}

static int open_tower(VlmImage *image, const Vlm *v)
{
    const SdcProgram *tower = image->tower = pipeline_nth("vision_encoder", 0);
    if (!tower || tower->n_outputs < 1 || tower->outputs[0].rank != 3)
        return sdc_error(SDC_UNSUPPORTED, "the vision tower is missing from this file");
    image->n = tower->outputs[0].dim[1];
    image->hidden = tower->outputs[0].dim[2];
    int code = open_resampler(image, v);
    if (!code && image->hidden != v->hidden)
        code = sdc_error(SDC_UNSUPPORTED, "%s gives rows of %lld, the decoder takes %lld", tower->name,
                         (long long)image->hidden, (long long)v->hidden);
    return code ? code : sdc_instance_open(&image->tower_context, tower, v->pool);
}

static bool takes_patches(const SdcProgram *tower)
{
    for (int k = 0; tower && k < tower->n_inputs; k++)
        if (!strcmp(tower->inputs[k].name, "position_ids"))
            return true;
    return false;
}

int vlm_image_open(VlmImage *image, const Vlm *v)
{
    const SdcTensor *in;
    int code;
    *image = (VlmImage){.n = (int64_t)pipeline_number("image.tokens", 0), .hidden = v->hidden};
    if (!v->prefix && (code = open_tower(image, v)))
        return code;
    if ((code = pipeline_input(v->prefix ? v->prefix : image->tower, "pixel_values", 4, &in)))
        return code;
    image->tower_height = in->dim[2];
    image->tower_width = in->dim[3];
    image->patch = takes_patches(image->tower) ? in->dim[2] : 0;
    if (image->patch && !image->resampler)
        return sdc_error(SDC_UNSUPPORTED, "%s takes views of many sizes, but there is no resampler", image->tower->name);
    if (in->dim[1] != 3 || image->n < 1 || image->n > v->length)
        return sdc_error(SDC_UNSUPPORTED, "a picture of %lld channels and %lld tokens does not fit",
                         (long long)in->dim[1], (long long)image->n);
    if ((code = pipeline_floats(&image->features, image->n * image->hidden)) ||
        (code = pipeline_floats(&image->pixels, 3 * image->tower_height * image->tower_width)))
        return code;
    return read_picture(image, v->options->image);
}

void vlm_image_close(VlmImage *image)
{
    sdc_instance_close(&image->tower_context);
    sdc_instance_close(&image->resampler_context);
    sdc_image_free(&image->picture);
    sdc_image_free(&image->resized);
    free(image->pixels);
    free(image->features);
}

/* ---- pixels ----------------------------------------------------------------------------------------------------- */

/* Three numbers of a setting, "0.5,0.5,0.5". */
static void three(const char *key, double otherwise, double into[3])
{
    char text[128];
    into[0] = into[1] = into[2] = otherwise;
    if (pipeline_setting(key, text, sizeof text))
        sscanf(text, "%lf,%lf,%lf", &into[0], &into[1], &into[2]);
}

/* Where pixel [y][x] of a view is in a channel of the pixel values: at its place, or in its patch, which lie side by side row
 * by row. */
static int64_t pixel_place(const VlmImage *image, int64_t y, int64_t x)
{
    const int64_t patch = image->patch;
    if (!patch)
        return y * image->tower_width + x;
    return y % patch * image->tower_width + (y / patch * (image->view.width / patch) + x / patch) * patch + x % patch;
}

/* The view whose first pixel is [top][left] of the resized picture, as the tower's pixel values. */
static void find_pixels(VlmImage *image, int64_t left, int64_t top)
{
    double mean[3], deviation[3], scale = pipeline_number("image.rescale", 1.0 / 255);
    const int64_t channel = image->tower_height * image->tower_width;
    three("image.mean", 0.5, mean);
    three("image.std", 0.5, deviation);
    memset(image->pixels, 0, (size_t)(3 * channel) * sizeof *image->pixels);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < image->view.height; y++)
            for (int64_t x = 0; x < image->view.width; x++) {
                uint8_t value = image->resized.pixels[((top + y) * image->resized.width + left + x) * 3 + c];
                image->pixels[c * channel + pixel_place(image, y, x)] = (float)((value * scale - mean[c]) / deviation[c]);
            }
}

/* ---- the resampler's positions ---------------------------------------------------------------------------------- */

/* Each patch's place as sines and cosines: half of the row for its column, half for its row. */
static void place(float *row, int64_t n, int64_t x, int64_t y)
{
    int64_t quarter = n / 4;
    for (int64_t i = 0; i < quarter; i++) {
        double turn = (double)(1.0f / powf(10000, (float)i / (float)quarter));
        row[i] = (float)sin((double)x * turn);
        row[quarter + i] = (float)cos((double)x * turn);
        row[2 * quarter + i] = (float)sin((double)y * turn);
        row[3 * quarter + i] = (float)cos((double)y * turn);
    }
}

/* columns x rows patches are there, all others masked. */
static int resample(VlmImage *image, const float *patches, int64_t columns, int64_t rows)
{
    const SdcTensor *in, *positions, *mask;
    SdcContext *c = &image->resampler_context;
    float *row = NULL;
    int code;
    if ((code = pipeline_input(image->resampler, "image_feature", 3, &in)) ||
        (code = pipeline_input(image->resampler, "pos_embed", 3, &positions)) ||
        (code = pipeline_input(image->resampler, "key_padding_mask", 2, &mask)) ||
        (code = pipeline_floats(&row, positions->dim[2])))
        return code;
    tensor_put(c, in, 0, patches, image->patches * image->width);
    tensor_fill(c, positions, 0);
    tensor_fill(c, mask, 1);
    for (int64_t i = 0, there = 0; i < columns * rows; i++) {
        place(row, positions->dim[2], i % columns, i / columns);
        tensor_put(c, positions, i * positions->dim[2], row, positions->dim[2]);
        tensor_put_ids(c, mask, i, &there, 1);
    }
    free(row);
    if ((code = pipeline_run(c, image->resampler)))
        return code;
    tensor_get(c, &image->resampler->outputs[0], 0, image->features, image->n * image->hidden);
    return SDC_OK;
}

/* ---- a view ----------------------------------------------------------------------------------------------------- */

/* For a tower of patches: which of them are there, and each one's place in the grid that it has positions for. */
static int put_places(VlmImage *image, int64_t columns, int64_t rows)
{
    const SdcTensor *positions, *mask;
    const SdcContext *c = &image->tower_context;
    const int64_t sides = (int64_t)pipeline_number("image.sides", 70), there = 1;
    int code;
    if ((code = pipeline_input(image->tower, "position_ids", 2, &positions)) ||
        (code = pipeline_input(image->tower, "patch_attention_mask", -1, &mask)))
        return code;
    tensor_fill(c, positions, 0);
    tensor_fill(c, mask, 0);
    for (int64_t i = 0; i < columns * rows; i++) {
        const int64_t at = vlm_place(i / columns, rows, sides) * sides + vlm_place(i % columns, columns, sides);
        tensor_put_ids(c, positions, i, &at, 1);
        tensor_put_ids(c, mask, i, &there, 1);
    }
    return SDC_OK;
}

/* The grid of patches of a view. */
static int find_grid(const VlmImage *image, int64_t *columns, int64_t *rows)
{
    *columns = image->patch ? image->view.width / image->patch
                            : (int64_t)sqrt((double)image->patches * (double)image->tower_width / (double)image->tower_height);
    if (*columns < 1 || (!image->patch && image->patches % *columns))
        return sdc_error(SDC_UNSUPPORTED, "%s: %lld patches are no grid", image->tower->name, (long long)image->patches);
    *rows = image->patch ? image->view.height / image->patch : image->patches / *columns;
    return SDC_OK;
}

static int run_tower(VlmImage *image)
{
    const SdcTensor *in, *out = &image->tower->outputs[0];
    float *patches = NULL;
    int64_t columns = 0, rows = 0;
    int code = pipeline_input(image->tower, "pixel_values", 4, &in);
    if (code || (image->resampler && (code = find_grid(image, &columns, &rows))))
        return code;
    tensor_put(&image->tower_context, in, 0, image->pixels, 3 * image->tower_height * image->tower_width);
    if ((image->patch && (code = put_places(image, columns, rows))) ||
        (code = pipeline_run(&image->tower_context, image->tower)))
        return code;
    if (!image->resampler) {
        tensor_get(&image->tower_context, out, 0, image->features, image->n * image->hidden);
        return SDC_OK;
    }
    if (!(code = pipeline_floats(&patches, image->patches * image->width))) {
        tensor_get(&image->tower_context, out, 0, patches, image->patches * image->width);
        code = resample(image, patches, columns, rows);
    }
    free(patches);
    return code;
}

/* The picture in the size of the grid, unless it is there from the last view. */
static int resize(VlmImage *image, int64_t width, int64_t height)
{
    const SdcImage *picture = &image->picture;
    size_t bytes = (size_t)picture->width * (size_t)picture->height * 3;
    if (image->resized.width == width && image->resized.height == height)
        return SDC_OK;
    sdc_image_free(&image->resized);
    image->resized = *picture;
    image->resized.pixels = malloc(bytes);
    if (!image->resized.pixels)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    memcpy(image->resized.pixels, picture->pixels, bytes);
    double filter = pipeline_number("image.resample", SDC_BICUBIC);
    bool known = filter >= 0 && filter < SDC_RESAMPLES;
    return sdc_image_resize(&image->resized, (int)width, (int)height, known ? (SdcResample)filter : SDC_BICUBIC);
}

/* A view of this size, or, where its patches are more than the tower has room for, the next smaller one. */
static VlmSize fitting(const VlmImage *image, VlmSize size)
{
    const int64_t patch = image->patch, room = patch ? image->tower_width / patch : 0;
    if (!patch)
        return (VlmSize){image->tower_width, image->tower_height};
    while (size.width / patch * (size.height / patch) > room)
        *(size.width > size.height ? &size.width : &size.height) -= patch;
    return size;
}

int vlm_look(VlmImage *image, VlmSize size, int64_t columns, int64_t rows, int64_t k)
{
    int code = SDC_OK;
    image->view = fitting(image, size);
    if (image->picture.pixels) {
        code = resize(image, columns * image->view.width, rows * image->view.height);
        if (!code)
            find_pixels(image, k % columns * image->view.width, k / columns * image->view.height);
    }
    return code || !image->tower ? code : run_tower(image);
}
