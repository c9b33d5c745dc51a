/* png.c: pictures in and out through libpng's low-level interface; contracts are in image_decode.h and runtime.h.
 *
 * A picture that is read is untrusted: its width, height, pixels and ancillary chunks are limited before memory is
 * asked for, and a fault inside libpng comes back as a message.  Anything becomes RGBA of 8 bits: palettes and grey are
 * expanded, of 16 bits the high ones are kept, or all where that was asked for. */
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "fileio.h"
#include "image_decode.h"
#include "runtime.h"

enum { MAX_CHUNKS = 1000, TEXT_COMPRESSED_FROM = 1024 };

typedef struct {
    char message[160];          /* libpng's when it gave up, with its last warning, which often says more */
    char warning[100];
    png_structp png;
    png_infop info;
    SdcDecoding *in;
    int64_t at;                 /* of in's bytes */
    png_bytep *rows;
    SdcOutput *out;
    int code;                   /* of writing; its line has been printed */
} Picture;

static void on_error(png_structp png, png_const_charp text)
{
    Picture *p = png_get_error_ptr(png);
    bool more = *p->warning;
    snprintf(p->message, sizeof p->message, "%.50s%s%s%s", text, more ? " (" : "", p->warning, more ? ")" : "");
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    Picture *p = png_get_error_ptr(png);
    snprintf(p->warning, sizeof p->warning, "%s", text);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void on_write(png_structp png, png_bytep data, size_t bytes)
{
    Picture *p = png_get_io_ptr(png);
    p->code = sdc_output_write(p->out, data, (int64_t)bytes);
    if (p->code)
        png_error(png, "write failed");
}

static void on_flush(png_structp png)
{
    (void)png;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* tEXt (zTXt when long) for ASCII; iTXt, which is UTF-8, for anything else. */
static void write_text(Picture *p, const SdcText *text)
{
    char key[80], *value = (char *)(uintptr_t)text->text;       /* libpng's structure is not const; it only reads */
    snprintf(key, sizeof key, "%s", text->key);
    bool ascii = is_ascii(value), big = strlen(value) >= TEXT_COMPRESSED_FROM;
    int kind = ascii ? (big ? PNG_TEXT_COMPRESSION_zTXt : PNG_TEXT_COMPRESSION_NONE)
                     : (big ? PNG_ITXT_COMPRESSION_zTXt : PNG_ITXT_COMPRESSION_NONE);
    png_text chunk = {.compression = kind, .key = key, .text = value};
    png_set_text(p->png, p->info, &chunk, 1);
}

static bool write_picture(Picture *p, const SdcPng *picture, const SdcText *texts)
{
    if (setjmp(png_jmpbuf(p->png)))
        return false;
    png_set_write_fn(p->png, p, on_write, on_flush);
    png_set_IHDR(p->png, p->info, (png_uint_32)picture->width, (png_uint_32)picture->height, picture->bits,
                 picture->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    for (const SdcText *text = texts; text && text->key; text++)
        write_text(p, text);
    png_write_info(p->png, p->info);
    const size_t row = (size_t)picture->width * (size_t)picture->channels * (size_t)(picture->bits / 8);
    for (int y = 0; y < picture->height; y++)
        png_write_row(p->png, picture->samples + (size_t)y * row);
    png_write_end(p->png, p->info);
    return true;
}

int sdc_png_emit(SdcOutput *o, const SdcPng *picture, const SdcText *texts)
{
    Picture p = {.out = o};
    p.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &p, on_error, on_warning);
    p.info = p.png ? png_create_info_struct(p.png) : NULL;
    bool done = p.info && write_picture(&p, picture, texts);
    png_destroy_write_struct(&p.png, &p.info);
    if (done || p.code)
        return p.code;
    return sdc_error(SDC_NO_SPACE, "%s: %s", o->path, *p.message ? p.message : "out of memory");
}

int sdc_png_write(const char *path, const SdcPng *picture, const SdcText *texts)
{
    SdcOutput o;
    int code = sdc_output_open(&o, path, 0666);
    if (code)
        return code;
    code = sdc_png_emit(&o, picture, texts);
    if (!code)
        return sdc_output_commit(&o);
    sdc_output_discard(&o);
    return code;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void on_read(png_structp png, png_bytep data, size_t bytes)
{
    Picture *p = png_get_io_ptr(png);
    if ((int64_t)bytes > p->in->in.bytes - p->at)
        png_error(png, "the file ends early");
    memcpy(data, p->in->in.data + p->at, bytes);
    p->at += (int64_t)bytes;
}

/* Ask libpng for RGBA of d->bits whatever the file holds. */
static void expand(Picture *p)
{
    const uint16_t one = 1;
    if (p->in->bits == 8)
        png_set_strip_16(p->png);
    else if (*(const uint8_t *)&one)        /* a file has the high byte first */
        png_set_swap(p->png);
    png_set_expand(p->png);                 /* palette, grey below 8 bits and tRNS */
    png_set_gray_to_rgb(p->png);
    png_set_add_alpha(p->png, p->in->bits == 8 ? 0xff : 0xffff, PNG_FILLER_AFTER);
    png_set_interlace_handling(p->png);
    png_read_update_info(p->png, p->info);
}

static void find_orientation(Picture *p)
{
    png_bytep tags;
    png_uint_32 bytes;
    if (png_get_eXIf_1(p->png, p->info, &bytes, &tags))
        p->in->orientation = sdc_exif_orientation(tags, bytes);
}

static bool read_picture(Picture *p)
{
    SdcDecoding *d = p->in;
    if (setjmp(png_jmpbuf(p->png)))
        return false;
    png_set_read_fn(p->png, p, on_read);
    png_set_user_limits(p->png, SDC_IMAGE_SIDE, SDC_IMAGE_SIDE);
    png_set_chunk_malloc_max(p->png, SDC_IMAGE_METADATA);
    png_set_chunk_cache_max(p->png, MAX_CHUNKS);
    png_read_info(p->png, p->info);
    if (d->deep && png_get_bit_depth(p->png, p->info) == 16)
        d->bits = 16;
    if (!sdc_image_room(d, png_get_image_width(p->png, p->info), png_get_image_height(p->png, p->info)))
        png_error(p->png, d->message);
    const size_t height = (size_t)d->height, row = (size_t)d->width * 4 * (size_t)(d->bits / 8);
    expand(p);
    if (png_get_rowbytes(p->png, p->info) != row)
        png_error(p->png, "not convertible to RGB");
    p->rows = malloc(height * sizeof *p->rows);
    if (!p->rows)
        png_error(p->png, "out of memory");
    for (size_t y = 0; y < height; y++)
        p->rows[y] = (uint8_t *)d->rgba + y * row;
    png_read_image(p->png, p->rows);
    png_read_end(p->png, p->info);
    find_orientation(p);
    return true;
}

bool sdc_png_decode(SdcDecoding *d)
{
    Picture p = {.in = d};
    p.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &p, on_error, on_warning);
    p.info = p.png ? png_create_info_struct(p.png) : NULL;
    bool done = p.info && read_picture(&p);
    png_destroy_read_struct(&p.png, &p.info, NULL);
    free(p.rows);
    snprintf(d->message, sizeof d->message, "%s", p.message);
    return done;
}
