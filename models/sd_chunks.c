/* sd_chunks.c: pieces of a prompt to token ids in chunks, as AUTOMATIC1111's tokenize_line; see sd_prompt.h. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "sd_prompt.h"

/* So many tokens behind a comma go to the next chunk with the word that does not fit. */
enum { COMMA_REACH = 20 };

typedef struct {
    const SdReading *r;
    SdChunks *chunks;
    int64_t begin, end, pad, comma;     /* ids; comma -1: the vocabulary has none */
    bool left;                          /* padding stands in front */
    int64_t used, last_comma;           /* of the chunk that is being filled: words, and where its last comma is; -1 */
    int64_t *ids;                       /* its words and their weights, [length - 2] */
    float *weights;
    int64_t room;
} Filler;

static int out_of_memory(void) { return sdc_error(SDC_NO_SPACE, "out of memory"); }

/* What the tokenizer puts around a text and behind it, and its comma. */
static int special_ids(Filler *f)
{
    Tokens t;
    int code = tokenizer_encode(f->r->tokenizer, "", 0, 3, true, &t);
    if (code)
        return code;
    f->left = t.first;
    f->begin = t.ids[t.first];
    f->end = t.ids[t.first + 1];
    f->pad = t.ids[f->left ? 0 : 2];
    tokens_free(&t);
    if ((code = tokenizer_encode(f->r->tokenizer, ",", 1, 0, false, &t)))
        return code;
    f->comma = t.length == 3 ? t.ids[1] : -1;
    tokens_free(&t);
    return SDC_OK;
}

static int next_chunk(Filler *f)
{
    SdChunks *c = f->chunks;
    const int64_t length = f->r->length;
    if (c->n == f->room) {
        f->room = f->room ? 2 * f->room : 4;
        int64_t *ids = realloc(c->ids, (size_t)(f->room * length) * sizeof *ids);
        c->ids = ids ? ids : c->ids;
        float *weights = realloc(c->weights, (size_t)(f->room * length) * sizeof *weights);
        c->weights = weights ? weights : c->weights;
        if (!ids || !weights)
            return out_of_memory();
    }
    int64_t *ids = c->ids + c->n * length;
    float *weights = c->weights + c->n * length;
    const int64_t first = f->left ? length - 2 - f->used : 0;
    for (int64_t i = 0; i < length; i++) {
        const int64_t k = i - first;
        const bool word = k > 0 && k <= f->used;
        ids[i] = !k ? f->begin : word ? f->ids[k - 1] : k == f->used + 1 ? f->end : f->pad;
        weights[i] = word ? f->weights[k - 1] : 1;
        c->weighs |= weights[i] != 1;
    }
    c->n++;
    f->used = 0;
    f->last_comma = -1;
    return SDC_OK;
}

/* A full chunk makes way; what stands behind a comma near its end begins the next. */
static int make_way(Filler *f, bool moves)
{
    const int64_t kept = f->last_comma + 1, moved = f->used - kept;
    if (!moves || f->last_comma < 0 || f->used - f->last_comma > COMMA_REACH)
        return next_chunk(f);
    f->used = kept;
    int code = next_chunk(f);
    memmove(f->ids, f->ids + kept, (size_t)moved * sizeof *f->ids);
    memmove(f->weights, f->weights + kept, (size_t)moved * sizeof *f->weights);
    f->used = moved;
    return code;
}

static int add_word(Filler *f, int64_t id, float weight)
{
    const int64_t most = f->r->length - 2;
    int code = SDC_OK;
    if (f->used == most && !f->r->chunked) {
        f->chunks->left++;
        return SDC_OK;
    }
    if (id == f->comma)
        f->last_comma = f->used;
    if (f->used == most)
        code = make_way(f, id != f->comma);
    if (!code && f->used == most)                   /* the comma was the last one */
        code = next_chunk(f);
    f->ids[f->used] = id;
    f->weights[f->used++] = weight;
    return code;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c < 0;
}

/* The first word in text that is an embedding's, the longest of those at one place: where it is, and its number; NULL:
 * none. */
