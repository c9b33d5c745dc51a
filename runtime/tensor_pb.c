/* tensor_pb.c: an ONNX TensorProto in a file of its own, as node tests and model zoos record inputs and outputs.
 *
 * Two walks over the message: the first collects dims, type and where the values lie and counts them, so that nothing
 * is allocated for values that are not there; the second stores them.  Field numbers and the placing of each type are
 * those of onnx.proto.  Strings, complex numbers, segments and external data are refused by name. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "array_io.h"
#include "wire.h"

enum { FIELD_DIMS = 1, FIELD_TYPE = 2, FIELD_SEGMENT = 3, FIELD_FLOAT = 4, FIELD_INT32 = 5, FIELD_STRING = 6,
       FIELD_INT64 = 7, FIELD_NAME = 8, FIELD_RAW = 9, FIELD_DOUBLE = 10, FIELD_UINT64 = 11, FIELD_EXTERNAL = 13,
       FIELD_LOCATION = 14, FIELD_LIMIT };

/* The fields that hold numbers: how one is coded when packed and when not. */
static const struct { bool typed; SdcWireType code; int bytes; } numbers[FIELD_LIMIT] = {
    [FIELD_FLOAT] = {true, WIRE_FIXED32, 4}, [FIELD_DOUBLE] = {true, WIRE_FIXED64, 8},
    [FIELD_INT32] = {true, WIRE_VARINT, 0},  [FIELD_INT64] = {true, WIRE_VARINT, 0},
    [FIELD_UINT64] = {true, WIRE_VARINT, 0}, [FIELD_DIMS] = {true, WIRE_VARINT, 0},
};

/* Types that sdc has not, by their code in onnx.proto. */
static const char *const foreign[] = {[8] = "strings", [14] = "complex64 numbers", [15] = "complex128 numbers"};

typedef struct {
    uint64_t type;
    int rank;                        /* SDC_MAX_RANK + 1 stands for any higher one */
    int64_t dim[SDC_MAX_RANK];
    bool has_raw, external, segment;
    SdcWire raw, name;
    int64_t values[FIELD_LIMIT];     /* numbers in each typed field */
} Tensor;

static int typed_field(DType type)
{
    static const struct { DType type; int field; } homes[] = {
        {DT_F32, FIELD_FLOAT}, {DT_F64, FIELD_DOUBLE}, {DT_I64, FIELD_INT64}, {DT_U64, FIELD_UINT64},
        {DT_U32, FIELD_UINT64},
    };
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++)
        if (homes[i].type == type)
            return homes[i].field;
    return FIELD_INT32;
}

/* The next number of a packed field. */
static bool next_number(SdcWire *body, int number, uint64_t *value)
{
    return numbers[number].code == WIRE_VARINT ? sdc_wire_varint(body, value)
                                               : sdc_wire_fixed(body, numbers[number].bytes, value);
}

typedef bool Visit(void *into, int number, uint64_t value);      /* false: stop */

/* Call visit for each number of a field; false when malformed or stopped. */
static bool visit_numbers(const SdcField *f, Visit *visit, void *into)
{
    int number = (int)f->number;
    if (f->type == numbers[number].code)
        return visit(into, number, f->value);
    if (f->type != WIRE_BYTES)
        return false;
    SdcWire body = f->body;
    while (sdc_wire_left(body) > 0) {
        uint64_t value;
        if (!next_number(&body, number, &value) || !visit(into, number, value))
            return false;
    }
    return true;
}

static bool count_number(void *into, int number, uint64_t value)
{
    Tensor *t = into;
    t->values[number]++;
    if (number != FIELD_DIMS)
        return true;
    if (t->rank < SDC_MAX_RANK)
        t->dim[t->rank] = (int64_t)value;
    t->rank += t->rank <= SDC_MAX_RANK;
    return true;
}

/* First walk; false when malformed. */
static bool survey(Tensor *t, SdcWire message)
{
    SdcField f;
    SdcWireStep step;
    *t = (Tensor){0};
    while ((step = sdc_wire_next(&message, &f)) == WIRE_FIELD) {
        if (f.number >= FIELD_LIMIT)
            continue;
        bool bytes = f.type == WIRE_BYTES, sound = true;
        if (numbers[f.number].typed)
            sound = visit_numbers(&f, count_number, t);
        else if (f.number == FIELD_TYPE && (sound = f.type == WIRE_VARINT))
            t->type = f.value;
        else if (f.number == FIELD_RAW && (sound = bytes)) {
            t->raw = f.body;
            t->has_raw = true;
        } else if (f.number == FIELD_NAME && (sound = bytes))
            t->name = f.body;
        else if (f.number == FIELD_LOCATION)
            t->external |= f.value != 0;
        else if (f.number == FIELD_EXTERNAL)
            t->external = true;
        else if (f.number == FIELD_SEGMENT)
            t->segment = true;
        if (!sound)
            return false;
    }
    return step == WIRE_END;
}

