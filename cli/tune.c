/* tune.c: --tune: which way each kernel instance takes, found by timing all of them on this machine.
 *
 * Instances are taken some at a time.  For one choice after the other the programs are lowered with each candidate, and
 * of each lowering the instances' calls alone become programs of one executable (codegen/alone.c), which times those of
 * an instance in turns (runtime/turns.c).  What is chosen so holds for the next choice.
 *
 * A candidate is taken where the ratio of its times to those of the present way is below the margin twice, in turns of their
 * own.  The ratio is the median over the rounds or that of the best times, whichever is higher: of 18 pairs of equal
 * programs, while other jobs took the two CPUs three times over, one was below 0.95 so (0.93), of 18 by the median alone
 * five (0.76 at the least). */
#include "tune.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../codegen/build.h"
#include "../runtime/profile.h"

enum { TOGETHER = 6, FLOPS_A_BYTE = 10 };       /* instances of one executable; to rank them by */
static const double margin = 0.95;

typedef struct {
    const char *site, *note;
    double work;
    const char *won;                /* what was taken, as text */
} Instance;

/* One program of the executable. */
typedef struct { int instance; int64_t value; Program *program; } Candidate;

typedef struct {
    Program *const *programs;
    int n_programs;
    const Options *o;
    const Isa *isa;
    Choices *choices;
    double begin;
    const char *exe;
    Instance *list;                 /* the most expensive first */
    int count;
    Candidate tried[TOGETHER * (MOST_CANDIDATES + 1)];
    int n_tried;
} Tuning;

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static const Call *find_call(const Block *block, const char *site)
{
    const Call *found = NULL;
    for (const Call *c = block->first; c && !found; c = c->next) {
        if (c->site && !strcmp(c->site, site))
            return c;
        if (c->then_block)
            found = find_call(c->then_block, site);
        if (!found && c->else_block)
            found = find_call(c->else_block, site);
    }
    return found;
}

/* Random bytes are no weights in integers, so instances of those stay as they are. */
static void add_calls(Tuning *t, const Block *block)
{
    for (const Call *c = block->first; c; c = c->next) {
        if (c->then_block)
            add_calls(t, c->then_block);
        if (c->else_block)
            add_calls(t, c->else_block);
        if (!c->site || call_parameter(c, "CODE_BITS", 0))
            continue;
        int k = 0;
        while (k < t->count && strcmp(t->list[k].site, c->site))
            k++;
        if (k == t->count) {
            t->list = alloc_more(t->list, t->count, t->count + 1, sizeof *t->list);
            t->list[t->count++] = (Instance){.site = c->site, .note = c->note};
        }
        const Traffic traffic = call_traffic(c);
        t->list[k].work += (double)c->flops + FLOPS_A_BYTE * (double)(traffic.read + traffic.written + traffic.weights);
    }
}

static int by_work(const void *a, const void *b)
{
    const Instance *x = a, *y = b;
    return x->work != y->work ? (x->work < y->work) - (x->work > y->work) : strcmp(x->site, y->site);
}

/* The programs once more, as they are chosen now; the questions are those of this lowering. */
static Program **lowered(Tuning *t)
{
    Program **list = alloc_array(t->n_programs, sizeof *list);
    t->choices->n_asked = 0;
    for (int k = 0; k < t->n_programs; k++)
        list[k] = lower_graph(t->programs[k]->graph, t->programs[k]->name, t->isa);
    return list;
}

/* ---- candidates -------------------------------------------------------------------------------------------------- */

static bool same_instance(const Call *a, const Call *b)
{
    bool same = !strcmp(a->kernel, b->kernel) && a->n_parameters == b->n_parameters;
    for (int k = 0; same && k < a->n_parameters; k++)
        same = !strcmp(a->parameters[k].name, b->parameters[k].name) && !strcmp(a->parameters[k].value, b->parameters[k].value);
    return same;
}

/* The call of instance k in `from`, unless it is tried already. */
static void add_candidate(Tuning *t, int k, int64_t value, Program *const *from)
{
    const Call *c = NULL;
    for (int p = 0; p < t->n_programs && !c; p++)
        c = find_call(&from[p]->body, t->list[k].site);
    for (int j = 0; c && j < t->n_tried; j++)
        if (t->tried[j].instance == k && same_instance(t->tried[j].program->body.first, c))
            return;
    if (c)
        t->tried[t->n_tried++] = (Candidate){k, value, call_alone(c, text_format("candidate_%d", t->n_tried))};
}

/* Instances [first, end) as they are and with every candidate of the choice: into t->tried. */
static void list_candidates(Tuning *t, ChoiceKind kind, int first, int end)
{
    Asked asked[TOGETHER] = {0};
    int64_t now[TOGETHER], values[MOST_CANDIDATES];
    Program **as_it_is = lowered(t);
    t->n_tried = 0;
    for (int k = first; k < end; k++) {
        const Asked *a = choices_asked(t->choices, kind, t->list[k].site);
        if (!a)
            continue;
        const Chosen *answer = choices_find(t->choices, kind, a->site);
        asked[k - first] = *a;
        now[k - first] = answer ? answer->value : a->standard;
        add_candidate(t, k, now[k - first], as_it_is);
    }
    for (int number = 0; number < MOST_CANDIDATES; number++) {
        bool some = false;
        for (int k = first; k < end; k++) {
            const Asked *a = &asked[k - first];
            if (!a->site || choice_candidates(kind, a->standard, a->limit, values) <= number)
                continue;
            choices_set(t->choices, kind, a->site, values[number], 0);
            some = true;
        }
        Program **from = some ? lowered(t) : NULL;
        for (int k = first; from && k < end; k++) {
            const Asked *a = &asked[k - first];
            if (a->site && choice_candidates(kind, a->standard, a->limit, values) > number)
                add_candidate(t, k, values[number], from);
        }
    }
    for (int k = first; k < end; k++)
        if (asked[k - first].site)
            choices_set(t->choices, kind, asked[k - first].site, now[k - first], 0);
}

