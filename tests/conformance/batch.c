/* batch.c: many cases in one executable, so that the C compiler and the linker start once for all of them.
 *
 * A batch that can not be built is cut in halves until the case to blame is alone. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance.h"
#include "harness.h"

typedef struct { int *units; int count; } Batch;

typedef struct {
    Suite *suite;
    Batch *list;
    int count, room;
} Batches;

static void add_batch(Batches *b, int *units, int count)
{
    if (b->count == b->room) {
        b->room = b->room ? 2 * b->room : 64;
        b->list = realloc(b->list, (size_t)b->room * sizeof *b->list);
        if (!b->list)
            abort();
    }
    b->list[b->count++] = (Batch){units, count};
}

/* ---- in the child: build and run --------------------------------------------------------------------------------- */

static void write_line(FILE *list, int number, const Program *p, const Input *inputs, const char *data)
{
    fprintf(list, "%d", number);
    for (int k = 0; k < p->graph->n_inputs; k++)
        fprintf(list, "\t%s", inputs[k].path);
    fputs("\t=", list);
    for (int k = 0; k < p->graph->n_outputs; k++) {
        const char *path = text_format("%s/output_%d.pb", data, k);
        FILE *there = fopen(path, "r");
        fprintf(list, "\t%s", there ? path : "-");
        if (there)
            fclose(there);
    }
    fputc('\n', list);
}

static int work_build(int k, void *context)
{
    const Batches *b = context;
    const Batch *batch = &b->list[k];
    const Suite *s = b->suite;
    const char *exe = text_format("%s/batch_%d", s->work, k),
               *driver = text_format("-Wl,-u,conformance_main,%s", s->driver);
    Program **programs = alloc_array(batch->count, sizeof *programs);
    FILE *list = fopen(text_format("%s.list", exe), "w");
    if (!list)
        return SDC_NO_SPACE;
    for (int j = 0; j < batch->count; j++) {
        const Unit *u = &s->units[batch->units[j]];
        Input *inputs;
        programs[j] = unit_program(u, u->name, &inputs);
        write_line(list, j, programs[j], inputs, u->data);
    }
    fclose(list);
    BuildOptions o = {.output = exe,
                      .name = "conformance",
                      .isa = isa_by_name("native"),
                      .cc = "cc",
                      .driver = "conformance_main",
                      .cflags = (const char *const[]){"-O1", driver, NULL},
                      .quiet = true,
                      .jobs = 1};
    build(programs, batch->count, &o);
    pid_t child = fork();               /* not in our place: what build() made must be removed at our exit */
    if (!child) {
        execv(exe, (char *const[]){text_copy(exe), text_format("%s.list", exe), NULL});
        _exit(127);
    }
    waitpid(child, NULL, 0);
    unlink(exe);
    return SDC_OK;
}

/* ---- in the parent ----------------------------------------------------------------------------------------------- */

static void blame(Outcome *o, const char *message)
{
    o->verdict = FAILED;
    o->message = first_line(message);
}

/* A line for each program; what says nothing of itself did not run. */
static void read_verdicts(const Suite *s, const Batch *batch, const char *text)
{
    bool *told = calloc((size_t)batch->count, sizeof *told);
    for (const char *p = text; told && *p; p += strcspn(p, "\n"), p += *p == '\n') {
        char *end;
        long j = strtol(p, &end, 10);
        if (end == p || j < 0 || j >= batch->count)
            continue;                       /* a message of the runtime */
        told[j] = true;
        if (strncmp(end, " ok\n", 4))
            blame(&s->units[batch->units[j]].compiled, end + 1);
    }
    for (int j = 0; told && j < batch->count; j++)
        if (!told[j])
            blame(&s->units[batch->units[j]].compiled, "the executable said nothing of it");
    free(told);
}

static void build_done(int k, int code, const char *text, void *context)
{
    Batches *b = context;
    const Batch batch = b->list[k];
    if (!code) {
        read_verdicts(b->suite, &batch, text);
    } else if (batch.count == 1) {
        blame(&b->suite->units[batch.units[0]].compiled, code == TIMED_OUT ? "building it takes too long" : text);
    } else {
        add_batch(b, batch.units, batch.count / 2);
        add_batch(b, batch.units + batch.count / 2, batch.count - batch.count / 2);
    }
}

void run_batches(Suite *s, int jobs)
{
    int *units = calloc((size_t)s->count + 1, sizeof *units), count = 0;
    Batches b = {.suite = s};
    for (int k = 0; units && k < s->count; k++)
        if (s->units[k].sampled && s->units[k].compiled.verdict != FAILED && s->units[k].compiled.verdict != NOT_RUN)
            units[count++] = k;
    for (int k = 0; k < count; k += s->batch_size)
        add_batch(&b, units + k, count - k < s->batch_size ? count - k : s->batch_size);
    for (int done = 0; done < b.count;) {
        int until = b.count, *list = calloc((size_t)(until - done), sizeof *list);
        for (int k = done; list && k < until; k++)
            list[k - done] = k;
        run_parallel(jobs, list, until - done, 300, work_build, build_done, &b);
        done = until;
        free(list);
    }
    free(b.list);
    free(units);
}