/* Is everything that the survey found acceptable?  Prints why not. */
static int vet(const Tensor *t, const char *what)
{
    if (t->type < sizeof foreign / sizeof *foreign && foreign[t->type])
        return sdc_error(SDC_UNSUPPORTED, "%s: the tensor holds %s, which sdc does not compute with", what,
                         foreign[t->type]);
    if (t->type == 0)
        return sdc_error(SDC_BAD_INPUT, "%s: is no ONNX tensor: it has no data type", what);
    if (t->type >= DT_LIMIT || !dtype_info((DType)t->type)->name)
        return sdc_error(SDC_UNSUPPORTED, "%s: unknown ONNX data type %llu", what, (unsigned long long)t->type);
    if (t->external || t->segment)
        return sdc_error(SDC_UNSUPPORTED, "%s: the tensor's data lies in another file; give one that holds it", what);
    if (t->rank > SDC_MAX_RANK)
        return sdc_error(SDC_UNSUPPORTED, "%s: the tensor has more than %d axes", what, SDC_MAX_RANK);
    return SDC_OK;
}

/* ---- second walk ---- */

typedef struct {
    SdcArray *a;
    int number;              /* the field that counts for this type */
    int64_t done;            /* elements */
} Filling;

/* Elements that share one byte or one int32: sub-byte types, lowest bits first. */
static int64_t packed_together(DType type)
{
    int bits = dtype_info(type)->bits;
    return bits < 8 ? 8 / bits : 1;
}

/* Store the `code` of an element: bits as the file has them, sub-byte integers extended to a byte. */
static void store_code(SdcArray *a, int64_t index, uint64_t code)
{
    const DTypeInfo *info = dtype_info(a->dtype);
    if (a->dtype == DT_BOOL)
        code = code != 0;
    if (info->bits < 8) {
        code &= (1u << info->bits) - 1;
        if (info->class == 'i' && code >> (info->bits - 1))
            code |= ~(uint64_t)0 << info->bits;
    }
    memcpy((char *)a->data + index * info->bytes, &code, (size_t)info->bytes);     /* little-endian: the low bytes */
}

static bool fill_number(void *into, int number, uint64_t value)
{
    Filling *f = into;
    int64_t together = packed_together(f->a->dtype);
    if (number != f->number)
        return true;
    for (int64_t i = 0; i < together && f->done < f->a->count; i++)
        store_code(f->a, f->done++, value >> (i * dtype_info(f->a->dtype)->bits));
    return true;
}

static void fill_typed(SdcArray *a, SdcWire message)
{
    SdcField field;
    Filling filling = {a, typed_field(a->dtype), 0};
    while (sdc_wire_next(&message, &field) == WIRE_FIELD)
        if ((int)field.number == filling.number)
            visit_numbers(&field, fill_number, &filling);
}

static void fill_raw(SdcArray *a, SdcWire raw)
{
    const DTypeInfo *info = dtype_info(a->dtype);
    int64_t together = packed_together(a->dtype);
    if (together == 1 && a->dtype != DT_BOOL && a->count)
        memcpy(a->data, raw.at, (size_t)(a->count * info->bytes));
    for (int64_t i = 0; (together > 1 || a->dtype == DT_BOOL) && i < a->count; i++)
        store_code(a, i, (uint64_t)raw.at[i / together] >> (i % together * info->bits));
}

int sdc_tensor_pb_parse(SdcArray *a, const uint8_t *data, int64_t bytes, const char *what)
{
    Tensor t;
    *a = (SdcArray){0};
    if (!survey(&t, sdc_wire(data, bytes)))
        return sdc_error(SDC_BAD_INPUT, "%s: is no ONNX tensor, or is cut short", what);
    int code = vet(&t, what);
    if (code)
        return code;
    DType type = (DType)t.type;
    int64_t together = packed_together(type), count = sdc_shape_count(t.rank, t.dim, dtype_info(type)->bytes);
    int64_t packed = count / together + (count % together != 0), held = t.values[typed_field(type)];
    char shape[SDC_SHAPE_TEXT];
    if (count < 0)
        return sdc_error(SDC_BAD_INPUT, "%s: shape %s is impossible", what, sdc_shape_text(shape, t.rank, t.dim));
    if (t.has_raw) {
        packed *= dtype_info(type)->bytes;
        held = sdc_wire_left(t.raw);
    }
    if (held != packed)
        return sdc_error(SDC_BAD_INPUT, "%s: shape %s of %s needs %lld %s, the tensor holds %lld", what,
                         sdc_shape_text(shape, t.rank, t.dim), dtype_info(type)->name, (long long)packed,
                         t.has_raw ? "bytes" : "values", (long long)held);
    code = sdc_array_alloc(a, type, t.rank, t.dim);
    if (code)
        return code;
    if (t.has_raw)
        fill_raw(a, t.raw);
    else
        fill_typed(a, sdc_wire(data, bytes));
    a->name = t.name.at ? strndup((const char *)t.name.at, (size_t)sdc_wire_left(t.name)) : NULL;
    if (t.name.at && !a->name) {
        sdc_array_free(a);
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", what);
    }
    return SDC_OK;
}
