/* test_png.c: pictures of every kind in, bad ones refused, pictures with text out.
 *
 *      test_png SOURCE_FOLDER
 *
 * tests/png/pictures.json has PNG files and the RGB that they must become, made without libpng (make.py). */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../runtime/image.h"
#include "../../runtime/runtime.h"
#include "harness.h"

static json_t *pictures;
static char folder[] = "/tmp/sdc-png-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int files_left(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* malloc'd bytes of a hexadecimal string. */
static uint8_t *bytes_of(const json_t *hex, size_t *n)
{
    const char *text = json_string_value(hex);
    *n = strlen(text) / 2;
    uint8_t *bytes = malloc(*n + 1);
    for (size_t i = 0; i < *n; i++)
        sscanf(text + 2 * i, "%2hhx", &bytes[i]);
    return bytes;
}

static int read_bytes(const json_t *picture, SdcImage *image, int (*read)(SdcImage *, const char *, int))
{
    size_t n;
    uint8_t *png = bytes_of(json_object_get(picture, "png"), &n);
    FILE *f = fopen(in_folder("in.png"), "wb");
    fwrite(png, 1, n, f);
    fclose(f);
    free(png);
    int code = read(image, in_folder("in.png"), 3);
    unlink(in_folder("in.png"));
    return code;
}

/* Asked for 16 bits a file that has them gives all; of any other the pixels are the same. */
static void check_deep(const json_t *picture, const SdcImage *plain)
{
    const json_t *hex = json_object_get(picture, "rgb16");
    SdcImage got;
    size_t n = (size_t)plain->width * (size_t)plain->height * 3, bytes = 0;
    assert_int_equal(read_bytes(picture, &got, sdc_image_read_deep), SDC_OK);
    uint8_t *want = hex ? bytes_of(hex, &bytes) : NULL;
    bool same = hex ? !got.pixels && got.floats && bytes == 2 * n
                    : got.pixels && !got.floats && !memcmp(got.pixels, plain->pixels, n);
    for (size_t i = 0; same && hex && i < n; i++)
        same = sdc_image_value(&got, (int64_t)i) == (float)(want[2 * i] << 8 | want[2 * i + 1]) / 65535;
    if (!same)
        fail_msg("%s differs in 16 bits", json_string_value(json_object_get(picture, "name")));
    sdc_image_free(&got);
    free(want);
}

static void test_every_kind(void **state)
{
    (void)state;
    size_t i, n;
    json_t *picture;
    json_array_foreach(json_object_get(pictures, "good"), i, picture) {
        uint8_t *want = bytes_of(json_object_get(picture, "rgb"), &n);
        SdcImage got;
        assert_int_equal(read_bytes(picture, &got, sdc_image_read), SDC_OK);
        assert_int_equal(got.width, json_integer_value(json_object_get(picture, "width")));
        assert_int_equal(got.height, json_integer_value(json_object_get(picture, "height")));
        assert_int_equal(n, got.width * got.height * 3);
        if (memcmp(got.pixels, want, n))
            fail_msg("%s differs", json_string_value(json_object_get(picture, "name")));
        check_deep(picture, &got);
        sdc_image_free(&got);
        free(want);
    }
    print_message("%zu pictures\n", i);
}

static void test_bad_pictures(void **state)
{
    (void)state;
    size_t i;
    json_t *picture;
    json_array_foreach(json_object_get(pictures, "bad"), i, picture) {
        SdcImage image;
        const char *name = json_string_value(json_object_get(picture, "name"));
        if (read_bytes(picture, &image, sdc_image_read) != SDC_BAD_INPUT ||
            read_bytes(picture, &image, sdc_image_read_deep) != SDC_BAD_INPUT)
            fail_msg("%s was read", name);
    }
    SdcImage image;
    assert_int_equal(sdc_image_read(&image, in_folder("absent.png"), 3), SDC_BAD_INPUT);
    assert_int_equal(sdc_image_read(&image, folder, 3), SDC_BAD_INPUT);
    assert_int_equal(sdc_image_read(&image, "/dev/zero", 3), SDC_BAD_INPUT);
    print_message("%zu bad pictures refused\n", i);
}

