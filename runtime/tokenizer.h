/* tokenizer: text to token ids.
 *
 * The compiler packs a tokenizer's files into one blob (frontend/tokenizer_pack.c), which becomes the section
 * "tokenizer" of the executable.  There it is used as it lies: nothing is parsed or copied at start, only checked.
 * Its first eight bytes tell of which kind it is; each kind has a file of its own here and in frontend.
 *
 * CLIP: byte-level byte-pair encoding, equal to the fast tokenizer of Hugging Face's transformers:
 *      special tokens are cut out of the text -> NFC -> runs of white space to one space -> lower case ->
 *      pieces 's 't 're 've 'm 'll 'd, letters, one digit, other -> bytes, the last with </w> -> merges by rank
 *
 * BERT: word pieces; tokenizer_bert.h has it.  Byte pairs of a tokenizer.json: tokenizer_bpe.h.  Unigram (T5, SigLIP):
 * tokenizer_unigram.h. */
#ifndef SDC_TOKENIZER_H
#define SDC_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpe.h"

/* ---- tokenizer.c: all kinds -------------------------------------------------------------------------------------- */

typedef struct {
    int64_t *ids;                   /* [length]; malloc'd */
    int64_t length;
    int64_t first;                  /* where they begin: behind padding that stands in front, else 0 */
    int64_t tokens;                 /* of the whole text, the two special ones included; > length when it was cut */
    char *cut;                      /* the normalised text that did not fit, malloc'd; NULL when all did */
} Tokens;

void tokens_free(Tokens *tokens);

enum { TOKENIZER_MAX_TEXT = 1 << 20 };          /* bytes of one text */

/* ---- CLIP's blob: little endian, 4-byte aligned, offsets in bytes from its start --------------------------------- */

#define CLIP_MAGIC "sdcCLIP1"
#define CLIP_NONE BPE_NONE

typedef struct {
    char magic[8];
    uint32_t bytes;             /* of the whole blob */
    uint32_t vocabulary;        /* largest id + 1 */
    uint32_t bos, eos, pad, unknown;
    uint32_t max_length;        /* model_max_length of tokenizer_config.json; 0 when it has none */
    uint32_t symbols;           /* uint32_t [512]: id of byte b at b, of b</w> at 256 + b; CLIP_NONE when absent */
    uint32_t merges;            /* BpeMerge [1 << merge_bits], see bpe.h */
    uint32_t merge_bits;
    uint32_t added;             /* ClipAdded [n_added] */
    uint32_t n_added;
    uint32_t pad_left;          /* padding stands in front of a text (1), or behind it (0) */
} ClipHeader;

typedef struct {
    uint32_t id, text, bytes;   /* text: offset of its `bytes` bytes */
    uint32_t normalized;        /* looked for behind normalisation (1), or in the text as given (0) */
} ClipAdded;

/* ---- tokenizer_clip.c ------------------------------------------------------------------------------------------- */

typedef struct {
    const ClipHeader *header;       /* into the blob, which must outlive this */
    const uint32_t *symbols;
    const BpeMerge *merges;
    const ClipAdded *added;
} TokenizerClip;

/* Check a blob and point into it.  SDC_OK, or SDC_BAD_INPUT (nothing is printed). */
int tokenizer_clip_open(TokenizerClip *t, const void *blob, int64_t bytes);

/* text[bytes], UTF-8, may hold NUL.  ids: bos, the text's, eos.  max_length > 0 keeps that many (at least 2), eos
 * last; pad fills up to max_length, on the side that the header says.  SDC_OK, SDC_BAD_INPUT (not UTF-8, or longer than
 * TOKENIZER_MAX_TEXT) or SDC_NO_SPACE, with the error printed. */
int tokenizer_clip_encode(const TokenizerClip *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                          Tokens *out);

/* NFC, one space for a run of white space, lower case.  *normal is malloc'd and NUL-terminated.  Returns its bytes, -1
 * when the text is not valid UTF-8, -2 when memory ran out. */
int64_t tokenizer_clip_normalise(const char *text, int64_t bytes, char **normal);

/* ---- tokenizer_unigram.c (tokenizer_unigram.h) ------------------------------------------------------------------ */

typedef struct UnigramHeader UnigramHeader;

typedef struct {
    const UnigramHeader *header;    /* into the blob, which must outlive this */
    const double *scores;
    const struct UnigramNode *nodes;
    const struct UnigramAdded *added;
    const struct UnigramCut *cuts;
} TokenizerUnigram;

/* ---- tokenizer.c: any kind --------------------------------------------------------------------------------------- */

#include "tokenizer_bert.h"         /* word pieces */
#include "tokenizer_bpe.h"          /* byte pairs as a tokenizer.json describes them */

typedef struct TokenizerKind TokenizerKind;

typedef struct {
    const TokenizerKind *kind;
    union { TokenizerClip clip; TokenizerBert bert; TokenizerBpe bpe; TokenizerUnigram unigram; };
} Tokenizer;

/* As the functions of a kind above, which the blob's magic chooses. */
int tokenizer_open(Tokenizer *t, const void *blob, int64_t bytes);
int tokenizer_encode(const Tokenizer *t, const char *text, int64_t bytes, int64_t max_length, bool pad, Tokens *out);

bool tokenizer_is_clip(const void *blob, int64_t bytes);

/* model_max_length of a blob; 0 when its files do not tell. */
int64_t tokenizer_max_length(const void *blob, int64_t bytes);

/* ---- frontend/tokenizer_pack.c (compiler only) ------------------------------------------------------------------- */

/* Does a file lie in the folder that tells of a tokenizer? */
bool tokenizer_is_there(const char *folder);

/* Pack the tokenizer of a folder by the kind that its files tell.  *blob is malloc'd.  SDC_OK, or an SDC_ code with
 * the error printed. */
int tokenizer_pack(const char *folder, void **blob, int64_t *bytes);

/* ---- frontend/tokenizer_clip_pack.c (compiler only) ------------------------------------------------------------- */

/* Pack FOLDER/tokenizer.json, or FOLDER/vocab.json and merges.txt where that is absent, and, where present,
 * tokenizer_config.json and special_tokens_map.json.  *blob is malloc'd.  SDC_OK, or an SDC_ code with the error printed. */
int tokenizer_clip_pack(const char *folder, void **blob, int64_t *bytes);

#endif
