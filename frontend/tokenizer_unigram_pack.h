/* tokenizer_unigram_pack.h: the parts of the packer of unigram tokenizers.
 *
 *      tokenizer_unigram_json.c     tokenizer.json: vocabulary, added tokens, normaliser, pre-tokeniser, template
 *      tokenizer_unigram_spiece.c   spiece.model, read as Hugging Face's converter for T5 does
 *      tokenizer_unigram_pack.c     pieces to a trie, the pad token, the blob                                        */
#ifndef SDC_TOKENIZER_UNIGRAM_PACK_H
#define SDC_TOKENIZER_UNIGRAM_PACK_H

#include <jansson.h>

#include "../runtime/tokenizer_unigram.h"

enum { UNIGRAM_MAX_RULES = 16, UNIGRAM_MAX_CUTS = 8, UNIGRAM_MAX_ADDED = 4096, UNIGRAM_MAX_PIECES = 1 << 22,
       UNIGRAM_MAX_PIECE = 1 << 16 };

typedef struct { char *text; uint32_t bytes, id; double score; } UnigramPiece;      /* text: malloc'd */

typedef struct {
    const char *folder;
    char *path;                         /* of the file that is read, for messages */
    UnigramHeader header;
    TokenText blob;                   /* grows at its end; offsets stay */
    UnigramPiece *pieces;               /* by id, until the trie is made */
    uint32_t n_pieces, room;
    UnigramAdded added[UNIGRAM_MAX_ADDED];
    UnigramRule rules[UNIGRAM_MAX_RULES];
    UnigramCut cuts[UNIGRAM_MAX_CUTS];
} UnigramPacker;

/* All return SDC_OK, or an SDC_ code with the error printed. */

int unigram_no_room(const UnigramPacker *p);

/* data[bytes] at the blob's end, aligned to 8 bytes where table; *offset is where. */
int unigram_put(UnigramPacker *p, const void *data, size_t bytes, bool table, uint32_t *offset);

int unigram_add_piece(UnigramPacker *p, const char *text, size_t bytes, double score);      /* the next id */
int unigram_add_token(UnigramPacker *p, uint32_t id, const char *text, size_t bytes, uint32_t flags);
int unigram_add_rule(UnigramPacker *p, const UnigramRule *rule);

/* The rule of a SentencePiece map: its bytes are [trie's bytes][trie][texts]. */
int unigram_add_map(UnigramPacker *p, const void *map, size_t bytes);

/* U+2581 for spaces, and in front. */
int unigram_add_metaspace(UnigramPacker *p, const char *mark, UnigramPrepend prepend, bool split);

bool unigram_find(const UnigramPacker *p, const char *text, uint32_t *id);      /* an added token or a piece */

int unigram_read_json(UnigramPacker *p, const json_t *root);
int unigram_read_spiece(UnigramPacker *p, const void *data, int64_t bytes, const json_t *config);

#endif
