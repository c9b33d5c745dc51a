/* sd_reference.c: the demo pipeline against its recorded runs; see trajectory.c for others.
 *
 *      sd_reference SOURCE_FOLDER EMOJI
 *
 * EMOJI is the executable that sdc made of models/emoji.  reference/prompts.json: the recorded starting noise in; token
 * ids equal, embeddings and every step's latents within 1e-3 relative RMS, the picture at most 2/255 away on 99.9 % of
 * its bytes. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"

static const char *source, *emoji;
static char folder[] = "/tmp/sdc-reference-XXXXXX";
static char trace[64], picture[64];

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

/* The recorded array `name` of record against the trace's `traced`, from the trace's row `row` of prompts on. */
static double compare(const char *record, const char *name, const char *traced, int64_t row)
{
    SdcArray got = record_array(trace, traced), want = record_array(record, name);
    double d = record_distance(&got, row * want.count, &want, 0, want.count);
    sdc_array_free(&got);
    sdc_array_free(&want);
    return d;
}

static double compare_steps(const char *record, const char *name)
{
    SdcArray got = record_array(trace, "latents"), want = record_array(record, name);
    double d = record_worst_step(&got, &want, false);
    sdc_array_free(&got);
    sdc_array_free(&want);
    return d;
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
        double steps = compare_steps(record, "step_latents"), image = compare(record, "image", "decoded", 0);
        int largest;
        SdcArray pixels = record_array(record, "pixels");
        int64_t far = record_far_bytes(picture, &pixels, &largest);
        assert_true(far * 1000 <= pixels.count);
        sdc_array_free(&pixels);
        print_message("%-12s text %.1e, worst step %.1e, decoded %.1e, %lld bytes more than 2 away, at most %d\n",
                      json_string_value(json_object_get(entry, "prompt")), text, steps, image, (long long)far, largest);
        assert_true(text < 1e-3 && steps < 1e-3 && image < 1e-3);
    }
    json_decref(root);
}

int main(int argc, char **argv)
{
    if (argc != 3 || !mkdtemp(folder)) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER EMOJI\n", argv[0]);
        return 1;
    }
    source = argv[1];
    emoji = argv[2];
    snprintf(trace, sizeof trace, "%s/trace.npz", folder);
    snprintf(picture, sizeof picture, "%s/picture.png", folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_emoji)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(trace);
    unlink(picture);
    rmdir(folder);
    return failed;
}
