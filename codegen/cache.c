/* cache.c: objects of the C compiler, kept by the content of what they were made from.
 *
 *   where:   $SDC_CACHE, else $XDG_CACHE_HOME/sdc, else ~/.cache/sdc; no cache where the folder is not ours alone to write
 *   key:     the file's name and text without the emitter's comments, what it includes of the emitted kernels.h and the
 *            files that sdc carries, and an identity of everything else: sdc's version, compiler and flags, and what the
 *            compiler makes of every system header that any file includes
 *   entry:   KEY.o, a checked header and the object; written under another name and renamed, so that compilations may
 *            share the folder.  What does not check is as good as not there
 *   bound:   LIMIT bytes; what was not used for longest goes first
 *
 * An object is what the compiler would have made, so the result is the same bytes with and without.  Not with --cflag:
 * a flag may name files.  Nothing that goes wrong here is an error. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../runtime/fileio.h"
#include "../runtime/runtime.h"
#include "cache.h"
#include "emit.h"
#include "version.h"

enum { LIMIT = 256000000, NAME_DIGITS = 2 * sizeof(XXH128_canonical_t) };

struct Cache {
    const char *path;
    const char *folder;             /* of the files that are compiled */
    XXH128_hash_t identity;
    int carried;                    /* files */
    bool grown;
};

typedef struct { char magic[8]; XXH128_canonical_t key, hash; int64_t bytes; } Header;
static const char magic[8] = "SDCobj1";

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static const char *cache_path(void)
{
    const char *given = getenv("SDC_CACHE"), *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given)
        return *given ? given : NULL;
    if (caches && *caches == '/')
        return text_format("%s/sdc", caches);
    return home && *home == '/' ? text_format("%s/.cache/sdc", home) : NULL;
}

/* Make it, and ~/.cache.  What others could write is not linked into our programs. */
static bool usable(const char *path, const char **why)
{
    struct stat info;
    const char *slash = strrchr(path, '/');
    if (slash)
        mkdir(text_format("%.*s", (int)(slash - path), path), 0700);
    mkdir(path, 0700);
    if (stat(path, &info) || access(path, W_OK | X_OK))
        *why = strerror(errno);
    else if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || info.st_mode & (S_IWGRP | S_IWOTH))
        *why = "is no folder that you alone may write";
    else
        return true;
    return false;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

static bool is_archive(const Embedded *e)
{
    size_t length = strlen(e->name);
    return length > 2 && !strcmp(e->name + length - 2, ".a");
}

/* "#include <math.h>" of what e includes from the system, where the compiler has it. */
static void list_system_headers(FILE *out, const Embedded *e)
{
    static const char include[] = "#include <";
    const char *p = (const char *)e->data, *end = (const char *)e->end;
    while ((p = memmem(p, (size_t)(end - p), include, sizeof include - 1))) {
        const char *name = p + sizeof include - 2, *close = memchr(name, '>', (size_t)(end - name));
        int length = close ? (int)(close + 1 - name) : 0;
        if (length)
            fprintf(out, "#if __has_include(%.*s)\n#include %.*s\n#endif\n", length, name, length, name);
        p = name;
    }
}

/* What the compiler is set to and the system's headers, as text; sources: the runtime is compiled too. */
static bool preprocess(const BuildOptions *o, const char *folder, bool sources, Mapping *text)
{
    static const char file[] = "environment.c";
    FILE *out = emit_open(folder, file);
    for (const Embedded *e = embedded_files; e->name; e++)
        if (!is_archive(e) && (sources || begins(e->name, "kernels/") || !strcmp(e->name, "runtime/runtime.h")))
            list_system_headers(out, e);
    emit_close(out, folder, file);
    const char *made = text_format("%s/environment.i", folder);
    remove_at_exit(made);
    if (!cc_preprocess(o, folder, file, made))
        return false;
    *text = map_file(made);
    return true;
}

static void hash_string(XXH3_state_t *state, const char *s)
{
    XXH3_128bits_update(state, s, strlen(s) + 1);
}

