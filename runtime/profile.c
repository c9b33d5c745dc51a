/* profile.c: the time of every kernel call.  See profile.h.
 *
 * Each call of an emitted run() asks c->step first; here that is a clock: what passed since the step before belongs to
 * the call before.  The median over the runs is taken for each call by itself. */
#include <stdlib.h>
#include <string.h>

#include "profile.h"

typedef struct {
    SdcContext context;               /* first: step() finds the profiler by it */
    SdcCallProfile *calls;
    double *seconds, *busy;           /* [calls]: of this run; threads at work, of all runs */
    double *all_seconds, *parallel;   /* [calls]: of all runs; in parallel loops */
    int n_calls, current;             /* the call that runs; -1: none yet */
    double start;
    SdcPoolTimes pool_start;
} Profiler;

/* ---- the table of calls ---- */

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* Both return what is behind the space that ends them. */
static const char *read_word(char *into, size_t room, const char *text)
{
    size_t length = strcspn(text, " ");
    snprintf(into, room, "%.*s", (int)length, text);
    return text + length + 1;
}

static const char *read_number(int64_t *into, const char *text)
{
    char *end;
    *into = strtoll(text, &end, 10);
    return end + 1;
}

static SdcCallProfile *read_calls(const char *text, int *count)
{
    *count = count_lines(text);
    SdcCallProfile *calls = calloc((size_t)*count + 1, sizeof *calls);
    for (int k = 0; calls && k < *count; k++) {
        SdcCallProfile *c = &calls[k];
        int64_t *const numbers[] = {&c->flops, &c->read, &c->written, &c->weights};
        c->number = k;
        text = read_word(c->value, sizeof c->value, text);
        text = read_word(c->kernel, sizeof c->kernel, text);
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++)
            text = read_number(numbers[j], text);
        c->note = text;
        c->note_length = (int)strcspn(text, "\n");
        text += c->note_length + 1;
    }
    return calls;
}

/* ---- the clock ---- */

static void charge(Profiler *p, double now)
{
    SdcPoolTimes t = sdc_pool_times(p->context.pool);
    int k = p->current;
    if (k < 0 || k >= p->n_calls)
        return;
    double wall = now - p->start, parallel = t.parallel - p->pool_start.parallel;
    p->seconds[k] += wall;
    p->all_seconds[k] += wall;
    p->parallel[k] += parallel;
    p->busy[k] += wall - parallel + (t.busy - p->pool_start.busy);
    p->calls[k].times++;
    for (int j = 0; j < SDC_SPANS; j++)
        p->calls[k].spans[j] += wall - parallel + (t.spans[j] - p->pool_start.spans[j]);
}

static int step(SdcContext *c, int64_t call)
{
    Profiler *p = (void *)c;
    charge(p, sdc_now());
    p->current = (int)call;
    p->pool_start = sdc_pool_times(c->pool);
    p->start = sdc_now();
    return 0;
}

/* ---- medians and totals ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int longest_first(const void *a, const void *b)
{
    const SdcCallProfile *x = a, *y = b;
    return x->seconds != y->seconds ? (x->seconds < y->seconds) - (x->seconds > y->seconds)
                                    : (x->number > y->number) - (x->number < y->number);
}

double sdc_median(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Bytes and FLOPs were those of one time that the call runs; from here on they are those of a run of the model. */
static void finish_call(SdcCallProfile *c, const Profiler *p, const double *table, int64_t runs, double *column)
{
    int k = c->number, threads = sdc_pool_threads(p->context.pool);
    for (int64_t run = 0; run < runs; run++)
        column[run] = table[run * p->n_calls + k];
    c->seconds = sdc_median(column, runs);
    c->idle = p->all_seconds[k] > 0 ? 1 - p->busy[k] / (threads * p->all_seconds[k]) : 0;
    c->serial = p->all_seconds[k] > 0 ? 1 - p->parallel[k] / p->all_seconds[k] : 0;
    for (int j = 0; j < SDC_SPANS; j++)
        c->spans[j] /= (double)runs;
    c->times /= runs;
    c->flops *= c->times;
    c->read *= c->times;
    c->written *= c->times;
    c->weights *= c->times;
}

static double weighted(double mean, double seconds, double other, double other_seconds)
{
    double all = seconds + other_seconds;
    return all > 0 ? (mean * seconds + other * other_seconds) / all : 0;
}

