/* image.c: a picture file of any kind as pixels; the contract is in image.h, the kinds in image_decode.h. */
#include "image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_decode.h"
#include "runtime.h"

/* ---- what decoders share ---------------------------------------------------------------------------------------- */

bool sdc_image_room(SdcDecoding *d, uint64_t width, uint64_t height)
{
    const char *why = NULL;
    if (!width || !height)
        why = "no pixels";
    else if (width > SDC_IMAGE_SIDE || height > SDC_IMAGE_SIDE)
        why = "more than 32768 pixels along a side";
    else if (width * height > SDC_IMAGE_PIXELS)
        why = "more than 64 million pixels";
    else if (!(d->rgba = malloc(width * height * 4 * (size_t)(d->bits / 8))))
        why = "out of memory";
    snprintf(d->message, sizeof d->message, "%s", why ? why : "");
    d->width = (int)width;
    d->height = (int)height;
    return !why;
}

static uint32_t tiff_number(const uint8_t *p, int bytes, bool little)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[little ? bytes - 1 - i : i];
    return v;
}

/* Header: byte order, 42, offset of the first directory; there a count, then 12 bytes a tag: tag, type, count,
 * value. */
int sdc_exif_orientation(const uint8_t *tiff, size_t bytes)
{
    enum { ORIENTATION = 0x112, SHORT = 3, ENTRY = 12 };
    if (bytes < 8 || (memcmp(tiff, "II*\0", 4) && memcmp(tiff, "MM\0*", 4)))
        return 0;
    bool little = tiff[0] == 'I';
    size_t at = tiff_number(tiff + 4, 4, little);
    if (at > bytes - 2)
        return 0;
    size_t n = tiff_number(tiff + at, 2, little);
    for (at += 2; n && bytes - at >= ENTRY; n--, at += ENTRY)
        if (tiff_number(tiff + at, 2, little) == ORIENTATION && tiff_number(tiff + at + 2, 2, little) == SHORT) {
            uint32_t value = tiff_number(tiff + at + 8, 2, little);
            return value >= 1 && value <= 8 ? (int)value : 0;
        }
    return 0;
}

/* ---- channels --------------------------------------------------------------------------------------------------- */

/* Pillow's luma of ITU-R 601-2, in 16 bits of fraction. */
static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/* The same of 16 bits, in double, in which equal channels stay what they are. */
static float luma_of(const uint16_t *rgb)
{
    return (float)((rgb[0] * 19595.0 + rgb[1] * 38470.0 + rgb[2] * 7471.0) / 65536 / 65535);
}

/* n pixels of RGBA to floats of 0 to 1; NULL when out of memory. */
static float *widen(const uint16_t *rgba, size_t n, int channels)
{
    const size_t kept = (size_t)channels;
    float *floats = malloc(n * kept * sizeof *floats);
    for (size_t i = 0; floats && i < n; i++)
        for (size_t c = 0; c < kept; c++)
            floats[i * kept + c] = channels == 1 ? luma_of(rgba + 4 * i) : (float)rgba[4 * i + c] / 65535;
    return floats;
}

/* RGBA in place: pixel i goes to channels * i, which is never beyond 4 i. */
static void narrow(uint8_t *pixels, size_t n, int channels)
{
    for (size_t i = 0; channels == 1 && i < n; i++)
        pixels[i] = luma(pixels + 4 * i);
    for (size_t i = 0; channels == 3 && i < n; i++)
        memmove(pixels + 3 * i, pixels + 4 * i, 3);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

typedef struct { const char *magic; size_t at, bytes; bool (*decode)(SdcDecoding *); } Kind;

static const Kind kinds[] = {
    {"\x89PNG\r\n\x1a\n", 0, 8, sdc_png_decode},
    {"\xff\xd8\xff", 0, 3, sdc_jpeg_decode},
    {"WEBP", 8, 4, sdc_webp_decode},
};

static bool decode(SdcDecoding *d)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if ((size_t)d->in.bytes >= kinds[k].at + kinds[k].bytes &&
            !memcmp(d->in.data + kinds[k].at, kinds[k].magic, kinds[k].bytes))
            return kinds[k].decode(d);
    snprintf(d->message, sizeof d->message, "not a PNG, JPEG or WebP file");
    return false;
}

static int read_image(SdcImage *image, const char *path, int channels, bool deep)
{
    SdcDecoding d = {.deep = deep, .bits = 8};
    *image = (SdcImage){0};
    int code = sdc_file_map(&d.in, path);
    if (code)
        return code;
    bool done = decode(&d);
    sdc_file_unmap(&d.in);
    if (!done) {
        free(d.rgba);
        return sdc_error(SDC_BAD_INPUT, "%s: %s", path, *d.message ? d.message : "out of memory");
    }
    if (d.orientation > 1)
        sdc_error(SDC_OK, "note: %s: its EXIF orientation %d is ignored", path, d.orientation);
    const size_t n = (size_t)d.width * (size_t)d.height;
    *image = (SdcImage){d.width, d.height, channels, NULL, NULL};
    if (d.bits == 8) {
        narrow(d.rgba, n, channels);
        image->pixels = d.rgba;
        return SDC_OK;
    }
    image->floats = widen(d.rgba, n, channels);
    free(d.rgba);
    return image->floats ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

int sdc_image_read(SdcImage *image, const char *path, int channels)
{
    return read_image(image, path, channels, false);
}

int sdc_image_read_deep(SdcImage *image, const char *path, int channels)
{
    return read_image(image, path, channels, true);
}

void sdc_image_free(SdcImage *image)
{
    free(image->pixels);
    free(image->floats);
    *image = (SdcImage){0};
}
