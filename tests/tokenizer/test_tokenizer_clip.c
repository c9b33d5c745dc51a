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
    Packed p = pack_tokenizer(tokenizer_pack, work);
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
    assert_true(cases >= 6);
}

/* ---- tokenizer.json --------------------------------------------------------------------------------------------- */

/* A case of `saved`, whose tokenizer.json is in *root. */
static char *saved(const char *name, json_t **root)
{
    char *work = work_folder("tokenizer-clip");
    copy_all(in(in(source, "tests/tokenizer"), name), work);
    *root = json_load_file(in(work, "tokenizer.json"), 0, NULL);
    assert_non_null(*root);
    return work;
}

static void put_json(const char *path, const json_t *root)
{
    assert_int_equal(json_dump_file(root, path, JSON_COMPACT), 0);
}

/* The merges become "left right", and are merges.txt too. */
static void join_merges(json_t *root, const char *path)
{
    FILE *out = fopen(path, "w");
    json_t *list = json_object_get(json_object_get(root, "model"), "merges"), *entry;
    size_t k;
    assert_non_null(out);
    fputs("#version: 0.2\n", out);
    json_array_foreach(list, k, entry) {
        const char *pair = format("%s %s", json_string_value(json_array_get(entry, 0)),
                                  json_string_value(json_array_get(entry, 1)));
        json_array_set_new(list, k, json_string(pair));
        fprintf(out, "%s\n", pair);
    }
    fclose(out);
}

/* The files as versions of transformers before 5 write them. */
static void write_older(const char *folder, const json_t *root)
{
    json_t *config = json_load_file(in(folder, "tokenizer_config.json"), 0, NULL), *decoder = json_object(), *token;
    size_t k;
    json_array_foreach(json_object_get(root, "added_tokens"), k, token)
        json_object_set(decoder, format("%d", (int)json_integer_value(json_object_get(token, "id"))), token);
    json_object_set_new(config, "added_tokens_decoder", decoder);
    put_json(in(folder, "tokenizer_config.json"), config);
    put_json(in(folder, "vocab.json"), json_object_get(json_object_get(root, "model"), "vocab"));
    unlink(in(folder, "tokenizer.json"));
    json_decref(config);
}

/* All spellings of a tokenizer are the same blob; where both lie there, tokenizer.json counts. */
static void test_spellings(void **state)
{
    (void)state;
    static const char *const names[] = {"saved", "saved-added"};
    for (size_t k = 0; k < 2; k++) {
        json_t *root;
        char *work = saved(names[k], &root);
        Packed p[4];
        p[0] = pack_tokenizer(tokenizer_pack, work);
        join_merges(root, in(work, "merges.txt"));
        put_json(in(work, "tokenizer.json"), root);
        p[1] = pack_tokenizer(tokenizer_pack, work);
        write_text(in(work, "merges.txt"), "");
        p[2] = pack_tokenizer(tokenizer_pack, work);
        json_decref(root);
        remove_tree(work);
        work = saved(names[k], &root);
        join_merges(root, in(work, "merges.txt"));
        write_older(work, root);
        p[3] = pack_tokenizer(tokenizer_pack, work);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(p[i].bytes, p[0].bytes);
            assert_memory_equal(p[i].blob, p[0].blob, (size_t)p[0].bytes);
        }
        for (int i = 0; i < 4; i++)
            free(p[i].blob);
        json_decref(root);
        remove_tree(work);
    }
}

/* What versions of transformers before 5 wrote, and an old `tokenizers` without a type of the model. */
static void test_older_json(void **state)
{
    (void)state;
    static const struct { const char *field, *value; } rows[] = {
        {"pre_tokenizer.pretokenizers.0.pattern.Regex",
         "\"'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\""},
        {"pre_tokenizer.pretokenizers.1.use_regex", "null"},
        {"model.type", "null"},
        {"model.continuing_subword_prefix", "null"},
        {"post_processor",
         "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"b\"}},{\"Sequence\":{}},"
         "{\"SpecialToken\":{\"id\":\"e\"}}],\"special_tokens\":{\"b\":{\"ids\":[1212]},\"e\":{\"ids\":[1213]}}}"},
    };
    json_t *root;
    char *work = saved("saved", &root);
    Packed p = pack_tokenizer(tokenizer_pack, work);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        set_field(root, rows[k].field, rows[k].value);
        put_json(in(work, "tokenizer.json"), root);
        Packed q = pack_tokenizer(tokenizer_pack, work);
        assert_int_equal(p.bytes, q.bytes);
        assert_memory_equal(p.blob, q.blob, (size_t)p.bytes);
        free(q.blob);
    }
    free(p.blob);
    json_decref(root);
    remove_tree(work);
}

