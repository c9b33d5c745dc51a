/* bpe.c: see bpe.h.  A heap of candidates; those whose symbols have changed since are passed over when they come up. */
#include "bpe.h"

#include <stdlib.h>

static const BpeMerge *find_merge(const BpeMerger *m, uint32_t left, uint32_t right)
{
    uint32_t slots = 1u << m->bits, i = bpe_slot(left, right, m->bits);
    for (uint32_t tried = 0; tried < slots; tried++, i = (i + 1) & (slots - 1)) {
        const BpeMerge *merge = &m->merges[i];
        if (merge->left == BPE_NONE)
            return NULL;
        if (merge->left == left && merge->right == right)
            return merge;
    }
    return NULL;
}

static void heap_push(BpeMerger *m, uint64_t key)
{
    int64_t i = m->heap_size++;
    for (; i > 0 && m->heap[(i - 1) / 2] > key; i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = key;
}

static uint64_t heap_pop(BpeMerger *m)
{
    uint64_t top = m->heap[0], key = m->heap[--m->heap_size];
    int64_t i = 0;
    for (int64_t child = 1; child < m->heap_size; child = 2 * i + 1) {
        if (child + 1 < m->heap_size && m->heap[child + 1] < m->heap[child])
            child++;
        if (m->heap[child] >= key)
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = key;
    return top;
}

/* The merge of symbol i with its right neighbour, NULL when there is none. */
static const BpeMerge *merge_at(const BpeMerger *m, int32_t i)
{
    const BpeSymbol *s = m->symbols;
    if (i == BPE_NOWHERE || s[i].id == BPE_NONE || s[i].next == BPE_NOWHERE)
        return NULL;
    return find_merge(m, s[i].id, s[s[i].next].id);
}

static void consider(BpeMerger *m, int32_t i)
{
    const BpeMerge *merge = merge_at(m, i);
    if (merge)
        heap_push(m, (uint64_t)merge->rank << 32 | (uint32_t)i);
}

bool bpe_add(BpeMerger *m, uint32_t id, int64_t start)
{
    if (m->count == m->room) {
        int64_t room = 2 * m->room + 64;
        BpeSymbol *symbols = realloc(m->symbols, (size_t)room * sizeof *symbols);
        if (!symbols)
            return false;
        m->symbols = symbols;
        m->room = room;
    }
    int32_t i = (int32_t)m->count++;
    m->symbols[i] = (BpeSymbol){.id = id, .previous = i - 1, .next = BPE_NOWHERE, .start = start};
    if (i)
        m->symbols[i - 1].next = i;
    return true;
}

bool bpe_merge(BpeMerger *m)
{
    if (m->heap_room < 3 * m->count) {          /* count - 1 at first, 2 more a merge */
        uint64_t *heap = realloc(m->heap, 3 * (size_t)m->room * sizeof *heap);
        if (!heap)
            return false;
        m->heap = heap;
        m->heap_room = 3 * m->room;
    }
    m->heap_size = 0;
    for (int32_t i = 0; i < m->count; i++)
        consider(m, i);
    while (m->heap_size) {
        uint64_t key = heap_pop(m);
        int32_t i = (int32_t)(key & 0x7fffffff);
        const BpeMerge *merge = merge_at(m, i);
        if (!merge || merge->rank != key >> 32)
            continue;
        BpeSymbol *s = m->symbols;
        int32_t gone = s[i].next;
        s[i].id = merge->merged;
        s[i].next = s[gone].next;
        s[gone].id = BPE_NONE;
        if (s[i].next != BPE_NOWHERE)
            s[s[i].next].previous = i;
        consider(m, s[i].previous);
        consider(m, i);
    }
    return true;
}

void bpe_free(BpeMerger *m)
{
    free(m->symbols);
    free(m->heap);
    *m = (BpeMerger){0};
}
