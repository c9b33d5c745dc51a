/* test_vision.c: executables of CLIP, SigLIP and ViT against what transformers and onnxruntime gave (make.py).
 *
 *      test_vision SDC SOURCE WORK
 *
 * Pixels of every image processor by a model of one node; probabilities and embeddings of the models in ../shared, which
 * are reported as skipped where they are not there. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "support.h"

static json_t *cases;

/* A folder of the model that only takes means, with these configurations; remade for each case.  nested: laid out as by
 * transformers.js, with the configuration where transformers writes it since version 5. */
static void write_folder(const char *type, const json_t *preprocessor, const json_t *side, bool nested)
{
    json_t *config = json_pack("{ss}", "model_type", type);
    if (json_is_integer(side) && (!strcmp(type, "clip") || !strcmp(type, "siglip")))
        json_object_set_new(config, "vision_config", json_pack("{sO}", "image_size", side));
    else if (json_is_integer(side))
        json_object_set(config, "image_size", (json_t *)(uintptr_t)side);
    mkdir(in_work("folder"), 0777);
    json_dump_file(config, in_work("folder/config.json"), 0);
    unlink(in_work("folder/preprocessor_config.json"));
    json_t *processor = json_pack("{ss}", "processor_class", "AnyProcessor");
    if (json_is_object(preprocessor) && nested)
        json_object_set(processor, "image_processor", (json_t *)(uintptr_t)preprocessor);
    else if (json_is_object(preprocessor))
        json_dump_file(preprocessor, in_work("folder/preprocessor_config.json"), 0);
    json_dump_file(processor, in_work("folder/processor_config.json"), 0);
    json_decref(processor);
    json_decref(config);
    expect(command("rm -rf %s/folder/model.onnx %s/folder/onnx && mkdir %s/folder/onnx && cp %s/tests/vision/model.onnx %s/folder/%s",
                   work, work, work, source, work, nested ? "onnx/" : ""), 0, "cp");
}

/* Of large pictures every 16th row and column is recorded. */
static double worst_pixel(const char *path, const char *member, const json_t *row)
{
    SdcArray got = read_array(path, NULL), want = recorded(member);
    const int64_t height = got.dim[2], width = got.dim[3], rows = want.dim[2], columns = want.dim[3];
    const int64_t every = height == rows ? 1 : 16;
    double largest = 0;
    assert_int_equal(height, json_integer_value(json_object_get(row, "height")));
    assert_int_equal(width, json_integer_value(json_object_get(row, "width")));
    assert_true(rows == (height + every - 1) / every && columns == (width + every - 1) / every);
    for (int64_t i = 0; i < 3 * rows * columns; i++) {
        const int64_t x = i % columns * every, y = i / columns % rows * every, c = i / columns / rows;
        const float value = ((const float *)got.data)[(c * height + y) * width + x];
        largest = larger(largest, fabs((double)value - (double)((const float *)want.data)[i]));
    }
    sdc_array_free(&got);
    sdc_array_free(&want);
    return largest;
}

static void test_processors(void **state)
{
    (void)state;
    size_t k;
    json_t *row;
    json_array_foreach(json_object_get(cases, "processors"), k, row) {
        char member[32];
        const char *picture = json_string_value(json_object_get(row, "picture"));
        write_folder(json_string_value(json_object_get(row, "type")), json_object_get(row, "preprocessor"),
                     json_object_get(row, "image_size"), k % 2);
        expect(command("%s compile %s/folder -o %s/exe -q", sdc, work, work), 0, "compile");
        expect(command("%s/exe %s/tests/vision/%s --pixels %s/pixels.npy --embeddings %s/none.npy", work, source, picture,
                       work, work), SDC_UNSUPPORTED, "embeddings that there are not");
        expect(command("%s/exe --image %s/tests/vision/%s --pixels %s/pixels.npy", work, source, picture, work), 0, "run");
        snprintf(member, sizeof member, "pixels_%zu", k);
        double far = worst_pixel(in_work("pixels.npy"), member, row);
        if (!(far <= 2e-5))
            fail_msg("processor %zu: %g away", k, far);
    }
    print_message("%zu image processors\n", k);
}

