/* wire_text.h: protobuf messages written as one line of text, so that a damaged model is one table row.
 *
 *      message = { field }
 *      field   = NUMBER '=' INTEGER          varint; negative ones take ten bytes
 *              | NUMBER ''' text '''         bytes, no escapes
 *              | NUMBER '#' HEX              bytes
 *              | NUMBER '*' COUNT            that many zero bytes
 *              | NUMBER '^' HEX              fixed 32 bits, as the bytes stand in the file
 *              | NUMBER '{' message '}'      nested message
 *              | '!' HEX                     bytes as they are, without a key
 *
 *      "8{2=17} 7{1{1'x'2'y'4'Relu'}}"       a model of opset 17 with one node                                       */
#ifndef SDC_WIRE_TEXT_H
#define SDC_WIRE_TEXT_H

#include <stddef.h>
#include <stdint.h>

typedef struct Bytes { uint8_t *data; size_t count, room; } Bytes;

void bytes_put(Bytes *b, const void *data, size_t count);
void bytes_put_varint(Bytes *b, uint64_t value);
void bytes_put_message(Bytes *b, uint32_t field, const Bytes *message);      /* key, length, contents */
void bytes_free(Bytes *b);
void wire_text(Bytes *b, const char *text);      /* appends; aborts on text that is not of the form above */

#endif
