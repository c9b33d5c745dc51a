/* test_options.c: command lines in every spelling, each row one line. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

/* What was set, as text: "steps=20;quiet=1;". */
static char seen[512];

static int note(const char *name, const char *value)
{
    size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%s=%s;", name, value ? value : "(null)");
    return SDC_OK;
}

#define NOTE(field) static int set_##field(void *into, const char *value) { (void)into; return note(#field, value); }
NOTE(output)
NOTE(quiet)
NOTE(verbose)
NOTE(fuse)
NOTE(n)
NOTE(size)
NOTE(silent)

static int set_steps(void *into, const char *value)
{
    int64_t steps;
    int code = sdc_option_int("--steps", value, 1, 1000, &steps);
    (void)into;
    return code ? code : note("steps", value);
}

static const SdcOption table[] = {
    {"output", 'o', "FILE", "write the picture here", set_output},
    {"steps", 0, "N", "how many steps to take; more are slower and often better, up to a point that depends on the "
                      "scheduler and the model", set_steps},
    {"quiet", 'q', NULL, "no progress bar", set_quiet},
    {"verbose", 'v', NULL, NULL, set_verbose},
    {"no-fuse", 0, "[=NAMES]", "switch fusions off", set_fuse},
    {NULL, 'n', "N", "pictures", set_n},
    {"size", 0, "WxH", "picture size", set_size},
    {"silent", 0, NULL, "like quiet", set_silent},
    {0},
};

typedef struct {
    const char *line;         /* arguments between single spaces */
    int code;
    const char *set;          /* what was set; for errors part of the message */
    const char *positional;
} Row;

static const Row rows[] = {
    {"", 0, "", ""},
    {"--output=a.png", 0, "output=a.png;", ""},
    {"--output a.png", 0, "output=a.png;", ""},
    {"--output=a=b", 0, "output=a=b;", ""},
    {"--output=", 0, "output=;", ""},
    {"-o a.png", 0, "output=a.png;", ""},
    {"-oa.png", 0, "output=a.png;", ""},
    {"-qvo a.png", 0, "quiet=1;verbose=1;output=a.png;", ""},
    {"-n4", 0, "n=4;", ""},
    {"--quiet --no-quiet", 0, "quiet=1;quiet=0;", ""},
    {"--no-fuse", 0, "fuse=(null);", ""},
    {"--no-fuse=attention x", 0, "fuse=attention;", "x"},
    {"--no-fuse attention", 0, "fuse=(null);", "attention"},
    {"a --steps 3 b", 0, "steps=3;", "a b"},
    {"a -- --steps -q", 0, "", "a --steps -q"},
    {"- b", 0, "", "- b"},
    {"--ste 3", 0, "steps=3;", ""},
    {"--output -q", 0, "output=-q;", ""},
    {"--s 3", 1, "option --s is ambiguous", ""},
    {"--stepz 3", 1, "unknown option --stepz; did you mean --steps?", ""},
    {"--ouptut 3", 1, "unknown option --ouptut; did you mean --output?", ""},
    {"--xyzzy", 1, "unknown option --xyzzy; see --help", ""},
    {"--no-steps", 1, "unknown option --no-steps", ""},
    {"--no-quiet=1", 1, "takes no value", ""},
    {"--quiet=1", 1, "option --quiet takes no value", ""},
    {"--output", 1, "option --output needs a value: FILE", ""},
    {"-o", 1, "option -o needs a value: FILE", ""},
    {"-z", 1, "unknown option -z", ""},
    {"-qz", 1, "unknown option -z", ""},
    {"--=3", 1, "unknown option --", ""},
    {"--steps x", 1, "option --steps: x is no whole number from 1 to 1000", ""},
    {"--steps 0", 1, "no whole number", ""},
    {"--steps 3x", 1, "no whole number", ""},
    {"--steps=", 1, "no whole number", ""},
    {"--steps 99999999999999999999", 1, "no whole number", ""},
    {"--an-option-with-a-name-that-is-longer-than-any-known-one=3", 1, "unknown option --an-option", ""},
};

static void check_row(const Row *row)
{
    char line[256], *argv[32] = {"prog"}, joined[256] = "";
    int argc = 1, n = -1;
    strcpy(line, row->line);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    seen[0] = 0;
    capture_begin();
    int code = sdc_options_parse(table, NULL, argc, argv, &n, NULL);
    const char *message = capture_end();
    if (code != row->code)
        fail_msg("%s: code %d", row->line, code);
    if (code) {
        if (!strstr(message, row->set))
            fail_msg("%s: message %s", row->line, message);
        return;
    }
    for (int i = 1; i <= n; i++)
        sprintf(joined + strlen(joined), "%s%s", i > 1 ? " " : "", argv[i]);
    assert_string_equal(seen, row->set);
    assert_string_equal(joined, row->positional);
    assert_string_equal(message, "");
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}

static void test_help(void **state)
{
    (void)state;
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    sdc_options_help(out, table);
    fclose(out);
    assert_non_null(strstr(text, "  -o, --output=FILE         write the picture here\n"));
    assert_non_null(strstr(text, "      --no-fuse[=NAMES]     switch fusions off\n"));
    assert_non_null(strstr(text, "  -n N                      pictures\n"));
    assert_non_null(strstr(text, " up to a point\n                            that depends on the scheduler"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 100);
    free(text);
}

/* Not a terminal: the bar says nothing. */
static void test_progress_is_silent(void **state)
{
    (void)state;
    SdcProgress p;
    capture_begin();
    sdc_progress_begin(&p, "drawing", 10, false);
    p.start -= 5;
    sdc_progress_step(&p, 5);
    sdc_progress_end(&p);
    assert_string_equal(capture_end(), "");
    double before = sdc_now();
    assert_true(sdc_now() >= before);
}

static void test_error_line(void **state)
{
    (void)state;
    capture_begin();
    assert_int_equal(sdc_error(SDC_UNSUPPORTED, "%s: \033[31m %s", "f\n.onnx", "x\ty\x7f"), SDC_UNSUPPORTED);
    const char *line = capture_end();
    assert_non_null(strstr(line, ": f?.onnx: ?[31m x?y?\n"));
    char *large = malloc(20000);
    memset(large, 'a', 19999);
    large[19999] = 0;
    capture_begin();
    sdc_error(SDC_USAGE, "%s", large);
    line = capture_end();
    assert_true(strlen(line) > 4096 && strlen(line) < 20000 && line[strlen(line) - 1] == '\n');
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_progress_is_silent),
        cmocka_unit_test(test_error_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
