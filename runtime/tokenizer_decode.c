/* tokenizer_decode.c: ids to text; see tokenizer_bpe.h.
 *
 * At the byte level all bytes are joined before they are read as UTF-8; elsewhere only runs of byte tokens are, and a
 * run that is not UTF-8 throughout becomes as many U+FFFD as it has bytes. */
#include "tokenizer_common.h"

#include <stdlib.h>
#include <string.h>

#include "unicode.h"

static const char replacement[] = "\xef\xbf\xbd";

/* Bytes of the longest beginning of a character at p, which is none: what one U+FFFD stands for. */
static int64_t broken(const unsigned char *p, int64_t n)
{
    static const struct { unsigned char first, low, high; } seconds[] = {
        {0xe0, 0xa0, 0xbf}, {0xed, 0x80, 0x9f}, {0xf0, 0x90, 0xbf}, {0xf4, 0x80, 0x8f}};
    if (*p < 0xc2 || *p > 0xf4)
        return 1;
    int64_t length = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4, k = 1;
    unsigned char low = 0x80, high = 0xbf;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        if (*p == seconds[i].first) {
            low = seconds[i].low;
            high = seconds[i].high;
        }
    for (; k < length && k < n && p[k] >= low && p[k] <= high; k++) {
        low = 0x80;
        high = 0xbf;
    }
    return k;
}

static bool append_lossy(TokenText *t, const char *from, int64_t bytes)
{
    int32_t code;
    for (int64_t i = 0, n; i < bytes; i += n) {
        n = unicode_decode(from + i, bytes - i, &code);
        bool good = n > 0;
        if (!good)
            n = broken((const unsigned char *)from + i, bytes - i);
        if (!token_text_append(t, good ? from + i : replacement, good ? n : 3))
            return false;
    }
    return true;
}

/* A run of byte tokens. */
static bool append_run(TokenText *t, const TokenText *run)
{
    int32_t code;
    int64_t i = 0;
    for (int n; i < run->bytes && (n = unicode_decode(run->at + i, run->bytes - i, &code)) > 0;)
        i += n;
    if (i == run->bytes)
        return token_text_append(t, run->at, run->bytes);
    for (i = 0; i < run->bytes; i++)
        if (!token_text_append(t, replacement, 3))
            return false;
    return true;
}

static const BpeText *find_text(const TokenizerBpe *t, int64_t id, bool skip_special)
{
    if (id < 0 || id >= t->header->vocabulary)
        return NULL;
    const BpeText *x = &t->texts[id];
    bool shown = x->flags & BPE_PRESENT && !(skip_special && x->flags & BPE_SPECIAL);
    return shown && blob_has_text(t->header->bytes, x->text, x->bytes) ? x : NULL;
}

int64_t tokenizer_bpe_decode(const TokenizerBpe *t, const int64_t *ids, int64_t n, bool skip_special, char **text)
{
    const char *base = (const char *)t->header;
    bool done = true, level = t->header->flags & BPE_BYTE_LEVEL, fallback = t->header->flags & BPE_BYTE_FALLBACK;
    TokenText all = {0}, run = {0};
    for (int64_t i = 0; done && i < n; i++) {
        const BpeText *x = find_text(t, ids[i], skip_special);
        if (!x)
            continue;
        bool byte = level || (fallback && x->flags & BPE_BYTE);
        if (!byte && run.bytes) {
            done = append_run(&all, &run);
            run.bytes = 0;
        }
        done = done && token_text_append(byte ? &run : &all, base + x->text, x->bytes);
    }
    done = done && (level ? append_lossy(&all, run.at, run.bytes) : append_run(&all, &run)) &&
           token_text_append(&all, "", 1);
    free(run.at);
    if (!done) {
        free(all.at);
        return -2;
    }
    *text = all.at;
    return all.bytes - 1;
}
