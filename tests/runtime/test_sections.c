/* test_sections.c: sections written behind an image are found again, and no damaged tail is believed. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fileio.h"
#include "sections.h"

enum { IMAGE_BYTES = 5000, BIG_BYTES = 100000 };

static uint8_t pattern(int64_t i) { return (uint8_t)(i * 7 + i / 251); }

/* An "executable" of IMAGE_BYTES and three sections, one of them empty. */
static void make_executable(const char *path)
{
    uint8_t bytes[BIG_BYTES];
    for (int64_t i = 0; i < BIG_BYTES; i++)
        bytes[i] = pattern(i);
    write_file(path, bytes, IMAGE_BYTES);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    SdcSectionWriter *w = sdc_sections_create(fd, path);
    assert_non_null(w);
    assert_int_equal(sdc_section_begin(w, "weights"), SDC_OK);
    for (int64_t i = 0; i < BIG_BYTES; i += 1000)
        assert_int_equal(sdc_section_write(w, bytes + i, 1000), SDC_OK);
    assert_int_equal(sdc_section_position(w), BIG_BYTES);
    assert_int_equal(sdc_section_end(w), SDC_OK);
    assert_int_equal(sdc_section_begin(w, "empty"), SDC_OK);
    assert_int_equal(sdc_section_end(w), SDC_OK);
    assert_int_equal(sdc_section_begin(w, "tokenizer"), SDC_OK);
    assert_int_equal(sdc_section_write(w, "abc", 3), SDC_OK);
    assert_int_equal(sdc_section_end(w), SDC_OK);
    assert_int_equal(sdc_sections_finish(w), SDC_OK);
    close(fd);
}

static void test_round_trip(void **state)
{
    (void)state;
    char *folder = make_folder();
    const char *path = in_folder(folder, "program");
    make_executable(path);
    SdcFile file;
    SdcSections s;
    assert_int_equal(sdc_file_map(&file, path), SDC_OK);
    assert_int_equal(sdc_sections_parse(&s, file.data, file.bytes, path), SDC_OK);
    assert_int_equal(s.count, 4);
    SdcSection weights = sdc_sections_find(&s, "weights"), text = sdc_sections_find(&s, "tokenizer");
    assert_int_equal(weights.bytes, BIG_BYTES);
    assert_int_equal((uintptr_t)weights.data % SDC_SECTION_PAGE, 0);
    for (int64_t i = 0; i < BIG_BYTES; i++)
        assert_int_equal(((const uint8_t *)weights.data)[i], pattern(i));
    assert_int_equal(text.bytes, 3);
    assert_memory_equal(text.data, "abc", 3);
    assert_int_equal(sdc_sections_find(&s, "empty").bytes, 0);
    assert_non_null(sdc_sections_find(&s, "empty").data);
    assert_null(sdc_sections_find(&s, "absent").data);
    assert_int_equal(sdc_sections_find(&s, "program").bytes, IMAGE_BYTES);
    assert_int_equal(sdc_sections_check(&s, path), SDC_OK);
    sdc_file_unmap(&file);
    remove_folder(folder);
}

