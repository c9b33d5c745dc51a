/* fit.c: --max-memory: which values are made in strips, and in how many, so that a model fits.
 *
 * A model that does not fit as it is gets direct convolutions: Winograd's need room of their own, and would round otherwise
 * in strips than in the whole.
 *
 * What a choice gives is found by making it (trial.c).  One of the values that are live where the most memory is needed is
 * made in strips, or in more of them: the one that takes the fewest additional FLOPs for each byte that it saves.  Where
 * no choice helps by itself, the cheapest few are followed until less memory is needed.  When all fits, what was not
 * needed is taken back, the most expensive first.  The work is bounded by counts, so the result depends on the model,
 * the instruction set and the limit alone. */
#include "fit.h"

#include "../runtime/certificate.h"
#include "../runtime/runtime.h"
#include "trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SEEDS = 256, MOST_TRIALS = 600, FIRST_STRIPS = 4, MOST_STRIPS = 32,
       WORTH = 32 };                /* the part of the peak that a value must be to be cut */
enum { RUNTIME_BYTES = 384 << 10 };         /* of the executable, which does not exist yet */
enum { SEARCHING = 800, ALL_DONE = 1000 };  /* of the progress bar: until all fits, and with what is taken back */

typedef struct {
    StripSeed seeds[MOST_SEEDS];
    int n_seeds;
    Trial now;
    double flops;                   /* beside what the model takes anyhow */
} Choices;

/* What stays the same in a search, or only grows. */
typedef struct {
    Trier trier;
    int64_t limit;                  /* of arena and code */
    unsigned char *kept, *scratch;  /* by value id: of the model without strips, and of the latest trial */
    const Value **values;           /* by id */
    int *region;                    /* by value id, of the choices that list_choices() saw last */
    Choices at;
    Choices least;                  /* the trial that needed least */
    int trials;
    int64_t first;                  /* what the model needs as it is */
    SdcProgress bar;
} Fit;

static bool fits(const Fit *f, const Trial *t)
{
    return need_of(t) <= f->limit;
}

static StripPlan plan_of(const Fit *f, const Choices *c)
{
    return (StripPlan){.seeds = c->seeds, .n_seeds = c->n_seeds, .n_values = f->trier.n_values, .kept = f->kept};
}

static bool cost_of(const Fit *f, const Choices *c, double *flops)
{
    StripPlan plan = plan_of(f, c);
    StripCost cost;
    const char *why;
    bool possible = strips_cost(f->trier.graph, &plan, &cost, &why);
    *flops = cost.flops;
    return possible;
}

static void try_choices(Fit *f, Choices *c)
{
    StripPlan plan = plan_of(f, c);
    c->now = try_plan(&f->trier, &plan, f->limit, f->scratch);
    f->trials++;
    if (need_of(&c->now) < need_of(&f->least.now))
        f->least = *c;
    double way = (double)(f->first - need_of(&f->least.now)) / (double)(f->first - f->limit);
    sdc_progress_step(&f->bar, (int64_t)(SEARCHING * (way < 1 ? way : 1)));
}

/* ---- choices ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int live;                       /* which of those at the peak */
    StripSeed seed;
    int raises;                     /* the seed whose number of strips is raised instead; -1: it is a new one */
    double price, flops;            /* of a byte saved; of all choices */
    int64_t saved;
} Choice;

static void add_choice(Choices *all, const Choice *c)
{
    if (c->raises >= 0)
        all->seeds[c->raises].count = c->seed.count;
    else
        all->seeds[all->n_seeds++] = c->seed;
}

static bool price(const Fit *f, Choice *c)
{
    Choices all = f->at;
    add_choice(&all, c);
    if (!cost_of(f, &all, &c->flops))
        return false;
    c->price = (c->flops - f->at.flops) / (double)c->saved;
    return true;
}

static int by_price(const void *a, const void *b)
{
    const Choice *x = a, *y = b;
    if (x->price != y->price)
        return x->price < y->price ? -1 : 1;
    return x->saved != y->saved ? (x->saved < y->saved) - (x->saved > y->saved) : x->live - y->live;
}

/* More strips for the region that live value k is a part of. */
static int more_strips(const Fit *f, int k, Choice *c)
{
    const Live *l = &f->at.now.live[k];
    int count = 0, most = MOST_STRIPS;
    *c = (Choice){.live = k, .raises = -1, .saved = l->bytes / 2};
    for (int j = 0; j < f->at.n_seeds; j++) {
        const StripSeed *s = &f->at.seeds[j];
        if (f->region[s->value] != f->region[l->value])
            continue;
        int64_t extent = f->values[s->value]->shape.dim[s->axis];
        most = extent < most ? (int)extent : most;
        if (s->count > count) {
            count = s->count;
            c->raises = j;
            c->seed = *s;
        }
    }
    c->seed.count = 2 * count;
    return c->raises >= 0 && 2 * count <= most && price(f, c);
}

