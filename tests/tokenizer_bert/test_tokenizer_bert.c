/* test_tokenizer_bert.c: BERT's tokenizer against recorded ids, damaged blobs, and texts that are none.
 *
 *      test_tokenizer_bert SOURCE_FOLDER
 *
 * vectors.json.gz has a vocabulary, texts, and for each configuration the ids that BertTokenizer gave them and what its
 * save_pretrained() writes: make.py. */
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

static const char *work;
static json_t *vectors;

static void write_json(const char *name, const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);
    write_text(format("%s/%s", work, name), text);
    free(text);
}

/* What save_pretrained() writes for a case, with another value in tokenizer.json where `field` names one. */
static void save_case(const json_t *one, const char *field, const char *value)
{
    json_t *root = json_deep_copy(json_object_get(one, "tokenizer.json")), *words = json_object(), *word;
    size_t i;
    json_array_foreach(json_object_get(vectors, "vocabulary"), i, word)
        json_object_set_new(words, json_string_value(word), json_integer((json_int_t)i));
    json_object_set_new(json_object_get(root, "model"), "vocab", words);
    if (field)
        set_field(root, field, value);
    unlink(format("%s/vocab.txt", work));
    write_json("tokenizer.json", root);
    write_json("tokenizer_config.json", json_object_get(one, "saved config"));
    json_decref(root);
}

/* The vocabulary under a configuration; NULL: none. */
static Packed pack(const json_t *config)
{
    unlink(format("%s/tokenizer.json", work));
    FILE *f = fopen(format("%s/vocab.txt", work), "w");
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(vectors, "vocabulary"), i, word)
        fprintf(f, "%s\n", json_string_value(word));
    fclose(f);
    json_t *empty = json_object();
    write_json("tokenizer_config.json", config ? config : empty);
    json_decref(empty);
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

/* Texts of a case that have other ids than recorded. */
static int run_case(const Packed *p, const json_t *one)
{
    size_t i;
    json_t *text;
    int bad = 0;
    assert_int_equal(tokenizer_max_length(p->blob, p->bytes), 77);
    json_array_foreach(json_object_get(vectors, "texts"), i, text)
        bad += run_text(&p->t, text, json_array_get(json_object_get(one, "ids"), i));
    return bad;
}

static void test_vectors(void **state)
{
    (void)state;
    size_t k;
    json_t *one, *texts = json_object_get(vectors, "texts");
    int bad = 0;
    json_array_foreach(json_object_get(vectors, "cases"), k, one) {
        Packed p = pack(json_object_get(one, "config"));
        bad += run_case(&p, one);
        free(p.blob);
    }
    print_message("%zu cases of %zu texts, %d differ\n", k, json_array_size(texts), bad);
    assert_true(k >= 5 && json_array_size(texts) > 360);
    assert_int_equal(bad, 0);
}

/* tokenizer.json and its tokenizer_config.json instead of vocab.txt: the same ids, and the same settings. */
static void test_saved(void **state)
{
    (void)state;
    size_t k;
    json_t *one, *texts = json_object_get(vectors, "texts");
    int bad = 0;
    json_array_foreach(json_object_get(vectors, "cases"), k, one) {
        Packed old = pack(json_object_get(one, "config"));
        save_case(one, NULL, NULL);
        Packed p = pack_tokenizer(tokenizer_pack, work);
        assert_int_equal(p.t.bert.header->flags, old.t.bert.header->flags);
        bad += run_case(&p, one);
        free(old.blob);
        free(p.blob);
    }
    print_message("%zu cases of %zu texts from tokenizer.json, %d differ\n", k, json_array_size(texts), bad);
    assert_int_equal(bad, 0);
}

static const struct { const char *field, *value; int code; const char *said; } other_settings[] = {
    {"model.continuing_subword_prefix", "\"@@\"", SDC_UNSUPPORTED, "model.continuing_subword_prefix: '@@'"},
    {"model.max_input_chars_per_word", "200", SDC_UNSUPPORTED, "model.max_input_chars_per_word: '200'"},
    {"model.unk_token", "\"[PAD]\"", SDC_BAD_INPUT, "model.unk_token: is '[PAD]', and unk_token is '[UNK]'"},
    {"model.vocab", "[]", SDC_BAD_INPUT, "model.vocab: not an object"},
    {"model.vocab.the", "0", SDC_BAD_INPUT, "the id of "},
    {"model.vocab.the", "-1", SDC_BAD_INPUT, "the id of 'the' is not a number below"},
    {"normalizer", "null", SDC_UNSUPPORTED,
     "normalizer.type: its absence is not supported; BERT's is 'BertNormalizer'"},
    {"normalizer.type", "\"NFC\"", SDC_UNSUPPORTED, "normalizer.type: 'NFC'"},
    {"normalizer.clean_text", "false", SDC_UNSUPPORTED, "normalizer.clean_text: 'false'"},
    {"normalizer.lowercase", "false", SDC_BAD_INPUT, "normalizer.lowercase is false, but do_lower_case"},
    {"normalizer.strip_accents", "false", SDC_BAD_INPUT, "normalizer.strip_accents is false, but strip_accents"},
    {"normalizer.handle_chinese_chars", "false", SDC_BAD_INPUT, "handle_chinese_chars is false, but tokenize_chinese"},
    {"normalizer.more", "1", SDC_UNSUPPORTED, "normalizer.more: '1' is not supported"},
    {"pre_tokenizer.type", "\"Whitespace\"", SDC_UNSUPPORTED, "pre_tokenizer.type: 'Whitespace'"},
    {"post_processor.single", "[]", SDC_UNSUPPORTED, "post_processor: TemplateProcessing is not supported"},
    {"post_processor.special_tokens.[SEP].ids", "[0]", SDC_BAD_INPUT, "post_processor: the token behind a text"},
    {"post_processor", "null", SDC_UNSUPPORTED, "post_processor: its absence"},
    {"added_tokens.0.content", "\"the\"", SDC_UNSUPPORTED, "added_tokens: 'the' is not one of BERT's five"},
    {"added_tokens.0.lstrip", "true", SDC_UNSUPPORTED, "added_tokens: '[PAD]': lstrip"},
    {"padding", "{\"direction\":\"Up\"}", SDC_BAD_INPUT, "padding.direction: 'Up' is neither left nor right"},
};

static void test_refused(void **state)
{
    (void)state;
    const json_t *one = json_array_get(json_object_get(vectors, "cases"), 0);
    char said[4096];
    for (size_t i = 0; i < sizeof other_settings / sizeof *other_settings; i++) {
        void *blob;
        save_case(one, other_settings[i].field, other_settings[i].value);
        int code = pack_listening(tokenizer_bert_pack, work, &blob, said, sizeof said);
        if (code != other_settings[i].code || !strstr(said, other_settings[i].said) || !strstr(said, "tokenizer.json"))
            fail_msg("row %zu: code %d, said: %s", i, code, said);
        assert_null(blob);
    }
}

/* The other form of the post-processor. */
static void test_pair(void **state)
{
    (void)state;
    save_case(json_array_get(json_object_get(vectors, "cases"), 0), "post_processor",
              "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}");
    Packed p = pack_tokenizer(tokenizer_pack, work);
    free(p.blob);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_saved),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_pair),
                                       cmocka_unit_test(test_damaged), cmocka_unit_test(test_bad_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
