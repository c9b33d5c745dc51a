/* tokenizer_files.c: see tokenizer_files.h. */
#include "tokenizer_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/fileio.h"
#include "../runtime/runtime.h"
#include "../runtime/tokenizer.h"

int tokenizer_read_json(const char *path, bool needed, size_t flags, json_t **into)
{
    SdcFile file;
    *into = NULL;
    if (!needed && access(path, F_OK) && errno == ENOENT)
        return SDC_OK;
    int code = sdc_file_map(&file, path);
    if (code)
        return code;
    json_error_t error;
    *into = json_loadb((const char *)file.data, (size_t)file.bytes, JSON_REJECT_DUPLICATES | flags, &error);
    sdc_file_unmap(&file);
    if (!*into)
        return sdc_error(SDC_BAD_INPUT, "%s: line %d: %s", path, error.line, error.text);
    if (!json_is_object(*into))
        return sdc_error(SDC_BAD_INPUT, "%s: not a JSON object", path);
    return SDC_OK;
}

int tokenizer_read_config(const char *path, json_t **into)
{
    return tokenizer_read_json(path, false, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, into);
}

const char *tokenizer_token_text(const json_t *token)
{
    return json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
}

uint32_t tokenizer_length_limit(const json_t *value)
{
    double length = json_number_value(value);
    return length >= 1 && length <= TOKENIZER_MAX_TEXT ? (uint32_t)length : 0;
}

bool tokenizer_read_piece(SdcWire w, SpiecePiece *piece)
{
    *piece = (SpiecePiece){.type = SPIECE_NORMAL};
    SdcField f;
    SdcWireStep step;
    while ((step = sdc_wire_next(&w, &f)) == WIRE_FIELD) {
        if (f.number == 1 && f.type == WIRE_BYTES) {
            piece->text = (const char *)f.body.at;
            piece->bytes = (size_t)sdc_wire_left(f.body);
        } else if (f.number == 2 && f.type == WIRE_FIXED32) {
            memcpy(&piece->score, &(uint32_t){(uint32_t)f.value}, sizeof piece->score);
        } else if (f.number == 3 && f.type == WIRE_VARINT) {
            piece->type = f.value;
        }
    }
    return step != WIRE_MALFORMED && piece->text && piece->bytes;
}
