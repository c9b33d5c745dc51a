/* test_arrays.c: .npy, .npz and .pb files against what NumPy and ONNX read from them, and the same files damaged.
 *
 * Every FILE in arrays/ with a FILE.txt beside it is a case; see arrays/make.py.  Each is read as it is, then cut at
 * every length and with every byte changed: that must end in an error or a sound array, and the sanitizers watch. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array_io.h"
#include "fileio.h"

static const char *folder;

/* Calls check for every case in the folder; how many there were. */
static int for_each_case(void (*check)(const char *path))
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!sdc_path_ends(entry->d_name, ".txt"))
            continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%.*s", folder, (int)strlen(entry->d_name) - 4, entry->d_name);
        check(path);
        n++;
    }
    closedir(dir);
    return n;
}

static int parse(SdcArray *a, const uint8_t *data, size_t bytes, const char *path)
{
    if (sdc_path_ends(path, ".npy"))
        return sdc_npy_parse(a, data, (int64_t)bytes, path);
    if (sdc_path_ends(path, ".npz"))
        return sdc_npz_parse(a, data, (int64_t)bytes, "x", path);
    return sdc_tensor_pb_parse(a, data, (int64_t)bytes, path);
}

/* ---- as they are ---- */

static void print_value(char text[64], const SdcArray *a, int64_t i)
{
    const char *at = (const char *)a->data + i * dtype_info(a->dtype)->bytes;
    if (dtype_is_float(a->dtype))
        snprintf(text, 64, "%.9g", dtype_load_f(a->dtype, at));
    else if (a->dtype == DT_U64)
        snprintf(text, 64, "%" PRIu64, (uint64_t)dtype_load_i(a->dtype, at));
    else
        snprintf(text, 64, "%" PRId64, dtype_load_i(a->dtype, at));
}

static void compare_values(const char *path, const SdcArray *a, const char *expected)
{
    char shape[SDC_SHAPE_TEXT], text[2 * SDC_SHAPE_TEXT];
    snprintf(text, sizeof text, "ok %s %s\n", dtype_info(a->dtype)->name, sdc_shape_text(shape, a->rank, a->dim));
    for (int64_t i = 0; i <= a->count; i++) {
        if (strncmp(expected, text, strlen(text)) != 0)
            fail_msg("%s: got %s where %.40s was expected", path, text, expected);
        expected += strlen(text);
        if (i < a->count) {
            print_value(text, a, i);
            strcat(text, "\n");
        }
    }
    if (*expected)
        fail_msg("%s: more was expected: %.40s", path, expected);
}

static void check_case(const char *path)
{
    char expected_path[4096];
    snprintf(expected_path, sizeof expected_path, "%s.txt", path);
    size_t bytes;
    uint8_t *text = read_file(expected_path, &bytes);
    char *expected = calloc(1, bytes + 1);
    memcpy(expected, text, bytes);
    free(text);
    SdcArray a;
    capture_begin();
    int code = sdc_array_read(&a, path, "x");
    const char *message = capture_end();
    if (strncmp(expected, "error ", 6) == 0) {
        expected[strcspn(expected, "\n")] = 0;
        if (code != expected[6] - '0' || !strstr(message, expected + 8) || !strstr(message, path) || a.data)
            fail_msg("%s: code %d, message %s, expected %s", path, code, message, expected);
    } else {
        if (code || *message)
            fail_msg("%s: code %d: %s", path, code, message);
        compare_values(path, &a, expected);
    }
    sdc_array_free(&a);
    free(expected);
}

static void test_cases(void **state)
{
    (void)state;
    int n = for_each_case(check_case);
    print_message("%d array files read as expected\n", n);
    assert_true(n >= 100);
}

/* ---- damaged ---- */

static int64_t hostile_reads;

static void read_damaged(const uint8_t *data, size_t bytes, const char *path)
{
    uint8_t *exact = malloc(bytes + (bytes == 0));      /* to the byte, so that a read past it is seen */
    memcpy(exact, data, bytes);
    SdcArray a;
    if (parse(&a, exact, bytes, path) == SDC_OK) {
        assert_non_null(a.data);
        assert_true(a.count >= 0 && a.count == sdc_shape_count(a.rank, a.dim, dtype_info(a.dtype)->bytes));
    } else {
        assert_null(a.data);
    }
    sdc_array_free(&a);
    free(exact);
    hostile_reads++;
}

static void damage_case(const char *path)
{
    size_t bytes;
    uint8_t *data = read_file(path, &bytes);
    for (size_t cut = 0; cut < bytes; cut++)
        read_damaged(data, cut, path);
    static const uint8_t masks[] = {0xff, 0x80, 0x01, 0x20};
    for (size_t at = 0; at < bytes; at++)
        for (size_t i = 0; i < sizeof masks; i++) {
            data[at] ^= masks[i];
            read_damaged(data, bytes, path);
            data[at] ^= masks[i];
        }
    free(data);
}

static void test_damaged(void **state)
{
    (void)state;
    int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    for_each_case(damage_case);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(null);
    print_message("%lld damaged files survived\n", (long long)hostile_reads);
}

/* ---- writing ---- */

/* What NumPy wrote in C order, read and written again, is the same file. */
static void test_npy_same_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"float32", "float64", "float16", "bool",   "int8",   "int16",  "int32", "int64",
                                        "uint8",   "uint16",  "uint32",  "uint64", "scalar", "empty", "special"};
    char *temporary = make_folder();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char source[4096];
        snprintf(source, sizeof source, "%s/%s.npy", folder, names[i]);
        const char *copy = in_folder(temporary, "copy.npy");
        SdcArray a;
        size_t n, m;
        assert_int_equal(sdc_array_read(&a, source, NULL), SDC_OK);
        assert_int_equal(sdc_npy_write(copy, &a), SDC_OK);
        uint8_t *before = read_file(source, &n), *after = read_file(copy, &m);
        if (n != m || memcmp(before, after, n) != 0)
            fail_msg("%s.npy is written differently", names[i]);
        assert_int_equal(sdc_npy_bytes(&a), m);
        free(before);
        free(after);
        sdc_array_free(&a);
    }
    remove_folder(temporary);
}

