/* image.h: pictures read from files of any kind, and resized; png.c writes them.
 *
 * Everything is as Pillow has it, to the bit: pixels as Image.open(path).convert(mode), sizes as Image.resize().  16
 * bits, which Pillow cuts to 8, become floats where they are asked for; their sizes are as resize() of mode "F". */
#ifndef SDC_IMAGE_H
#define SDC_IMAGE_H

#include <stdint.h>

/* pixels [height][width][channels], malloc'd.  channels: 1 grey ("L"), 3 RGB, 4 RGBA.  floats: 0 to 1, instead of
 * pixels, which are NULL then. */
typedef struct { int width, height, channels; uint8_t *pixels; float *floats; } SdcImage;

/* ---- image.c ---------------------------------------------------------------------------------------------------- */

/* PNG, JPEG or WebP, told by content.  The kind's own transparency is dropped unless channels is 4; 16-bit samples keep
 * their high byte; colour profiles, gamma and EXIF orientation are ignored, the last with a note on stderr.
 * SDC_OK, or an SDC_ code with the error printed: the file is untrusted, and limited in size before it is decoded. */
int sdc_image_read(SdcImage *image, const char *path, int channels);
/* The same, but of a file of 16-bit samples image->floats instead, which keep all of them: v / 65535. */
int sdc_image_read_deep(SdcImage *image, const char *path, int channels);
void sdc_image_free(SdcImage *image);

/* Sample i of either as a number of 0 to 1. */
static inline float sdc_image_value(const SdcImage *image, int64_t i)
{
    return image->floats ? image->floats[i] : (float)image->pixels[i] / 255;
}

/* ---- image_resize.c --------------------------------------------------------------------------------------------- */

/* Pillow's numbers, which configuration files use ("resample": 3). */
typedef enum { SDC_NEAREST, SDC_LANCZOS, SDC_BILINEAR, SDC_BICUBIC, SDC_BOX, SDC_HAMMING, SDC_RESAMPLES } SdcResample;

/* In place; filters are widened when shrinking.  Each channel by itself: RGBA is not weighted with its alpha.  Floats
 * that a filter brings beyond 0 to 1 are cut there in the end.  SDC_OK or SDC_NO_SPACE, printed. */
int sdc_image_resize(SdcImage *image, int width, int height, SdcResample filter);

#endif
