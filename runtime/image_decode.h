/* image_decode.h: the kinds of picture files one by one, on bytes in memory; image.h has the call on paths. */
#ifndef SDC_IMAGE_DECODE_H
#define SDC_IMAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fileio.h"

enum { SDC_IMAGE_SIDE = 32768, SDC_IMAGE_PIXELS = 1 << 26, SDC_IMAGE_METADATA = 8 << 20 };

typedef struct {
    SdcFile in;
    bool deep;                  /* 16-bit samples are wanted where the file has them */
    int width, height;
    int bits;                   /* of a sample, set before sdc_image_room(): 8, or 16 */
    void *rgba;                 /* [height][width][4] of uint8_t or uint16_t, malloc'd by sdc_image_room(); the
                                 * caller's, when it fails too */
    int orientation;            /* EXIF's, 1 to 8; 0: none */
    char message[160];          /* why it failed, in the decoder's words */
} SdcDecoding;

/* Fills in all but `in` and `deep`, from bits = 8 on; false with a message where the file is damaged, unsupported or
 * too large. */
bool sdc_png_decode(SdcDecoding *d);
bool sdc_jpeg_decode(SdcDecoding *d);
bool sdc_webp_decode(SdcDecoding *d);

/* Sets the size and makes room for it; false with a message where it is beyond the limits above. */
bool sdc_image_room(SdcDecoding *d, uint64_t width, uint64_t height);

/* The orientation that a TIFF block of EXIF tags states, 0 when it states none. */
int sdc_exif_orientation(const uint8_t *tiff, size_t bytes);

#endif
