/* sections.h: the data behind an executable's ELF image, written by the compiler and mapped by the runtime.
 *
 *      ELF image | pad | section | pad | section ... | table | trailer
 *
 * Sections begin on 4096-byte pages.  The table has one row a section, first a row named "program" for the image
 * itself, each with an XXH64 of its bytes; the 64-byte trailer is the file's last bytes.  All numbers are
 * little-endian, all offsets are from the start of the file and 64 bits wide.  Readers and writers return SDC_ codes
 * and have printed the error line. */
#ifndef SDC_SECTIONS_H
#define SDC_SECTIONS_H

#include <stdint.h>

#include "runtime.h"

enum { SDC_SECTION_NAME = 24, SDC_SECTION_PAGE = 4096, SDC_MAX_SECTIONS = 64, SDC_SECTIONS_VERSION = 1 };
#define SDC_SECTION_MAGIC "SDC\ntail"      /* eight bytes without the NUL */

typedef struct SdcSectionRow {
    char name[SDC_SECTION_NAME];      /* NUL-terminated */
    int64_t offset, bytes;
    uint64_t hash;                    /* XXH64, seed 0 */
} SdcSectionRow;

typedef struct SdcSectionTrailer {
    char magic[8];
    uint32_t version, count;
    int64_t table_offset;
    uint64_t table_hash;              /* XXH64 of the table: covers every section through its hash */
    int64_t file_bytes;
    uint8_t zero[24];
} SdcSectionTrailer;

_Static_assert(sizeof(SdcSectionRow) == 48 && sizeof(SdcSectionTrailer) == 64, "the file format");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file format is mapped as it lies");

/* ---- reading ---- */

/* Views into a mapped file that must outlive it. */
typedef struct SdcSections {
    const uint8_t *data;              /* the whole file */
    const SdcSectionRow *rows;
    uint32_t count;
    uint64_t hash;                    /* of the table */
} SdcSections;

/* Checks everything but the sections' hashes. */
int sdc_sections_parse(SdcSections *s, const void *data, int64_t bytes, const char *path);
SdcSection sdc_sections_find(const SdcSections *s, const char *name);      /* data NULL when absent */
int sdc_sections_check(const SdcSections *s, const char *path);            /* reads everything: compares the hashes */

/* ---- writing ---- */

typedef struct SdcSectionWriter SdcSectionWriter;

/* fd: open for reading and writing, holds the ELF image (or nothing) and nothing else.  path is for messages and is
 * kept by reference.  NULL after printing. */
SdcSectionWriter *sdc_sections_create(int fd, const char *path);
int sdc_section_begin(SdcSectionWriter *w, const char *name);
int sdc_section_write(SdcSectionWriter *w, const void *data, int64_t bytes);      /* any number of times */
int64_t sdc_section_position(const SdcSectionWriter *w);       /* bytes of this section so far */
int sdc_section_end(SdcSectionWriter *w);
/* Table and trailer; frees w, also on failure.  The caller syncs and renames the file. */
int sdc_sections_finish(SdcSectionWriter *w);
void sdc_sections_abandon(SdcSectionWriter *w);                /* frees w; the file is left unfinished */

#endif
