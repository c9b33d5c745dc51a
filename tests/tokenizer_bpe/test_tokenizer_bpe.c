/* test_tokenizer_bpe.c: tokenizers from tokenizer.json against recorded ids and texts, bad files and damaged blobs.
 *
 *      test_tokenizer_bpe SOURCE_FOLDER [FOLDER...]
 *
 * Every folder SOURCE_FOLDER/tests/tokenizer_bpe/CASE with a vectors.json.gz is a case, and so is each FOLDER. */
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

static const char *source;
static char **more;                 /* folders of the command line, NULL behind the last */

/* ---- recorded vectors ------------------------------------------------------------------------------------------- */

static int64_t *ids_of(const json_t *list, int64_t *n)
{
    *n = (int64_t)json_array_size(list);
    int64_t *ids = calloc((size_t)*n + 1, sizeof *ids);
    for (int64_t i = 0; i < *n; i++)
        ids[i] = json_integer_value(json_array_get(list, (size_t)i));
    return ids;
}

static bool decodes(const TokenizerBpe *t, const json_t *ids, bool skip, const json_t *want)
{
    int64_t n;
    char *text = NULL;
    int64_t *list = ids_of(ids, &n), bytes = tokenizer_bpe_decode(t, list, n, skip, &text);
    bool same = bytes == (int64_t)json_string_length(want) && !memcmp(text, json_string_value(want), (size_t)bytes);
    free(text);
    free(list);
    return same;
}

/* As recorded, and cut or, where there is a pad token, filled to six. */
static bool encodes(const TokenizerBpe *t, const json_t *text, const json_t *want)
{
    Tokens got;
    int64_t n, *ids = ids_of(want, &n);
    const char *bytes = json_string_value(text);
    int64_t length = (int64_t)json_string_length(text);
    assert_int_equal(tokenizer_bpe_encode(t, bytes, length, 0, false, &got), SDC_OK);
    bool same = got.length == n && !memcmp(got.ids, ids, (size_t)n * sizeof *ids);
    tokens_free(&got);
    assert_int_equal(tokenizer_bpe_encode(t, bytes, length, 6, true, &got), SDC_OK);
    int64_t kept = n < 6 ? n : 6, full = t->header->pad == BPE_NONE ? kept : 6;
    same = same && got.length == full && got.tokens == n && !memcmp(got.ids, ids, (size_t)kept * sizeof *ids) &&
           !got.cut == (n <= 6);
    for (int64_t i = kept; same && i < full; i++)
        same = got.ids[i] == t->header->pad;
    tokens_free(&got);
    free(ids);
    return same;
}

static void run_case(const char *folder)
{
    json_t *root = read_vectors(folder), *v;
    Packed p = pack_tokenizer(tokenizer_bpe_pack, folder);
    size_t i, k;
    int bad = 0;
    json_array_foreach(json_object_get(root, "vectors"), i, v) {
        const json_t *text = json_object_get(v, "text"), *ids = json_object_get(v, "ids");
        const json_t *decoded = json_object_get(v, "decoded"), *shown = json_object_get(v, "shown");
        if (!encodes(&p.t.bpe, text, ids) || !decodes(&p.t.bpe, ids, true, decoded ? decoded : text) ||
            !decodes(&p.t.bpe, ids, false, shown ? shown : text))
            bad += complain(v);
    }
    json_array_foreach(json_object_get(root, "decoded"), k, v)
        if (!decodes(&p.t.bpe, json_object_get(v, "ids"), true, json_object_get(v, "decoded")) ||
            !decodes(&p.t.bpe, json_object_get(v, "ids"), false, json_object_get(v, "shown")))
            bad += complain(v);
    print_message("%s: %zu texts, %zu rows of ids, %d differ; a blob of %lld bytes\n", folder, i, k, bad,
                  (long long)p.bytes);
    free(p.blob);
    json_decref(root);
    assert_int_equal(bad, 0);
}

static void test_vectors(void **state)
{
    (void)state;
    const char *here = format("%s/tests/tokenizer_bpe", source);
    int count, cases = 0;
    char **names = list_folder(here, has_vectors, &count);
    for (; cases < count; cases++)
        run_case(format("%s/%s", here, names[cases]));
    assert_true(cases >= 2);
    for (char **f = more; *f; f++)
        run_case(*f);
}

static Packed gemma(void)
{
    return pack_tokenizer(tokenizer_bpe_pack, format("%s/tests/tokenizer_bpe/gemma", source));
}

