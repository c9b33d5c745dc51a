/* sd_prompt.h: what a prompt says beside its words: weights, and where a new chunk begins.
 *
 *      (word)  1.1 times    (word:1.3)  1.3 times    [word]  1 / 1.1 times    \( \) \[ \] \\  the letter itself
 *
 * Brackets nest and multiply; what is left open reaches to the end.  All of it as AUTOMATIC1111's
 * parse_prompt_attention, which other web UIs follow. */
#ifndef SDC_SD_PROMPT_H
#define SDC_SD_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "../runtime/tokenizer.h"

/* ---- sd_attention.c ---------------------------------------------------------------------------------------------- */

/* breaks: the word BREAK; text[bytes] ends in NUL. */
typedef struct { char *text; double weight; bool breaks; } SdPiece;
typedef struct { SdPiece *list; int64_t n, room; } SdPieces;

/* SDC_OK, SDC_BAD_INPUT (too many brackets) or SDC_NO_SPACE, printed; free it in any case.  Neighbours have different
 * weights; an empty text is one empty piece. */
int sd_pieces_parse(SdPieces *p, const char *text);
void sd_pieces_free(SdPieces *p);

/* ---- sd_chunks.c ------------------------------------------------------------------------------------------------- */

/* A word that stands for vectors of its own (sd_embedding.c): [vectors][width]. */
typedef struct SdEmbedding { char *token; float *values; int64_t vectors, width; } SdEmbedding;
enum { SD_EMBEDDINGS = 16 };

/* How a prompt is read. */
typedef struct {
    const Tokenizer *tokenizer;
    int64_t length;                 /* tokens of a chunk, with the two around them */
    bool weighted;                  /* brackets are weights */
    bool chunked;                   /* more words than fit, and BREAK, begin another chunk */
    const SdEmbedding *embeddings;  /* their words' ids are -1 for the first one's first vector, -2 ... */
    int n_embeddings;
} SdReading;

/* ids, weights: [n][length].  Words of a chunk that do not fit go to the next one, from the last comma on when that is
 * among the last 20.  Not chunked: one chunk, `left` tokens are cut off. */
typedef struct { int64_t *ids; float *weights; int64_t n, left; bool weighs; } SdChunks;

int sd_chunks_read(SdChunks *c, const SdReading *r, const char *text);
void sd_chunks_free(SdChunks *c);
/* values [length][features] of a chunk times its tokens' weights, with the mean that they had. */
void sd_chunk_weigh(float *values, const float *weights, int64_t length, int64_t features);

#endif
