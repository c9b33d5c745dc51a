/* test_tokenizer_padding.c: texts padded on the side that a tokenizer's files name, of each kind, against transformers.
 *
 *      test_tokenizer_padding SOURCE_FOLDER
 *
 * tests/tokenizer/padding.json has the cases and the ids (make_padding.py). */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "tokenizers.h"
#include "../../models/sd_prompt.h"
#include "../../runtime/runtime.h"

static const char *source;
static json_t *recorded;

static void write_json(const char *path, const json_t *value)
{
    char *text = json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, 0);
    write_text(path, text);
    free(text);
}

/* A case's tokenizer as a folder, until the process ends. */
static char *lay_out(json_t *row)
{
    char *work = work_folder("tokenizer-padding");
    const char *folder = json_string_value(json_object_get(row, "folder")), *name;
    const json_t *padding = json_object_get(row, "padding");
    json_t *file;
    if (folder) {
        const char *line = "cp %s/%s/tokenizer.json* %s && gzip -dfq %s/*.gz; chmod u+w %s/*";
        assert_int_equal(system(format(line, source, folder, work, work, work)), 0);
    }
    if (json_is_object(padding)) {
        const char *path = format("%s/tokenizer.json", work);
        json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
        json_object_set(root, "padding", (json_t *)(uintptr_t)padding);
        write_json(path, root);
        json_decref(root);
    }
    json_object_foreach(json_object_get(row, "files"), name, file)
        write_json(format("%s/%s", work, name), file);
    return work;
}

static void check_row(const Tokenizer *t, const json_t *row, size_t k)
{
    const json_t *want = json_array_get(json_object_get(row, "ids"), k);
    const char *text = json_string_value(json_array_get(json_object_get(recorded, "texts"), k));
    const int64_t length = json_integer_value(json_object_get(row, "length"));
    const int64_t pad = json_integer_value(json_object_get(row, "pad"));
    Tokens got;
    assert_int_equal(tokenizer_encode(t, text, (int64_t)strlen(text), length, true, &got), SDC_OK);
    assert_int_equal(got.length, length);
    assert_int_equal(got.length, json_array_size(want));
    for (int64_t i = 0; i < length; i++) {
        if (got.ids[i] != json_integer_value(json_array_get(want, (size_t)i)))
            fail_msg("case %s, '%s': id %lld differs", json_dumps(json_object_get(row, "files"), 0), text, (long long)i);
        if (i < got.first)
            assert_int_equal(got.ids[i], pad);
    }
    const int64_t free_places = got.tokens < length ? length - got.tokens : 0;
    assert_true(got.first == 0 || got.first == free_places);
    tokens_free(&got);
}

/* The same from the chunks of a prompt, which lay out CLIP's tokens by themselves: all of a text that fits. */
static void check_chunks(const Tokenizer *t, const json_t *row, size_t k)
{
    const json_t *want = json_array_get(json_object_get(row, "ids"), k);
    const char *text = json_string_value(json_array_get(json_object_get(recorded, "texts"), k));
    const SdReading reading = {.tokenizer = t, .length = json_integer_value(json_object_get(row, "length"))};
    SdChunks chunks;
    assert_int_equal(sd_chunks_read(&chunks, &reading, text), SDC_OK);
    assert_int_equal(chunks.n, 1);
    for (int64_t i = 0; i < reading.length; i++)
        if (chunks.ids[i] != json_integer_value(json_array_get(want, (size_t)i)))
            fail_msg("'%s' in a chunk: id %lld differs", text, (long long)i);
    sd_chunks_free(&chunks);
}

static void test_sides(void **state)
{
    (void)state;
    size_t k, i;
    json_t *row;
    json_array_foreach(json_object_get(recorded, "cases"), k, row) {
        Packed p = pack_tokenizer(tokenizer_pack, lay_out(row));
        for (i = 0; i < json_array_size(json_object_get(recorded, "texts")); i++) {
            check_row(&p.t, row, i);
            if (tokenizer_is_clip(p.blob, p.bytes))
                check_chunks(&p.t, row, i);
        }
        free(p.blob);
    }
    print_message("%zu tokenizers\n", k);
}

/* Of every kind a side that is none, or that texts are not cut at, is an error that names file and field. */
static const struct { const char *field, *value; int code; const char *says; } bad_sides[] = {
    {"padding_side", "\"both\"", SDC_BAD_INPUT, "tokenizer_config.json: padding_side: 'both' is neither left nor right"},
    {"padding_side", "1", SDC_BAD_INPUT, "tokenizer_config.json: padding_side: 'what is there' is neither"},
    {"truncation_side", "\"left\"", SDC_UNSUPPORTED, "tokenizer_config.json: truncation_side: 'left' is not supported"},
};

static void test_bad_sides(void **state)
{
    (void)state;
    size_t k;
    json_t *row;
    json_array_foreach(json_object_get(recorded, "cases"), k, row) {
        for (size_t i = 0; i < sizeof bad_sides / sizeof *bad_sides; i++) {
            char said[4096], *folder = lay_out(row);
            const char *path = format("%s/tokenizer_config.json", folder);
            void *blob;
            json_t *config = json_load_file(path, 0, NULL);
            set_field(config, bad_sides[i].field, bad_sides[i].value);
            write_json(path, config);
            json_decref(config);
            assert_int_equal(pack_listening(tokenizer_pack, folder, &blob, said, sizeof said), bad_sides[i].code);
            assert_null(blob);
            if (!strstr(said, bad_sides[i].says))
                fail_msg("said: %s", said);
        }
    }
}

int main(int argc, char **argv)
{
    source = argc == 2 ? argv[1] : ".";
    recorded = json_load_file(format("%s/tests/tokenizer/padding.json", source), 0, NULL);
    assert_non_null(recorded);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sides), cmocka_unit_test(test_bad_sides)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(recorded);
    return failed;
}
