/* tokenizer_bpe.c: text to ids over a packed blob; the contract is in tokenizer_bpe.h. */
#include "tokenizer_common.h"

#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "unicode.h"

enum { RAW, NORMALISED };

typedef struct {
    const TokenizerBpe *t;
    BpeMerger merger;
    TokenText text;                 /* all normalised text so far */
    TokenList tokens;
} Encoder;

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static bool fits(const BpeHeader *h, uint32_t offset, uint64_t count, uint64_t size)
{
    return blob_has_table(h->bytes, sizeof *h, offset, count, size);
}

static bool header_is_sound(const BpeHeader *h, int64_t bytes)
{
    return !memcmp(h->magic, BPE_MAGIC, sizeof h->magic) && h->bytes == bytes && h->vocabulary < BPE_NONE &&
           h->n_prefix <= BPE_AFFIX && h->n_suffix <= BPE_AFFIX &&
           ids_are_known(h->prefix, h->n_prefix, h->vocabulary) &&
           ids_are_known(h->suffix, h->n_suffix, h->vocabulary) &&
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
        if (r->kind >= BPE_RULES || (r->kind == BPE_REPLACE && !r->from_bytes) ||
            !blob_has_text(h->bytes, r->from, r->from_bytes) || !blob_has_text(h->bytes, r->to, r->to_bytes))
            return false;
    }
    for (uint32_t i = 0; i < h->n_steps; i++) {
        const BpeStep *s = &t->steps[i];
        if (s->pattern >= BPE_PATTERNS || s->behaviour >= BPE_BEHAVIOURS || !s->count)
            return false;
        if (s->pattern == BPE_TEXT ? !blob_has_text(h->bytes, s->first, s->count)
                                   : s->first > h->n_items || s->count > h->n_items - s->first)
            return false;
    }
    for (int kind = RAW; kind <= NORMALISED; kind++)
        for (uint32_t i = 0; i < h->n_added[kind]; i++) {
            const BpeAdded *a = &t->added[kind][i];
            if (a->id >= h->vocabulary || !a->bytes || !blob_has_text(h->bytes, a->text, a->bytes))
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

static bool add_bytes(Encoder *e, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        uint32_t id = e->t->symbols[(unsigned char)e->text.at[i]];
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
        if (e->t->symbols[(unsigned char)e->text.at[begin]] == BPE_NONE)
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
        step = unicode_decode(e->text.at + begin, end - begin, &code);
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
    return done && token_list_add_piece(&e->tokens, &e->merger);
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
        bool found = find_match(e->t, s, e->text.at, begin, end, &at, &stop);
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

/* A stretch of the text between added tokens. */
static int add_stretch(Encoder *e, const char *text, int64_t bytes)
{
    char *normal;
    int64_t n = tokenizer_bpe_normalise(e->t, text, bytes, &normal);
    if (n < 0)
        return n == -1 ? SDC_BAD_INPUT : SDC_NO_SPACE;
    int64_t begin = e->text.bytes, at, stop;
    bool done = token_text_append(&e->text, normal, n);
    free(normal);
    while (done && begin < e->text.bytes) {
        const BpeAdded *a = find_added(e->t, NORMALISED, e->text.at, begin, e->text.bytes, &at, &stop);
        done = cut(e, 0, begin, at) && (!a || token_list_add(&e->tokens, a->id, at));
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
        if (a && (!token_list_add(&e->tokens, a->id, e->text.bytes) ||
                  !token_text_append(&e->text, text + at, stop - at)))
            return SDC_NO_SPACE;
    }
    return SDC_OK;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

int tokenizer_bpe_encode(const TokenizerBpe *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                         Tokens *out)
{
    if (tokens_begin(bytes, out))
        return SDC_BAD_INPUT;
    const BpeHeader *h = t->header;
    TokenFrame frame = {h->prefix, h->suffix, h->n_prefix, h->n_suffix, h->pad, h->pad_left, h->vocabulary};
    Encoder e = {.t = t, .merger = {.merges = t->merges, .bits = h->merge_bits}};
    int code = add_text(&e, text, bytes);
    bpe_free(&e.merger);
    return tokens_end(code, &e.text, &e.tokens, &frame, max_length, pad, out);
}
