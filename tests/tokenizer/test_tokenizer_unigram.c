/* test_tokenizer_unigram.c: the unigram tokenizers against recorded ids, on other files than T5's, on bad files and on
 * damaged blobs.
 *
 *      test_tokenizer_unigram SOURCE_FOLDER
 *
 * T5's vectors lie in SOURCE_FOLDER/../shared/data/tokenizers; without them that part is skipped, with a count. */
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

#include "harness.h"
#include "tokenizers.h"
#include "../../runtime/runtime.h"
#include "../../runtime/tokenizer_unigram.h"

static const char *data;                /* the recorded tokenizers' folder */

/* ---- recorded vectors ------------------------------------------------------------------------------------------- */

static void run_vectors(const char *folder, const char *name)
{
    static const int64_t lengths[] = {0, 256, 77, 4};
    json_t *root = json_load_file(format("%s/vectors-t5.json", data), JSON_ALLOW_NUL, NULL), *vector;
    assert_non_null(root);
    Packed p = pack_tokenizer(tokenizer_pack, folder);
    size_t i;
    int bad = 0;
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
        for (size_t k = 0; k < 4; k++)
            if (!encodes_as(&p.t, json_object_get(vector, "text"), json_object_get(vector, "ids"), lengths[k], 0)) {
                print_error("%s, length %lld: ", name, (long long)lengths[k]);
                bad += complain(vector);
            }
    print_message("%s: %zu texts, %d differ; a blob of %lld bytes\n", name, i, bad, (long long)p.bytes);
    assert_true(i > 300 && !bad);
    free(p.blob);
    json_decref(root);
}

/* tokenizer.json, and spiece.model alone. */
static void test_vectors(void **state)
{
    (void)state;
    if (access(data, R_OK)) {
        print_message("2 tokenizers skipped: no %s\n", data);
        skip();
    }
    run_vectors(format("%s/t5", data), "tokenizer.json");
    const char *folder = work_folder("spiece");
    assert_int_equal(symlink(realpath(format("%s/t5/spiece.model", data), NULL), format("%s/spiece.model", folder)), 0);
    run_vectors(folder, "spiece.model");
    remove_tree(folder);
}

/* ---- stages that T5 lacks --------------------------------------------------------------------------------------- */

#define MARK "\xe2\x96\x81"

/* Ids: <pad> 0, </s> 1, <unk> 2, then these; <x> is an added token behind them that takes the space behind it along. */
#define VOCABULARY "[[\"<pad>\",0],[\"</s>\",0],[\"<unk>\",0],[\"" MARK "\",-2],[\"a\",-3],[\"b\",-3.5],[\"ab\",-5]," \
                   "[\"" MARK "ab\",-6.5],[\"\xc3\xa9\",-4],[\",\",-4]]"

static const char *small(const char *normaliser, const char *pre_tokeniser, const char *processor)
{
    return format("{\"model\":{\"type\":\"Unigram\",\"unk_id\":2,\"vocab\":" VOCABULARY "},\"added_tokens\":["
                  "{\"id\":1,\"content\":\"</s>\"},{\"id\":10,\"content\":\"<x>\",\"rstrip\":true}],"
                  "\"normalizer\":%s,\"pre_tokenizer\":%s,\"post_processor\":%s}",
                  normaliser, pre_tokeniser, processor);
}

#define METASPACE(scheme) "{\"type\":\"Metaspace\",\"replacement\":\"" MARK "\",\"prepend_scheme\":\"" scheme "\"}"
#define REPLACE(kind, pattern, content) \
    "{\"type\":\"Replace\",\"pattern\":{\"" kind "\":\"" pattern "\"},\"content\":\"" content "\"}"
#define SEQUENCE(list, stages) "{\"type\":\"Sequence\",\"" list "\":[" stages "]}"
#define BEHIND "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":" \
               "{\"id\":\"</s>\"}}],\"special_tokens\":{\"</s>\":{\"ids\":[1]}}}"
#define AROUND "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"</s>\"}},{\"Sequence\":" \
               "{\"id\":\"A\"}}],\"special_tokens\":{\"</s>\":{\"ids\":[1,0]}}}"

