/* test_model.c FAKE_MODEL: a single-model executable from its command line: outputs, messages, exit codes, leftovers.
 *
 * FAKE_MODEL is fake_model.c linked with the runtime; its sections are appended here, as the compiler would. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array_io.h"
#include "sections.h"

static const char *fake_model;
static char *folder;
static char program[4096];
static Outcome outcome;

static void append_sections(void)
{
    static const float weights[] = {2, 3, 4};
    static const char zero[64];
    size_t bytes;
    uint8_t *image = read_file(fake_model, &bytes);
    write_file(program, image, bytes);
    free(image);
    chmod(program, 0755);
    int fd = open(program, O_RDWR | O_CLOEXEC);
    SdcSectionWriter *w = sdc_sections_create(fd, program);
    assert_non_null(w);
    assert_int_equal(sdc_section_begin(w, "weights"), SDC_OK);
    assert_int_equal(sdc_section_write(w, zero, sizeof zero), SDC_OK);
    assert_int_equal(sdc_section_write(w, weights, sizeof weights), SDC_OK);
    assert_int_equal(sdc_section_end(w), SDC_OK);
    assert_int_equal(sdc_sections_finish(w), SDC_OK);
    close(fd);
}

/* Run the model with arguments between single spaces, inside the folder. */
static void run_line(const char *line)
{
    char copy[1024];
    const char *argv[40] = {program};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    run_program(&outcome, argv);
}

static void write_array(const char *name, DType dtype, int rank, const int64_t *dim, const void *data)
{
    SdcArray a;
    assert_int_equal(sdc_array_alloc(&a, dtype, rank, dim), SDC_OK);
    memcpy(a.data, data, (size_t)(a.count * dtype_info(dtype)->bytes));
    assert_int_equal(sdc_npy_write(in_folder(folder, name), &a), SDC_OK);
    sdc_array_free(&a);
}

static void expect_array(const char *path, const char *member, DType dtype, int64_t count, const void *data)
{
    SdcArray a;
    assert_int_equal(sdc_array_read(&a, in_folder(folder, path), member), SDC_OK);
    assert_int_equal(a.dtype, dtype);
    assert_int_equal(a.count, count);
    assert_memory_equal(a.data, data, (size_t)(count * dtype_info(dtype)->bytes));
    sdc_array_free(&a);
}

static const float x[] = {1, 2, 3, 4, 5, 6}, y[] = {2, 6, 12, 8, 15, 24};

static void write_inputs(void)
{
    write_array("x.npy", DT_F32, 2, (int64_t[]){2, 3}, x);
    write_array("x6.npy", DT_F32, 1, (int64_t[]){6}, x);
    write_array("t.npy", DT_I32, 1, (int64_t[]){2}, (int32_t[]){7, 300});
    write_array("t64.npy", DT_I64, 1, (int64_t[]){2}, (int64_t[]){7, 8});
    write_array("large.npy", DT_I64, 1, (int64_t[]){2}, (int64_t[]){7, (int64_t)1 << 40});
    write_array("bad.npy", DT_I32, 1, (int64_t[]){2}, (int32_t[]){-3, 0});
    write_array("m.npy", DT_BOOL, 0, NULL, (uint8_t[]){1});
    write_file(in_folder(folder, "cut.npy"), "\x93NUMPY\1", 7);
}

static void test_run(void **state)
{
    (void)state;
    run_line("--input x=x.npy --input token=t.npy --input m.n=k=m.npy --output y=y.npy --output half=h.npy "
             "--output flag=f.npy");
    assert_string_equal(outcome.err, "");
    assert_string_equal(outcome.out, "");
    assert_int_equal(outcome.code, 0);
    expect_array("y.npy", NULL, DT_F32, 6, y);
    expect_array("h.npy", NULL, DT_F32, 2, (float[]){7, 300});
    expect_array("f.npy", NULL, DT_BOOL, 1, (uint8_t[]){1});
}

/* Several outputs in one archive, read back as the inputs of another run. */
static void test_npz(void **state)
{
    (void)state;
    run_line("--input x=x.npy -o y=all.npz --output=half=all.npz -o flag=f.npy --bench 3 --threads 3");
    assert_int_equal(outcome.code, 0);
    expect_array("all.npz", "y", DT_F32, 6, y);
    run_line("-i x=all.npz:y -o y=again.npy");
    assert_int_equal(outcome.code, 0);
    expect_array("again.npy", NULL, DT_F32, 6, (float[]){4, 18, 48, 16, 45, 96});
}

