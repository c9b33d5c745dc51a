/* test_fileio.c: a file is mapped only when it is one, and an output is there whole or not at all. */
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fileio.h"
#include "runtime.h"

static char *folder;

static void test_map(void **state)
{
    (void)state;
    SdcFile f;
    write_file(in_folder(folder, "full"), "hello", 5);
    assert_int_equal(sdc_file_map(&f, in_folder(folder, "full")), SDC_OK);
    assert_int_equal(f.bytes, 5);
    assert_memory_equal(f.data, "hello", 5);
    sdc_file_unmap(&f);
    sdc_file_unmap(&f);
    write_file(in_folder(folder, "empty"), "", 0);
    assert_int_equal(sdc_file_map(&f, in_folder(folder, "empty")), SDC_OK);
    assert_int_equal(f.bytes, 0);
    sdc_file_unmap(&f);
    assert_int_equal(mkfifo(in_folder(folder, "pipe"), 0600), 0);
    static const struct { const char *name, *message; } bad[] = {
        {"pipe", "is a device or pipe"}, {".", "is a folder"}, {"absent", "No such file"},
        {"full/x", "Not a directory"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        capture_begin();
        int code = sdc_file_map(&f, in_folder(folder, bad[i].name));
        assert_non_null(strstr(capture_end(), bad[i].message));
        assert_int_equal(code, SDC_BAD_INPUT);
        assert_null(f.data);
    }
    unlink(in_folder(folder, "pipe"));
    unlink(in_folder(folder, "full"));
    unlink(in_folder(folder, "empty"));
}

static void check_content(const char *name, const char *expected)
{
    size_t bytes;
    uint8_t *data = read_file(in_folder(folder, name), &bytes);
    assert_int_equal(bytes, strlen(expected));
    assert_memory_equal(data, expected, bytes);
    free(data);
}

static void test_replace(void **state)
{
    (void)state;
    SdcOutput o;
    write_file(in_folder(folder, "out"), "old", 3);
    assert_int_equal(symlink("out", in_folder(folder, "link")), 0);
    assert_int_equal(sdc_output_open(&o, in_folder(folder, "link"), 0666), SDC_OK);
    assert_int_equal(sdc_output_write(&o, "new one", 7), SDC_OK);
    check_content("out", "old");
    assert_int_equal(count_files(folder), 3);
    assert_int_equal(sdc_output_commit(&o), SDC_OK);
    check_content("out", "new one");
    struct stat status;
    assert_int_equal(lstat(in_folder(folder, "link"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(in_folder(folder, "out"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666 & ~mask);
    sdc_output_discard(&o);                    /* after commit: nothing */
    assert_int_equal(count_files(folder), 2);
    unlink(in_folder(folder, "link"));
    unlink(in_folder(folder, "out"));
}

static void test_discard(void **state)
{
    (void)state;
    SdcOutput a, b;
    assert_int_equal(sdc_output_open(&a, in_folder(folder, "same"), 0666), SDC_OK);
    assert_int_equal(sdc_output_open(&b, in_folder(folder, "same"), 0666), SDC_OK);   /* two names for temporaries */
    assert_int_equal(count_files(folder), 2);
    sdc_output_discard(&a);
    sdc_output_discard(&b);
    assert_int_equal(count_files(folder), 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"/dev/null", "", "/", "/nonexistent/x.npy"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        SdcOutput o;
        capture_begin();
        int code = sdc_output_open(&o, paths[i], 0666);
        const char *message = capture_end();
        assert_int_equal(code, SDC_USAGE);
        assert_true(*message);
        sdc_output_discard(&o);
    }
}

/* In a child: the file size limit stands in for a full disk. */
static void test_no_space(void **state)
{
    (void)state;
    int status;
    capture_begin();
    pid_t child = fork();
    if (child == 0) {
        sdc_signals_guard();
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
        SdcOutput o;
        static const char data[10000];
        int code = sdc_output_open(&o, in_folder(folder, "large"), 0666);
        code = code ? code : sdc_output_write(&o, data, sizeof data);
        sdc_output_discard(&o);
        _exit(code);
    }
    waitpid(child, &status, 0);
    const char *message = capture_end();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == SDC_NO_SPACE);
    assert_non_null(strstr(message, "large: cannot be written: File too large"));
    assert_int_equal(count_files(folder), 0);
}

/* A child with an open output is killed by `number`; what is left in the folder, and how it died. */
static void kill_writer(int number, bool (*died)(int status))
{
    int ready[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    capture_begin();
    pid_t child = fork();
    if (child == 0) {
        sdc_signals_guard();
        SdcOutput o;
        sdc_output_open(&o, in_folder(folder, "out"), 0666);
        sdc_output_write(&o, "half", 4);
        (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(count_files(folder), 1);
    kill(child, number);
    waitpid(child, &status, 0);
    capture_end();
    assert_true(died(status));
    assert_int_equal(count_files(folder), 0);
    close(ready[0]);
    close(ready[1]);
}

static bool by_signal(int status) { return WIFSIGNALED(status); }
static bool with_bad_input(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == SDC_BAD_INPUT; }

static void test_signals(void **state)
{
    (void)state;
    kill_writer(SIGINT, by_signal);
    kill_writer(SIGTERM, by_signal);
    kill_writer(SIGHUP, by_signal);
    kill_writer(SIGBUS, with_bad_input);
}

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),     cmocka_unit_test(test_replace),  cmocka_unit_test(test_discard),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_no_space), cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
