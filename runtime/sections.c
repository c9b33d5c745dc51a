/* sections.c: writes the sections behind an executable.  See sections.h.
 *
 * Streaming: a section is hashed while it is written, so the compiler never holds more than one tensor of it. */
#include "sections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL      /* single-model executables need no archive for it */
#include <xxhash.h>

#include "fileio.h"

struct SdcSectionWriter {
    int fd;
    bool open;                            /* between begin and end */
    const char *path;
    int64_t position;                     /* in the file */
    uint32_t count;
    XXH64_state_t hash;                   /* of the open section */
    SdcSectionRow rows[SDC_MAX_SECTIONS];
};

/* Hash what the file holds already: the ELF image. */
static int hash_image(SdcSectionWriter *w)
{
    static const int64_t chunk = 1 << 20;
    SdcSectionRow *row = &w->rows[w->count++];
    *row = (SdcSectionRow){.name = "program"};
    uint8_t *buffer = malloc((size_t)chunk);
    if (!buffer)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", w->path);
    XXH64_reset(&w->hash, 0);
    ssize_t got;
    while ((got = pread(w->fd, buffer, (size_t)chunk, row->bytes)) > 0) {
        XXH64_update(&w->hash, buffer, (size_t)got);
        row->bytes += got;
    }
    free(buffer);
    if (got < 0 || lseek(w->fd, row->bytes, SEEK_SET) < 0)
        return sdc_error(SDC_BAD_INPUT, "%s: cannot be read back: %s", w->path, strerror(errno));
    row->hash = XXH64_digest(&w->hash);
    w->position = row->bytes;
    return SDC_OK;
}

SdcSectionWriter *sdc_sections_create(int fd, const char *path)
{
    SdcSectionWriter *w = calloc(1, sizeof *w);
    if (!w) {
        sdc_error(SDC_NO_SPACE, "%s: out of memory", path);
        return NULL;
    }
    w->fd = fd;
    w->path = path;
    if (hash_image(w) != SDC_OK) {
        free(w);
        return NULL;
    }
    return w;
}

static int put(SdcSectionWriter *w, const void *data, int64_t bytes)
{
    int error = sdc_write_all(w->fd, data, bytes);
    if (error)
        return sdc_write_failed(w->path, error);
    w->position += bytes;
    return SDC_OK;
}

static int pad_to(SdcSectionWriter *w, int64_t alignment)
{
    static const uint8_t zero[SDC_SECTION_PAGE];
    return put(w, zero, (alignment - w->position % alignment) % alignment);
}

int sdc_section_begin(SdcSectionWriter *w, const char *name)
{
    if (w->open || w->count == SDC_MAX_SECTIONS || strlen(name) >= SDC_SECTION_NAME)
        return sdc_error(SDC_BUG, "%s: section %s cannot be begun", w->path, name);
    for (uint32_t i = 0; i < w->count; i++)
        if (strcmp(w->rows[i].name, name) == 0)
            return sdc_error(SDC_BUG, "%s: section %s is written twice", w->path, name);
    int code = pad_to(w, SDC_SECTION_PAGE);
    if (code)
        return code;
    SdcSectionRow *row = &w->rows[w->count];
    *row = (SdcSectionRow){.offset = w->position};
    memcpy(row->name, name, strlen(name));
    XXH64_reset(&w->hash, 0);
    w->open = true;
    return SDC_OK;
}

int sdc_section_write(SdcSectionWriter *w, const void *data, int64_t bytes)
{
    if (!w->open || bytes < 0)
        return sdc_error(SDC_BUG, "%s: data outside a section", w->path);
    if (bytes == 0)
        return SDC_OK;
    XXH64_update(&w->hash, data, (size_t)bytes);
    return put(w, data, bytes);
}

int64_t sdc_section_position(const SdcSectionWriter *w)
{
    return w->open ? w->position - w->rows[w->count].offset : 0;
}

int sdc_section_end(SdcSectionWriter *w)
{
    if (!w->open)
        return sdc_error(SDC_BUG, "%s: no section is open", w->path);
    SdcSectionRow *row = &w->rows[w->count++];
    row->bytes = w->position - row->offset;
    row->hash = XXH64_digest(&w->hash);
    w->open = false;
    return SDC_OK;
}

int sdc_sections_finish(SdcSectionWriter *w)
{
    int code = w->open ? sdc_error(SDC_BUG, "%s: a section is still open", w->path) : pad_to(w, 64);
    int64_t table_bytes = (int64_t)w->count * (int64_t)sizeof *w->rows;
    SdcSectionTrailer trailer = {
        .version = SDC_SECTIONS_VERSION,
        .count = w->count,
        .table_offset = w->position,
        .table_hash = XXH64(w->rows, (size_t)table_bytes, 0),
        .file_bytes = w->position + table_bytes + (int64_t)sizeof trailer,
    };
    memcpy(trailer.magic, SDC_SECTION_MAGIC, sizeof trailer.magic);
    if (!code)
        code = put(w, w->rows, table_bytes);
    if (!code)
        code = put(w, &trailer, sizeof trailer);
    sdc_sections_abandon(w);
    return code;
}

void sdc_sections_abandon(SdcSectionWriter *w) { free(w); }