static const struct { const char *field, *value; int code; const char *said; } refused[] = {
    {"model.end_of_word_suffix", "\"@\"", SDC_UNSUPPORTED,
     "model.end_of_word_suffix: '@' is not supported; CLIP's is '</w>'"},
    {"model.continuing_subword_prefix", "\"##\"", SDC_UNSUPPORTED, "model.continuing_subword_prefix: '##'"},
    {"model.dropout", "0.1", SDC_UNSUPPORTED, "model.dropout: '0.1"},
    {"model.fuse_unk", "true", SDC_UNSUPPORTED, "model.fuse_unk: 'true'"},
    {"model.byte_fallback", "true", SDC_UNSUPPORTED, "model.byte_fallback"},
    {"model.ignore_merges", "true", SDC_UNSUPPORTED, "model.ignore_merges"},
    {"model.unk_token", "\"a\"", SDC_BAD_INPUT, "model.unk_token: is 'a', and unk_token is '<|endoftext|>'"},
    {"model.vocab", "7", SDC_BAD_INPUT, "model.vocab: not an object"},
    {"model.vocab.a", "1", SDC_BAD_INPUT, "model.vocab: "},
    {"model.merges", "{}", SDC_BAD_INPUT, "model.merges: not a list"},
    {"model.merges", "[]", SDC_BAD_INPUT, "of tokenizer.json (tokens like it: 700)"},
    {"model.merges.0", "[\"i\"]", SDC_BAD_INPUT, "model.merges: entry 0 is not two tokens"},
    {"model.merges.2", "\"a  n\"", SDC_BAD_INPUT, "model.merges: entry 2 is not two tokens"},
    {"model.merges.2", "[\"i\",\"n\"]", SDC_BAD_INPUT, "merge 3 is the same as merge 1"},
    {"model.merges.3", "[\"i\",\"no</w>\"]", SDC_BAD_INPUT, "'i no</w>', or the whole, is not in tokenizer.json"},
    {"normalizer", "null", SDC_UNSUPPORTED, "normalizer.type: its absence"},
    {"normalizer.normalizers.0.type", "\"NFKC\"", SDC_UNSUPPORTED, "normalizer.normalizers.0.type: 'NFKC'"},
    {"normalizer.normalizers.1.content", "\"_\"", SDC_UNSUPPORTED, "normalizer.normalizers.1.content: '_'"},
    {"normalizer.normalizers.3", "{\"type\":\"Strip\"}", SDC_UNSUPPORTED,
     "normalizer.normalizers.3: '{\"type\":\"Strip\"}'"},
    {"pre_tokenizer.pretokenizers.0.behavior", "\"Isolated\"", SDC_UNSUPPORTED, "pretokenizers.0.behavior: 'Isolated'"},
    {"pre_tokenizer.pretokenizers.0.pattern.Regex", "\"x\"", SDC_UNSUPPORTED, "pretokenizers.0.pattern.Regex: 'x'"},
    {"pre_tokenizer.pretokenizers.1.add_prefix_space", "true", SDC_UNSUPPORTED, "add_prefix_space: 'true'"},
    {"pre_tokenizer.pretokenizers.1.use_regex", "false", SDC_UNSUPPORTED, "use_regex: 'false'"},
    {"post_processor", "null", SDC_UNSUPPORTED, "post_processor: its absence"},
    {"post_processor.type", "\"ByteLevel\"", SDC_UNSUPPORTED, "post_processor: ByteLevel"},
    {"post_processor.sep.1", "0", SDC_BAD_INPUT, "post_processor: the token behind a text"},
    {"post_processor.cls", "7", SDC_BAD_INPUT, "post_processor: the token before a text"},
    {"added_tokens.1.id", "-1", SDC_BAD_INPUT, "added_tokens: entry 1 has no id"},
    {"added_tokens.1.id", "5", SDC_BAD_INPUT, "has id 5, and 1212 in the vocabulary"},
    {"added_tokens.1.content", "\"\"", SDC_BAD_INPUT, "added_tokens is not a token"},
    {"added_tokens.1.rstrip", "true", SDC_UNSUPPORTED, "rstrip is not supported"},
    {"truncation", "{\"direction\":\"Left\"}", SDC_UNSUPPORTED, "truncation.direction: 'Left'"},
};

static void test_refused(void **state)
{
    (void)state;
    char said[4096];
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *root;
        void *blob;
        char *work = saved("saved", &root);
        set_field(root, refused[i].field, refused[i].value);
        put_json(in(work, "tokenizer.json"), root);
        int code = pack_listening(tokenizer_clip_pack, work, &blob, said, sizeof said);
        if (code != refused[i].code || !strstr(said, refused[i].said) || !strstr(said, "tokenizer.json"))
            fail_msg("row %zu: code %d, said: %s", i, code, said);
        assert_null(blob);
        json_decref(root);
        remove_tree(work);
    }
}

/* ---- merges that are cut short ---------------------------------------------------------------------------------- */

/* Wherever merges.txt is cut, behind a line or in it. */
static void test_cut_merges(void **state)
{
    (void)state;
    char *work = work_folder("tokenizer-clip"), said[4096];
    copy_all(in(source, "models/emoji/tokenizer"), work);
    gzFile file = gzopen(in(work, "merges.txt"), "rb");
    static char text[1 << 20];
    int n = gzread(file, text, sizeof text - 1);
    gzclose(file);
    assert_true(n > 1000 && n < (int)sizeof text - 1);
    for (int cut = 0; cut < n - 1; cut += cut < 400 ? 1 : 997) {
        void *blob;
        char kept = text[cut];
        text[cut] = 0;
        write_text(in(work, "merges.txt"), text);
        text[cut] = kept;
        assert_int_equal(pack_listening(tokenizer_pack, work, &blob, said, sizeof said), SDC_BAD_INPUT);
        assert_non_null(strstr(said, "merges.txt: "));
        assert_null(blob);
    }
    remove_tree(work);
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
    {"merges.txt", "", SDC_BAD_INPUT, "merges.txt: 0 merges, of which none makes 'ab</w>' of vocab.json"},
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
        cmocka_unit_test(test_vectors),          cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_older_json),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut_merges),       cmocka_unit_test(test_cut_text),
        cmocka_unit_test(test_bad_text),         cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_small_vocabulary), cmocka_unit_test(test_damaged_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
