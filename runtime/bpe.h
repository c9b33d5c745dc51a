/* bpe: byte-pair merging of one piece of text, for every tokenizer that does it.
 *
 *      symbols, one a byte or character -> the pair of lowest rank, leftmost among equals, becomes one -> until none is left
 *
 * The table of merges lies in the tokenizer's blob and is untrusted: a look-up ends whatever it holds, and ids that come
 * out of it are checked by who uses them. */
#ifndef SDC_BPE_H
#define SDC_BPE_H

#include <stdbool.h>
#include <stdint.h>

#define BPE_NONE UINT32_MAX
#define BPE_NOWHERE (-1)

typedef struct { uint32_t left, right, rank, merged; } BpeMerge;        /* left is BPE_NONE in an empty slot */

static inline uint32_t bpe_slot(uint32_t left, uint32_t right, uint32_t bits)
{
    return (uint32_t)((((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u) >> (64 - bits));
}

typedef struct { uint32_t id; int32_t previous, next; int64_t start; } BpeSymbol;  /* a list threaded through an array */

/* One piece at a time: bpe_begin(), bpe_add() each symbol, bpe_merge(); then follow `next` from symbols[0]. */
typedef struct {
    const BpeMerge *merges;         /* [1 << bits], open addressing by bpe_slot(), linear probing */
    uint32_t bits;
    BpeSymbol *symbols;
    uint64_t *heap;                 /* candidate merges: rank << 32 | index of the left symbol */
    int64_t count, room, heap_size, heap_room;
} BpeMerger;

static inline void bpe_begin(BpeMerger *m) { m->count = 0; }
bool bpe_add(BpeMerger *m, uint32_t id, int64_t start);     /* false: out of memory, in all of these */
bool bpe_merge(BpeMerger *m);
void bpe_free(BpeMerger *m);

#endif
