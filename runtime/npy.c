/* npy.c: NumPy's .npy files, versions 1 to 3.  Source of the format: NEP 1 and numpy.lib.format.
 *
 *      "\x93NUMPY" major minor  header length (u16 in version 1, u32 after)  header: a Python dict  data
 *
 * The dict is a literal with the keys descr, fortran_order and shape; it is read by a parser for exactly that.
 * Big-endian data is swapped, Fortran order is turned into C order.  Floats that NumPy has not are written as
 * float32, sub-byte integers as 8-bit ones. */
#include <stdlib.h>
#include <string.h>

#include "array_io.h"

enum { CHUNK_ELEMENTS = 16384, HEADER_LIMIT = 65536, PREAMBLE = 10 };

/* ---- types ---- */

static const struct { DType dtype; const char *code; } codes[] = {     /* the first row of a type is what is written */
    {DT_F32, "f4"}, {DT_F64, "f8"}, {DT_F16, "f2"}, {DT_BOOL, "b1"}, {DT_I8, "i1"}, {DT_I16, "i2"}, {DT_I32, "i4"},
    {DT_I64, "i8"}, {DT_U8, "u1"}, {DT_U16, "u2"}, {DT_U32, "u4"}, {DT_U64, "u8"}, {DT_I4, "i1"}, {DT_I2, "i1"},
    {DT_U4, "u1"}, {DT_U2, "u1"},
};
enum { CODES = sizeof codes / sizeof *codes };

static const struct { char kind; const char *name; } foreign[] = {
    {'O', "Python objects"}, {'c', "complex numbers"}, {'U', "strings"}, {'S', "strings"}, {'a', "strings"},
    {'V', "raw bytes or records"}, {'M', "dates"}, {'m', "time spans"}, {'f', "floats of an unusual width"},
};

static DType dtype_of_code(const char *code)
{
    for (int i = 0; i < CODES; i++)
        if (strcmp(codes[i].code, code) == 0)
            return codes[i].dtype;
    return strcmp(code, "?") == 0 ? DT_BOOL : DT_NONE;
}

/* NULL: written as float32. */
static const char *code_of_dtype(DType dtype)
{
    for (int i = 0; i < CODES; i++)
        if (codes[i].dtype == dtype)
            return codes[i].code;
    return NULL;
}

/* ---- header ---- */

typedef struct {
    char descr[32];
    bool swapped, fortran;
    DType dtype;
    int rank;
    int64_t dim[SDC_MAX_RANK];
} Header;

typedef struct { const char *at, *end; } Text;

static void skip_space(Text *t)
{
    while (t->at < t->end && strchr(" \t\r\n", *t->at) && *t->at)
        t->at++;
}

/* Take `word` if it comes next. */
static bool take(Text *t, const char *word)
{
    skip_space(t);
    size_t length = strlen(word);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, word, length) != 0)
        return false;
    t->at += length;
    return true;
}

static bool take_string(Text *t, char *into, size_t size)
{
    bool doubled = take(t, "\"");
    if (!doubled && !take(t, "'"))
        return false;
    size_t used = 0;
    while (t->at < t->end && *t->at != (doubled ? '"' : '\'')) {
        if (used + 1 == size || *t->at == '\\')
            return false;
        into[used++] = *t->at++;
    }
    into[used] = 0;
    return t->at++ < t->end;
}

static bool take_extent(Text *t, int64_t *extent)
{
    skip_space(t);
    const char *start = t->at;
    int64_t value = 0;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *t->at++ - '0', &value))
            return false;
    *extent = value;
    return t->at > start && (take(t, "L") || true);        /* Python 2 wrote 3L */
}

/* "(2, 3)", "(2,)" or "()"; rank SDC_MAX_RANK + 1 stands for any higher one. */
static bool take_shape(Text *t, Header *h)
{
    if (!take(t, "("))
        return false;
    for (h->rank = 0; !take(t, ")");) {
        int64_t extent;
        if (!take_extent(t, &extent))
            return false;
        if (h->rank < SDC_MAX_RANK)
            h->dim[h->rank] = extent;
        h->rank += h->rank <= SDC_MAX_RANK;
        if (!take(t, ",")) {
            if (h->rank == 1)
                return false;               /* (2) is a number */
            return take(t, ")");
        }
    }
    return true;
}

