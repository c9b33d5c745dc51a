/* tokenizer_normal.c: a normaliser's rules, one after the other; see tokenizer_bpe.h. */
#include "tokenizer_common.h"

#include <stdlib.h>
#include <string.h>

#include "unicode.h"

/* Text that a rule makes anew; at: malloc'd. */
typedef struct { char *at; int64_t bytes; } Normal;

static int apply_nfc(const TokenizerBpe *t, const BpeRule *r, const Normal *in, Normal *out)
{
    (void)t, (void)r;
    int32_t *codes;
    int64_t n = unicode_nfc(in->at, in->bytes, &codes);
    if (n < 0)
        return (int)n;
    out->at = malloc((size_t)n * 4 + 1);
    for (int64_t i = 0; out->at && i < n; i++)
        out->bytes += unicode_encode(codes[i], out->at + out->bytes);
    free(codes);
    return out->at ? 0 : -2;
}

/* Behind the check of the blob `from` is not empty. */
static int apply_replace(const TokenizerBpe *t, const BpeRule *r, const Normal *in, Normal *out)
{
    const char *from = (const char *)t->header + r->from, *to = (const char *)t->header + r->to;
    int64_t grown = r->to_bytes > r->from_bytes ? r->to_bytes : r->from_bytes;
    out->at = malloc((size_t)((in->bytes / r->from_bytes + 1) * grown + in->bytes) + 1);
    if (!out->at)
        return -2;
    for (int64_t i = 0; i < in->bytes;) {
        bool found = r->from_bytes <= in->bytes - i && !memcmp(in->at + i, from, r->from_bytes);
        if (found)
            memcpy(out->at + out->bytes, to, r->to_bytes);
        else
            out->at[out->bytes] = in->at[i];
        out->bytes += found ? r->to_bytes : 1;
        i += found ? r->from_bytes : 1;
    }
    return 0;
}

static int apply_prepend(const TokenizerBpe *t, const BpeRule *r, const Normal *in, Normal *out)
{
    int64_t front = in->bytes ? r->to_bytes : 0;
    out->at = malloc((size_t)(in->bytes + front) + 1);
    if (!out->at)
        return -2;
    memcpy(out->at, (const char *)t->header + r->to, (size_t)front);
    memcpy(out->at + front, in->at, (size_t)in->bytes);
    out->bytes = in->bytes + front;
    return 0;
}

static int (*const apply[BPE_RULES])(const TokenizerBpe *, const BpeRule *, const Normal *, Normal *) = {
    [BPE_NFC] = apply_nfc, [BPE_REPLACE] = apply_replace, [BPE_PREPEND] = apply_prepend,
};

int64_t tokenizer_bpe_normalise(const TokenizerBpe *t, const char *text, int64_t bytes, char **normal)
{
    Normal now = {.at = malloc((size_t)bytes + 1), .bytes = bytes};
    int code = now.at ? 0 : -2;
    if (!code && !text_is_utf8(text, bytes))
        code = -1;
    if (!code)
        memcpy(now.at, text, (size_t)bytes);
    for (uint32_t i = 0; !code && i < t->header->n_rules; i++) {
        Normal next = {0};
        code = apply[t->rules[i].kind](t, &t->rules[i], &now, &next);
        free(now.at);
        now = next;
    }
    if (code) {
        free(now.at);
        return code;
    }
    *normal = now.at;
    return now.bytes;
}
