/* support.c: what emitted source needs beside itself, written from inside sdc: FOLDER/sdc/kernels, runtime, models.
 *
 * An executable for this machine links with the precompiled archive and takes headers alone.  Source that leaves us
 * (--emit source) and builds for another machine take the runtime's sources too: a single model the part that needs
 * libc, libm and pthreads alone, a pipeline all of it. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "../runtime/runtime.h"
#include "build.h"

/* Runtime files that only pipelines need, by the beginning of their names. */
static const char *const pipeline_only[] = {"runtime/scheduler", "runtime/tokenizer", "runtime/unicode", "runtime/png", "runtime/image",
                                            "models/"};

/* Where zlib can not be counted on, npz_none.c stands for these. */
static const char *const with_zlib[] = {"runtime/npz.c", "runtime/npz_write.c"};
static const char without_zlib[] = "runtime/npz_none.c";

static bool listed(const char *name, const char *const *list, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (!strncmp(name, list[k], strlen(list[k])))
            return true;
    return false;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && !strcmp(name + length - tail, end);
}

/* A pipeline needs zlib anyway, and a Makefile names it; a single model's build for another machine does without. */
static bool has_zlib(const BuildOptions *o)
{
    return o->kind == EMIT_SOURCE || o->driver;
}

static bool is_runtime_source(const char *name, const BuildOptions *o)
{
    if (!ends_with(name, ".c"))
        return false;
    if (!strcmp(name, "runtime/library.c"))
        return o->kind == EMIT_LIBRARY;
    if (listed(name, pipeline_only, sizeof pipeline_only / sizeof *pipeline_only))
        return o->driver != NULL;
    if (listed(name, with_zlib, sizeof with_zlib / sizeof *with_zlib))
        return has_zlib(o);
    return strcmp(name, without_zlib) || !has_zlib(o);
}

void make_folder(const char *path, bool temporary)
{
    hold_signals(true);                         /* none comes between a folder and the note to remove it */
    if (mkdir(path, 0777) && errno != EEXIST)
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
    if (temporary)
        remove_at_exit(path);
    hold_signals(false);
}

void write_support(const BuildOptions *o, const char *folder, bool sources, bool temporary)
{
    static const char *const folders[] = {"sdc", "sdc/kernels", "sdc/runtime", "sdc/models"};
    for (size_t k = 0; k < sizeof folders / sizeof *folders; k++)
        if (k < 3 || (sources && o->driver))
            make_folder(text_format("%s/%s", folder, folders[k]), temporary);
    for (const Embedded *e = embedded_files; e->name; e++) {
        if (!strncmp(e->name, "cli/", 4))
            continue;
        bool wanted = ends_with(e->name, ".c") ? sources && is_runtime_source(e->name, o) : !ends_with(e->name, ".a");
        if (!wanted || (!strncmp(e->name, "models/", 7) && !(sources && o->driver)))
            continue;
        const char *path = text_format("%s/sdc/%s", folder, e->name);
        if (temporary)
            remove_at_exit(path);
        embedded_write(e, path);
    }
}

char *write_archive(const char *folder)
{
    const Embedded *e = embedded_find("libsdcrt.a");
    if (!e)
        bug("the runtime archive is not inside this sdc");
    char *path = text_format("%s/libsdcrt.a", folder);
    remove_at_exit(path);
    embedded_write(e, path);
    return path;
}

char **with_runtime_sources(char **files, const BuildOptions *o)
{
    int count = 0, extra = 0;
    while (files[count])
        count++;
    for (const Embedded *e = embedded_files; e->name; e++)
        extra++;
    char **all = alloc_array(count + extra + 1, sizeof *all);
    memcpy(all, files, (size_t)count * sizeof *all);
    for (const Embedded *e = embedded_files; e->name; e++)
        if (is_runtime_source(e->name, o))
            all[count++] = text_format("sdc/%s", e->name);
    return all;
}

static const char makefile[] =
    "# Builds %s from the source that sdc emitted; its weights are in %s.weights, which must stay beside it.\n"
    "CC ?= cc\n"
    "CFLAGS = -std=gnu17 -D_GNU_SOURCE -O2 -ftree-vectorize -ffp-contract=fast -fno-math-errno -fno-trapping-math -w%s\n"
    "OBJECTS = $(patsubst %%.c,%%.o,$(wildcard *.c sdc/*/*.c))\n\n"
    "%s: $(OBJECTS)\n\t$(CC) $(CFLAGS) -o $@ $(OBJECTS) %s-lm -pthread\n\n"
    "%%.o: %%.c\n\t$(CC) $(CFLAGS) -Isdc/kernels -Isdc/runtime -c $< -o $@\n\nclean:\n\trm -f $(OBJECTS) %s\n";

void write_makefile(const BuildOptions *o, const char *folder)
{
    const char *path = text_format("%s/Makefile", folder);
    char *flags = "";
    for (int k = 0; o->isa->flags[k]; k++)
        flags = text_format("%s %s", flags, o->isa->flags[k]);
    FILE *out = fopen(path, "w");
    if (!out)
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
    const char *libraries = o->driver ? "-lpng -ljpeg -lwebp -lz -lutf8proc " : "-lz ";
    fprintf(out, makefile, o->name, o->name, flags, o->name, libraries, o->name);
    if (fclose(out))
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
}