/* The dict into h; NULL or what is wrong.  A structured descr is a list: noted as descr "[". */
static const char *parse_dict(Text t, Header *h)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    enum { DESCR, ORDER, SHAPE, KEYS };
    bool seen[KEYS] = {false};
    if (!take(&t, "{"))
        return "the header is no dict";
    while (!take(&t, "}")) {
        char name[16];
        int key = 0;
        if (!take_string(&t, name, sizeof name) || !take(&t, ":"))
            return "the header's keys cannot be read";
        while (key < KEYS && strcmp(keys[key], name) != 0)
            key++;
        if (key == KEYS || seen[key])
            return "the header has an unknown or a repeated key";
        seen[key] = true;
        if (key == DESCR && take(&t, "[")) {
            strcpy(h->descr, "[");
            return NULL;
        }
        if (key == DESCR && !take_string(&t, h->descr, sizeof h->descr))
            return "the header's descr cannot be read";
        if (key == ORDER && !(h->fortran = take(&t, "True")) && !take(&t, "False"))
            return "the header's fortran_order is neither True nor False";
        if (key == SHAPE && !take_shape(&t, h))
            return "the header's shape cannot be read";
        if (!take(&t, ",") && (skip_space(&t), t.at == t.end || *t.at != '}'))
            return "the header's items are not separated";
    }
    skip_space(&t);
    if (!seen[DESCR] || !seen[ORDER] || !seen[SHAPE])
        return "the header lacks descr, fortran_order or shape";
    return t.at != t.end ? "the header has a tail" : NULL;
}

static int resolve_dtype(Header *h, const char *what)
{
    const char *code = h->descr;
    if (*code == '[')
        return sdc_error(SDC_UNSUPPORTED, "%s: holds records (a structured dtype); save one field as an array", what);
    h->swapped = *code == '>';
    if (*code && strchr("<>|=", *code))
        code++;
    h->dtype = dtype_of_code(code);
    if (h->dtype != DT_NONE)
        return SDC_OK;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (*code == foreign[i].kind)
            return sdc_error(SDC_UNSUPPORTED, "%s: holds %s (dtype '%s'); save numbers, e.g. as float32", what,
                             foreign[i].name, h->descr);
    return sdc_error(SDC_BAD_INPUT, "%s: unknown dtype '%s'", what, h->descr);
}

/* Where the data begins, or -1 after printing. */
static int64_t parse_header(Header *h, const uint8_t *data, int64_t bytes, const char *what, int *code)
{
    *h = (Header){0};
    const char *fault = NULL;
    int64_t length = 0, begin = 0;
    if (bytes < PREAMBLE + 2 || memcmp(data, "\x93NUMPY", 6) != 0)
        fault = "is no .npy file";
    else if (data[6] < 1 || data[6] > 3)
        fault = "is of an unknown .npy version";
    else {
        begin = data[6] == 1 ? PREAMBLE : PREAMBLE + 2;
        length = data[8] | data[9] << 8;
        if (data[6] > 1)
            length |= (int64_t)data[10] << 16 | (int64_t)data[11] << 24;
        if (length > HEADER_LIMIT || length > bytes - begin)
            fault = "is cut short or has a damaged header";
        else
            fault = parse_dict((Text){(const char *)data + begin, (const char *)data + begin + length}, h);
    }
    *code = fault ? sdc_error(SDC_BAD_INPUT, "%s: %s", what, fault) : resolve_dtype(h, what);
    if (!*code && h->rank > SDC_MAX_RANK)
        *code = sdc_error(SDC_UNSUPPORTED, "%s: has more than %d axes", what, SDC_MAX_RANK);
    return *code ? -1 : begin + length;
}

/* ---- data ---- */

static void copy_element(char *to, const uint8_t *from, int64_t size, bool swapped)
{
    for (int64_t i = 0; i < size; i++)
        to[i] = (char)from[swapped ? size - 1 - i : i];
}

