/* util.c: memory, text, and the two ways to fail: the user's fault (fail) and ours (bug). */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/runtime.h"
#include "sdc.h"

/* ---- temporary files, removed on every way out -------------------------------------------------------------------- */

enum { TEMPORARY_ROOM = 1 << 16 };
static char *temporary[TEMPORARY_ROOM];
static bool is_whole[TEMPORARY_ROOM];           /* a folder of ours: all that is in it goes too */
static volatile sig_atomic_t n_temporary;
static volatile pid_t owner;                    /* of the list: what a process has, its children do not remove */
static void (*volatile stop_children)(void);

void stop_at_exit(void (*stop)(void))
{
    stop_children = stop;
}

/* Children leave files whose names we do not know.  Async-signal-safe, which opendir() is not; again from the start
 * after each removal, because what is read on from there is not defined. */
static void empty_folder(const char *path)
{
    union { struct dirent64 first; char bytes[4096]; } entries;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool removed = folder >= 0;
    while (removed) {
        removed = false;
        lseek(folder, 0, SEEK_SET);
        ssize_t n = getdents64(folder, entries.bytes, sizeof entries);
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *e = (const struct dirent64 *)(const void *)(entries.bytes + at);
            removed |= !unlinkat(folder, e->d_name, 0);
            at += e->d_reclen;
        }
    }
    if (folder >= 0)
        close(folder);
}

/* Is there nothing more to remove? */
static bool remove_one(const char *path, bool whole)
{
    if (!unlink(path) || (errno != EISDIR && errno != EPERM))
        return true;
    if (rmdir(path) && whole) {
        empty_folder(path);
        return !rmdir(path);
    }
    return access(path, F_OK) != 0;
}

/* Async-signal-safe; newest first, so that a folder is mostly empty when its turn comes, and again as long as that helps:
 * places in the list are used again. */
static void remove_temporary(void)
{
    if (getpid() != owner)
        return;
    if (stop_children)
        stop_children();
    for (bool removed = true; removed;) {
        removed = false;
        for (int k = (int)n_temporary; k-- > 0;)
            if (temporary[k] && remove_one(temporary[k], is_whole[k])) {
                temporary[k] = NULL;
                removed = true;
            }
    }
    n_temporary = 0;
}

static void on_signal(int number)
{
    remove_temporary();
    signal(number, SIG_DFL);
    raise(number);
}

/* To be removed at the end; its place in the list. */
static int remember(const char *path)
{
    static bool armed;
    if (!armed) {
        static const int fatal[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU, SIGSEGV, SIGBUS, SIGABRT};
        for (size_t k = 0; k < sizeof fatal / sizeof *fatal; k++)
            signal(fatal[k], on_signal);
        signal(SIGXFSZ, SIG_IGN);               /* the write that is too large fails, and says so */
        atexit(remove_temporary);
        armed = true;
    }
    if (getpid() != owner)
        n_temporary = 0;
    owner = getpid();
    for (int k = 0; k < n_temporary; k++)
        if (!temporary[k]) {
            is_whole[k] = false;
            temporary[k] = text_copy(path);
            return k;
        }
    if (n_temporary == TEMPORARY_ROOM)
        bug("more than %d temporary files", TEMPORARY_ROOM);
    temporary[n_temporary] = text_copy(path);
    n_temporary = n_temporary + 1;
    return n_temporary - 1;
}

void remove_at_exit(const char *path)
{
    remember(path);
}

void keep_at_exit(const char *path)
{
    for (int k = 0; k < n_temporary; k++)
        if (temporary[k] && !strcmp(temporary[k], path)) {
            temporary[k] = NULL;
            return;
        }
}

void hold_signals(bool hold)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &all, NULL);
}

char *temporary_folder(const char *stem)
{
    const char *parent = getenv("TMPDIR");
    char *folder = text_format("%s/%s-XXXXXX", parent && *parent ? parent : "/tmp", stem);
    hold_signals(true);
    if (!mkdtemp(folder))
        fail(SDC_NO_SPACE, "%s: %s; set TMPDIR to a folder that can be written", folder, strerror(errno));
    is_whole[remember(folder)] = true;
    hold_signals(false);
    return folder;
}

