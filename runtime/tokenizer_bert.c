/* tokenizer_bert.c: BERT's word pieces over a packed blob; the contract is in tokenizer_bert.h. */
#include "tokenizer_common.h"

#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "unicode.h"

enum { WORD_CHARACTERS = 100, WORD_BYTES = 4 * WORD_CHARACTERS };

typedef struct {
    const TokenizerBert *t;
    TokenText text;                 /* all normalised text so far */
    int64_t word;                   /* where the current word starts in it, and its characters */
    int64_t characters;
    TokenList tokens;
} Encoder;

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static bool table_fits(const BertHeader *h, uint32_t offset, uint64_t count)
{
    return blob_has_table(h->bytes, sizeof *h, offset, count, sizeof(BertWord));
}

static bool header_is_sound(const BertHeader *h, int64_t bytes)
{
    return !memcmp(h->magic, BERT_MAGIC, sizeof h->magic) && h->bytes == bytes && h->vocabulary < BERT_NONE &&
           h->first < h->vocabulary && h->last < h->vocabulary && h->pad < h->vocabulary &&
           h->unknown < h->vocabulary && h->word_bits >= 1 && h->word_bits <= 28 &&
           table_fits(h, h->words, (uint64_t)1 << h->word_bits) && table_fits(h, h->special, h->n_special);
}

static bool word_is_sound(const BertHeader *h, const BertWord *w)
{
    return w->id < h->vocabulary && w->bytes > 0 && blob_has_text(h->bytes, w->text, w->bytes);
}

static bool tables_are_sound(const TokenizerBert *t)
{
    const BertHeader *h = t->header;
    uint32_t empty = 0;             /* a look-up ends at an empty slot, so there must be one */
    for (uint32_t i = 0; i < 1u << h->word_bits; i++) {
        if (t->words[i].id == BERT_NONE)
            empty++;
        else if (!word_is_sound(h, &t->words[i]))
            return false;
    }
    for (uint32_t i = 0; i < h->n_special; i++)
        if (!word_is_sound(h, &t->special[i]))
            return false;
    return empty > 0;
}

int tokenizer_bert_open(TokenizerBert *t, const void *blob, int64_t bytes)
{
    const BertHeader *h = blob;
    if (!blob || bytes < (int64_t)sizeof *h || (uintptr_t)blob % 4 || !header_is_sound(h, bytes))
        return SDC_BAD_INPUT;
    t->header = h;
    t->words = (const void *)((const char *)blob + h->words);
    t->special = (const void *)((const char *)blob + h->special);
    return tables_are_sound(t) ? SDC_OK : SDC_BAD_INPUT;
}

static bool is_word(const TokenizerBert *t, const BertWord *w, const char *text, int64_t bytes)
{
    return w->bytes <= bytes && !memcmp((const char *)t->header + w->text, text, w->bytes);
}

