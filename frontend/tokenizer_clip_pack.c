/* tokenizer_clip_pack.c: a CLIP tokenizer's files to the blob that an executable uses as it is (runtime/tokenizer.h).
 *
 *      vocab.json                 text of each token -> id; bytes are spelled as GPT-2 spells them
 *      merges.txt                 "left right" a line, best first
 *      tokenizer_config.json      model_max_length, special tokens, added_tokens_decoder
 *      special_tokens_map.json    special tokens; counts before the former
 *
 * The files are untrusted.  Which spelling of a special token counts when several files name it follows the loader of
 * Hugging Face's transformers. */
#define _GNU_SOURCE 1
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/fileio.h"
#include "../runtime/runtime.h"
#include "../runtime/tokenizer.h"
#include "../runtime/unicode.h"
#include "tokenizer_files.h"

enum { BOS, EOS, UNKNOWN, PAD, N_SPECIAL };
enum { MAX_ADDED = 4096, MAX_ID = 1 << 24, MAX_MERGES = 1 << 24 };
static const struct { const char *key, *otherwise; } specials[N_SPECIAL] = {
    [BOS] = {"bos_token", "<|startoftext|>"},
    [EOS] = {"eos_token", "<|endoftext|>"},
    [UNKNOWN] = {"unk_token", "<|endoftext|>"},
    [PAD] = {"pad_token", "<|endoftext|>"},
};

typedef struct {
    char *text;                     /* as it is looked for */
    const char *content;            /* as the files spell it */
    uint32_t id;
    bool normalized, first_seen;    /* first_seen: what `normalized` was where the token came up first */
    bool fixed;                     /* added_tokens_decoder has the last word */
} Added;

typedef struct {
    const char *folder;
    json_t *vocab, *config, *map;   /* config and map: NULL when the file is absent */
    uint32_t vocabulary, special[N_SPECIAL];
    uint32_t symbols[512];
    BpeMerge *merges;              /* in order of rank, then hashed into table */
    BpeMerge *table;
    uint32_t n_merges, merge_bits;
    Added *added;
    uint32_t n_added;
} Packer;

/* ---- files ------------------------------------------------------------------------------------------------------ */

static int path_of(const Packer *p, const char *name, char **path)
{
    if (asprintf(path, "%s/%s", p->folder, name) < 0)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    return SDC_OK;
}

/* An object in *into; NULL when a configuration is absent. */
static int read_json(const Packer *p, const char *name, bool config, json_t **into)
{
    char *path;
    int code = path_of(p, name, &path);
    if (code)
        return code;
    code = config ? tokenizer_read_config(path, into) : tokenizer_read_json(path, true, 0, into);
    free(path);
    return code;
}

/* ---- vocabulary ------------------------------------------------------------------------------------------------- */

static bool find_id(const Packer *p, const char *text, size_t bytes, uint32_t *id)
{
    const json_t *found = json_object_getn(p->vocab, text, bytes);
    if (found)
        *id = (uint32_t)json_integer_value(found);
    return found != NULL;
}

/* Every id must be a number that no other token has. */
static int check_vocabulary(Packer *p)
{
    const char *text;
    json_t *value;
    uint8_t *seen = calloc(MAX_ID / 8, 1);
    if (!seen)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    int code = SDC_OK;
    json_object_foreach(p->vocab, text, value) {
        json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || id >= MAX_ID)
            code = sdc_error(SDC_BAD_INPUT, "%s/vocab.json: the id of '%s' is not a number below %d", p->folder, text,
                             MAX_ID);
        else if (seen[id / 8] >> id % 8 & 1)
            code = sdc_error(SDC_BAD_INPUT, "%s/vocab.json: '%s' has id %lld, which another token has too", p->folder,
                             text, (long long)id);
        if (code)
            break;
        seen[id / 8] = (uint8_t)(seen[id / 8] | 1 << id % 8);
        if (id >= p->vocabulary)
            p->vocabulary = (uint32_t)id + 1;
    }
    free(seen);
    return code;
}

/* GPT-2 spells a byte that is a printable Latin-1 character as itself and the others, in order, as U+0100 on. */
static void find_symbols(Packer *p)
{
    int32_t others = 256;
    for (int32_t byte = 0; byte < 256; byte++) {
        bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        char text[16];
        int n = unicode_encode(printable ? byte : others++, text);
        p->symbols[byte] = p->symbols[256 + byte] = CLIP_NONE;
        find_id(p, text, (size_t)n, &p->symbols[byte]);
        memcpy(text + n, "</w>", 4);
        find_id(p, text, (size_t)n + 4, &p->symbols[256 + byte]);
    }
}

/* ---- merges ----------------------------------------------------------------------------------------------------- */