static void test_bad_text(void **state)
{
    (void)state;
    Packed p = gemma();
    check_bad_texts(&p.t);          /* the large one is one piece: Gemma's text is not cut before the merges */
    assert_int_equal(tokenizer_bpe_added(&p.t.bpe, "<image>"), 1198);
    assert_int_equal(tokenizer_bpe_added(&p.t.bpe, "<imag"), -1);
    free(p.blob);
}

/* ---- bad files -------------------------------------------------------------------------------------------------- */

/* A tokenizer of five tokens; each row replaces `from` by `to` in it. */
static const char good[] =
    "{\"added_tokens\":[{\"id\":4,\"content\":\"<x>\",\"special\":true}],\"normalizer\":{\"type\":\"NFC\"},"
    "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s+|\\\\S+\"},\"behavior\":\"Isolated\"},"
    "\"post_processor\":null,\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\","
    "\"vocab\":{\"?\":0,\"a\":1,\"b\":2,\"ab\":3},\"merges\":[\"a b\"]}}";

static const struct { const char *from, *to; int code; const char *said; } bad_files[] = {
    {"{\"added", "[{\"added", SDC_BAD_INPUT, "tokenizer.json: line 1"},
    {"\"BPE\"", "\"Unigram\"", SDC_UNSUPPORTED, "model: type: Unigram"},
    {"\"vocab\":", "\"voc\":", SDC_BAD_INPUT, "model: vocab: not an object"},
    {"\"ab\":3", "\"ab\":2", SDC_BAD_INPUT, "'ab' has id 2"},
    {"\"ab\":3", "\"ab\":-3", SDC_BAD_INPUT, "the id of 'ab'"},
    {"\"ab\":3", "\"ab\":\"3\"", SDC_BAD_INPUT, "the id of 'ab'"},
    {"\"ab\":3", "\"ab\":16777216", SDC_BAD_INPUT, "the id of 'ab'"},
    {"[\"a b\"]", "[\"ab\"]", SDC_BAD_INPUT, "merges: entry 0 is not two tokens"},
    {"[\"a b\"]", "[\"a b c\"]", SDC_BAD_INPUT, "merges: entry 0 is not two tokens"},
    {"[\"a b\"]", "[[\"a\"]]", SDC_BAD_INPUT, "merges: entry 0 is not two tokens"},
    {"[\"a b\"]", "[\"b a\"]", SDC_BAD_INPUT, "is not in vocab"},
    {"[\"a b\"]", "7", SDC_BAD_INPUT, "merges: not a list"},
    {"\"content\":\"<x>\"", "\"content\":\"\"", SDC_BAD_INPUT, "added_tokens: entry 0"},
    {"\"special\"", "\"single_word\"", SDC_UNSUPPORTED, "single_word"},
    {"\"id\":4", "\"id\":null", SDC_BAD_INPUT, "the id of '<x>'"},
    {"\"NFC\"", "\"NFKD\"", SDC_UNSUPPORTED, "normalizer: NFKD"},
    {"{\"type\":\"NFC\"}", "{}", SDC_BAD_INPUT, "normalizer: no type"},
    {"\"Isolated\"", "\"Contiguous\"", SDC_UNSUPPORTED, "pre_tokenizer: Contiguous"},
    {"\\\\s+|\\\\S+", "(a|b)c", SDC_UNSUPPORTED, "this operator is not supported, at '(a|b)c'"},
    {"\\\\s+|\\\\S+", "[a-z]", SDC_UNSUPPORTED, "ranges"},
    {"\\\\s+|\\\\S+", "[ab", SDC_UNSUPPORTED, "a set without its end"},
    {"\\\\s+|\\\\S+", "a{2,1}", SDC_UNSUPPORTED, "such a count"},
    {"\\\\s+|\\\\S+", "a{99999999999}", SDC_UNSUPPORTED, "such a count"},
    {"\\\\s+|\\\\S+", "a+?", SDC_UNSUPPORTED, "lazy"},
    {"\\\\s+|\\\\S+", "a||b", SDC_UNSUPPORTED, "an empty alternative"},
    {"\\\\s+|\\\\S+", "(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:a))))))))))", SDC_UNSUPPORTED, "groups so deep"},
    {"\\\\s+|\\\\S+", "\\\\b", SDC_UNSUPPORTED, "this escape"},
    {"\"Fuse\"", "\"Metaspace\"", SDC_UNSUPPORTED, "decoder: Metaspace"},
    {"{\"type\":\"Fuse\"}", "null", SDC_UNSUPPORTED, "without Fuse"},
    {"\"post_processor\":null", "\"post_processor\":{\"type\":\"BertProcessing\"}", SDC_UNSUPPORTED, "BertProcessing"},
    {"\"post_processor\":null", "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}", SDC_BAD_INPUT,
     "not one Sequence"},
    {"\"unk_token\"", "\"ignore_merges\":true,\"unk\"", SDC_UNSUPPORTED, "ignore_merges"},
};

