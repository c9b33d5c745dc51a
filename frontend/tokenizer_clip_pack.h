/* tokenizer_clip_pack.h: the parts of the packer of CLIP's tokenizers.
 *
 *      tokenizer_clip_words.c    vocabulary and merges, of either spelling of the files
 *      tokenizer_clip_pack.c     special and added tokens, the blob                                                  */
#ifndef SDC_TOKENIZER_CLIP_PACK_H
#define SDC_TOKENIZER_CLIP_PACK_H

#include <jansson.h>

#include "../runtime/tokenizer.h"

enum { CLIP_BOS, CLIP_EOS, CLIP_UNKNOWN, CLIP_PAD, CLIP_SPECIALS };
enum { CLIP_MAX_ID = 1 << 24 };

typedef struct {
    char *text;                     /* as it is looked for */
    const char *content;            /* as the files spell it */
    uint32_t id;
    bool normalized, first_seen;    /* first_seen: what `normalized` was where the token came up first */
    bool fixed;                     /* the list of added tokens has the last word */
} ClipToken;

typedef struct {
    const char *folder;
    const char *words_file;         /* vocab.json or tokenizer.json */
    const char *words_at, *merges_at, *merge;       /* for messages: file and field; what a merge is called there */
    json_t *root;                   /* tokenizer.json; NULL without */
    json_t *vocab, *config, *map;   /* config and map: NULL when the file is absent */
    uint32_t vocabulary;            /* largest id + 1 */
    struct { const char *content; uint32_t id; } special[CLIP_SPECIALS];
    uint32_t symbols[512];
    BpeMerge *merges;               /* in order of rank, then hashed into table */
    BpeMerge *table;
    uint32_t n_merges, merge_bits;
    ClipToken *added;
    uint32_t n_added;
} ClipPacker;

bool clip_find_id(const ClipPacker *p, const char *text, size_t bytes, uint32_t *id);

/* Both return SDC_OK, or an SDC_ code with the error printed. */

/* root, vocab, symbols, merges and table. */
int clip_read_words(ClipPacker *p);

/* Is each token a byte, an added one, or made by a merge?  Once all these are known. */
int clip_check_made(const ClipPacker *p);

#endif
