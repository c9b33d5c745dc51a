/* library.c: --emit lib.
 *
 *      programs + runtime --cc -r--> one object --objcopy--> public names prefixed, all others local --> OUT.a, OUT.so
 *      runtime/library.h  --prefix and a list of the networks--> OUT.h
 *      packed weights     --> OUT.weights, whose hash the object carries
 *
 * Since every other symbol is local, any number of such libraries fit one program, whatever else it links. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../runtime/runtime.h"
#include "../runtime/sections.h"
#include "build.h"

/* The functions of runtime/library.h behind their prefix. */
static const char *const public_names[] = {
    "abi",    "networks", "network_name", "arena_bytes", "create",       "destroy", "message", "inputs",
    "outputs", "input",   "output",       "input_index", "output_index", "run",     "on_progress",
};
enum { N_PUBLIC = sizeof public_names / sizeof *public_names };
static const char template_prefix[] = "sdclib";

/* What library.c of the runtime stands on, where no archive is at hand (another machine's compiler). */
static const char *const runtime_sources[] = {"library", "pool",  "cpu_count", "cpu", "weights", "fileio", "instance",
                                              "error",   "dtype", NULL};

/* ---- the prefix -------------------------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

const char *library_prefix(const BuildOptions *o)
{
    char *prefix = text_copy(o->prefix ? o->prefix : o->name);
    bool good = *prefix && !isdigit((unsigned char)*prefix);
    for (char *p = prefix; *p; p++)
        if (!is_word(*p)) {
            good = false;
            *p = '_';
        }
    if (o->prefix && !good)
        fail(SDC_USAGE, "--prefix %s: is no C identifier; letters, digits and _, no digit first", o->prefix);
    return isdigit((unsigned char)*prefix) ? text_format("_%s", prefix) : prefix;
}

/* ---- OUT.h ------------------------------------------------------------------------------------------------------- */

/* A model's own name inside a comment: nothing that could end it. */
static void print_name(FILE *out, const char *name)
{
    for (; name && *name; name++)
        fputc(isalnum((unsigned char)*name) || strchr("_.-+:@[] ", *name) ? *name : '?', out);
}

static void print_tensors(FILE *out, const char *kind, int count, const View *views, Value *const *values,
                          const char *const *names)
{
    for (int k = 0; k < count; k++) {
        Shape s = shape_of(views[k].rank, views[k].dim);
        fprintf(out, " *   %-6s %d  %s %s  ", kind, k, dtype_info(views[k].dtype)->name, shape_text(&s));
        print_name(out, names ? names[k] : values[k]->name);
        fputc('\n', out);
    }
}

static void print_networks(FILE *out, Program *const *programs, int n_programs)
{
    for (int k = 0; k < n_programs; k++) {
        const Program *p = programs[k];
        fprintf(out, " * Network %d: ", k);
        print_name(out, p->name);
        fprintf(out, ", %" PRId64 " bytes of arena\n", p->arena_bytes);
        print_tensors(out, "input", p->graph->n_inputs, p->inputs, p->graph->inputs, NULL);
        print_tensors(out, "output", p->graph->n_outputs, p->outputs, p->graph->outputs, p->graph->output_names);
    }
}

/* The template with its prefix, in either case, exchanged for ours. */
static void print_header(FILE *out, const char *text, const char *end, const char *prefix, Program *const *programs,
                         int n_programs)
{
    static const char mark[] = " * NETWORKS\n";
    size_t length = strlen(template_prefix);
    for (const char *p = text; p < end; p++) {
        size_t left = (size_t)(end - p);
        if (left >= sizeof mark && !memcmp(p, mark, sizeof mark - 1)) {
            print_networks(out, programs, n_programs);
            p += sizeof mark - 2;
        } else if (left > length && !strncasecmp(p, template_prefix, length)) {
            for (const char *c = prefix; *c; c++)
                fputc(isupper((unsigned char)*p) ? toupper((unsigned char)*c) : *c, out);
            p += length - 1;
        } else {
            fputc(*p, out);
        }
    }
}

static void write_header(const char *path, const char *prefix, Program *const *programs, int n_programs)
{
    const Embedded *e = embedded_find("runtime/library.h");
    if (!e)
        bug("library.h is not inside this sdc");
    FILE *out = fopen(path, "w");
    if (!out)
        fail(SDC_NO_SPACE, "%s: can not be written", path);
    print_header(out, (const char *)e->data, (const char *)e->end, prefix, programs, n_programs);
    if (fclose(out))
        fail(SDC_NO_SPACE, "%s: can not be written", path);
}

