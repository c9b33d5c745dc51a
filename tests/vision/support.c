/* support.c: see support.h. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness.h"
#include "support.h"

const char *sdc, *source, *work;


int command(const char *format, ...)
{
    char line[8192];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof line - 512, format, arguments);
    va_end(arguments);
    snprintf(line + n, 512, " >%s/said 2>&1", work);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *said(void)
{
    static char text[1 << 16];
    char path[1024];
    snprintf(path, sizeof path, "%s/said", work);
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    return text;
}

void expect(int got, int want, const char *what)
{
    if (got != want)
        fail_msg("%s: exit code %d, not %d: %s", what, got, want, said());
}

SdcArray read_array(const char *path, const char *member)
{
    SdcArray a = {0};
    char full[1200];
    snprintf(full, sizeof full, "%s%s%s", path, member ? ":" : "", member ? member : "");
    assert_int_equal(sdc_array_read(&a, full, member), SDC_OK);
    return a;
}

SdcArray recorded(const char *member)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/vision/recorded.npz", source);
    return read_array(path, member);
}

/* The largest difference from a recorded array, which must have as many numbers. */
double worst(const char *path, const char *member, const char *wanted)
{
    SdcArray got = read_array(path, member), want = recorded(wanted);
    double largest = 0;
    assert_int_equal(got.count, want.count);
    for (int64_t i = 0; i < want.count; i++)
        largest = larger(largest, fabs((double)((float *)got.data)[i] - (double)((float *)want.data)[i]));
    sdc_array_free(&got);
    sdc_array_free(&want);
    return largest;
}

const char *in_work(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", work, name);
    return path;
}

int begin(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s SDC SOURCE WORK\n", argv[0]);
        return 1;
    }
    sdc = argv[1];
    source = argv[2];
    work = argv[3];
    remove_tree(work);
    return mkdir(work, 0777);
}

void end(void)
{
    remove_tree(work);
}
