/* sd_pixels.h: pictures for the networks beside the autoencoder, which see "pixel_values" and answer with one output:
 * image encoders and depth models. */
#ifndef SDC_SD_PIXELS_H
#define SDC_SD_PIXELS_H

#include "sd.h"

/* *pixels, malloc'd, is one row of the program's pixel_values: a picture by the folder's image processor
 * (image_input.h), or a float32 array as it is. */
int sd_pixels_read(const SdcProgram *p, const char *path, float **pixels);

/* n values of the output's first row. */
int sd_pixels_run(Sd *sd, const SdcProgram *p, const float *pixels, const char *output, float *into, int64_t n);

/* As torch's interpolate(mode="bicubic", align_corners=False): not widened when shrinking. */
void sd_bicubic(const float *from, int64_t height, int64_t width, float *to, int64_t to_height, int64_t to_width);

#endif