/* ---- messages ------------------------------------------------------------------------------------------------------- */

/* One line in one write, so that parallel processes do not mix theirs; control characters from files are masked. */
static void message(const char *prefix, const char *format, va_list arguments)
{
    char line[4096];
    int length = snprintf(line, sizeof line, "sdc: %s", prefix);
    vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    size_t total = strlen(line);
    for (size_t k = 0; k < total; k++)
        if ((unsigned char)line[k] < ' ')
            line[k] = '?';
    line[total++] = '\n';
    if (write(STDERR_FILENO, line, total) < 0)
        return;
}

void fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message("", format, arguments);
    va_end(arguments);
    exit(code);
}

void fail_node(int code, const Node *n, const char *format, ...)
{
    const char *path = n->graph && n->graph->model ? n->graph->model->path : "?";
    const char *name = n->name && *n->name ? n->name : n->n_out && n->out[0] && n->out[0]->name ? n->out[0]->name : "";
    char prefix[1024];
    snprintf(prefix, sizeof prefix, "%s: node '%s' (%s): ", path, name, op_info(n->op)->name);
    va_list arguments;
    va_start(arguments, format);
    message(prefix, format, arguments);
    va_end(arguments);
    exit(code);
}

void bug_at(const char *file, int line, const char *format, ...)
{
    char prefix[256];
    const char *slash = strrchr(file, '/');
    snprintf(prefix, sizeof prefix, "internal error at %s:%d: ", slash ? slash + 1 : file, line);
    va_list arguments;
    va_start(arguments, format);
    message(prefix, format, arguments);
    va_end(arguments);
    exit(SDC_BUG);
}

void warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message("warning: ", format, arguments);
    va_end(arguments);
}

/* ---- memory and text -------------------------------------------------------------------------------------------------- */

enum { CHUNK = 1 << 20 };
typedef struct Chunk { struct Chunk *older; size_t used, room; } Chunk;
static Chunk *chunks;

void *alloc(size_t bytes)
{
    size_t need = (bytes + 15) & ~(size_t)15;
    if (!chunks || chunks->room - chunks->used < need) {
        size_t room = need > CHUNK / 4 ? need : CHUNK;
        Chunk *fresh = calloc(1, sizeof(Chunk) + 16 + room);
        if (!fresh)
            fail(SDC_NO_SPACE, "out of memory (%zu bytes)", bytes);
        fresh->room = room;
        if (chunks && room != CHUNK) {          /* a large block of its own goes behind the chunk in use */
            fresh->older = chunks->older;
            chunks->older = fresh;
            fresh->used = need;
            return (char *)fresh + ((sizeof(Chunk) + 15) & ~(size_t)15);
        }
        fresh->older = chunks;
        chunks = fresh;
    }
    void *p = (char *)chunks + ((sizeof(Chunk) + 15) & ~(size_t)15) + chunks->used;
    chunks->used += need;
    return p;
}

void *alloc_array(int64_t count, size_t size)
{
    int64_t bytes;
    if (count < 0 || mul_overflow(count, (int64_t)size, &bytes) || bytes > INT64_MAX / 2)
        fail(SDC_BAD_INPUT, "an array of %lld elements is too large", (long long)count);
    return alloc((size_t)bytes);
}

void *alloc_more(const void *list, int64_t count, int64_t room, size_t size)
{
    void *more = alloc_array(room, size);
    if (count)
        memcpy(more, list, (size_t)count * size);
    return more;
}

char *text_copy(const char *s)
{
    size_t length = strlen(s) + 1;
    return memcpy(alloc(length), s, length);
}

char *text_vformat(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *s = alloc((size_t)length + 1);
    vsnprintf(s, (size_t)length + 1, format, again);
    va_end(again);
    return s;
}

char *text_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *s = text_vformat(format, arguments);
    va_end(arguments);
    return s;
}

bool mul_overflow(int64_t a, int64_t b, int64_t *product)
{
    return __builtin_mul_overflow(a, b, product);
}