static const struct {
    const char *normaliser, *pre_tokeniser, *processor, *text;
    int n;
    int64_t ids[16];
} small_rows[] = {
    {"null", METASPACE("always"), "null", "ab a", 3, {7, 3, 4}},
    {"null", METASPACE("never"), "null", "ab ab", 2, {6, 7}},
    {"null", METASPACE("first"), "null", "ab<x> ab", 3, {7, 10, 6}},
    {"null", METASPACE("always"), "null", "ab<x> ab", 3, {7, 10, 7}},
    {"null", "null", BEHIND, "qqaqq", 4, {2, 4, 2, 1}},
    {"null", "null", AROUND, "a", 3, {1, 0, 4}},
    {"null", SEQUENCE("pretokenizers", "{\"type\":\"WhitespaceSplit\"}," METASPACE("always")), "null", "a \t\n a", 4,
     {3, 4, 3, 4}},
    {"{\"type\":\"Lowercase\"}", "null", "null", "AB\xc3\x89", 2, {6, 8}},
    {"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}", "null", "null", " a ", 2, {4, 2}},
    {REPLACE("String", "xx", "a"), "null", "null", "xxxb", 3, {4, 2, 5}},
    {REPLACE("Regex", "[!-+\\\\-\\\\]x]", ""), "null", "null", "a!x-b]", 1, {6}},
    {REPLACE("Regex", "\\\\s+", "a"), "null", "null", " \tb \xc2\xa0", 2, {6, 4}},
    {REPLACE("Regex", "x{2,}", "a"), "null", "null", "xbxxx", 3, {2, 5, 4}},
    {SEQUENCE("normalizers", "{\"type\":\"Lowercase\"}," REPLACE("String", "a", "b")), "null", "null", "A", 1, {5}},
};

static void test_stages(void **state)
{
    (void)state;
    const char *folder = work_folder("unigram");
    for (size_t i = 0; i < sizeof small_rows / sizeof *small_rows; i++) {
        write_text(format("%s/tokenizer.json", folder),
                   small(small_rows[i].normaliser, small_rows[i].pre_tokeniser, small_rows[i].processor));
        Packed p = pack_tokenizer(tokenizer_pack, folder);
        Tokens got;
        int64_t bytes = (int64_t)strlen(small_rows[i].text);
        assert_int_equal(tokenizer_encode(&p.t, small_rows[i].text, bytes, 0, false, &got), SDC_OK);
        bool equal = got.length == small_rows[i].n &&
                     !memcmp(got.ids, small_rows[i].ids, (size_t)got.length * sizeof *got.ids);
        for (int64_t k = 0; !equal && k < got.length; k++)
            print_error("%lld ", (long long)got.ids[k]);
        if (!equal)
            fail_msg("row %zu", i);
        tokens_free(&got);
        free(p.blob);
    }
    remove_tree(folder);
}

static void test_cut_text(void **state)
{
    (void)state;
    const char *folder = work_folder("unigram");
    write_text(format("%s/tokenizer.json", folder), small("null", METASPACE("always"), BEHIND));
    Packed p = pack_tokenizer(tokenizer_pack, folder);
    Tokens got;
    assert_int_equal(tokenizer_encode(&p.t, "ab a,  b", 8, 2, true, &got), SDC_OK);
    assert_string_equal(got.cut, "a,  b");
    tokens_free(&got);
    assert_int_equal(tokenizer_encode(&p.t, "\xff", 1, 2, true, &got), SDC_BAD_INPUT);
    free(p.blob);
    remove_tree(folder);
}

/* ---- bad files -------------------------------------------------------------------------------------------------- */

