/* test_image.c: picture files of every kind in, and resized, as Pillow does it to the bit; bad ones refused.
 *
 *      test_image SOURCE_FOLDER
 *
 * tests/image/pictures.json has files and check sums of what Pillow makes of them (make.py); PNG has tests/png too. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../../runtime/image.h"
#include "../../runtime/runtime.h"

static json_t *pictures;
static char path[] = "/tmp/sdc-image-XXXXXX";

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static uint32_t sum_of(const SdcImage *image)
{
    return (uint32_t)crc32(0, image->pixels, (uInt)(image->width * image->height * image->channels));
}

static size_t decode_hex(const json_t *picture, uint8_t **bytes)
{
    const char *text = json_string_value(json_object_get(picture, "file"));
    size_t n = strlen(text) / 2;
    *bytes = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        sscanf(text + 2 * i, "%2hhx", &(*bytes)[i]);
    return n;
}

static void put_file(const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(bytes, 1, n, f);
    fclose(f);
}

static int read_caught(SdcImage *image, int channels, char *text, size_t room)
{
    *text = 0;
    sdc_error_catch(text, room);
    int code = sdc_image_read(image, path, channels);
    sdc_error_catch(NULL, 0);
    return code;
}

static void test_every_kind(void **state)
{
    (void)state;
    static const struct { const char *mode; int channels; } modes[] = {{"L", 1}, {"RGB", 3}, {"RGBA", 4}};
    size_t i;
    json_t *picture;
    json_array_foreach(json_object_get(pictures, "good"), i, picture) {
        uint8_t *bytes;
        char text[512];
        const char *name = json_string_value(json_object_get(picture, "name"));
        size_t n = decode_hex(picture, &bytes);
        put_file(bytes, n);
        for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
            SdcImage image;
            if (read_caught(&image, modes[k].channels, text, sizeof text))
                fail_msg("%s: %s", name, text);
            if (image.width != number(picture, "width") || image.height != number(picture, "height") ||
                sum_of(&image) != number(picture, modes[k].mode))
                fail_msg("%s differs as %s", name, modes[k].mode);
            if (!strstr(text, "EXIF") != (number(picture, "orientation") < 2))
                fail_msg("%s: '%s'", name, text);
            sdc_image_free(&image);
        }
        free(bytes);
    }
    print_message("%zu pictures\n", i);
}

static void test_bad_files(void **state)
{
    (void)state;
    size_t i;
    json_t *picture;
    json_array_foreach(json_object_get(pictures, "bad"), i, picture) {
        uint8_t *bytes;
        char text[512];
        SdcImage image;
        size_t n = decode_hex(picture, &bytes);
        put_file(bytes, n);
        if (read_caught(&image, 3, text, sizeof text) != SDC_BAD_INPUT)
            fail_msg("%s was read", json_string_value(json_object_get(picture, "name")));
        if (!strstr(text, path) || strlen(text) < strlen(path) + 8)
            fail_msg("%s: '%s'", json_string_value(json_object_get(picture, "name")), text);
        free(bytes);
    }
    print_message("%zu bad files refused\n", i);
}

/* Prefixes of a good file, and the file with a byte changed: an error or a picture, never a crash. */
static void test_damage(void **state)
{
    (void)state;
    size_t k;
    json_t *picture;
    json_array_foreach(json_object_get(pictures, "good"), k, picture) {
        uint8_t *bytes;
        size_t n = decode_hex(picture, &bytes);
        for (size_t i = 0; i < 2 * n; i += 7) {
            char text[512];
            SdcImage image;
            if (i >= n)
                bytes[i - n] ^= 0x55;
            put_file(bytes, i < n ? i : n);
            if (i >= n)
                bytes[i - n] ^= 0x55;
            if (!read_caught(&image, 4, text, sizeof text))
                sdc_image_free(&image);
        }
        free(bytes);
    }
}

static SdcImage noise(int width, int height, int channels)
{
    uint32_t state = (uint32_t)(width * 65536 + height * 16 + channels);
    SdcImage image = {width, height, channels, malloc((size_t)(width * height * channels)), NULL};
    for (int i = 0; i < width * height * channels; i++) {
        state = state * 1664525 + 1013904223;
        image.pixels[i] = (uint8_t)(state >> 24);
    }
    return image;
}

/* Width, height and channels before, width and height after; the filter. */
static int sizes_of(json_t *row, int from[3], int to[2])
{
    int filter;
    assert_int_equal(json_unpack(row, "{s[iii] s[ii] si}", "from", &from[0], &from[1], &from[2], "to", &to[0], &to[1],
                                 "filter", &filter), 0);
    return filter;
}

static void test_resize(void **state)
{
    (void)state;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(pictures, "resizes"), i, row) {
        int from[3], to[2], filter = sizes_of(row, from, to);
        SdcImage image = noise(from[0], from[1], from[2]);
        assert_int_equal(sdc_image_resize(&image, to[0], to[1], (SdcResample)filter), SDC_OK);
        if (image.width != to[0] || image.height != to[1] || sum_of(&image) != number(row, "crc"))
            fail_msg("%dx%dx%d to %dx%d by filter %d differs", from[0], from[1], from[2], to[0], to[1], filter);
        sdc_image_free(&image);
    }
    print_message("%zu resizes\n", i);
}

/* Floats of 16 bits, whose low ones count. */
static void test_deep_resize(void **state)
{
    (void)state;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(pictures, "deep_resizes"), i, row) {
        int from[3], to[2], filter = sizes_of(row, from, to);
        SdcImage high = noise(from[0], from[1], from[2]), low = noise(from[0], from[1], from[2] + 1);
        const size_t n = (size_t)(from[0] * from[1] * from[2]), made = (size_t)(to[0] * to[1] * from[2]);
        SdcImage image = {from[0], from[1], from[2], NULL, malloc(n * sizeof *image.floats)};
        for (size_t k = 0; k < n; k++)
            image.floats[k] = (float)(high.pixels[k] << 8 | low.pixels[k]) / 65535;
        assert_int_equal(sdc_image_resize(&image, to[0], to[1], (SdcResample)filter), SDC_OK);
        assert_true(image.width == to[0] && image.height == to[1] && !image.pixels);
        if ((uint32_t)crc32(0, (void *)image.floats, (uInt)(made * sizeof *image.floats)) != number(row, "crc"))
            fail_msg("%dx%dx%d to %dx%d by filter %d differs", from[0], from[1], from[2], to[0], to[1], filter);
        sdc_image_free(&image);
        sdc_image_free(&high);
        sdc_image_free(&low);
    }
    print_message("%zu resizes of floats\n", i);
}

int main(int argc, char **argv)
{
    char json[1024];
    snprintf(json, sizeof json, "%s/tests/image/pictures.json", argc == 2 ? argv[1] : ".");
    pictures = json_load_file(json, 0, NULL);
    int fd = mkstemp(path);
    if (!pictures || fd < 0) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER\n", argv[0]);
        return 1;
    }
    close(fd);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_kind), cmocka_unit_test(test_bad_files),
                                       cmocka_unit_test(test_damage), cmocka_unit_test(test_resize),
                                       cmocka_unit_test(test_deep_resize)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(pictures);
    unlink(path);
    return failed;
}
