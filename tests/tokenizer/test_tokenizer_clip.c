/* test_tokenizer_clip.c: the CLIP tokenizer against recorded ids, bad files and damaged blobs.
 *
 *      test_tokenizer_clip SOURCE_FOLDER
 *
 * Every folder SOURCE_FOLDER/tests/tokenizer/CASE with a vectors.json (or .json.gz) is a case; see README.md there. */
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

#include "harness.h"
#include "tokenizers.h"
#include "../../runtime/runtime.h"

static const char *source;

/* ---- folders ---------------------------------------------------------------------------------------------------- */

static const char *in(const char *folder, const char *name)
{
    return format("%s/%s", folder, name);
}

/* Copy one file, unpacking NAME.gz to NAME. */
static void copy(const char *from, const char *to, const char *name)
{
    char bare[256];
    size_t n = strlen(name);
    snprintf(bare, sizeof bare, "%.*s", (int)(n > 3 && !strcmp(name + n - 3, ".gz") ? n - 3 : n), name);
    gzFile in_file = gzopen(in(from, name), "rb");
    FILE *out = fopen(in(to, bare), "wb");
    assert_true(in_file && out);
    static char buffer[1 << 16];
    for (int got; (got = gzread(in_file, buffer, sizeof buffer)) > 0;)
        fwrite(buffer, 1, (size_t)got, out);
    gzclose(in_file);
    fclose(out);
}

static void copy_all(const char *folder, const char *to)
{
    int count;
    char **names = list_folder(folder, NULL, &count);
    assert_true(count > 0);
    for (int i = 0; i < count; i++)
        copy(folder, to, names[i]);
}

/* ---- recorded vectors ------------------------------------------------------------------------------------------- */

static int run_vector(const Tokenizer *t, const json_t *vector)
{
    static const int64_t lengths[] = {0, 77, 32, 4};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        if (!encodes_as(t, json_object_get(vector, "text"), json_object_get(vector, "ids"), lengths[k],
                        t->clip.header->pad))
            return complain(vector);
    return 0;
}

static void run_case(const char *folder, const char *name)
{
    char *work = work_folder("tokenizer-clip");
    copy_all(folder, work);
    json_t *root = read_vectors(work), *vector;
    const char *base = json_string_value(json_object_get(root, "folder"));
    if (base) {
        copy_all(in(source, base), work);
        copy_all(folder, work);
    }
    Packed p = pack_tokenizer(tokenizer_clip_pack, work);
    json_t *length = json_object_get(root, "max_length"), *pad = json_object_get(root, "pad");
    assert_true(!length || p.t.clip.header->max_length == json_integer_value(length));
    assert_true(!pad || p.t.clip.header->pad == json_integer_value(pad));
    size_t i;
    int bad = 0;
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
        bad += run_vector(&p.t, vector);
    print_message("%s: %zu texts, %d differ; a blob of %lld bytes\n", name, i, bad, (long long)p.bytes);
    free(p.blob);
    json_decref(root);
    remove_tree(work);
    assert_int_equal(bad, 0);
}

static void test_vectors(void **state)
{
    (void)state;
    const char *here = in(source, "tests/tokenizer");
    int count, cases = 0;
    char **names = list_folder(here, has_vectors, &count);
    for (; cases < count; cases++)
        run_case(in(here, names[cases]), names[cases]);
    assert_true(cases >= 4);
}

/* ---- what was cut, and texts that are none ---------------------------------------------------------------------- */

static Packed emoji(void)
{
    return pack_tokenizer(tokenizer_clip_pack, in(source, "models/emoji/tokenizer"));
}

static void test_cut_text(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t length; const char *cut; } rows[] = {
        {"a cat", 32, NULL},
        {"a cat", 4, NULL},
        {"a cat", 3, "cat"},
        {"A  Cat, a\tDOG", 5, "a dog"},
        {"a<|endoftext|>b", 3, "<|endoftext|>b"},
        {"\xc3\x89t\xc3\xa9", 2, "\xc3\xa9t\xc3\xa9"},
        {"a cat", 1, "a cat"},
    };
    Packed p = emoji();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Tokens got;
        assert_int_equal(tokenizer_encode(&p.t, rows[i].text, (int64_t)strlen(rows[i].text), rows[i].length, true,
                                          &got), SDC_OK);
        if (rows[i].cut)
            assert_string_equal(got.cut, rows[i].cut);
        else
            assert_null(got.cut);
        tokens_free(&got);
    }
    free(p.blob);
}

static void test_bad_text(void **state)
{
    (void)state;
    Packed p = emoji();
    check_bad_texts(&p.t);
    free(p.blob);
}

/* ---- bad files -------------------------------------------------------------------------------------------------- */

/* A tokenizer of three tokens beside the special ones; each row replaces one file of it. */
#define VOCAB "{\"a\":0,\"b</w>\":1,\"ab</w>\":2,\"<|startoftext|>\":3,\"<|endoftext|>\":4}"
#define MERGES "#version: 0.2\na b</w>\n"

