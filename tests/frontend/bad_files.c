/* bad_files.c: the hooks of bad_input.def: what can not be said as one line of wire text. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bad_input.h"

/* ---- files ---- */

static _Noreturn void broken(const char *path)
{
    fprintf(stderr, "bad_input: %s: %s\n", path, strerror(errno));
    exit(1);
}

static void in_folder(char path[PATH_MAX], const char *folder, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        if (mkdir(path, 0755) && errno != EEXIST)
            broken(path);
    }
}

void file_write(const char *folder, const char *name, const void *data, size_t count)
{
    char path[PATH_MAX];
    in_folder(path, folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || (count && fwrite(data, 1, count, f) != count) || fclose(f))
        broken(path);
}

static void link_to(const char *folder, const char *name, const char *target)
{
    char path[PATH_MAX];
    in_folder(path, folder, name);
    if (symlink(target, path))
        broken(path);
}

static void zeros(const char *folder, const char *name, size_t count)
{
    void *data = calloc(count + 1, 1);
    file_write(folder, name, data, count);
    free(data);
}

/* ---- nothing beside the model ---- */

void none(const char *folder, Bytes *model)
{
    (void)folder;
    (void)model;
}

/* ---- instead of a model ---- */

static void instead(const char *folder, Bytes *model, const void *data, size_t count)
{
    file_write(folder, "model.onnx", data, count);
    bytes_free(model);
}

void empty_file(const char *folder, Bytes *model)
{
    instead(folder, model, "", 0);
}

void text_file(const char *folder, Bytes *model)
{
    static const char text[] = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
    instead(folder, model, text, sizeof text - 1);
}