/* One line without its end; scratch holds as many bytes. */
static int read_merge(Packer *p, const char *line, size_t bytes, char *scratch, long long number)
{
    const char *space = memchr(line, ' ', bytes);
    size_t left = space ? (size_t)(space - line) : 0, right = space ? bytes - left - 1 : 0;
    if (!left || !right || memchr(space + 1, ' ', right))
        return sdc_error(SDC_BAD_INPUT, "%s/merges.txt: line %lld is not two tokens with a space between", p->folder,
                         number);
    memcpy(scratch, line, left);
    memcpy(scratch + left, space + 1, right);
    if (p->n_merges == MAX_MERGES)
        return sdc_error(SDC_UNSUPPORTED, "%s/merges.txt: more than %d merges", p->folder, MAX_MERGES);
    BpeMerge m = {.rank = p->n_merges};
    if (!find_id(p, line, left, &m.left) || !find_id(p, space + 1, right, &m.right) ||
        !find_id(p, scratch, left + right, &m.merged))
        return sdc_error(SDC_BAD_INPUT,
                         "%s/merges.txt: line %lld: a part of '%.*s', or the whole, is not in vocab.json",
                         p->folder, number, (int)(bytes < 200 ? bytes : 200), line);
    p->merges[p->n_merges++] = m;
    return SDC_OK;
}