static void test_bad_files(void **state)
{
    (void)state;
    char said[4096], folder[] = "/tmp/sdc-tokenizer-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    void *blob;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const char *at = strstr(good, bad_files[i].from);
        assert_non_null(at);
        char *text = NULL;
        int n = asprintf(&text, "%.*s%s%s", (int)(at - good), good, bad_files[i].to, at + strlen(bad_files[i].from));
        write_bytes(path, text, (size_t)n);
        free(text);
        int code = pack_listening(tokenizer_bpe_pack, folder, &blob, said, sizeof said);
        if (code != bad_files[i].code || !strstr(said, bad_files[i].said))
            fail_msg("row %zu: code %d, said: %s", i, code, said);
        assert_null(blob);
    }
    write_bytes(path, good, strlen(good));
    assert_int_equal(pack_listening(tokenizer_bpe_pack, folder, &blob, said, sizeof said), SDC_OK);
    for (size_t n = 0; n < strlen(good); n += 7) {      /* cut short anywhere */
        free(blob);
        write_bytes(path, good, n);
        assert_int_equal(pack_listening(tokenizer_bpe_pack, folder, &blob, said, sizeof said), SDC_BAD_INPUT);
        assert_non_null(strstr(said, "tokenizer.json"));
    }
    unlink(path);
    assert_int_equal(pack_listening(tokenizer_bpe_pack, folder, &blob, said, sizeof said), SDC_BAD_INPUT);
    rmdir(folder);
}

/* A tokenizer.model cut short, or with a byte changed, is refused or read, and never more than that. */
static void test_bad_model(void **state)
{
    (void)state;
    char said[4096], folder[] = "/tmp/sdc-tokenizer-XXXXXX", path[128];
    size_t bytes;
    char *model = read_text(format("%s/tests/tokenizer_bpe/spiece/tokenizer.model", source), &bytes);
    assert_non_null(model);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/tokenizer.model", folder);
    void *blob;
    for (size_t n = 0; n < bytes; n += 211) {
        write_bytes(path, model, n);
        assert_int_not_equal(pack_listening(tokenizer_bpe_pack, folder, &blob, said, sizeof said), SDC_OK);
        assert_non_null(strstr(said, "tokenizer.model"));
    }
    int read = 0;
    for (size_t n = 0; n < bytes; n += 97) {
        model[n] = (char)(model[n] ^ 0x15);
        write_bytes(path, model, bytes);
        model[n] = (char)(model[n] ^ 0x15);
        int code = pack_listening(tokenizer_bpe_pack, folder, &blob, said, sizeof said);
        read += code == SDC_OK;
        assert_true(code == SDC_OK || strstr(said, "tokenizer.model"));
        free(blob);
    }
    print_message("%d of %zu changed models are read\n", read, bytes / 97 + 1);
    unlink(path);
    rmdir(folder);
    free(model);
}

/* ---- damaged blobs ---------------------------------------------------------------------------------------------- */

static void use(const Tokenizer *t)
{
    static const char text[] = "A crab <bos> isn't 42 \xe2\x96\x81 crabs \xc3\xa9!! <loc0016>";
    Tokens got;
    char *back;
    sdc_error_catch((char[256]){0}, 256);
    int code = tokenizer_encode(t, text, sizeof text - 1, 32, true, &got);
    sdc_error_catch(NULL, 0);
    assert_true(code == SDC_OK || code == SDC_BAD_INPUT);
    if (!code && tokenizer_bpe_decode(&t->bpe, got.ids, got.length, false, &back) >= 0)
        free(back);
    tokens_free(&got);
}

static void test_damaged_blob(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 4610, 28};
    Packed p = pack_tokenizer(tokenizer_bpe_pack, format("%s/tests/tokenizer_bpe/qwen2", source));
    check_damaged_blobs(&p, 120, 37, values, sizeof values / sizeof *values, use);
    free(p.blob);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER [FOLDER...]\n", argv[0]);
        return 1;
    }
    source = argv[1];
    more = argv + 2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_bad_text), cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_model), cmocka_unit_test(test_damaged_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
