/* npz_write.c: writes NumPy's .npz files: stored members, no compression.
 *
 * Every size is written as ZIP64, so that a member of 10 bytes and one of 10 GB take the same path; NumPy reads both.
 * The date is a constant: the same arrays give the same bytes. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "array_io.h"

enum { VERSION = 45, UNIX_VERSION = VERSION | 3 << 8, DATE_1980 = 0x21, NAME_LIMIT = 60000 };

typedef struct { char *name; int64_t size, offset; uint32_t crc; } Member;

typedef struct {
    SdcSink *sink;
    void *to;
    int64_t position;
} Stream;

/* A record being put together: little-endian fields in order. */
typedef struct { uint8_t bytes[160]; int64_t used; } Record;

static void field(Record *r, int bytes, uint64_t value)
{
    for (int i = 0; i < bytes; i++)
        r->bytes[r->used++] = (uint8_t)(value >> (8 * i));
}

static int put(void *stream, const void *data, int64_t bytes)
{
    Stream *s = stream;
    s->position += bytes;
    return s->sink(s->to, data, bytes);
}

static int put_record(Stream *s, const Record *r) { return put(s, r->bytes, r->used); }

static int sum_sink(void *crc, const void *data, int64_t bytes)
{
    uint32_t *sum = crc;
    *sum = (uint32_t)crc32_z(*sum, data, (size_t)bytes);
    return SDC_OK;
}

/* What a local header and a directory entry share: from the version needed to the extra field's length. */
static void common_fields(Record *r, const Member *m, int extra)
{
    field(r, 2, VERSION);
    field(r, 2, 1 << 11);                     /* names are UTF-8 */
    field(r, 2, 0);                           /* stored */
    field(r, 2, 0);
    field(r, 2, DATE_1980);
    field(r, 4, m->crc);
    field(r, 4, UINT32_MAX);
    field(r, 4, UINT32_MAX);
    field(r, 2, strlen(m->name));
    field(r, 2, (uint64_t)extra);
}

static void zip64_extra(Record *r, const Member *m, bool with_offset)
{
    field(r, 2, 1);
    field(r, 2, with_offset ? 24 : 16);
    field(r, 8, (uint64_t)m->size);
    field(r, 8, (uint64_t)m->size);
    if (with_offset)
        field(r, 8, (uint64_t)m->offset);
}

static int put_member(Stream *s, Member *m, const SdcArray *a)
{
    Record head = {0}, extra = {0};
    m->offset = s->position;
    m->size = sdc_npy_bytes(a);
    int code = sdc_npy_emit(a, sum_sink, &m->crc);
    field(&head, 4, 0x04034b50);
    common_fields(&head, m, 20);
    zip64_extra(&extra, m, false);
    code = code ? code : put_record(s, &head);
    code = code ? code : put(s, m->name, (int64_t)strlen(m->name));
    code = code ? code : put_record(s, &extra);
    return code ? code : sdc_npy_emit(a, put, s);
}

static int put_entry(Stream *s, const Member *m)
{
    Record head = {0}, extra = {0};
    field(&head, 4, 0x02014b50);
    field(&head, 2, UNIX_VERSION);
    common_fields(&head, m, 28);
    field(&head, 2, 0);                       /* comment */
    field(&head, 2, 0);                       /* disk */
    field(&head, 2, 0);                       /* internal attributes */
    field(&head, 4, 0100644u << 16);          /* a regular file, rw-r--r-- */
    field(&head, 4, UINT32_MAX);
    zip64_extra(&extra, m, true);
    int code = put_record(s, &head);
    code = code ? code : put(s, m->name, (int64_t)strlen(m->name));
    return code ? code : put_record(s, &extra);
}

static int put_end(Stream *s, int64_t directory, int n)
{
    Record r = {0};
    uint64_t end = (uint64_t)s->position, size = end - (uint64_t)directory;
    field(&r, 4, 0x06064b50);                 /* ZIP64 end of directory */
    field(&r, 8, 44);
    field(&r, 2, UNIX_VERSION);
    field(&r, 2, VERSION);
    field(&r, 8, 0);                          /* disks */
    field(&r, 8, (uint64_t)n);
    field(&r, 8, (uint64_t)n);
    field(&r, 8, size);
    field(&r, 8, (uint64_t)directory);
    field(&r, 4, 0x07064b50);                 /* its locator */
    field(&r, 4, 0);
    field(&r, 8, end);
    field(&r, 4, 1);
    field(&r, 4, 0x06054b50);                 /* end of directory: see the ZIP64 one */
    field(&r, 4, 0);
    field(&r, 2, UINT16_MAX);
    field(&r, 2, UINT16_MAX);
    field(&r, 4, UINT32_MAX);
    field(&r, 4, UINT32_MAX);
    field(&r, 2, 0);
    return put_record(s, &r);
}

/* "NAME.npy", or NumPy's "arr_0.npy" for an array without a name. */
static int name_member(Member *m, const SdcArray *a, int index)
{
    char numbered[32];
    snprintf(numbered, sizeof numbered, "arr_%d", index);
    const char *name = a->name && *a->name ? a->name : numbered;
    size_t length = strlen(name);
    m->name = length < NAME_LIMIT ? malloc(length + 5) : NULL;
    if (!m->name)
        return sdc_error(SDC_NO_SPACE, "%s: a member's name is too long, or out of memory", numbered);
    memcpy(m->name, name, length);
    memcpy(m->name + length, ".npy", 5);
    return SDC_OK;
}

int sdc_npz_emit(const SdcArray *const *arrays, int n, SdcSink *sink, void *to)
{
    Stream s = {sink, to, 0};
    Member *members = calloc(n > 0 ? (size_t)n : 1, sizeof *members);
    if (!members)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    int code = SDC_OK;
    for (int i = 0; i < n && !code; i++) {
        code = name_member(&members[i], arrays[i], i);
        code = code ? code : put_member(&s, &members[i], arrays[i]);
    }
    int64_t directory = s.position;
    for (int i = 0; i < n && !code; i++)
        code = put_entry(&s, &members[i]);
    code = code ? code : put_end(&s, directory, n);
    for (int i = 0; i < n; i++)
        free(members[i].name);
    free(members);
    return code;
}
