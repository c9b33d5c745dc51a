/* cc.c: the system's C compiler, run in parallel with argument arrays, never through a shell.
 *
 * Compilers are children of ours: they end with us, their messages go to a file beside the object, their temporary files
 * to a folder of ours, and their peak memory is reported apart from the compiler's own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../runtime/runtime.h"
#include "cache.h"

enum { MAX_JOBS = 256, MAX_ARGUMENTS = 64 };

static volatile pid_t children[MAX_JOBS];
static int64_t peak_rss;

/* Async-signal-safe: end the compilers with what they have started, which becomes ours then, and wait, so that they write
 * nothing after the clean-up. */
static void stop_children(void)
{
    for (int k = 0; k < MAX_JOBS; k++)
        if (children[k]) {
            kill(-children[k], SIGKILL);
            while (waitpid(-children[k], NULL, 0) > 0 || errno == EINTR)
                continue;
            children[k] = 0;
        }
}

/* Where compilers put what they do not clean away when they are ended; a process that was forked has one of its own. */
static const char *scratch_folder(void)
{
    static const char *folder;
    static pid_t owner;
    if (getpid() != owner)
        folder = temporary_folder("sdc-cc");
    owner = getpid();
    return folder;
}

static pid_t start(char *const *arguments, const char *log)
{
    const char *scratch = scratch_folder();
    stop_at_exit(stop_children);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        fail(SDC_NO_SPACE, "can not start %s: %s", arguments[0], strerror(errno));
    setpgid(child, child);              /* by both, for whoever needs it first */
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || setenv("TMPDIR", scratch, 1))
        _exit(126);
    execvp(arguments[0], arguments);
    _exit(errno == ENOENT || errno == EACCES ? 127 : 126);
}

/* Wait for any child; returns its slot and its status. */
static int finish_one(int *status)
{
    struct rusage usage;
    for (;;) {
        pid_t done = wait4(-1, status, 0, &usage);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            bug("waiting for a compiler: %s", strerror(errno));
        for (int k = 0; k < MAX_JOBS; k++)
            if (children[k] == done) {
                children[k] = 0;
                if ((int64_t)usage.ru_maxrss * 1024 > peak_rss)
                    peak_rss = (int64_t)usage.ru_maxrss * 1024;
                return k;
            }
    }
}

int64_t cc_peak_rss(void)
{
    return peak_rss;
}

/* The first lines of the compiler's messages: an error if there is one. */
static char *first_message(const char *log)
{
    char line[400], *found = "";
    FILE *in = fopen(log, "r");
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (!*found || (strstr(line, "error") && !strstr(found, "error")))
            found = text_copy(line);
    }
    if (in)
        fclose(in);
    return found;
}

static void judge(const char *kind, const char *cc, const char *what, int status, const char *log)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    stop_children();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !*first_message(log))
        fail(SDC_CC_FAILED, "the %s '%s' is not there; install gcc or clang, or name one with --cc", kind, cc);
    if (WIFSIGNALED(status))
        fail(SDC_CC_FAILED, "the %s '%s' was ended by signal %d on %s", kind, cc, WTERMSIG(status), what);
    fail(SDC_CC_FAILED, "the %s '%s' failed on %s: %s", kind, cc, what, first_message(log));
}

static void run_alone(const char *kind, char *const *arguments, const char *what, const char *log)
{
    int status;
    children[0] = start(arguments, log);
    finish_one(&status);
    judge(kind, arguments[0], what, status, log);
}

/* ---- what kind of compiler it is --------------------------------------------------------------------------------- */

static const char *first_line(const char *cc, const char *option)
{
    const char *log = text_format("%s/answer", scratch_folder());
    run_alone("C compiler", (char *const[]){text_copy(cc), text_copy(option), NULL}, option, log);
    char line[256] = "";
    FILE *in = fopen(log, "r");
    if (in && fgets(line, sizeof line, in))
        line[strcspn(line, "\n")] = 0;
    if (in)
        fclose(in);
    return text_copy(line);
}

/* The compiler's answer to an option, asked once: every question starts a process. */
static const char *ask_once(const char *cc, const char *option)
{
    static struct { const char *cc, *option, *answer; } known[8];
    size_t k = 0;
    for (; k < sizeof known / sizeof *known && known[k].cc; k++)
        if (!strcmp(known[k].cc, cc) && !strcmp(known[k].option, option))
            return known[k].answer;
    const char *answer = first_line(cc, option);
    if (k < sizeof known / sizeof *known) {
        known[k].cc = text_copy(cc);
        known[k].option = option;
        known[k].answer = answer;
    }
    return answer;
}