static const char *find_embedding(const SdReading *r, const char *text, int *number)
{
    for (const char *at = text; *at; at++) {
        *number = -1;
        for (int k = 0; k < r->n_embeddings; k++) {
            const char *token = r->embeddings[k].token;
            const size_t n = strlen(token);
            const bool inside = (at > text && is_letter(at[-1]) && is_letter(*token))
                                || (is_letter(token[n - 1]) && is_letter(at[n < strlen(at) ? n : strlen(at)]));
            if (!strncmp(at, token, n) && !inside && (*number < 0 || n > strlen(r->embeddings[*number].token)))
                *number = k;
        }
        if (*number >= 0)
            return at;
    }
    return NULL;
}

/* All vectors of one, in one chunk where they fit. */
static int add_embedding(Filler *f, int number, double weight)
{
    const int64_t vectors = f->r->embeddings[number].vectors, most = f->r->length - 2;
    int64_t first = 0;
    for (int k = 0; k < number; k++)
        first += f->r->embeddings[k].vectors;
    int code = f->r->chunked && f->used + vectors > most && vectors <= most ? next_chunk(f) : SDC_OK;
    for (int64_t k = 0; !code && k < vectors; k++)
        code = add_word(f, -1 - first - k, (float)weight);
    return code;
}

static int add_words(Filler *f, const char *text, int64_t bytes, double weight)
{
    Tokens t;
    int code = tokenizer_encode(f->r->tokenizer, text, bytes, 0, false, &t);
    for (int64_t k = 1; !code && k + 1 < t.length; k++)
        code = add_word(f, t.ids[k], (float)weight);
    tokens_free(&t);
    return code;
}

static int add_text(Filler *f, const char *text, double weight)
{
    int number, code = SDC_OK;
    for (const char *at; !code && (at = find_embedding(f->r, text, &number));) {
        if (!(code = add_words(f, text, at - text, weight)))
            code = add_embedding(f, number, weight);
        text = at + strlen(f->r->embeddings[number].token);
    }
    return code ? code : add_words(f, text, (int64_t)strlen(text), weight);
}

static int fill(Filler *f, const SdPieces *pieces)
{
    int code = SDC_OK;
    for (int64_t k = 0; !code && k < pieces->n; k++) {
        const SdPiece *p = &pieces->list[k];
        if (p->breaks && f->r->chunked)
            code = next_chunk(f);
        else
            code = add_text(f, p->text, p->breaks ? 1 : p->weight);
    }
    return !code && (f->used || !f->chunks->n) ? next_chunk(f) : code;
}

int sd_chunks_read(SdChunks *c, const SdReading *r, const char *text)
{
    *c = (SdChunks){0};
    SdPiece whole = {(char *)(uintptr_t)text, 1, false};
    SdPieces parsed = {0}, pieces = {.list = &whole, .n = 1};
    Filler f = {.r = r, .chunks = c, .last_comma = -1, .ids = calloc((size_t)r->length, sizeof *f.ids),
                .weights = calloc((size_t)r->length, sizeof *f.weights)};
    int code = r->length < 3 ? sdc_error(SDC_UNSUPPORTED, "a text encoder of %lld tokens", (long long)r->length)
               : f.ids && f.weights ? special_ids(&f) : out_of_memory();
    if (!code && r->weighted && !(code = sd_pieces_parse(&parsed, text)))
        pieces = parsed;
    if (!code)
        code = fill(&f, &pieces);
    sd_pieces_free(&parsed);
    free(f.ids);
    free(f.weights);
    return code;
}

void sd_chunks_free(SdChunks *c)
{
    free(c->ids);
    free(c->weights);
    *c = (SdChunks){0};
}

void sd_chunk_weigh(float *values, const float *weights, int64_t length, int64_t features)
{
    double before = 0, after = 0;
    for (int64_t k = 0; k < length * features; k++)
        before += (double)values[k];
    for (int64_t k = 0; k < length * features; k++)
        after += (double)(values[k] *= weights[k / features]);
    const float restore = after != 0 ? (float)(before / after) : 1;
    for (int64_t k = 0; k < length * features; k++)
        values[k] *= restore;
}
