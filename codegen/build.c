/* build.c: from planned programs to the finished output.
 *
 * Everything is made under other names: source and objects in a folder of their own, the output beside its final place,
 * synced and renamed at the end.  Whatever ends the process on the way leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../runtime/certificate.h"
#include "../runtime/runtime.h"
#include "../runtime/sections.h"
#include "build.h"
#include "origins.h"

/* A folder for source and objects: a temporary one, or the user's. */
static char *work_folder(const BuildOptions *o)
{
    const char *given = o->kind == EMIT_SOURCE ? o->output : o->keep_source;
    if (given) {
        make_folder(given, false);
        return text_copy(given);
    }
    return temporary_folder("sdc");
}

static const char *host_machine(void)
{
    struct utsname name;
    return uname(&name) ? "" : text_copy(name.machine);
}

int beside(const char *output, char **path)
{
    const char *slash = strrchr(output, '/');
    int folder = slash ? (int)(slash + 1 - output) : 0;
    *path = text_format("%.*s.%s.XXXXXX", folder, output, output + folder);
    hold_signals(true);
    int fd = mkstemp(*path);
    if (fd < 0)
        fail(errno == ENOSPC ? SDC_NO_SPACE : SDC_BAD_INPUT, "%s: %s", output, strerror(errno));
    remove_at_exit(*path);
    hold_signals(false);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

void publish(int fd, const char *from, const char *to, mode_t mode)
{
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, mode & ~mask) || fsync(fd) || close(fd) || rename(from, to))
        fail(SDC_NO_SPACE, "%s: %s", to, strerror(errno));
    keep_at_exit(from);
}

void copy_into(int fd, const char *from, const char *to)
{
    char buffer[1 << 16];
    ssize_t n;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        fail(SDC_CC_FAILED, "%s: %s", from, strerror(errno));
    while ((n = read(in, buffer, sizeof buffer)) > 0)
        if (write(fd, buffer, (size_t)n) != n)
            fail(SDC_NO_SPACE, "%s: %s", to, strerror(errno));
    if (n < 0)
        fail(SDC_NO_SPACE, "%s: %s", from, strerror(errno));
    close(in);
}

static void check(int code)
{
    if (code)
        exit(code);                 /* the writer has printed why */
}

/* Piece by piece, giving each back to the file system, so that the disk holds the weights once. */
static void append_weights(SdcSectionWriter *w, const char *path, int weights_fd, int64_t weights_bytes)
{
    const int64_t piece = 64 << 20;
    for (int64_t at = 0; at < weights_bytes; at += piece) {
        const int64_t bytes = weights_bytes - at < piece ? weights_bytes - at : piece;
        void *data = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, weights_fd, (off_t)at);
        if (data == MAP_FAILED)
            fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
        check(sdc_section_write(w, data, bytes));
        munmap(data, (size_t)bytes);
        (void)fallocate(weights_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)bytes);  /* where it can */
    }
}

void append_sections(int fd, const char *path, int weights_fd, int64_t weights_bytes, const BuildOptions *o)
{
    SdcSectionWriter *w = sdc_sections_create(fd, path);
    if (!w)
        exit(SDC_NO_SPACE);
    check(sdc_section_begin(w, "weights"));
    append_weights(w, path, weights_fd, weights_bytes);
    check(sdc_section_end(w));
    for (int k = 0; k < o->n_sections; k++) {
        check(sdc_section_begin(w, o->sections[k].name));
        check(sdc_section_write(w, o->sections[k].data, o->sections[k].bytes));
        check(sdc_section_end(w));
    }
    check(sdc_sections_finish(w));
}

static SdcTensor *tensors_of(const View *views, int count)
{
    SdcTensor *list = alloc_array(count + 1, sizeof *list);
    for (int k = 0; k < count; k++)
        list[k] = (SdcTensor){.dtype = views[k].dtype,
                              .bytes = view_count(&views[k]) * dtype_info(views[k].dtype)->bytes};
    return list;
}

static SdcCertificate certify(Program *const *programs, int n_programs, const char *path, int threads, int64_t weights)
{
    SdcCertificate c = {0};
    struct stat file;
    for (int k = 0; k < n_programs; k++) {
        const Program *p = programs[k];
        sdc_certificate_add(&c, p->name, p->arena_bytes, p->bound_bytes, tensors_of(p->inputs, p->graph->n_inputs),
                            p->graph->n_inputs, tensors_of(p->outputs, p->graph->n_outputs), p->graph->n_outputs);
    }
    sdc_certificate_finish(&c, threads, 1, weights, stat(path, &file) == 0 ? (int64_t)file.st_size : 0);
    return c;
}

/* What --info of the executable repeats. */
static void print_certificate(Program *const *programs, int n_programs, const char *output, int64_t weights)
{
    SdcCertificate c = certify(programs, n_programs, output, sdc_default_threads(), weights);
    printf("memory of %s, at most:\n", output);
    sdc_certificate_text(&c);
}

