/* tokenizer_unigram: SentencePiece's unigram model as a tokenizer.json of Hugging Face's `tokenizers` describes it.
 *
 *      added tokens are cut out of the text -> the normaliser's rules -> added tokens that count behind them ->
 *      the pre-tokeniser's cuts -> the pieces of the largest sum of scores (Viterbi), runs of unknown characters as one
 *      token -> template: ids in front and behind
 *
 * That covers T5 and SigLIP.  The compiler packs the file (frontend/tokenizer_unigram_pack.c) into a blob that is used
 * as it lies; opening it costs nothing that grows with the vocabulary, so what a look-up finds is checked there. */
#ifndef SDC_TOKENIZER_UNIGRAM_H
#define SDC_TOKENIZER_UNIGRAM_H

#include "tokenizer_common.h"

/* ---- the blob: little endian, 8-byte aligned, offsets in bytes from its start ----------------------------------- */

#define UNIGRAM_MAGIC "sdcUNI01"
#define UNIGRAM_NONE UINT32_MAX
enum { UNIGRAM_AFFIX = 8 };

struct UnigramHeader {
    char magic[8];
    uint32_t bytes;                     /* of the whole blob */
    uint32_t vocabulary;                /* largest id + 1 */
    uint32_t unknown, pad;
    uint32_t max_length;                /* model_max_length of tokenizer_config.json; 0 when it has none */
    uint32_t n_prefix, n_suffix, prefix[UNIGRAM_AFFIX], suffix[UNIGRAM_AFFIX];
    uint32_t scores;                    /* double [vocabulary] */
    uint32_t nodes, n_nodes;            /* UnigramNode: the trie of all pieces, its root first */
    uint32_t added, n_added;            /* UnigramAdded */
    uint32_t rules, n_rules;            /* UnigramRule: the normaliser */
    uint32_t cuts, n_cuts;              /* UnigramCut: the pre-tokeniser */
    uint32_t pad_left;                  /* as CLIP's */
    double unknown_score;               /* of a character that no piece begins with alone */
};

/* A trie of bytes: children [first, first + count), by byte; id: of the piece that ends here, or UNIGRAM_NONE. */
typedef struct UnigramNode { uint32_t first, id; uint16_t count; uint8_t byte, zero; } UnigramNode;

enum { UNIGRAM_STRIP_LEFT = 1, UNIGRAM_STRIP_RIGHT = 2, UNIGRAM_NORMALIZED = 4 };
typedef struct UnigramAdded { uint32_t id, text, bytes, flags; } UnigramAdded;   /* text: offset of its `bytes` bytes */

/* PRECOMPILED: from is SentencePiece's map of characters: a double-array trie of `units` words, then texts that end in
 * 0.  STRIP: flags.  REPLACE_TEXT: each `from` by `to`.  REPLACE_SET: each run of `least` or more characters of the set
 * (each single one, when not `repeated`) by `to`; the set is of ASCII, and of white space as well when `space`. */
typedef enum { UNIGRAM_PRECOMPILED, UNIGRAM_STRIP, UNIGRAM_REPLACE_TEXT, UNIGRAM_REPLACE_SET, UNIGRAM_LOWERCASE,
               UNIGRAM_RULES } UnigramRuleKind;
typedef struct {
    uint32_t kind, flags;
    uint32_t from, from_bytes, to, to_bytes, units;
    uint32_t set[4], space, least, repeated;
} UnigramRule;

/* METASPACE: spaces become `text`, which is put in front too where it is not there yet: of every piece, of the first of
 * the text, or never; with `split` a cut is made before each.  WHITE_SPACE: pieces are what lies between such. */
typedef enum { UNIGRAM_METASPACE, UNIGRAM_WHITE_SPACE, UNIGRAM_CUTS } UnigramCutKind;
typedef enum { UNIGRAM_ALWAYS, UNIGRAM_FIRST, UNIGRAM_NEVER, UNIGRAM_PREPENDS } UnigramPrepend;
typedef struct UnigramCut { uint32_t kind, text, bytes, prepend, split; } UnigramCut;

/* ---- tokenizer_unigram.c ---------------------------------------------------------------------------------------- */

/* Check a blob and point into it.  SDC_OK, or SDC_BAD_INPUT (nothing is printed). */
int tokenizer_unigram_open(TokenizerUnigram *t, const void *blob, int64_t bytes);

/* As tokenizer_clip_encode(), with the template's ids in front and behind. */
int tokenizer_unigram_encode(const TokenizerUnigram *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                             Tokens *out);

/* Bytes of the character at text, 1 where it is none, and its code point (-1). */
int unigram_character(const char *text, int64_t bytes, int32_t *code);

/* ---- tokenizer_unigram_normal.c --------------------------------------------------------------------------------- */

/* text[bytes], UTF-8, by the blob's rules, to *out, which was empty; false: out of memory. */
bool unigram_normalise(const UnigramHeader *h, const char *text, int64_t bytes, TokenText *out);

/* ---- frontend/tokenizer_unigram_pack.c (compiler only) ---------------------------------------------------------- */

/* Pack FOLDER/tokenizer.json, or FOLDER/spiece.model where that is absent, and tokenizer_config.json where present.
 * *blob is malloc'd.  SDC_OK, or an SDC_ code with the error printed, which names the field. */
int tokenizer_unigram_pack(const char *folder, void **blob, int64_t *bytes);

#endif
