/* image_webp.c: WebP files, lossy and lossless, through libwebp.  Of an animation nothing is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>

#include "image_decode.h"

static bool refuse(SdcDecoding *d, VP8StatusCode status)
{
    static const char *const why[] = {
        [VP8_STATUS_OUT_OF_MEMORY] = "out of memory", [VP8_STATUS_BITSTREAM_ERROR] = "damaged WebP data",
        [VP8_STATUS_UNSUPPORTED_FEATURE] = "a kind of WebP that libwebp does not know",
        [VP8_STATUS_NOT_ENOUGH_DATA] = "the file ends early"};
    bool known = (size_t)status < sizeof why / sizeof *why && why[status];
    snprintf(d->message, sizeof d->message, "%s", known ? why[status] : "libwebp can not read it");
    return false;
}

/* RIFF: 12 bytes of head, then chunks: name, little-endian length, data, padded to an even length. */
static void find_orientation(SdcDecoding *d)
{
    const uint8_t *data = d->in.data;
    size_t bytes = (size_t)d->in.bytes, n;
    for (size_t at = 12; at + 8 <= bytes; at += 8 + n + (n & 1)) {
        n = data[at + 4] | (size_t)data[at + 5] << 8 | (size_t)data[at + 6] << 16 | (size_t)data[at + 7] << 24;
        if (n > bytes - at - 8)
            n = bytes - at - 8;
        if (!memcmp(data + at, "EXIF", 4)) {
            size_t prefix = n >= 6 && !memcmp(data + at + 8, "Exif\0", 6) ? 6 : 0;
            d->orientation = sdc_exif_orientation(data + at + 8 + prefix, n - prefix);
            return;
        }
    }
}

bool sdc_webp_decode(SdcDecoding *d)
{
    WebPBitstreamFeatures features;
    size_t bytes = (size_t)d->in.bytes;
    VP8StatusCode status = WebPGetFeatures(d->in.data, bytes, &features);
    if (status != VP8_STATUS_OK)
        return refuse(d, status);
    if (features.has_animation) {
        snprintf(d->message, sizeof d->message, "an animation; only still pictures are read");
        return false;
    }
    if (!sdc_image_room(d, (uint64_t)features.width, (uint64_t)features.height))
        return false;
    size_t row = (size_t)d->width * 4;
    if (!WebPDecodeRGBAInto(d->in.data, bytes, d->rgba, row * (size_t)d->height, (int)row))
        return refuse(d, VP8_STATUS_BITSTREAM_ERROR);
    find_orientation(d);
    return true;
}
