/* tokenizer_bpe_pack.h: the parts of the packer of tokenizer.json.
 *
 *      tokenizer_bpe_pack.c      vocabulary, merges, added tokens, the blob
 *      tokenizer_bpe_stages.c    normaliser, pre-tokeniser, post-processor, decoder
 *      tokenizer_regex_pack.c    regular expressions to rows of items
 *      tokenizer_bpe_spiece.c    tokenizer.model, where there is no tokenizer.json */
#ifndef SDC_TOKENIZER_BPE_PACK_H
#define SDC_TOKENIZER_BPE_PACK_H

#include <jansson.h>

#include "../runtime/tokenizer.h"

enum { BPE_MAX_RULES = 16, BPE_MAX_STEPS = 8, BPE_MAX_ITEMS = 256 };

/* The blob grows at its end; offsets stay. */
typedef struct { char *at; size_t bytes, room; } BpeBlob;

typedef struct {
    const char *path;               /* of tokenizer.json or tokenizer.model, for messages */
    bool ranked;                    /* merges have their rank as a third part: those of a tokenizer.model */
    json_t *root, *vocab, *config;  /* config: tokenizer_config.json, or NULL */
    BpeHeader header;
    BpeBlob blob;
    BpeRule rules[BPE_MAX_RULES];
    BpeStep steps[BPE_MAX_STEPS];
    BpeItem items[BPE_MAX_ITEMS];
    BpeRule decoding[BPE_MAX_RULES];    /* replacements that the decoder makes in each token, as rules of this blob */
    uint32_t n_decoding;
} BpePacker;

/* All return SDC_OK, or an SDC_ code with the error printed. */

/* data[bytes] at the blob's end, aligned to 4 bytes where table; *offset is where. */
int bpe_append(BpePacker *p, const void *data, size_t bytes, bool table, uint32_t *offset);

int bpe_pack_normaliser(BpePacker *p, const json_t *normaliser);
int bpe_pack_pre_tokeniser(BpePacker *p, const json_t *stage);
int bpe_pack_post_processor(BpePacker *p, const json_t *stage);
int bpe_pack_decoder(BpePacker *p, const json_t *stage);

/* Items of the pattern behind p->items[n_items]; *first and *count say where. */
int bpe_pack_regex(BpePacker *p, const char *pattern, uint32_t *first, uint32_t *count);

/* A SentencePiece model to what a tokenizer.json would hold, with ranked merges.  The caller decref's *root. */
int bpe_read_spiece(const char *path, const void *data, int64_t bytes, json_t **root);

#endif