/* Live value k in strips, along each axis that does; not the last, whose strips would lie scattered. */
static int first_strips(const Fit *f, int k, Choice *list)
{
    const Live *l = &f->at.now.live[k];
    const Value *v = f->values[l->value];
    int count = 0;
    for (int axis = 0; v && axis < v->shape.rank - 1 && f->at.n_seeds < MOST_SEEDS; axis++) {
        if (v->shape.dim[axis] < 2)
            continue;
        int strips = v->shape.dim[axis] < FIRST_STRIPS ? (int)v->shape.dim[axis] : FIRST_STRIPS;
        list[count] = (Choice){.live = k, .seed = {l->value, axis, strips}, .raises = -1,
                               .saved = l->bytes - l->bytes / strips};
        count += price(f, &list[count]);
    }
    return count;
}

static int list_choices(Fit *f, Choice *list)
{
    int count = 0;
    StripPlan plan = plan_of(f, &f->at);
    strips_regions(f->trier.graph, &plan, f->region);
    for (int k = 0; k < f->at.now.n_live; k++) {
        const Live *l = &f->at.now.live[k];
        if (l->value >= 0 && l->bytes >= f->at.now.bound / WORTH)
            count += f->region[l->value] >= 0 ? more_strips(f, k, &list[count]) : first_strips(f, k, &list[count]);
    }
    qsort(list, (size_t)count, sizeof *list, by_price);
    return count;
}

/* ---- the way to less memory -------------------------------------------------------------------------------------- */

/* Less memory, or as much at another place. */
static bool is_progress(const Trial *t, const Trial *now)
{
    if (t->bound != now->bound)
        return t->bound < now->bound;
    if (t->n_live != now->n_live)
        return true;
    for (int k = 0; k < t->n_live; k++)
        if (t->live[k].value != now->live[k].value)
            return true;
    return false;
}

static void try_choice(Fit *f, const Choice *c, Choices *all)
{
    *all = f->at;
    add_choice(all, c);
    all->flops = c->flops;
    try_choices(f, all);
}

static bool is_better(const Fit *f, const Choices *c, const Choices *start)
{
    return fits(f, &c->now) || c->now.bound < start->now.bound;
}

/* Extra FLOPs for each byte that c needs less than the start: what is below the limit does not count. */
static double score(const Fit *f, const Choices *c, const Choices *start)
{
    int64_t limit = f->limit - c->now.code, aim = c->now.bound > limit ? c->now.bound : limit;
    return (c->flops - start->flops) / (double)(start->now.bound > aim ? start->now.bound - aim : 1);
}

/* The lowest score that can come of c, since more choices only cost more. */
static double hope(const Fit *f, const Choices *c, const Choices *start)
{
    int64_t aim = f->limit - start->now.code;
    return (c->flops - start->flops) / (double)(start->now.bound > aim ? start->now.bound - aim : 1);
}

/* The cheapest choice after another until less memory is needed than at the start.  On the way it may be more: two values
 * of a chain of residuals share their place, and only when neither is whole is anything won.  false when it leads nowhere,
 * or can not score below `most`. */
static bool follow(Fit *f, const Choices *start, double most)
{
    enum { DETOURS = 5 };
    Choice list[MOST_LIVE * MAX_RANK];
    Choices next;
    int detours = 1;
    while (!is_better(f, &f->at, start)) {
        int count = hope(f, &f->at, start) < most ? list_choices(f, list) : 0, k = 0;
        for (; k < count && f->trials < MOST_TRIALS; k++) {
            try_choice(f, &list[k], &next);
            if (fits(f, &next.now) || is_progress(&next.now, &f->at.now) ||
                (list[k].raises < 0 && detours < DETOURS && ++detours))
                break;
        }
        if (k == count || f->trials >= MOST_TRIALS)
            return false;
        f->at = next;
    }
    return true;
}

/* The cheapest way to less memory; false when there is none, and nothing has changed.  Every choice alone first, so that
 * few need to be followed far. */
