/* npz.c: reads NumPy's .npz files: zip archives of .npy members, stored or deflated.
 *
 * Only the central directory is believed, and only after its bounds were checked: each member must lie between the
 * file's start and the directory.  ZIP64 sizes are understood.  Source of the format: PKWARE's APPNOTE 6.3. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "array_io.h"
#include "fileio.h"

enum { END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, ENTRY_BYTES = 46, LOCAL_BYTES = 30, COMMENT_LIMIT = 65535,
       DEFLATE_BEST = 1032 };         /* no deflate stream expands further than this */
enum { METHOD_STORED = 0, METHOD_DEFLATED = 8, FLAG_ENCRYPTED = 1, EXTRA_ZIP64 = 1 };

typedef struct {
    const uint8_t *data;
    int64_t bytes, directory, directory_end, at;     /* offsets; at: the next entry */
    uint64_t entries_left;
} Zip;

typedef struct {
    const char *name;                /* not NUL-terminated; without .npy */
    int64_t name_length;
    unsigned method, flags;
    uint32_t crc;
    int64_t packed, size, local;     /* bytes in the file, bytes unpacked, offset of the local header */
} Entry;

static uint64_t number_at(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static bool signed_as(const uint8_t *p, uint8_t c, uint8_t d)
{
    return p[0] == 'P' && p[1] == 'K' && p[2] == c && p[3] == d;
}

/* Offset of the end record, or -1. */
static int64_t find_end(const uint8_t *data, int64_t bytes)
{
    int64_t last = bytes - END_BYTES;
    for (int64_t at = last; at >= 0 && at >= last - COMMENT_LIMIT; at--)
        if (signed_as(data + at, 5, 6) && (int64_t)number_at(data + at + 20, 2) == last - at)
            return at;
    return -1;
}

/* False: no archive, or its directory lies outside the file. */
static bool open_zip(Zip *z, const uint8_t *data, int64_t bytes)
{
    int64_t end = find_end(data, bytes);
    if (end < 0)
        return false;
    uint64_t entries = number_at(data + end + 10, 2), size = number_at(data + end + 12, 4);
    uint64_t directory = number_at(data + end + 16, 4);
    if (end >= LOCATOR_BYTES && signed_as(data + end - LOCATOR_BYTES, 6, 7)) {
        uint64_t at = number_at(data + end - LOCATOR_BYTES + 8, 8);
        if (end < LOCATOR_BYTES + END64_BYTES || at > (uint64_t)(end - LOCATOR_BYTES - END64_BYTES) ||
            !signed_as(data + at, 6, 6))
            return false;
        entries = number_at(data + at + 32, 8);
        size = number_at(data + at + 40, 8);
        directory = number_at(data + at + 48, 8);
    }
    if (directory > (uint64_t)end || size > (uint64_t)end - directory || entries > size / ENTRY_BYTES)
        return false;
    *z = (Zip){data, bytes, (int64_t)directory, (int64_t)(directory + size), (int64_t)directory, entries};
    return true;
}

/* Replace the fields that are all ones by those of the ZIP64 extra; false when it is missing or short. */
static bool widen(const uint8_t *extra, int64_t length, uint64_t *fields[3])
{
    while (length >= 4) {
        int64_t id = (int64_t)number_at(extra, 2), bytes = (int64_t)number_at(extra + 2, 2);
        extra += 4;
        length -= 4;
        if (bytes > length)
            return false;
        if (id == EXTRA_ZIP64) {
            for (int i = 0; i < 3; i++) {
                if (*fields[i] != UINT32_MAX)
                    continue;
                if (bytes < 8)
                    return false;
                *fields[i] = number_at(extra, 8);
                extra += 8;
                bytes -= 8;
            }
            return true;
        }
        extra += bytes;
        length -= bytes;
    }
    return *fields[0] != UINT32_MAX && *fields[1] != UINT32_MAX && *fields[2] != UINT32_MAX;
}

/* 1: an entry; 0: no more; -1: damaged. */
static int next_entry(Zip *z, Entry *e)
{
    if (z->entries_left == 0)
        return 0;
    const uint8_t *p = z->data + z->at;
    if (z->directory_end - z->at < ENTRY_BYTES || !signed_as(p, 1, 2))
        return -1;
    int64_t name = (int64_t)number_at(p + 28, 2), extra = (int64_t)number_at(p + 30, 2);
    int64_t comment = (int64_t)number_at(p + 32, 2);
    if (z->directory_end - z->at - ENTRY_BYTES < name + extra + comment)
        return -1;
    uint64_t packed = number_at(p + 20, 4), size = number_at(p + 24, 4), local = number_at(p + 42, 4);
    if (!widen(p + ENTRY_BYTES + name, extra, (uint64_t *[3]){&size, &packed, &local}))
        return -1;
    uint64_t room = (uint64_t)z->directory;
    if (local > room || room - local < LOCAL_BYTES || packed > room - local - LOCAL_BYTES ||
        size / DEFLATE_BEST > packed + 1)
        return -1;
    *e = (Entry){.name = (const char *)p + ENTRY_BYTES, .name_length = name, .flags = (unsigned)number_at(p + 8, 2),
                 .method = (unsigned)number_at(p + 10, 2), .crc = (uint32_t)number_at(p + 16, 4),
                 .packed = (int64_t)packed, .size = (int64_t)size, .local = (int64_t)local};
    if (name > 4 && memcmp(e->name + name - 4, ".npy", 4) == 0)
        e->name_length -= 4;
    z->at += ENTRY_BYTES + name + extra + comment;
    z->entries_left--;
    return 1;
}

/* The member's packed bytes, or NULL when its local header is damaged. */
static const uint8_t *packed_bytes(const Zip *z, const Entry *e)
{
    const uint8_t *local = z->data + e->local;
    if (!signed_as(local, 3, 4))
        return NULL;
    int64_t skip = LOCAL_BYTES + (int64_t)number_at(local + 26, 2) + (int64_t)number_at(local + 28, 2);
    return z->directory - e->local >= skip && z->directory - e->local - skip >= e->packed ? local + skip : NULL;
}

/* False when the stream does not give exactly `size` bytes. */
static bool inflate_all(uint8_t *to, int64_t size, const uint8_t *from, int64_t packed)
{
    static const int64_t most = 1 << 30;         /* zlib counts in 32 bits */
    z_stream s = {0};
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
        return false;
    int status = Z_OK;
    uint8_t spare;
    int64_t room = size, left = packed;
    while (status == Z_OK) {
        uInt in = (uInt)(left < most ? left : most), out = (uInt)(room < most ? room : most);
        s.next_in = (Bytef *)(uintptr_t)from;
        s.avail_in = in;
        s.next_out = out ? to : &spare;          /* an empty or full output still has to reach the stream's end */
        s.avail_out = out ? out : 1;
        status = inflate(&s, Z_NO_FLUSH);
        from += in - s.avail_in;
        left -= in - s.avail_in;
        if (out) {
            to += out - s.avail_out;
            room -= out - s.avail_out;
        } else if (s.avail_out == 0) {
            status = Z_DATA_ERROR;               /* more than announced */
        }
    }
    inflateEnd(&s);
    return status == Z_STREAM_END && room == 0;
}

static int read_entry(SdcArray *a, const Zip *z, const Entry *e, const char *path)
{
    char what[4352];
    snprintf(what, sizeof what, "%s: member %.*s", path, (int)e->name_length, e->name);
    if (e->flags & FLAG_ENCRYPTED)
        return sdc_error(SDC_UNSUPPORTED, "%s: is encrypted", what);
    if (e->method != METHOD_STORED && e->method != METHOD_DEFLATED)
        return sdc_error(SDC_UNSUPPORTED, "%s: is packed in a way (%u) that NumPy does not write", what, e->method);
    const uint8_t *packed = packed_bytes(z, e);
    if (!packed || (e->method == METHOD_STORED && e->packed != e->size))
        return sdc_error(SDC_BAD_INPUT, "%s: is damaged", what);
    uint8_t *unpacked = NULL;
    if (e->method == METHOD_DEFLATED) {
        unpacked = malloc(e->size ? (size_t)e->size : 1);
        if (!unpacked)
            return sdc_error(SDC_NO_SPACE, "%s: no memory for its %lld bytes", what, (long long)e->size);
    }
    int code = SDC_OK;
    if (unpacked && !inflate_all(unpacked, e->size, packed, e->packed))
        code = sdc_error(SDC_BAD_INPUT, "%s: is damaged: cannot be unpacked", what);
    const uint8_t *bytes = unpacked ? unpacked : packed;
    if (!code && crc32_z(0, bytes, (size_t)e->size) != e->crc)
        code = sdc_error(SDC_BAD_INPUT, "%s: is damaged: wrong checksum", what);
    if (!code)
        code = sdc_npy_parse(a, bytes, e->size, what);
    free(unpacked);
    return code;
}

static bool is_named(const Entry *e, const char *name)
{
    size_t length = strlen(name);
    if (sdc_path_ends(name, ".npy"))
        length -= 4;
    return (size_t)e->name_length == length && memcmp(e->name, name, length) == 0;
}

/* "it has a, b, c" for the message about a missing member. */
static const char *list_members(Zip z, char *text, size_t size)
{
    Entry e;
    size_t used = (size_t)snprintf(text, size, "it has");
    for (int i = 0; next_entry(&z, &e) == 1 && used + 2 < size; i++) {
        int added = snprintf(text + used, size - used, "%s %.*s", i ? "," : "", (int)e.name_length, e.name);
        used += added > 0 ? (size_t)added : 0;
    }
    return text;
}

int sdc_npz_parse(SdcArray *a, const uint8_t *data, int64_t bytes, const char *member, const char *path)
{
    Zip z;
    Entry e, chosen = {0};
    int found = 0, total = 0, step;
    char list[1024];
    *a = (SdcArray){0};
    if (!open_zip(&z, data, bytes))
        return sdc_error(SDC_BAD_INPUT, "%s: is no .npz file, or is cut short", path);
    Zip walk = z;
    while ((step = next_entry(&walk, &e)) == 1) {
        total++;
        if (!member || is_named(&e, member)) {
            chosen = e;
            found++;
        }
    }
    if (step < 0)
        return sdc_error(SDC_BAD_INPUT, "%s: the archive's directory is damaged", path);
    if (!member && total != 1)
        return sdc_error(SDC_USAGE, "%s: has %d members; name one as FILE.npz:MEMBER; %s", path, total,
                         list_members(z, list, sizeof list));
    if (!found)
        return sdc_error(SDC_BAD_INPUT, "%s: has no member %s; %s", path, member, list_members(z, list, sizeof list));
    if (found > 1)
        return sdc_error(SDC_BAD_INPUT, "%s: has member %s more than once", path, member);
    return read_entry(a, &z, &chosen, path);
}

int sdc_npz_names(const char *path, char ***names, int *n)
{
    SdcFile file;
    Zip z, walk;
    Entry e;
    int step = -1;
    *names = NULL;
    *n = 0;
    int code = sdc_file_map(&file, path);
    if (code)
        return code;
    size_t count = 0, text = 0;
    if (open_zip(&z, file.data, file.bytes))
        for (walk = z; (step = next_entry(&walk, &e)) == 1; count++)
            text += (size_t)e.name_length + 1;
    if (step < 0)
        code = sdc_error(SDC_BAD_INPUT, "%s: is no .npz file, or is damaged", path);
    else if ((*names = malloc(count * sizeof **names + text + 1)) == NULL)
        code = sdc_error(SDC_NO_SPACE, "%s: out of memory", path);
    else {
        char *at = (char *)(*names + count);
        while (next_entry(&z, &e) == 1) {
            (*names)[(*n)++] = at;
            memcpy(at, e.name, (size_t)e.name_length);
            at[e.name_length] = 0;
            at += e.name_length + 1;
        }
    }
    sdc_file_unmap(&file);
    return code;
}
