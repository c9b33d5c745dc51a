/* driver.c: main of an executable that holds graphs, each as two programs, fused and not.
 *
 *      EXECUTABLE DATA...
 *
 * Programs 2 K and 2 K + 1 have the inputs and results in the Kth file (check.c).  Each program runs in a child of its
 * own, with one thread and with three, in memory that begins full of NaN.  Out comes "J ok", or "J check: what is
 * wrong", for each program J. */
#define _GNU_SOURCE 1
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../cli/compare.h"

enum { SECONDS = 20 };

typedef struct { char *data; size_t bytes, at; } Reader;

static const void *take(Reader *r, size_t bytes)
{
    if (bytes > r->bytes - r->at)
        exit(sdc_error(SDC_BUG, "the data do not fit the program"));
    r->at += bytes;
    return r->data + r->at - bytes;
}

static Reader read_all(const char *path)
{
    Reader r = {0};
    FILE *in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END))
        exit(sdc_error(SDC_BUG, "%s can not be read", path));
    r.bytes = (size_t)ftell(in);
    rewind(in);
    r.data = malloc(r.bytes + 1);
    if (!r.data || fread(r.data, 1, r.bytes, in) != r.bytes)
        exit(sdc_error(SDC_BUG, "%s can not be read", path));
    fclose(in);
    return r;
}

/* Runs p; the outputs, one behind the other. */
static char *run(const SdcProgram *p, Reader *r, int threads, size_t *bytes)
{
    SdcContext c;
    SdcPool *pool = sdc_pool_create(threads);
    int code = pool ? sdc_instance_open(&c, p, pool) : SDC_NO_SPACE;
    if (code)
        exit(code);
    memset(c.arena, 0xff, (size_t)c.arena_bytes);
    for (int k = 0; k < p->n_inputs; k++)
        memcpy(c.arena + p->inputs[k].offset, take(r, (size_t)p->inputs[k].bytes), (size_t)p->inputs[k].bytes);
    code = p->run(&c);
    if (code)
        exit(sdc_error(code, "%s", c.error));
    *bytes = 0;
    for (int k = 0; k < p->n_outputs; k++)
        *bytes += (size_t)p->outputs[k].bytes;
    char *all = malloc(*bytes + 1), *to = all;
    if (!all)
        exit(SDC_NO_SPACE);
    for (int k = 0; k < p->n_outputs; k++) {
        memcpy(to, c.arena + p->outputs[k].offset, (size_t)p->outputs[k].bytes);
        to += p->outputs[k].bytes;
    }
    sdc_instance_close(&c);
    sdc_pool_destroy(pool);
    return all;
}

/* False, and a line printed, when an output is wrong. */
static bool right(const SdcProgram *p, Reader *r, const char *got, int number)
{
    for (int k = 0; k < p->n_outputs; k++) {
        const SdcTensor *t = &p->outputs[k];
        const int64_t count = t->bytes / dtype_info(t->dtype)->bytes;
        double limit;
        memcpy(&limit, take(r, sizeof limit), sizeof limit);
        SdcArray a = {.dtype = t->dtype, .rank = t->rank, .count = count, .data = (void *)got}, b = a;
        memcpy(a.dim, t->dim, sizeof a.dim);
        memcpy(b.dim, t->dim, sizeof b.dim);
        b.dtype = dtype_is_float(t->dtype) ? DT_F64 : DT_I64;
        b.data = (void *)take(r, (size_t)count * 8);
        got += t->bytes;
        Difference d = compare(&a, &b, 0, 0);
        if (isnan(limit) || d.rms <= limit || d.worst <= 1e-6)
            continue;
        printf("%d output: number %d, relative rms %g, at most %g, limit %g\n", number, k, d.rms, d.worst, limit);
        return false;
    }
    return true;
}

static void run_one(const SdcProgram *p, const char *path, int number)
{
    Reader r = read_all(path);
    size_t bytes;
    const char *three = run(p, &r, 3, &bytes);
    r.at = 0;
    const char *one = run(p, &r, 1, &bytes);
    if (!right(p, &r, one, number))
        return;
    if (memcmp(one, three, bytes))
        printf("%d threads: other results\n", number);
    else
        printf("%d ok\n", number);
}

int fuzz_main(int argc, char **argv);
int fuzz_main(int argc, char **argv)
{
    for (int k = 0; k < sdc_model.n_programs && k / 2 + 1 < argc; k++) {
        int status;
        fflush(stdout);
        pid_t child = fork();
        if (!child) {
            alarm(SECONDS);
            run_one(sdc_model.programs[k], argv[k / 2 + 1], k);
            fflush(stdout);
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status))
            printf("%d signal: %d\n", k, WTERMSIG(status));
        else if (WEXITSTATUS(status))
            printf("%d exit: code %d\n", k, WEXITSTATUS(status));
    }
    return SDC_OK;
}
