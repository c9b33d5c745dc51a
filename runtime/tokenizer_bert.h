/* tokenizer_bert.h: BERT's word pieces, equal to transformers' BertTokenizer; a part of tokenizer.h, which includes it.
 *
 *      special tokens are cut out of the text -> control characters go, white space is one space -> spaces about
 *      Chinese characters -> NFD without accents -> lower case -> words between spaces, each punctuation mark a word of
 *      its own -> the longest piece of the vocabulary from the left, those inside a word with ## before them; [UNK] for
 *      a word that does not come out, or has more than 100 characters
 *
 * BertTokenizer's tables of categories are of Unicode 8, utf8proc's of 15.  Of all characters 624 are of another kind
 * for it: controls, marks and punctuation that came since or changed then (U+166D, U+111C9), and lower case of
 * Unicode 16. */
#ifndef SDC_TOKENIZER_BERT_H
#define SDC_TOKENIZER_BERT_H


/* ---- the blob: as CLIP's in tokenizer.h ------------------------------------------------------------------------- */

#define BERT_MAGIC "sdcBERT1"
#define BERT_NONE UINT32_MAX

enum { BERT_LOWER = 1, BERT_STRIP_ACCENTS = 2, BERT_CHINESE = 4 };

typedef struct {
    char magic[8];
    uint32_t bytes;             /* of the whole blob */
    uint32_t vocabulary;        /* largest id + 1 */
    uint32_t first, last, pad, unknown;     /* [CLS], [SEP], [PAD], [UNK] */
    uint32_t max_length;        /* model_max_length of tokenizer_config.json; 0 when it has none */
    uint32_t flags;
    uint32_t words;             /* BertWord [1 << word_bits], open addressing by bert_slot(), linear probing */
    uint32_t word_bits;
    uint32_t special;           /* BertWord [n_special]: looked for in the text as given */
    uint32_t n_special;
    uint32_t pad_left;          /* as CLIP's */
} BertHeader;

typedef struct { uint32_t id, text, bytes; } BertWord;      /* id is BERT_NONE in an empty slot; text: offset */

/* FNV-1a. */
static inline uint32_t bert_slot(const char *text, uint32_t bytes, uint32_t bits)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return (uint32_t)((hash * 0x9e3779b97f4a7c15u) >> (64 - bits));
}

/* ---- tokenizer_bert.c ------------------------------------------------------------------------------------------- */

typedef struct {
    const BertHeader *header;       /* into the blob, which must outlive this */
    const BertWord *words, *special;
} TokenizerBert;

/* As those of CLIP; ids are [CLS], the text's, [SEP]. */
int tokenizer_bert_open(TokenizerBert *t, const void *blob, int64_t bytes);
int tokenizer_bert_encode(const TokenizerBert *t, const char *text, int64_t bytes, int64_t max_length, bool pad,
                          Tokens *out);

/* ---- frontend/tokenizer_bert_pack.c (compiler only) ------------------------------------------------------------- */

/* Pack FOLDER/tokenizer.json, or FOLDER/vocab.txt where that is absent, and, where present, tokenizer_config.json and
 * special_tokens_map.json.  *blob is malloc'd.  SDC_OK, or an SDC_ code with the error printed. */
int tokenizer_bert_pack(const char *folder, void **blob, int64_t *bytes);

#endif
