/* turns.c: programs of one executable, timed in turns: for `sdc compile --tune`, whose programs are one kernel call each,
 * cut in several ways.
 *
 * A shared machine changes its speed from one second to the next, so what is compared are turns of the same round.  All
 * programs are there at once, on the same random inputs, and a round gives each a turn of some milliseconds, forwards
 * and backwards in turn. */
#include <stdlib.h>
#include <string.h>

#include "model_cli.h"

enum { ROUNDS = 9 };
static const double turn = 0.01;                /* seconds, or one run */

typedef struct {
    const SdcProgram *program;
    SdcContext context;
    double ms[ROUNDS];
} Turn;

/* Do both take the same inputs?  Programs that pack their weights alike do. */
static bool same_inputs(const SdcProgram *a, const SdcProgram *b)
{
    bool same = a->n_inputs == b->n_inputs;
    for (int i = 0; same && i < a->n_inputs; i++)
        same = a->inputs[i].dtype == b->inputs[i].dtype && a->inputs[i].bytes == b->inputs[i].bytes;
    return same;
}

static void free_arrays(SdcArray *arrays, int n)
{
    for (int i = 0; arrays && i < n; i++)
        sdc_array_free(&arrays[i]);
    free(arrays);
}

/* Random inputs for p, which the caller frees; NULL: there is no memory for them, which was said. */
static SdcArray *inputs_of(const SdcProgram *p, int64_t seed)
{
    const size_t n = p->n_inputs > 0 ? (size_t)p->n_inputs : 1;
    SdcBindings none = {.path = calloc(n, sizeof *none.path)};
    SdcArray *arrays = calloc(n, sizeof *arrays);
    if (!none.path || !arrays)
        sdc_error(SDC_NO_SPACE, "no memory for random inputs");
    const bool good = none.path && arrays && !sdc_inputs_load(arrays, p, &none, seed);
    free(none.path);
    if (good)
        return arrays;
    free_arrays(arrays, p->n_inputs);
    return NULL;
}

static int open_turns(Turn *turns, const SdcCommand *c, SdcPool *pool)
{
    const SdcProgram *filled = NULL;
    SdcArray *arrays = NULL;
    int code = SDC_OK;
    for (int64_t k = 0; k < c->turns && !code; k++) {
        const SdcProgram *p = turns[k].program;
        if (!filled || !same_inputs(filled, p)) {
            free_arrays(arrays, filled ? filled->n_inputs : 0);
            arrays = inputs_of(p, c->seed);
            filled = p;
        }
        code = arrays ? sdc_instance_open(&turns[k].context, p, pool) : SDC_NO_SPACE;
        if (!code)
            sdc_inputs_place(&turns[k].context, p, arrays);
    }
    free_arrays(arrays, filled ? filled->n_inputs : 0);
    return code;
}

/* The best of the runs that fit into a turn. */
static int take_turn(Turn *t, double *ms)
{
    const double begin = sdc_now();
    double now = begin;
    *ms = 0;
    do {
        const double start = now;
        const int code = t->program->run(&t->context);
        if (code)
            return sdc_error(code, "%s: %s", t->program->name, t->context.error);
        now = sdc_now();
        if (*ms == 0 || (now - start) * 1e3 < *ms)
            *ms = (now - start) * 1e3;
    } while (now - begin < turn);
    return SDC_OK;
}

static int take_turns(Turn *turns, int64_t count)
{
    double warm;
    int code = SDC_OK;
    for (int64_t k = 0; k < count && !code; k++)
        code = take_turn(&turns[k], &warm);
    for (int round = 0; round < ROUNDS && !code; round++)
        for (int64_t k = 0; k < count && !code; k++) {
            Turn *t = &turns[round % 2 ? count - 1 - k : k];
            code = take_turn(t, &t->ms[round]);
        }
    return code;
}

static void print_turns(const Turn *turns, int64_t count)
{
    printf("{\"ms\":[");
    for (int64_t k = 0; k < count; k++)
        for (int round = 0; round < ROUNDS; round++)
            printf("%s%s%.6f%s", round == 0 && k ? "," : "", round ? "," : "[", turns[k].ms[round], round + 1 == ROUNDS ? "]" : "");
    printf("]}\n");
}

int sdc_turns(const SdcCommand *c)
{
    int first = 0;
    while (sdc_model.programs[first] != c->program)
        first++;
    if (c->turns > sdc_model.n_programs - first)
        return sdc_error(SDC_USAGE, "--turns %lld: there are not so many programs", (long long)c->turns);
    Turn *turns = calloc((size_t)c->turns, sizeof *turns);
    SdcPool *pool = turns ? sdc_pool_create((int)c->threads) : NULL;
    int code = pool ? SDC_OK : sdc_error(SDC_NO_SPACE, "%lld threads cannot be started", (long long)c->threads);
    for (int64_t k = 0; k < c->turns && !code; k++)
        turns[k].program = sdc_model.programs[first + k];
    if (!code)
        code = open_turns(turns, c, pool);
    if (!code)
        code = take_turns(turns, c->turns);
    if (!code)
        print_turns(turns, c->turns);
    for (int64_t k = 0; turns && k < c->turns; k++)
        sdc_instance_close(&turns[k].context);
    if (pool)
        sdc_pool_destroy(pool);
    free(turns);
    return code;
}
