/* onnx_scan.c: the check that stands between an untrusted file and protobuf-c.
 *
 * protobuf-c unpacks recursively without a limit, copies every byte field and turns a two-byte empty message into a
 * hundred bytes of memory.  So the wire format is walked first, without recursion and without allocating: nesting of at
 * most MAX_DEPTH, every length inside its parent, wire types as the schema says, no message or byte field twice where
 * one is meant (merging those costs quadratic time), no zero byte in a name.  The walk adds up what unpacking will
 * allocate and refuses files whose structure costs out of proportion to their size.
 *
 * On the way it writes the message that is then unpacked: the file without the fields that onnx.proto does not list,
 * and with raw_data above RAW_KEPT bytes replaced by raw_range, so that weights are never copied.  A message keeps the
 * width of its length field, so nothing grows and lengths can be filled in when a message ends. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "../runtime/wire.h"
#include "onnx.h"

enum {
    MAX_DEPTH = 100,          /* as Google's own parser */
    RAW_KEPT = 64,            /* raw_data up to this stays in the message: scalars, axes */
    RAW_DATA = 9, RAW_RANGE = 1000,
    VARINT_MOST = 5,          /* bytes of a key or length that protobuf-c accepts */
    SLAB_FIELDS = 16, SLAB_BYTES = 96,    /* protobuf-c's work space: none up to 16 fields, 80 bytes a field above */
    ROUND = 16
};
static const int64_t FREE_BYTES = 64 << 20, BYTES_PER_BYTE = 24, MOST_BYTES = (int64_t)4 << 30;

typedef struct Frame {
    const ProtobufCMessageDescriptor *type;
    SdcWire rest;             /* not yet read */
    uint8_t *length;          /* in the copy; NULL for the file itself */
    int width;                /* of the length, bytes */
    uint64_t seen;            /* by index in the descriptor */
    int64_t fields;
} Frame;

typedef struct Walk {
    const char *path;
    const uint8_t *start;     /* of the file */
    uint8_t *to;              /* end of the copy so far */
    int64_t budget;
    Frame stack[MAX_DEPTH];
    int depth;
} Walk;

static const SdcWireType wire_types[] = {
    [PROTOBUF_C_TYPE_INT32] = WIRE_VARINT,   [PROTOBUF_C_TYPE_INT64] = WIRE_VARINT,
    [PROTOBUF_C_TYPE_UINT64] = WIRE_VARINT,  [PROTOBUF_C_TYPE_FLOAT] = WIRE_FIXED32,
    [PROTOBUF_C_TYPE_DOUBLE] = WIRE_FIXED64, [PROTOBUF_C_TYPE_STRING] = WIRE_BYTES,
    [PROTOBUF_C_TYPE_BYTES] = WIRE_BYTES,    [PROTOBUF_C_TYPE_MESSAGE] = WIRE_BYTES,
};
static const int64_t element_bytes[] = {
    [PROTOBUF_C_TYPE_INT32] = 4,             [PROTOBUF_C_TYPE_INT64] = 8,
    [PROTOBUF_C_TYPE_UINT64] = 8,            [PROTOBUF_C_TYPE_FLOAT] = 4,
    [PROTOBUF_C_TYPE_DOUBLE] = 8,            [PROTOBUF_C_TYPE_STRING] = sizeof(char *),
    [PROTOBUF_C_TYPE_BYTES] = sizeof(ProtobufCBinaryData), [PROTOBUF_C_TYPE_MESSAGE] = sizeof(void *),
};

static _Noreturn void damaged(const Walk *w, const uint8_t *at, const char *what)
{
    fail(SDC_BAD_INPUT, "%s: byte %lld: %s; the file is damaged, cut short or not an ONNX model", w->path,
         (long long)(at - w->start), what);
}

static void copy(Walk *w, const uint8_t *from, const uint8_t *end)
{
    memcpy(w->to, from, (size_t)(end - from));
    w->to += end - from;
}

