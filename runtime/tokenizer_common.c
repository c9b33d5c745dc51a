/* tokenizer_common.c: growing lists of tokens, and what becomes of them; the contract is in tokenizer_common.h. */
#include "tokenizer_common.h"

#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "unicode.h"

/* ---- growing ---------------------------------------------------------------------------------------------------- */

bool token_text_append(TokenText *t, const void *data, int64_t bytes)
{
    if (t->bytes + bytes > t->room) {
        int64_t room = 2 * (t->bytes + bytes) + 64;
        char *at = realloc(t->at, (size_t)room);
        if (!at)
            return false;
        t->at = at;
        t->room = room;
    }
    if (bytes)
        memcpy(t->at + t->bytes, data, (size_t)bytes);
    t->bytes += bytes;
    return true;
}

bool token_list_add(TokenList *l, uint32_t id, int64_t start)
{
    if (l->count == l->room) {
        int64_t room = 2 * l->room + 64;
        uint32_t *ids = realloc(l->ids, (size_t)room * sizeof *ids);
        if (ids)
            l->ids = ids;
        int64_t *starts = realloc(l->starts, (size_t)room * sizeof *starts);
        if (starts)
            l->starts = starts;
        if (!ids || !starts)
            return false;
        l->room = room;
    }
    l->ids[l->count] = id;
    l->starts[l->count++] = start;
    return true;
}

bool token_list_add_piece(TokenList *l, BpeMerger *piece)
{
    if (!bpe_merge(piece))
        return false;
    const BpeSymbol *s = piece->symbols;
    for (int32_t i = piece->count ? 0 : BPE_NOWHERE; i != BPE_NOWHERE; i = s[i].next)
        if (!token_list_add(l, s[i].id, s[i].start))
            return false;
    return true;
}

bool text_is_utf8(const char *text, int64_t bytes)
{
    int32_t code;
    for (int step; bytes > 0; text += step, bytes -= step)
        if (!(step = unicode_decode(text, bytes, &code)))
            return false;
    return true;
}

/* ---- one text --------------------------------------------------------------------------------------------------- */

int tokens_begin(int64_t bytes, Tokens *out)
{
    *out = (Tokens){0};
    if (bytes > TOKENIZER_MAX_TEXT)
        return sdc_error(SDC_BAD_INPUT, "a prompt of %lld bytes; at most %d are read", (long long)bytes,
                         TOKENIZER_MAX_TEXT);
    return SDC_OK;
}

static int64_t put_ids(int64_t *to, const uint32_t *ids, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = ids[i];
    return n;
}

static int write_ids(const TokenText *text, const TokenList *l, const TokenFrame *f, int64_t max_length, bool pad,
                     Tokens *out)
{
    int64_t around = (int64_t)f->n_prefix + f->n_suffix, kept = l->count;
    out->tokens = kept + around;
    if (max_length > 0 && out->tokens > max_length)
        kept = max_length > around ? max_length - around : 0;
    out->length = kept + around;
    if (pad && max_length > out->length && f->pad != BPE_NONE)
        out->length = max_length;
    out->ids = malloc(((size_t)out->length + 1) * sizeof *out->ids);
    if (!out->ids)
        return SDC_NO_SPACE;
    out->first = f->pad_left ? out->length - kept - around : 0;
    for (int64_t i = 0; i < out->length; i++)
        out->ids[i] = f->pad;
    int64_t n = out->first + put_ids(out->ids + out->first, f->prefix, f->n_prefix);
    n += put_ids(out->ids + n, l->ids, kept);
    put_ids(out->ids + n, f->suffix, f->n_suffix);
    if (kept < l->count)
        out->cut = strndup(text->at + l->starts[kept], (size_t)(text->bytes - l->starts[kept]));
    return kept < l->count && !out->cut ? SDC_NO_SPACE : SDC_OK;
}

int tokens_end(int code, TokenText *text, TokenList *list, const TokenFrame *frame, int64_t max_length, bool pad,
               Tokens *out)
{
    /* Tables too large to be checked at the start may hold other ids. */
    bool known = code || ids_are_known(list->ids, list->count, frame->vocabulary);
    if (!code)
        code = known ? write_ids(text, list, frame, max_length, pad, out) : SDC_BAD_INPUT;
    free(text->at);
    free(list->ids);
    free(list->starts);
    if (!code)
        return SDC_OK;
    tokens_free(out);
    return sdc_error(code, "%s", code != SDC_BAD_INPUT ? "out of memory while reading the prompt" :
                                 known ? "the prompt is not valid UTF-8" : "the tokenizer in this file is damaged");
}