/* The plan was made before the code, whose size is estimated there (cli/fit.c). */
static void check_memory(Program *const *programs, int n_programs, const BuildOptions *o, const char *path, int64_t weights)
{
    SdcCertificate c = certify(programs, n_programs, path, 1, weights);
    if (o->max_memory && c.all - c.weights > o->max_memory)
        fail(SDC_NO_SPACE, "%s: --max-memory %lld: takes %lld; its code is larger than was to be expected", o->output,
             (long long)o->max_memory, (long long)(c.all - c.weights));
}

/* What build() took its time for; seconds. */
typedef struct { double begin, packing; CompileSummary compiled; } Stages;

static void print_stages(const Stages *s)
{
    const CompileSummary *c = &s->compiled;
    if (c->objects)
        printf("C compilation: %d objects (%.1f kB), %d of them from the cache, in %.1f s\n", c->objects,
               (double)c->object_bytes / 1e3, c->cached, c->seconds);
    printf("weights packed in %.1f s; linked and written in %.1f s\n", s->packing,
           sdc_now() - s->begin - s->packing - c->seconds);
}

static void report(Program *const *programs, int n_programs, const BuildOptions *o, const EmitSummary *s,
                   const Stages *stages, int64_t weights)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (o->quiet)
        return;
    for (int k = 0; k < n_programs; k++) {
        const Program *p = programs[k];
        printf("%s: %d kernel calls, %.3f GFLOP, %.1f MB moved, arena %.1f MB (lower bound %.1f MB), weights %.1f MB\n",
               p->name, p->n_calls, (double)p->flops / 1e9, (double)p->moved_bytes / 1e6, (double)p->arena_bytes / 1e6,
               (double)p->bound_bytes / 1e6, (double)p->weights_bytes / 1e6);
        print_work(p, 4);
        precision_report(stdout, p->graph);
        integers_report(stdout, p->graph);
        quantise_report(stdout, p->graph);
        winograd_report(stdout, p);
    }
    printf("%s: %d kernel instances in %d files (%.1f kB of C), weights %.1f MB stored, %s\n", o->output, s->instances,
           s->files, (double)s->source_bytes / 1e3, (double)weights / 1e6, o->isa->name);
    if (o->kind == EMIT_EXECUTABLE)
        print_certificate(programs, n_programs, o->output, weights);
    print_stages(stages);
    printf("memory of sdc: %.0f MB at most, %.0f MB of it anonymous; of a C compiler: %.0f MB\n",
           (double)usage.ru_maxrss * 1024 / 1e6, (double)memory_peak() / 1e6, (double)cc_peak_rss() / 1e6);
}

/* Behind the given ones; nothing when it is empty. */
static void add_section(BuildOptions *o, Section s)
{
    Section *list = alloc_more(o->sections, o->n_sections, o->n_sections + 1, sizeof *list);
    list[o->n_sections] = s;
    o->sections = list;
    o->n_sections += s.bytes > 0;
}

void build(Program *const *programs, int n_programs, const BuildOptions *given)
{
    BuildOptions o = *given;
    EmitSummary summary = {0};
    Stages stages = {.begin = sdc_now()};
    bool source_only = o.kind == EMIT_SOURCE, temporary = !source_only && !o.keep_source;
    char *folder = work_folder(&o), *weights_path, *final_path;
    bool host = !strcmp(cc_machine(o.cc), host_machine());
    int weights_fd = beside(source_only ? text_format("%s/%s.weights", folder, o.name) : o.output, &weights_path);
    Origins *origins = o.takes_lora && o.kind != EMIT_LIBRARY ? origins_new() : NULL;
    int64_t weights = pack_programs(programs, n_programs, weights_fd, weights_path, origins);
    if (origins)
        add_section(&o, origins_section(origins));
    stages.packing = sdc_now() - stages.begin;
    int library_fd = o.kind == EMIT_LIBRARY ? library_weights(&o, weights_fd, weights, &final_path) : -1;
    char **files = emit_source(programs, n_programs, &o, folder, &summary);
    if (!temporary) {
        keep_at_exit(text_format("%s/kernels.h", folder));
        for (int k = 0; files[k]; k++)
            keep_at_exit(text_format("%s/%s", folder, files[k]));
    }
    write_support(&o, folder, source_only || !host, temporary);
    if (source_only) {
        write_makefile(&o, folder);
        const char *path = text_format("%s/%s.weights", folder, o.name);
        int fd = beside(path, &final_path);
        append_sections(fd, final_path, weights_fd, weights, &o);
        publish(fd, final_path, path, 0666);
    } else if (o.kind == EMIT_LIBRARY) {
        o.archive = host ? write_archive(folder) : NULL;
        library_build(programs, n_programs, &o, folder, files, library_fd, final_path, &stages.compiled);
    } else {
        if (host)
            o.archive = write_archive(folder);
        else
            files = with_runtime_sources(files, &o);
        cc_compile(&o, folder, files, &stages.compiled);
        const char *elf = text_format("%s/linked", folder);
        remove_at_exit(elf);
        cc_link(&o, folder, files, elf);
        int fd = beside(o.output, &final_path);
        copy_into(fd, elf, final_path);
        append_sections(fd, final_path, weights_fd, weights, &o);
        check_memory(programs, n_programs, &o, final_path, weights);
        publish(fd, final_path, o.output, 0777);
    }
    close(weights_fd);
    report(programs, n_programs, &o, &summary, &stages, weights);
}
