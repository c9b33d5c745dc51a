/* tensor.c: TensorProto and SparseTensorProto to constants.  Contract in onnx.h.
 *
 * Data comes from one of four places (the file's raw_data, raw_data kept in the message, external data, typed fields);
 * wherever it lies, it is a run of bytes in the file's coding whose length must match the shape exactly. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.h"

/* ---- shape ---- */

static bool shape_import(Import *im, const int64_t *dims, size_t n, const char *what, Shape *shape, int64_t *count)
{
    if (n > MAX_RANK) {
        unsupported_add(&im->unsupported, text_format("rank above %d", MAX_RANK), what);
        return false;
    }
    *count = 1;
    for (size_t k = 0; k < n; k++)
        if (dims[k] < 0)
            refuse(im, "%s: negative dimension %lld", what, (long long)dims[k]);
    *shape = shape_of((int)n, dims);
    for (size_t k = 0; k < n; k++)
        if (mul_overflow(*count, dims[k], count) || *count > (int64_t)1 << 56)
            refuse(im, "%s: the dimensions multiply to more than 2^56", what);
    return true;
}

/* Bytes of `count` elements in a file; sub-byte types share bytes. */
static int64_t file_bytes(DType type, int64_t count)
{
    int bits = dtype_info(type)->bits;
    return bits >= 8 ? count * (bits / 8) : count / (8 / bits) + (count % (8 / bits) != 0);
}

/* ---- external data ---- */

typedef struct { const char *location; int64_t offset, length; bool has_offset, has_length; } Place;

/* Decimal digits only, no sign, no overflow. */
static int64_t number_of(const Import *im, const char *text, const char *key, const char *what)
{
    errno = 0;
    char *end;
    long long v = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        refuse(im, "%s: external data has %s '%s', which is no byte count", what, key, text);
    return v;
}

static Place place_of(const Import *im, const Onnx__TensorProto *t, const char *what)
{
    Place p = {0};
    for (size_t k = 0; k < t->n_external_data; k++) {
        const char *key = t->external_data[k]->key, *value = t->external_data[k]->value;
        bool again = false;
        if (!strcmp(key, "location")) {
            again = p.location;
            p.location = value;
        } else if (!strcmp(key, "offset")) {
            again = p.has_offset;
            p.has_offset = true;
            p.offset = number_of(im, value, key, what);
        } else if (!strcmp(key, "length")) {
            again = p.has_length;
            p.has_length = true;
            p.length = number_of(im, value, key, what);
        } else if (strcmp(key, "checksum") && strcmp(key, "basepath"))
            refuse(im, "%s: external data has the unknown key '%s'", what, key);
        if (again)
            refuse(im, "%s: external data has '%s' twice", what, key);
    }
    if (!p.location)
        refuse(im, "%s: external data without a location", what);
    return p;
}

static TensorBytes external_bytes(Import *im, const Onnx__TensorProto *t, int64_t need, const char *what)
{
    Place p = place_of(im, t, what);
    if (p.has_length && p.length != need)
        refuse(im, "%s: external data has %lld bytes, the shape needs %lld", what, (long long)p.length,
               (long long)need);
    Mapping map = weights_map(im->weights, p.location, what);
    if (p.offset > map.bytes || need > map.bytes - p.offset)
        refuse(im, "%s: bytes %lld to %lld + %lld are outside external data '%s' of %lld bytes; is it cut short?", what,
               (long long)p.offset, (long long)p.offset, (long long)need, p.location, (long long)map.bytes);
    return (TensorBytes){(const uint8_t *)map.data + p.offset, need, true};
}

/* ---- data ---- */

static TensorBytes range_bytes(const Import *im, const Onnx__TensorProto *t)
{
    int64_t range[2];
    memcpy(range, t->raw_range.data, sizeof range);       /* written by onnx_scan.c, inside the file */
    return (TensorBytes){(const uint8_t *)im->file.data + range[0], range[1], true};
}

static TensorBytes bytes_of(Import *im, const Onnx__TensorProto *t, int64_t need, const char *what)
{
    bool raw = t->has_raw_data || t->has_raw_range;
    if (t->data_location == 1) {
        if (raw)
            refuse(im, "%s: has raw_data and external data", what);
        return external_bytes(im, t, need, what);
    }
    if (t->data_location != 0)
        refuse(im, "%s: unknown data location %d", what, t->data_location);
    TensorBytes typed = tensor_typed_data(im, t, what);
    if (typed.data && raw && (t->has_raw_range || t->raw_data.len))
        refuse(im, "%s: has raw_data and typed data", what);
    if (typed.data)
        return typed;
    if (t->has_raw_range)
        return range_bytes(im, t);
    return (TensorBytes){t->raw_data.data, (int64_t)t->raw_data.len, false};
}