static const BertWord *find_word(const TokenizerBert *t, const char *text, uint32_t bytes)
{
    uint32_t mask = (1u << t->header->word_bits) - 1;
    for (uint32_t i = bert_slot(text, bytes, t->header->word_bits);; i = (i + 1) & mask) {
        const BertWord *w = &t->words[i];
        if (w->id == BERT_NONE)
            return NULL;
        if (w->bytes == bytes && is_word(t, w, text, bytes))
            return w;
    }
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

/* The longest word of the vocabulary at `start` of the current word; *end: behind it. */
static const BertWord *longest_piece(const Encoder *e, int64_t start, int64_t *end)
{
    char piece[2 + WORD_BYTES] = "##";
    uint32_t mark = start > e->word ? 2 : 0;
    memcpy(piece + mark, e->text.at + start, (size_t)(e->text.bytes - start));
    for (*end = e->text.bytes; *end > start;) {
        const BertWord *w = find_word(e->t, piece, mark + (uint32_t)(*end - start));
        if (w)
            return w;
        do
            --*end;
        while (*end > start && ((unsigned char)e->text.at[*end] & 0xc0) == 0x80);
    }
    return NULL;
}

/* The current word becomes tokens, or one [UNK]; the next one starts behind it. */
static bool end_word(Encoder *e)
{
    int64_t before = e->tokens.count, end;
    bool known = e->characters <= WORD_CHARACTERS, room = true;
    for (int64_t start = e->word; known && room && start < e->text.bytes; start = end) {
        const BertWord *w = longest_piece(e, start, &end);
        known = w != NULL;
        room = !known || token_list_add(&e->tokens, w->id, start);
    }
    if (!known) {
        e->tokens.count = before;
        room = token_list_add(&e->tokens, e->t->header->unknown, e->word);
    }
    e->word = e->text.bytes;
    e->characters = 0;
    return room;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static bool put(Encoder *e, int32_t code)
{
    char utf8[4];
    if (!token_text_append(&e->text, utf8, unicode_encode(code, utf8)))
        return false;
    e->characters++;
    return true;
}

static bool put_space(Encoder *e)
{
    if (!end_word(e) || !put(e, ' '))
        return false;
    e->word = e->text.bytes;
    e->characters = 0;
    return true;
}

static bool is_chinese(int32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x2f800 && c <= 0x2fa1f);
}

static bool is_punctuation(int32_t c)
{
    bool ascii = (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    return ascii || unicode_is_punctuation(c);
}

static bool add_code(Encoder *e, int32_t code)
{
    uint32_t flags = e->t->header->flags;
    bool space = code == '\t' || code == '\n' || code == '\r';
    if (!space && (code == 0 || code == 0xfffd || unicode_is_control(code)))
        return true;
    if (space || unicode_class(code) == UNICODE_SPACE)
        return put_space(e);
    if (flags & BERT_STRIP_ACCENTS && unicode_is_mark(code))
        return true;
    int32_t lower[2] = {code};
    int n = flags & BERT_LOWER ? unicode_lower(code, lower) : 1;
    for (int i = 0; i < n; i++) {
        bool alone = is_punctuation(lower[i]) || (flags & BERT_CHINESE && is_chinese(lower[i]));
        if ((alone && !end_word(e)) || !put(e, lower[i]) || (alone && !end_word(e)))
            return false;
    }
    return true;
}

/* Text without special tokens. */
static int add_plain(Encoder *e, const char *text, int64_t bytes)
{
    int32_t *codes = NULL, code;
    bool room = true;
    if (e->t->header->flags & BERT_STRIP_ACCENTS) {
        int64_t n = unicode_nfd(text, bytes, &codes);
        for (int64_t i = 0; room && i < n; i++)
            room = add_code(e, codes[i]);
        free(codes);
        if (n < 0)
            return n == -1 ? SDC_BAD_INPUT : SDC_NO_SPACE;
    } else {
        for (int64_t i = 0, n; room && i < bytes; i += n) {
            if (!(n = unicode_decode(text + i, bytes - i, &code)))
                return SDC_BAD_INPUT;
            room = add_code(e, code);
        }
    }
    return room && end_word(e) ? SDC_OK : SDC_NO_SPACE;
}

/* The longest special token at text; NULL when there is none. */
static const BertWord *special_at(const TokenizerBert *t, const char *text, int64_t bytes)
{
    const BertWord *best = NULL;
    for (uint32_t i = 0; i < t->header->n_special; i++)
        if (is_word(t, &t->special[i], text, bytes) && (!best || t->special[i].bytes > best->bytes))
            best = &t->special[i];
    return best;
}

static int add_special(Encoder *e, const BertWord *w)
{
    int64_t start = e->text.bytes;
    for (uint32_t i = 0; i < w->bytes;) {
        int32_t code;
        int n = unicode_decode((const char *)e->t->header + w->text + i, w->bytes - i, &code);
        if (!n)
            return SDC_BAD_INPUT;
        if (!put(e, code))
            return SDC_NO_SPACE;
        i += (uint32_t)n;
    }
    e->word = e->text.bytes;
    e->characters = 0;
    return token_list_add(&e->tokens, w->id, start) ? SDC_OK : SDC_NO_SPACE;
}

static int add_text(Encoder *e, const char *text, int64_t bytes)
{
    int64_t begin = 0;
    int code = SDC_OK;
    for (int64_t i = 0; !code && i < bytes;) {
        const BertWord *w = special_at(e->t, text + i, bytes - i);
        if (!w) {
            i++;
            continue;
        }
        if (!(code = add_plain(e, text + begin, i - begin)))
            code = add_special(e, w);
        begin = i += w->bytes;
    }
    return code ? code : add_plain(e, text + begin, bytes - begin);
}

int tokenizer_bert_encode(const TokenizerBert *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                          Tokens *out)
{
    if (tokens_begin(bytes, out))
        return SDC_BAD_INPUT;
    const BertHeader *h = t->header;
    TokenFrame frame = {&h->first, &h->last, 1, 1, h->pad, h->pad_left, h->vocabulary};
    Encoder e = {.t = t};
    int code = add_text(&e, text, bytes);
    return tokens_end(code, &e.text, &e.tokens, &frame, max_length, pad, out);
}