static bool advance(Fit *f)
{
    Choice list[MOST_LIVE * MAX_RANK];
    Choices start = f->at, best = start, *first = calloc(MOST_LIVE * MAX_RANK, sizeof *first);
    double least = INFINITY;
    int count = list_choices(f, list), tried = 0;
    if (!first)
        fail(SDC_NO_SPACE, "out of memory");
    for (; tried < count && list[tried].price < least && f->trials < MOST_TRIALS; tried++) {
        try_choice(f, &list[tried], &first[tried]);
        if (is_better(f, &first[tried], &start) && score(f, &first[tried], &start) < least) {
            best = first[tried];
            least = score(f, &best, &start);
        }
    }
    for (int k = 0; k < tried; k++) {
        f->at = first[k];
        if (is_better(f, &f->at, &start) || (list[k].raises >= 0 && !is_progress(&f->at.now, &start.now)) ||
            !follow(f, &start, least) || score(f, &f->at, &start) >= least)
            continue;
        best = f->at;
        least = score(f, &best, &start);
    }
    f->at = best;
    free(first);
    return least < INFINITY;
}

/* ---- the way back ------------------------------------------------------------------------------------------------ */

typedef struct { int seed; bool whole; double flops; } Return;

/* Without seed k, or with half the strips of its region; false: there is no such thing, or it costs more. */
static bool take_back(const Fit *f, Return *r, Choices *without)
{
    const StripSeed *s = &f->at.seeds[r->seed];
    *without = f->at;
    if (r->whole)
        memmove(without->seeds + r->seed, without->seeds + r->seed + 1,
                (size_t)(--without->n_seeds - r->seed) * sizeof *s);
    for (int j = 0; j < without->n_seeds && !r->whole; j++) {
        const StripSeed *o = &f->at.seeds[j];
        if (f->region[o->value] == f->region[s->value] && o->count > s->count)
            return false;
        if (f->region[o->value] == f->region[s->value] && 2 * o->count > s->count)
            without->seeds[j].count = s->count / 2;
    }
    const Value *v = f->values[s->value];
    bool hopeless = r->whole ? shape_count(&v->shape) * dtype_info(v->dtype)->bytes > f->limit : s->count < 4;
    if (hopeless || !cost_of(f, without, &r->flops))
        return false;
    without->flops = r->flops;
    return r->whole ? r->flops <= f->at.flops : r->flops < f->at.flops;
}

static int by_flops(const void *a, const void *b)
{
    const Return *x = a, *y = b;
    if (x->flops != y->flops)
        return x->flops < y->flops ? -1 : 1;
    return x->whole != y->whole ? y->whole - x->whole : y->seed - x->seed;
}

/* Choices that turn out not to be needed, the one that costs most first.  What was needed once is not tried again: less
 * is made in strips from then on.  needed: by value id, the strips from which there was no way back; 1: nor to none. */
