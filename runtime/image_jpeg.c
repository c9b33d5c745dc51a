/* image_jpeg.c: JPEG files through libjpeg-turbo, with the settings of its defaults, which are Pillow's.
 *
 * An incomplete file is an error, as is one that takes too many passes over the picture; faults inside libjpeg come
 * back here.  Four components are inks, inverted as Adobe stores them, whether a file names Adobe or not. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "image_decode.h"

enum { MAX_SCANS = 200, EXIF = JPEG_APP0 + 1 };

typedef struct {
    struct jpeg_error_mgr errors;       /* first: libjpeg knows no other pointer to us */
    struct jpeg_progress_mgr progress;
    SdcDecoding *d;
    jmp_buf back;
} Jpeg;

static Jpeg *of(j_common_ptr info)
{
    return (Jpeg *)info->err;
}

static _Noreturn void give_up(j_common_ptr info, const char *why)
{
    snprintf(of(info)->d->message, sizeof of(info)->d->message, "%s", why);
    longjmp(of(info)->back, 1);
}

static void on_error(j_common_ptr info)
{
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    give_up(info, text);
}

static void on_message(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

static void on_progress(j_common_ptr info)
{
    if (((j_decompress_ptr)info)->input_scan_number > MAX_SCANS)
        give_up(info, "more than 200 scans");
}

/* ---- the file's bytes ------------------------------------------------------------------------------------------- */

static void no_source(j_decompress_ptr info)
{
    (void)info;
}

static boolean at_end(j_decompress_ptr info)
{
    give_up((j_common_ptr)info, "the file ends early");
}

static void skip(j_decompress_ptr info, long bytes)
{
    if (bytes <= 0)
        return;
    if ((size_t)bytes > info->src->bytes_in_buffer)
        at_end(info);
    info->src->next_input_byte += bytes;
    info->src->bytes_in_buffer -= (size_t)bytes;
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

static void find_orientation(SdcDecoding *d, j_decompress_ptr info)
{
    static const char prefix[] = "Exif\0";      /* and the NUL that C adds */
    for (jpeg_saved_marker_ptr m = info->marker_list; m; m = m->next)
        if (m->marker == EXIF && m->data_length > sizeof prefix && !memcmp(m->data, prefix, sizeof prefix))
            d->orientation = sdc_exif_orientation(m->data + sizeof prefix, m->data_length - sizeof prefix);
}

/* a b / 255, rounded, for bytes. */
static unsigned scaled(unsigned a, unsigned b)
{
    unsigned product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

/* Inks to RGBA, in place. */
static void mix_inks(uint8_t *row, int width)
{
    for (uint8_t *p = row; p < row + 4 * width; p += 4) {
        for (int c = 0; c < 3; c++)
            p[c] = (uint8_t)(p[3] - scaled(255u - p[c], p[3]));
        p[3] = 255;
    }
}

static void decode(SdcDecoding *d, j_decompress_ptr info)
{
    jpeg_save_markers(info, EXIF, 0xffff);
    jpeg_read_header(info, TRUE);
    find_orientation(d, info);
    bool inks = info->num_components == 4;
    info->out_color_space = inks ? JCS_CMYK : JCS_EXT_RGBA;
    if (!sdc_image_room(d, info->image_width, info->image_height))
        longjmp(of((j_common_ptr)info)->back, 1);
    jpeg_start_decompress(info);
    while (info->output_scanline < info->output_height) {
        uint8_t *row = (uint8_t *)d->rgba + (size_t)info->output_scanline * (size_t)d->width * 4;
        jpeg_read_scanlines(info, &row, 1);
        if (inks)
            mix_inks(row, d->width);
    }
    jpeg_finish_decompress(info);
}

bool sdc_jpeg_decode(SdcDecoding *d)
{
    Jpeg jpeg = {.progress.progress_monitor = on_progress, .d = d};
    struct jpeg_decompress_struct info = {.err = jpeg_std_error(&jpeg.errors)};
    struct jpeg_source_mgr source = {.next_input_byte = d->in.data, .bytes_in_buffer = (size_t)d->in.bytes,
                                     .init_source = no_source, .fill_input_buffer = at_end, .skip_input_data = skip,
                                     .resync_to_restart = jpeg_resync_to_restart, .term_source = no_source};
    jpeg.errors.error_exit = on_error;
    jpeg.errors.emit_message = on_message;
    if (setjmp(jpeg.back)) {
        jpeg_destroy_decompress(&info);
        return false;
    }
    jpeg_create_decompress(&info);
    info.src = &source;
    info.progress = &jpeg.progress;
    decode(d, &info);
    jpeg_destroy_decompress(&info);
    return true;
}
