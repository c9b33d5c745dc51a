/* tokenizer.c: whichever kind of tokenizer a blob holds; see tokenizer.h. */
#include "tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "tokenizer_unigram.h"

struct TokenizerKind {
    const char *magic;              /* the first eight bytes of its blobs */
    int (*open)(Tokenizer *t, const void *blob, int64_t bytes);
    int (*encode)(const Tokenizer *t, const char *text, int64_t bytes, int64_t max_length, bool pad, Tokens *out);
    int64_t (*max_length)(const void *blob);    /* of a blob that open() took */
};

/* ---- CLIP ------------------------------------------------------------------------------------------------------- */

static int open_clip(Tokenizer *t, const void *blob, int64_t bytes)
{
    return tokenizer_clip_open(&t->clip, blob, bytes);
}

static int encode_clip(const Tokenizer *t, const char *text, int64_t bytes, int64_t max_length, bool pad, Tokens *out)
{
    return tokenizer_clip_encode(&t->clip, text, bytes, max_length, pad, out);
}

static int64_t max_length_clip(const void *blob)
{
    return ((const ClipHeader *)blob)->max_length;
}

/* ---- BERT ------------------------------------------------------------------------------------------------------ */

static int open_bert(Tokenizer *t, const void *blob, int64_t bytes)
{
    return tokenizer_bert_open(&t->bert, blob, bytes);
}

static int encode_bert(const Tokenizer *t, const char *text, int64_t bytes, int64_t max_length, bool pad, Tokens *out)
{
    return tokenizer_bert_encode(&t->bert, text, bytes, max_length, pad, out);
}

static int64_t max_length_bert(const void *blob)
{
    return ((const BertHeader *)blob)->max_length;
}

/* ---- byte pairs from tokenizer.json ------------------------------------------------------------------------------ */

static int open_bpe(Tokenizer *t, const void *blob, int64_t bytes)
{
    return tokenizer_bpe_open(&t->bpe, blob, bytes);
}

static int encode_bpe(const Tokenizer *t, const char *text, int64_t bytes, int64_t max_length, bool pad, Tokens *out)
{
    return tokenizer_bpe_encode(&t->bpe, text, bytes, max_length, pad, out);
}

static int64_t max_length_bpe(const void *blob)
{
    return ((const BpeHeader *)blob)->max_length;
}

/* ---- unigram ---------------------------------------------------------------------------------------------------- */

static int open_unigram(Tokenizer *t, const void *blob, int64_t bytes)
{
    return tokenizer_unigram_open(&t->unigram, blob, bytes);
}

static int encode_unigram(const Tokenizer *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                          Tokens *out)
{
    return tokenizer_unigram_encode(&t->unigram, text, bytes, max_length, pad, out);
}

static int64_t max_length_unigram(const void *blob)
{
    return ((const UnigramHeader *)blob)->max_length;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const TokenizerKind kinds[] = {
    {CLIP_MAGIC, open_clip, encode_clip, max_length_clip},
    {BERT_MAGIC, open_bert, encode_bert, max_length_bert},
    {BPE_MAGIC, open_bpe, encode_bpe, max_length_bpe},
    {UNIGRAM_MAGIC, open_unigram, encode_unigram, max_length_unigram},
};

int tokenizer_open(Tokenizer *t, const void *blob, int64_t bytes)
{
    *t = (Tokenizer){0};
    for (size_t k = 0; blob && bytes >= 8 && k < sizeof kinds / sizeof *kinds; k++)
        if (!memcmp(blob, kinds[k].magic, 8)) {
            t->kind = &kinds[k];
            return t->kind->open(t, blob, bytes);
        }
    return SDC_BAD_INPUT;
}

int tokenizer_encode(const Tokenizer *t, const char *text, int64_t bytes, int64_t max_length, bool pad, Tokens *out)
{
    return t->kind->encode(t, text, bytes, max_length, pad, out);
}

bool tokenizer_is_clip(const void *blob, int64_t bytes)
{
    Tokenizer t;
    return !tokenizer_open(&t, blob, bytes) && t.kind->open == open_clip;
}

int64_t tokenizer_max_length(const void *blob, int64_t bytes)
{
    Tokenizer t;
    return tokenizer_open(&t, blob, bytes) ? 0 : t.kind->max_length(blob);
}

void tokens_free(Tokens *tokens)
{
    free(tokens->ids);
    free(tokens->cut);
    *tokens = (Tokens){0};
}
