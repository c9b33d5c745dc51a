/* tokenizer_unigram_spiece.c: a spiece.model (SentencePiece's protobuf) as Hugging Face's converter for T5 reads it.
 *
 *      ModelProto         1: pieces, each {1: text, 2: score, 3: type}   2: trainer_spec   3: normalizer_spec
 *      trainer_spec       3: model_type, 1 is unigram   40: unk_id
 *      normalizer_spec    2: precompiled_charsmap
 *
 * What the converter sets beside that: white space at the end goes, runs of spaces are one; </s> behind; the tokens
 * <extra_id_99> ... <extra_id_0> (extra_ids of tokenizer_config.json, else 100) behind the pieces; all control pieces
 * are found in the text as given. */
#include "tokenizer_unigram_pack.h"

#include <stdio.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "../runtime/wire.h"
#include "tokenizer_files.h"

static int malformed(const UnigramPacker *p)
{
    return sdc_error(SDC_BAD_INPUT, "%s: is not a SentencePiece model", p->path);
}

static int read_piece(UnigramPacker *p, SdcWire w)
{
    SpiecePiece piece;
    if (!tokenizer_read_piece(w, &piece))
        return malformed(p);
    int code = unigram_add_piece(p, piece.text, piece.bytes, (double)piece.score);
    if (!code && (piece.type == SPIECE_UNKNOWN || piece.type == SPIECE_CONTROL))
        code = unigram_add_token(p, p->n_pieces - 1, piece.text, piece.bytes, 0);
    return code;
}

static int read_trainer(UnigramPacker *p, SdcWire w)
{
    enum { UNIGRAM = 1 };
    SdcField f;
    SdcWireStep step;
    while ((step = sdc_wire_next(&w, &f)) == WIRE_FIELD) {
        if (f.number == 3 && f.type == WIRE_VARINT && f.value != UNIGRAM)
            return sdc_error(SDC_UNSUPPORTED, "%s: model_type %llu is not supported, only 1 (unigram)", p->path,
                             (unsigned long long)f.value);
        if (f.number == 40 && f.type == WIRE_VARINT)
            p->header.unknown = (uint32_t)f.value;
    }
    return step == WIRE_MALFORMED ? malformed(p) : SDC_OK;
}

static int read_normaliser(UnigramPacker *p, SdcWire w)
{
    SdcField f;
    SdcWireStep step;
    int code = SDC_OK;
    while (!code && (step = sdc_wire_next(&w, &f)) == WIRE_FIELD)
        if (f.number == 2 && f.type == WIRE_BYTES && sdc_wire_left(f.body))
            code = unigram_add_map(p, f.body.at, (size_t)sdc_wire_left(f.body));
    return code ? code : step == WIRE_MALFORMED ? malformed(p) : SDC_OK;
}

static int add_extra_tokens(UnigramPacker *p, const json_t *config)
{
    const json_t *setting = json_object_get(config, "extra_ids");
    const double asked = json_is_number(setting) ? json_number_value(setting) : 100;
    const int64_t count = asked >= 0 && asked <= UNIGRAM_MAX_ADDED / 2 ? (int64_t)asked : -1;
    if (count < 0)
        return sdc_error(SDC_BAD_INPUT, "%s: extra_ids of tokenizer_config.json is not a number up to %d", p->folder,
                         UNIGRAM_MAX_ADDED / 2);
    int code = SDC_OK;
    for (int64_t k = count - 1; !code && k >= 0; k--) {
        char text[40];
        size_t bytes = (size_t)snprintf(text, sizeof text, "<extra_id_%lld>", (long long)k);
        code = unigram_add_piece(p, text, bytes, 0);
        if (!code)
            code = unigram_add_token(p, p->n_pieces - 1, text, bytes, UNIGRAM_STRIP_LEFT | UNIGRAM_STRIP_RIGHT);
    }
    return code;
}

static int add_stages(UnigramPacker *p)
{
    static const char mark[] = "\xe2\x96\x81";
    UnigramRule strip = {.kind = UNIGRAM_STRIP, .flags = UNIGRAM_STRIP_RIGHT};
    UnigramRule spaces = {.kind = UNIGRAM_REPLACE_SET, .least = 2, .repeated = 1, .to_bytes = sizeof mark - 1,
                          .set = {[' ' / 32] = 1u << ' ' % 32}};
    int code;
    if ((code = unigram_add_rule(p, &strip)) ||
        (code = unigram_put(p, mark, sizeof mark - 1, false, &spaces.to)) || (code = unigram_add_rule(p, &spaces)) ||
        (code = unigram_add_metaspace(p, mark, UNIGRAM_ALWAYS, true)))
        return code;
    p->header.n_suffix = 1;
    return unigram_find(p, "</s>", &p->header.suffix[0])
               ? SDC_OK : sdc_error(SDC_BAD_INPUT, "%s: has no piece </s>", p->path);
}

int unigram_read_spiece(UnigramPacker *p, const void *data, int64_t bytes, const json_t *config)
{
    static int (*const readers[])(UnigramPacker *, SdcWire) = {NULL, read_piece, read_trainer, read_normaliser};
    SdcWire w = sdc_wire(data, bytes);
    SdcField f;
    SdcWireStep step;
    int code = SDC_OK;
    while (!code && (step = sdc_wire_next(&w, &f)) == WIRE_FIELD)
        if (f.number <= 3 && f.type == WIRE_BYTES)
            code = readers[f.number](p, f.body);
    if (!code && step == WIRE_MALFORMED)
        code = malformed(p);
    if (!code)
        code = add_extra_tokens(p, config);
    return code ? code : add_stages(p);
}
