/* array.c: arrays in memory, and the choice of file format by suffix. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "array_io.h"
#include "fileio.h"

void sdc_array_free(SdcArray *a)
{
    free(a->data);
    free(a->name);
    *a = (SdcArray){0};
}

int64_t sdc_shape_count(int rank, const int64_t *dim, int64_t element_bytes)
{
    int64_t count = 1, bytes;
    bool empty = false, sound = true;
    for (int i = 0; i < rank; i++) {
        sound &= dim[i] >= 0;
        empty |= dim[i] == 0;
    }
    for (int i = 0; i < rank && sound && !empty; i++)
        sound = !__builtin_mul_overflow(count, dim[i], &count);
    sound = sound && !__builtin_mul_overflow(count, element_bytes, &bytes) && bytes <= (int64_t)1 << 62;
    return !sound ? -1 : empty ? 0 : count;
}

int sdc_array_alloc(SdcArray *a, DType dtype, int rank, const int64_t *dim)
{
    *a = (SdcArray){.dtype = dtype, .rank = rank};
    int64_t size = dtype_info(dtype)->bytes;
    if (!dtype_info(dtype)->name || rank < 0 || rank > SDC_MAX_RANK)
        return sdc_error(SDC_BUG, "an array of type %d and rank %d cannot be made", (int)dtype, rank);
    int64_t count = sdc_shape_count(rank, dim, size);
    char shape[SDC_SHAPE_TEXT];
    if (count < 0)
        return sdc_error(SDC_BAD_INPUT, "shape %s is impossible", sdc_shape_text(shape, rank, dim));
    if (rank)
        memcpy(a->dim, dim, (size_t)rank * sizeof *dim);
    a->data = malloc(count ? (size_t)(count * size) : 1);
    if (!a->data) {
        *a = (SdcArray){0};
        return sdc_error(SDC_NO_SPACE, "no memory for an array of shape %s, %lld bytes",
                         sdc_shape_text(shape, rank, dim), (long long)(count * size));
    }
    a->count = count;
    return SDC_OK;
}

const char *sdc_shape_text(char text[SDC_SHAPE_TEXT], int rank, const int64_t *dim)
{
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, SDC_SHAPE_TEXT - used, "%s%lld", i ? "," : "", (long long)dim[i]);
    text[used++] = ']';
    text[used] = 0;
    return text;
}

/* ---- conversion under the rules of the command line ---- */

static bool may_convert(DType from, DType to)
{
    const DTypeInfo *target = dtype_info(to);
    if (from == DT_F32)
        return target->class == 'f' && target->bits <= 16;
    if (from == DT_I64)
        return to == DT_I32;
    /* Files of arrays hold sub-byte integers one a byte. */
    return (from == DT_I8 && (to == DT_I4 || to == DT_I2)) || (from == DT_U8 && (to == DT_U4 || to == DT_U2));
}

/* Integers: false, and the culprit's index, when one does not survive. */
static bool integers_fit(const SdcArray *a, DType wanted, int64_t *culprit)
{
    const DTypeInfo *from = dtype_info(a->dtype), *to = dtype_info(wanted);
    int64_t high = ((int64_t)1 << (to->bits - (to->class == 'i'))) - 1, low = to->class == 'i' ? -high - 1 : 0;
    for (int64_t i = 0; i < a->count; i++) {
        int64_t value = dtype_load_i(a->dtype, (const char *)a->data + i * from->bytes);
        if (value < low || value > high) {
            *culprit = i;
            return false;
        }
    }
    return true;
}

int sdc_array_convert(SdcArray *a, DType wanted, const char *what)
{
    if (a->dtype == wanted)
        return SDC_OK;
    const DTypeInfo *from = dtype_info(a->dtype), *to = dtype_info(wanted);
    int64_t culprit;
    if (!may_convert(a->dtype, wanted))
        return sdc_error(SDC_BAD_INPUT, "%s: holds %s, but %s is wanted; convert the file", what,
                         from->name ? from->name : "nothing", to->name ? to->name : "an unknown type");
    if (to->class != 'f' && !integers_fit(a, wanted, &culprit))
        return sdc_error(SDC_BAD_INPUT, "%s: element %lld is %lld, which does not fit in %s", what, (long long)culprit,
                         (long long)dtype_load_i(a->dtype, (char *)a->data + culprit * from->bytes), to->name);
    /* Never wider: converted in place, front to back. */
    for (int64_t i = 0; i < a->count; i++) {
        char *source = (char *)a->data + i * from->bytes, *target = (char *)a->data + i * to->bytes;
        if (to->class == 'f')
            dtype_store_f(wanted, target, dtype_load_f(a->dtype, source));
        else
            dtype_store_i(wanted, target, dtype_load_i(a->dtype, source));
    }
    a->dtype = wanted;
    return SDC_OK;
}

/* ---- paths ---- */

bool sdc_path_ends(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length > tail && strcmp(path + length - tail, suffix) == 0;
}

/* FILE.npz:MEMBER cut in two; path is malloc'd, member points into the original. */
static char *split_member(const char *path, const char **member)
{
    const char *mark = NULL;
    for (const char *at = path; (at = strstr(at, ".npz:")) != NULL; at++)
        mark = at;
    if (!mark)
        return strdup(path);
    *member = mark + 5;
    return strndup(path, (size_t)(mark + 4 - path));
}

static int parse_by_suffix(SdcArray *a, const SdcFile *f, const char *path, const char *member)
{
    if (sdc_path_ends(path, ".npy"))
        return sdc_npy_parse(a, f->data, f->bytes, path);
    if (sdc_path_ends(path, ".npz"))
        return sdc_npz_parse(a, f->data, f->bytes, member, path);
    return sdc_tensor_pb_parse(a, f->data, f->bytes, path);
}

int sdc_array_read(SdcArray *a, const char *path, const char *name)
{
    *a = (SdcArray){0};
    char *file_path = split_member(path, &name);
    if (!file_path)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", path);
    SdcFile file = {0};
    int code = SDC_OK;
    if (!sdc_path_ends(file_path, ".npy") && !sdc_path_ends(file_path, ".npz") && !sdc_path_ends(file_path, ".pb"))
        code = sdc_error(SDC_USAGE, "%s: unknown kind of file; give a .npy, .npz or .pb (ONNX tensor) file", file_path);
    if (!code)
        code = sdc_file_map(&file, file_path);
    if (!code)
        code = parse_by_suffix(a, &file, file_path, name);
    sdc_file_unmap(&file);
    free(file_path);
    return code;
}

static int sink_output(void *to, const void *data, int64_t bytes) { return sdc_output_write(to, data, bytes); }

int sdc_arrays_emit(SdcOutput *o, const SdcArray *const *arrays, int n, bool zipped)
{
    return zipped ? sdc_npz_emit(arrays, n, sink_output, o) : sdc_npy_emit(arrays[0], sink_output, o);
}

/* One file with all arrays, committed when it is complete. */
static int write_file(const char *path, const SdcArray *const *arrays, int n, bool zipped)
{
    SdcOutput output;
    int code = sdc_output_open(&output, path, 0666);
    if (code)
        return code;
    code = sdc_arrays_emit(&output, arrays, n, zipped);
    if (!code)
        return sdc_output_commit(&output);
    sdc_output_discard(&output);
    return code;
}

int sdc_npy_write(const char *path, const SdcArray *a) { return write_file(path, &a, 1, sdc_path_ends(path, ".npz")); }

int sdc_npz_write(const char *path, const SdcArray *const *arrays, int n) { return write_file(path, arrays, n, true); }
