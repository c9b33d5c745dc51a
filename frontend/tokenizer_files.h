/* tokenizer_files.h: what the packers of all kinds of tokenizers read alike. */
#ifndef SDC_TOKENIZER_FILES_H
#define SDC_TOKENIZER_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../runtime/wire.h"

/* An object in *into; NULL when the file is absent and may be.  flags: of jansson, beside that no key stands twice.
 * SDC_OK, or an SDC_ code with the error printed. */
int tokenizer_read_json(const char *path, bool needed, size_t flags, json_t **into);

/* tokenizer_config.json or special_tokens_map.json, which may be absent.  All numbers in it are reals: where there is no limit,
 * transformers writes a model_max_length of 31 digits. */
int tokenizer_read_config(const char *path, json_t **into);

/* The text of a token, which is a string or an object with content; NULL when it is neither. */
const char *tokenizer_token_text(const json_t *token);

/* model_max_length, 0 where it is absent or none: "no limit" is written as 1e30, or in digits. */
uint32_t tokenizer_length_limit(const json_t *value);

/* A piece of a SentencePiece model: {1: text, 2: score, 3: type}, text without a NUL at its end.  id: its place
 * among them, which the reader does not know. */
enum { SPIECE_NORMAL = 1, SPIECE_UNKNOWN = 2, SPIECE_CONTROL = 3, SPIECE_USER_DEFINED = 4 };
typedef struct { const char *text; size_t bytes; float score; uint64_t type; json_int_t id; } SpiecePiece;

/* False: malformed, or without a text. */
bool tokenizer_read_piece(SdcWire w, SpiecePiece *piece);

#endif
