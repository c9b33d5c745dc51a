/* sd_reference.c: compiled Stable Diffusion pipelines against recorded runs.
 *
 *      sd_reference SOURCE_FOLDER EMOJI [TINY_SD1]
 *
 * EMOJI and TINY_SD1 are executables that sdc made of models/emoji and ../shared/data/models/tiny-sd1.
 *
 *      emoji      reference/prompts.json: the recorded starting noise in; token ids equal, embeddings and every step's
 *                 latents within 1e-3 relative RMS, the picture at most 2/255 away on 99.9 % of its bytes
 *      tiny-sd1   reference/NAME.json, from the seed alone: every step's latents within 1e-4 relative RMS, some
 *                 again by --scheduler from the folder's own configuration                                          */
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
#include <sys/wait.h>
#include <unistd.h>

#include "../../runtime/runtime.h"
#include "harness.h"
#include "reschedule.h"

static const char *source, *emoji, *tiny;
static char folder[] = "/tmp/sdc-reference-XXXXXX";
static char trace[64], picture[64];

/* ---- running and comparing --------------------------------------------------------------------------------------- */

static void run(const char *const *argv)
{
    int status;
    pid_t child = fork();
    if (!child) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(126);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static SdcArray read_array(const char *path, const char *name)
{
    SdcArray a;
    assert_int_equal(sdc_array_read(&a, path, name), SDC_OK);
    return a;
}

static double value(const SdcArray *a, int64_t i)
{
    const char *at = (const char *)a->data + i * dtype_info(a->dtype)->bytes;
    return dtype_is_float(a->dtype) ? dtype_load_f(a->dtype, at) : (double)dtype_load_i(a->dtype, at);
}

/* RMS of got - want over RMS of want, elements [from, from + n) of got against [at, at + n) of want. */
static double distance(const SdcArray *got, int64_t from, const SdcArray *want, int64_t at, int64_t n)
{
    double error = 0, size = 0;
    assert_true(from + n <= got->count && at + n <= want->count);
    for (int64_t i = 0; i < n; i++) {
        double w = value(want, at + i), d = value(got, from + i) - w;
        error += d * d;
        size += w * w;
    }
    return sqrt(error / size);
}

/* Of all steps; got has the starting latents in front, want has them when `first`. */
static double worst_step(const SdcArray *got, const SdcArray *want, bool first)
{
    double worst = 0;
    int64_t steps = want->dim[0], n = want->count / steps;
    assert_int_equal(got->dim[0], steps + (first ? 0 : 1));
    for (int64_t i = 0; i < steps; i++)
        worst = fmax(worst, distance(got, (i + (first ? 0 : 1)) * n, want, i * n, n));
    return worst;
}

/* The recorded array `name` of record against the trace's `traced`, from the trace's row `row` of prompts on. */
static double compare(const char *record, const char *name, const char *traced, int64_t row)
{
    SdcArray got = read_array(trace, traced), want = read_array(record, name);
    double d = distance(&got, row * want.count, &want, 0, want.count);
    sdc_array_free(&got);
    sdc_array_free(&want);
    return d;
}

static double compare_steps(const char *record, const char *name, bool first)
{
    SdcArray got = read_array(trace, "latents"), want = read_array(record, name);
    double d = worst_step(&got, &want, first);
    sdc_array_free(&got);
    sdc_array_free(&want);
    return d;
}

/* ---- emoji ------------------------------------------------------------------------------------------------------- */

/* Bytes of the PNG that are more than 2 away from the recorded ones, and the largest distance. */
static int64_t count_far(const char *record, int *largest)
{
    SdcArray want = read_array(record, "pixels");
    uint8_t *rgb;
    int width, height;
    int64_t far = 0;
    assert_int_equal(sdc_png_read(picture, &rgb, &width, &height), SDC_OK);
    assert_int_equal((int64_t)width * height * 3, want.count);
    *largest = 0;
    for (int64_t i = 0; i < want.count; i++) {
        int d = abs(rgb[i] - ((const uint8_t *)want.data)[i]);
        far += d > 2;
        *largest = d > *largest ? d : *largest;
    }
    assert_true(far * 1000 <= want.count);
    free(rgb);
    sdc_array_free(&want);
    return far;
}

static void draw_emoji(const json_t *entry, const char *record)
{
    char latents[1200], steps[32], guidance[32];
    snprintf(latents, sizeof latents, "%s:initial_latents", record);
    snprintf(steps, sizeof steps, "%lld", (long long)json_integer_value(json_object_get(entry, "num_inference_steps")));
    snprintf(guidance, sizeof guidance, "%g", json_number_value(json_object_get(entry, "guidance_scale")));
    run((const char *const[]){emoji, "--prompt", json_string_value(json_object_get(entry, "prompt")), "--negative",
                              json_string_value(json_object_get(entry, "negative_prompt")), "--steps", steps,
                              "--guidance", guidance, "--latents", latents, "--trace", trace, "-o", picture, NULL});
}

static void test_emoji(void **state)
{
    (void)state;
    char path[1024], record[1100];
    size_t i;
    json_t *entry;
    snprintf(path, sizeof path, "%s/models/emoji/reference/prompts.json", source);
    json_t *root = json_load_file(path, 0, NULL);
    assert_true(json_array_size(root) > 0);
    json_array_foreach(root, i, entry) {
        snprintf(record, sizeof record, "%s/models/emoji/reference/%s", source,
                 json_string_value(json_object_get(entry, "file")));
        draw_emoji(entry, record);
        assert_true(compare(record, "uncond_input_ids", "input_ids", 0) == 0);
        assert_true(compare(record, "input_ids", "input_ids", 1) == 0);
        double text = compare(record, "text_embeddings", "encoder_hidden_states", 1);
        double steps = compare_steps(record, "step_latents", false), image = compare(record, "image", "decoded", 0);
        int largest;
        int64_t far = count_far(record, &largest);
        print_message("%-12s text %.1e, worst step %.1e, decoded %.1e, %lld bytes more than 2 away, at most %d\n",
                      json_string_value(json_object_get(entry, "prompt")), text, steps, image, (long long)far, largest);
        assert_true(text < 1e-3 && steps < 1e-3 && image < 1e-3);
    }
    json_decref(root);
}

/* ---- tiny-sd1 ---------------------------------------------------------------------------------------------------- */

/* Python writes -Infinity, which is not JSON. */
static json_t *load_run(const char *path)
{
    char *text = read_text(path, NULL);
    assert_non_null(text);
    for (char *p = text; (p = strstr(p, "-Infinity"));)
        memcpy(p, "null     ", 9);
    json_t *run_of = json_loads(text, 0, NULL);
    assert_non_null(run_of);
    free(text);
    return run_of;
}

static void draw_tiny(const char *exe, const json_t *run_of, const char *image)
{
    char steps[32], guidance[32], seed[32], strength[32], eta_text[32];
    const char *argv[32] = {exe, "--steps", steps, "--guidance", guidance, "--seed", seed, "--trace", trace, "-o",
                            picture, "--prompt", json_string_value(json_object_get(run_of, "prompt")), "--negative",
                            json_string_value(json_object_get(run_of, "negative_prompt"))};
    int n = 15;
    json_t *count = json_object_get(run_of, "num_inference_steps"),
           *eta = json_object_get(json_object_get(run_of, "step_args"), "eta");
    snprintf(steps, sizeof steps, "%lld", (long long)json_integer_value(count));
    snprintf(guidance, sizeof guidance, "%g", json_number_value(json_object_get(run_of, "guidance_scale")));
    snprintf(seed, sizeof seed, "%lld", (long long)json_integer_value(json_object_get(run_of, "seed")));
    snprintf(strength, sizeof strength, "%g", json_number_value(json_object_get(run_of, "strength")));
    snprintf(eta_text, sizeof eta_text, "%g", json_number_value(eta));
    if (eta) {
        argv[n++] = "--eta";
        argv[n++] = eta_text;
    }
    if (json_object_get(run_of, "strength")) {
        argv[n++] = "--strength";
        argv[n++] = strength;
        argv[n++] = "--init-image";
        argv[n++] = image;
    }
    run(argv);
}

static bool is_run(const char *here, const char *name)
{
    (void)here;
    return strstr(name, ".json") && strncmp(name, "inpaint", 7);
}

/* Every recorded run but those with masks, from the seed alone, with its own scheduler configuration. */
static void test_tiny_sd1(void **state)
{
    (void)state;
    char *here = format("%s/../shared/data/models/tiny-sd1/reference", source), *exe = format("%s/tiny", folder);
    char *image = format("%s/img2img_ddim.npz:image", here);
    if (!tiny || access(here, R_OK)) {
        print_message("skipped: %s is not there\n", here);
        skip();
    }
    char **names = list_folder(here, is_run, NULL);
    int failed = 0;
    for (int k = 0; names[k]; k++) {
        json_t *run_of = load_run(format("%s/%s", here, names[k]));
        reschedule(tiny, exe, json_object_get(run_of, "scheduler"));
        draw_tiny(exe, run_of, image);
        double worst = compare_steps(format("%s/%.*s.npz", here, (int)strlen(names[k]) - 5, names[k]), "latents", true);
        print_message("%-24s worst step %.1e%s\n", names[k], worst, worst < 1e-4 ? "" : "  FAILED");
        failed += !(worst < 1e-4);
        json_decref(run_of);
    }
    unlink(exe);
    assert_int_equal(failed, 0);
}

/* The folder's own configuration, and another sampler by its name. */
static void test_tiny_sd1_by_name(void **state)
{
    (void)state;
    static const struct { const char *run, *scheduler; } runs[] = {
        {"pndm", "pndm"}, {"euler", "euler"}, {"euler_ancestral", "EulerAncestralDiscreteScheduler"}, {"lms", "lms"}};
    char *here = format("%s/../shared/data/models/tiny-sd1/reference", source);
    if (!tiny || access(here, R_OK))
        skip();
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        json_t *run_of = load_run(format("%s/%s.json", here, runs[i].run));
        char *steps =
            format("--steps=%lld", (long long)json_integer_value(json_object_get(run_of, "num_inference_steps")));
        run((const char *const[]){tiny, "--scheduler", runs[i].scheduler, "--seed", "1234", "--guidance", "7.5",
                                  "--trace", trace, "-o", picture, steps, "--prompt",
                                  json_string_value(json_object_get(run_of, "prompt")), "--negative",
                                  json_string_value(json_object_get(run_of, "negative_prompt")), NULL});
        double worst = compare_steps(format("%s/%s.npz", here, runs[i].run), "latents", true);
        print_message("%-24s worst step %.1e\n", runs[i].scheduler, worst);
        assert_true(worst < 1e-4);
        json_decref(run_of);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4 || !mkdtemp(folder)) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER EMOJI [TINY_SD1]\n", argv[0]);
        return 1;
    }
    source = argv[1];
    emoji = argv[2];
    tiny = argv[3];
    snprintf(trace, sizeof trace, "%s/trace.npz", folder);
    snprintf(picture, sizeof picture, "%s/picture.png", folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_emoji), cmocka_unit_test(test_tiny_sd1),
                                       cmocka_unit_test(test_tiny_sd1_by_name)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(trace);
    unlink(picture);
    rmdir(folder);
    return failed;
}
