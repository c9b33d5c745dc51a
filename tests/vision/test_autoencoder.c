/* test_autoencoder.c: executables of autoencoders against what onnxruntime gave (make.py): encode, decode, reconstruct.
 *
 *      test_autoencoder SDC SOURCE WORK
 *
 * The models are those of ../shared; without them all is reported as skipped. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../runtime/image.h"
#include "harness.h"
#include "support.h"

static json_t *models;

/* Bytes of a picture that are more than 2 away from the recorded ones must be fewer than 1 in 1000. */
static void check_picture(const char *path, const char *wanted)
{
    SdcArray want = recorded(wanted);
    SdcImage got;
    int64_t far = 0;
    assert_int_equal(sdc_image_read(&got, path, 3), SDC_OK);
    assert_int_equal((int64_t)got.width * got.height * 3, want.count);
    for (int64_t i = 0; i < want.count; i++)
        far += abs(got.pixels[i] - ((const uint8_t *)want.data)[i]) > 2;
    if (far * 1000 > want.count)
        fail_msg("%s: %lld bytes are far from %s", path, (long long)far, wanted);
    sdc_image_free(&got);
    sdc_array_free(&want);
}

static double said_psnr(void)
{
    json_t *answer = json_loads(said(), 0, NULL);
    if (!answer)
        fail_msg("no JSON: %s", said());
    double psnr = json_number_value(json_object_get(json_array_get(json_object_get(answer, "pictures"), 0), "psnr"));
    json_decref(answer);
    return psnr;
}

static void check_latents(const char *name, const char *what, double limit)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s.%s", name, what);
    double far = worst(in_work("latents.npy"), NULL, wanted);
    if (!(far < limit))
        fail_msg("%s: %g away", wanted, far);
}

static void test_models(void **state)
{
    (void)state;
    size_t k;
    json_t *row;
    json_array_foreach(models, k, row) {
        const char *name = json_string_value(json_object_get(row, "model"));
        char *picture = format("%s.picture", name), *wide = format("%s/tests/vision/wide.jpg", source);
        expect(command("%s compile %s/../shared/data/models/%s/vae_decoder -o %s/%s --size 64x64 %s -q", sdc,
                       source, name, work, name, strcmp(name, "tiny-vq") ? "--size 32x64" : ""), 0, name);
        expect(command("cd %s && ./%s encode -q %s -o latents.npy", work, name, wide), 0, "encode");
        check_latents(name, "latents", 2e-4);
        expect(command("cd %s && ./%s decode latents.npy -o decoded.png", work, name), 0, "decode");
        check_picture(in_work("decoded.png"), picture);
        expect(command("cd %s && ./%s decode latents.npy --bit-depth 16 -o deep.png", work, name), 0, "decode deeply");
        assert_true(is_deeper(format("%s/deep.png", work), in_work("decoded.png")));
        expect(command("cd %s && ./%s encode -q %s/tests/vision/deep.png -o latents.npy", work, name, source), 0,
               "encode 16 bits");
        check_latents(name, "deep_latents", 2e-4);
        expect(command("cd %s && ./%s reconstruct --quiet --json %s -o again.png --latents latents.npy", work, name, wide), 0,
               "reconstruct");
        check_picture(in_work("again.png"), picture);
        check_latents(name, "latents", 2e-4);
        assert_true(fabs(said_psnr() - json_number_value(json_object_get(row, "psnr"))) < 0.02);
        free(picture);
        free(wide);
    }
}

static void test_distribution(void **state)
{
    (void)state;
    expect(command("cd %s && ./tiny-sdxl encode -q --sample --seed 3 %s/tests/vision/wide.jpg", work, source), 0, "sample");
    check_latents("tiny-sdxl", "sample", 2e-3);
    expect(command("cd %s && ./tiny-vq encode -q --sample %s/tests/vision/wide.jpg", work, source), SDC_USAGE, "no distribution");
    expect(command("cd %s && ./tiny-sdxl encode -q --scaled %s/tests/vision/wide.jpg -o scaled.npy", work, source), 0, "scaled");
    SdcArray plain = recorded("tiny-sdxl.latents"), scaled = read_array(in_work("scaled.npy"), NULL);
    for (int64_t i = 0; i < plain.count; i++)
        assert_true(fabs((double)((float *)plain.data)[i] * 0.13025 - (double)((float *)scaled.data)[i]) < 1e-4);
    sdc_array_free(&plain);
    sdc_array_free(&scaled);
    expect(command("cd %s && ./tiny-sdxl decode --scaled scaled.npy -o scaled.png", work), 0, "decode scaled");
    check_picture(in_work("scaled.png"), "tiny-sdxl.picture");
    expect(command("grep -aq 'Command: decode, File: scaled.npy, Size: 64x64, Model hash: .*, Scaled: yes, Version: sdc' "
                   "%s/scaled.png", work), 0, "its settings");
}

static const struct { const char *arguments; int code; const char *says; } cases[] = {
    {"", SDC_USAGE, "encode, decode or reconstruct"},
    {"paint a.png", SDC_USAGE, "encode, decode or reconstruct"},
    {"encode", SDC_USAGE, "which file"},
    {"encode absent.png", SDC_BAD_INPUT, "absent.png"},
    {"decode wide.jpg", SDC_USAGE, "wide.jpg"},
    {"decode odd.npy", SDC_USAGE, "not compiled for"},
    {"encode --size 48x48 wide.jpg", SDC_USAGE, "not compiled for 48x48"},
    {"encode --size 64 wide.jpg", SDC_USAGE, "WIDTHxHEIGHT"},
    {"encode --range 1 wide.jpg", SDC_USAGE, "--range"},
    {"encode --bit-depth 12 wide.jpg", SDC_USAGE, "--bit-depth: '12' is neither 8 nor 16"},
    {"encode wide.jpg --size 32x64 -o odd.npy", SDC_OK, "resized to 32x64"},
    {"encode wide.jpg wide.jpg -o two.npy", SDC_OK, "two.npy"},
    {"decode two.npy -o two.png", SDC_OK, "two-2.png"},
    {"decode odd.npy -o odd.png", SDC_OK, "odd.png"},
    {"encode wide.jpg odd.png", SDC_USAGE, "different sizes"},
    {"reconstruct wide.jpg wide.jpg -o twice.png", SDC_OK, "twice-2.png"},
    {"--help", SDC_OK, "reconstruct PICTURE"},
    {"--info", SDC_OK, "vae_encoder"},
};

static void test_usage(void **state)
{
    (void)state;
    expect(command("cp %s/tests/vision/wide.jpg %s/", source, work), 0, "cp");
    expect(command("cd %s && ./tiny-vq encode wide.jpg -o odd.npy -q", work), 0, "latents of another model");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        expect(command("cd %s && ./tiny-sdxl %s", work, cases[k].arguments), cases[k].code, cases[k].arguments);
        if (!strstr(said(), cases[k].says))
            fail_msg("'%s' says %s", cases[k].arguments, said());
    }
}

int main(int argc, char **argv)
{
    if (begin(argc, argv))
        return 1;
    char *shared = format("%s/../shared/data/models/tiny-vq", source), *path = format("%s/tests/vision/cases.json", source);
    if (access(shared, F_OK)) {
        printf("skipped: no ../shared/data/models\n");
        return EXIT_SKIPPED;
    }
    json_t *all = json_load_file(path, 0, NULL);
    models = json_object_get(all, "autoencoders");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models), cmocka_unit_test(test_distribution),
                                       cmocka_unit_test(test_usage)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(all);
    free(shared);
    free(path);
    end();
    return failed;
}