static void test_npz_round_trip(void **state)
{
    (void)state;
    char *temporary = make_folder();
    const char *path = in_folder(temporary, "two.npz");
    SdcArray a, b, back;
    assert_int_equal(sdc_array_read(&a, in_folder(folder, "float32.npy"), NULL), SDC_OK);
    assert_int_equal(sdc_array_read(&b, in_folder(folder, "f8e4m3_raw.pb"), NULL), SDC_OK);
    a.name = strdup("with space");
    const SdcArray *both[] = {&a, &b};
    assert_int_equal(sdc_npz_write(path, both, 2), SDC_OK);
    char **names;
    int n;
    assert_int_equal(sdc_npz_names(path, &names, &n), SDC_OK);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "with space");
    assert_string_equal(names[1], b.name);
    free(names);
    assert_int_equal(sdc_array_read(&back, path, "with space"), SDC_OK);
    assert_int_equal(back.count, a.count);
    assert_memory_equal(back.data, a.data, (size_t)a.count * 4);
    sdc_array_free(&back);
    assert_int_equal(sdc_array_read(&back, in_folder(temporary, "two.npz:t"), NULL), SDC_OK);
    assert_int_equal(back.dtype, DT_F32);           /* NumPy has no float8 */
    for (int64_t i = 0; i < b.count; i++)
        assert_true((double)((float *)back.data)[i] == dtype_load_f(b.dtype, (char *)b.data + i));
    sdc_array_free(&back);
    assert_int_equal(count_files(temporary), 1);
    sdc_array_free(&a);
    sdc_array_free(&b);
    remove_folder(temporary);
}

/* ---- conversion ---- */

static void test_convert(void **state)
{
    (void)state;
    SdcArray a;
    const int64_t dim[] = {3};
    assert_int_equal(sdc_array_alloc(&a, DT_F32, 1, dim), SDC_OK);
    memcpy(a.data, (float[]){1.0f, 1.00048828125f, -70000.0f}, 12);    /* the second lies half way: to even */
    assert_int_equal(sdc_array_convert(&a, DT_F16, "x"), SDC_OK);
    assert_int_equal(((uint16_t *)a.data)[0], 0x3c00);
    assert_int_equal(((uint16_t *)a.data)[1], 0x3c00);
    assert_int_equal(((uint16_t *)a.data)[2], 0xfc00);
    capture_begin();
    int code = sdc_array_convert(&a, DT_I32, "f.npy");
    assert_non_null(strstr(capture_end(), "f.npy: holds f16, but i32 is wanted"));
    assert_int_equal(code, SDC_BAD_INPUT);
    sdc_array_free(&a);

    assert_int_equal(sdc_array_alloc(&a, DT_I64, 1, dim), SDC_OK);
    memcpy(a.data, (int64_t[]){INT32_MIN, INT32_MAX, -5}, 24);
    assert_int_equal(sdc_array_convert(&a, DT_I32, "x"), SDC_OK);
    assert_int_equal(((int32_t *)a.data)[0], INT32_MIN);
    assert_int_equal(((int32_t *)a.data)[1], INT32_MAX);
    assert_int_equal(((int32_t *)a.data)[2], -5);
    sdc_array_free(&a);

    assert_int_equal(sdc_array_alloc(&a, DT_I64, 1, dim), SDC_OK);
    memcpy(a.data, (int64_t[]){0, (int64_t)INT32_MAX + 1, 0}, 24);
    capture_begin();
    code = sdc_array_convert(&a, DT_I32, "f.npy");
    assert_non_null(strstr(capture_end(), "f.npy: element 1 is 2147483648, which does not fit in i32"));
    assert_int_equal(code, SDC_BAD_INPUT);
    sdc_array_free(&a);

    assert_int_equal(sdc_array_alloc(&a, DT_I8, 1, dim), SDC_OK);
    memcpy(a.data, (int8_t[]){-8, 7, 8}, 3);
    capture_begin();
    code = sdc_array_convert(&a, DT_I4, "f.npy");
    assert_non_null(strstr(capture_end(), "element 2 is 8"));
    assert_int_equal(code, SDC_BAD_INPUT);
    sdc_array_free(&a);
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(sdc_shape_count(0, NULL, 8), 1);
    assert_int_equal(sdc_shape_count(2, (int64_t[]){INT64_MAX, 0}, 8), 0);
    assert_int_equal(sdc_shape_count(2, (int64_t[]){0, -1}, 8), -1);
    assert_int_equal(sdc_shape_count(2, (int64_t[]){(int64_t)1 << 40, (int64_t)1 << 40}, 1), -1);
    SdcArray a;
    capture_begin();
    int code = sdc_array_read(&a, "x.wav", NULL);
    assert_non_null(strstr(capture_end(), "x.wav: unknown kind of file"));
    assert_int_equal(code, SDC_USAGE);
    capture_begin();
    code = sdc_array_read(&a, "/dev/x.npy", NULL);
    assert_non_null(strstr(capture_end(), "cannot be opened: No such file"));
    assert_int_equal(code, SDC_BAD_INPUT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),          cmocka_unit_test(test_damaged), cmocka_unit_test(test_npy_same_bytes),
        cmocka_unit_test(test_npz_round_trip), cmocka_unit_test(test_convert), cmocka_unit_test(test_limits),
    };
    folder = argc > 1 ? argv[1] : "arrays";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
