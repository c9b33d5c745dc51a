/* tokenizer_bpe: byte-pair encoding as a tokenizer.json of Hugging Face's `tokenizers` describes it, both ways.
 *
 *      added tokens are cut out of the text -> normaliser's rules -> added tokens that count behind it ->
 *      pre-tokeniser's steps cut pieces -> bytes (byte level), or characters with bytes for those that the vocabulary
 *      lacks -> merges by rank -> template: ids in front and behind
 *
 * That covers Qwen2 (NFC, a regular expression, byte level) and Gemma (spaces to U+2581, byte fallback).  The compiler
 * packs the file (frontend/tokenizer_bpe_pack.c) into a blob that is used as it lies; opening it costs nothing that
 * grows with the vocabulary, so what a look-up finds is checked there.
 *
 * To be included by tokenizer.h, which has Tokens. */
#ifndef SDC_TOKENIZER_BPE_H
#define SDC_TOKENIZER_BPE_H

#include "bpe.h"

/* ---- the blob: little endian, 4-byte aligned, offsets in bytes from its start ----------------------------------- */

#define BPE_MAGIC "sdcBPE01"
enum { BPE_AFFIX = 8, BPE_CHARACTERS = 6 };

enum {                                  /* BpeHeader.flags */
    BPE_BYTE_LEVEL = 1,                 /* symbols are bytes; decoded bytes are joined, then read as UTF-8 */
    BPE_FUSE_UNKNOWN = 2,
    BPE_BYTE_FALLBACK = 4,              /* of the decoder: runs of byte tokens are UTF-8 together */
};

typedef struct {
    char magic[8];
    uint32_t bytes;                     /* of the whole blob */
    uint32_t vocabulary;                /* largest id + 1 */
    uint32_t flags, unknown, pad;       /* BPE_NONE where there is none */
    uint32_t max_length;                /* model_max_length of tokenizer_config.json; 0 when it has none */
    uint32_t n_prefix, n_suffix, prefix[BPE_AFFIX], suffix[BPE_AFFIX];
    uint32_t symbols;                   /* uint32_t [256]: ids of bytes, BPE_NONE where absent */
    uint32_t characters, character_bits;    /* BpeCharacter [1 << bits], hashed by bpe_slot(code, 0) */
    uint32_t merges, merge_bits;        /* BpeMerge [1 << bits] */
    uint32_t added[2], n_added[2];      /* BpeAdded by text: looked for in the text as given, and behind the rules */
    uint32_t texts;                     /* BpeText [vocabulary]: what a token decodes to */
    uint32_t rules, n_rules;            /* BpeRule: the normaliser */
    uint32_t steps, n_steps;            /* BpeStep: the pre-tokeniser */
    uint32_t items, n_items;            /* BpeItem: of all regular expressions */
    uint32_t pad_left;                  /* as CLIP's */
} BpeHeader;

typedef struct { uint32_t code, id; } BpeCharacter;                 /* code is BPE_NONE in an empty slot */

enum { BPE_STRIP_LEFT = 1, BPE_STRIP_RIGHT = 2 };                   /* takes white space at its sides along */
typedef struct { uint32_t id, text, bytes, flags; } BpeAdded;       /* text: offset of its `bytes` bytes */

enum { BPE_SPECIAL = 1, BPE_BYTE = 2, BPE_PRESENT = 4 };
typedef struct { uint32_t text, bytes, flags; } BpeText;

typedef enum { BPE_NFC, BPE_REPLACE, BPE_PREPEND, BPE_RULES } BpeRuleKind;
typedef struct { uint32_t kind, from, from_bytes, to, to_bytes; } BpeRule;

/* A step cuts each piece at the matches of a text (first: its offset, count: its bytes) or of a regular expression
 * (first: its first item, count: how many).  Behaviours have the names of tokenizer.json. */
typedef enum { BPE_TEXT, BPE_REGEX, BPE_PATTERNS } BpePattern;
typedef enum { BPE_ISOLATED, BPE_MERGED_WITH_PREVIOUS, BPE_REMOVED, BPE_BEHAVIOURS } BpeBehaviour;
typedef struct { uint32_t pattern, behaviour, first, count; } BpeStep;

/* Alternatives of a regular expression in order, each a row of items: from least to most characters of a set, as many
 * as possible.  LAST ends an alternative.  AHEAD_NOT: what follows is not of the set; takes no characters. */
enum { BPE_NEGATED = 1, BPE_LAST = 2, BPE_AHEAD_NOT = 4 };
typedef struct {
    uint32_t flags;
    uint32_t classes;                   /* 1 << UnicodeClass */
    int32_t characters[BPE_CHARACTERS];
    uint32_t n_characters, least, most; /* most BPE_NONE: any number */
} BpeItem;

/* ---- tokenizer_bpe.c -------------------------------------------------------------------------------------------- */

typedef struct {
    const BpeHeader *header;            /* into the blob, which must outlive this */
    const uint32_t *symbols;
    const BpeCharacter *characters;
    const BpeMerge *merges;
    const BpeAdded *added[2];
    const BpeText *texts;
    const BpeRule *rules;
    const BpeStep *steps;
    const BpeItem *items;
} TokenizerBpe;

/* Check a blob and point into it.  SDC_OK, or SDC_BAD_INPUT (nothing is printed). */
int tokenizer_bpe_open(TokenizerBpe *t, const void *blob, int64_t bytes);

/* As tokenizer_clip_encode(): text[bytes], UTF-8, may hold NUL.  ids: the template's in front, the text's, the
 * template's behind.  max_length > 0 keeps that many, the template's among them; pad fills up to it. */
int tokenizer_bpe_encode(const TokenizerBpe *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                         Tokens *out);

/* The text of ids[n], malloc'd and NUL-terminated in *text; returns its bytes, -2 when memory ran out.  Ids that no
 * token has give nothing, nor do special tokens when skip_special.  Bytes that are not UTF-8 become U+FFFD. */
int64_t tokenizer_bpe_decode(const TokenizerBpe *t, const int64_t *ids, int64_t n, bool skip_special, char **text);

/* The id of an added token by its text as looked for; -1 when there is none. */
int64_t tokenizer_bpe_added(const TokenizerBpe *t, const char *text);

/* ---- tokenizer_regex.c ------------------------------------------------------------------------------------------ */

/* The first match of items[n] in text[from, end), which is valid UTF-8: [*begin, *stop), not empty.  False: none. */
bool tokenizer_regex_find(const BpeItem *items, uint32_t n, const char *text, int64_t from, int64_t end,
                          int64_t *begin, int64_t *stop);

/* ---- tokenizer_normal.c ----------------------------------------------------------------------------------------- */

/* text[bytes] by the blob's rules.  *normal is malloc'd.  Returns its bytes, -1 when text is not UTF-8, -2 when memory
 * ran out. */
int64_t tokenizer_bpe_normalise(const TokenizerBpe *t, const char *text, int64_t bytes, char **normal);

/* ---- frontend/tokenizer_bpe_pack.c (compiler only) -------------------------------------------------------------- */

/* Pack FOLDER/tokenizer.json, or else tokenizer.model, and, where present, tokenizer_config.json.  *blob is malloc'd.
 * SDC_OK, or an SDC_ code with the error printed, which names the field that is wrong or not supported. */
int tokenizer_bpe_pack(const char *folder, void **blob, int64_t *bytes);

#endif
