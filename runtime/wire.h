/* wire.h: a bounded cursor over protobuf's wire format.
 *
 * Reads nothing outside [at, end), allocates nothing and does not recurse: a nested message is another cursor, so the
 * caller decides how deep to go.  Source of the format: protobuf's published encoding; groups (types 3 and 4), which
 * ONNX never uses, are malformed here. */
#ifndef SDC_WIRE_H
#define SDC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct SdcWire { const uint8_t *at, *end; } SdcWire;

typedef enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 } SdcWireType;

typedef struct SdcField {
    uint32_t number;         /* never 0 */
    SdcWireType type;
    uint64_t value;          /* of a varint, fixed64 or fixed32 */
    SdcWire body;            /* of WIRE_BYTES: string, message or packed numbers */
} SdcField;

typedef enum { WIRE_END, WIRE_FIELD, WIRE_MALFORMED } SdcWireStep;

static inline SdcWire sdc_wire(const void *data, int64_t bytes)
{
    const uint8_t *at = data;
    return (SdcWire){at, bytes > 0 ? at + bytes : at};
}

static inline int64_t sdc_wire_left(SdcWire w) { return w.end - w.at; }

bool sdc_wire_varint(SdcWire *w, uint64_t *value);         /* false: cut short or longer than ten bytes */
bool sdc_wire_fixed(SdcWire *w, int bytes, uint64_t *value);   /* little-endian, 4 or 8 bytes */
SdcWireStep sdc_wire_next(SdcWire *w, SdcField *field);    /* the next field of a message; skips nothing */

#endif