static int varint_put(uint8_t *to, uint64_t value, int width)
{
    int k = 0;
    for (; k < width - 1 || (width == 0 && value >= 0x80); k++, value >>= 7)
        to[k] = (uint8_t)((value & 0x7f) | 0x80);
    to[k] = (uint8_t)value;
    return k + 1;
}

/* The place of a long raw_data, instead of its bytes. */
static void put_range(Walk *w, SdcWire body)
{
    const int64_t range[2] = {body.at - w->start, sdc_wire_left(body)};
    w->to += varint_put(w->to, RAW_RANGE << 3 | WIRE_BYTES, 0);
    *w->to++ = sizeof range;
    memcpy(w->to, range, sizeof range);
    w->to += sizeof range;
    w->budget += (int64_t)sizeof range + ROUND;
}

static int64_t packed_count(const ProtobufCFieldDescriptor *f, SdcWire body)
{
    if (wire_types[f->type] != WIRE_VARINT)
        return sdc_wire_left(body) / element_bytes[f->type];
    int64_t count = 0;
    for (const uint8_t *p = body.at; p < body.end; p++)
        count += *p < 0x80;
    return count;
}

/* Add what protobuf-c allocates for one field. */
static void charge(Walk *w, const ProtobufCFieldDescriptor *f, const SdcField *field)
{
    bool packed = field->type == WIRE_BYTES && wire_types[f->type] != WIRE_BYTES;
    w->budget += ROUND;
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        w->budget += ROUND + element_bytes[f->type] * (packed ? packed_count(f, field->body) : 1);
    if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES)
        w->budget += sdc_wire_left(field->body) + 1;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        w->budget += (int64_t)((const ProtobufCMessageDescriptor *)f->descriptor)->sizeof_message;
}

static void check_field(const Walk *w, Frame *frame, const ProtobufCFieldDescriptor *f, const SdcField *field,
                        const uint8_t *key)
{
    bool packed = f->label == PROTOBUF_C_LABEL_REPEATED && field->type == WIRE_BYTES;
    const uint8_t *key_end = key + 1;
    while (key_end[-1] & 0x80)
        key_end++;
    if (key_end - key > VARINT_MOST || (field->type == WIRE_BYTES && field->body.at - key_end > VARINT_MOST))
        damaged(w, key, "a key or length is written with too many bytes");
    if (field->type != wire_types[f->type] && !packed)
        damaged(w, key, text_format("field '%s' of %s has the wrong wire type", f->name, frame->type->short_name));
    if (f->type == PROTOBUF_C_TYPE_STRING && memchr(field->body.at, 0, (size_t)sdc_wire_left(field->body)))
        damaged(w, key, text_format("'%s' of %s holds a zero byte", f->name, frame->type->short_name));
    if (f->label == PROTOBUF_C_LABEL_REPEATED ||
        (f->type != PROTOBUF_C_TYPE_MESSAGE && f->type != PROTOBUF_C_TYPE_BYTES))
        return;
    uint64_t bit = (uint64_t)1 << (f - frame->type->fields);
    if (frame->seen & bit)
        damaged(w, key, text_format("field '%s' of %s stands twice", f->name, frame->type->short_name));
    frame->seen |= bit;
}

/* Bytes of the varint that ends before `end`; a byte without the top bit, the end of the key, stands before it. */
static int width_before(const uint8_t *end)
{
    int width = 1;
    while (end[-1 - width] & 0x80)
        width++;
    return width;
}

static void enter(Walk *w, const ProtobufCFieldDescriptor *f, SdcWire body, const uint8_t *key)
{
    if (w->depth == MAX_DEPTH)
        damaged(w, key, text_format("messages nest deeper than %d", MAX_DEPTH));
    int width = width_before(body.at);
    w->stack[w->depth++] = (Frame){.type = f->descriptor, .rest = body, .length = w->to - width, .width = width};
}