static int read_merge_lines(Packer *p, const char *text, int64_t bytes)
{
    int64_t lines = 1;
    for (int64_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    p->merges = calloc((size_t)lines, sizeof *p->merges);
    char *scratch = malloc((size_t)bytes + 1);
    int code = p->merges && scratch ? SDC_OK : sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    const char *end = text + bytes;
    for (long long number = 1; !code && text < end; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        size_t kept = n && text[n - 1] == '\r' ? n - 1 : n;
        if (kept && !(number == 1 && kept >= 8 && !memcmp(text, "#version", 8)))
            code = read_merge(p, text, kept, scratch, number);
        text += n + 1;
    }
    free(scratch);
    return code;
}

static int read_merges(Packer *p)
{
    char *path;
    int code = path_of(p, "merges.txt", &path);
    if (code)
        return code;
    SdcFile file;
    if ((code = sdc_file_map(&file, path)) == SDC_OK) {
        code = read_merge_lines(p, (const char *)file.data, file.bytes);
        sdc_file_unmap(&file);
    }
    free(path);
    return code;
}

/* Open addressing, three quarters full at most: what bpe.c reads. */
static int hash_merges(Packer *p)
{
    for (p->merge_bits = 1; (uint64_t)p->n_merges * 4 > (uint64_t)3 << p->merge_bits;)
        p->merge_bits++;
    size_t slots = (size_t)1 << p->merge_bits;
    p->table = malloc(slots * sizeof *p->table);
    if (!p->table)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    memset(p->table, 0xff, slots * sizeof *p->table);
    for (uint32_t k = 0; k < p->n_merges; k++) {
        const BpeMerge *m = &p->merges[k];
        size_t i = bpe_slot(m->left, m->right, p->merge_bits);
        for (; p->table[i].left != CLIP_NONE; i = (i + 1) & (slots - 1))
            if (p->table[i].left == m->left && p->table[i].right == m->right)
                return sdc_error(SDC_BAD_INPUT, "%s/merges.txt: merge %u is the same as merge %u", p->folder, k + 1,
                                 p->table[i].rank + 1);
        p->table[i] = *m;
    }
    return SDC_OK;
}

/* ---- special and added tokens ----------------------------------------------------------------------------------- */

/* A token as the files spell it: a string, or an object with content and flags. */
static int token_content(const Packer *p, const json_t *token, const char *key, const char **content, bool *normalized)
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
static int add_token(Packer *p, const char *content, bool normalized, bool fixed, uint32_t id)
{
    for (uint32_t i = 0; i < p->n_added; i++) {
        Added *a = &p->added[i];
        if (!strcmp(a->content, content)) {
            if (!a->fixed && normalized != a->first_seen)
                a->normalized = normalized;
            return SDC_OK;
        }
    }
    if (p->n_added == MAX_ADDED)
        return sdc_error(SDC_UNSUPPORTED, "%s: more than %d added tokens", p->folder, MAX_ADDED);
    p->added[p->n_added++] = (Added){.content = content, .id = id, .normalized = normalized, .first_seen = normalized,
                                     .fixed = fixed};
    if (id >= p->vocabulary)
        p->vocabulary = id + 1;
    return SDC_OK;
}

/* tokenizer_config.json: "added_tokens_decoder": {"49406": {"content": "<|startoftext|>", ...}, ...} */
static int read_added_tokens(Packer *p)
{
    const char *key;
    json_t *token;
    json_object_foreach(json_object_get(p->config, "added_tokens_decoder"), key, token) {
        const char *content;
        bool normalized;
        int code = token_content(p, token, "added_tokens_decoder", &content, &normalized);
        if (code)
            return code;
        char *end;
        uint32_t known;
        unsigned long id = strtoul(key, &end, 10);
        if (*key < '0' || *key > '9' || *end || id >= MAX_ID)
            return sdc_error(SDC_BAD_INPUT, "%s/tokenizer_config.json: added_tokens_decoder: '%s' is not a token id",
                             p->folder, key);
        if (find_id(p, content, strlen(content), &known) && known != id)
            return sdc_error(SDC_BAD_INPUT, "%s/tokenizer_config.json: '%s' has id %lu, and %u in vocab.json",
                             p->folder, content, id, known);
        if ((code = add_token(p, content, normalized, true, (uint32_t)id)) != SDC_OK)
            return code;
    }
    return SDC_OK;
}

static int read_special(Packer *p, const char *key, const json_t *token, const char *otherwise, uint32_t *id)
{
    const char *content = otherwise;
    bool normalized = false;
    int code = token ? token_content(p, token, key, &content, &normalized) : SDC_OK;
    if (code)
        return code;
    bool known = find_id(p, content, strlen(content), id);
    for (uint32_t i = 0; !known && i < p->n_added; i++)
        if ((known = !strcmp(p->added[i].content, content)))
            *id = p->added[i].id;
    if (!known)
        return sdc_error(SDC_BAD_INPUT, "%s: %s is '%s', which vocab.json does not have", p->folder, key, content);
    return add_token(p, content, normalized, false, *id);
}

static const json_t *setting(const Packer *p, const char *key)
{
    const json_t *value = json_object_get(p->map, key);
    if (!value)
        value = json_object_get(p->config, key);
    return json_is_null(value) ? NULL : value;
}

static int read_specials(Packer *p)
{
    int code = read_added_tokens(p);
    for (int i = 0; !code && i < N_SPECIAL; i++)
        code = read_special(p, specials[i].key, setting(p, specials[i].key), specials[i].otherwise, &p->special[i]);
    const json_t *more = setting(p, "additional_special_tokens");
    for (size_t i = 0; !code && i < json_array_size(more); i++) {
        uint32_t id;
        code = read_special(p, "additional_special_tokens", json_array_get(more, i), "", &id);
    }
    for (uint32_t i = 0; !code && i < p->n_added; i++) {
        Added *a = &p->added[i];
        if (!a->normalized)
            a->text = strdup(a->content);
        else if (tokenizer_clip_normalise(a->content, (int64_t)strlen(a->content), &a->text) < 0)
            a->text = NULL;
        if (!a->text)
            code = sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    }
    return code;
}

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static int write_blob(const Packer *p, void **blob, int64_t *bytes)
{
    size_t table = ((size_t)1 << p->merge_bits) * sizeof(BpeMerge), texts = 0;
    for (uint32_t i = 0; i < p->n_added; i++)
        texts += strlen(p->added[i].text);
    if (texts > INT32_MAX)
        return sdc_error(SDC_UNSUPPORTED, "%s: added tokens of more than 2 GB", p->folder);
    ClipHeader h = {.magic = CLIP_MAGIC, .vocabulary = p->vocabulary, .bos = p->special[BOS], .eos = p->special[EOS],
                    .pad = p->special[PAD], .unknown = p->special[UNKNOWN],
                    .max_length = tokenizer_length_limit(json_object_get(p->config, "model_max_length")),
                    .symbols = sizeof h, .merge_bits = p->merge_bits, .n_added = p->n_added};
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
        const Added *a = &p->added[i];
        ClipAdded entry = {a->id, text, (uint32_t)strlen(a->text), a->normalized};
        memcpy(out + h.added + i * sizeof entry, &entry, sizeof entry);
        memcpy(out + text, a->text, entry.bytes);
        text += entry.bytes;
    }
    *blob = out;
    *bytes = h.bytes;
    return SDC_OK;
}

static int pack(Packer *p, void **blob, int64_t *bytes)
{
    int code;
    if ((code = read_json(p, "vocab.json", false, &p->vocab)) || (code = check_vocabulary(p)) ||
        (code = read_json(p, "tokenizer_config.json", true, &p->config)) ||
        (code = read_json(p, "special_tokens_map.json", true, &p->map)) || (code = read_merges(p)) ||
        (code = hash_merges(p)) || (code = read_specials(p)))
        return code;
    find_symbols(p);
    return write_blob(p, blob, bytes);
}

int tokenizer_clip_pack(const char *folder, void **blob, int64_t *bytes)
{
    Packer p = {.folder = folder, .added = calloc(MAX_ADDED, sizeof(Added))};
    *blob = NULL;
    int code = p.added ? pack(&p, blob, bytes) : sdc_error(SDC_NO_SPACE, "%s: out of memory", folder);
    for (uint32_t i = 0; i < p.n_added; i++)
        free(p.added[i].text);
    free(p.added);
    free(p.merges);
    free(p.table);
    json_decref(p.vocab);
    json_decref(p.config);
    json_decref(p.map);
    return code;
}
