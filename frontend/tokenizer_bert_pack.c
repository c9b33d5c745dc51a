/* tokenizer_bert_pack.c: vocab.txt and the configuration beside it as one blob; the contract is in
 * runtime/tokenizer_bert.h.
 *
 * vocab.txt has a token a line, its id being the line's number; one that comes twice has the later id, as in
 * transformers.  What tokenizer_config.json does not say is as in its class BertTokenizer. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"
#include "../runtime/tokenizer.h"
#include "tokenizer_files.h"

enum { MAX_WORDS = 1 << 22, N_SPECIAL = 5 };

static const struct { const char *key, *otherwise; } specials[N_SPECIAL] = {
    {"cls_token", "[CLS]"}, {"sep_token", "[SEP]"}, {"pad_token", "[PAD]"}, {"unk_token", "[UNK]"},
    {"mask_token", "[MASK]"}};

typedef struct {
    const char *folder;
    json_t *config, *map;           /* tokenizer_config.json, special_tokens_map.json; NULL where absent */
    Mapping vocab;                  /* vocab.txt */
    BertWord *words;                /* [n_words]; text: offset into vocab, 0 bytes where a later line has the same */
    uint32_t n_words, word_bits;
    BertWord *table;                /* [1 << word_bits] */
    BertWord special[N_SPECIAL];
} Packer;

/* ---- files ------------------------------------------------------------------------------------------------------- */

