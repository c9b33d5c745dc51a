/* executed.c: see executed.h. */
#include "executed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../runtime/runtime.h"
#include "harness.h"

enum { SECONDS = 300 };

void check(Executed *e, bool good, const char *what)
{
    *(good ? &e->passed : &e->failed) += 1;
    if (!good)
        printf("FAILED: %s\n", what);
}

int run_shell(const char *command)
{
    char *text, *argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    const int code = run_program(argv, SECONDS, &text);
    if (code)
        printf("%s: %d: %s", command, code, text);
    free(text);
    return code;
}

void compile(Executed *e, const char *model, const char *name, const char *options)
{
    if (run_shell(format("%s compile %s -o %s/%s --quiet %s", e->sdc, model, e->folder, name, options)))
        exit(1);
}

char *in_folder(const Executed *e, const char *name) { return format("%s/%s", e->folder, name); }

double distance(const char *path, const char *member, const char *reference, const char *name)
{
    SdcArray a, b;
    double sum = 0, of = 0;
    if (sdc_array_read(&a, path, member) || sdc_array_read(&b, reference, name) || a.count != b.count)
        return INFINITY;
    for (int64_t k = 0; k < a.count; k++) {
        const double x = dtype_load_f(a.dtype, (char *)a.data + dtype_info(a.dtype)->bytes * k);
        const double y = dtype_load_f(b.dtype, (char *)b.data + dtype_info(b.dtype)->bytes * k);
        sum += (x - y) * (x - y);
        of += y * y;
    }
    sdc_array_free(&a);
    sdc_array_free(&b);
    return sqrt(sum / of);
}

int conclude(const Executed *e)
{
    printf("%d checks passed, %d failed\n", e->passed, e->failed);
    return e->failed != 0;
}
