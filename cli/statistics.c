/* statistics.c: see statistics.h.
 *
 * A safetensors file is the header's length (8 bytes, little endian), the header, a JSON object {name: {"dtype",
 * "shape", "data_offsets": [begin, end]}}, and the data that the offsets point into. */
#include "statistics.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { MAX_VALUES = 1 << 20 };

typedef struct { const char *path; Mapping file; uint64_t data; json_t *header; } TensorFile;

static TensorFile open_tensors(const char *path)
{
    if (access(path, R_OK))
        fail(SDC_BAD_INPUT, "%s: is missing; the pipeline needs it", path);
    TensorFile f = {.path = path, .file = map_file(path)};
    uint64_t length = 0;
    if (f.file.bytes >= 8)
        memcpy(&length, f.file.data, 8);
    if (f.file.bytes < 8 || length > (uint64_t)f.file.bytes - 8)
        fail(SDC_BAD_INPUT, "%s: the header's length is beyond the file's end", path);
    json_error_t error;
    f.header = json_loadb((const char *)f.file.data + 8, (size_t)length, 0, &error);
    f.data = 8 + length;
    if (!json_is_object(f.header))
        fail(SDC_BAD_INPUT, "%s: the header is not a JSON object", path);
    return f;
}

/* The values of a float32 tensor; *n: how many. */
static const void *find_values(const TensorFile *f, const char *name, int64_t *n)
{
    const json_t *tensor = json_object_get(f->header, name), *offsets = json_object_get(tensor, "data_offsets");
    const char *dtype = json_string_value(json_object_get(tensor, "dtype"));
    int64_t begin = json_integer_value(json_array_get(offsets, 0));
    int64_t end = json_integer_value(json_array_get(offsets, 1));
    if (!dtype)
        fail(SDC_BAD_INPUT, "%s: no tensor '%s'", f->path, name);
    if (strcmp(dtype, "F32"))
        fail(SDC_UNSUPPORTED, "%s: tensor '%s' is of type %s, not F32", f->path, name, dtype);
    if (begin < 0 || end < begin || end > f->file.bytes - (int64_t)f->data || (end - begin) % 4 ||
        (end - begin) / 4 > MAX_VALUES)
        fail(SDC_BAD_INPUT, "%s: tensor '%s': its data_offsets are not in the file", f->path, name);
    *n = (end - begin) / 4;
    return (const char *)f->file.data + f->data + begin;
}

Section statistics_section(const char *folder, const SectionRule *rule)
{
    TensorFile f = open_tensors(text_format("%s/%s/diffusion_pytorch_model.safetensors", folder, rule->folder));
    int64_t n, others;
    const void *mean = find_values(&f, "mean", &n), *deviation = find_values(&f, "std", &others);
    if (n != others)
        fail(SDC_BAD_INPUT, "%s: %lld values of 'mean', %lld of 'std'", f.path, (long long)n, (long long)others);
    size_t bytes = (size_t)n * sizeof(float);
    char *values = alloc(2 * bytes + 1);
    memcpy(values, mean, bytes);
    memcpy(values + bytes, deviation, bytes);
    json_decref(f.header);
    return (Section){rule->section, values, (int64_t)(2 * bytes)};
}
