/* tokenizer_common: what all kinds of tokenizers do alike; for their own files.
 *
 * While a text is read, its normalised text grows, and with it a list of tokens.  Each keeps where its text starts
 * there, so that what was cut off can be named. */
#ifndef SDC_TOKENIZER_COMMON_H
#define SDC_TOKENIZER_COMMON_H

#include "tokenizer.h"

/* ---- checks of a blob, which is untrusted ----------------------------------------------------------------------- */

/* Does a table of `count` entries of `size` bytes at `offset` lie in a blob of `bytes`, behind its first `header`? */
static inline bool blob_has_table(uint32_t bytes, uint64_t header, uint32_t offset, uint64_t count, uint64_t size)
{
    return offset % 4 == 0 && offset >= header && offset <= bytes && count <= (bytes - offset) / size;
}

static inline bool blob_has_text(uint32_t bytes, uint32_t offset, uint32_t n)
{
    return offset <= bytes && n <= bytes - offset;
}

static inline bool ids_are_known(const uint32_t *ids, int64_t n, uint32_t vocabulary)
{
    for (int64_t i = 0; i < n; i++)
        if (ids[i] >= vocabulary)
            return false;
    return true;
}

/* ---- one text --------------------------------------------------------------------------------------------------- */

/* Text that grows at its end. */
typedef struct { char *at; int64_t bytes, room; } TokenText;

typedef struct { uint32_t *ids; int64_t *starts, count, room; } TokenList;

/* What a kind puts in front of a text's tokens, behind them, and behind all or in front of all (BPE_NONE: nothing). */
typedef struct {
    const uint32_t *prefix, *suffix;
    uint32_t n_prefix, n_suffix, pad, pad_left;
    uint32_t vocabulary;                /* largest id + 1 */
} TokenFrame;

/* Empties *out.  SDC_OK, or SDC_BAD_INPUT when the text is too long, with the error printed. */
int tokens_begin(int64_t bytes, Tokens *out);

/* False: out of memory. */
bool token_text_append(TokenText *t, const void *data, int64_t bytes);
bool token_list_add(TokenList *l, uint32_t id, int64_t start);

/* Merge the piece and add what it came to. */
bool token_list_add_piece(TokenList *l, BpeMerger *piece);

bool text_is_utf8(const char *text, int64_t bytes);

/* code: what reading the text came to.  SDC_OK writes prefix, as many tokens as fit into max_length (0: all), suffix
 * and, where `pad`, padding to out, and the text that was cut off; else the error is printed and returned, and out
 * empty.  Frees text and list. */
int tokens_end(int code, TokenText *text, TokenList *list, const TokenFrame *frame, int64_t max_length, bool pad,
               Tokens *out);

#endif
