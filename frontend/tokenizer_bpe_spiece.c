/* tokenizer_bpe_spiece.c: a tokenizer.model (SentencePiece's protobuf, byte pairs) as the tokenizer.json that would say
 * the same; see tokenizer_bpe_pack.h.
 *
 *      ModelProto         1: pieces, each {1: text, 2: score, 3: type}   2: trainer_spec   3: normalizer_spec
 *      trainer_spec       3: model_type, 2 for byte pairs   35: byte_fallback
 *      normalizer_spec    2: a map of characters   3: add_dummy_prefix   4: remove_extra_whitespaces
 *
 * Two neighbours merge when what they make is a piece, the best score first: each way to part a piece is a merge, and
 * all of one piece have the same rank.  Gemma's has no map, no prefix and keeps spaces; others are refused. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "../runtime/wire.h"
#include "tokenizer_bpe_pack.h"
#include "tokenizer_files.h"

enum { BYTE_PAIRS = 2, MAX_PIECES = 1 << 22 };

typedef struct {
    const char *path;
    SpiecePiece *pieces;
    json_int_t n, room;
    uint64_t model_type, prefix, squeeze, fallback;
    bool mapped;
    json_t *vocab, *added, *merges, *unknown;
} Reader;

static int malformed(const Reader *r)
{
    return sdc_error(SDC_BAD_INPUT, "%s: is cut short or no SentencePiece model", r->path);
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

static int read_piece(Reader *r, SdcWire w)
{
    SpiecePiece p;
    if (!tokenizer_read_piece(w, &p) || r->n == MAX_PIECES)
        return malformed(r);
    p.id = r->n;
    if (r->n == r->room) {
        r->room = 2 * r->room + 1024;
        SpiecePiece *more = realloc(r->pieces, (size_t)r->room * sizeof *more);
        if (!more)
            return sdc_error(SDC_NO_SPACE, "%s: out of memory", r->path);
        r->pieces = more;
    }
    r->pieces[r->n++] = p;
    return SDC_OK;
}

/* Numbers of a message by their field; into NULL: not wanted. */
static int read_numbers(const Reader *r, SdcWire w, uint64_t *const into[], uint32_t n, bool *mapped)
{
    SdcField f;
    SdcWireStep step;
    while ((step = sdc_wire_next(&w, &f)) == WIRE_FIELD) {
        if (f.type == WIRE_VARINT && f.number < n && into[f.number])
            *into[f.number] = f.value;
        if (f.type == WIRE_BYTES && f.number == 2 && mapped)
            *mapped = sdc_wire_left(f.body) > 0;
    }
    return step == WIRE_MALFORMED ? malformed(r) : SDC_OK;
}

static int read_model(Reader *r, const void *data, int64_t bytes)
{
    uint64_t *const trainer[36] = {[3] = &r->model_type, [35] = &r->fallback};
    uint64_t *const normalizer[5] = {[3] = &r->prefix, [4] = &r->squeeze};
    SdcWire w = sdc_wire(data, bytes);
    SdcField f;
    SdcWireStep step = WIRE_END;
    int code = SDC_OK;
    while (!code && (step = sdc_wire_next(&w, &f)) == WIRE_FIELD) {
        if (f.type != WIRE_BYTES)
            continue;
        if (f.number == 1)
            code = read_piece(r, f.body);
        else if (f.number == 2)
            code = read_numbers(r, f.body, trainer, 36, NULL);
        else if (f.number == 3)
            code = read_numbers(r, f.body, normalizer, 5, &r->mapped);
    }
    if (code)
        return code;
    if (step == WIRE_MALFORMED || !r->n)
        return malformed(r);
    if (r->model_type != BYTE_PAIRS)
        return sdc_error(SDC_UNSUPPORTED, "%s: trainer_spec: model_type %d is not supported; byte pairs are 2", r->path,
                         (int)r->model_type);
    if (r->prefix || r->squeeze || r->mapped)
        return sdc_error(SDC_UNSUPPORTED, "%s: normalizer_spec: %s is not supported", r->path,
                         r->prefix    ? "add_dummy_prefix"
                         : r->squeeze ? "remove_extra_whitespaces"
                                      : "a map of characters");
    return SDC_OK;
}

