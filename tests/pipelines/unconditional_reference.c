/* unconditional_reference.c: what a pipeline without text drew against a recorded run.
 *
 *      unconditional_reference TRACE.npz PICTURE.png RECORD.npz
 *      unconditional_reference --last-loss TRACE.npz SCALE         prints CLIP's loss of the last step, without the scale
 *
 * Every step's latents within 1e-3 relative RMS; the decoded pictures, as bytes, and the first of them in the PNG (a
 * grid of all of them in one row) at most 2/255 away on 99.9 % of the bytes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../models/outputs.h"
#include "../../runtime/image.h"
#include "../../runtime/runtime.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "unconditional_reference", .version = "0"};

static SdcArray read_array(const char *path, const char *name)
{
    SdcArray a;
    if (sdc_array_read(&a, path, name))
        exit(1);
    return a;
}

static double worst_step(const SdcArray *got, const SdcArray *want)
{
    double worst = 0;
    const int64_t n = want->count / want->dim[0];
    if (got->count != want->count || got->dim[0] != want->dim[0])
        return INFINITY;
    for (int64_t step = 0; step < want->dim[0]; step++) {
        double error = 0, size = 0;
        for (int64_t i = step * n; i < (step + 1) * n; i++) {
            const double w = ((const float *)want->data)[i], d = ((const float *)got->data)[i] - w;
            error += d * d;
            size += w * w;
        }
        worst = larger(worst, error > 0 || isnan(error) ? sqrt(error / size) : 0);
    }
    return worst;
}

/* Bytes of pictures [N, C, H, W] that are more than 2 from the recorded [N, H, W, C]; and of the PNG, where they lie in a row. */
static int64_t count_far(const SdcArray *decoded, const SdcArray *want, const char *png)
{
    const int64_t count = want->dim[0], height = want->dim[1], width = want->dim[2], channels = want->dim[3];
    const int64_t picture = height * width * channels;
    const uint8_t *wanted = want->data;
    SdcPng shown = {(int)channels, 8, (int)width, (int)height, malloc((size_t)picture)};
    int64_t far = 0;
    SdcImage shot;
    if (decoded->count != want->count || !shown.samples || sdc_image_read(&shot, png, 3) || shot.width != count * width ||
        shot.height != height)
        return INT64_MAX;
    for (int64_t k = 0; k < count; k++) {
        picture_quantise((const float *)decoded->data + k * picture, &shown);
        for (int64_t i = 0; i < picture; i++) {
            const int64_t c = i % channels, x = i / channels % width, y = i / channels / width;
            const int64_t at = 3 * (y * shot.width + k * width + x) + c;
            const int there = wanted[k * picture + i];
            far += abs(shown.samples[i] - there) > 2 || abs(shot.pixels[at] - there) > 2;
        }
    }
    free(shown.samples);
    sdc_image_free(&shot);
    return far;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 1;
    if (!strcmp(argv[1], "--deeper"))
        return !is_deeper(argv[2], argv[3]);
    if (!strcmp(argv[1], "--last-loss")) {
        const SdcArray losses = read_array(argv[2], "clip_loss");
        printf("%.6f\n", ((const float *)losses.data)[losses.count - 1] / strtod(argv[3], NULL));
        return 0;
    }
    SdcArray got = read_array(argv[1], "latents"), want = read_array(argv[3], "latents");
    SdcArray decoded = read_array(argv[1], "decoded"), image = read_array(argv[3], "image_uint8");
    const double worst = worst_step(&got, &want);
    const int64_t far = count_far(&decoded, &image, argv[2]);
    printf("%s: worst step %.1e, %lld of %lld bytes more than 2 away\n", argv[3], worst, (long long)far, (long long)image.count);
    return !(worst < 1e-3 && far * 1000 <= image.count);
}
