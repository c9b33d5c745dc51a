/* tokenizer_clip_pack.c: a CLIP tokenizer's files to the blob that an executable uses as it is (runtime/tokenizer.h).
 *
 *      tokenizer.json             model.vocab, model.merges and added_tokens; its other settings must be CLIP's
 *   or vocab.json                 text of each token -> id; bytes are spelled as GPT-2 spells them
 *      merges.txt                 "left right" a line, best first
 *      tokenizer_config.json      model_max_length, special tokens, added_tokens_decoder
 *      special_tokens_map.json    special tokens; counts before the former
 *
 * The files are untrusted.  Which counts when several say the same follows the loader of Hugging Face's transformers:
 * tokenizer.json before vocab.json and merges.txt, but added_tokens_decoder before its added_tokens. */
#include <stdlib.h>
#include <string.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"
#include "tokenizer_clip_pack.h"
#include "tokenizer_files.h"
#include "tokenizer_settings.h"

enum { MAX_ADDED = 4096 };

static const struct { const char *key, *otherwise; } specials[CLIP_SPECIALS] = {
    [CLIP_BOS] = {"bos_token", "<|startoftext|>"},
    [CLIP_EOS] = {"eos_token", "<|endoftext|>"},
    [CLIP_UNKNOWN] = {"unk_token", "<|endoftext|>"},
    [CLIP_PAD] = {"pad_token", "<|endoftext|>"},
};

/* ---- special and added tokens ----------------------------------------------------------------------------------- */

/* A token as the files spell it: a string, or an object with content and flags. */
static int token_content(const ClipPacker *p, const json_t *token, const char *key, const char **content,
                         bool *normalized)
{
    static const char *const flags[] = {"lstrip", "rstrip", "single_word"};
    *content = tokenizer_token_text(token);
    *normalized = json_is_true(json_object_get(token, "normalized"));
    if (!*content || !**content)
        return sdc_error(SDC_BAD_INPUT, "%s: %s is not a token", p->folder, key);
    for (int i = 0; i < 3; i++)
        if (json_is_true(json_object_get(token, flags[i])))
            return sdc_error(SDC_UNSUPPORTED, "%s: %s '%s': %s is not supported", p->folder, key, *content, flags[i]);
    return SDC_OK;
}

/* A token that comes up twice, once to be found behind normalisation and once before, is as its second kind says. */
static int add_token(ClipPacker *p, const char *content, bool normalized, bool fixed, uint32_t id)
{
    for (uint32_t i = 0; i < p->n_added; i++) {
        ClipToken *a = &p->added[i];
        if (!strcmp(a->content, content)) {
            if (!a->fixed && normalized != a->first_seen)
                a->normalized = normalized;
            return SDC_OK;
        }
    }
    if (p->n_added == MAX_ADDED)
        return sdc_error(SDC_UNSUPPORTED, "%s: more than %d added tokens", p->folder, MAX_ADDED);
    p->added[p->n_added++] = (ClipToken){.content = content, .id = id, .normalized = normalized,
                                         .first_seen = normalized, .fixed = fixed};
    if (id >= p->vocabulary)
        p->vocabulary = id + 1;
    return SDC_OK;
}

static int add_listed(ClipPacker *p, const char *list, const json_t *token, json_int_t id)
{
    const char *content;
    bool normalized;
    uint32_t known;
    int code = token_content(p, token, list, &content, &normalized);
    if (code)
        return code;
    if (clip_find_id(p, content, strlen(content), &known) && known != id)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: '%s' has id %lld, and %u in the vocabulary", p->folder, list, content,
                         (long long)id, known);
    return add_token(p, content, normalized, true, (uint32_t)id);
}

/* tokenizer.json: "added_tokens": [{"id": 49406, "content": "<|startoftext|>", ...}, ...] */
static int read_added_list(ClipPacker *p)
{
    static const char list[] = "tokenizer.json: added_tokens";
    int code = SDC_OK;
    size_t k;
    json_t *token;
    json_array_foreach(json_object_get(p->root, "added_tokens"), k, token) {
        const json_t *id = json_object_get(token, "id");
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= CLIP_MAX_ID)
            return sdc_error(SDC_BAD_INPUT, "%s/%s: entry %zu has no id below %d", p->folder, list, k, CLIP_MAX_ID);
        if ((code = add_listed(p, list, token, json_integer_value(id))) != SDC_OK)
            break;
    }
    return code;
}

/* tokenizer_config.json: "added_tokens_decoder": {"49406": {"content": "<|startoftext|>", ...}, ...} */
static int read_added_tokens(ClipPacker *p)
{
    static const char list[] = "tokenizer_config.json: added_tokens_decoder";
    json_t *tokens = json_object_get(p->config, "added_tokens_decoder"), *token;
    const char *key;
    if (!tokens)
        return read_added_list(p);
    json_object_foreach(tokens, key, token) {
        char *end;
        unsigned long id = strtoul(key, &end, 10);
        if (*key < '0' || *key > '9' || *end || id >= CLIP_MAX_ID)
            return sdc_error(SDC_BAD_INPUT, "%s/%s: '%s' is not a token id", p->folder, list, key);
        int code = add_listed(p, list, token, (json_int_t)id);
        if (code)
            return code;
    }
    return SDC_OK;
}

