/* tokenizer_settings.h: is a tokenizer.json as the tokenizers of one kind have it?
 *
 * A kind's stages are fixed in its runtime, so a file that asks for others must be refused.  A table has a row for each
 * setting; what is in the file without a row is refused, unless it is null or false. */
#ifndef SDC_TOKENIZER_SETTINGS_H
#define SDC_TOKENIZER_SETTINGS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* field: keys and places with points between.  value: as JSON has it, without quotes; NULL: the field may be null or
 * absent.  Several rows of a field are alternatives. */
typedef struct { const char *field, *value; } TokenizerSetting;
extern const char tokenizer_any[];              /* the value of a field that is not looked at here, nor what is in it */

/* All return SDC_OK, or an SDC_ code with the error printed.  path: of tokenizer.json; kind: for messages, "CLIP". */

/* Of model, normalizer and pre_tokenizer. */
int tokenizer_check_settings(const char *path, const char *kind, const json_t *root, const TokenizerSetting *rows,
                             size_t n);

/* Does post_processor put the token `first` in front of a text, `last` behind it, and nothing else? */
int tokenizer_check_frame(const char *path, const json_t *root, uint32_t first, uint32_t last);

/* Does padding stand in front of a text?  As in transformers padding_side of tokenizer_config.json counts, else
 * padding.direction of tokenizer.json, else what the tokenizer's class has: Gemma's are padded in front.  Texts that are cut
 * in front, by truncation_side or truncation.direction, are not supported.  config and root may be NULL. */
int tokenizer_sides(const char *folder, const json_t *config, const json_t *root, uint32_t *pad_left);

/* Is model.unk_token this one? */
int tokenizer_check_unknown(const char *path, const json_t *root, const char *text);

#endif
