/* tokenizer_bpe_pack.c: tokenizer.json to the blob that an executable uses as it is (runtime/tokenizer_bpe.h).
 *
 *      model              vocab, merges, unk_token, byte_fallback, fuse_unk
 *      added_tokens       id, content, special, normalized, lstrip, rstrip
 *      normalizer, pre_tokenizer, post_processor, decoder      tokenizer_bpe_stages.c
 *
 * and of tokenizer_config.json, where there is one, model_max_length, pad_token and padding_side.  Without a tokenizer.json a
 * tokenizer.model is read as if it were one.  The files are untrusted. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/fileio.h"
#include "../runtime/runtime.h"
#include "../runtime/unicode.h"
#include "tokenizer_bpe_pack.h"
#include "tokenizer_files.h"
#include "tokenizer_settings.h"

enum { MAX_ID = 1 << 24, RAW = 0, NORMALISED = 1 };

int bpe_append(BpePacker *p, const void *data, size_t bytes, bool table, uint32_t *offset)
{
    BpeBlob *b = &p->blob;
    size_t at = table ? (b->bytes + 3) & ~(size_t)3 : b->bytes;
    if (at + bytes > b->room) {
        size_t room = 2 * b->room + at + bytes;
        char *grown = realloc(b->at, room);
        if (!grown)
            return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
        memset(grown + b->room, 0, room - b->room);
        b->at = grown;
        b->room = room;
    }
    if (at + bytes > INT32_MAX)
        return sdc_error(SDC_UNSUPPORTED, "%s: more than 2 GB of tables", p->path);
    if (bytes)
        memcpy(b->at + at, data, bytes);
    b->bytes = at + bytes;
    *offset = (uint32_t)at;
    return SDC_OK;
}

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

static bool find_id(const BpePacker *p, const char *text, size_t bytes, uint32_t *id)
{
    const json_t *found = json_object_getn(p->vocab, text, bytes);
    if (found)
        *id = (uint32_t)json_integer_value(found);
    return found != NULL;
}

static int count_id(BpePacker *p, const json_t *value, const char *field, const char *text)
{
    json_int_t id = json_integer_value(value);
    if (!json_is_integer(value) || id < 0 || id >= MAX_ID)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: the id of '%s' is not a number below %d", p->path, field, text,
                         MAX_ID);
    if (id >= p->header.vocabulary)
        p->header.vocabulary = (uint32_t)id + 1;
    return SDC_OK;
}

static int count_vocabulary(BpePacker *p)
{
    const char *text;
    json_t *value;
    size_t i;
    json_object_foreach(p->vocab, text, value)
        if (count_id(p, value, "model: vocab", text))
            return SDC_BAD_INPUT;
    json_array_foreach(json_object_get(p->root, "added_tokens"), i, value) {
        text = json_string_value(json_object_get(value, "content"));
        if (!text || !*text)
            return sdc_error(SDC_BAD_INPUT, "%s: added_tokens: entry %zu has no content", p->path, i);
        if (count_id(p, json_object_get(value, "id"), "added_tokens", text))
            return SDC_BAD_INPUT;
    }
    return SDC_OK;
}

/* GPT-2 spells a byte that is a printable Latin-1 character as itself and the others, in order, as U+0100 on. */
static void spell_bytes(int32_t codes[256])
{
    int32_t others = 256;
    for (int32_t byte = 0; byte < 256; byte++) {
        bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        codes[byte] = printable ? byte : others++;
    }
}

static int pack_symbols(BpePacker *p)
{
    uint32_t symbols[256];
    int32_t codes[256];
    spell_bytes(codes);
    bool level = p->header.flags & BPE_BYTE_LEVEL;
    bool fallback = json_is_true(json_object_get(json_object_get(p->root, "model"), "byte_fallback"));
    for (int byte = 0; byte < 256; byte++) {
        char text[16];
        int n = level ? unicode_encode(codes[byte], text) : snprintf(text, sizeof text, "<0x%02X>", byte);
        symbols[byte] = BPE_NONE;
        if (level || fallback)
            find_id(p, text, (size_t)n, &symbols[byte]);
    }
    return bpe_append(p, symbols, sizeof symbols, true, &p->header.symbols);
}

