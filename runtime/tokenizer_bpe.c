/* tokenizer_bpe.c: text to ids over a packed blob; the contract is in tokenizer_bpe.h.  Each token keeps where its text
 * starts in the normalised text, so that what was cut can be named. */
#include "tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "unicode.h"

enum { RAW, NORMALISED };

typedef struct {
    const TokenizerBpe *t;
    BpeMerger merger;
    char *text;                     /* all normalised text so far */
    int64_t bytes;
    uint32_t *ids;                  /* [tokens], and where each starts in text */
    int64_t *starts, tokens, room;
} Encoder;

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static bool fits(const BpeHeader *h, uint32_t offset, uint64_t count, uint64_t size)
{
    return offset % 4 == 0 && offset >= sizeof *h && offset <= h->bytes && count <= (h->bytes - offset) / size;
}

static bool ids_are_known(const BpeHeader *h, const uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; n <= BPE_AFFIX && i < n; i++)
        if (ids[i] >= h->vocabulary)
            return false;
    return n <= BPE_AFFIX;
}

static bool header_is_sound(const BpeHeader *h, int64_t bytes)
{
    return !memcmp(h->magic, BPE_MAGIC, sizeof h->magic) && h->bytes == bytes && h->vocabulary < BPE_NONE &&
           ids_are_known(h, h->prefix, h->n_prefix) && ids_are_known(h, h->suffix, h->n_suffix) &&
           (h->pad < h->vocabulary || h->pad == BPE_NONE) && h->merge_bits >= 1 && h->merge_bits <= 28 &&
           h->character_bits >= 1 && h->character_bits <= 28 && fits(h, h->symbols, 256, sizeof(uint32_t)) &&
           fits(h, h->characters, (uint64_t)1 << h->character_bits, sizeof(BpeCharacter)) &&
           fits(h, h->merges, (uint64_t)1 << h->merge_bits, sizeof(BpeMerge)) &&
           fits(h, h->added[RAW], h->n_added[RAW], sizeof(BpeAdded)) &&
           fits(h, h->added[NORMALISED], h->n_added[NORMALISED], sizeof(BpeAdded)) &&
           fits(h, h->texts, h->vocabulary, sizeof(BpeText)) && fits(h, h->rules, h->n_rules, sizeof(BpeRule)) &&
           fits(h, h->steps, h->n_steps, sizeof(BpeStep)) && fits(h, h->items, h->n_items, sizeof(BpeItem));
}

static bool rules_are_sound(const TokenizerBpe *t)
{
    const BpeHeader *h = t->header;
    for (uint32_t i = 0; i < h->n_rules; i++) {
        const BpeRule *r = &t->rules[i];
        if (r->kind >= BPE_RULES || !bpe_text_fits(h, r->from, r->from_bytes) || !bpe_text_fits(h, r->to, r->to_bytes) ||
            (r->kind == BPE_REPLACE && !r->from_bytes))
            return false;
    }
    for (uint32_t i = 0; i < h->n_steps; i++) {
        const BpeStep *s = &t->steps[i];
        if (s->pattern >= BPE_PATTERNS || s->behaviour >= BPE_BEHAVIOURS || !s->count)
            return false;
        if (s->pattern == BPE_TEXT ? !bpe_text_fits(h, s->first, s->count)
                                   : s->first > h->n_items || s->count > h->n_items - s->first)
            return false;
    }
    for (int kind = RAW; kind <= NORMALISED; kind++)
        for (uint32_t i = 0; i < h->n_added[kind]; i++) {
            const BpeAdded *a = &t->added[kind][i];
            if (a->id >= h->vocabulary || !a->bytes || !bpe_text_fits(h, a->text, a->bytes))
                return false;
        }
    return true;
}

int tokenizer_bpe_open(TokenizerBpe *t, const void *blob, int64_t bytes)
{
    const BpeHeader *h = blob;
    if (!blob || bytes < (int64_t)sizeof *h || (uintptr_t)blob % 4 || !header_is_sound(h, bytes))
        return SDC_BAD_INPUT;
    const char *base = blob;
    t->header = h;
    t->symbols = (const void *)(base + h->symbols);
    t->characters = (const void *)(base + h->characters);
    t->merges = (const void *)(base + h->merges);
    t->added[RAW] = (const void *)(base + h->added[RAW]);
    t->added[NORMALISED] = (const void *)(base + h->added[NORMALISED]);
    t->texts = (const void *)(base + h->texts);
    t->rules = (const void *)(base + h->rules);
    t->steps = (const void *)(base + h->steps);
    t->items = (const void *)(base + h->items);
    return rules_are_sound(t) ? SDC_OK : SDC_BAD_INPUT;
}

