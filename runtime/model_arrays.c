/* model_arrays.c: a single model's inputs and outputs between files and the arena.  See model_cli.h. */
#include <stdlib.h>
#include <string.h>

#include "array_io.h"
#include "fileio.h"
#include "model_cli.h"

/* ---- NAME=FILE ---- */

/* Names may hold `=`: try every one from the left.  Index of the tensor, or -1; *path is what follows. */
static int split_text(const SdcTensor *tensors, int n, const char *text, const char **path)
{
    for (const char *mark = strchr(text, '='); mark; mark = strchr(mark + 1, '='))
        for (int i = 0; i < n; i++)
            if (strlen(tensors[i].name) == (size_t)(mark - text) &&
                strncmp(tensors[i].name, text, (size_t)(mark - text)) == 0) {
                *path = mark + 1;
                return i;
            }
    return -1;
}

static int unknown_tensor(const SdcTensor *tensors, int n, const char *text, const char *kind)
{
    char list[2048];
    size_t used = 0;
    list[0] = 0;
    for (int i = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", tensors[i].name);
    if (!strchr(text, '='))
        return sdc_error(SDC_USAGE, "--%s %s: has no `=`; give NAME=FILE with one of these names: %s", kind, text,
                         list);
    return sdc_error(SDC_USAGE, "--%s %s: the model has no such %s; it has: %s", kind, text, kind, list);
}

int sdc_bind_files(SdcBindings *b, const SdcTensor *tensors, int n, const char *const *texts, int n_texts,
                   const char *kind)
{
    *b = (SdcBindings){.path = calloc(n > 0 ? (size_t)n : 1, sizeof *b->path), .n = n, .given = n_texts};
    if (!b->path)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    for (int i = 0; i < n_texts; i++) {
        const char *path;
        int tensor = split_text(tensors, n, texts[i], &path);
        if (tensor < 0)
            return unknown_tensor(tensors, n, texts[i], kind);
        if (!*path)
            return sdc_error(SDC_USAGE, "--%s %s: the file's name is empty", kind, texts[i]);
        if (b->path[tensor])
            return sdc_error(SDC_USAGE, "--%s %s: is given twice", kind, tensors[tensor].name);
        b->path[tensor] = path;
    }
    return SDC_OK;
}

/* ---- inputs ---- */

static int load_file(SdcArray *a, const SdcTensor *t, const char *path)
{
    char have[SDC_SHAPE_TEXT], want[SDC_SHAPE_TEXT];
    int code = sdc_array_read(a, path, t->name);
    if (code)
        return code;
    bool same = a->rank == t->rank;
    for (int i = 0; same && i < t->rank; i++)
        same = a->dim[i] == t->dim[i];
    if (!same)
        return sdc_error(SDC_BAD_INPUT, "%s: input %s has shape %s, the model wants %s; reshape the array, or compile "
                         "for this shape", path, t->name, sdc_shape_text(have, a->rank, a->dim),
                         sdc_shape_text(want, t->rank, t->dim));
    return sdc_array_convert(a, t->dtype, path);
}

static int fill_normal(SdcArray *a, SdcRandom *random)
{
    if (a->dtype == DT_F32) {
        sdc_random_normal(random, a->data, a->count);
        return SDC_OK;
    }
    float *noise = malloc(a->count ? (size_t)a->count * sizeof *noise : 1);
    if (!noise)
        return sdc_error(SDC_NO_SPACE, "no memory for random inputs");
    sdc_random_normal(random, noise, a->count);
    int64_t size = dtype_info(a->dtype)->bytes;
    for (int64_t i = 0; i < a->count; i++)
        dtype_store_f(a->dtype, (char *)a->data + i * size, (double)noise[i]);
    free(noise);
    return SDC_OK;
}

static void fill_integers(SdcArray *a, SdcRandom *random, int64_t bound)
{
    int64_t size = dtype_info(a->dtype)->bytes;
    uint64_t limit = bound > 0 ? (uint64_t)bound : 2;
    for (int64_t i = 0; i < a->count; i++) {
        uint64_t high = sdc_random_u32(random), low = sdc_random_u32(random);
        dtype_store_i(a->dtype, (char *)a->data + i * size, (int64_t)((high << 32 | low) % limit));
    }
}

/* Each input has its own stream, so giving one from a file leaves the others as they were. */
static int load_random(SdcArray *a, const SdcTensor *t, uint64_t seed)
{
    SdcRandom random;
    sdc_random_seed(&random, seed);
    int code = sdc_array_alloc(a, t->dtype, t->rank, t->dim);
    if (code)
        return code;
    if (dtype_is_float(t->dtype))
        return fill_normal(a, &random);
    fill_integers(a, &random, t->bound);
    return SDC_OK;
}

int sdc_inputs_load(SdcArray *arrays, const SdcProgram *p, const SdcBindings *b, int64_t seed)
{
    for (int i = 0; i < p->n_inputs; i++) {
        int code = b->path[i] ? load_file(&arrays[i], &p->inputs[i], b->path[i])
                              : load_random(&arrays[i], &p->inputs[i], (uint64_t)seed + (uint64_t)i);
        if (code)
            return code;
    }
    return SDC_OK;
}

void sdc_inputs_place(SdcContext *c, const SdcProgram *p, const SdcArray *arrays)
{
    for (int i = 0; i < p->n_inputs; i++)
        if (p->inputs[i].bytes > 0)
            memcpy(c->arena + p->inputs[i].offset, arrays[i].data, (size_t)p->inputs[i].bytes);
}

/* ---- outputs ---- */

SdcArray sdc_output_view(const SdcContext *c, const SdcTensor *t)
{
    SdcArray a = {.dtype = t->dtype, .rank = t->rank, .data = c->arena + t->offset};
    memcpy(a.dim, t->dim, sizeof a.dim);
    a.count = sdc_shape_count(t->rank, t->dim, 1);
    a.name = (char *)(uintptr_t)t->name;          /* read only: the view is never freed */
    return a;
}

/* The first output bound to the same file. */
static int first_with_path(const SdcBindings *b, int index)
{
    int first = 0;
    while (!b->path[first] || strcmp(b->path[first], b->path[index]) != 0)
        first++;
    return first;
}

int sdc_bindings_check_outputs(const SdcBindings *b, const SdcProgram *p)
{
    for (int i = 0; i < b->n; i++) {
        const char *path = b->path[i];
        if (!path)
            continue;
        bool zipped = sdc_path_ends(path, ".npz");
        if (!zipped && !sdc_path_ends(path, ".npy"))
            return sdc_error(SDC_USAGE, "%s: unknown kind of file; end the name in .npy or .npz", path);
        if (!zipped && first_with_path(b, i) != i)
            return sdc_error(SDC_USAGE, "%s: is to hold outputs %s and %s; give an .npz, or two files", path,
                             p->outputs[first_with_path(b, i)].name, p->outputs[i].name);
        int code = sdc_output_check(path);
        if (code)
            return code;
    }
    return SDC_OK;
}

/* Write, but do not commit, the file that outputs i and later ones are bound to. */
static int write_bound(SdcOutput *file, const SdcContext *c, const SdcProgram *p, const SdcBindings *b, int i)
{
    SdcArray *views = calloc((size_t)p->n_outputs, sizeof *views);
    const SdcArray **members = calloc((size_t)p->n_outputs, sizeof *members);
    int n = 0, code = SDC_OK;
    if (!views || !members)
        code = sdc_error(SDC_NO_SPACE, "%s: out of memory", b->path[i]);
    for (int k = i; k < p->n_outputs && !code; k++)
        if (b->path[k] && strcmp(b->path[k], b->path[i]) == 0) {
            views[n] = sdc_output_view(c, &p->outputs[k]);
            members[n] = &views[n];
            n++;
        }
    if (!code)
        code = sdc_output_open(file, b->path[i], 0666);
    if (!code)
        code = sdc_arrays_emit(file, members, n, sdc_path_ends(b->path[i], ".npz"));
    if (!code)
        code = sdc_output_sync(file);
    free(views);
    free(members);
    return code;
}

int sdc_outputs_write(const SdcContext *c, const SdcProgram *p, const SdcBindings *b)
{
    SdcOutput *files = calloc(b->n > 0 ? (size_t)b->n : 1, sizeof *files);
    int code = files ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
    for (int i = 0; i < b->n && !code; i++)
        if (b->path[i] && first_with_path(b, i) == i)
            code = write_bound(&files[i], c, p, b, i);
    for (int i = 0; i < b->n && files; i++) {
        if (!code && files[i].temporary)
            code = sdc_output_commit(&files[i]);
        else
            sdc_output_discard(&files[i]);
    }
    free(files);
    return code;
}