/* Those of an instance beside each other, in the order that they have; none of one that has a single way. */
static void sort_candidates(Tuning *t, int first, int end)
{
    Candidate list[TOGETHER * (MOST_CANDIDATES + 1)];
    int count = 0;
    for (int i = first; i < end; i++) {
        const int begin = count;
        for (int k = 0; k < t->n_tried; k++)
            if (t->tried[k].instance == i)
                list[count++] = t->tried[k];
        if (count == begin + 1)
            count = begin;
    }
    memcpy(t->tried, list, (size_t)count * sizeof *list);
    t->n_tried = count;
}

/* One executable of them all. */
static void build_candidates(Tuning *t)
{
    Options own = {.quiet = true, .cc = t->o->cc, .cflags = t->o->cflags, .jobs = t->o->jobs, .no_cache = t->o->no_cache};
    BuildOptions b = build_options(&own, t->exe, t->isa);
    Program **programs = alloc_array(t->n_tried, sizeof *programs);
    for (int k = 0; k < t->n_tried; k++)
        programs[k] = t->tried[k].program;
    build(programs, t->n_tried, &b);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static double best_of(const json_t *turns)
{
    size_t k;
    const json_t *ms;
    double best = INFINITY;
    json_array_foreach(turns, k, ms)
        best = fmin(best, json_real_value(ms));
    return best;
}

/* ratios[k]: of candidate first + k to `first`: the median over the rounds, or that of the best times, if that is higher. */
static void time_turns(const Tuning *t, int first, int count, double *ratios)
{
    json_error_t error;
    const char *path = text_format("%s.json", t->exe);
    remove_at_exit(path);
    run_executable((char *const[]){text_copy(t->exe), text_format("--program=%d", first), text_format("--turns=%d", count),
                                   text_format("--threads=%d", t->o->threads ? (int)t->o->threads : sdc_default_threads()),
                                   text_format("--seed=%lld", (long long)t->o->seed), NULL}, path);
    json_t *root = json_load_file(path, 0, &error), *ms = json_object_get(root, "ms");
    const size_t rounds = json_array_size(json_array_get(ms, 0));
    if (json_array_size(ms) != (size_t)count || !rounds)
        bug("--turns printed no times");
    double *values = alloc_array((int64_t)rounds, sizeof *values);
    for (int k = 0; k < count; k++) {
        for (size_t r = 0; r < rounds; r++)
            values[r] = json_real_value(json_array_get(json_array_get(ms, (size_t)k), r))
                        / json_real_value(json_array_get(json_array_get(ms, 0), r));
        ratios[k] = fmax(sdc_median(values, (int64_t)rounds), best_of(json_array_get(ms, (size_t)k)) / best_of(json_array_get(ms, 0)));
    }
    json_decref(root);
}

static void judge(Tuning *t, ChoiceKind kind, int first, int count)
{
    double ratios[MOST_CANDIDATES + 1], again[MOST_CANDIDATES + 1];
    Instance *i = &t->list[t->tried[first].instance];
    int best = 0;
    time_turns(t, first, count, ratios);
    for (int k = 1; k < count; k++)
        if (ratios[k] < ratios[best])
            best = k;
    if (ratios[best] < margin)
        time_turns(t, first, count, again);
    if (ratios[best] >= margin || again[best] >= margin)
        return;
    choices_set(t->choices, kind, i->site, t->tried[first + best].value, 0);
    i->won = text_format("%s%s%s %lld %.2f", i->won ? i->won : "", i->won ? ", " : "", choice_info(kind)->name,
                         (long long)t->tried[first + best].value, again[best]);
}

static bool has_time(const Tuning *t) { return sdc_now() - t->begin < (double)t->o->tune; }

static void try_choice(Tuning *t, ChoiceKind kind, int first, int end)
{
    list_candidates(t, kind, first, end);
    sort_candidates(t, first, end);
    if (t->n_tried)
        build_candidates(t);
    for (int k = 0, count; k < t->n_tried && has_time(t); k += count) {
        for (count = 1; k + count < t->n_tried && t->tried[k + count].instance == t->tried[k].instance;)
            count++;
        judge(t, kind, k, count);
    }
}

void tune(Program *const *programs, int n_programs, const Options *o, const Isa *isa)
{
    Tuning t = {.programs = programs, .n_programs = n_programs, .o = o, .isa = isa, .choices = o->choices, .begin = sdc_now()};
    int done = 0, changed = 0;
    t.exe = text_format("%s/candidates", temporary_folder("sdc-tune"));
    remove_at_exit(t.exe);
    for (int k = 0; k < n_programs; k++)
        add_calls(&t, &programs[k]->body);
    qsort(t.list, (size_t)t.count, sizeof *t.list, by_work);
    for (int end; done < t.count && has_time(&t); done = end) {
        end = done + TOGETHER < t.count ? done + TOGETHER : t.count;
        for (ChoiceKind kind = 0; kind < CHOICE_COUNT && has_time(&t); kind++)
            try_choice(&t, kind, done, end);
        for (int k = done; k < end; k++) {
            changed += t.list[k].won != NULL;
            if (!o->quiet)
                printf("%d of %d: %s: %s\n", k + 1, t.count, t.list[k].note, t.list[k].won ? t.list[k].won : "as it is");
        }
        fflush(stdout);
    }
    lowered(&t);
    if (!o->quiet)
        printf("tuned in %.0f s: %d of %d instances measured, %d changed\n", sdc_now() - t.begin, done, t.count, changed);
}
