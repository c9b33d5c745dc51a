/* tensor_data.c: how elements are coded in a TensorProto's typed fields, and types of less than a byte.
 *
 * A row says which field holds a type and how wide an element is there.  int32_data is the home of everything below 32
 * bits: f16, bf16 and the 8-bit floats as their bit patterns, sub-byte types as whole packed bytes.  Source: the
 * comments of TensorProto in the published format. */
#include <string.h>

#include "onnx.h"

typedef enum { INT32_DATA, FLOAT_DATA, DOUBLE_DATA, INT64_DATA, UINT64_DATA, FIELDS } Field;

static const char *const field_names[FIELDS] = {"int32_data", "float_data", "double_data", "int64_data", "uint64_data"};
static const int field_bytes[FIELDS] = {4, 4, 8, 8, 8};

/* Types that are not here live in int32_data. */
static const Field homes[DT_LIMIT] = {
    [DT_F32] = FLOAT_DATA,  [DT_F64] = DOUBLE_DATA, [DT_I64] = INT64_DATA,
    [DT_U64] = UINT64_DATA, [DT_U32] = UINT64_DATA,
};

typedef struct { const void *data; int64_t count; } Numbers;

static Numbers field_of(const Onnx__TensorProto *t, Field field)
{
    const Numbers all[FIELDS] = {
        [FLOAT_DATA] = {t->float_data, (int64_t)t->n_float_data},
        [DOUBLE_DATA] = {t->double_data, (int64_t)t->n_double_data},
        [INT32_DATA] = {t->int32_data, (int64_t)t->n_int32_data},
        [INT64_DATA] = {t->int64_data, (int64_t)t->n_int64_data},
        [UINT64_DATA] = {t->uint64_data, (int64_t)t->n_uint64_data},
    };
    return all[field];
}

/* Bits that an element of the field may use: of a bool one, of a sub-byte type its whole packed byte. */
static int bits_of(DType type)
{
    int bits = dtype_info(type)->bits;
    return type == DT_BOOL ? 1 : bits < 8 ? 8 : bits;
}

static bool fits(int64_t v, int bits, bool with_sign)
{
    int64_t limit = (int64_t)1 << (with_sign ? bits - 1 : bits);
    return v < limit && v >= (with_sign ? -limit : 0);
}

/* Elements of int32_data or uint64_data to `bytes` bytes each. */
static void *narrowed(const Import *im, Numbers from, Field field, DType type, const char *what)
{
    size_t bytes = (size_t)(dtype_info(type)->bits < 8 ? 1 : dtype_info(type)->bytes);
    bool with_sign = dtype_info(type)->class == 'i' && dtype_info(type)->bits >= 8;
    char *to = alloc_array(from.count + 1, bytes);
    for (int64_t k = 0; k < from.count; k++) {
        int64_t v = field == INT32_DATA ? ((const int32_t *)from.data)[k] : ((const int64_t *)from.data)[k];
        if (!fits(v, bits_of(type), with_sign))
            refuse(im, "%s: element %lld of %s, %lld, does not fit %s", what, (long long)k, field_names[field],
                   (long long)v, dtype_info(type)->name);
        memcpy(to + (size_t)k * bytes, &v, bytes);       /* little-endian: the low bytes */
    }
    return to;
}

TensorBytes tensor_typed_data(const Import *im, const Onnx__TensorProto *t, const char *what)
{
    DType type = (DType)t->data_type;
    Field home = homes[type];
    for (Field k = 0; k < FIELDS; k++)
        if (k != home && field_of(t, k).count)
            refuse(im, "%s: has %s, but %s belongs into %s", what, field_names[k], dtype_info(type)->name,
                   field_names[home]);
    Numbers from = field_of(t, home);
    int stored = dtype_info(type)->bits < 8 ? 1 : dtype_info(type)->bytes;
    bool narrow = stored != field_bytes[home];
    TensorBytes b = {.data = from.count ? from.data : NULL, .bytes = from.count * stored, .kept = narrow};
    if (from.count && narrow)
        b.data = narrowed(im, from, home, type, what);
    return b;
}

void tensor_unpack(DType type, uint8_t *to, const uint8_t *from, int64_t count)
{
    int bits = dtype_info(type)->bits, together = 8 / bits;
    uint8_t mask = (uint8_t)((1 << bits) - 1), sign = (uint8_t)(dtype_info(type)->class == 'i' ? 1 << (bits - 1) : 0);
    for (int64_t k = 0; k < count; k++) {
        uint8_t code = (uint8_t)(from[k / together] >> (k % together * bits)) & mask;
        to[k] = (uint8_t)((code ^ sign) - sign);
    }
}
