/* tokenizer_clip.c: CLIP's byte-pair encoding over a packed blob; the contract is in tokenizer.h.
 *
 *      text -> cut at added tokens -> normalise -> cut at normalised added tokens -> pieces -> merges */
#include "tokenizer_common.h"

#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "unicode.h"

typedef struct {
    const TokenizerClip *t;
    TokenText text;                 /* all normalised text so far */
    TokenList tokens;
    BpeMerger merger;               /* of the current piece */
} Encoder;

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static bool fits(const ClipHeader *h, uint32_t offset, uint64_t count, uint64_t size)
{
    return blob_has_table(h->bytes, sizeof *h, offset, count, size);
}

static bool known_id(const ClipHeader *h, uint32_t id)
{
    return id < h->vocabulary;
}

static bool header_is_sound(const ClipHeader *h, int64_t bytes)
{
    return !memcmp(h->magic, CLIP_MAGIC, sizeof h->magic) && h->bytes == bytes && h->vocabulary < CLIP_NONE &&
           known_id(h, h->bos) && known_id(h, h->eos) && known_id(h, h->pad) && known_id(h, h->unknown) &&
           h->merge_bits >= 1 && h->merge_bits <= 28 && fits(h, h->symbols, 512, sizeof(uint32_t)) &&
           fits(h, h->merges, (uint64_t)1 << h->merge_bits, sizeof(BpeMerge)) &&
           fits(h, h->added, h->n_added, sizeof(ClipAdded));
}

static bool tables_are_sound(const TokenizerClip *t)
{
    const ClipHeader *h = t->header;
    for (int i = 0; i < 512; i++)
        if (t->symbols[i] != CLIP_NONE && !known_id(h, t->symbols[i]))
            return false;
    uint32_t empty = 0;             /* a look-up ends at an empty slot, so there must be one */
    for (uint32_t i = 0; i < 1u << h->merge_bits; i++) {
        const BpeMerge *m = &t->merges[i];
        if (m->left == CLIP_NONE)
            empty++;
        else if (!known_id(h, m->merged))
            return false;
    }
    for (uint32_t i = 0; i < h->n_added; i++) {
        const ClipAdded *a = &t->added[i];
        if (!known_id(h, a->id) || a->bytes == 0 || !blob_has_text(h->bytes, a->text, a->bytes))
            return false;
    }
    return empty > 0;
}

int tokenizer_clip_open(TokenizerClip *t, const void *blob, int64_t bytes)
{
    const ClipHeader *h = blob;
    if (!blob || bytes < (int64_t)sizeof *h || (uintptr_t)blob % 4 || !header_is_sound(h, bytes))
        return SDC_BAD_INPUT;
    const char *base = blob;
    t->header = h;
    t->symbols = (const void *)(base + h->symbols);
    t->merges = (const void *)(base + h->merges);
    t->added = (const void *)(base + h->added);
    return tables_are_sound(t) ? SDC_OK : SDC_BAD_INPUT;
}

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

static bool add_piece(Encoder *e, int64_t begin, int64_t end)
{
    bpe_begin(&e->merger);
    for (int64_t i = begin; i < end; i++) {
        uint32_t id = e->t->symbols[(unsigned char)e->text.at[i] + (i == end - 1 ? 256 : 0)];
        if (!bpe_add(&e->merger, id == CLIP_NONE ? e->t->header->unknown : id, i))
            return false;
    }
    return token_list_add_piece(&e->tokens, &e->merger);
}

/* ---- cutting the text ------------------------------------------------------------------------------------------- */

/* Bytes of the first of the patterns that text begins with; 0 when none does. */
static int64_t prefix(const char *text, int64_t bytes, const char *const *patterns)
{
    for (; *patterns; patterns++) {
        int64_t n = (int64_t)strlen(*patterns);
        if (n <= bytes && !memcmp(text, *patterns, (size_t)n))
            return n;
    }
    return 0;
}

/* Add the pieces of the normalised text [begin, end).  The names of the special tokens are pieces of the split's
 * regular expression by themselves, which the byte-level stage cuts again into brackets and word: it matters for
 * <|endoftext|> in capitals, which is no special token but becomes its name. */