static void check_probabilities(const json_t *row, const char *key)
{
    json_error_t error;
    json_t *answer = json_loads(said(), 0, &error), *score;
    size_t i, j;
    if (!answer)
        fail_msg("no JSON: %s", said());
    for (i = 0; i < json_array_size(json_object_get(row, "pictures")); i++) {
        json_t *scores = json_object_get(json_array_get(json_object_get(answer, "images"), i), key);
        json_t *want = json_array_get(json_object_get(row, "probability"), i);
        assert_int_equal(json_array_size(scores), json_array_size(want));
        json_array_foreach(scores, j, score) {
            size_t index = (size_t)json_integer_value(json_object_get(score, "index"));
            double d = json_number_value(json_object_get(score, "probability")) -
                       json_number_value(json_array_get(want, index));
            if (!(fabs(d) < 1e-4))
                fail_msg("picture %zu, %s %zu: probability %g away", i, key, index, d);
        }
    }
    json_decref(answer);
}

/* What follows the executable's name: the pictures, and texts or their ids. */
static const char *question(const json_t *row, const char *name)
{
    static char line[4096];
    size_t k, n = 0;
    json_t *item;
    json_array_foreach(json_object_get(row, "pictures"), k, item)
        n += (size_t)snprintf(line + n, sizeof line - n, " %s/tests/vision/%s", source, json_string_value(item));
    json_array_foreach(json_object_get(row, "texts"), k, item)
        n += (size_t)snprintf(line + n, sizeof line - n, " --text '%s'", json_string_value(item));
    if (!strcmp(name, "tiny-siglip"))
        snprintf(line + n, sizeof line - n, " --ids %s/tests/vision/recorded.npz:siglip_ids", source);
    return line;
}

static void check_embeddings(const char *name)
{
    static const char *const members[] = {"image_embeds", "text_embeds"};
    for (size_t k = 0; k < 2; k++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%s.%s", name, members[k]);
        if (!(worst(in_work("embeddings.npz"), members[k], wanted) < 1e-4))
            fail_msg("%s differs", wanted);
    }
}

static void test_models(void **state)
{
    (void)state;
    size_t k, ran = 0;
    json_t *row;
    json_array_foreach(json_object_get(cases, "models"), k, row) {
        char folder[1024];
        const char *name = json_string_value(json_object_get(row, "model"));
        snprintf(folder, sizeof folder, "%s/../shared/data/models/%.*s", source, (int)strcspn(name, "+"), name);
        if (access(folder, F_OK))
            continue;
        const char *tokenizer = strchr(name, '+');
        if (tokenizer) {
            expect(command("rm -rf %s/words && cp -rL %s %s/words && chmod -R u+w %s/words && cp %s/tests/vision/%s/* %s/words/",
                           work, folder, work, work, source, tokenizer + 1, work), 0, "cp");
            snprintf(folder, sizeof folder, "%s/words", work);
        }
        const bool texts = strcmp(name, "tiny-vit");
        for (int batch = texts ? 1 : 2; batch <= (strcmp(name, "tiny-clip") ? 2 : 3); batch += 2) {
            expect(command("%s compile %s -o %s/exe --batch %d -q", sdc, folder, work, batch), 0, name);
            expect(command("%s/exe%s --json -q --top 100 %s%s%s", work, question(row, name), texts ? "--embeddings " : "",
                           texts ? work : "", texts ? "/embeddings.npz" : ""), 0, name);
            check_probabilities(row, texts ? "texts" : "classes");
            if (texts)
                check_embeddings(name);
        }
        ran++;
    }
    print_message("%zu models, %zu skipped\n", ran, k - ran);
}

static const struct { const char *arguments; int code; const char *says; } wrong[] = {
    {"", SDC_USAGE, "which picture"},
    {"absent.png", SDC_BAD_INPUT, "absent.png"},
    {"/dev/null", SDC_BAD_INPUT, "/dev/null"},
    {"--text a", SDC_USAGE, "no texts"},
    {"--top 0 x.png", SDC_USAGE, "--top"},
    {"--pictures x.png", SDC_USAGE, "unknown option"},
    {"--embeddings '' x.png", SDC_USAGE, "file name"},
};

