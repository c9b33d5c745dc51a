/* test_tokenizer_bert.c: BERT's tokenizer against recorded ids, damaged blobs, and texts that are none.
 *
 *      test_tokenizer_bert SOURCE_FOLDER
 *
 * vectors.json.gz has a vocabulary, texts, and for each configuration the ids that BertTokenizer gave them: make.py. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness.h"
#include "../../runtime/runtime.h"
#include "../../runtime/tokenizer.h"

static const char *source, *work;
static json_t *vectors;

static json_t *read_vectors(void)
{
    static char text[1 << 22];
    gzFile f = gzopen(format("%s/tests/tokenizer_bert/vectors.json.gz", source), "rb");
    assert_non_null(f);
    int n = gzread(f, text, sizeof text);
    gzclose(f);
    assert_true(n > 0 && n < (int)sizeof text);
    json_t *root = json_loadb(text, (size_t)n, JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    return root;
}

/* The vocabulary under a configuration; NULL: none. */
static void *pack(const json_t *config, int64_t *bytes)
{
    FILE *f = fopen(format("%s/vocab.txt", work), "w");
    size_t i;
    json_t *word;
    void *blob;
    json_array_foreach(json_object_get(vectors, "vocabulary"), i, word)
        fprintf(f, "%s\n", json_string_value(word));
    fclose(f);
    write_text(format("%s/tokenizer_config.json", work), config ? json_dumps(config, 0) : "{}");
    assert_int_equal(tokenizer_pack(work, &blob, bytes), SDC_OK);
    return blob;
}

static bool same_ids(const Tokens *got, const json_t *want)
{
    bool same = (size_t)got->length == json_array_size(want);
    for (int64_t i = 0; same && i < got->length; i++)
        same = got->ids[i] == json_integer_value(json_array_get(want, (size_t)i));
    return same;
}

/* Cut and padded to length: the recorded ids, [SEP] last, then [PAD]. */
static bool same_padded(const Tokenizer *t, const json_t *text, const json_t *want, int64_t length)
{
    Tokens got;
    int64_t n = (int64_t)json_array_size(want), kept = n < length ? n : length;
    int64_t bytes = (int64_t)json_string_length(text);
    assert_int_equal(tokenizer_encode(t, json_string_value(text), bytes, length, true, &got), SDC_OK);
    bool same = got.length == length && got.tokens == n && !got.cut == (n <= length);
    for (int64_t i = 0; same && i < length; i++)
        same = got.ids[i] == (i < kept - 1    ? json_integer_value(json_array_get(want, (size_t)i))
                              : i == kept - 1 ? t->bert.header->last
                                              : t->bert.header->pad);
    tokens_free(&got);
    return same;
}

static int run_text(const Tokenizer *t, const json_t *text, const json_t *want)
{
    Tokens got;
    assert_int_equal(tokenizer_encode(t, json_string_value(text), (int64_t)json_string_length(text), 0, false, &got),
                     SDC_OK);
    bool same = same_ids(&got, want) && same_padded(t, text, want, 77) && same_padded(t, text, want, 5);
    tokens_free(&got);
    if (!same)
        print_error("differs: %s\n", json_dumps(text, JSON_ENSURE_ASCII | JSON_ENCODE_ANY));
    return !same;
}

static void test_vectors(void **state)
{
    (void)state;
    size_t k, i;
    json_t *one, *text, *texts = json_object_get(vectors, "texts");
    int bad = 0;
    json_array_foreach(json_object_get(vectors, "cases"), k, one) {
        int64_t bytes;
        void *blob = pack(json_object_get(one, "config"), &bytes);
        Tokenizer t;
        assert_int_equal(tokenizer_open(&t, blob, bytes), SDC_OK);
        assert_int_equal(tokenizer_max_length(blob, bytes), 77);
        json_array_foreach(texts, i, text)
            bad += run_text(&t, text, json_array_get(json_object_get(one, "ids"), i));
        free(blob);
    }
    print_message("%zu cases of %zu texts, %d differ\n", k, json_array_size(texts), bad);
    assert_true(k >= 5 && json_array_size(texts) > 360);
    assert_int_equal(bad, 0);
}

/* A blob of which a byte is another one is refused or used without harm. */
static void test_damaged(void **state)
{
    (void)state;
    int64_t bytes;
    unsigned char *blob = pack(NULL, &bytes);
    unsigned seed = 1;
    int refused = 0;
    for (int k = 0; k < 4000; k++) {
        Tokenizer t;
        Tokens got;
        int64_t at = k < 400 ? k % 56 : rand_r(&seed) % bytes;
        unsigned char was = blob[at];
        blob[at] = (unsigned char)(was ^ (1 << rand_r(&seed) % 8));
        bool open = !tokenizer_open(&t, blob, bytes);
        refused += !open;
        if (open && !tokenizer_encode(&t, "the painting [MASK] x", 21, 12, true, &got))
            tokens_free(&got);
        blob[at] = was;
    }
    for (int64_t n = 0; n < 200; n++) {
        Tokenizer t;
        assert_int_equal(tokenizer_open(&t, blob, n), SDC_BAD_INPUT);
    }
    print_message("4000 blobs with a bit changed, %d of them refused\n", refused);
    assert_true(refused > 100);
    free(blob);
}

static void test_bad_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xff", "a\xc3", "a\xed\xa0\x80", "\xf4\x90\x80\x80"};
    int64_t bytes;
    void *blob = pack(NULL, &bytes);
    Tokenizer t;
    Tokens got;
    assert_int_equal(tokenizer_open(&t, blob, bytes), SDC_OK);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_int_equal(tokenizer_encode(&t, bad[k], (int64_t)strlen(bad[k]), 0, false, &got), SDC_BAD_INPUT);
    assert_int_equal(tokenizer_encode(&t, "", TOKENIZER_MAX_TEXT + 1, 0, false, &got), SDC_BAD_INPUT);
    free(blob);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    source = argv[1];
    work = work_folder("tokenizer-bert");
    vectors = read_vectors();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_bad_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