static void test_random_inputs(void **state)
{
    (void)state;
    char first[TEXT_BYTES];
    run_line("--seed 5");
    assert_int_equal(outcome.code, 0);
    strcpy(first, outcome.out);
    assert_non_null(strstr(first, "y f32 [2,3] mean "));
    assert_non_null(strstr(first, "\nhalf bf16 [2] mean "));
    run_line("--seed=5 --threads=2");
    assert_string_equal(outcome.out, first);
    run_line("--seed 6");
    assert_string_not_equal(outcome.out, first);
    run_line("--seed 5 --input token=t.npy");         /* the other inputs stay as they were */
    assert_memory_equal(outcome.out, first, strcspn(first, "\n"));
    for (int seed = 0; seed < 20; seed++) {
        char line[64];
        SdcArray a;
        snprintf(line, sizeof line, "--seed %d --output half=h.npy", seed);
        run_line(line);
        assert_int_equal(sdc_array_read(&a, in_folder(folder, "h.npy"), NULL), SDC_OK);
        for (int i = 0; i < 2; i++)
            assert_true(((float *)a.data)[i] >= 0 && ((float *)a.data)[i] < 100);
        sdc_array_free(&a);
    }
}

typedef struct { const char *line; int code; const char *out, *err; } Row;

static const Row rows[] = {
    {"--help", 0, "tiny --input x=in.npy --output y=out.npy", ""},
    {"--version", 0, "tiny, compiled by sdc 1.2.3\n", ""},
    {"--check", 0, "intact\n", ""},
    {"--info", 0, "token                    i32      [2]", ""},
    {"--info --threads 3", 0, "3 threads", ""},
    {"--info --json", 0, "{\"name\":\"tiny\",\"version\":\"1.2.3\",\"isa\":\"generic\",\"compiler\":\"gcc 0.0\","
                         "\"inputs\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[2,3]},", ""},
    {"--info --json", 0, "\"memory\":{\"weights_bytes\":76,\"arena_bytes\":384,\"arena_bound_bytes\":100,", ""},
    {"--bench 2", 0, "2 runs, ", ""},
    {"--bench 2 --threads 2 --json", 0, "{\"runs\":2,\"threads\":2,\"best_ms\":", ""},
    {"--bench 1 --json", 0, "\"prompt_ms\":0,\"timestep_ms\":0}\n", ""},
    {"--json --input x=x.npy", 0, "{\"outputs\":[{\"name\":\"y\",\"dtype\":\"f32\",\"shape\":[2,3],"
                                  "\"mean\":11.1666667,", ""},
    {"--input x=x.npy", 0, "y f32 [2,3] mean 11.1667 std 7.08088 min 2 max 24\n", ""},
    {"--input token=t64.npy", 0, "half bf16 [2] mean 7.5", ""},
    {"--profile=3", 0, " multiply           v1    x \"times\" w\n", ""},
    {"--profile=3", 0, "\n3 runs, ", ""},
    {"--profile --json", 0, "{\"runs\":10,\"threads\":", ""},
    {"--profile --json", 0, "\"note\":\"x \\\"times\\\" w\",\"ms\":", ""},
    {"--profile --json", 0, "\"times\":1,\"flops\":12,\"read_bytes\":24,\"written_bytes\":24,\"weights_bytes\":12,\"useful_threads\":", ""},
    {"--profile=0", 1, "", "option --profile: 0 is no whole number from 1 to 1000"},
    {"--profile --bench 2", 1, "", "tiny: --bench and --profile are two runs; give one of them\n"},
    {"--bogus", 1, "", "tiny: unknown option --bogus; see --help\n"},
    {"x.npy", 1, "", "tiny: unexpected argument x.npy; files are given as --input NAME=FILE\n"},
    {"--input q=x.npy", 1, "", "tiny: --input q=x.npy: the model has no such input; it has: x, token, m.n=k\n"},
    {"--input x", 1, "", "has no `=`"},
    {"--input x=", 1, "", "the file's name is empty"},
    {"--input x=x.npy --input x=x.npy", 1, "", "--input x: is given twice"},
    {"--output x=x.npy", 1, "", "the model has no such output; it has: y, half, flag"},
    {"--output y=y.wav", 1, "", "tiny: y.wav: unknown kind of file; end the name in .npy or .npz\n"},
    {"--output y=a.npy --output half=a.npy", 1, "", "a.npy: is to hold outputs y and half; give an .npz, or two files"},
    {"--output y=no/such/y.npy", 1, "", "no/such/y.npy: cannot be written: folder no/such: No such file"},
    {"--threads 0", 1, "", "option --threads: 0 is no whole number from 1 to 1024"},
    {"--bench x", 1, "", "option --bench: x is no whole number"},
    {"--input x=absent.npy", 2, "", "tiny: absent.npy: cannot be opened: No such file or directory\n"},
    {"--input x=x6.npy", 2, "", "tiny: x6.npy: input x has shape [6], the model wants [2,3]; "},
    {"--input x=t.npy", 2, "", "t.npy: input x has shape [2]"},
    {"--input token=large.npy", 2, "", "large.npy: element 1 is 1099511627776, which does not fit in i32"},
    {"--input m.n=k=cut.npy", 2, "", "cut.npy: is no .npy file"},
    {"--input token=bad.npy --output y=never.npy", 2, "", "tiny: model: node embed: index -3 is out of range\n"},
};

