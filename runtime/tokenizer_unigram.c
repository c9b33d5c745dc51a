/* tokenizer_unigram.c: SentencePiece's unigram model over a packed blob; the contract is in tokenizer_unigram.h.
 *
 * Equal to the fast tokenizers of Hugging Face, whose order of comparisons decides between equal sums of scores.  The
 * normalised text is all pieces side by side. */
#include "tokenizer_unigram.h"

#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "unicode.h"

typedef struct { double score; int64_t start; uint32_t id; } Best;  /* of a prefix of the piece; start -1: none yet */

typedef struct {
    const TokenizerUnigram *t;
    TokenText text;                 /* all pieces so far */
    TokenList tokens;
    Best *best;                     /* of the current piece: [bytes + 1] */
    int64_t best_room;
    bool first;                     /* no piece was cut yet */
} Encoder;

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static bool fits(const UnigramHeader *h, uint32_t offset, uint64_t count, uint64_t size)
{
    return blob_has_table(h->bytes, 0, offset, count, size);
}

static bool header_is_sound(const UnigramHeader *h, int64_t bytes)
{
    return !memcmp(h->magic, UNIGRAM_MAGIC, sizeof h->magic) && h->bytes == bytes && h->unknown < h->vocabulary &&
           h->pad < h->vocabulary && h->n_prefix <= UNIGRAM_AFFIX && h->n_suffix <= UNIGRAM_AFFIX &&
           ids_are_known(h->prefix, h->n_prefix, h->vocabulary) &&
           ids_are_known(h->suffix, h->n_suffix, h->vocabulary) &&
           h->scores % 8 == 0 && fits(h, h->scores, h->vocabulary, sizeof(double)) &&
           fits(h, h->nodes, h->n_nodes, sizeof(UnigramNode)) && h->n_nodes > 0 &&
           fits(h, h->added, h->n_added, sizeof(UnigramAdded)) && fits(h, h->rules, h->n_rules, sizeof(UnigramRule)) &&
           fits(h, h->cuts, h->n_cuts, sizeof(UnigramCut));
}

static bool rule_is_sound(const UnigramHeader *h, const UnigramRule *r)
{
    return r->kind < UNIGRAM_RULES && blob_has_text(h->bytes, r->from, r->from_bytes) &&
           blob_has_text(h->bytes, r->to, r->to_bytes) &&
           (r->kind != UNIGRAM_PRECOMPILED || (r->units > 0 && r->units <= r->from_bytes / 4)) &&
           (r->kind != UNIGRAM_REPLACE_TEXT || r->from_bytes > 0) && (r->kind != UNIGRAM_REPLACE_SET || r->least > 0);
}

static bool tables_are_sound(const TokenizerUnigram *t)
{
    const UnigramHeader *h = t->header;
    const UnigramRule *rules = (const void *)((const char *)h + h->rules);
    for (uint32_t i = 0; i < h->n_added; i++) {
        const UnigramAdded *a = &t->added[i];
        if (a->id >= h->vocabulary || a->bytes == 0 || !blob_has_text(h->bytes, a->text, a->bytes))
            return false;
    }
    for (uint32_t i = 0; i < h->n_rules; i++)
        if (!rule_is_sound(h, &rules[i]))
            return false;
    for (uint32_t i = 0; i < h->n_cuts; i++) {
        const UnigramCut *c = &t->cuts[i];
        if (c->kind >= UNIGRAM_CUTS || c->prepend >= UNIGRAM_PREPENDS || !blob_has_text(h->bytes, c->text, c->bytes) ||
            (c->kind == UNIGRAM_METASPACE && c->bytes == 0))
            return false;
    }
    return true;
}

int tokenizer_unigram_open(TokenizerUnigram *t, const void *blob, int64_t bytes)
{
    const UnigramHeader *h = blob;
    if (!blob || bytes < (int64_t)sizeof *h || (uintptr_t)blob % 8 || !header_is_sound(h, bytes))
        return SDC_BAD_INPUT;
    const char *base = blob;
    *t = (TokenizerUnigram){h, (const void *)(base + h->scores), (const void *)(base + h->nodes),
                            (const void *)(base + h->added), (const void *)(base + h->cuts)};
    return tables_are_sound(t) ? SDC_OK : SDC_BAD_INPUT;
}