void png_file(const char *folder, Bytes *model)
{
    instead(folder, model, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10", 20);
}

void noise_file(const char *folder, Bytes *model)
{
    uint8_t data[4096];
    uint32_t state = 1;
    for (size_t k = 0; k < sizeof data; k++) {
        state = state * 1664525u + 1013904223u;
        data[k] = (uint8_t)(state >> 24);
    }
    instead(folder, model, data, sizeof data);
}

void no_file(const char *folder, Bytes *model)
{
    (void)folder;
    bytes_free(model);
}

void a_folder(const char *folder, Bytes *model)
{
    char path[PATH_MAX];
    in_folder(path, folder, "model.onnx/inside");
    bytes_free(model);
}

void a_pipe(const char *folder, Bytes *model)
{
    char path[PATH_MAX];
    in_folder(path, folder, "model.onnx");
    if (mkfifo(path, 0644))
        broken(path);
    bytes_free(model);
}

void no_permission(const char *folder, Bytes *model)
{
    char path[PATH_MAX];
    file_write(folder, "model.onnx", model->data, model->count);
    in_folder(path, folder, "model.onnx");
    if (chmod(path, 0))
        broken(path);
    bytes_free(model);
}

void dangling_link(const char *folder, Bytes *model)
{
    link_to(folder, "model.onnx", "nowhere.onnx");
    bytes_free(model);
}

/* ---- structures that are too large to write down ---- */

/* A graph in an attribute of a node in a graph, `depth` messages deep. */
static void nested(Bytes *model, int depth)
{
    static const uint32_t fields[] = {1, 5, 6};       /* GraphProto.node, NodeProto.attribute, AttributeProto.g */
    Bytes inner = {0};
    for (int k = depth - 2; k >= 0; k--) {
        Bytes outer = {0};
        bytes_put_message(&outer, fields[k % 3], &inner);
        bytes_free(&inner);
        inner = outer;
    }
    bytes_put_message(model, 7, &inner);
    bytes_free(&inner);
}

void nested_101(const char *folder, Bytes *model)
{
    (void)folder;
    nested(model, 3 * 34 + 1);
}

void nested_9000(const char *folder, Bytes *model)
{
    (void)folder;
    nested(model, 9000);
}

static void repeated(Bytes *model, const char *text, int times)
{
    Bytes one = {0}, graph = {0};
    wire_text(&one, text);
    for (int k = 0; k < times; k++)
        bytes_put(&graph, one.data, one.count);
    bytes_put_message(model, 7, &graph);
    bytes_free(&one);
    bytes_free(&graph);
}

void empty_nodes(const char *folder, Bytes *model)
{
    (void)folder;
    repeated(model, "1{}", 5000000);
}

void empty_dims(const char *folder, Bytes *model)
{
    (void)folder;
    repeated(model, "11{2{1{2{1{}1{}1{}1{}1{}1{}1{}1{}1{}1{}}}}}", 400000);
}

/* f0 calls f1 twice, f1 calls f2 twice, ...: 2^40 nodes. */
void doubling_functions(const char *folder, Bytes *model)
{
    static const char pair[] = "25{1'f%d'4'a'5'c'10'local'7{1'a'2'b'4'f%d'7'local'}7{1'b'2'c'4'f%d'7'local'}9{2=17}}";
    char text[256];
    (void)folder;
    for (int k = 0; k < 40; k++) {
        snprintf(text, sizeof text, pair, k, k + 1, k + 1);
        wire_text(model, text);
    }
    wire_text(model, "25{1'f40'4'a'5'c'10'local'7{1'a'2'c'4'Relu'}9{2=17}}");
}

/* f0 calls f1 calls f2 ... through 200 functions. */
void deep_functions(const char *folder, Bytes *model)
{
    char text[256];
    (void)folder;
    for (int k = 0; k < 200; k++) {
        snprintf(text, sizeof text, "25{1'f%d'4'a'5'c'10'local'7{1'a'2'c'4'f%d'7'local'}9{2=17}}", k, k + 1);
        wire_text(model, text);
    }
}

/* ---- external data: 24 bytes in w.bin, or something that is no such file ---- */

void data_24(const char *folder, Bytes *model)
{
    (void)model;
    zeros(folder, "w.bin", 24);
}

void data_20(const char *folder, Bytes *model)
{
    (void)model;
    zeros(folder, "w.bin", 20);
}

void data_0(const char *folder, Bytes *model)
{
    (void)model;
    zeros(folder, "w.bin", 0);
}

void data_above(const char *folder, Bytes *model)
{
    (void)model;
    zeros(folder, "../above.bin", 24);
    zeros(folder, "a/w.bin", 24);
}

void data_link(const char *folder, Bytes *model)
{
    data_above(folder, model);
    link_to(folder, "w.bin", "../above.bin");
}

void data_link_parent(const char *folder, Bytes *model)
{
    (void)model;
    zeros(folder, "../outside/w.bin", 24);
    link_to(folder, "sub", "../outside");
}

void data_device(const char *folder, Bytes *model)
{
    (void)model;
    link_to(folder, "w.bin", "/dev/zero");
}

void data_pipe(const char *folder, Bytes *model)
{
    char path[PATH_MAX];
    (void)model;
    in_folder(path, folder, "w.bin");
    if (mkfifo(path, 0644))
        broken(path);
}

void data_folder(const char *folder, Bytes *model)
{
    char path[PATH_MAX];
    (void)model;
    in_folder(path, folder, "w.bin/inside");
}

/* More than 32 bits of file, none of it on the disk. */
void data_5gb(const char *folder, Bytes *model)
{
    char path[PATH_MAX];
    (void)model;
    zeros(folder, "w.bin", 0);
    in_folder(path, folder, "w.bin");
    if (truncate(path, (off_t)5 << 30))
        broken(path);
}

/* As Hugging Face caches have it: model and data are links into a folder of blobs. */
void data_cache(const char *folder, Bytes *model)
{
    file_write(folder, "../blobs/1234", model->data, model->count);
    zeros(folder, "../blobs/5678", 24);
    link_to(folder, "model.onnx", "../blobs/1234");
    link_to(folder, "w.bin", "../blobs/5678");
    bytes_free(model);
}

/* The model alone is a link; its data stayed beside the file. */
void data_beside(const char *folder, Bytes *model)
{
    file_write(folder, "../real/model.onnx", model->data, model->count);
    zeros(folder, "../real/w.bin", 24);
    link_to(folder, "model.onnx", "../real/model.onnx");
    bytes_free(model);
}

void data_sub(const char *folder, Bytes *model)
{
    (void)model;
    zeros(folder, "sub/w.bin", 24);
    link_to(folder, "w.bin", "./sub/../sub/w.bin");
}