const char *cc_version(const char *cc)
{
    return ask_once(cc, "--version");
}

const char *cc_machine(const char *cc)
{
    const char *line = ask_once(cc, "-dumpmachine");
    return text_format("%.*s", (int)strcspn(line, "-"), line);
}

/* ---- compiling and linking --------------------------------------------------------------------------------------- */

static void add(char **arguments, int *count, const char *argument)
{
    if (*count == MAX_ARGUMENTS - 1)
        bug("more than %d arguments for the C compiler", MAX_ARGUMENTS);
    arguments[(*count)++] = text_copy(argument);
    arguments[*count] = NULL;
}

static const char *object_of(const char *folder, const char *file)
{
    return text_format("%s/%.*s.o", folder, (int)(strlen(file) - 2), file);
}

char **cc_flags(const BuildOptions *o)
{
    static const char *const common[] = {"-std=gnu17", "-O2", "-ftree-vectorize", "-ffp-contract=fast",
                                         "-fno-math-errno", "-fno-trapping-math", "-fno-semantic-interposition",
                                         "-w", NULL};
    char **arguments = alloc_array(MAX_ARGUMENTS, sizeof *arguments);
    int count = 0;
    add(arguments, &count, o->cc);
    for (int k = 0; common[k]; k++)
        add(arguments, &count, common[k]);
    if (!strstr(cc_version(o->cc), "clang"))
        add(arguments, &count, "-fvect-cost-model=dynamic");
    add(arguments, &count, o->kind == EMIT_LIBRARY ? "-fPIC" : "-fPIE");
    for (int k = 0; o->isa->flags[k]; k++)
        add(arguments, &count, o->isa->flags[k]);
    for (int k = 0; o->cflags && o->cflags[k]; k++)
        add(arguments, &count, o->cflags[k]);
    add(arguments, &count, "-D_GNU_SOURCE");
    return arguments;
}

/* modes: "-c", NULL at the end. */
static char **file_arguments(const BuildOptions *o, const char *folder, const char *const *modes, const char *file,
                             const char *output)
{
    char **arguments = cc_flags(o);
    int count = 0;
    while (arguments[count])
        count++;
    for (int k = 0; modes[k]; k++)
        add(arguments, &count, modes[k]);
    add(arguments, &count, text_format("-I%s/sdc/kernels", folder));
    add(arguments, &count, text_format("-I%s/sdc/runtime", folder));
    add(arguments, &count, text_format("-I%s", folder));
    add(arguments, &count, text_format("%s/%s", folder, file));
    add(arguments, &count, "-o");
    add(arguments, &count, output);
    return arguments;
}

static void show(const BuildOptions *o, char *const *arguments)
{
    for (int k = 0; o->verbose && arguments[k]; k++)
        fprintf(stderr, "%s%s", arguments[k], arguments[k + 1] ? " " : "\n");
}