/* The child of a node by byte; NULL when there is none. */
static const UnigramNode *child(const TokenizerUnigram *t, const UnigramNode *node, uint8_t byte)
{
    const UnigramHeader *h = t->header;
    if (node->first > h->n_nodes || node->count > h->n_nodes - node->first)
        return NULL;
    uint32_t low = node->first, high = low + node->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (t->nodes[middle].byte == byte)
            return &t->nodes[middle];
        if (t->nodes[middle].byte < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- characters ------------------------------------------------------------------------------------------------- */

int unigram_character(const char *text, int64_t bytes, int32_t *code)
{
    int n = unicode_decode(text, bytes, code);
    if (n)
        return n;
    *code = -1;
    return 1;
}

/* ---- one piece -------------------------------------------------------------------------------------------------- */

static void offer(Best *at, double score, int64_t start, uint32_t id)
{
    if (at->start < 0 || score > at->score)
        *at = (Best){score, start, id};
}

/* The best way to each place in text[bytes]. */
static void find_best(Encoder *e, const char *text, int64_t bytes)
{
    const UnigramHeader *h = e->t->header;
    for (int64_t i = 0; i <= bytes; i++)
        e->best[i] = (Best){.start = -1};
    int32_t code;
    for (int64_t at = 0, step; at < bytes; at += step) {
        step = unigram_character(text + at, bytes - at, &code);
        const UnigramNode *node = e->t->nodes;
        bool single = false;
        for (int64_t i = at; i < bytes && (node = child(e->t, node, (uint8_t)text[i])); i++)
            if (node->id < h->vocabulary) {
                offer(&e->best[i + 1], e->best[at].score + e->t->scores[node->id], at, node->id);
                single |= i + 1 == at + step;
            }
        if (!single)
            offer(&e->best[at + step], e->best[at].score + h->unknown_score, at, h->unknown);
    }
}

static bool add_piece(Encoder *e, const char *text, int64_t bytes)
{
    if (bytes >= e->best_room) {
        Best *best = realloc(e->best, (size_t)(bytes + 1) * 2 * sizeof *best);
        if (!best)
            return false;
        e->best = best;
        e->best_room = (bytes + 1) * 2;
    }
    int64_t base = e->text.bytes, first = e->tokens.count;
    if (!token_text_append(&e->text, text, bytes))
        return false;
    find_best(e, text, bytes);
    bool unknown = false;
    for (int64_t end = bytes; end > 0; end = e->best[end].start) {      /* last token first */
        const Best *b = &e->best[end];
        if (unknown && b->id == e->t->header->unknown)
            e->tokens.starts[e->tokens.count - 1] = base + b->start;
        else if (!token_list_add(&e->tokens, b->id, base + b->start))
            return false;
        unknown = b->id == e->t->header->unknown;
    }
    TokenList *l = &e->tokens;
    for (int64_t i = first, k = l->count - 1; i < k; i++, k--) {
        uint32_t id = l->ids[i];
        int64_t start = l->starts[i];
        l->ids[i] = l->ids[k];
        l->starts[i] = l->starts[k];
        l->ids[k] = id;
        l->starts[k] = start;
    }
    return true;
}

/* ---- cutting the text ------------------------------------------------------------------------------------------- */

static bool add_cut(Encoder *e, uint32_t k, const char *text, int64_t bytes);

static bool cut_white_space(Encoder *e, uint32_t k, const char *text, int64_t bytes)
{
    int64_t begin = 0;
    int32_t code;
    for (int64_t i = 0, n; i < bytes; i += n) {
        n = unigram_character(text + i, bytes - i, &code);
        if (code < 0 || unicode_class(code) != UNICODE_SPACE)
            continue;
        if (!add_cut(e, k + 1, text + begin, i - begin))
            return false;
        begin = i + n;
    }
    return add_cut(e, k + 1, text + begin, bytes - begin);
}

static bool starts_with(const char *text, int64_t bytes, const char *with, uint32_t n)
{
    return n <= bytes && !memcmp(text, with, n);
}

static bool cut_metaspace(Encoder *e, uint32_t k, const char *text, int64_t bytes)
{
    const UnigramCut *c = &e->t->cuts[k];
    const char *mark = (const char *)e->t->header + c->text;
    bool prepend = c->prepend == UNIGRAM_ALWAYS || (c->prepend == UNIGRAM_FIRST && e->first);
    TokenText marked = {0};
    bool done = !prepend || *text == ' ' || starts_with(text, bytes, mark, c->bytes) ||
                token_text_append(&marked, mark, c->bytes);
    for (int64_t i = 0; done && i < bytes; i++)
        done = text[i] == ' ' ? token_text_append(&marked, mark, c->bytes) : token_text_append(&marked, text + i, 1);
    int64_t begin = 0;
    for (int64_t i = 1; done && c->split && i < marked.bytes; i++)
        if (i - begin >= c->bytes && starts_with(marked.at + i, marked.bytes - i, mark, c->bytes)) {
            done = add_cut(e, k + 1, marked.at + begin, i - begin);
            begin = i;
        }
    done = done && add_cut(e, k + 1, marked.at + begin, marked.bytes - begin);
    free(marked.at);
    return done;
}

static bool (*const cutters[UNIGRAM_CUTS])(Encoder *, uint32_t, const char *, int64_t) = {
    [UNIGRAM_METASPACE] = cut_metaspace, [UNIGRAM_WHITE_SPACE] = cut_white_space,
};

/* A piece as cut by the pre-tokeniser's first k steps. */
static bool add_cut(Encoder *e, uint32_t k, const char *text, int64_t bytes)
{
    if (!bytes)
        return true;
    if (k < e->t->header->n_cuts)
        return cutters[e->t->cuts[k].kind](e, k, text, bytes);
    e->first = false;
    return add_piece(e, text, bytes);
}

/* ---- added tokens ----------------------------------------------------------------------------------------------- */

/* The first added token in text, the longest among those at one place, with the white space that it takes along:
 * [*begin, *end).  NULL, and both at the text's end, when there is none. */
static const UnigramAdded *find_added(const TokenizerUnigram *t, const char *text, int64_t bytes, bool normalized,
                                      int64_t *begin, int64_t *end)
{
    const UnigramAdded *best = NULL;
    int64_t at = 0, blank = 0;          /* white space begins at blank, up to `at` */
    int32_t code;
    for (int64_t n; at < bytes; at += n) {
        for (uint32_t i = 0; i < t->header->n_added; i++) {
            const UnigramAdded *a = &t->added[i];
            if (!(a->flags & UNIGRAM_NORMALIZED) == !normalized && (!best || a->bytes > best->bytes) &&
                starts_with(text + at, bytes - at, (const char *)t->header + a->text, a->bytes))
                best = a;
        }
        if (best)
            break;
        n = unigram_character(text + at, bytes - at, &code);
        if (code < 0 || unicode_class(code) != UNICODE_SPACE)
            blank = at + n;
    }
    *begin = best && best->flags & UNIGRAM_STRIP_LEFT ? blank : at;
    *end = at + (best ? best->bytes : 0);
    while (best && best->flags & UNIGRAM_STRIP_RIGHT && *end < bytes) {
        int n = unigram_character(text + *end, bytes - *end, &code);
        if (code < 0 || unicode_class(code) != UNICODE_SPACE)
            break;
        *end += n;
    }
    return best;
}

/* Cut at the added tokens that count before normalisation, then, in what lies between, at those that count behind. */
static bool add_text(Encoder *e, const char *text, int64_t bytes, bool normalized)
{
    for (int64_t at = 0, begin, end; at < bytes; at += end) {
        const UnigramAdded *a = find_added(e->t, text + at, bytes - at, normalized, &begin, &end);
        TokenText normal = {0};
        bool done = begin == 0 || (normalized ? add_cut(e, 0, text + at, begin)
                                              : unigram_normalise(e->t->header, text + at, begin, &normal) &&
                                                    add_text(e, normal.at, normal.bytes, true));
        free(normal.at);
        if (!done || (a && (!token_list_add(&e->tokens, a->id, e->text.bytes) ||
                            !token_text_append(&e->text, text + at + begin, end - begin))))
            return false;
        e->first = false;
    }
    return true;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

/* What did not fit, as text: the mark of a space is a space again, none in front. */
static void unmark(const TokenizerUnigram *t, char *cut)
{
    const UnigramCut *c = t->cuts;
    uint32_t k = 0;
    while (k < t->header->n_cuts && c[k].kind != UNIGRAM_METASPACE)
        k++;
    int64_t n = 0, bytes = (int64_t)strlen(cut);
    for (int64_t i = 0; i < bytes;) {
        bool space = k < t->header->n_cuts &&
                     starts_with(cut + i, bytes - i, (const char *)t->header + c[k].text, c[k].bytes);
        if (!space || n)
            cut[n++] = space ? ' ' : cut[i];
        i += space ? c[k].bytes : 1;
    }
    cut[n] = 0;
}

int tokenizer_unigram_encode(const TokenizerUnigram *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                             Tokens *out)
{
    if (tokens_begin(bytes, out))
        return SDC_BAD_INPUT;
    const UnigramHeader *h = t->header;
    TokenFrame frame = {h->prefix, h->suffix, h->n_prefix, h->n_suffix, h->pad, h->pad_left, h->vocabulary};
    Encoder e = {.t = t, .first = true};
    int code = !text_is_utf8(text, bytes) ? SDC_BAD_INPUT : add_text(&e, text, bytes, false) ? SDC_OK : SDC_NO_SPACE;
    free(e.best);
    code = tokens_end(code, &e.text, &e.tokens, &frame, max_length, pad, out);
    if (out->cut)
        unmark(t, out->cut);
    return code;
}
