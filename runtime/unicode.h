/* unicode: what the tokenizers need of Unicode, on top of utf8proc.
 *
 * Normalisation, lower case and character classes as the Rust tokenizers have them: NFC, the full lower-case mapping
 * of a character by itself (no final-sigma rule), and the regular expression classes \s, \p{L} and \p{N}. */
#ifndef SDC_UNICODE_H
#define SDC_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { UNICODE_OTHER, UNICODE_SPACE, UNICODE_LETTER, UNICODE_NUMBER } UnicodeClass;

UnicodeClass unicode_class(int32_t code);

/* General categories: Mn; C without the unassigned; P. */
bool unicode_is_mark(int32_t code);
bool unicode_is_control(int32_t code);
bool unicode_is_punctuation(int32_t code);

/* The full lower-case mapping; returns how many of lower[2] it takes (2 for U+0130 alone). */
int unicode_lower(int32_t code, int32_t lower[2]);

/* UTF-8 text to NFC code points, malloc'd in *codes.  Returns how many, -1 when the text is not valid UTF-8, -2 when
 * memory ran out.  NUL bytes are text. */
int64_t unicode_nfc(const char *text, int64_t bytes, int32_t **codes);
int64_t unicode_nfd(const char *text, int64_t bytes, int32_t **codes);  /* likewise, decomposed */

/* The code point at text, which has `bytes` left; returns its length in bytes, 0 when it is not valid UTF-8. */
int unicode_decode(const char *text, int64_t bytes, int32_t *code);

/* Write code to utf8[4]; returns its length in bytes. */
int unicode_encode(int32_t code, char utf8[4]);

#endif