/* A compiler that is named by its path may be anything, whatever its version says. */
static void hash_compiler(XXH3_state_t *state, const char *cc)
{
    struct stat info;
    hash_string(state, cc);
    hash_string(state, cc_version(cc));
    if (strchr(cc, '/') && !stat(cc, &info))
        hash_string(state, text_format("%lld %lld.%09ld", (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                                       info.st_mtim.tv_nsec));
}

static XXH128_hash_t identity_of(const BuildOptions *o, Mapping environment)
{
    XXH3_state_t *state = XXH3_createState();
    char **flags = cc_flags(o);
    XXH3_128bits_reset(state);
    hash_string(state, SDC_VERSION);
    hash_compiler(state, o->cc);
    for (int k = 1; flags[k]; k++)
        hash_string(state, flags[k]);
    XXH3_128bits_update(state, environment.data, (size_t)environment.bytes);
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return hash;
}

/* Lines that are a comment tell which nodes of this model an instance is for. */
static void hash_text(XXH3_state_t *state, Mapping text)
{
    const char *line = text.data, *end = line + text.bytes;
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *next = newline ? newline + 1 : end;
        const char *first = line;
        while (first < next && *first == ' ')
            first++;
        bool comment = newline && begins(first, "/*") &&
                       memmem(first, (size_t)(newline - first), "*/", 2) == newline - 2;
        if (!comment)
            XXH3_128bits_update(state, line, (size_t)(next - line));
        line = next;
    }
}

/* Has e this name, whatever the folder? */
static bool is_called(const Embedded *e, const char *name, const char *end)
{
    const char *own = strrchr(e->name, '/'), *slash = memrchr(name, '/', (size_t)(end - name));
    own = own ? own + 1 : e->name;
    name = slash ? slash + 1 : name;
    return strlen(own) == (size_t)(end - name) && !memcmp(own, name, (size_t)(end - name));
}

/* The files that sdc carries and the text includes, each once; seen: by their numbers. */
static void hash_included(XXH3_state_t *state, bool *seen, const char *text, const char *end)
{
    static const char include[] = "#include \"";
    while ((text = memmem(text, (size_t)(end - text), include, sizeof include - 1))) {
        text += sizeof include - 1;
        const char *close = memchr(text, '"', (size_t)(end - text));
        for (int k = 0; close && embedded_files[k].name; k++) {
            const Embedded *e = &embedded_files[k];
            if (seen[k] || !is_called(e, text, close))
                continue;
            seen[k] = true;
            XXH3_128bits_update(state, e->data, (size_t)(e->end - e->data));
            hash_included(state, seen, (const char *)e->data, (const char *)e->end);
        }
    }
}

static void hash_file(XXH3_state_t *state, bool *seen, const char *folder, const char *file)
{
    static const char prototypes[] = "#include \"kernels.h\"";
    Mapping text = map_file(text_format("%s/%s", folder, file));
    hash_string(state, file);
    hash_text(state, text);
    hash_included(state, seen, text.data, (const char *)text.data + text.bytes);
    if (memmem(text.data, (size_t)text.bytes, prototypes, sizeof prototypes - 1))
        hash_file(state, seen, folder, "kernels.h");
    munmap((void *)(uintptr_t)text.data, (size_t)text.bytes);
}

static Header header_of(const Cache *c, const char *file)
{
    Header h;
    XXH3_state_t *state = XXH3_createState();
    memcpy(h.magic, magic, sizeof magic);
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, &c->identity, sizeof c->identity);
    hash_file(state, alloc_array(c->carried, sizeof(bool)), c->folder, file);
    XXH128_canonicalFromHash(&h.key, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    return h;
}

