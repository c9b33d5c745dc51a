/* weights.c: files that are mapped, the model's own and those of its external data.
 *
 * A location comes from an untrusted model.  Absolute paths and `..` are refused before the file system is asked.  The
 * file is then opened as a mere handle (O_PATH: no side effects on devices or pipes), its kind and its true path are
 * read from that very descriptor, and the descriptor, not the path, is reopened for reading; so swapping files or links
 * between check and use changes nothing.  The true path must lie under the true path of the model's folder, or of the
 * folder that holds the file the model's path leads to: in Hugging Face caches both model and data are links into a
 * blob folder. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx.h"

typedef struct DataFile { struct DataFile *next; const char *location; Mapping map; } DataFile;

typedef struct Weights {
    const char *model;         /* as the user gave it */
    const char *folder;        /* of `model`, as given */
    const char *roots[2];      /* true paths: of the folder, and of the folder of the file behind `model` */
    DataFile *files;
} Weights;

/* ---- descriptors ---- */

/* The true path of an open descriptor; false when /proc does not tell. */
static bool path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0)
        return false;
    path[length] = 0;
    return true;
}

/* An O_PATH descriptor for reading; -1 with errno. */
static int reopen(int fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* Map a regular file; what: how messages name it. */
static Mapping map_descriptor(int fd, const char *what)
{
    struct stat status;
    Mapping map = {0};
    if (fstat(fd, &status) != 0)
        fail(SDC_BAD_INPUT, "%s: %s", what, strerror(errno));
    if (!S_ISREG(status.st_mode))
        fail(SDC_BAD_INPUT, "%s is %s, not a regular file", what,
             S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
    if (status.st_size == 0)
        return map;
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        fail(errno == ENOMEM ? SDC_NO_SPACE : SDC_BAD_INPUT, "%s can not be mapped: %s", what, strerror(errno));
    return (Mapping){data, status.st_size};
}

Mapping map_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);     /* a pipe must not hang us */
    if (fd < 0)
        fail(SDC_BAD_INPUT, "%s: can not be opened: %s", path, strerror(errno));
    Mapping map = map_descriptor(fd, text_format("%s:", path));
    close(fd);
    return map;
}

/* ---- external data ---- */

static const char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return !slash ? "." : slash == path ? "/" : text_format("%.*s", (int)(slash - path), path);
}

/* The true path of whatever `path` leads to; NULL when it can not be told. */
static const char *true_path(const char *path)
{
    char text[PATH_MAX];
    int fd = open(path, O_PATH | O_CLOEXEC);
    bool known = fd >= 0 && path_of(fd, text);
    if (fd >= 0)
        close(fd);
    return known ? text_copy(text) : NULL;
}

Weights *weights_open(const char *model_path)
{
    Weights *w = alloc(sizeof *w);
    const char *file = true_path(model_path);
    w->model = text_copy(model_path);
    w->folder = folder_of(w->model);
    w->roots[0] = true_path(w->folder);
    w->roots[1] = file ? folder_of(file) : NULL;
    return w;
}

/* Does a location stay inside by its spelling alone? */
static bool spelled_inside(const char *location)
{
    if (!*location || *location == '/' || strlen(location) >= PATH_MAX / 2)
        return false;
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t length = strcspn(part, "/");
        if (length == 2 && part[0] == '.' && part[1] == '.')
            return false;
    }
    return true;
}

static bool lies_under(const char *path, const char *root)
{
    size_t length = root ? strlen(root) : 0;
    return length && !strncmp(path, root, length) && (path[length] == '/' || root[length - 1] == '/');
}

static _Noreturn void data_refused(const Weights *w, const char *what, const char *location, const char *why)
{
    fail(SDC_BAD_INPUT, "%s: %s: external data '%s' %s", w->model, what, location, why);
}

/* A descriptor of the file, checked to be inside; fails otherwise. */
static int open_inside(const Weights *w, const char *location, const char *what)
{
    char path[PATH_MAX];
    const char *folders[] = {w->folder, w->roots[1]};
    struct stat status;
    int handle = -1;
    for (int k = 0; k < 2 && handle < 0 && folders[k]; k++)
        handle = open(text_format("%s/%s", folders[k], location), O_PATH | O_CLOEXEC);
    if (handle < 0)
        data_refused(w, what, location,
                     text_format("can not be opened: %s; keep it in the model's folder", strerror(errno)));
    if (!path_of(handle, path))
        data_refused(w, what, location, "lies nowhere that /proc would tell");
    if (!lies_under(path, w->roots[0]) && !lies_under(path, w->roots[1]))
        data_refused(w, what, location, "leads out of the model's folder");
    if (fstat(handle, &status) == 0 && !S_ISREG(status.st_mode))
        data_refused(w, what, location,
                     S_ISDIR(status.st_mode) ? "is a folder" : "is a device or pipe, not a regular file");
    int fd = reopen(handle);
    if (fd < 0)
        data_refused(w, what, location, text_format("can not be opened: %s", strerror(errno)));
    close(handle);
    return fd;
}

Mapping weights_map(Weights *w, const char *location, const char *what)
{
    for (const DataFile *f = w->files; f; f = f->next)
        if (!strcmp(f->location, location))
            return f->map;
    if (!spelled_inside(location))
        fail(SDC_BAD_INPUT, "%s: %s: external data '%s' is not a path inside the model's folder", w->model, what,
             location);
    int fd = open_inside(w, location, what);
    DataFile *f = alloc(sizeof *f);
    f->location = text_copy(location);
    f->map = map_descriptor(fd, text_format("%s: %s: external data '%s'", w->model, what, location));
    close(fd);
    f->next = w->files;
    w->files = f;
    return f->map;
}
