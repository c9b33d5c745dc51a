/* tokenizer_bert_pack.c: a BERT tokenizer's files as one blob; the contract is in runtime/tokenizer_bert.h.
 *
 *      tokenizer.json             model.vocab: text of each token -> id; its other settings must be BERT's
 *   or vocab.txt                  a token a line, its id being the line's number; one that comes twice has the later id
 *      tokenizer_config.json      model_max_length, special tokens, do_lower_case and the like
 *      special_tokens_map.json    special tokens; counts before the former
 *
 * Which counts when several say the same, and what none of them says, is as in transformers' BertTokenizer. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../ir/sdc.h"
#include "../runtime/fileio.h"
#include "../runtime/runtime.h"
#include "../runtime/tokenizer_common.h"
#include "tokenizer_files.h"
#include "tokenizer_settings.h"

enum { MAX_WORDS = 1 << 22, N_SPECIAL = 5 };
enum { CLS, SEP, PAD, UNKNOWN, MASK };

static const struct { const char *key, *otherwise; } specials[N_SPECIAL] = {
    [CLS] = {"cls_token", "[CLS]"}, [SEP] = {"sep_token", "[SEP]"}, [PAD] = {"pad_token", "[PAD]"},
    [UNKNOWN] = {"unk_token", "[UNK]"}, [MASK] = {"mask_token", "[MASK]"}};

/* normalizer: what transformers makes of the key of tokenizer_config.json. */
static const struct { const char *key, *normalizer; uint32_t flag; } flags[] = {
    {"do_lower_case", "lowercase", BERT_LOWER}, {"strip_accents", "strip_accents", BERT_STRIP_ACCENTS},
    {"tokenize_chinese_chars", "handle_chinese_chars", BERT_CHINESE}};
enum { N_FLAGS = sizeof flags / sizeof *flags };

static const TokenizerSetting settings[] = {
    {"model.type", "WordPiece"}, {"model.type", NULL}, {"model.vocab", tokenizer_any},
    {"model.unk_token", tokenizer_any}, {"model.continuing_subword_prefix", "##"},
    {"model.max_input_chars_per_word", "100"},
    {"normalizer.type", "BertNormalizer"}, {"normalizer.clean_text", "true"},
    {"normalizer.lowercase", "true"}, {"normalizer.lowercase", "false"},
    {"normalizer.handle_chinese_chars", "true"}, {"normalizer.handle_chinese_chars", "false"},
    {"normalizer.strip_accents", "true"}, {"normalizer.strip_accents", "false"}, {"normalizer.strip_accents", NULL},
    {"pre_tokenizer.type", "BertPreTokenizer"},
};

typedef struct {
    const char *folder, *file;      /* file: tokenizer.json or vocab.txt, for messages */
    json_t *root;                   /* tokenizer.json; NULL without */
    json_t *config, *map;           /* tokenizer_config.json, special_tokens_map.json; NULL where absent */
    TokenText texts;                /* of the words */
    BertWord *words;                /* [n_words]; text: offset into texts */
    uint32_t n_words, word_bits, vocabulary;
    BertWord *table;                /* [1 << word_bits] */
    BertWord special[N_SPECIAL];
    const char *unknown;            /* the text of UNKNOWN */
    uint32_t flags;
} Packer;

static int no_room(const Packer *p)
{
    return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
}

/* ---- configuration ----------------------------------------------------------------------------------------------- */

static const json_t *setting(const Packer *p, const char *key)
{
    const json_t *value = json_object_get(p->map, key);
    value = value ? value : json_object_get(p->config, key);
    return json_is_null(value) ? NULL : value;
}

/* Accents are stripped where letters are made small, unless it is said. */
static int read_flags(Packer *p)
{
    for (size_t k = 0; k < N_FLAGS; k++) {
        const json_t *value = setting(p, flags[k].key);
        bool otherwise = flags[k].flag != BERT_STRIP_ACCENTS || p->flags & BERT_LOWER;
        if (value && !json_is_boolean(value))
            return sdc_error(SDC_BAD_INPUT, "%s/tokenizer_config.json: %s is neither true nor false", p->folder,
                             flags[k].key);
        if (value ? json_is_true(value) : otherwise)
            p->flags |= flags[k].flag;
    }
    return SDC_OK;
}

/* transformers takes these from tokenizer_config.json alone; a file that says otherwise was made for other texts. */
static int check_flags(const Packer *p)
{
    const json_t *normalizer = json_object_get(p->root, "normalizer");
    for (size_t k = 0; k < N_FLAGS; k++) {
        const json_t *value = json_object_get(normalizer, flags[k].normalizer);
        bool on = p->flags & flags[k].flag;
        if (json_is_boolean(value) && json_is_true(value) != on)
            return sdc_error(SDC_BAD_INPUT, "%s/tokenizer.json: normalizer.%s is %s, but %s of tokenizer_config.json, "
                             "which counts, is %s; make them equal", p->folder, flags[k].normalizer,
                             on ? "false" : "true", flags[k].key, on ? "true" : "false");
    }
    return SDC_OK;
}

