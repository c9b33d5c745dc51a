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

#include "harness.h"
#include "tokenizers.h"
#include "../../runtime/runtime.h"

static const char *work;
static json_t *vectors;

/* The vocabulary under a configuration; NULL: none. */
static Packed pack(const json_t *config)
{
    FILE *f = fopen(format("%s/vocab.txt", work), "w");
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(vectors, "vocabulary"), i, word)
        fprintf(f, "%s\n", json_string_value(word));
    fclose(f);
    write_text(format("%s/tokenizer_config.json", work), config ? json_dumps(config, 0) : "{}");
    return pack_tokenizer(tokenizer_pack, work);
}

static int run_text(const Tokenizer *t, const json_t *text, const json_t *ids)
{
    static const int64_t lengths[] = {0, 77, 5};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        if (!encodes_as(t, text, ids, lengths[k], t->bert.header->pad))
            return complain(text);
    return 0;
}

static void test_vectors(void **state)
{
    (void)state;
    size_t k, i;
    json_t *one, *text, *texts = json_object_get(vectors, "texts");
    int bad = 0;
    json_array_foreach(json_object_get(vectors, "cases"), k, one) {
        Packed p = pack(json_object_get(one, "config"));
        assert_int_equal(tokenizer_max_length(p.blob, p.bytes), 77);
        json_array_foreach(texts, i, text)
            bad += run_text(&p.t, text, json_array_get(json_object_get(one, "ids"), i));
        free(p.blob);
    }
    print_message("%zu cases of %zu texts, %d differ\n", k, json_array_size(texts), bad);
    assert_true(k >= 5 && json_array_size(texts) > 360);
    assert_int_equal(bad, 0);
}

/* A blob of which a byte is another one is refused or used without harm. */
static void test_damaged(void **state)
{
    (void)state;
    Packed p = pack(NULL);
    unsigned char *blob = p.blob;
    unsigned seed = 1;
    int refused = 0;
    for (int k = 0; k < 4000; k++) {
        Tokenizer t;
        Tokens got;
        int64_t at = k < 400 ? k % 56 : rand_r(&seed) % p.bytes;
        unsigned char was = blob[at];
        blob[at] = (unsigned char)(was ^ (1 << rand_r(&seed) % 8));
        bool open = !tokenizer_open(&t, blob, p.bytes);
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
    Packed p = pack(NULL);
    check_bad_texts(&p.t);
    free(p.blob);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    work = work_folder("tokenizer-bert");
    vectors = read_vectors(format("%s/tests/tokenizer_bert", argv[1]));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_bad_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