static void add_call(SdcCallProfile *sum, const SdcCallProfile *c)
{
    sum->idle = weighted(sum->idle, sum->seconds, c->idle, c->seconds);
    sum->serial = weighted(sum->serial, sum->seconds, c->serial, c->seconds);
    for (int j = 0; j < SDC_SPANS; j++)
        sum->spans[j] += c->spans[j];
    sum->seconds += c->seconds;
    sum->number++;
    sum->times += c->times;
    sum->flops += c->flops;
    sum->read += c->read;
    sum->written += c->written;
    sum->weights += c->weights;
}

static void add_to_kind(SdcProfileResult *r, const SdcCallProfile *c)
{
    int k = 0;
    while (k < r->n_kernels && strcmp(r->kernels[k].kernel, c->kernel) != 0)
        k++;
    SdcCallProfile *kind = &r->kernels[k];
    if (k == r->n_kernels) {
        r->n_kernels++;
        *kind = (SdcCallProfile){0};
        memcpy(kind->kernel, c->kernel, sizeof kind->kernel);
    }
    add_call(kind, c);
}

static void sum_up(SdcProfileResult *r)
{
    for (int k = 0; k < r->n_calls; k++) {
        add_call(&r->total, &r->calls[k]);
        add_to_kind(r, &r->calls[k]);
    }
    r->seconds = r->total.seconds;
    qsort(r->calls, (size_t)r->n_calls, sizeof *r->calls, longest_first);
    qsort(r->kernels, (size_t)r->n_kernels, sizeof *r->kernels, longest_first);
}

/* ---- running ---- */

static int run_all(Profiler *p, int64_t runs, double *table, double *times, SdcRunOnce *run, void *session)
{
    int code = SDC_OK;
    for (int64_t k = 0; k < runs && !code; k++) {
        p->current = -1;
        p->seconds = table + k * p->n_calls;
        code = run(session, &p->context, &times[k]);
        charge(p, sdc_now());
    }
    return code;
}

int sdc_profile_run(SdcProfileResult *r, SdcContext *c, int64_t runs, SdcRunOnce *run, void *session)
{
    *r = (SdcProfileResult){.runs = runs, .threads = sdc_pool_threads(c->pool)};
    Profiler p = {.context = *c};
    p.context.step = step;
    r->calls = p.calls = read_calls(sdc_model.profile->calls, &p.n_calls);
    r->n_calls = p.n_calls;
    size_t room = (size_t)p.n_calls + 1;
    r->kernels = calloc(room, sizeof *r->kernels);
    double *sums = calloc(3 * room, sizeof *sums), *table = calloc(room * (size_t)runs, sizeof *table);
    double *times = calloc(2 * (size_t)runs, sizeof *times), seconds;
    int code = p.calls && r->kernels && sums && table && times
                   ? run(session, c, &seconds)
                   : sdc_error(SDC_NO_SPACE, "no memory to profile %lld runs", (long long)runs);
    if (!code) {
        sdc_ceilings_raise(&r->ceilings, sdc_model.profile, c->pool);
        p.busy = sums;
        p.all_seconds = sums + room;
        p.parallel = sums + 2 * room;
        sdc_pool_measure(c->pool, true);
        code = run_all(&p, runs, table, times, run, session);
        sdc_pool_measure(c->pool, false);
    }
    if (!code) {
        for (int k = 0; k < p.n_calls; k++)
            finish_call(&p.calls[k], &p, table, runs, times + runs);
        r->median = sdc_median(times, runs);
        sdc_ceilings_raise(&r->ceilings, sdc_model.profile, c->pool);
        sum_up(r);
    }
    free(sums);
    free(table);
    free(times);
    return code;
}

int sdc_useful_threads(const SdcCallProfile *c)
{
    double least = c->spans[0];
    for (int k = 1; k < SDC_SPANS; k++)
        least = c->spans[k] < least ? c->spans[k] : least;
    int k = 0;
    while (c->spans[k] * 0.95 > least)
        k++;
    return sdc_span_threads[k];
}

void sdc_profile_free(SdcProfileResult *r)
{
    free(r->calls);
    free(r->kernels);
    *r = (SdcProfileResult){0};
}