/* ---- vocabulary -------------------------------------------------------------------------------------------------- */

static const char *text_at(const Packer *p, const BertWord *w)
{
    return p->texts.at + w->text;
}

static int make_room(Packer *p, size_t words)
{
    if (words > MAX_WORDS)
        return sdc_error(SDC_UNSUPPORTED, "%s/%s: more than %d tokens", p->folder, p->file, MAX_WORDS);
    p->words = calloc(words + 1, sizeof *p->words);
    return p->words ? SDC_OK : no_room(p);
}

static int add_word(Packer *p, const char *text, size_t bytes, uint32_t id)
{
    if (bytes > (size_t)(INT32_MAX - p->texts.bytes))
        return sdc_error(SDC_UNSUPPORTED, "%s/%s: more than 2 GB of tokens", p->folder, p->file);
    p->words[p->n_words++] = (BertWord){id, (uint32_t)p->texts.bytes, (uint32_t)bytes};
    if (id >= p->vocabulary)
        p->vocabulary = id + 1;
    return token_text_append(&p->texts, text, (int64_t)bytes) ? SDC_OK : no_room(p);
}

static int read_lines(Packer *p)
{
    SdcFile file;
    int code = sdc_file_map(&file, text_format("%s/vocab.txt", p->folder));
    if (code)
        return code;
    const char *text = (const char *)file.data, *end = text + file.bytes;
    size_t lines = 1;
    for (const char *c = text; c < end; c++)
        lines += *c == '\n';
    code = make_room(p, lines);
    for (uint32_t id = 0; !code && text < end; id++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        code = add_word(p, text, (size_t)(stop - text - (stop > text && stop[-1] == '\r')), id);
        text = stop + 1;
    }
    sdc_file_unmap(&file);
    return code;
}

static int read_vocab(Packer *p)
{
    json_t *vocab = json_object_get(json_object_get(p->root, "model"), "vocab"), *value;
    const char *text;
    if (!json_is_object(vocab))
        return sdc_error(SDC_BAD_INPUT, "%s/%s: model.vocab: not an object with tokens", p->folder, p->file);
    int code = make_room(p, json_object_size(vocab));
    uint8_t *seen = calloc(MAX_WORDS, 1);
    code = code || seen ? code : no_room(p);
    json_object_foreach(vocab, text, value) {
        json_int_t id = json_integer_value(value);
        if (code)
            break;
        if (!json_is_integer(value) || id < 0 || id >= MAX_WORDS || seen[id]++)
            code = sdc_error(SDC_BAD_INPUT, "%s/%s: model.vocab: the id of '%s' is not a number below %d that no other "
                             "token has", p->folder, p->file, text, MAX_WORDS);
        else
            code = add_word(p, text, strlen(text), (uint32_t)id);
    }
    free(seen);
    return code;
}

static BertWord *find_slot(const Packer *p, const char *text, uint32_t bytes)
{
    uint32_t mask = (1u << p->word_bits) - 1, i = bert_slot(text, bytes, p->word_bits);
    for (;; i = (i + 1) & mask) {
        BertWord *w = &p->table[i];
        if (w->id == BERT_NONE || (w->bytes == bytes && !memcmp(text_at(p, w), text, bytes)))
            return w;
    }
}

/* Open addressing, three quarters full at most: what find_word() of tokenizer_bert.c reads. */
static int hash_words(Packer *p)
{
    for (p->word_bits = 1; (uint64_t)p->n_words * 4 > (uint64_t)3 << p->word_bits;)
        p->word_bits++;
    size_t bytes = sizeof *p->table << p->word_bits;
    p->table = malloc(bytes);
    if (!p->table)
        return no_room(p);
    memset(p->table, 0xff, bytes);
    for (uint32_t k = 0; k < p->n_words; k++)
        if (p->words[k].bytes)
            *find_slot(p, text_at(p, &p->words[k]), p->words[k].bytes) = p->words[k];
    return SDC_OK;
}

/* ---- special tokens ---------------------------------------------------------------------------------------------- */

static int read_specials(Packer *p)
{
    for (int k = 0; k < N_SPECIAL; k++) {
        const json_t *token = setting(p, specials[k].key);
        const char *text = token ? tokenizer_token_text(token) : specials[k].otherwise;
        if (!text || !*text)
            return sdc_error(SDC_BAD_INPUT, "%s: %s is not a token", p->folder, specials[k].key);
        p->special[k] = *find_slot(p, text, (uint32_t)strlen(text));
        if (p->special[k].id == BERT_NONE)
            return sdc_error(SDC_BAD_INPUT, "%s: %s is '%s', which %s does not have", p->folder, specials[k].key, text,
                             p->file);
        p->unknown = k == UNKNOWN ? text : p->unknown;
    }
    return SDC_OK;
}