/* ---- the object -------------------------------------------------------------------------------------------------- */

/* Lines for objcopy: "sdclib_run PREFIX_run", or with keep "PREFIX_run". */
static const char *write_names(const char *folder, const char *file, const char *prefix, bool keep)
{
    const char *path = text_format("%s/%s", folder, file);
    remove_at_exit(path);
    FILE *out = fopen(path, "w");
    if (!out)
        fail(SDC_NO_SPACE, "%s: can not be written", path);
    for (int k = 0; k < N_PUBLIC; k++)
        if (keep)
            fprintf(out, "%s_%s\n", prefix, public_names[k]);
        else
            fprintf(out, "%s_%s %s_%s\n", template_prefix, public_names[k], prefix, public_names[k]);
    if (fclose(out))
        fail(SDC_NO_SPACE, "%s: can not be written", path);
    return path;
}

static const char *join(const BuildOptions *o, const char *folder, char *const *files, const char *prefix)
{
    const char *roots[N_PUBLIC + 1] = {0};
    for (int k = 0; k < N_PUBLIC; k++)
        roots[k] = text_format("%s_%s", template_prefix, public_names[k]);
    const char *joined = text_format("%s/joined.o", folder), *object = text_format("%s/%s.o", folder, prefix);
    remove_at_exit(joined);
    remove_at_exit(object);
    cc_join(o, folder, files, roots, joined);
    const char *rename = write_names(folder, "rename", prefix, false);
    const char *keep = write_names(folder, "keep", prefix, true);
    cc_tool(o, folder, "objcopy", (const char *const[]){"--redefine-syms", rename, joined, NULL});
    cc_tool(o, folder, "objcopy",
            (const char *const[]){"--keep-global-symbols", keep, "--strip-unneeded", joined, object, NULL});
    return object;
}

static char *const *with_runtime(char *const *files)
{
    int count = 0;
    while (files[count])
        count++;
    char **all = alloc_array(count + (int64_t)(sizeof runtime_sources / sizeof *runtime_sources), sizeof *all);
    memcpy(all, files, (size_t)count * sizeof *all);
    for (int k = 0; runtime_sources[k]; k++)
        all[count++] = text_format("sdc/runtime/%s.c", runtime_sources[k]);
    return all;
}

/* ---- the four files ---------------------------------------------------------------------------------------------- */

int library_weights(BuildOptions *o, int weights_fd, int64_t weights_bytes, char **path)
{
    struct stat info;
    SdcSections sections;
    int fd = beside(text_format("%s.weights", o->output), path);
    o->n_sections = 0;                  /* they are for a pipeline's driver, which a library does not have */
    append_sections(fd, *path, weights_fd, weights_bytes, o);
    if (fstat(fd, &info))
        fail(SDC_NO_SPACE, "%s: can not be read back", *path);
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        fail(SDC_NO_SPACE, "%s: can not be read back", *path);
    int code = sdc_sections_parse(&sections, data, info.st_size, *path);
    if (code)
        exit(code);
    o->weights_hash = sections.hash;
    munmap(data, (size_t)info.st_size);
    return fd;
}

static void publish_file(const BuildOptions *o, const char *suffix, const char *from, mode_t mode)
{
    char *temporary;
    const char *to = text_format("%s%s", o->output, suffix);
    int fd = beside(to, &temporary);
    copy_into(fd, from, to);
    publish(fd, temporary, to, mode);
}

void library_build(Program *const *programs, int n_programs, const BuildOptions *o, const char *folder,
                   char *const *files, int weights_fd, const char *weights_path, CompileSummary *summary)
{
    const char *prefix = library_prefix(o);
    const char *archive = text_format("%s/library.a", folder), *shared = text_format("%s/library.so", folder);
    const char *header = text_format("%s/library.h", folder);
    remove_at_exit(archive);
    remove_at_exit(shared);
    remove_at_exit(header);
    if (!o->archive)
        files = with_runtime(files);
    cc_compile(o, folder, files, summary);
    const char *object = join(o, folder, files, prefix);
    cc_tool(o, folder, "ar", (const char *const[]){"rcsD", archive, object, NULL});
    cc_link_shared(o, folder, object, text_format("%s.so", o->name), shared);
    write_header(header, prefix, programs, n_programs);
    publish(weights_fd, weights_path, text_format("%s.weights", o->output), 0666);
    publish_file(o, ".a", archive, 0666);
    publish_file(o, ".so", shared, 0777);
    publish_file(o, ".h", header, 0666);
}