/* Row-major copy of data whose first axis runs fastest (fortran) or last (otherwise). */
static void copy_elements(const SdcArray *a, const uint8_t *from, const Header *h)
{
    int64_t size = dtype_info(a->dtype)->bytes, index[SDC_MAX_RANK] = {0}, stride[SDC_MAX_RANK], step = 1;
    if (!h->swapped && (!h->fortran || a->rank < 2)) {
        if (a->count)
            memcpy(a->data, from, (size_t)(a->count * size));
        return;
    }
    for (int i = 0; i < a->rank; i++) {
        int axis = h->fortran ? i : a->rank - 1 - i;
        stride[axis] = step;
        step *= a->dim[axis];
    }
    int64_t source = 0;
    for (int64_t n = 0; n < a->count; n++) {
        copy_element((char *)a->data + n * size, from + source * size, size, h->swapped);
        for (int axis = a->rank - 1; axis >= 0; axis--) {
            source += stride[axis];
            if (++index[axis] < a->dim[axis])
                break;
            source -= stride[axis] * a->dim[axis];
            index[axis] = 0;
        }
    }
}

int sdc_npy_parse(SdcArray *a, const uint8_t *data, int64_t bytes, const char *what)
{
    Header h;
    int code;
    *a = (SdcArray){0};
    int64_t begin = parse_header(&h, data, bytes, what, &code);
    if (begin < 0)
        return code;
    int64_t size = dtype_info(h.dtype)->bytes, count = sdc_shape_count(h.rank, h.dim, size);
    char shape[SDC_SHAPE_TEXT];
    if (count < 0 || count * size != bytes - begin)
        return sdc_error(SDC_BAD_INPUT, "%s: holds %lld bytes of data, which is not what shape %s of %s needs", what,
                         (long long)(bytes - begin), sdc_shape_text(shape, h.rank, h.dim), dtype_info(h.dtype)->name);
    code = sdc_array_alloc(a, h.dtype, h.rank, h.dim);
    if (code)
        return code;
    copy_elements(a, data + begin, &h);
    for (int64_t i = 0; h.dtype == DT_BOOL && i < count; i++)
        ((uint8_t *)a->data)[i] = ((uint8_t *)a->data)[i] != 0;
    return SDC_OK;
}

/* ---- writing ---- */

/* Version 1 header, padded so that the data is 64-byte aligned; its length. */
static int64_t make_header(const SdcArray *a, char header[512])
{
    const char *code = code_of_dtype(a->dtype);
    size_t used = PREAMBLE;
    code = code ? code : "f4";
    used += (size_t)snprintf(header + used, 512 - used, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                             code[1] == '1' ? '|' : '<', code);
    for (int i = 0; i < a->rank; i++)
        used += (size_t)snprintf(header + used, 512 - used, "%s%lld%s", i ? ", " : "", (long long)a->dim[i],
                                 a->rank == 1 ? "," : "");
    used += (size_t)snprintf(header + used, 512 - used, "), }");
    size_t total = (used + 1 + 63) / 64 * 64;
    memset(header + used, ' ', total - used);
    header[total - 1] = '\n';
    memcpy(header, "\x93NUMPY\1\0", 8);
    header[8] = (char)((total - PREAMBLE) & 0xff);
    header[9] = (char)((total - PREAMBLE) >> 8);
    return (int64_t)total;
}

int64_t sdc_npy_bytes(const SdcArray *a)
{
    char header[512];
    int64_t size = code_of_dtype(a->dtype) ? dtype_info(a->dtype)->bytes : (int64_t)sizeof(float);
    return make_header(a, header) + a->count * size;
}

int sdc_npy_emit(const SdcArray *a, SdcSink *sink, void *to)
{
    char header[512];
    int64_t size = dtype_info(a->dtype)->bytes;
    int code = sink(to, header, make_header(a, header));
    if (code || code_of_dtype(a->dtype))
        return code ? code : sink(to, a->data, a->count * size);
    float *buffer = malloc(CHUNK_ELEMENTS * sizeof *buffer);
    if (!buffer)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t done = 0; done < a->count && !code; done += CHUNK_ELEMENTS) {
        int64_t n = a->count - done < CHUNK_ELEMENTS ? a->count - done : CHUNK_ELEMENTS;
        for (int64_t i = 0; i < n; i++)
            buffer[i] = (float)dtype_load_f(a->dtype, (const char *)a->data + (done + i) * size);
        code = sink(to, buffer, n * (int64_t)sizeof *buffer);
    }
    free(buffer);
    return code;
}
