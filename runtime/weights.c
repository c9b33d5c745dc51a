/* weights.c: finds the sections behind the running executable and maps them.
 *
 * The file is mapped whole and read-only: nothing is copied, pages load when a kernel first touches them and are
 * shared by all processes that run the same file.  The mapping is the process's one piece of global state; everything
 * below sdc_sections_parse works on any buffer. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "fileio.h"
#include "sections.h"

static const char self_path[] = "/proc/self/exe";
static SdcFile self_file;
static SdcSections self;
static int64_t changed_bytes;           /* that copies of weights will take */
static int64_t beside_bytes;            /* of NAME.weights, where the data lie there */

static int damaged(const char *path, const char *what)
{
    return sdc_error(SDC_BAD_INPUT, "%s: %s; copy or compile it again", path, what);
}

/* What is wrong with row i, or NULL. */
static const char *row_fault(const SdcSectionRow *row, bool first, int64_t table_offset)
{
    if (row->name[0] == 0 || memchr(row->name, 0, sizeof row->name) == NULL)
        return "the section table is damaged: bad name";
    if (row->offset < 0 || row->bytes < 0 || row->bytes > table_offset - row->offset)
        return "the section table is damaged: a section lies outside the file";
    if (row->offset % SDC_SECTION_PAGE != 0 || (first && row->offset != 0))
        return "the section table is damaged: a section is not aligned";
    return NULL;
}

int sdc_sections_parse(SdcSections *s, const void *data, int64_t bytes, const char *path)
{
    static const uint8_t zero[sizeof((SdcSectionTrailer *)0)->zero];
    SdcSectionTrailer trailer;
    int64_t trailer_bytes = (int64_t)sizeof trailer;
    *s = (SdcSections){0};
    if (bytes < trailer_bytes)
        return damaged(path, "is too short to hold a model");
    memcpy(&trailer, (const char *)data + (bytes - trailer_bytes), sizeof trailer);
    if (memcmp(trailer.magic, SDC_SECTION_MAGIC, sizeof trailer.magic) != 0)
        return damaged(path, "does not end with a model's data: it was cut short, stripped or changed");
    if (trailer.version != SDC_SECTIONS_VERSION)
        return damaged(path, "holds data of another version of sdc");
    int64_t table_bytes = (int64_t)trailer.count * (int64_t)sizeof(SdcSectionRow);
    if (trailer.file_bytes != bytes || memcmp(trailer.zero, zero, sizeof zero) != 0)
        return damaged(path, "has not the length it was written with");
    if (trailer.count == 0 || trailer.count > SDC_MAX_SECTIONS || trailer.table_offset % 64 != 0 ||
        trailer.table_offset < 0 || trailer.table_offset != bytes - trailer_bytes - table_bytes)
        return damaged(path, "the section table is damaged: bad extent");
    const SdcSectionRow *rows = (const void *)((const char *)data + trailer.table_offset);
    if (XXH64(rows, (size_t)table_bytes, 0) != trailer.table_hash)
        return damaged(path, "the section table is damaged: wrong checksum");
    for (uint32_t i = 0; i < trailer.count; i++) {
        const char *fault = row_fault(&rows[i], i == 0, trailer.table_offset);
        if (fault)
            return damaged(path, fault);
    }
    *s = (SdcSections){data, rows, trailer.count, trailer.table_hash};
    return SDC_OK;
}

SdcSection sdc_sections_find(const SdcSections *s, const char *name)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (strcmp(s->rows[i].name, name) == 0)
            return (SdcSection){s->data + s->rows[i].offset, s->rows[i].bytes};
    return (SdcSection){0};
}

int sdc_sections_check(const SdcSections *s, const char *path)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const SdcSectionRow *row = &s->rows[i];
        if (XXH64(s->data + row->offset, (size_t)row->bytes, 0) != row->hash)
            return sdc_error(SDC_BAD_INPUT, "%s: section %s is damaged: wrong checksum; copy or compile it again", path,
                             row->name);
    }
    return SDC_OK;
}

/* ---- the running executable ---- */

/* Its path, for messages. */
static const char *self_name(char name[PATH_MAX])
{
    ssize_t length = readlink(self_path, name, PATH_MAX - 1);
    if (length <= 0)
        return self_path;
    name[length] = 0;
    return name;
}

/* A program built from emitted source has no tail: its data lies beside it, in NAME.weights. */
static bool lies_beside(const char *name, char path[PATH_MAX])
{
    int64_t start = self_file.bytes - (int64_t)sizeof(SdcSectionTrailer);
    bool tail = start >= 0 && !memcmp(self_file.data + start, SDC_SECTION_MAGIC, 8);
    return !tail && snprintf(path, PATH_MAX, "%s.weights", name) < PATH_MAX && access(path, F_OK) == 0;
}

int sdc_self_open(void)
{
    char name[PATH_MAX], beside[PATH_MAX];
    if (self.data)
        return SDC_OK;
    int code = sdc_file_map(&self_file, self_path);
    if (!code && lies_beside(self_name(name), beside)) {
        sdc_file_unmap(&self_file);
        code = sdc_file_map(&self_file, beside);
        beside_bytes = code ? 0 : self_file.bytes;
    }
    if (!code)
        code = sdc_sections_parse(&self, self_file.data, self_file.bytes, self_name(name));
    if (code)
        sdc_file_unmap(&self_file);
    else                                /* large pages where the file system has them: a network reads all of it, over and over */
        madvise((void *)(uintptr_t)self_file.data, (size_t)self_file.bytes, MADV_HUGEPAGE);
    return code;
}

SdcSection sdc_section(const char *name) { return sdc_sections_find(&self, name); }

int sdc_self_check(void)
{
    char name[PATH_MAX];
    return sdc_sections_check(&self, self_name(name));
}

void *sdc_weights_private(int64_t offset, int64_t bytes)
{
    const SdcSection weights = sdc_section("weights");
    if (offset < 0 || bytes < 0 || bytes > weights.bytes - offset) {
        sdc_error(SDC_BAD_INPUT, "a changed weight lies outside this file's weights; copy or compile it again");
        return NULL;
    }
    uint8_t *data = (uint8_t *)(uintptr_t)weights.data + offset;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)data & ~(page - 1);
    if (mprotect((void *)first, (uintptr_t)data + (uintptr_t)bytes - first, PROT_READ | PROT_WRITE)) {
        sdc_error(SDC_NO_SPACE, "no room for changed weights: %s", strerror(errno));
        return NULL;
    }
    return data;
}

void sdc_weights_change(int64_t bytes) { changed_bytes += bytes; }

int64_t sdc_weights_changed(void) { return changed_bytes; }

uint64_t sdc_self_hash(void) { return self.hash; }

int64_t sdc_self_bytes(void)
{
    struct stat image;
    int64_t bytes = stat(self_path, &image) == 0 ? (int64_t)image.st_size : 0;
    return beside_bytes + bytes;
}