static void test_rows(void **state)
{
    (void)state;
    int files = count_files(folder);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const Row *r = &rows[i];
        run_line(r->line);
        if (outcome.code != r->code || !strstr(outcome.out, r->out) || !strstr(outcome.err, r->err) ||
            (r->code == 0) != (outcome.err[0] == 0))
            fail_msg("%s: code %d\nout: %s\nerr: %s", r->line, outcome.code, outcome.out, outcome.err);
        if (r->code)
            assert_ptr_equal(strchr(outcome.err, '\n'), outcome.err + strlen(outcome.err) - 1);    /* one line */
    }
    assert_int_equal(count_files(folder), files);       /* nothing was left behind */
}

/* Write a changed copy of the program and run it. */
static void run_changed(size_t keep, int64_t flip, const char *line)
{
    char original[4096];
    size_t bytes;
    strcpy(original, program);
    uint8_t *data = read_file(program, &bytes);
    if (flip)
        data[(int64_t)bytes + flip] ^= 1;
    strcat(program, "-changed");
    write_file(program, data, keep ? keep : bytes);
    chmod(program, 0755);
    run_line(line);
    unlink(program);
    free(data);
    strcpy(program, original);
}

static void test_damaged_program(void **state)
{
    (void)state;
    size_t bytes;
    free(read_file(program, &bytes));
    const size_t cuts[] = {bytes - 1, bytes - 64, bytes - 100, bytes - 4096};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        run_changed(cuts[i], 0, "--info");
        assert_int_equal(outcome.code, 2);
        assert_non_null(strstr(outcome.err, "/tiny-changed: does not end with a model's data: it was cut short"));
    }
    run_changed(0, -64 - 48 * 2 + 30, "");
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.err, "the section table is damaged: wrong checksum"));
    /* One bit of the weights: only --check reads them all.  They lie behind 64 zeros in the page before the table. */
    int64_t table = 64 + 2 * 48, end = table + (64 - 76 % 64) % 64;
    run_changed(0, -end - 12, "--check");
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.err, "section weights is damaged: wrong checksum; copy or compile it again"));
    run_changed(0, -(int64_t)bytes + 100, "--check");
    assert_true(outcome.code != 0);
}

/* stdout to a full device. */
static void test_full_stdout(void **state)
{
    (void)state;
    char line[4200];
    snprintf(line, sizeof line, "%s --info > /dev/full", program);
    run_program(&outcome, (const char *const[]){"/bin/sh", "-c", line, NULL});
    assert_int_equal(outcome.code, SDC_NO_SPACE);
    assert_non_null(strstr(outcome.err, "standard output cannot be written: No space left"));
}

static int set_up(void **state)
{
    (void)state;
    folder = make_folder();
    snprintf(program, sizeof program, "%s/tiny", folder);
    append_sections();
    write_inputs();
    return chdir(folder);
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_run),
        cmocka_unit_test(test_npz),           cmocka_unit_test(test_random_inputs),
        cmocka_unit_test(test_damaged_program), cmocka_unit_test(test_full_stdout),
    };
    fake_model = argc > 1 ? argv[1] : "./fake_model";
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
