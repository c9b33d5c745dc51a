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
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "harness.h"
#include "../../runtime/runtime.h"
#include "../../runtime/tokenizer.h"

static const char *source;

/* ---- temporary folders ------------------------------------------------------------------------------------------ */

static const char *in(const char *folder, const char *name)
{
    return format("%s/%s", folder, name);
}

static char *new_folder(void)
{
    char *folder = strdup("/tmp/sdc-tokenizer-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void drop_folder(char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        unlink(in(folder, e->d_name));
    closedir(d);
    rmdir(folder);
    free(folder);
}

static void put(const char *folder, const char *name, const void *data, size_t bytes)
{
    FILE *f = fopen(in(folder, name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    fclose(f);
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
    char from[1024];                /* in() reuses its buffers */
    snprintf(from, sizeof from, "%s", folder);
    DIR *d = opendir(from);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            copy(from, to, e->d_name);
    closedir(d);
}

/* ---- recorded vectors ------------------------------------------------------------------------------------------- */

typedef struct { TokenizerClip t; void *blob; int64_t bytes; } Packed;

static Packed pack(const char *folder)
{
    Packed p;
    assert_int_equal(tokenizer_clip_pack(folder, &p.blob, &p.bytes), SDC_OK);
    assert_int_equal(tokenizer_clip_open(&p.t, p.blob, p.bytes), SDC_OK);
    return p;
}

static bool same_ids(const Tokens *got, const json_t *want)
{
    bool same = (size_t)got->length == json_array_size(want);
    for (int64_t i = 0; same && i < got->length; i++)
        same = got->ids[i] == json_integer_value(json_array_get(want, (size_t)i));
    return same;
}

/* Cut and padded to length: the recorded ids, eos last, then the pad token. */
static bool same_padded(const TokenizerClip *t, const char *text, size_t bytes, const json_t *want, int64_t length)
{
    Tokens got;
    int64_t n = (int64_t)json_array_size(want), kept = n < length ? n : length;
    assert_int_equal(tokenizer_clip_encode(t, text, (int64_t)bytes, length, true, &got), SDC_OK);
    bool same = got.length == length && got.tokens == n && !got.cut == (n <= length);
    for (int64_t i = 0; same && i < length; i++)
        same = got.ids[i] == (i < kept - 1    ? json_integer_value(json_array_get(want, (size_t)i))
                              : i == kept - 1 ? t->header->eos
                                              : t->header->pad);
    tokens_free(&got);
    return same;
}

static int run_vector(const TokenizerClip *t, const json_t *vector)
{
    const json_t *text = json_object_get(vector, "text"), *want = json_object_get(vector, "ids");
    const char *bytes = json_string_value(text);
    size_t n = json_string_length(text);
    Tokens got;
    assert_int_equal(tokenizer_clip_encode(t, bytes, (int64_t)n, 0, false, &got), SDC_OK);
    bool same = same_ids(&got, want) && same_padded(t, bytes, n, want, 77) && same_padded(t, bytes, n, want, 32) &&
                same_padded(t, bytes, n, want, 4);
    tokens_free(&got);
    if (!same) {
        char *shown = json_dumps(vector, JSON_ENSURE_ASCII | JSON_COMPACT);
        print_error("differs: %s\n", shown);
        free(shown);
    }
    return same ? 0 : 1;
}

static void run_case(const char *folder, const char *name)
{
    json_error_t error;
    char *work = new_folder();
    copy_all(folder, work);
    json_t *root = json_load_file(in(work, "vectors.json"), JSON_ALLOW_NUL, &error), *vector;
    assert_non_null(root);
    const char *base = json_string_value(json_object_get(root, "folder"));
    if (base) {
        copy_all(in(source, base), work);
        copy_all(folder, work);
    }
    Packed p = pack(work);
    json_t *length = json_object_get(root, "max_length"), *pad = json_object_get(root, "pad");
    assert_true(!length || p.t.header->max_length == json_integer_value(length));
    assert_true(!pad || p.t.header->pad == json_integer_value(pad));
    size_t i;
    int bad = 0;
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
        bad += run_vector(&p.t, vector);
    print_message("%s: %zu texts, %d differ; a blob of %lld bytes\n", name, i, bad, (long long)p.bytes);
    free(p.blob);
    json_decref(root);
    drop_folder(work);
    assert_int_equal(bad, 0);
}

static void test_vectors(void **state)
{
    (void)state;
    char folder[1024], here[1024];
    int cases = 0;
    snprintf(here, sizeof here, "%s/tests/tokenizer", source);
    DIR *d = opendir(here);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(folder, sizeof folder, "%.500s/%.300s", here, e->d_name);
        if (e->d_name[0] != '.' && (!access(in(folder, "vectors.json"), R_OK) ||
                                    !access(in(folder, "vectors.json.gz"), R_OK))) {
            run_case(folder, e->d_name);
            cases++;
        }
    }
    closedir(d);
    assert_true(cases >= 4);
}

/* ---- what was cut, and texts that are none ---------------------------------------------------------------------- */

static Packed emoji(void)
{
    return pack(in(source, "models/emoji/tokenizer"));
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
        assert_int_equal(tokenizer_clip_encode(&p.t, rows[i].text, (int64_t)strlen(rows[i].text), rows[i].length, true,
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
    static const char *const rows[] = {"\xff", "a\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "ok \xe2\x82"};
    Packed p = emoji();
    Tokens got;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(tokenizer_clip_encode(&p.t, rows[i], (int64_t)strlen(rows[i]), 32, true, &got), SDC_BAD_INPUT);
    char *large = calloc(TOKENIZER_MAX_TEXT + 1, 1);
    memset(large, 'x', TOKENIZER_MAX_TEXT + 1);
    assert_int_equal(tokenizer_clip_encode(&p.t, large, TOKENIZER_MAX_TEXT + 1, 32, true, &got), SDC_BAD_INPUT);
    assert_int_equal(tokenizer_clip_encode(&p.t, large, TOKENIZER_MAX_TEXT, 32, true, &got), SDC_OK);
    tokens_free(&got);
    free(large);
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
    char *folder = new_folder();
    put(folder, "vocab.json", VOCAB, strlen(VOCAB));
    put(folder, "merges.txt", MERGES, strlen(MERGES));
    return folder;
}

/* pack() with what it prints in said[bytes]. */
static int pack_listening(const char *folder, void **blob, int64_t *size, char *said, size_t bytes)
{
    int keep = dup(STDERR_FILENO);
    FILE *catch = tmpfile();
    dup2(fileno(catch), STDERR_FILENO);
    int code = tokenizer_clip_pack(folder, blob, size);
    dup2(keep, STDERR_FILENO);
    close(keep);
    rewind(catch);
    said[fread(said, 1, bytes - 1, catch)] = 0;
    fclose(catch);
    return code;
}

static void test_bad_files(void **state)
{
    (void)state;
    char said[4096];
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        char *folder = small_tokenizer();
        void *blob;
        int64_t bytes;
        if (bad_files[i].text)
            put(folder, bad_files[i].file, bad_files[i].text, strlen(bad_files[i].text));
        else
            unlink(in(folder, bad_files[i].file));
        int code = pack_listening(folder, &blob, &bytes, said, sizeof said);
        if (code != bad_files[i].code || !strstr(said, bad_files[i].said))
            fail_msg("row %zu: code %d, said: %s", i, code, said);
        assert_null(blob);
        drop_folder(folder);
    }
}

/* Bytes that the vocabulary lacks become the unknown token, and lines may end as on Windows. */
static void test_small_vocabulary(void **state)
{
    (void)state;
    char *folder = small_tokenizer();
    put(folder, "merges.txt", "#version: 0.2\r\na b</w>\r\n", 24);
    Packed p = pack(folder);
    Tokens got;
    static const int64_t want[] = {3, 2, 0, 4, 4};
    assert_int_equal(tokenizer_clip_encode(&p.t, "ab aq", 5, 0, false, &got), SDC_OK);
    assert_int_equal(got.length, 5);
    assert_memory_equal(got.ids, want, sizeof want);
    tokens_free(&got);
    free(p.blob);
    drop_folder(folder);
}

/* ---- damaged blobs ---------------------------------------------------------------------------------------------- */

/* Any word of the header, and words of the tables, replaced: refused, or harmless. */
static void test_damaged_blob(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 4610, 133000, 28, 31};
    static const char text[] = "A crab <|endoftext|> isn't 42 crabs \xc3\xa9!! <|startoftext|>";
    Packed p = emoji();
    uint32_t *words = malloc((size_t)p.bytes);
    int refused = 0, used = 0;
    for (int64_t at = 0; at < p.bytes / 4; at += at < 600 ? 1 : 97)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            TokenizerClip t;
            Tokens got;
            memcpy(words, p.blob, (size_t)p.bytes);
            words[at] = values[k];
            if (tokenizer_clip_open(&t, words, p.bytes)) {
                refused++;
                continue;
            }
            used++;
            assert_int_equal(tokenizer_clip_encode(&t, text, sizeof text - 1, 32, true, &got), SDC_OK);
            for (int64_t i = 0; i < got.length; i++)
                assert_true(got.ids[i] >= 0 && got.ids[i] < t.header->vocabulary);
            tokens_free(&got);
        }
    print_message("%d damaged blobs refused, %d harmless\n", refused, used);
    TokenizerClip t;
    for (int64_t cut = 0; cut < p.bytes; cut += 61)
        assert_int_equal(tokenizer_clip_open(&t, p.blob, cut), SDC_BAD_INPUT);
    assert_int_equal(tokenizer_clip_open(&t, NULL, 0), SDC_BAD_INPUT);
    free(words);
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
