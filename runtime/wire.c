/* wire.c: see wire.h. */
#include "wire.h"

bool sdc_wire_varint(SdcWire *w, uint64_t *value)
{
    uint64_t sum = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (w->at == w->end)
            return false;
        uint8_t byte = *w->at++;
        if (shift == 63 && byte > 1)        /* more than 64 bits */
            return false;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *value = sum;
            return true;
        }
    }
    return false;
}

bool sdc_wire_fixed(SdcWire *w, int bytes, uint64_t *value)
{
    if (sdc_wire_left(*w) < bytes)
        return false;
    uint64_t sum = 0;
    for (int i = 0; i < bytes; i++)
        sum |= (uint64_t)w->at[i] << (8 * i);
    w->at += bytes;
    *value = sum;
    return true;
}

SdcWireStep sdc_wire_next(SdcWire *w, SdcField *field)
{
    uint64_t key, length;
    bool sound = false;
    if (w->at == w->end)
        return WIRE_END;
    if (!sdc_wire_varint(w, &key) || key > UINT32_MAX || key < 8)
        return WIRE_MALFORMED;
    *field = (SdcField){.number = (uint32_t)(key >> 3), .type = (SdcWireType)(key & 7)};
    switch (key & 7) {
    case WIRE_VARINT:
        sound = sdc_wire_varint(w, &field->value);
        break;
    case WIRE_FIXED64:
        sound = sdc_wire_fixed(w, 8, &field->value);
        break;
    case WIRE_FIXED32:
        sound = sdc_wire_fixed(w, 4, &field->value);
        break;
    case WIRE_BYTES:
        sound = sdc_wire_varint(w, &length) && length <= (uint64_t)sdc_wire_left(*w);
        if (sound) {
            field->body = (SdcWire){w->at, w->at + length};
            w->at += length;
        }
        break;
    default:
        break;
    }
    return sound ? WIRE_FIELD : WIRE_MALFORMED;
}
