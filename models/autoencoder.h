/* autoencoder.h: the parts of the driver of autoencoders.
 *
 *      autoencoder.c           the command line, files in and out
 *      autoencoder_run.c       pictures to latents and back                                                          */
#ifndef SDC_AUTOENCODER_H
#define SDC_AUTOENCODER_H

#include "../runtime/image.h"
#include "driver.h"

typedef struct {
    DriverOptions common;
    const char *output, *latents;           /* paths or NULL */
    uint64_t seed;
    int64_t width, height;                  /* --size; 0: the picture's own where that was compiled, else the first */
    bool sample, scaled, unit;              /* unit: the networks' pictures are 0..1, not -1..1 */
} AutoencoderOptions;

/* [channels][height][width]: latents, or a picture in the range of --range. */
typedef struct { int64_t channels, height, width; float *values; } Field;

typedef struct {
    const AutoencoderOptions *options;
    SdcPool *pool;
    SdcRandom random;
} Autoencoder;

int autoencoder_open(Autoencoder *a, const AutoencoderOptions *o);
void autoencoder_close(Autoencoder *a);

/* A picture in a size that the encoder takes, in [channels] of it: --size, its own, or the first, with a note. */
int autoencoder_read(const Autoencoder *a, const char *path, SdcImage *picture);

/* The latents of a picture, and the picture of latents; values are malloc'd. */
int autoencoder_encode(Autoencoder *a, const SdcImage *picture, Field *latents);
int autoencoder_decode(const Autoencoder *a, const Field *latents, const char *what, Field *picture);

/* A picture to RGB samples of as many bits as were asked for, malloc'd. */
int autoencoder_quantise(const Autoencoder *a, const Field *picture, SdcPng *rgb);

#endif
