/* wire_text.c: see wire_text.h. */
#include "wire_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };

void bytes_put(Bytes *b, const void *data, size_t count)
{
    if (b->count + count > b->room) {
        b->room = 2 * (b->count + count);
        b->data = realloc(b->data, b->room);
        if (!b->data)
            abort();
    }
    if (count)
        memcpy(b->data + b->count, data, count);
    b->count += count;
}

void bytes_free(Bytes *b)
{
    free(b->data);
    *b = (Bytes){0};
}

void bytes_put_varint(Bytes *b, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        bytes_put(b, &byte, 1);
        value >>= 7;
    } while (value);
}

static void put_bytes(Bytes *b, uint32_t field, const void *data, size_t count)
{
    bytes_put_varint(b, (uint64_t)field << 3 | BYTES);
    bytes_put_varint(b, count);
    bytes_put(b, data, count);
}

void bytes_put_message(Bytes *b, uint32_t field, const Bytes *message)
{
    put_bytes(b, field, message->data, message->count);
}

static _Noreturn void malformed(const char *at)
{
    fprintf(stderr, "wire_text: cannot read '%s'\n", at);
    abort();
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static const char *hex(Bytes *b, const char *text)
{
    for (; digit(text[0]) >= 0 && digit(text[1]) >= 0; text += 2) {
        uint8_t byte = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
        bytes_put(b, &byte, 1);
    }
    return text;
}

static const char *message(Bytes *b, const char *text);

/* One field's value, behind its number. */
static const char *value(Bytes *b, uint32_t field, const char *text)
{
    Bytes inner = {0};
    char *end = NULL;
    const char *begin = text + 1;
    switch (*text) {
    case '=':
        bytes_put_varint(b, (uint64_t)field << 3 | VARINT);
        bytes_put_varint(b, (uint64_t)strtoll(begin, &end, 10));
        return end;
    case '\'':
        end = strchr(begin, '\'');
        if (!end)
            malformed(text);
        put_bytes(b, field, begin, (size_t)(end - begin));
        return end + 1;
    case '^':
        bytes_put_varint(b, (uint64_t)field << 3 | FIXED32);
        return hex(b, begin);
    case '#':
        begin = hex(&inner, begin);
        break;
    case '*':
        inner.count = (size_t)strtoull(begin, &end, 10);
        inner.data = calloc(inner.count + 1, 1);
        begin = end;
        break;
    case '{':
        begin = message(&inner, begin);
        if (*begin++ != '}')
            malformed(text);
        break;
    default:
        malformed(text);
    }
    bytes_put_message(b, field, &inner);
    bytes_free(&inner);
    return begin;
}

static const char *message(Bytes *b, const char *text)
{
    for (;;) {
        text += strspn(text, " ");
        if (*text == '!') {
            text = hex(b, text + 1);
            continue;
        }
        char *end;
        unsigned long field = strtoul(text, &end, 10);
        if (end == text)
            return text;
        text = value(b, (uint32_t)field, end);
    }
}

void wire_text(Bytes *b, const char *text)
{
    const char *end = message(b, text);
    if (*end)
        malformed(end);
}