static void leave(Walk *w, const Frame *frame)
{
    if (frame->fields > SLAB_FIELDS)
        w->budget += SLAB_BYTES * frame->fields;
    if (frame->length)
        varint_put(frame->length, (uint64_t)(w->to - (frame->length + frame->width)), frame->width);
    w->depth--;
}

/* A node's metadata other than its modules' names, such as a trace of the exporter's stack at each node. */
static bool is_other_metadata(const Frame *frame, const SdcField *field)
{
    enum { METADATA = 9, KEY = 1 };
    static const char scopes[] = ONNX_SCOPES_KEY;
    SdcWire entry = field->body;
    SdcField key;
    if (frame->type != &onnx__node_proto__descriptor || field->number != METADATA || field->type != WIRE_BYTES)
        return false;
    return sdc_wire_next(&entry, &key) != WIRE_FIELD || key.number != KEY || key.type != WIRE_BYTES ||
           sdc_wire_left(key.body) != sizeof scopes - 1 || memcmp(key.body.at, scopes, sizeof scopes - 1);
}

static void take_field(Walk *w, Frame *frame, const SdcField *field, const uint8_t *key)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(frame->type, field->number);
    if (!f || field->number == RAW_RANGE || is_other_metadata(frame, field))
        return;
    check_field(w, frame, f, field, key);
    frame->fields++;
    if (frame->type == &onnx__tensor_proto__descriptor && field->number == RAW_DATA &&
        sdc_wire_left(field->body) > RAW_KEPT) {
        put_range(w, field->body);
        return;
    }
    charge(w, f, field);
    bool message = f->type == PROTOBUF_C_TYPE_MESSAGE;
    copy(w, key, message ? field->body.at : frame->rest.at);
    if (message)
        enter(w, f, field->body, key);
}

static void walk(Walk *w)
{
    while (w->depth > 0) {
        Frame *frame = &w->stack[w->depth - 1];
        const uint8_t *key = frame->rest.at;
        SdcField field;
        switch (sdc_wire_next(&frame->rest, &field)) {
        case WIRE_FIELD:
            take_field(w, frame, &field, key);
            break;
        case WIRE_END:
            leave(w, frame);
            break;
        case WIRE_MALFORMED:
            damaged(w, key,
                    text_format("no field of %s begins here, or it runs past the end", frame->type->short_name));
        }
    }
}

void *pages_new(const char *path, int64_t room)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *pages = mmap(NULL, (size_t)room, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (pages == MAP_FAILED)
        fail(SDC_NO_SPACE, "%s: out of memory: %s", path, strerror(errno));
    return pages;
}

OnnxScan onnx_scan(const char *path, Mapping file)
{
    if (file.bytes == 0)
        fail(SDC_BAD_INPUT, "%s: the file is empty", path);
    if (file.bytes > INT32_MAX)
        fail(SDC_BAD_INPUT,
             "%s: %lld bytes are more than the 2 GB that protobuf allows; store weights as external data", path,
             (long long)file.bytes);
    OnnxScan scan = {.room = file.bytes};
    scan.data = pages_new(path, scan.room);
    const ProtobufCMessageDescriptor *model = &onnx__model_proto__descriptor;
    Walk w = {.path = path, .start = file.data, .to = scan.data, .budget = (int64_t)model->sizeof_message, .depth = 1};
    w.stack[0] = (Frame){.type = model, .rest = sdc_wire(file.data, file.bytes)};
    walk(&w);
    scan.bytes = w.to - scan.data;
    scan.unpacked_bytes = w.budget;
    if (w.budget > MOST_BYTES || w.budget > FREE_BYTES + BYTES_PER_BYTE * scan.bytes)
        fail(SDC_BAD_INPUT,
             "%s: %lld bytes of structure would take %lld bytes of memory; refused as a decompression bomb", path,
             (long long)scan.bytes, (long long)w.budget);
    return scan;
}

void onnx_scan_free(OnnxScan *scan)
{
    munmap(scan->data, (size_t)scan->room);
    scan->data = NULL;
}