static bool add_words(Encoder *e, int64_t begin, int64_t end)
{
    static const char *const names[] = {"<|startoftext|>", "<|endoftext|>", NULL};
    static const char *const contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d", NULL};
    while (begin < end) {
        const char *p = e->text.at + begin;
        int64_t bytes = end - begin, n = prefix(p, bytes, names);
        if (n) {
            if (!add_piece(e, begin, begin + 2) || !add_piece(e, begin + 2, begin + n - 2) ||
                !add_piece(e, begin + n - 2, begin + n))
                return false;
            begin += n;
            continue;
        }
        int32_t code = 0;
        int step = unicode_decode(p, bytes, &code);
        UnicodeClass class = unicode_class(code);
        n = prefix(p, bytes, contractions);
        if (!n)
            n = step;
        else
            class = UNICODE_NUMBER;             /* complete, like a digit */
        while (class != UNICODE_NUMBER && n < bytes) {
            step = unicode_decode(p + n, bytes - n, &code);
            if (unicode_class(code) != class)
                break;
            n += step;
        }
        if (class != UNICODE_SPACE && !add_piece(e, begin, begin + n))
            return false;
        begin += n;
    }
    return true;
}

/* The first added token in text, the longest among those at one place.  *at is where; bytes when there is none. */
static const ClipAdded *find_added(const TokenizerClip *t, const char *text, int64_t bytes, bool normalized,
                                   int64_t *at)
{
    const char *base = (const char *)t->header;
    for (*at = 0; *at < bytes; ++*at) {
        const ClipAdded *best = NULL;
        for (uint32_t i = 0; i < t->header->n_added; i++) {
            const ClipAdded *a = &t->added[i];
            if (a->normalized == normalized && a->bytes <= bytes - *at && (!best || a->bytes > best->bytes) &&
                !memcmp(text + *at, base + a->text, a->bytes))
                best = a;
        }
        if (best)
            return best;
    }
    return NULL;
}

/* A stretch of the text between added tokens. */
static int add_stretch(Encoder *e, const char *text, int64_t bytes)
{
    char *normal;
    int64_t n = tokenizer_clip_normalise(text, bytes, &normal);
    if (n < 0)
        return n == -1 ? SDC_BAD_INPUT : SDC_NO_SPACE;
    int64_t begin = e->text.bytes;
    bool done = token_text_append(&e->text, normal, n);
    free(normal);
    while (done && begin < e->text.bytes) {
        int64_t at;
        const ClipAdded *a = find_added(e->t, e->text.at + begin, e->text.bytes - begin, true, &at);
        done = add_words(e, begin, begin + at) && (!a || token_list_add(&e->tokens, a->id, begin + at));
        begin += at + (a ? a->bytes : 0);
    }
    return done ? SDC_OK : SDC_NO_SPACE;
}

static int add_text(Encoder *e, const char *text, int64_t bytes)
{
    for (int64_t begin = 0; begin < bytes;) {
        int64_t at;
        const ClipAdded *a = find_added(e->t, text + begin, bytes - begin, false, &at);
        int code = add_stretch(e, text + begin, at);
        begin += at;
        if (code)
            return code;
        if (!a)
            break;
        if (!token_list_add(&e->tokens, a->id, e->text.bytes) || !token_text_append(&e->text, text + begin, a->bytes))
            return SDC_NO_SPACE;
        begin += a->bytes;
    }
    return SDC_OK;
}

int64_t tokenizer_clip_normalise(const char *text, int64_t bytes, char **normal)
{
    int32_t *codes;
    int64_t n = unicode_nfc(text, bytes, &codes);
    if (n < 0)
        return n;
    *normal = malloc((size_t)n * 8 + 1);        /* a code point is lowered to two at most, of four bytes each */
    int64_t size = *normal ? 0 : -2;
    bool space = false;
    for (int64_t i = 0; *normal && i < n; i++) {
        bool was_space = space;
        space = unicode_class(codes[i]) == UNICODE_SPACE;
        if (space && was_space)
            continue;
        int32_t lower[2] = {' ', 0};
        int count = space ? 1 : unicode_lower(codes[i], lower);
        for (int k = 0; k < count; k++)
            size += unicode_encode(lower[k], *normal + size);
    }
    if (size >= 0)
        (*normal)[size] = 0;
    free(codes);
    return size;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

int tokenizer_clip_encode(const TokenizerClip *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                          Tokens *out)
{
    if (tokens_begin(bytes, out))
        return SDC_BAD_INPUT;
    const ClipHeader *h = t->header;
    TokenFrame frame = {&h->bos, &h->eos, 1, 1, h->pad, h->pad_left, h->vocabulary};
    Encoder e = {.t = t, .merger = {.merges = t->merges, .bits = h->merge_bits}};
    int code = add_text(&e, text, bytes);
    bpe_free(&e.merger);
    return tokens_end(code, &e.text, &e.tokens, &frame, max_length, pad, out);
}