static const struct { const char *file, *text; int code; } bad_files[] = {
    {"tokenizer.json", "{", SDC_BAD_INPUT},
    {"tokenizer.json", "{}", SDC_UNSUPPORTED},
    {"tokenizer.json", "{\"model\":{\"type\":\"Unigram\"}}", SDC_BAD_INPUT},
    {"tokenizer.json", "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\"]]}}", SDC_BAD_INPUT},
    {"tokenizer.json", "{\"model\":{\"type\":\"Unigram\",\"unk_id\":1,\"vocab\":[[\"a\",0]]}}", SDC_BAD_INPUT},
    {"tokenizer.json", "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",0]]}}", SDC_BAD_INPUT},
    {"tokenizer.json", "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":true,\"vocab\":[[\"a\",0]]}}",
     SDC_UNSUPPORTED},
    {"spiece.model", "", SDC_BAD_INPUT},
    {"spiece.model", "\x0a\x03\x0a\x01", SDC_BAD_INPUT},
    {"spiece.model", "\x0a\x03\x0a\x01" "a\xff", SDC_BAD_INPUT},
    {"spiece.model", "\x12\x02\x18\x02", SDC_UNSUPPORTED},
    {"spiece.model", "\x1a\x06\x12\x04" "abcd", SDC_BAD_INPUT},
};

static const struct { const char *normaliser, *pre_tokeniser, *processor; int code; } bad_stages[] = {
    {"{\"type\":\"NFD\"}", "null", "null", SDC_UNSUPPORTED},
    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"?\"}", "null", "null", SDC_BAD_INPUT},
    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////w==\"}", "null", "null", SDC_BAD_INPUT},
    {REPLACE("Regex", "(a|b)", ""), "null", "null", SDC_UNSUPPORTED},
    {REPLACE("Regex", "[a", ""), "null", "null", SDC_UNSUPPORTED},
    {REPLACE("Regex", "a{0,}", ""), "null", "null", SDC_UNSUPPORTED},
    {REPLACE("String", "", "a"), "null", "null", SDC_BAD_INPUT},
    {"null", METASPACE("last"), "null", SDC_UNSUPPORTED},
    {"null", "{\"type\":\"Digits\"}", "null", SDC_UNSUPPORTED},
    {"null", "null", "{\"type\":\"BertProcessing\"}", SDC_UNSUPPORTED},
    {"null", "null", "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}]}", SDC_BAD_INPUT},
};

static void expect(const char *folder, const char *file, const char *text, int code, size_t row)
{
    void *blob;
    int64_t bytes;
    write_text(format("%s/%s", folder, file), text);
    int got = tokenizer_unigram_pack(folder, &blob, &bytes);
    if (got != code)
        fail_msg("row %zu: code %d, not %d", row, got, code);
    assert_null(blob);
    unlink(format("%s/%s", folder, file));
}

static void test_bad_files(void **state)
{
    (void)state;
    const char *folder = work_folder("unigram");
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++)
        expect(folder, bad_files[i].file, bad_files[i].text, bad_files[i].code, i);
    for (size_t i = 0; i < sizeof bad_stages / sizeof *bad_stages; i++)
        expect(folder, "tokenizer.json",
               small(bad_stages[i].normaliser, bad_stages[i].pre_tokeniser, bad_stages[i].processor),
               bad_stages[i].code, 100 + i);
    remove_tree(folder);
}

/* ---- damaged blobs ---------------------------------------------------------------------------------------------- */

static void use(const Tokenizer *t)
{
    check_ids(t, "ab  \xc3\xa9, <x> q</s>a\tAb", 12, t->unigram.header->vocabulary);
}

static void test_damaged_blob(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff, 200, 1000};
    static const char map[] = "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"DAAAAAAEAABhBAAAAQAAAGIA\"}";
    const char *folder = work_folder("unigram");
    write_text(format("%s/tokenizer.json", folder),
               small(format(SEQUENCE("normalizers", "%s," REPLACE("Regex", " {2,}", "a") ",{\"type\":\"Lowercase\"}"),
                            map),
                     SEQUENCE("pretokenizers", "{\"type\":\"WhitespaceSplit\"}," METASPACE("always")), BEHIND));
    Packed p = pack_tokenizer(tokenizer_pack, folder);
    check_damaged_blobs(&p, p.bytes, 1, values, sizeof values / sizeof *values, use);
    free(p.blob);
    remove_tree(folder);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER\n", argv[0]);
        return 1;
    }
    data = format("%s/../shared/data/tokenizers", argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),   cmocka_unit_test(test_stages),       cmocka_unit_test(test_cut_text),
        cmocka_unit_test(test_bad_files), cmocka_unit_test(test_damaged_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