bool cc_preprocess(const BuildOptions *o, const char *folder, const char *file, const char *output)
{
    int status;
    const char *log = text_format("%s.log", output), *const modes[] = {"-E", "-P", "-dD", NULL};
    char **arguments = file_arguments(o, folder, modes, file, output);
    remove_at_exit(log);
    show(o, arguments);
    children[0] = start(arguments, log);
    finish_one(&status);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Start the compiler on a file; its slot among the children. */
static int start_one(const BuildOptions *o, const char *folder, const char *file, const char *object)
{
    int slot = 0;
    while (children[slot])
        slot++;
    const char *log = text_format("%s.log", object), *const modes[] = {"-c", NULL};
    char **arguments = file_arguments(o, folder, modes, file, object);
    remove_at_exit(log);
    show(o, arguments);
    children[slot] = start(arguments, log);
    return slot;
}

static void add_object(CompileSummary *s, const char *object)
{
    struct stat info;
    s->objects++;
    s->object_bytes += stat(object, &info) ? 0 : (int64_t)info.st_size;
}

void cc_compile(const BuildOptions *o, const char *folder, char *const *files, CompileSummary *summary)
{
    int slot_file[MAX_JOBS], total = 0, next = 0, running = 0, status;
    int jobs = o->jobs < 1 ? 1 : o->jobs > MAX_JOBS ? MAX_JOBS : o->jobs;
    double begin = sdc_now();
    SdcProgress bar;
    Cache *cache = cache_open(o, folder);
    while (files[total])
        total++;
    sdc_progress_begin(&bar, "compiling", total, o->quiet);
    while (summary->objects < total) {
        for (; next < total && running < jobs; next++) {
            const char *object = object_of(folder, files[next]);
            remove_at_exit(object);
            if (cache_fetch(cache, files[next], object)) {
                summary->cached++;
                add_object(summary, object);
            } else {
                slot_file[start_one(o, folder, files[next], object)] = next;
                running++;
            }
        }
        if (running) {
            int slot = finish_one(&status);
            const char *file = files[slot_file[slot]], *object = object_of(folder, file);
            judge("C compiler", o->cc, file, status, text_format("%s.log", object));
            cache_store(cache, file, object);
            add_object(summary, object);
            running--;
        }
        sdc_progress_step(&bar, summary->objects);
    }
    sdc_progress_end(&bar);
    cache_close(cache);
    summary->seconds = sdc_now() - begin;
}

/* The objects of `files` as a response file: there may be more of them than arguments fit. */
static const char *list_objects(const char *folder, char *const *files)
{
    const char *list = text_format("%s/objects", folder);
    remove_at_exit(list);
    FILE *out = fopen(list, "w");
    if (!out)
        fail(SDC_NO_SPACE, "%s: %s", list, strerror(errno));
    for (int k = 0; files[k]; k++) {
        fputc('"', out);
        for (const char *p = object_of(folder, files[k]); *p; p++)
            fprintf(out, strchr("\"\\", *p) ? "\\%c" : "%c", *p);
        fputs("\"\n", out);
    }
    if (fclose(out))
        fail(SDC_NO_SPACE, "%s: %s", list, strerror(errno));
    return text_format("@%s", list);
}

static void link_with(const BuildOptions *o, const char *folder, const char *const *before, const char *const *after,
                      const char *output)
{
    const char *log = text_format("%s/link.log", folder);
    remove_at_exit(log);
    char *arguments[MAX_ARGUMENTS];
    int count = 0;
    add(arguments, &count, o->cc);
    for (int k = 0; before[k]; k++)
        add(arguments, &count, before[k]);
    for (int k = 0; o->cflags && o->cflags[k]; k++)
        add(arguments, &count, o->cflags[k]);
    for (int k = 0; after[k]; k++)
        add(arguments, &count, after[k]);
    add(arguments, &count, "-o");
    add(arguments, &count, output);
    show(o, arguments);
    run_alone("C compiler", arguments, "the link", log);
}

/* What a pipeline's runtime stands on, where the archive does not bring it along. */
static const char *const pipeline_libraries[] = {"-lpng", "-ljpeg", "-lwebp", "-lz", "-lutf8proc", NULL};

void cc_link(const BuildOptions *o, const char *folder, char *const *files, const char *output)
{
    const char *after[MAX_ARGUMENTS] = {list_objects(folder, files)};
    int count = 1;
    if (o->archive)
        after[count++] = o->archive;
    for (int k = 0; !o->archive && o->driver && pipeline_libraries[k]; k++)
        after[count++] = pipeline_libraries[k];
    after[count++] = "-lm";
    after[count++] = "-pthread";
    link_with(o, folder, (const char *const[]){o->is_static ? "-static" : "-pie", NULL}, after, output);
}

void cc_join(const BuildOptions *o, const char *folder, char *const *files, const char *const *roots,
             const char *output)
{
    const char *after[MAX_ARGUMENTS] = {list_objects(folder, files), "-Wl,--gc-sections"};
    int count = 2;
    for (int k = 0; roots[k]; k++)
        after[count++] = text_format("-Wl,-u,%s", roots[k]);
    after[count] = o->archive;
    link_with(o, folder, (const char *const[]){"-r", "-nostdlib", NULL}, after, output);
}

void cc_link_shared(const BuildOptions *o, const char *folder, const char *object, const char *name, const char *output)
{
    const char *after[] = {object, text_format("-Wl,-soname,%s", name), "-lm", "-pthread", NULL};
    link_with(o, folder, (const char *const[]){"-shared", NULL}, after, output);
}

void cc_tool(const BuildOptions *o, const char *folder, const char *name, const char *const *given)
{
    const char *log = text_format("%s/tool.log", folder);
    remove_at_exit(log);
    char *arguments[MAX_ARGUMENTS];
    int count = 0;
    add(arguments, &count, first_line(o->cc, text_format("-print-prog-name=%s", name)));
    for (int k = 0; given[k]; k++)
        add(arguments, &count, given[k]);
    show(o, arguments);
    run_alone("tool", arguments, "the library", log);
}