static uint32_t find_character(const TokenizerBpe *t, uint32_t code)
{
    uint32_t bits = t->header->character_bits, slots = 1u << bits, i = bpe_slot(code, 0, bits);
    for (uint32_t tried = 0; tried < slots; tried++, i = (i + 1) & (slots - 1))
        if (t->characters[i].code == code || t->characters[i].code == BPE_NONE)
            return t->characters[i].code == code ? t->characters[i].id : BPE_NONE;
    return BPE_NONE;
}

/* ---- pieces to tokens ------------------------------------------------------------------------------------------- */

static bool add_token(Encoder *e, uint32_t id, int64_t start)
{
    if (e->tokens == e->room) {
        int64_t room = 2 * e->room + 64;
        uint32_t *ids = realloc(e->ids, (size_t)room * sizeof *ids);
        if (ids)
            e->ids = ids;
        int64_t *starts = realloc(e->starts, (size_t)room * sizeof *starts);
        if (starts)
            e->starts = starts;
        if (!ids || !starts)
            return false;
        e->room = room;
    }
    e->ids[e->tokens] = id;
    e->starts[e->tokens++] = start;
    return true;
}

static bool add_bytes(Encoder *e, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        uint32_t id = e->t->symbols[(unsigned char)e->text[i]];
        if (id == BPE_NONE)
            id = e->t->header->unknown;
        if (id != BPE_NONE && !bpe_add(&e->merger, id, i))
            return false;
    }
    return true;
}

/* Are there ids for all bytes of text[begin, end)? */
static bool have_bytes(const Encoder *e, int64_t begin, int64_t end)
{
    for (; begin < end; begin++)
        if (e->t->symbols[(unsigned char)e->text[begin]] == BPE_NONE)
            return false;
    return true;
}

/* Characters that the vocabulary lacks are bytes where it has these, and else unknown; several of these one token where
 * the model says so.  An unknown token waits until a character is known, as in the original. */
static bool add_characters(Encoder *e, int64_t begin, int64_t end)
{
    const BpeHeader *h = e->t->header;
    int64_t waiting = -1;
    int step;
    for (; begin < end; begin += step) {
        int32_t code = 0;
        step = unicode_decode(e->text + begin, end - begin, &code);
        if (!step)
            return true;
        uint32_t id = find_character(e->t, (uint32_t)code);
        bool bytes = id == BPE_NONE && have_bytes(e, begin, begin + step);
        if (bytes && !add_bytes(e, begin, begin + step))
            return false;
        if (bytes || (id == BPE_NONE && h->unknown == BPE_NONE))
            continue;
        bool fused = id == BPE_NONE && h->flags & BPE_FUSE_UNKNOWN;
        if (waiting >= 0 && !fused && !bpe_add(&e->merger, h->unknown, waiting))
            return false;
        if (waiting < 0 || !fused)
            waiting = id == BPE_NONE ? begin : -1;
        if (id != BPE_NONE && !bpe_add(&e->merger, id, begin))
            return false;
    }
    return waiting < 0 || bpe_add(&e->merger, h->unknown, waiting);
}

static bool add_piece(Encoder *e, int64_t begin, int64_t end)
{
    bpe_begin(&e->merger);
    bool done = e->t->header->flags & BPE_BYTE_LEVEL ? add_bytes(e, begin, end) : add_characters(e, begin, end);
    if (!done || !bpe_merge(&e->merger))
        return false;
    const BpeSymbol *s = e->merger.symbols;
    for (int32_t i = e->merger.count ? 0 : BPE_NOWHERE; i != BPE_NOWHERE; i = s[i].next)
        if (!add_token(e, s[i].id, s[i].start))
            return false;
    return true;
}