static const struct { const char *file, *text; int code; const char *said; } bad_files[] = {
    {"vocab.json", NULL, SDC_BAD_INPUT, "vocab.json"},
    {"vocab.json", "", SDC_BAD_INPUT, "vocab.json"},
    {"vocab.json", "[]", SDC_BAD_INPUT, "not a JSON object"},
    {"vocab.json", "{\"a\":0,", SDC_BAD_INPUT, "vocab.json: line 1"},
    {"vocab.json", "{\"a\":0,\"a\":1}", SDC_BAD_INPUT, "duplicate"},
    {"vocab.json", "{\"a\":0,\"b</w>\":0}", SDC_BAD_INPUT, "which another token has too"},
    {"vocab.json", "{\"a\":-1}", SDC_BAD_INPUT, "not a number below"},
    {"vocab.json", "{\"a\":16777216}", SDC_BAD_INPUT, "not a number below"},
    {"vocab.json", "{\"a\":\"0\"}", SDC_BAD_INPUT, "not a number below"},
    {"vocab.json", "{\"a\":0.5}", SDC_BAD_INPUT, "not a number below"},
    {"vocab.json", "{\"\xff\":0}", SDC_BAD_INPUT, "decode byte 0xff"},
    {"vocab.json", "{\"a\":0,\"b</w>\":1,\"ab</w>\":2,\"<|endoftext|>\":4}", SDC_BAD_INPUT,
     "bos_token is '<|startoftext|>'"},
    {"merges.txt", NULL, SDC_BAD_INPUT, "merges.txt"},
    {"merges.txt", "a\n", SDC_BAD_INPUT, "line 1 is not two tokens"},
    {"merges.txt", "a b</w> c\n", SDC_BAD_INPUT, "line 1 is not two tokens"},
    {"merges.txt", "#version: 0.2\n a\n", SDC_BAD_INPUT, "line 2 is not two tokens"},
    {"merges.txt", "a q\n", SDC_BAD_INPUT, "'a q', or the whole, is not in vocab.json"},
    {"merges.txt", "b</w> a\n", SDC_BAD_INPUT, "is not in vocab.json"},
    {"merges.txt", "a b</w>\na b</w>\n", SDC_BAD_INPUT, "merge 2 is the same as merge 1"},
    {"tokenizer_config.json", "{\"pad_token\":\"<pad>\"}", SDC_BAD_INPUT, "pad_token is '<pad>'"},
    {"tokenizer_config.json", "{\"pad_token\":7}", SDC_BAD_INPUT, "pad_token is not a token"},
    {"tokenizer_config.json", "{\"bos_token\":{\"content\":\"a\",\"lstrip\":true}}", SDC_UNSUPPORTED, "lstrip"},
    {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":{\"content\":\"a\"}}}", SDC_BAD_INPUT,
     "'x' is not a token id"},
    {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"9\":{\"content\":\"a\"}}}", SDC_BAD_INPUT,
     "'a' has id 9, and 0"},
    {"tokenizer_config.json", "{\"additional_special_tokens\":[\"<x>\"]}", SDC_BAD_INPUT, "'<x>', which vocab.json"},
    {"special_tokens_map.json", "nul", SDC_BAD_INPUT, "special_tokens_map.json: line 1"},
};

static char *small_tokenizer(void)
{
    char *folder = work_folder("tokenizer-clip");
    write_text(in(folder, "vocab.json"), VOCAB);
    write_text(in(folder, "merges.txt"), MERGES);
    return folder;
}

static void test_bad_files(void **state)
{
    (void)state;
    char said[4096];
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        char *folder = small_tokenizer();
        void *blob;
        if (bad_files[i].text)
            write_text(in(folder, bad_files[i].file), bad_files[i].text);
        else
            unlink(in(folder, bad_files[i].file));
        int code = pack_listening(tokenizer_clip_pack, folder, &blob, said, sizeof said);
        if (code != bad_files[i].code || !strstr(said, bad_files[i].said))
            fail_msg("row %zu: code %d, said: %s", i, code, said);
        assert_null(blob);
        remove_tree(folder);
    }
}

/* Bytes that the vocabulary lacks become the unknown token, and lines may end as on Windows. */
static void test_small_vocabulary(void **state)
{
    (void)state;
    char *folder = small_tokenizer();
    write_text(in(folder, "merges.txt"), "#version: 0.2\r\na b</w>\r\n");
    Packed p = pack_tokenizer(tokenizer_clip_pack, folder);
    Tokens got;
    static const int64_t want[] = {3, 2, 0, 4, 4};
    assert_int_equal(tokenizer_encode(&p.t, "ab aq", 5, 0, false, &got), SDC_OK);
    assert_int_equal(got.length, 5);
    assert_memory_equal(got.ids, want, sizeof want);
    tokens_free(&got);
    free(p.blob);
    remove_tree(folder);
}

/* ---- damaged blobs ---------------------------------------------------------------------------------------------- */

static void use(const Tokenizer *t)
{
    check_ids(t, "A crab <|endoftext|> isn't 42 crabs \xc3\xa9!! <|startoftext|>", 32, t->clip.header->vocabulary);
}

static void test_damaged_blob(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 4610, 133000, 28, 31};
    Packed p = emoji();
    check_damaged_blobs(&p, 600, 97, values, sizeof values / sizeof *values, use);
    free(p.blob);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER\n", argv[0]);
        return 1;
    }
    source = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),          cmocka_unit_test(test_cut_text),
        cmocka_unit_test(test_bad_text),         cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_small_vocabulary), cmocka_unit_test(test_damaged_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
