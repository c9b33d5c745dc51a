/* unicode.c: see unicode.h. */
#include "unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

static const uint8_t class_of_category[32] = {
    [UTF8PROC_CATEGORY_LU] = UNICODE_LETTER, [UTF8PROC_CATEGORY_LL] = UNICODE_LETTER,
    [UTF8PROC_CATEGORY_LT] = UNICODE_LETTER, [UTF8PROC_CATEGORY_LM] = UNICODE_LETTER,
    [UTF8PROC_CATEGORY_LO] = UNICODE_LETTER, [UTF8PROC_CATEGORY_ND] = UNICODE_NUMBER,
    [UTF8PROC_CATEGORY_NL] = UNICODE_NUMBER, [UTF8PROC_CATEGORY_NO] = UNICODE_NUMBER,
    [UTF8PROC_CATEGORY_ZS] = UNICODE_SPACE,  [UTF8PROC_CATEGORY_ZL] = UNICODE_SPACE,
    [UTF8PROC_CATEGORY_ZP] = UNICODE_SPACE,
};

UnicodeClass unicode_class(int32_t code)
{
    if ((code >= 0x09 && code <= 0x0d) || code == 0x85)    /* White_Space has these controls besides Z* */
        return UNICODE_SPACE;
    return (UnicodeClass)class_of_category[utf8proc_category(code) & 31];
}

bool unicode_is_mark(int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_MN;
}

bool unicode_is_control(int32_t code)
{
    utf8proc_category_t c = utf8proc_category(code);
    return c >= UTF8PROC_CATEGORY_CC && c <= UTF8PROC_CATEGORY_CO;
}

bool unicode_is_punctuation(int32_t code)
{
    utf8proc_category_t c = utf8proc_category(code);
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO;
}

int unicode_lower(int32_t code, int32_t lower[2])
{
    if (code == 0x130) {    /* the only lower case of two characters in Unicode's SpecialCasing */
        lower[0] = 'i';
        lower[1] = 0x307;
        return 2;
    }
    lower[0] = utf8proc_tolower(code);
    return 1;
}

static int64_t normal_form(const char *text, int64_t bytes, int32_t **codes, utf8proc_option_t options)
{
    const utf8proc_uint8_t *source = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t n = utf8proc_decompose(source, bytes, NULL, 0, options);
    if (n < 0)
        return n == UTF8PROC_ERROR_INVALIDUTF8 ? -1 : -2;
    *codes = malloc(((size_t)n + 1) * sizeof **codes);
    if (!*codes)
        return -2;
    n = utf8proc_decompose(source, bytes, *codes, n, options);
    n = utf8proc_normalize_utf32(*codes, n, options);
    return n;
}

int64_t unicode_nfc(const char *text, int64_t bytes, int32_t **codes)
{
    return normal_form(text, bytes, codes, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

int64_t unicode_nfd(const char *text, int64_t bytes, int32_t **codes)
{
    return normal_form(text, bytes, codes, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
}

int unicode_decode(const char *text, int64_t bytes, int32_t *code)
{
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, bytes, code);
    return n > 0 ? (int)n : 0;
}

int unicode_encode(int32_t code, char utf8[4])
{
    return (int)utf8proc_encode_char(code, (utf8proc_uint8_t *)utf8);
}