static bool find_match(const TokenizerBpe *t, const BpeStep *s, const char *text, int64_t from, int64_t end,
                       int64_t *begin, int64_t *stop)
{
    if (s->pattern == BPE_REGEX)
        return tokenizer_regex_find(t->items + s->first, s->count, text, from, end, begin, stop);
    const char *at = memmem(text + from, (size_t)(end - from), (const char *)t->header + s->first, s->count);
    if (at) {
        *begin = at - text;
        *stop = *begin + s->count;
    }
    return at != NULL;
}

/* The piece [begin, end) by the steps from `step` on. */
static bool cut(Encoder *e, uint32_t step, int64_t begin, int64_t end)
{
    if (begin == end)
        return true;
    if (step == e->t->header->n_steps)
        return add_piece(e, begin, end);
    const BpeStep *s = &e->t->steps[step];
    int64_t held = begin, at, stop;             /* [held, begin) waits: what follows may be merged with it */
    bool was_match = false, done = true;
    while (done && begin < end) {
        bool found = find_match(e->t, s, e->text, begin, end, &at, &stop);
        if (!found)
            at = stop = end;
        if (at > begin) {                       /* the stretch in front of the match */
            done = cut(e, step + 1, held, begin);
            held = begin;
            begin = at;
            was_match = false;
        }
        if (!done || !found)
            break;
        if (s->behaviour != BPE_MERGED_WITH_PREVIOUS || was_match) {
            done = cut(e, step + 1, held, begin);
            held = s->behaviour == BPE_REMOVED ? stop : begin;
        }
        was_match = true;
        begin = stop;
    }
    return done && cut(e, step + 1, held, begin);
}

/* ---- added tokens ----------------------------------------------------------------------------------------------- */

/* The byte of a at depth; -1 behind its end. */
static int byte_at(const TokenizerBpe *t, const BpeAdded *a, uint32_t depth)
{
    return depth < a->bytes ? ((const unsigned char *)t->header)[a->text + depth] : -1;
}

