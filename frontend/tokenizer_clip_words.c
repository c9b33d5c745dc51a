/* tokenizer_clip_words.c: the vocabulary and the merges of a CLIP tokenizer, in tokenizer.json or in vocab.json and
 * merges.txt; see tokenizer_clip_pack.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../ir/sdc.h"
#include "../runtime/fileio.h"
#include "../runtime/runtime.h"
#include "../runtime/unicode.h"
#include "tokenizer_clip_pack.h"
#include "tokenizer_files.h"
#include "tokenizer_settings.h"

enum { MAX_MERGES = 1 << 24 };

/* ---- what tokenizer_clip.c does ---------------------------------------------------------------------------------- */

/* transformers' CLIPTokenizer splits by the first of the regular expressions, whichever of them the file has. */
#define PIECES "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"
#define NORMALISER "normalizer.normalizers"
#define SPLIT "pre_tokenizer.pretokenizers.0"
#define LEVEL "pre_tokenizer.pretokenizers.1"

static const TokenizerSetting settings[] = {
    {"model.type", "BPE"}, {"model.type", NULL},
    {"model.vocab", tokenizer_any}, {"model.merges", tokenizer_any}, {"model.unk_token", tokenizer_any},
    {"model.continuing_subword_prefix", ""}, {"model.continuing_subword_prefix", NULL},
    {"model.end_of_word_suffix", "</w>"},
    {"normalizer.type", "Sequence"},
    {NORMALISER ".0.type", "NFC"},
    {NORMALISER ".1.type", "Replace"}, {NORMALISER ".1.pattern.Regex", "\\s+"}, {NORMALISER ".1.content", " "},
    {NORMALISER ".2.type", "Lowercase"},
    {"pre_tokenizer.type", "Sequence"},
    {SPLIT ".type", "Split"}, {SPLIT ".behavior", "Removed"}, {SPLIT ".invert", "true"},
    {SPLIT ".pattern.Regex", "<\\|startoftext\\|>|<\\|endoftext\\|>|" PIECES}, {SPLIT ".pattern.Regex", PIECES},
    {LEVEL ".type", "ByteLevel"}, {LEVEL ".trim_offsets", tokenizer_any},
    {LEVEL ".use_regex", "true"}, {LEVEL ".use_regex", NULL},
};