static void prune(Fit *f)
{
    Return list[2 * MOST_SEEDS];
    Choices without;
    int *needed = alloc_array(f->trier.n_values + 1, sizeof *needed), count, k;
    bool *needs = alloc_array(f->trier.n_values + 1, sizeof *needs);
    do {
        StripPlan plan = plan_of(f, &f->at);
        strips_regions(f->trier.graph, &plan, f->region);
        count = 0;
        for (int j = 0; j < 2 * f->at.n_seeds; j++) {
            const StripSeed *s = &f->at.seeds[j / 2];
            list[count] = (Return){.seed = j / 2, .whole = j % 2};
            if (!(j % 2 ? needs[s->value] : needed[s->value] == s->count))
                count += take_back(f, &list[count], &without);
        }
        qsort(list, (size_t)count, sizeof *list, by_flops);
        for (k = 0; k < count; k++) {
            const StripSeed *s = &f->at.seeds[list[k].seed];
            take_back(f, &list[k], &without);
            try_choices(f, &without);
            if (fits(f, &without.now))
                break;
            if (list[k].whole)
                needs[s->value] = true;
            else
                needed[s->value] = s->count;
        }
        if (k < count)
            f->at = without;
    } while (k < count);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* What all that is planned needs: the trials stop where they know enough. */
static Trial plan_fully(const Fit *f, const Choices *c)
{
    StripPlan plan = plan_of(f, c);
    return try_plan(&f->trier, &plan, 0, f->scratch);
}

_Noreturn static void fail_to_fit(const Fit *f, int64_t limit)
{
    const Trial *now = &f->at.now;
    const Live *largest = NULL;
    for (int k = 0; k < now->n_live; k++)
        if (now->live[k].value >= 0 && (!largest || now->live[k].bytes > largest->bytes))
            largest = &now->live[k];
    const Value *v = largest ? f->values[largest->value] : NULL;
    const char *what = "its inputs and outputs";
    if (v)
        what = text_format("v%d %s of n%d (%s%s%s)", v->id, shape_text(&v->shape), v->def->id, op_info(v->def->op)->name,
                           v->def->name ? " " : "", v->def->name ? v->def->name : "");
    fail(SDC_NO_SPACE, "%s: --max-memory %lld: %s does not fit%s; the least that would do is %lld",
         f->trier.graph->model->path, (long long)limit, what,
         has_subgraphs(f->trier.graph) ? " (a model with If, Loop or Scan is not made in strips)" : "",
         (long long)(need_of(now) + limit - f->limit));
}

static bool search(Fit *f)
{
    f->trials = 0;
    while (!fits(f, &f->at.now))
        if (!advance(f))
            return false;
    return true;
}

/* When the way to the limit is none, the one that is taken when nothing is enough may be: it depends on the model alone, so
 * that the least limit that is told of does.  f->at is that least then. */
static bool search_least(Fit *f, const Choices *whole)
{
    int64_t limit = f->limit;
    f->limit = 1;
    f->at = f->least = *whole;
    search(f);
    f->limit = limit;
    f->at = f->least;
    f->at.now = plan_fully(f, &f->at);
    return fits(f, &f->at.now);
}

static void report_fit(const Fit *f, const Trial *first)
{
    StripPlan plan = plan_of(f, &f->at);
    Trial now = plan_fully(f, &f->at);
    StripCost cost;
    const char *why;
    strips_cost(f->trier.graph, &plan, &cost, &why);
    printf("%s: --max-memory: arena %.1f MB instead of %.1f MB; direct convolutions, %d value%s in strips, %d sweep%s of %d "
           "strips in all, %.3f GFLOP more (%.1f %%)\n", f->trier.name, (double)now.arena / 1e6, (double)first->arena / 1e6,
           plan.n_seeds, plan.n_seeds == 1 ? "" : "s", cost.sweeps, cost.sweeps == 1 ? "" : "s", cost.strips,
           (double)(now.flops - first->flops) / 1e9, 100 * (double)(now.flops - first->flops) / (double)(first->flops + 1));
}

static SdcTensor *tensors_of(Value *const *values, int count)
{
    SdcTensor *list = alloc_array(count + 1, sizeof *list);
    for (int k = 0; k < count; k++)
        list[k] = (SdcTensor){.dtype = values[k]->dtype,
                              .bytes = shape_count(&values[k]->shape) * dtype_info(values[k]->dtype)->bytes};
    return list;
}

/* What the certificate adds to the arena, the program's code and the weights, with one thread. */
static int64_t besides(Graph *const *graphs, int n_graphs, int64_t code)
{
    SdcCertificate c = {0};
    for (int k = 0; k < n_graphs; k++) {
        const Graph *g = graphs[k];
        sdc_certificate_add(&c, "", 0, 0, tensors_of(g->inputs, g->n_inputs), g->n_inputs,
                            tensors_of(g->outputs, g->n_outputs), g->n_outputs);
    }
    sdc_certificate_finish(&c, 1, 1, 0, RUNTIME_BYTES + code);
    return c.all;
}

static Fit *fit_of(Graph *g, const char *name, const Isa *isa, const Budget *b)
{
    Fit *f = alloc(sizeof *f);
    Graph *const *graphs = b->graphs ? b->graphs : &g;
    *f = (Fit){.trier = {g, name, isa, g->model->next_value},
               .limit = b->limit - besides(graphs, b->graphs ? b->n_graphs : 1, b->code)};
    f->kept = alloc_array(f->trier.n_values + 1, 1);
    f->scratch = alloc_array(f->trier.n_values + 1, 1);
    f->region = alloc_array(f->trier.n_values + 1, sizeof *f->region);
    f->values = alloc_array(f->trier.n_values + 1, sizeof *f->values);
    for (const Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                f->values[n->out[k]->id] = n->out[k];
    f->at.now = try_plan(&f->trier, NULL, 0, f->kept);
    if (!fits(f, &f->at.now) && !g->model->exact) {
        g->model->exact = true;
        f->at.now = try_plan(&f->trier, NULL, 0, f->kept);
    }
    f->least = f->at;
    f->first = need_of(&f->at.now);
    return f;
}

bool fits_whole(Graph *g, const char *name, const Isa *isa, const Budget *b)
{
    Fit *f = b->limit ? fit_of(g, name, isa, b) : NULL;
    return !f || fits(f, &f->at.now);
}

void fit_graph(Graph *g, const char *name, const Isa *isa, const Budget *b)
{
    if (!b->limit) {
        apply_plan(g, NULL);
        return;
    }
    Fit *f = fit_of(g, name, isa, b);
    Choices whole = f->at;
    sdc_progress_begin(&f->bar, "making it fit", ALL_DONE, b->quiet);
    bool done = search(f) || search_least(f, &whole);
    if (done)
        prune(f);
    sdc_progress_end(&f->bar);
    if (!done)
        fail_to_fit(f, b->limit);
    if (!b->quiet && f->at.n_seeds)
        report_fit(f, &whole.now);
    StripPlan plan = plan_of(f, &f->at);
    apply_plan(g, &plan);
}