/* Every prefix of a good file, and the file with any byte changed: an error or a picture, never a crash. */
static void test_damage(void **state)
{
    (void)state;
    size_t n;
    uint8_t *png = bytes_of(json_object_get(json_array_get(json_object_get(pictures, "good"), 0), "png"), &n);
    int keep = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    for (size_t i = 0; i < 2 * n; i++) {
        SdcImage image;
        FILE *f = fopen(in_folder("in.png"), "wb");
        if (i >= n)
            png[i - n] ^= 0x55;
        fwrite(png, 1, i < n ? i : n, f);
        if (i >= n)
            png[i - n] ^= 0x55;
        fclose(f);
        if (!sdc_image_read(&image, in_folder("in.png"), 3))
            sdc_image_free(&image);
    }
    dup2(keep, STDERR_FILENO);
    close(keep);
    unlink(in_folder("in.png"));
    free(png);
}

/* Bytes of the chunk's data when file[n] has a chunk of this kind that begins with key, else NULL. */
static const uint8_t *find_chunk(const uint8_t *file, size_t n, const char *kind, const char *key, size_t *bytes)
{
    for (size_t at = 8; at + 12 <= n; at += *bytes + 12) {
        *bytes = (size_t)file[at] << 24 | (size_t)file[at + 1] << 16 | (size_t)file[at + 2] << 8 | file[at + 3];
        if (!memcmp(file + at + 4, kind, 4) && !memcmp(file + at + 8, key, strlen(key) + 1))
            return file + at + 8;
    }
    return NULL;
}

/* Of each number of bits and channels: what libpng reads is what was given. */
static void test_bits(void **state)
{
    (void)state;
    enum { W = 37, H = 21 };
    uint8_t given[W * H * 6];
    for (size_t i = 0; i < sizeof given; i++)
        given[i] = (uint8_t)(i * i >> 3);
    for (int k = 0; k < 4; k++) {
        const SdcPng picture = {k % 2 ? 3 : 1, k / 2 ? 16 : 8, W, H, given};
        PngHead head;
        assert_int_equal(sdc_png_write(in_folder("out.png"), &picture, NULL), SDC_OK);
        uint16_t *samples = read_png(in_folder("out.png"), &head);
        assert_true(head.width == W && head.height == H);
        assert_true(head.channels == picture.channels && head.bits == picture.bits);
        for (int i = 0; i < W * H * head.channels; i++)
            assert_int_equal(samples[i], head.bits == 16 ? given[2 * i] << 8 | given[2 * i + 1] : given[i]);
        free(samples);
    }
    unlink(in_folder("out.png"));
}

static void test_write(void **state)
{
    (void)state;
    enum { W = 37, H = 21 };
    uint8_t rgb[W * H * 3], file[1 << 16];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * i >> 3);
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    const SdcText texts[] = {{"parameters", "a crab\nSteps: 20"},
                             {"Comment", "ein K\xc3\xa4" "fer"}, {"Long", big}, {0}};
    assert_int_equal(sdc_png_write(in_folder("out.png"), &(SdcPng){3, 8, W, H, rgb}, texts), SDC_OK);
    assert_int_equal(files_left(), 1);
    FILE *f = fopen(in_folder("out.png"), "rb");
    size_t bytes, n = fread(file, 1, sizeof file, f);
    fclose(f);
    const uint8_t *text = find_chunk(file, n, "tEXt", "parameters", &bytes);
    assert_true(text && bytes == 27 && !memcmp(text + 11, "a crab\nSteps: 20", 16));
    text = find_chunk(file, n, "iTXt", "Comment", &bytes);
    assert_true(text && bytes == 22 && !memcmp(text + 12, "ein K\xc3\xa4" "fer", 10));
    assert_non_null(find_chunk(file, n, "zTXt", "Long", &bytes));
    SdcImage back;
    assert_int_equal(sdc_image_read(&back, in_folder("out.png"), 3), SDC_OK);
    assert_true(back.width == W && back.height == H && !memcmp(rgb, back.pixels, sizeof rgb));
    sdc_image_free(&back);
    unlink(in_folder("out.png"));
}

static void test_unwritable(void **state)
{
    (void)state;
    const SdcPng dot = {3, 8, 1, 1, (uint8_t[3]){0}};
    assert_int_not_equal(sdc_png_write(in_folder("no/such/folder.png"), &dot, NULL), SDC_OK);
    assert_int_not_equal(sdc_png_write(folder, &dot, NULL), SDC_OK);
    assert_int_equal(files_left(), 0);
}

int main(int argc, char **argv)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/png/pictures.json", argc == 2 ? argv[1] : ".");
    pictures = json_load_file(path, 0, NULL);
    if (!pictures || !mkdtemp(folder)) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER\n", argv[0]);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind), cmocka_unit_test(test_bad_pictures), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_write),      cmocka_unit_test(test_unwritable),   cmocka_unit_test(test_bits),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(pictures);
    rmdir(folder);
    return failed;
}
