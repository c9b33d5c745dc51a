/* tokenizers.h: what the tests of all kinds of tokenizers share: packing, recorded ids, bad texts, damaged blobs. */
#ifndef SDC_TESTS_TOKENIZERS_H
#define SDC_TESTS_TOKENIZERS_H

#include <jansson.h>

#include "../../runtime/tokenizer.h"

/* tokenizer_pack(), or that of one kind. */
typedef int Packer(const char *folder, void **blob, int64_t *bytes);

typedef struct { Tokenizer t; void *blob; int64_t bytes; } Packed;

/* Of files that are good. */
Packed pack_tokenizer(Packer *pack, const char *folder);

/* The code, and what is printed in said[room]; *blob is NULL where nothing was packed. */
int pack_listening(Packer *pack, const char *folder, void **blob, char *said, size_t room);

/* FOLDER/vectors.json or, packed, vectors.json.gz; and whether FOLDER/NAME has such, for list_folder(). */
json_t *read_vectors(const char *folder);
bool has_vectors(const char *folder, const char *name);

/* Does text become the recorded ids?  length > 0: cut and padded to it, the last recorded id and then `pad` at the
 * end. */
bool encodes_as(const Tokenizer *t, const json_t *text, const json_t *ids, int64_t length, int64_t pad);

/* Another value, as JSON, of a field that exists or that its object may have: keys and places with points between. */
void set_field(json_t *root, const char *field, const char *value);

/* Prints the vector that differs; 1. */
int complain(const json_t *vector);

/* Texts that are not UTF-8, and one too long, are refused; a text as long as allowed is read. */
void check_bad_texts(const Tokenizer *t);

/* Any of the first `dense` words of the blob, and each `step`th behind them, replaced by each of values[n]: refused, or
 * use()d without harm; and refused when cut short anywhere. */
void check_damaged_blobs(const Packed *p, int64_t dense, int64_t step, const uint32_t *values, size_t n,
                         void (*use)(const Tokenizer *t));

/* use() for kinds whose ids are all checked: encodes text, of which every id must be below `vocabulary`. */
void check_ids(const Tokenizer *t, const char *text, int64_t length, uint32_t vocabulary);

#endif