/* *content: as it is where the files do not say it. */
static int read_special(ClipPacker *p, const char *key, const json_t *token, const char **content, uint32_t *id)
{
    bool normalized = false;
    int code = token ? token_content(p, token, key, content, &normalized) : SDC_OK;
    if (code)
        return code;
    bool known = clip_find_id(p, *content, strlen(*content), id);
    for (uint32_t i = 0; !known && i < p->n_added; i++)
        if ((known = !strcmp(p->added[i].content, *content)))
            *id = p->added[i].id;
    if (!known)
        return sdc_error(SDC_BAD_INPUT, "%s: %s is '%s', which %s does not have", p->folder, key, *content,
                         p->words_file);
    return add_token(p, *content, normalized, false, *id);
}

static const json_t *setting(const ClipPacker *p, const char *key)
{
    const json_t *value = json_object_get(p->map, key);
    if (!value)
        value = json_object_get(p->config, key);
    return json_is_null(value) ? NULL : value;
}

static int read_specials(ClipPacker *p)
{
    int code = read_added_tokens(p);
    for (int i = 0; !code && i < CLIP_SPECIALS; i++) {
        p->special[i].content = specials[i].otherwise;
        code = read_special(p, specials[i].key, setting(p, specials[i].key), &p->special[i].content, &p->special[i].id);
    }
    const json_t *more = setting(p, "additional_special_tokens");
    for (size_t i = 0; !code && i < json_array_size(more); i++) {
        const char *content;
        uint32_t id;
        code = read_special(p, "additional_special_tokens", json_array_get(more, i), &content, &id);
    }
    for (uint32_t i = 0; !code && i < p->n_added; i++) {
        ClipToken *a = &p->added[i];
        if (!a->normalized)
            a->text = strdup(a->content);
        else if (tokenizer_clip_normalise(a->content, (int64_t)strlen(a->content), &a->text) < 0)
            a->text = NULL;
        if (!a->text)
            code = sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    }
    return code;
}

static int check_specials(const ClipPacker *p)
{
    if (!p->root)
        return SDC_OK;
    const char *path = text_format("%s/tokenizer.json", p->folder);
    int code = tokenizer_check_unknown(path, p->root, p->special[CLIP_UNKNOWN].content);
    return code ? code : tokenizer_check_frame(path, p->root, p->special[CLIP_BOS].id, p->special[CLIP_EOS].id);
}

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static int write_blob(const ClipPacker *p, uint32_t pad_left, void **blob, int64_t *bytes)
{
    size_t table = ((size_t)1 << p->merge_bits) * sizeof(BpeMerge), texts = 0;
    for (uint32_t i = 0; i < p->n_added; i++)
        texts += strlen(p->added[i].text);
    if (texts > INT32_MAX)
        return sdc_error(SDC_UNSUPPORTED, "%s: added tokens of more than 2 GB", p->folder);
    ClipHeader h = {.magic = CLIP_MAGIC, .vocabulary = p->vocabulary,
                    .bos = p->special[CLIP_BOS].id, .eos = p->special[CLIP_EOS].id,
                    .pad = p->special[CLIP_PAD].id, .unknown = p->special[CLIP_UNKNOWN].id,
                    .max_length = tokenizer_length_limit(json_object_get(p->config, "model_max_length")),
                    .symbols = sizeof h, .merge_bits = p->merge_bits, .n_added = p->n_added, .pad_left = pad_left};
    h.merges = h.symbols + (uint32_t)sizeof p->symbols;
    h.added = h.merges + (uint32_t)table;
    uint32_t text = h.added + h.n_added * (uint32_t)sizeof(ClipAdded);
    h.bytes = (text + (uint32_t)texts + 3) & ~3u;
    char *out = calloc(1, h.bytes);
    if (!out)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    memcpy(out, &h, sizeof h);
    memcpy(out + h.symbols, p->symbols, sizeof p->symbols);
    memcpy(out + h.merges, p->table, table);
    for (uint32_t i = 0; i < p->n_added; i++) {
        const ClipToken *a = &p->added[i];
        ClipAdded entry = {a->id, text, (uint32_t)strlen(a->text), a->normalized};
        memcpy(out + h.added + i * sizeof entry, &entry, sizeof entry);
        memcpy(out + text, a->text, entry.bytes);
        text += entry.bytes;
    }
    *blob = out;
    *bytes = h.bytes;
    return SDC_OK;
}

static int pack(ClipPacker *p, void **blob, int64_t *bytes)
{
    uint32_t pad_left;
    int code;
    if ((code = clip_read_words(p)) ||
        (code = tokenizer_read_config(text_format("%s/tokenizer_config.json", p->folder), &p->config)) ||
        (code = tokenizer_read_config(text_format("%s/special_tokens_map.json", p->folder), &p->map)) ||
        (code = read_specials(p)) || (code = check_specials(p)) || (code = clip_check_made(p)) ||
        (code = tokenizer_sides(p->folder, p->config, p->root, &pad_left)))
        return code;
    return write_blob(p, pad_left, blob, bytes);
}

int tokenizer_clip_pack(const char *folder, void **blob, int64_t *bytes)
{
    ClipPacker p = {.folder = folder, .added = calloc(MAX_ADDED, sizeof(ClipToken))};
    *blob = NULL;
    int code = p.added ? pack(&p, blob, bytes) : sdc_error(SDC_NO_SPACE, "%s: out of memory", folder);
    for (uint32_t i = 0; i < p.n_added; i++)
        free(p.added[i].text);
    free(p.added);
    free(p.merges);
    free(p.table);
    json_decref(p.vocab);
    json_decref(p.root);
    json_decref(p.config);
    json_decref(p.map);
    return code;
}
