/* tokenizer_common: what all kinds of tokenizers do alike; for their own files.
 *
 * While a text is read, its normalised text grows, and with it a list of tokens.  Each keeps where its text starts
 * there, so that what was cut off can be named. */
#ifndef SDC_TOKENIZER_COMMON_H
#define SDC_TOKENIZER_COMMON_H

#include "tokenizer.h"

/* Text that grows at its end. */
typedef struct { char *at; int64_t bytes, room; } TokenText;

typedef struct { uint32_t *ids; int64_t *starts, count, room; } TokenList;

/* What a kind puts in front of a text's tokens, behind them, and behind all (BPE_NONE: nothing). */
typedef struct {
    const uint32_t *prefix, *suffix;
    uint32_t n_prefix, n_suffix, pad;
    uint32_t vocabulary;                /* largest id + 1 */
} TokenFrame;

/* Empties *out.  SDC_OK, or SDC_BAD_INPUT when the text is too long, with the error printed. */
int tokens_begin(int64_t bytes, Tokens *out);

/* False: out of memory. */
bool token_text_append(TokenText *t, const void *data, int64_t bytes);
bool token_list_add(TokenList *l, uint32_t id, int64_t start);

/* code: what reading the text came to.  SDC_OK writes prefix, as many tokens as fit into max_length (0: all), suffix
 * and, where `pad`, padding to out, and the text that was cut off; else the error is printed and returned, and out
 * empty.  Frees text and list. */
int tokens_end(int code, TokenText *text, TokenList *list, const TokenFrame *frame, int64_t max_length, bool pad,
               Tokens *out);

#endif