static void test_usage(void **state)
{
    (void)state;
    write_folder("vit", NULL, NULL, false);
    expect(command("%s compile %s/folder -o %s/exe --default top=2 -q", sdc, work, work), 0, "compile");
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        expect(command("%s/exe %s", work, wrong[k].arguments), wrong[k].code, wrong[k].arguments);
        if (!strstr(said(), wrong[k].says))
            fail_msg("'%s' says %s", wrong[k].arguments, said());
    }
    expect(command("%s/exe %s/tests/vision/wide.jpg", work, source), 0, "classes");
    assert_non_null(strstr(said(), "  class "));
    expect(command("%s/exe --help", work), 0, "help");
    expect(command("%s/exe --check --json", work), 0, "check");
    expect(command("%s/exe --info", work), 0, "info");
    expect(command("%s compile %s/folder -o %s/exe --default tops=2 -q", sdc, work, work), SDC_USAGE, "default");
    expect(command("%s compile %s/folder -o %s/exe --size 32x32 -q", sdc, work, work), SDC_USAGE, "size");
}

static const struct { const char *preprocessor; int code; const char *says; } broken[] = {
    {"{\"size\": \"large\"}", SDC_UNSUPPORTED, "size"},
    {"{\"size\": {\"longest_edge\": 20}}", SDC_UNSUPPORTED, "size"},
    {"{\"size\": -3}", SDC_BAD_INPUT, "size"},
    {"{\"size\": {\"height\": 20, \"width\": 99999999}}", SDC_BAD_INPUT, "width"},
    {"{\"resample\": 9}", SDC_BAD_INPUT, "resample"},
    {"{\"image_mean\": [1, 2]}", SDC_BAD_INPUT, "image_mean"},
    {"{\"image_std\": 0}", SDC_BAD_INPUT, "image_std"},
    {"{\"image_processor_type\": \"BeitImageProcessor\"}", SDC_UNSUPPORTED, "BeitImageProcessor"},
    {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": {\"height\": 9, \"width\": 9}}", SDC_BAD_INPUT,
     "size has no shortest_edge"},
    {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": 224, \"crop_pct\": 0}", SDC_BAD_INPUT, "crop_pct"},
    {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": 224, \"crop_pct\": \"1\"}", SDC_BAD_INPUT, "crop_pct"},
    {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": 224, \"do_center_crop\": true, \"crop_size\": 9}",
     SDC_UNSUPPORTED, "do_center_crop beside crop_pct"},
    {"[]", SDC_BAD_INPUT, "object"},
};

static void test_broken_configurations(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
        json_t *text = json_loads(broken[k].preprocessor, 0, NULL);
        write_folder("vit", NULL, NULL, false);
        json_dump_file(text, in_work("folder/preprocessor_config.json"), 0);
        json_decref(text);
        expect(command("%s compile %s/folder -o %s/exe -q", sdc, work, work), broken[k].code, broken[k].preprocessor);
        if (!strstr(said(), "preprocessor_config.json") || !strstr(said(), broken[k].says))
            fail_msg("'%s' says %s", broken[k].preprocessor, said());
    }
}

/* Folders that do not say what they are. */
static void test_folders_of_no_class(void **state)
{
    (void)state;
    static const struct { const char *file, *text, *says; } rows[] = {
        {"processor_config.json", "{\"image_processor\":7}", "processor_config.json: image_processor is not an object"},
        {"config.json", "{\"model_type\":null}", "config.json: neither _class_name nor model_type"},
        {"model_index.json", "{\"_class_name\":null}", "model_index.json: no _class_name"}};
    write_folder("vit", NULL, NULL, false);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char file[64];
        snprintf(file, sizeof file, "folder/%s", rows[k].file);
        write_text(in_work(file), rows[k].text);
        if (k == 2) {                       /* which would tell the class of a folder without model_index.json */
            expect(command("mkdir %s/folder/vae_decoder", work), 0, "mkdir");
            write_text(in_work("folder/vae_decoder/config.json"), "{\"_class_name\":\"AutoencoderKL\"}");
        }
        expect(command("%s compile %s/folder -o %s/exe -q", sdc, work, work), SDC_BAD_INPUT, rows[k].text);
        if (!strstr(said(), rows[k].says))
            fail_msg("'%s' says %s", rows[k].text, said());
    }
}

int main(int argc, char **argv)
{
    char path[1024];
    if (begin(argc, argv))
        return 1;
    snprintf(path, sizeof path, "%s/tests/vision/cases.json", source);
    cases = json_load_file(path, 0, NULL);
    assert_non_null(cases);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_processors), cmocka_unit_test(test_models),
                                       cmocka_unit_test(test_usage), cmocka_unit_test(test_broken_configurations),
                                       cmocka_unit_test(test_folders_of_no_class)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(cases);
    end();
    return failed;
}