/* ---- pieces to vocabulary and merges ---------------------------------------------------------------------------- */

static int add_piece(Reader *r, const SpiecePiece *p)
{
    if (json_object_getn(r->vocab, p->text, p->bytes))
        return sdc_error(SDC_BAD_INPUT, "%s: piece %d is there twice", r->path, (int)p->id);
    if (json_object_setn_new(r->vocab, p->text, p->bytes, json_integer(p->id)))
        return sdc_error(SDC_BAD_INPUT, "%s: piece %d is not UTF-8", r->path, (int)p->id);
    json_t *text = json_stringn(p->text, p->bytes);
    if (p->type == SPIECE_UNKNOWN && !r->unknown)
        r->unknown = json_incref(text);
    bool own = p->type == SPIECE_USER_DEFINED;
    if (p->type == SPIECE_UNKNOWN || p->type == SPIECE_CONTROL || own)
        json_array_append_new(r->added, json_pack("{s:I,s:O,s:b,s:b}", "id", p->id, "content", text, "special", !own,
                                                  "normalized", own));
    json_decref(text);
    return SDC_OK;
}

/* Best score first; the order of ids among equals. */
static int by_score(const void *a, const void *b)
{
    const SpiecePiece *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : (x->id > y->id) - (x->id < y->id);
}

static bool begins_character(char c)
{
    return (c & 0xc0) != 0x80;
}

static void add_merges(Reader *r, const SpiecePiece *p, json_int_t rank)
{
    for (size_t at = 1; at < p->bytes; at++)
        if (begins_character(p->text[at]) && json_object_getn(r->vocab, p->text, at) &&
            json_object_getn(r->vocab, p->text + at, p->bytes - at))
            json_array_append_new(r->merges, json_pack("[s%,s%,I]", p->text, at, p->text + at, p->bytes - at, rank));
}

static int convert(Reader *r)
{
    int code = SDC_OK;
    for (json_int_t i = 0; !code && i < r->n; i++)
        code = add_piece(r, &r->pieces[i]);
    qsort(r->pieces, (size_t)r->n, sizeof *r->pieces, by_score);
    for (json_int_t i = 0; !code && i < r->n; i++)
        if (r->pieces[i].type == SPIECE_NORMAL)
            add_merges(r, &r->pieces[i], i);
    return code;
}

int bpe_read_spiece(const char *path, const void *data, int64_t bytes, json_t **root)
{
    static const char mark[] = "\xe2\x96\x81";
    Reader r = {.path = path, .prefix = 1, .squeeze = 1, .model_type = 1, .vocab = json_object(), .added = json_array(),
                .merges = json_array()};
    int code = read_model(&r, data, bytes);
    if (!code)
        code = convert(&r);
    free(r.pieces);
    if (code) {
        json_decref(r.vocab);
        json_decref(r.added);
        json_decref(r.merges);
        json_decref(r.unknown);
        return code;
    }
    *root = json_pack("{s:{s:s,s:o,s:o,s:b,s:b,s:o?},s:o,"
                      "s:{s:s,s:{s:s},s:s},s:{s:s,s:[{s:s,s:{s:s},s:s},{s:s},{s:s}]}}",
                      "model", "type", "BPE", "vocab", r.vocab, "merges", r.merges, "byte_fallback", r.fallback != 0,
                      "fuse_unk", 1, "unk_token", r.unknown, "added_tokens", r.added,
                      "normalizer", "type", "Replace", "pattern", "String", " ", "content", mark,
                      "decoder", "type", "Sequence", "decoders", "type", "Replace", "pattern", "String", mark,
                      "content", " ", "type", "ByteFallback", "type", "Fuse");
    return *root ? SDC_OK : sdc_error(SDC_NO_SPACE, "%s: out of memory", path);
}