/* Same input, same bytes. */
static void test_reproducible(void **state)
{
    (void)state;
    char *folder = make_folder();
    make_executable(in_folder(folder, "a"));
    make_executable(in_folder(folder, "b"));
    size_t n, m;
    uint8_t *a = read_file(in_folder(folder, "a"), &n), *b = read_file(in_folder(folder, "b"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    remove_folder(folder);
}

static void refuse(const uint8_t *data, size_t bytes)
{
    SdcSections s;
    if (sdc_sections_parse(&s, data, (int64_t)bytes, "FILE") == SDC_OK)
        assert_int_equal(sdc_sections_check(&s, "FILE"), SDC_BAD_INPUT);
}

/* Every cut is refused at once; every changed byte outside the padding is noticed, at the latest by --check. */
static void test_damage(void **state)
{
    (void)state;
    char *folder = make_folder();
    size_t bytes;
    make_executable(in_folder(folder, "program"));
    uint8_t *data = read_file(in_folder(folder, "program"), &bytes);
    SdcSections s;
    capture_begin();
    for (size_t cut = 0; cut < bytes; cut += cut + 500 < bytes ? 97 : 1) {
        uint8_t *exact = malloc(cut + !cut);
        memcpy(exact, data, cut);
        assert_int_equal(sdc_sections_parse(&s, exact, (int64_t)cut, "FILE"), SDC_BAD_INPUT);
        free(exact);
    }
    for (size_t at = 0; at < bytes; at += at + 500 < bytes ? 997 : 1) {
        bool padding = (at >= IMAGE_BYTES && at < 8192) || (at >= 8192 + BIG_BYTES && at < bytes - 64 - 4 * 48);
        data[at] ^= 4;
        if (!padding)
            refuse(data, bytes);
        data[at] ^= 4;
    }
    capture_end();
    free(data);
    remove_folder(folder);
}

/* A table that is consistent with its checksum but points outside. */
static void test_forged_rows(void **state)
{
    (void)state;
    static const struct { const char *name; int64_t offset, bytes; } rows[] = {
        {"weights", 0, -1}, {"weights", -4096, 4096}, {"weights", 4096, INT64_MAX}, {"weights", 100, 1},
        {"", 0, 0},         {"weights", INT64_MAX / 4096 * 4096, 4096},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *folder = make_folder();
        const char *path = in_folder(folder, "forged");
        write_file(path, "", 0);
        /* Written as a section's contents, so that the writer computes the table's checksum for us. */
        int fd = open(path, O_RDWR | O_CLOEXEC);
        SdcSectionWriter *w = sdc_sections_create(fd, path);
        SdcSectionRow forged = {.offset = rows[i].offset, .bytes = rows[i].bytes};
        strcpy(forged.name, rows[i].name);
        sdc_section_begin(w, "table");
        sdc_section_write(w, &forged, sizeof forged);
        sdc_section_end(w);
        sdc_sections_finish(w);
        close(fd);
        size_t bytes;
        uint8_t *data = read_file(path, &bytes);
        SdcSectionRow table;                         /* the row of section "table" knows the hash of `forged` */
        memcpy(&table, data + bytes - 64 - sizeof table, sizeof table);
        struct { SdcSectionRow row; SdcSectionTrailer trailer; } tail = {forged, {.version = SDC_SECTIONS_VERSION,
            .count = 1, .table_offset = 4096, .table_hash = table.hash, .file_bytes = 4096 + sizeof tail}};
        memcpy(tail.trailer.magic, SDC_SECTION_MAGIC, 8);
        uint8_t *file = calloc(1, 4096 + sizeof tail);
        memcpy(file + 4096, &tail, sizeof tail);
        SdcSections s;
        capture_begin();
        int code = sdc_sections_parse(&s, file, 4096 + sizeof tail, "FILE");
        const char *message = capture_end();
        assert_int_equal(code, SDC_BAD_INPUT);
        assert_non_null(strstr(message, "FILE: the section table is damaged"));
        assert_null(strstr(message, "checksum"));
        free(file);
        free(data);
        remove_folder(folder);
    }
}

static void test_misuse_and_full_disk(void **state)
{
    (void)state;
    char *folder = make_folder();
    const char *path = in_folder(folder, "program");
    write_file(path, "x", 1);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    SdcSectionWriter *w = sdc_sections_create(fd, path);
    capture_begin();
    assert_int_equal(sdc_section_write(w, "a", 1), SDC_BUG);
    assert_int_equal(sdc_section_end(w), SDC_BUG);
    assert_int_equal(sdc_section_begin(w, "a name of more than 23 characters"), SDC_BUG);
    assert_int_equal(sdc_section_begin(w, "twice"), SDC_OK);
    assert_int_equal(sdc_section_begin(w, "open"), SDC_BUG);
    assert_int_equal(sdc_section_end(w), SDC_OK);
    assert_int_equal(sdc_section_begin(w, "twice"), SDC_BUG);
    int null = open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(null, fd);
    assert_int_equal(sdc_section_begin(w, "full"), SDC_OK);
    assert_int_equal(sdc_section_write(w, "a", 1), SDC_NO_SPACE);
    assert_int_equal(sdc_section_begin(w, "next"), SDC_BUG);
    sdc_sections_abandon(w);
    assert_non_null(strstr(capture_end(), "cannot be written: No space left"));
    close(null);
    close(fd);
    remove_folder(folder);
}

/* A section behind 4 GB of (sparse) image; skipped where the disk refuses. */
static void test_beyond_4_gb(void **state)
{
    (void)state;
    static const int64_t image = ((int64_t)1 << 32) + 12345;
    char *folder = make_folder();
    const char *path = in_folder(folder, "large");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (ftruncate(fd, image) != 0) {
        remove_folder(folder);
        skip();
    }
    SdcSectionWriter *w = sdc_sections_create(fd, path);
    assert_non_null(w);
    assert_int_equal(sdc_section_begin(w, "weights"), SDC_OK);
    assert_int_equal(sdc_section_write(w, "behind", 6), SDC_OK);
    assert_int_equal(sdc_section_end(w), SDC_OK);
    assert_int_equal(sdc_sections_finish(w), SDC_OK);
    SdcFile file;
    SdcSections s;
    assert_int_equal(sdc_file_map(&file, path), SDC_OK);
    assert_int_equal(sdc_sections_parse(&s, file.data, file.bytes, path), SDC_OK);
    assert_int_equal(s.rows[1].offset, (image + 4095) / 4096 * 4096);
    assert_memory_equal(sdc_sections_find(&s, "weights").data, "behind", 6);
    sdc_file_unmap(&file);
    close(fd);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_reproducible),
        cmocka_unit_test(test_damage),      cmocka_unit_test(test_forged_rows),
        cmocka_unit_test(test_misuse_and_full_disk), cmocka_unit_test(test_beyond_4_gb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