static const char *entry_path(const Cache *c, const Header *h)
{
    char digits[NAME_DIGITS + 1];
    for (size_t k = 0; k < sizeof h->key.digest; k++)
        snprintf(digits + 2 * k, 3, "%02x", h->key.digest[k]);
    return text_format("%s/%s.o", c->path, digits);
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* The object in the entry, to be freed; NULL where it is not what was written. */
static void *read_entry(int fd, const Header *wanted, int64_t *bytes)
{
    Header h;
    XXH128_canonical_t hash;
    struct stat info;
    if (!sdc_read_all(fd, &h, sizeof h) || memcmp(h.magic, magic, sizeof magic) ||
        memcmp(&h.key, &wanted->key, sizeof h.key) || fstat(fd, &info) || h.bytes <= 0 ||
        info.st_size != (int64_t)sizeof h + h.bytes)
        return NULL;
    void *data = malloc((size_t)h.bytes);
    if (data && sdc_read_all(fd, data, h.bytes)) {
        XXH128_canonicalFromHash(&hash, XXH3_128bits(data, (size_t)h.bytes));
        *bytes = h.bytes;
        if (!memcmp(&hash, &h.hash, sizeof hash))
            return data;
    }
    free(data);
    return NULL;
}

bool cache_fetch(Cache *c, const char *file, const char *object)
{
    if (!c)
        return false;
    int64_t bytes;
    Header h = header_of(c, file);
    int from = open(entry_path(c, &h), O_RDONLY | O_CLOEXEC);
    void *data = from < 0 ? NULL : read_entry(from, &h, &bytes);
    if (data) {
        int to = open(object, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (to < 0 || sdc_write_all(to, data, bytes) || close(to))
            fail(SDC_NO_SPACE, "%s: %s", object, strerror(errno));
        futimens(from, NULL);
        free(data);
    }
    if (from >= 0)
        close(from);
    return data != NULL;
}

void cache_store(Cache *c, const char *file, const char *object)
{
    if (!c)
        return;
    Mapping data = map_file(object);
    Header h = header_of(c, file);
    XXH128_canonicalFromHash(&h.hash, XXH3_128bits(data.data, (size_t)data.bytes));
    h.bytes = data.bytes;
    const char *path = entry_path(c, &h);
    char *fresh = text_format("%s.XXXXXX", path);
    hold_signals(true);
    int fd = mkostemp(fresh, O_CLOEXEC);
    if (fd >= 0)
        remove_at_exit(fresh);
    hold_signals(false);
    if (fd >= 0) {
        bool written = !sdc_write_all(fd, &h, sizeof h) && !sdc_write_all(fd, data.data, data.bytes);
        if (close(fd) || !written || rename(fresh, path))
            unlink(fresh);
        keep_at_exit(fresh);
        c->grown = true;
    }
    munmap((void *)(uintptr_t)data.data, (size_t)data.bytes);
}

/* ---- its size ---------------------------------------------------------------------------------------------------- */

typedef struct { char *name; int64_t bytes; struct timespec used; } Entry;
typedef struct { Entry *list; int count, room; int64_t bytes; } Entries;

static int longest_unused(const void *a, const void *b)
{
    const struct timespec *x = &((const Entry *)a)->used, *y = &((const Entry *)b)->used;
    return x->tv_sec != y->tv_sec ? (x->tv_sec > y->tv_sec) - (x->tv_sec < y->tv_sec)
                                  : (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Whoever names another folder may keep other files there.  What was never renamed has six letters more. */
static bool is_entry(const char *name)
{
    return strspn(name, "0123456789abcdef") == NAME_DIGITS && begins(name + NAME_DIGITS, ".o") &&
           (!name[NAME_DIGITS + 2] || name[NAME_DIGITS + 2] == '.');
}

static Entries list_entries(DIR *folder)
{
    Entries all = {0};
    struct stat info;
    for (struct dirent *d; (d = readdir(folder));) {
        if (!is_entry(d->d_name) || fstatat(dirfd(folder), d->d_name, &info, AT_SYMLINK_NOFOLLOW))
            continue;
        if (all.count == all.room) {
            all.room = all.room ? 2 * all.room : 1024;
            all.list = alloc_more(all.list, all.count, all.room, sizeof *all.list);
        }
        all.list[all.count++] = (Entry){text_copy(d->d_name), info.st_size, info.st_mtim};
        all.bytes += info.st_size;
    }
    return all;
}

void cache_close(Cache *c)
{
    DIR *folder = c && c->grown ? opendir(c->path) : NULL;
    if (!folder)
        return;
    Entries all = list_entries(folder);
    if (all.bytes > LIMIT)
        qsort(all.list, (size_t)all.count, sizeof *all.list, longest_unused);
    for (int k = 0; k < all.count && all.bytes > LIMIT; k++)
        if (!unlinkat(dirfd(folder), all.list[k].name, 0))
            all.bytes -= all.list[k].bytes;
    closedir(folder);
}

Cache *cache_open(const BuildOptions *o, const char *folder)
{
    Mapping environment;
    const char *path = o->no_cache || (o->cflags && o->cflags[0]) ? NULL : cache_path(), *why = NULL;
    if (!path)
        return NULL;
    if (usable(path, &why) && preprocess(o, folder, !o->archive, &environment)) {
        Cache *c = alloc(sizeof *c);
        *c = (Cache){.path = path, .folder = folder, .identity = identity_of(o, environment)};
        while (embedded_files[c->carried].name)
            c->carried++;
        munmap((void *)(uintptr_t)environment.data, (size_t)environment.bytes);
        return c;
    }
    if (o->verbose)
        fprintf(stderr, "no cache in %s: %s\n", path, why ? why : "the compiler's preprocessor failed");
    return NULL;
}
