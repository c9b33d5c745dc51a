/* harness.c: see harness.h. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "test harness: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

typedef struct { pid_t pid; int k, text; } Child;

/* The folder of work_folder() belongs to the process that made it. */
static char *folder_to_remove;
static pid_t folder_owner;

static Child start(int k, unsigned seconds, Work *work, void *context)
{
    Child c = {.k = k, .text = memfd_create("text", MFD_CLOEXEC)};
    if (c.text < 0)
        give_up("memfd");
    fflush(NULL);
    c.pid = fork();
    if (c.pid < 0)
        give_up("fork");
    if (c.pid)
        return c;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(seconds);
    if (dup2(c.text, STDOUT_FILENO) < 0 || dup2(c.text, STDERR_FILENO) < 0)
        _exit(1);
    int code = work(k, context);
    fflush(NULL);
    exit(code);
}

static char *text_of(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc((size_t)size + 1, 1);
    if (!text || pread(fd, text, (size_t)size, 0) != size)
        give_up("reading a child's output");
    close(fd);
    return text;
}

static int code_of(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return WTERMSIG(status) == SIGALRM ? TIMED_OUT : SIGNALLED + WTERMSIG(status);
}

void run_parallel(int jobs, const int *list, int count, unsigned seconds, Work *work, Done *done, void *context)
{
    Child *running = calloc((size_t)jobs, sizeof *running);
    if (!running)
        give_up("children");
    for (int next = 0, busy = 0; next < count || busy;) {
        while (next < count && busy < jobs)
            running[busy++] = start(list[next++], seconds, work, context);
        int status, at = 0;
        pid_t pid = waitpid(-1, &status, 0);
        while (at < busy && running[at].pid != pid)
            at++;
        if (at == busy)
            continue;
        Child ended = running[at];
        running[at] = running[--busy];
        char *text = text_of(ended.text);
        done(ended.k, code_of(status), text, context);
        free(text);
    }
    free(running);
}

typedef struct { char *const *argv; int code; char **text; } Program;

static int execute(int k, void *context)
{
    const Program *p = context;
    (void)k;
    execvp(p->argv[0], p->argv);
    return 127;
}

static void keep_outcome(int k, int code, const char *text, void *context)
{
    Program *p = context;
    (void)k;
    p->code = code;
    if (p->text)
        *p->text = format("%s", text);
}

int run_program(char *const *argv, unsigned seconds, char **text)
{
    Program p = {.argv = argv, .text = text};
    run_parallel(1, (const int[]){0}, 1, seconds, execute, keep_outcome, &p);
    return p.code;
}

int cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

char *format(const char *text, ...)
{
    va_list arguments;
    char *result;
    va_start(arguments, text);
    if (vasprintf(&result, text, arguments) < 0)
        give_up("text");
    va_end(arguments);
    return result;
}

char *read_text(const char *path, size_t *bytes)
{
    struct stat info;
    FILE *in = fopen(path, "rb");
    if (!in || fstat(fileno(in), &info) || !S_ISREG(info.st_mode)) {
        if (in)
            fclose(in);
        return NULL;
    }
    char *text = calloc((size_t)info.st_size + 1, 1);
    if (!text || fread(text, 1, (size_t)info.st_size, in) != (size_t)info.st_size)
        give_up(path);
    fclose(in);
    if (bytes)
        *bytes = (size_t)info.st_size;
    return text;
}

void write_bytes(const char *path, const void *data, size_t bytes)
{
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(data, 1, bytes, out) != bytes || fclose(out))
        give_up(path);
}

void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void remove_tree(const char *path)
{
    nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static void remove_work_folder(void)
{
    if (getpid() == folder_owner)
        remove_tree(folder_to_remove);
}

char *work_folder(const char *name)
{
    const char *given = getenv("TMPDIR"), *parent = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    parent = given && *given ? given : parent;
    char *folder = format("%s/%s-XXXXXX", parent, name);
    if (!mkdtemp(folder))
        give_up(folder);
    folder_to_remove = folder;
    folder_owner = getpid();
    atexit(remove_work_folder);
    return folder;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **list_folder(const char *folder, bool (*keep)(const char *folder, const char *name), int *count)
{
    char **names = calloc(1, sizeof *names);
    int found = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.' || (keep && !keep(folder, e->d_name)))
            continue;
        names = realloc(names, ((size_t)found + 2) * sizeof *names);
        if (!names)
            give_up(folder);
        names[found++] = format("%s", e->d_name);
        names[found] = NULL;
    }
    if (d)
        closedir(d);
    qsort(names, (size_t)found, sizeof *names, by_name);
    if (count)
        *count = found;
    return names;
}

char *first_line(const char *text)
{
    return format("%.*s", (int)strcspn(text, "\n"), text);
}