/* Elements as they are held in memory: in place where the contract allows, else copied. */
static const void *held(DType type, TensorBytes b, int64_t count)
{
    const DTypeInfo *info = dtype_info(type);
    if (b.kept && b.bytes > SMALL_TENSOR && info->bits >= 8 && type != DT_BOOL)
        return b.data;
    uint8_t *copy = alloc_array(count + 1, (size_t)info->bytes);
    if (info->bits < 8)
        tensor_unpack(type, copy, b.data, count);
    else if (b.bytes)
        memcpy(copy, b.data, (size_t)b.bytes);
    for (int64_t k = 0; type == DT_BOOL && k < count; k++)
        copy[k] = copy[k] != 0;
    return copy;
}

/* The type's name for messages, or NULL for a type that sdc has. */
static bool type_known(Import *im, const Onnx__TensorProto *t, const char *what)
{
    const char *foreign = foreign_type(t->data_type);
    if (t->data_type == 0)
        refuse(im, "%s: has no data type", what);
    if (t->has_data_type && foreign)
        unsupported_add(&im->unsupported, text_format("type %s", foreign), what);
    return !foreign;
}

const Tensor *tensor_import(Import *im, const Onnx__TensorProto *t, const char *what)
{
    if (!type_known(im, t, what))
        return NULL;
    if (t->segment) {
        unsupported_add(&im->unsupported, "a tensor in segments", what);
        return NULL;
    }
    Tensor *tensor = alloc(sizeof *tensor);
    tensor->dtype = (DType)t->data_type;
    if (!shape_import(im, t->dims, t->n_dims, what, &tensor->shape, &tensor->count))
        return NULL;
    int64_t need = file_bytes(tensor->dtype, tensor->count);
    TensorBytes b = bytes_of(im, t, need, what);
    if (b.bytes != need)
        refuse(im, "%s: holds %lld bytes of data, shape %s of %s needs %lld", what, (long long)b.bytes,
               shape_text(&tensor->shape), dtype_info(tensor->dtype)->name, (long long)need);
    tensor->data = held(tensor->dtype, b, tensor->count);
    return tensor;
}

/* ---- sparse ---- */

/* Linear index of entry k; indices are linear ([NNZ]) or one row an entry ([NNZ, rank]). */
static int64_t sparse_place(const Import *im, const Tensor *indices, const Shape *shape, int64_t k, const char *what)
{
    const int64_t *at = (const int64_t *)indices->data;
    int64_t linear = 0;
    if (indices->shape.rank == 1)
        linear = at[k];
    for (int d = 0; indices->shape.rank == 2 && d < shape->rank; d++) {
        int64_t index = at[k * shape->rank + d];
        if (index < 0 || index >= shape->dim[d])
            linear = -1;
        linear = linear < 0 ? -1 : linear * shape->dim[d] + index;
    }
    if (linear < 0 || linear >= shape_count(shape))
        refuse(im, "%s: index %lld lies outside the shape", what, (long long)k);
    return linear;
}

const Tensor *tensor_import_sparse(Import *im, const Onnx__SparseTensorProto *t, const char *what)
{
    Tensor *dense = alloc(sizeof *dense);
    if (!t->values || !t->indices)
        refuse(im, "%s: a sparse tensor without values or indices", what);
    const Tensor *values = tensor_import(im, t->values, what), *indices = tensor_import(im, t->indices, what);
    if (!values || !indices || !shape_import(im, t->dims, t->n_dims, what, &dense->shape, &dense->count))
        return NULL;
    const Shape *is = &indices->shape;
    bool linear = is->rank == 1, rows = is->rank == 2 && is->dim[1] == dense->shape.rank;
    if (indices->dtype != DT_I64 || values->shape.rank != 1 || !(linear || rows) || is->dim[0] != values->count)
        refuse(im, "%s: values and indices of the sparse tensor do not match", what);
    int bytes = dtype_info(values->dtype)->bytes;
    if (dense->count > SPARSE_LIMIT / bytes || indices->count > SPARSE_LIMIT / 8) {
        unsupported_add(&im->unsupported, "a sparse tensor above 64 MB", what);
        return NULL;
    }
    char *data = alloc_array(dense->count + 1, (size_t)bytes);
    int64_t *at = alloc_array(indices->count + 1, sizeof *at);      /* aligned, wherever the indices lie */
    memcpy(at, indices->data, (size_t)indices->count * sizeof *at);
    Tensor aligned = *indices;
    aligned.data = at;
    for (int64_t k = 0; k < values->count; k++)
        memcpy(data + sparse_place(im, &aligned, &dense->shape, k, what) * bytes,
               (const char *)values->data + k * bytes, (size_t)bytes);
    dense->dtype = values->dtype;
    dense->data = data;
    return dense;
}