static int check_settings(const char *path, const json_t *root)
{
    return tokenizer_check_settings(path, "CLIP", root, settings, sizeof settings / sizeof *settings);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* What the vocabulary is in, and p->vocab. */
static int open_words(ClipPacker *p)
{
    const char *json = text_format("%s/tokenizer.json", p->folder);
    const char *vocab = text_format("%s/vocab.json", p->folder), *merges = text_format("%s/merges.txt", p->folder);
    bool together = !access(json, F_OK);
    p->words_file = together ? "tokenizer.json" : "vocab.json";
    p->words_at = together ? text_format("%s: model.vocab", json) : vocab;
    p->merges_at = together ? text_format("%s: model.merges", json) : merges;
    p->merge = together ? "entry" : "line";
    if (!together)
        return tokenizer_read_json(vocab, true, 0, &p->vocab);
    int code = tokenizer_read_json(json, true, 0, &p->root);
    if (code)
        return code;
    p->vocab = json_incref(json_object_get(json_object_get(p->root, "model"), "vocab"));
    if (!json_is_object(p->vocab))
        return sdc_error(SDC_BAD_INPUT, "%s: not an object with tokens", p->words_at);
    return check_settings(json, p->root);
}

/* ---- vocabulary ------------------------------------------------------------------------------------------------- */

bool clip_find_id(const ClipPacker *p, const char *text, size_t bytes, uint32_t *id)
{
    const json_t *found = json_object_getn(p->vocab, text, bytes);
    if (found)
        *id = (uint32_t)json_integer_value(found);
    return found != NULL;
}

/* Every id must be a number that no other token has. */
static int check_vocabulary(ClipPacker *p)
{
    const char *text;
    json_t *value;
    uint8_t *seen = calloc(CLIP_MAX_ID / 8, 1);
    if (!seen)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    int code = SDC_OK;
    json_object_foreach(p->vocab, text, value) {
        json_int_t id = json_integer_value(value);
        if (!json_is_integer(value) || id < 0 || id >= CLIP_MAX_ID)
            code = sdc_error(SDC_BAD_INPUT, "%s: the id of '%s' is not a number below %d", p->words_at, text,
                             CLIP_MAX_ID);
        else if (seen[id / 8] >> id % 8 & 1)
            code = sdc_error(SDC_BAD_INPUT, "%s: '%s' has id %lld, which another token has too", p->words_at, text,
                             (long long)id);
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
static void find_symbols(ClipPacker *p)
{
    int32_t others = 256;
    for (int32_t byte = 0; byte < 256; byte++) {
        bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        char text[16];
        int n = unicode_encode(printable ? byte : others++, text);
        p->symbols[byte] = p->symbols[256 + byte] = CLIP_NONE;
        clip_find_id(p, text, (size_t)n, &p->symbols[byte]);
        memcpy(text + n, "</w>", 4);
        clip_find_id(p, text, (size_t)n + 4, &p->symbols[256 + byte]);
    }
}

/* ---- merges ----------------------------------------------------------------------------------------------------- */

typedef struct { const char *left, *right; size_t left_bytes, right_bytes; } Pair;

/* "left right"; right is NULL where it is not that. */
static Pair split_pair(const char *text, size_t bytes)
{
    const char *space = memchr(text, ' ', bytes);
    size_t left = space ? (size_t)(space - text) : 0, right = space ? bytes - left - 1 : 0;
    bool good = left && right && !memchr(space + 1, ' ', right);
    return (Pair){text, good ? space + 1 : NULL, left, right};
}

static int add_merge(ClipPacker *p, const Pair *pair, long long number)
{
    enum { SHOWN = 100 };
    size_t left = pair->left_bytes, right = pair->right_bytes;
    if (!pair->right)
        return sdc_error(SDC_BAD_INPUT, "%s: %s %lld is not two tokens with a space between", p->merges_at, p->merge,
                         number);
    if (p->n_merges == MAX_MERGES)
        return sdc_error(SDC_UNSUPPORTED, "%s: more than %d merges", p->merges_at, MAX_MERGES);
    char *whole = malloc(left + right);
    if (!whole)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    memcpy(whole, pair->left, left);
    memcpy(whole + left, pair->right, right);
    BpeMerge m = {.rank = p->n_merges};
    bool known = clip_find_id(p, pair->left, left, &m.left) && clip_find_id(p, pair->right, right, &m.right) &&
                 clip_find_id(p, whole, left + right, &m.merged);
    free(whole);
    if (!known)
        return sdc_error(SDC_BAD_INPUT, "%s: %s %lld: a part of '%.*s %.*s', or the whole, is not in %s", p->merges_at,
                         p->merge, number, (int)(left < SHOWN ? left : SHOWN), pair->left,
                         (int)(right < SHOWN ? right : SHOWN), pair->right, p->words_file);
    p->merges[p->n_merges++] = m;
    return SDC_OK;
}

static int make_room(ClipPacker *p, size_t merges)
{
    p->merges = calloc(merges + 1, sizeof *p->merges);
    return p->merges ? SDC_OK : sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
}

static int read_merge_lines(ClipPacker *p, const char *text, int64_t bytes)
{
    size_t lines = 1;
    for (int64_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    int code = make_room(p, lines);
    const char *end = text + bytes;
    for (long long number = 1; !code && text < end; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        size_t kept = n && text[n - 1] == '\r' ? n - 1 : n;
        if (kept && !(number == 1 && kept >= 8 && !memcmp(text, "#version", 8))) {
            Pair pair = split_pair(text, kept);
            code = add_merge(p, &pair, number);
        }
        text += n + 1;
    }
    return code;
}

/* "left right" each, or, as newer files have it, ["left", "right"]. */
static int read_merge_list(ClipPacker *p, const json_t *list)
{
    if (!json_is_array(list))
        return sdc_error(SDC_BAD_INPUT, "%s: not a list", p->merges_at);
    int code = make_room(p, json_array_size(list));
    for (size_t k = 0; !code && k < json_array_size(list); k++) {
        const json_t *entry = json_array_get(list, k);
        const json_t *left = json_array_get(entry, 0), *right = json_array_get(entry, 1);
        Pair pair = {0};
        if (json_is_string(entry))
            pair = split_pair(json_string_value(entry), json_string_length(entry));
        else if (json_array_size(entry) == 2 && json_string_length(left) && json_string_length(right))
            pair = (Pair){json_string_value(left), json_string_value(right), json_string_length(left),
                          json_string_length(right)};
        code = add_merge(p, &pair, (long long)k);
    }
    return code;
}

static int read_merges(ClipPacker *p)
{
    if (p->root)
        return read_merge_list(p, json_object_get(json_object_get(p->root, "model"), "merges"));
    SdcFile file;
    int code = sdc_file_map(&file, p->merges_at);
    if (code)
        return code;
    code = read_merge_lines(p, (const char *)file.data, file.bytes);
    sdc_file_unmap(&file);
    return code;
}

/* Open addressing, three quarters full at most: what bpe.c reads. */
static int hash_merges(ClipPacker *p)
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
                return sdc_error(SDC_BAD_INPUT, "%s: merge %u is the same as merge %u", p->merges_at, k + 1,
                                 p->table[i].rank + 1);
        p->table[i] = *m;
    }
    return SDC_OK;
}

/* ---- is all there? ---------------------------------------------------------------------------------------------- */

/* Every token but bytes and added ones is what a merge makes.  A list of merges that was cut short would otherwise do,
 * and texts become other tokens than the model was trained with. */
int clip_check_made(const ClipPacker *p)
{
    uint8_t *made = calloc(p->vocabulary, 1);
    if (!made)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
    for (uint32_t k = 0; k < p->n_merges; k++)
        made[p->merges[k].merged] = 1;
    for (uint32_t k = 0; k < p->n_added; k++)
        made[p->added[k].id] = 1;
    for (int k = 0; k < 512; k++)
        if (p->symbols[k] != CLIP_NONE)
            made[p->symbols[k]] = 1;
    const char *text, *first = NULL;
    json_t *value;
    size_t missing = 0;
    json_object_foreach(p->vocab, text, value) {
        if (made[json_integer_value(value)])
            continue;
        first = first ? first : text;
        missing++;
    }
    free(made);
    if (!missing)
        return SDC_OK;
    return sdc_error(SDC_BAD_INPUT, "%s: %u merges, of which none makes '%.100s' of %s (tokens like it: %zu); the "
                     "list is cut short: copy the file again from where the model comes from", p->merges_at,
                     p->n_merges, first, p->words_file, missing);
}

int clip_read_words(ClipPacker *p)
{
    int code;
    if ((code = open_words(p)) || (code = check_vocabulary(p)) || (code = read_merges(p)) || (code = hash_merges(p)))
        return code;
    find_symbols(p);
    return SDC_OK;
}