/* Tokens beside the vocabulary would be found in the text as given: those that BERT has are the special ones. */
static int check_added(const Packer *p, const char *list, const json_t *token)
{
    static const char *const refused[] = {"lstrip", "rstrip", "single_word", "normalized"};
    const char *text = json_string_value(json_object_get(token, "content"));
    bool known = false;
    for (int k = 0; text && k < N_SPECIAL; k++)
        known |= p->special[k].bytes == strlen(text) && !memcmp(text_at(p, &p->special[k]), text, strlen(text));
    if (!known)
        return sdc_error(SDC_UNSUPPORTED, "%s/%s: '%s' is not one of BERT's five", p->folder, list, text ? text : "?");
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
        if (json_is_true(json_object_get(token, refused[k])))
            return sdc_error(SDC_UNSUPPORTED, "%s/%s: '%s': %s is not supported", p->folder, list, text, refused[k]);
    return SDC_OK;
}

static int check_all_added(const Packer *p)
{
    const char *key;
    json_t *token;
    size_t k;
    int code = SDC_OK;
    json_object_foreach(json_object_get(p->config, "added_tokens_decoder"), key, token)
        if (!code)
            code = check_added(p, "tokenizer_config.json: added_tokens_decoder", token);
    json_array_foreach(json_object_get(p->root, "added_tokens"), k, token)
        if (!code)
            code = check_added(p, "tokenizer.json: added_tokens", token);
    return code;
}

/* ---- the blob ---------------------------------------------------------------------------------------------------- */

static int write_blob(const Packer *p, uint32_t pad_left, void **blob, int64_t *bytes)
{
    size_t slots = (size_t)1 << p->word_bits;
    BertHeader h = {.magic = BERT_MAGIC, .vocabulary = p->vocabulary, .first = p->special[CLS].id,
                    .last = p->special[SEP].id, .pad = p->special[PAD].id, .unknown = p->special[UNKNOWN].id,
                    .words = sizeof h, .word_bits = p->word_bits, .flags = p->flags, .n_special = N_SPECIAL,
                    .max_length = tokenizer_length_limit(setting(p, "model_max_length")), .pad_left = pad_left};
    uint64_t texts = sizeof h + (slots + N_SPECIAL) * sizeof(BertWord);
    uint64_t all = (texts + (uint64_t)p->texts.bytes + 3) / 4 * 4;
    if (all > INT32_MAX)
        return sdc_error(SDC_UNSUPPORTED, "%s/%s: more than 2 GB of tokens", p->folder, p->file);
    h.special = h.words + (uint32_t)(slots * sizeof(BertWord));
    h.bytes = (uint32_t)all;
    char *out = calloc(1, all);
    if (!out)
        return no_room(p);
    memcpy(out, &h, sizeof h);
    BertWord *to = (BertWord *)(void *)(out + h.words);
    for (size_t i = 0; i < slots + N_SPECIAL; i++) {
        to[i] = i < slots ? p->table[i] : p->special[i - slots];
        if (to[i].id != BERT_NONE)
            to[i].text += (uint32_t)texts;
    }
    memcpy(out + texts, p->texts.at, (size_t)p->texts.bytes);
    *blob = out;
    *bytes = (int64_t)all;
    return SDC_OK;
}

/* What tokenizer.json says beside the vocabulary. */
static int check_json(const Packer *p, const char *path)
{
    int code;
    if ((code = tokenizer_check_settings(path, "BERT", p->root, settings, sizeof settings / sizeof *settings)) ||
        (code = check_flags(p)) || (code = tokenizer_check_unknown(path, p->root, p->unknown)))
        return code;
    return tokenizer_check_frame(path, p->root, p->special[CLS].id, p->special[SEP].id);
}

static int pack(Packer *p, void **blob, int64_t *bytes)
{
    const char *path = text_format("%s/tokenizer.json", p->folder);
    uint32_t pad_left;
    int code;
    if ((code = tokenizer_read_json(path, false, 0, &p->root)) ||
        (code = tokenizer_read_config(text_format("%s/tokenizer_config.json", p->folder), &p->config)) ||
        (code = tokenizer_read_config(text_format("%s/special_tokens_map.json", p->folder), &p->map)))
        return code;
    p->file = p->root ? "tokenizer.json" : "vocab.txt";
    if ((code = p->root ? read_vocab(p) : read_lines(p)) || (code = hash_words(p)) || (code = read_specials(p)) ||
        (code = check_all_added(p)) || (code = read_flags(p)) || (p->root && (code = check_json(p, path))) ||
        (code = tokenizer_sides(p->folder, p->config, p->root, &pad_left)))
        return code;
    return write_blob(p, pad_left, blob, bytes);
}

int tokenizer_bert_pack(const char *folder, void **blob, int64_t *bytes)
{
    Packer p = {.folder = folder};
    *blob = NULL;
    int code = pack(&p, blob, bytes);
    json_decref(p.root);
    json_decref(p.config);
    json_decref(p.map);
    free(p.texts.at);
    free(p.words);
    free(p.table);
    return code;
}