/* The vocabulary's tokens of one character, hashed by it; half full at most. */
static int pack_characters(BpePacker *p)
{
    const char *text;
    json_t *value;
    int32_t code;
    uint32_t n = 0, bits = 1;
    json_object_foreach(p->vocab, text, value)
        n += unicode_decode(text, (int64_t)strlen(text), &code) == (int)strlen(text) && *text;
    while (n > 1u << (bits - 1))
        bits++;
    size_t slots = (size_t)1 << bits;
    BpeCharacter *table = malloc(slots * sizeof *table);
    if (!table)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
    memset(table, 0xff, slots * sizeof *table);
    json_object_foreach(p->vocab, text, value) {
        if (!*text || unicode_decode(text, (int64_t)strlen(text), &code) != (int)strlen(text))
            continue;
        size_t i = bpe_slot((uint32_t)code, 0, bits);
        while (table[i].code != BPE_NONE)
            i = (i + 1) & (slots - 1);
        table[i] = (BpeCharacter){(uint32_t)code, (uint32_t)json_integer_value(value)};
    }
    p->header.character_bits = bits;
    int code_ = bpe_append(p, table, slots * sizeof *table, true, &p->header.characters);
    free(table);
    return code_;
}

/* ---- merges ----------------------------------------------------------------------------------------------------- */

/* "left right" or ["left", "right"]. */
static int read_merge(BpePacker *p, const json_t *entry, uint32_t rank, BpeMerge *m)
{
    const char *left = json_string_value(json_is_array(entry) ? json_array_get(entry, 0) : entry);
    const char *right = json_string_value(json_array_get(entry, 1));
    size_t bytes = left ? strlen(left) : 0;
    if (left && !json_is_array(entry)) {
        const char *space = strchr(left, ' ');
        bytes = space ? (size_t)(space - left) : 0;
        right = space && !strchr(space + 1, ' ') ? space + 1 : NULL;
    }
    if (!left || !right || !bytes || !*right)
        return sdc_error(SDC_BAD_INPUT, "%s: model: merges: entry %u is not two tokens", p->path, rank);
    *m = (BpeMerge){.rank = p->ranked ? (uint32_t)json_integer_value(json_array_get(entry, 2)) : rank};
    char *whole = malloc(bytes + strlen(right) + 1);
    if (!whole)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
    memcpy(whole, left, bytes);
    strcpy(whole + bytes, right);
    bool known = find_id(p, left, bytes, &m->left) && find_id(p, right, strlen(right), &m->right) &&
                 find_id(p, whole, strlen(whole), &m->merged);
    free(whole);
    if (!known)
        return sdc_error(SDC_BAD_INPUT, "%s: model: merges: entry %u: a part, or the whole, is not in vocab", p->path,
                         rank);
    return SDC_OK;
}

/* Open addressing, three quarters full at most; of two entries for one pair the last counts. */
static int pack_merges(BpePacker *p)
{
    const json_t *merges = json_object_get(json_object_get(p->root, "model"), "merges");
    size_t n = json_array_size(merges), slots;
    uint32_t bits = 1;
    if (!json_is_array(merges) || n > MAX_ID)
        return sdc_error(SDC_BAD_INPUT, "%s: model: merges: not a list, or of more than %d entries", p->path, MAX_ID);
    while ((uint64_t)n * 4 > (uint64_t)3 << bits)
        bits++;
    slots = (size_t)1 << bits;
    BpeMerge *table = malloc(slots * sizeof *table);
    if (!table)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
    memset(table, 0xff, slots * sizeof *table);
    int code = SDC_OK;
    for (uint32_t k = 0; !code && k < n; k++) {
        BpeMerge m;
        if ((code = read_merge(p, json_array_get(merges, k), k, &m)) != SDC_OK)
            break;
        size_t i = bpe_slot(m.left, m.right, bits);
        while (table[i].left != BPE_NONE && (table[i].left != m.left || table[i].right != m.right))
            i = (i + 1) & (slots - 1);
        table[i] = m;
    }
    p->header.merge_bits = bits;
    if (!code)
        code = bpe_append(p, table, slots * sizeof *table, true, &p->header.merges);
    free(table);
    return code;
}

