/* driver.c: main of an executable that holds many programs, each with its recorded data.
 *
 *      EXECUTABLE LIST
 *
 * A line of LIST: the program's number, its inputs' files, "=", its outputs' files ("-": nothing was recorded),
 * separated by tabs.  Each program runs in a child of its own.  Out comes a line for each: "K ok", or "K" and what is
 * wrong. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../cli/compare.h"

enum { LINE = 1 << 16, THREADS = 2, SECONDS = 20 };

static int place_inputs(SdcContext *c, const SdcProgram *p, char **text)
{
    for (int k = 0; k < p->n_inputs; k++) {
        SdcArray a;
        int code = sdc_array_read(&a, strsep(text, "\t"), NULL);
        if (code)
            return code;
        if (a.dtype != p->inputs[k].dtype || a.count * dtype_info(a.dtype)->bytes != p->inputs[k].bytes)
            return sdc_error(SDC_BAD_INPUT, "input %d is %s, %lld bytes", k, dtype_info(a.dtype)->name,
                             (long long)p->inputs[k].bytes);
        memcpy(c->arena + p->inputs[k].offset, a.data, (size_t)p->inputs[k].bytes);
        sdc_array_free(&a);
    }
    return SDC_OK;
}

/* Recorded outputs against the arena: what is wrong, or NULL. */
static const char *wrong_output(const SdcContext *c, const SdcProgram *p, char **text)
{
    static char line[200];
    for (int k = 0; k < p->n_outputs; k++) {
        const SdcTensor *t = &p->outputs[k];
        const char *path = strsep(text, "\t");
        SdcArray want, got = {.dtype = t->dtype,
                              .rank = t->rank,
                              .count = t->bytes / dtype_info(t->dtype)->bytes,
                              .data = c->arena + t->offset};
        memcpy(got.dim, t->dim, sizeof got.dim);
        if (!strcmp(path, "-"))
            continue;
        if (sdc_array_read(&want, path, NULL))
            return "a recorded output can not be read";
        Difference d = compare(&got, &want, 1e-3, 1e-7);
        if (want.dtype != got.dtype || !d.same_shape || d.outside) {
            snprintf(line, sizeof line,
                     "output %d (%s, expected %s): shape %s; %lld of %lld elements differ, at most by %g", k,
                     dtype_info(got.dtype)->name, dtype_info(want.dtype)->name, d.same_shape ? "right" : "wrong",
                     (long long)d.outside, (long long)want.count, d.worst);
            return line;
        }
        sdc_array_free(&want);
    }
    return NULL;
}

static int run_one(const SdcProgram *p, int number, char *text)
{
    SdcContext c;
    SdcPool *pool = sdc_pool_create(THREADS);
    int code = pool ? sdc_instance_open(&c, p, pool) : SDC_NO_SPACE;
    if (!code)
        code = place_inputs(&c, p, &text);
    if (!code)
        code = p->run(&c);
    if (code) {
        printf("%d exit code %d %s\n", number, code, c.error);
        return code;
    }
    if (strcmp(strsep(&text, "\t"), "="))
        return sdc_error(SDC_BUG, "the list does not fit the programs");
    const char *wrong = wrong_output(&c, p, &text);
    printf("%d %s\n", number, wrong ? wrong : "ok");
    sdc_instance_close(&c);
    sdc_pool_destroy(pool);
    return SDC_OK;
}

int conformance_main(int argc, char **argv);
int conformance_main(int argc, char **argv)
{
    static char line[LINE];
    FILE *list = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!list)
        return sdc_error(SDC_USAGE, "usage: %s LIST", argv[0]);
    while (fgets(line, sizeof line, list)) {
        char *text = line;
        line[strcspn(line, "\n")] = 0;
        int number = atoi(strsep(&text, "\t")), status;
        if (number < 0 || number >= sdc_model.n_programs)
            return sdc_error(SDC_BUG, "there is no program %d", number);
        fflush(stdout);
        pid_t child = fork();
        if (!child) {
            alarm(SECONDS);
            int code = run_one(sdc_model.programs[number], number, text);
            fflush(stdout);
            _exit(code);
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status))
            printf("%d ended by signal %d\n", number, WTERMSIG(status));
    }
    fclose(list);
    return SDC_OK;
}
