/* tokenizer_unigram_normal.c: the normaliser's rules, one after the other; see tokenizer_unigram.h. */
#include "tokenizer_unigram.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "unicode.h"

static const char *at_offset(const UnigramHeader *h, uint32_t offset)
{
    return (const char *)h + offset;
}

/* ---- SentencePiece's map of characters -------------------------------------------------------------------------- */

static uint32_t unit_of(const uint8_t *units, uint32_t k)
{
    uint32_t unit;
    memcpy(&unit, units + 4 * (size_t)k, 4);
    return unit;
}

/* Where a unit's children begin, relative to it by exclusive or; the format is that of the library Darts-clone. */
static uint32_t unit_offset(uint32_t unit)
{
    return unit >> 10 << ((unit & 1u << 9) >> 6);
}

/* What the shortest prefix of text that the map knows becomes; false when it knows none. */
static bool look_up(const UnigramHeader *h, const UnigramRule *r, const char *text, int64_t bytes, const char **to,
                    int64_t *to_bytes)
{
    const uint8_t *units = (const uint8_t *)at_offset(h, r->from);
    const char *texts = (const char *)units + 4 * (size_t)r->units;
    size_t room = r->from_bytes - 4 * (size_t)r->units;
    uint32_t node = unit_offset(unit_of(units, 0));
    for (int64_t i = 0; i < bytes && text[i]; i++) {
        node ^= (uint8_t)text[i];
        if (node >= r->units)
            return false;
        uint32_t unit = unit_of(units, node);
        if ((unit & (1u << 31 | 0xff)) != (uint8_t)text[i])
            return false;
        node ^= unit_offset(unit);
        if (!(unit >> 8 & 1))
            continue;
        uint32_t start = node < r->units ? unit_of(units, node) & ~(1u << 31) : UINT32_MAX;
        if (start >= room)
            return false;
        *to = texts + start;
        *to_bytes = (int64_t)strnlen(*to, room - start);
        return true;
    }
    return false;
}

/* Bytes of the extended grapheme cluster at text. */
static int64_t cluster(const char *text, int64_t bytes)
{
    int32_t code, next, state = 0;
    int64_t n = unigram_character(text, bytes, &code);
    while (n < bytes) {
        int step = unigram_character(text + n, bytes - n, &next);
        if (code < 0 || next < 0 || utf8proc_grapheme_break_stateful(code, next, &state))
            break;
        code = next;
        n += step;
    }
    return n;
}

/* As the library `tokenizers` does it: a short cluster becomes what its shortest known prefix does, other clusters
 * character by character. */
static bool apply_precompiled(const UnigramHeader *h, const UnigramRule *r, const TokenText *in, TokenText *out)
{
    enum { SHORT = 6 };
    const char *to;
    int64_t n, to_bytes, end;
    for (int64_t i = 0; i < in->bytes; i = end) {
        n = cluster(in->at + i, in->bytes - i);
        end = i + n;
        if (n < SHORT && look_up(h, r, in->at + i, n, &to, &to_bytes)) {
            if (!token_text_append(out, to, to_bytes))
                return false;
            continue;
        }
        for (int64_t k = i; k < end; k += n) {
            int32_t code;
            n = unigram_character(in->at + k, end - k, &code);
            bool known = look_up(h, r, in->at + k, n, &to, &to_bytes);
            if (!token_text_append(out, known ? to : in->at + k, known ? to_bytes : n))
                return false;
        }
    }
    return true;
}

/* ---- the other rules -------------------------------------------------------------------------------------------- */

static bool is_space(int32_t code)
{
    return code >= 0 && unicode_class(code) == UNICODE_SPACE;
}

static bool apply_strip(const UnigramHeader *h, const UnigramRule *r, const TokenText *in, TokenText *out)
{
    (void)h;
    int64_t begin = 0, end = 0;         /* end: behind the last character that stays */
    bool leading = r->flags & UNIGRAM_STRIP_LEFT;
    int32_t code;
    for (int64_t i = 0, n; i < in->bytes; i += n) {
        n = unigram_character(in->at + i, in->bytes - i, &code);
        if (!is_space(code)) {
            begin = leading ? i : begin;
            leading = false;
            end = i + n;
        }
    }
    if (leading)
        begin = in->bytes;
    if (!(r->flags & UNIGRAM_STRIP_RIGHT))
        end = in->bytes;
    return begin >= end || token_text_append(out, in->at + begin, end - begin);
}

static bool apply_replace_text(const UnigramHeader *h, const UnigramRule *r, const TokenText *in, TokenText *out)
{
    for (int64_t i = 0; i < in->bytes;) {
        bool found = r->from_bytes <= in->bytes - i && !memcmp(in->at + i, at_offset(h, r->from), r->from_bytes);
        if (!token_text_append(out, found ? at_offset(h, r->to) : in->at + i, found ? r->to_bytes : 1))
            return false;
        i += found ? r->from_bytes : 1;
    }
    return true;
}

static bool in_set(const UnigramRule *r, int32_t code)
{
    return (code >= 0 && code < 128 && r->set[code / 32] >> code % 32 & 1) || (r->space && is_space(code));
}

static bool apply_replace_set(const UnigramHeader *h, const UnigramRule *r, const TokenText *in, TokenText *out)
{
    int32_t code;
    for (int64_t i = 0, end; i < in->bytes; i = end) {
        uint32_t count = 0;
        int step = 0;
        for (end = i; end < in->bytes && (r->repeated || count < r->least); end += step, count++) {
            step = unigram_character(in->at + end, in->bytes - end, &code);
            if (!in_set(r, code))
                break;
        }
        bool found = count >= r->least;
        if (!found)                     /* a run that is too short stays as it is */
            end = count ? end : i + step;
        if (!token_text_append(out, found ? at_offset(h, r->to) : in->at + i, found ? r->to_bytes : end - i))
            return false;
    }
    return true;
}

static bool apply_lowercase(const UnigramHeader *h, const UnigramRule *r, const TokenText *in, TokenText *out)
{
    (void)h, (void)r;
    int32_t code, lower[2];
    for (int64_t i = 0, n; i < in->bytes; i += n) {
        n = unigram_character(in->at + i, in->bytes - i, &code);
        char utf8[8];
        int bytes = 0, count = code < 0 ? 0 : unicode_lower(code, lower);
        for (int k = 0; k < count; k++)
            bytes += unicode_encode(lower[k], utf8 + bytes);
        if (!token_text_append(out, count ? utf8 : in->at + i, count ? bytes : n))
            return false;
    }
    return true;
}

static bool (*const apply[UNIGRAM_RULES])(const UnigramHeader *, const UnigramRule *, const TokenText *,
                                          TokenText *) = {
    [UNIGRAM_PRECOMPILED] = apply_precompiled,   [UNIGRAM_STRIP] = apply_strip,
    [UNIGRAM_REPLACE_TEXT] = apply_replace_text, [UNIGRAM_REPLACE_SET] = apply_replace_set,
    [UNIGRAM_LOWERCASE] = apply_lowercase,
};

bool unigram_normalise(const UnigramHeader *h, const char *text, int64_t bytes, TokenText *out)
{
    const UnigramRule *rules = (const void *)at_offset(h, h->rules);
    bool done = token_text_append(out, text, bytes);
    for (uint32_t k = 0; done && k < h->n_rules; k++) {
        TokenText next = {0};
        done = apply[rules[k].kind](h, &rules[k], out, &next);
        free(out->at);
        *out = next;
    }
    return done;
}