/* ---- added tokens ----------------------------------------------------------------------------------------------- */

static const char *sorted_base;     /* of by_text() */

static int by_text(const void *a, const void *b)
{
    const BpeAdded *x = a, *y = b;
    int order = memcmp(sorted_base + x->text, sorted_base + y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    return order ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* As it is looked for: a token to be found behind the normaliser has passed it. */
static int read_added(BpePacker *p, const TokenizerBpe *rules, const json_t *token, BpeAdded *a)
{
    static const struct { const char *key; uint32_t flag; } flags[] = {{"lstrip", BPE_STRIP_LEFT},
                                                                       {"rstrip", BPE_STRIP_RIGHT}};
    const char *content = json_string_value(json_object_get(token, "content"));
    *a = (BpeAdded){.id = (uint32_t)json_integer_value(json_object_get(token, "id"))};
    if (json_is_true(json_object_get(token, "single_word")))
        return sdc_error(SDC_UNSUPPORTED, "%s: added_tokens: '%s': single_word is not supported", p->path, content);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (json_is_true(json_object_get(token, flags[i].key)))
            a->flags |= flags[i].flag;
    char *normal = NULL;
    int64_t bytes = (int64_t)strlen(content);
    if (json_is_true(json_object_get(token, "normalized")))
        bytes = tokenizer_bpe_normalise(rules, content, bytes, &normal);
    if (bytes <= 0)
        return sdc_error(SDC_BAD_INPUT, "%s: added_tokens: '%s' is nothing behind the normalizer", p->path, content);
    a->bytes = (uint32_t)bytes;
    int code = bpe_append(p, normal ? normal : content, (size_t)bytes, false, &a->text);
    free(normal);
    return code;
}

static int pack_added(BpePacker *p)
{
    const json_t *tokens = json_object_get(p->root, "added_tokens");
    size_t n = json_array_size(tokens);
    BpeAdded *list[2] = {calloc(n + 1, sizeof **list), calloc(n + 1, sizeof **list)};
    int code = list[RAW] && list[NORMALISED] ? SDC_OK : sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
    for (size_t i = 0; !code && i < n; i++) {
        const json_t *token = json_array_get(tokens, i);
        int kind = json_is_true(json_object_get(token, "normalized")) ? NORMALISED : RAW;
        BpeHeader *base = (BpeHeader *)p->blob.at;      /* rules are read relative to it; it moves as the blob grows */
        *base = p->header;
        TokenizerBpe rules = {.header = base, .rules = p->rules};
        code = read_added(p, &rules, token, &list[kind][p->header.n_added[kind]++]);
    }
    for (int kind = RAW; !code && kind <= NORMALISED; kind++) {
        sorted_base = p->blob.at;
        qsort(list[kind], p->header.n_added[kind], sizeof **list, by_text);
        code = bpe_append(p, list[kind], p->header.n_added[kind] * sizeof **list, true, &p->header.added[kind]);
    }
    free(list[RAW]);
    free(list[NORMALISED]);
    return code;
}

/* ---- what tokens decode to -------------------------------------------------------------------------------------- */

/* Each character a byte where all are spellings of one; false where not. */
static bool unspell(const char *text, int64_t bytes, char *into, int64_t *n)
{
    static int32_t codes[256];
    if (!codes[0])
        spell_bytes(codes);
    int32_t code;
    *n = 0;
    for (int step; bytes > 0; text += step, bytes -= step) {
        step = unicode_decode(text, bytes, &code);
        int byte = 0;
        while (byte < 256 && codes[byte] != code)
            byte++;
        if (!step || byte == 256)
            return false;
        into[(*n)++] = (char)byte;
    }
    return true;
}

/* "<0x0A>": the byte; -1 for other texts. */
static int byte_token(const char *text)
{
    char *end;
    if (strlen(text) != 6 || strncmp(text, "<0x", 3) || text[5] != '>' || text[3] == '+' || text[3] == '-')
        return -1;
    long byte = strtol(text + 3, &end, 16);
    return end == text + 5 ? (int)byte : -1;
}

static int pack_text(BpePacker *p, const char *text, bool special, BpeText *into)
{
    BpeHeader *base = (BpeHeader *)p->blob.at;
    *base = p->header;
    base->n_rules = p->n_decoding;
    TokenizerBpe rules = {.header = base, .rules = p->decoding};
    char *shown;
    int64_t bytes = tokenizer_bpe_normalise(&rules, text, (int64_t)strlen(text), &shown);
    if (bytes < 0)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
    *into = (BpeText){.flags = BPE_PRESENT | (special ? BPE_SPECIAL : 0)};
    int byte = p->header.flags & BPE_BYTE_FALLBACK ? byte_token(text) : -1;
    char *unspelt = malloc((size_t)bytes + 1);
    int64_t n = 0;
    if (unspelt && p->header.flags & BPE_BYTE_LEVEL && unspell(shown, bytes, unspelt, &n)) {
        memcpy(shown, unspelt, (size_t)n);
        bytes = n;
    } else if (byte >= 0) {
        *shown = (char)byte;
        bytes = 1;
        into->flags |= BPE_BYTE;
    }
    into->bytes = (uint32_t)bytes;
    int code = unspelt ? bpe_append(p, shown, (size_t)bytes, false, &into->text)
                       : sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
    free(unspelt);
    free(shown);
    return code;
}

static int pack_texts(BpePacker *p)
{
    const char *text;
    json_t *value;
    size_t i;
    int code = SDC_OK;
    BpeText *texts = calloc((size_t)p->header.vocabulary + 1, sizeof *texts);
    if (!texts)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->path);
    json_object_foreach(p->vocab, text, value) {
        BpeText *t = &texts[json_integer_value(value)];
        if (t->flags)
            code = sdc_error(SDC_BAD_INPUT, "%s: model: vocab: '%s' has id %lld, which another token has too", p->path,
                             text, (long long)json_integer_value(value));
        if (code || (code = pack_text(p, text, false, t)) != SDC_OK)
            break;
    }
    json_array_foreach(json_object_get(p->root, "added_tokens"), i, value)
        if (!code)
            code = pack_text(p, json_string_value(json_object_get(value, "content")),
                             json_is_true(json_object_get(value, "special")),
                             &texts[json_integer_value(json_object_get(value, "id"))]);
    if (!code)
        code = bpe_append(p, texts, p->header.vocabulary * sizeof *texts, true, &p->header.texts);
    free(texts);
    return code;
}

/* ---- settings --------------------------------------------------------------------------------------------------- */

/* A token by its text, as a string or an object with content; BPE_NONE when there is none. */
static uint32_t token_id(const BpePacker *p, const json_t *token)
{
    const char *text = tokenizer_token_text(token);
    const json_t *added;
    size_t i;
    uint32_t id = BPE_NONE;
    if (!text || find_id(p, text, strlen(text), &id))
        return id;
    json_array_foreach(json_object_get(p->root, "added_tokens"), i, added)
        if (!strcmp(json_string_value(json_object_get(added, "content")), text))
            return (uint32_t)json_integer_value(json_object_get(added, "id"));
    return BPE_NONE;
}

static int check_model(BpePacker *p)
{
    static const char *const refused[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const json_t *model = json_object_get(p->root, "model"), *dropout = json_object_get(model, "dropout");
    const char *type = json_string_value(json_object_get(model, "type"));
    if (type && strcmp(type, "BPE"))
        return sdc_error(SDC_UNSUPPORTED, "%s: model: type: %s is not supported", p->path, type);
    p->vocab = json_object_get(model, "vocab");
    if (!json_is_object(p->vocab) || !json_object_size(p->vocab))
        return sdc_error(SDC_BAD_INPUT, "%s: model: vocab: not an object with tokens", p->path);
    for (int i = 0; i < 2; i++) {
        const char *affix = json_string_value(json_object_get(model, refused[i]));
        if (affix && *affix)
            return sdc_error(SDC_UNSUPPORTED, "%s: model: %s is not supported", p->path, refused[i]);
    }
    if (json_is_true(json_object_get(model, "ignore_merges")) || json_number_value(dropout) > 0)
        return sdc_error(SDC_UNSUPPORTED, "%s: model: ignore_merges and dropout are not supported", p->path);
    return SDC_OK;
}

static void read_settings(BpePacker *p)
{
    const json_t *model = json_object_get(p->root, "model");
    p->header.max_length = tokenizer_length_limit(json_object_get(p->config, "model_max_length"));
    p->header.unknown = token_id(p, json_object_get(model, "unk_token"));
    p->header.pad = token_id(p, json_object_get(p->config, "pad_token"));
    if (json_is_true(json_object_get(model, "fuse_unk")))
        p->header.flags |= BPE_FUSE_UNKNOWN;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static int pack_stages(BpePacker *p)
{
    int code;
    if ((code = bpe_pack_normaliser(p, json_object_get(p->root, "normalizer"))) ||
        (code = bpe_pack_pre_tokeniser(p, json_object_get(p->root, "pre_tokenizer"))) ||
        (code = bpe_pack_post_processor(p, json_object_get(p->root, "post_processor"))) ||
        (code = bpe_pack_decoder(p, json_object_get(p->root, "decoder"))))
        return code;
    BpeHeader *h = &p->header;
    if ((code = bpe_append(p, p->rules, h->n_rules * sizeof *p->rules, true, &h->rules)) ||
        (code = bpe_append(p, p->steps, h->n_steps * sizeof *p->steps, true, &h->steps)))
        return code;
    return bpe_append(p, p->items, h->n_items * sizeof *p->items, true, &h->items);
}

static int read_spiece(BpePacker *p)
{
    SdcFile file;
    int code = sdc_file_map(&file, p->path);
    if (code)
        return code;
    code = bpe_read_spiece(p->path, file.data, file.bytes, &p->root);
    sdc_file_unmap(&file);
    return code;
}

static int pack(BpePacker *p, const char *folder, const char *config)
{
    uint32_t zero;
    int code;
    memcpy(p->header.magic, BPE_MAGIC, sizeof p->header.magic);
    if ((code = p->ranked ? read_spiece(p) : tokenizer_read_json(p->path, true, JSON_ALLOW_NUL, &p->root)) ||
        (code = tokenizer_read_config(config, &p->config)) || (code = check_model(p)) ||
        (code = tokenizer_sides(folder, p->config, p->root, &p->header.pad_left)) ||
        (code = count_vocabulary(p)))
        return code;
    read_settings(p);
    if ((code = bpe_append(p, &p->header, sizeof p->header, true, &zero)) || (code = pack_stages(p)) ||
        (code = pack_symbols(p)) || (code = pack_characters(p)) || (code = pack_merges(p)) || (code = pack_added(p)) ||
        (code = pack_texts(p)))
        return code;
    p->header.bytes = (uint32_t)p->blob.bytes;
    memcpy(p->blob.at, &p->header, sizeof p->header);
    return SDC_OK;
}

int tokenizer_bpe_pack(const char *folder, void **blob, int64_t *bytes)
{
    char *path = NULL, *model = NULL, *config = NULL;
    *blob = NULL;
    if (asprintf(&path, "%s/tokenizer.json", folder) < 0 || asprintf(&model, "%s/tokenizer.model", folder) < 0 ||
        asprintf(&config, "%s/tokenizer_config.json", folder) < 0)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", folder);
    BpePacker *p = calloc(1, sizeof *p);
    int code = SDC_NO_SPACE;
    if (p) {
        p->ranked = access(path, F_OK) && !access(model, F_OK);
        p->path = p->ranked ? model : path;
        code = pack(p, folder, config);
    }
    if (!code) {
        *blob = p->blob.at;
        *bytes = (int64_t)p->blob.bytes;
    } else if (p) {
        free(p->blob.at);
    }
    if (p) {
        json_decref(p->root);
        json_decref(p->config);
    }
    free(p);
    free(path);
    free(model);
    free(config);
    return code;
}
