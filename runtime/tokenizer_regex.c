/* tokenizer_regex.c: the regular expressions of pre-tokenisers; see tokenizer_bpe.h.
 *
 * Sets of characters with counts, in a row, in alternatives: each item takes as many as it can and gives back one after
 * the other when what follows does not match.  The depth of the recursion is the number of items of an alternative. */
#include "tokenizer.h"

#include "unicode.h"

static bool in_set(const BpeItem *item, int32_t code)
{
    bool in = item->classes >> unicode_class(code) & 1;
    for (uint32_t i = 0; !in && i < item->n_characters && i < BPE_CHARACTERS; i++)
        in = item->characters[i] == code;
    return in != (item->flags & BPE_NEGATED);
}

/* Bytes of the character at text, when it is of the set; 0 when it is not, or when there is none. */
static int64_t take(const BpeItem *item, const char *text, int64_t bytes)
{
    int32_t code;
    int n = bytes > 0 ? unicode_decode(text, bytes, &code) : 0;
    return n && in_set(item, code) ? n : 0;
}

/* Bytes that items, up to the one with LAST, match at text; -1 when they do not. */
static int64_t match(const BpeItem *items, const BpeItem *end, const char *text, int64_t bytes)
{
    if (items == end)
        return -1;
    const BpeItem *next = items->flags & BPE_LAST ? NULL : items + 1;
    if (items->flags & BPE_AHEAD_NOT)
        return take(items, text, bytes) ? -1 : next ? match(next, end, text, bytes) : 0;
    int64_t taken = 0, n;
    uint32_t count = 0;
    while (count < items->most && (n = take(items, text + taken, bytes - taken)) > 0) {
        taken += n;
        count++;
    }
    for (; count >= items->least; count--) {
        int64_t rest = next ? match(next, end, text + taken, bytes - taken) : 0;
        if (rest >= 0)
            return taken + rest;
        if (!count)
            break;
        do                                      /* back to where the last character began */
            taken--;
        while ((text[taken] & 0xc0) == 0x80);
    }
    return -1;
}

bool tokenizer_regex_find(const BpeItem *items, uint32_t n, const char *text, int64_t from, int64_t end,
                          int64_t *begin, int64_t *stop)
{
    int32_t code;
    for (int step; from < end; from += step) {
        for (const BpeItem *item = items; item < items + n; item++) {
            int64_t bytes = match(item, items + n, text + from, end - from);
            if (bytes > 0) {
                *begin = from;
                *stop = from + bytes;
                return true;
            }
            while (item < items + n - 1 && !(item->flags & BPE_LAST))
                item++;
        }
        step = unicode_decode(text + from, end - from, &code);
        if (!step)
            return false;
    }
    return false;
}