static json_t *read_object(const Packer *p, const char *name)
{
    const char *path = text_format("%s/%s", p->folder, name);
    if (access(path, F_OK))
        return NULL;
    json_error_t error;
    Mapping file = map_file(path);
    json_t *root = json_loadb(file.data, (size_t)file.bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (!json_is_object(root))
        fail(SDC_BAD_INPUT, "%s: %s", path, root ? "not a JSON object" : error.text);
    return root;
}

static const json_t *setting(const Packer *p, const char *key)
{
    const json_t *value = json_object_get(p->map, key);
    value = value ? value : json_object_get(p->config, key);
    return json_is_null(value) ? NULL : value;
}

static bool flag(const Packer *p, const char *key, bool otherwise)
{
    const json_t *value = setting(p, key);
    if (value && !json_is_boolean(value))
        fail(SDC_BAD_INPUT, "%s/tokenizer_config.json: %s is neither true nor false", p->folder, key);
    return value ? json_is_true(value) : otherwise;
}

/* ---- vocabulary -------------------------------------------------------------------------------------------------- */

static const char *text_at(const Packer *p, const BertWord *w)
{
    return (const char *)p->vocab.data + w->text;
}

static void read_lines(Packer *p)
{
    const char *path = text_format("%s/vocab.txt", p->folder);
    p->vocab = map_file(path);
    if (p->vocab.bytes > INT32_MAX)
        fail(SDC_UNSUPPORTED, "%s: more than 2 GB", path);
    const char *start = p->vocab.data, *end = start + p->vocab.bytes;
    uint32_t lines = 1;
    for (const char *c = start; c < end; c++)
        lines += *c == '\n';
    if (lines > MAX_WORDS)
        fail(SDC_UNSUPPORTED, "%s: more than %d tokens", path, MAX_WORDS);
    p->words = calloc(lines, sizeof *p->words);
    if (!p->words)
        fail(SDC_NO_SPACE, "%s: out of memory", path);
    for (const char *c = start; c < end;) {
        const char *stop = memchr(c, '\n', (size_t)(end - c));
        stop = stop ? stop : end;
        uint32_t bytes = (uint32_t)(stop - c - (stop > c && stop[-1] == '\r'));
        p->words[p->n_words] = (BertWord){p->n_words, (uint32_t)(c - start), bytes};
        p->n_words++;
        c = stop + 1;
    }
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
static void hash_words(Packer *p)
{
    for (p->word_bits = 1; (uint64_t)p->n_words * 4 > (uint64_t)3 << p->word_bits;)
        p->word_bits++;
    size_t bytes = sizeof *p->table << p->word_bits;
    p->table = malloc(bytes);
    if (!p->table)
        fail(SDC_NO_SPACE, "%s: out of memory", p->folder);
    memset(p->table, 0xff, bytes);
    for (uint32_t k = 0; k < p->n_words; k++)
        if (p->words[k].bytes)
            *find_slot(p, text_at(p, &p->words[k]), p->words[k].bytes) = p->words[k];
}

static void read_specials(Packer *p)
{
    for (int k = 0; k < N_SPECIAL; k++) {
        const json_t *token = setting(p, specials[k].key);
        const char *text = token ? tokenizer_token_text(token) : specials[k].otherwise;
        if (!text || !*text)
            fail(SDC_BAD_INPUT, "%s: %s is not a token", p->folder, specials[k].key);
        p->special[k] = *find_slot(p, text, (uint32_t)strlen(text));
        if (p->special[k].id == BERT_NONE)
            fail(SDC_BAD_INPUT, "%s: %s is '%s', which vocab.txt does not have", p->folder, specials[k].key, text);
    }
}

/* Tokens beside the vocabulary would be found in the text as given: those that BERT has are the special ones. */
static void refuse_others(const Packer *p)
{
    const char *key;
    json_t *token;
    json_object_foreach(json_object_get(p->config, "added_tokens_decoder"), key, token) {
        const char *text = json_string_value(json_object_get(token, "content"));
        bool known = false;
        for (int k = 0; text && k < N_SPECIAL; k++)
            known |= p->special[k].bytes == strlen(text) && !memcmp(text_at(p, &p->special[k]), text, strlen(text));
        if (!known)
            fail(SDC_UNSUPPORTED, "%s/tokenizer_config.json: added_tokens_decoder: '%s' is not one of BERT's five",
                 p->folder, text ? text : key);
    }
}

/* ---- the blob ---------------------------------------------------------------------------------------------------- */

static uint32_t read_flags(const Packer *p)
{
    bool lower = flag(p, "do_lower_case", true), strip = flag(p, "strip_accents", lower);
    return (lower ? BERT_LOWER : 0) | (strip ? BERT_STRIP_ACCENTS : 0) |
           (flag(p, "tokenize_chinese_chars", true) ? BERT_CHINESE : 0);
}

static int write_blob(const Packer *p, void **blob, int64_t *bytes)
{
    size_t slots = (size_t)1 << p->word_bits;
    BertHeader h = {.magic = BERT_MAGIC, .vocabulary = p->n_words, .first = p->special[0].id, .last = p->special[1].id,
                    .pad = p->special[2].id, .unknown = p->special[3].id, .words = sizeof h, .word_bits = p->word_bits,
                    .max_length = tokenizer_length_limit(setting(p, "model_max_length")),
                    .flags = read_flags(p), .n_special = N_SPECIAL};
    uint64_t texts = sizeof h + (slots + N_SPECIAL) * sizeof(BertWord);
    uint64_t all = (texts + (uint64_t)p->vocab.bytes + 3) / 4 * 4;
    if (all > INT32_MAX)
        fail(SDC_UNSUPPORTED, "%s/vocab.txt: too long", p->folder);
    h.special = h.words + (uint32_t)(slots * sizeof(BertWord));
    h.bytes = (uint32_t)all;
    char *out = calloc(1, all);
    if (!out)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    memcpy(out, &h, sizeof h);
    BertWord *to = (BertWord *)(void *)(out + h.words);
    for (size_t i = 0; i < slots + N_SPECIAL; i++) {
        to[i] = i < slots ? p->table[i] : p->special[i - slots];
        if (to[i].id != BERT_NONE)
            to[i].text += (uint32_t)texts;
    }
    memcpy(out + texts, p->vocab.data, (size_t)p->vocab.bytes);
    *blob = out;
    *bytes = (int64_t)all;
    return SDC_OK;
}

int tokenizer_bert_pack(const char *folder, void **blob, int64_t *bytes)
{
    Packer p = {.folder = folder};
    p.config = read_object(&p, "tokenizer_config.json");
    p.map = read_object(&p, "special_tokens_map.json");
    read_lines(&p);
    hash_words(&p);
    read_specials(&p);
    refuse_others(&p);
    int code = write_blob(&p, blob, bytes);
    json_decref(p.config);
    json_decref(p.map);
    free(p.words);
    free(p.table);
    return code;
}