/* The first of the sorted a[low, high) whose byte at depth is `byte` or more. */
static uint32_t bound(const TokenizerBpe *t, const BpeAdded *a, uint32_t low, uint32_t high, uint32_t depth, int byte)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (byte_at(t, &a[middle], depth) < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest added token that text begins with; NULL when there is none. */
static const BpeAdded *longest(const TokenizerBpe *t, int kind, const char *text, int64_t bytes)
{
    const BpeAdded *a = t->added[kind], *best = NULL;
    uint32_t low = 0, high = t->header->n_added[kind];
    for (uint32_t depth = 0; low < high && depth < bytes; depth++) {
        int byte = (unsigned char)text[depth];
        low = bound(t, a, low, high, depth, byte);
        high = bound(t, a, low, high, depth, byte + 1);
        if (low < high && a[low].bytes == depth + 1)
            best = &a[low];
    }
    return best;
}

/* The first added token in text[from, end): [*at, *stop) with the white space that it takes along. */
static const BpeAdded *find_added(const TokenizerBpe *t, int kind, const char *text, int64_t from, int64_t end,
                                  int64_t *at, int64_t *stop)
{
    const BpeAdded *a = NULL;
    for (*at = from; *at < end && !(a = longest(t, kind, text + *at, end - *at));)
        ++*at;
    *stop = a ? *at + a->bytes : end;
    int32_t code;
    for (int64_t before = *at; a && a->flags & BPE_STRIP_LEFT && *at > from; *at = before) {
        while (--before > from && (text[before] & 0xc0) == 0x80) {}
        if (!unicode_decode(text + before, *at - before, &code) || unicode_class(code) != UNICODE_SPACE)
            break;
    }
    for (int n; a && a->flags & BPE_STRIP_RIGHT && *stop < end; *stop += n) {
        n = unicode_decode(text + *stop, end - *stop, &code);
        if (!n || unicode_class(code) != UNICODE_SPACE)
            break;
    }
    return a;
}

int64_t tokenizer_bpe_added(const TokenizerBpe *t, const char *text)
{
    uint32_t bytes = (uint32_t)strlen(text);
    for (int kind = RAW; kind <= NORMALISED; kind++) {
        const BpeAdded *a = longest(t, kind, text, bytes);
        if (a && a->bytes == bytes)
            return a->id;
    }
    return -1;
}

static bool append_text(Encoder *e, const char *text, int64_t bytes)
{
    char *grown = realloc(e->text, (size_t)(e->bytes + bytes) + 1);
    if (!grown)
        return false;
    e->text = grown;
    memcpy(grown + e->bytes, text, (size_t)bytes);
    e->bytes += bytes;
    return true;
}

/* A stretch of the text between added tokens. */
static int add_stretch(Encoder *e, const char *text, int64_t bytes)
{
    char *normal;
    int64_t n = tokenizer_bpe_normalise(e->t, text, bytes, &normal);
    if (n < 0)
        return n == -1 ? SDC_BAD_INPUT : SDC_NO_SPACE;
    int64_t begin = e->bytes, at, stop;
    bool done = append_text(e, normal, n);
    free(normal);
    while (done && begin < e->bytes) {
        const BpeAdded *a = find_added(e->t, NORMALISED, e->text, begin, e->bytes, &at, &stop);
        done = cut(e, 0, begin, at) && (!a || add_token(e, a->id, at));
        begin = stop;
    }
    return done ? SDC_OK : SDC_NO_SPACE;
}

static int add_text(Encoder *e, const char *text, int64_t bytes)
{
    int64_t at, stop;
    for (int64_t begin = 0; begin < bytes; begin = stop) {
        const BpeAdded *a = find_added(e->t, RAW, text, begin, bytes, &at, &stop);
        int code = add_stretch(e, text + begin, at - begin);
        if (code)
            return code;
        if (a && (!add_token(e, a->id, e->bytes) || !append_text(e, text + at, stop - at)))
            return SDC_NO_SPACE;
    }
    return SDC_OK;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static int64_t put_ids(int64_t *to, const uint32_t *ids, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = ids[i];
    return n;
}

/* Write the prefix, as many tokens as fit, the suffix and padding to out. */
static int finish(const Encoder *e, int64_t max_length, bool pad, Tokens *out)
{
    const BpeHeader *h = e->t->header;
    int64_t around = (int64_t)h->n_prefix + h->n_suffix, kept = e->tokens;
    for (int64_t i = 0; i < e->tokens; i++)
        if (e->ids[i] >= h->vocabulary)
            return SDC_BAD_INPUT;
    out->tokens = e->tokens + around;
    if (max_length > 0 && out->tokens > max_length)
        kept = max_length > around ? max_length - around : 0;
    out->length = kept + around;
    int64_t room = pad && max_length > out->length && h->pad != BPE_NONE ? max_length : out->length;
    out->ids = malloc((size_t)room * sizeof *out->ids + 1);
    if (!out->ids)
        return SDC_NO_SPACE;
    int64_t n = put_ids(out->ids, h->prefix, h->n_prefix);
    n += put_ids(out->ids + n, e->ids, kept);
    n += put_ids(out->ids + n, h->suffix, h->n_suffix);
    while (n < room)
        out->ids[n++] = h->pad;
    out->length = room;
    if (kept < e->tokens) {
        int64_t start = e->starts[kept];
        out->cut = strndup(e->text + start, (size_t)(e->bytes - start));
        if (!out->cut)
            return SDC_NO_SPACE;
    }
    return SDC_OK;
}

int tokenizer_bpe_encode(const TokenizerBpe *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                         Tokens *out)
{
    *out = (Tokens){0};
    if (bytes > BPE_MAX_TEXT)
        return sdc_error(SDC_BAD_INPUT, "a prompt of %lld bytes; at most %d are read", (long long)bytes, BPE_MAX_TEXT);
    Encoder e = {.t = t, .merger = {.merges = t->merges, .bits = t->header->merge_bits}};
    int code = add_text(&e, text, bytes);
    const char *wrong = "the prompt is not valid UTF-8";
    if (!code) {
        code = finish(&e, max_length, pad, out);
        wrong = "the tokenizer in this file is damaged";
    }
    free(e.text);
    free(e.ids);
    free(e.starts);
    bpe_free(&e.merger);
    if (!code)
        return SDC_OK;
    tokens_free(out);
    return sdc_error(code, "%s", code == SDC_BAD_INPUT ? wrong : "out of memory while reading the prompt");
}
