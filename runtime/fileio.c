/* fileio.c: see fileio.h. */
#define _GNU_SOURCE 1
#include "fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime.h"

/* Only the signal handler needs this list; each change is one pointer store, so the handler always sees it whole. */
static SdcOutput *volatile open_outputs;
static const char *volatile fleeting;

/* ---- reading ---- */

int sdc_file_map(SdcFile *f, const char *path)
{
    *f = (SdcFile){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);   /* O_NONBLOCK: a FIFO must not hang us */
    if (fd < 0)
        return sdc_error(SDC_BAD_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat status;
    int code = SDC_OK;
    if (fstat(fd, &status) != 0)
        code = sdc_error(SDC_BAD_INPUT, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        code = sdc_error(SDC_BAD_INPUT, "%s: is %s, not a regular file", path,
                         S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
    if (code == SDC_OK && status.st_size > 0) {
        void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            code = sdc_error(errno == ENOMEM ? SDC_NO_SPACE : SDC_BAD_INPUT, "%s: cannot be mapped: %s", path,
                             strerror(errno));
        else
            *f = (SdcFile){data, status.st_size};
    }
    close(fd);
    return code;
}

void sdc_file_unmap(SdcFile *f)
{
    if (f->data)
        munmap((void *)(uintptr_t)f->data, (size_t)f->bytes);
    *f = (SdcFile){0};
}

bool sdc_read_all(int fd, void *data, int64_t bytes)
{
    char *at = data;
    while (bytes > 0) {
        const ssize_t n = read(fd, at, (size_t)(bytes < (1 << 30) ? bytes : 1 << 30));      /* one read() moves 2 GB at most */
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= n;
    }
    return true;
}

/* ---- writing ---- */

int sdc_write_all(int fd, const void *data, int64_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        int64_t chunk = bytes < (1 << 30) ? bytes : 1 << 30;     /* one write() moves 2 GB at most */
        ssize_t written = write(fd, at, (size_t)chunk);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : ENOSPC;
        at += written;
        bytes -= written;
    }
    return 0;
}

int sdc_write_failed(const char *path, int error)
{
    return sdc_error(SDC_NO_SPACE, "%s: cannot be written: %s; free some space or write elsewhere", path,
                     strerror(error));
}

/* The folder of path: malloc'd, NULL when out of memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int sdc_output_check(const char *path)
{
    struct stat status;
    if (!*path)
        return sdc_error(SDC_USAGE, "an output file's name is empty");
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return sdc_error(SDC_USAGE, "%s: is %s; give the name of a file to write", path,
                         S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
    char *folder = folder_of(path);
    if (!folder)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", path);
    int code = SDC_OK;
    if (access(folder, W_OK | X_OK) != 0)
        code = sdc_error(SDC_USAGE, "%s: cannot be written: folder %s: %s", path, folder, strerror(errno));
    free(folder);
    return code;
}

/* Where path leads: a link to a file keeps being a link.  malloc'd, NULL when out of memory. */
static char *resolved(const char *path)
{
    char *target = realpath(path, NULL);
    return target ? target : strdup(path);
}

/* A new file of the temporary's name; 0 or an errno.  On the list before it is there: a signal may come as soon as it
 * is. */
static int create(SdcOutput *o, mode_t mode)
{
    o->next = open_outputs;
    open_outputs = o;
    o->fd = open(o->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (o->fd >= 0)
        return 0;
    int error = errno;
    open_outputs = o->next;
    return error;
}

int sdc_output_open(SdcOutput *o, const char *path, mode_t mode)
{
    *o = (SdcOutput){.fd = -1};
    int code = sdc_output_check(path), error = EEXIST;
    if (code)
        return code;
    o->path = resolved(path);
    for (int try = 0; o->path && error == EEXIST; try++) {
        free(o->temporary);
        if (asprintf(&o->temporary, "%s.%ld-%d.tmp", o->path, (long)getpid(), try) < 0) {
            o->temporary = NULL;
            break;
        }
        error = create(o, mode);
    }
    if (!error)
        return SDC_OK;
    if (!o->temporary)
        code = sdc_error(SDC_NO_SPACE, "%s: out of memory", path);
    else if (error == ENOSPC || error == EDQUOT)
        code = sdc_write_failed(path, error);
    else
        code = sdc_error(SDC_USAGE, "%s: cannot be written: %s", path, strerror(error));
    free(o->path);
    free(o->temporary);
    *o = (SdcOutput){.fd = -1};
    return code;
}

int sdc_output_write(SdcOutput *o, const void *data, int64_t bytes)
{
    int error = sdc_write_all(o->fd, data, bytes);
    return error ? sdc_write_failed(o->path, error) : SDC_OK;
}

int sdc_output_sync(SdcOutput *o)
{
    if (o->fd < 0)
        return SDC_OK;
    int error = fsync(o->fd) == 0 ? 0 : errno;
    if (close(o->fd) != 0 && !error)
        error = errno;
    o->fd = -1;
    return error ? sdc_write_failed(o->path, error) : SDC_OK;
}

/* Take o off the list and free what it holds. */
static void forget(SdcOutput *o)
{
    if (open_outputs == o)
        open_outputs = o->next;
    for (SdcOutput *before = open_outputs; before; before = before->next)
        if (before->next == o)
            before->next = o->next;
    if (o->fd >= 0)
        close(o->fd);
    free(o->path);
    free(o->temporary);
    *o = (SdcOutput){.fd = -1};
}

int sdc_output_commit(SdcOutput *o)
{
    int code = sdc_output_sync(o);
    if (!code && rename(o->temporary, o->path) != 0)
        code = sdc_write_failed(o->path, errno);
    if (code)
        sdc_output_discard(o);
    else
        forget(o);
    return code;
}

void sdc_output_discard(SdcOutput *o)
{
    if (!o->temporary)
        return;
    unlink(o->temporary);
    forget(o);
}

void sdc_output_fleeting(const char *path)
{
    fleeting = path;
}

/* ---- signals ---- */

static void remove_temporaries(void)
{
    for (SdcOutput *o = open_outputs; o; o = o->next)
        unlink(o->temporary);
    if (fleeting)
        unlink(fleeting);
}

static void die_of(int signal_number)
{
    remove_temporaries();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void die_of_bus(int signal_number)
{
    (void)signal_number;
    remove_temporaries();
    static const char text[] = "a file in use was cut short or its disk fails; restore it and try again\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(SDC_BAD_INPUT);
}

void sdc_signals_guard(void)
{
    static const int deadly[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = die_of};
    struct sigaction old;
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)   /* nohup stays nohup */
            sigaction(deadly[i], &action, NULL);
    action.sa_handler = die_of_bus;
    sigaction(SIGBUS, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
}
