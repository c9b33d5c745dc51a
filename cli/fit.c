/* fit.c: --max-memory: which values are made in strips, and in how many, so that a model fits.
 *
 * Lowering and planning are cheap, so what a choice gives is found by making it: a trial runs in a child process, whose
 * memory is gone when it ends, and tells which values are live where the most memory is.  One of those is made in strips,
 * or in more of them: the one that takes the fewest additional FLOPs for each byte that it saves.  A choice that makes
 * it worse is taken back.  Choices only add up, so this ends; it depends on the model and the limit alone. */
#include "fit.h"

#include "../runtime/certificate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_LIVE = 64, MOST_SEEDS = 256, MOST_TRIALS = 600, FIRST_STRIPS = 4, MOST_STRIPS = 32,
       WORTH = 32 };                /* the part of the peak that a value must be to be cut */
/* Of the executable, which does not exist yet: the runtime, and a kernel instance.  build() compares with what it became. */
enum { RUNTIME_BYTES = 384 << 10, INSTANCE_BYTES = 8 << 10 };

typedef struct { int value; int64_t bytes; } Live;          /* value: the id of the whole; -1: of no value's own */

typedef struct {
    int64_t arena, bound, flops;
    int64_t code;
    int n_live;
    Live live[MOST_LIVE];
} Trial;

typedef struct {
    Graph *graph;
    const char *name;
    const Isa *isa;
    StripSeed seeds[MOST_SEEDS];
    StripPlan plan;
    unsigned char *kept, *scratch;
    const Value **values;           /* by id */
    int *region;                    /* by value id, of `plan` */
    int64_t limit;                  /* of arena and code */
    Trial now;
    double flops;                   /* beside what the model takes anyhow */
    int64_t least;                  /* that any trial needed */
    int trials;
} Fit;

/* ---- a trial ----------------------------------------------------------------------------------------------------- */

/* The id of the value that v is or is a part of, among those before the strips; -1: none. */
static int whole_of(const Value *v, int n_values)
{
    const Model *m = v->graph->model;
    if (v->def && v->def->op == OP_Fused)
        v = attr_find(v->def, "body")->graph->outputs[0];
    return v->id < n_values ? v->id : v->id < m->n_parts ? m->part_of[v->id] : -1;
}

static void add_live(Trial *t, int value, int64_t bytes)
{
    int k = 0;
    while (k < t->n_live && t->live[k].value != value)
        k++;
    if (k == MOST_LIVE)
        return;
    if (k == t->n_live)
        t->live[t->n_live++] = (Live){value, 0};
    t->live[k].bytes += bytes;
}

static void apply_plan(Graph *g, const StripPlan *plan)
{
    g->model->strips = plan;
    run_passes_from(g, "strips");
    g->model->strips = NULL;
}

static void write_all(int fd, const void *data, size_t bytes)
{
    for (const char *p = data; bytes;) {
        ssize_t n = write(fd, p, bytes);
        if (n < 0 && errno != EINTR)
            _exit(SDC_BUG);
        p += n > 0 ? n : 0;
        bytes -= n > 0 ? (size_t)n : 0;
    }
}

/* At the peak, and not succeeded in its place by another buffer. */
static bool is_live(const Program *p, const Buffer *b)
{
    bool live = b->first <= p->peak && b->last >= p->peak;
    for (int k = 0; live && k < p->n_buffers; k++) {
        const Buffer *o = p->buffers[k];
        live = o == b || o->kind != BUFFER_ARENA || o->offset != b->offset || o->first < b->first || o->first > p->peak ||
               o->last < p->peak;
    }
    return live;
}

int64_t code_bytes(Program *p)
{
    return (int64_t)INSTANCE_BYTES * count_instances(p);
}

/* What counts towards the limit. */
static int64_t need_of(const Trial *t)
{
    return t->arena + t->code;
}

/* In the child. */
static void run_trial(const Fit *f, const StripPlan *plan, int fd)
{
    int n_values = f->plan.n_values;
    unsigned char *kept = alloc_array(n_values + 1, 1);
    apply_plan(f->graph, plan);
    Program *p = lower_graph(f->graph, f->name, f->isa);
    plan_program(p);
    Trial t = {.arena = p->arena_bytes, .bound = p->bound_bytes, .flops = p->flops, .code = code_bytes(p)};
    for (const Node *n = f->graph->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++) {
            int whole = n->out[k] ? whole_of(n->out[k], n_values) : -1;
            if (whole >= 0)
                kept[whole] |= KEPT_SOMEWHERE;
        }
    for (int k = 0; k < p->n_buffers; k++) {
        const Buffer *b = p->buffers[k];
        if (b->kind != BUFFER_ARENA)
            continue;
        int whole = b->value ? whole_of(b->value, n_values) : -1;
        if (whole >= 0)
            kept[whole] |= KEPT_ITSELF;
        if (is_live(p, b))
            add_live(&t, whole, b->bytes);
    }
    write_all(fd, &t, sizeof t);
    write_all(fd, kept, (size_t)n_values);
    _exit(SDC_OK);
}

static bool read_all(int fd, void *data, size_t bytes)
{
    for (char *p = data; bytes;) {
        ssize_t n = read(fd, p, bytes);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        p += n > 0 ? n : 0;
        bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static Trial try_plan(Fit *f, const StripPlan *plan)
{
    Trial t;
    unsigned char *kept = f->plan.n_seeds || plan ? f->scratch : f->kept;
    int ends[2], status = 0;
    fflush(NULL);
    pid_t child = pipe(ends) ? -1 : fork();
    if (child < 0)
        fail(SDC_NO_SPACE, "--max-memory: no child process: %s", strerror(errno));
    if (child == 0) {
        close(ends[0]);
        run_trial(f, plan, ends[1]);
    }
    close(ends[1]);
    bool told = read_all(ends[0], &t, sizeof t) && read_all(ends[0], kept, (size_t)f->plan.n_values);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!told)
        exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : SDC_BUG);
    f->trials++;
    f->least = need_of(&t) < f->least ? need_of(&t) : f->least;
    return t;
}

/* ---- choices ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int live;                       /* which of those at the peak */
    StripSeed seed;
    int raises;                     /* the seed whose number of strips is raised instead; -1: it is a new one */
    double price, flops;            /* of a byte saved; of the whole plan */
    int64_t saved;
} Choice;

static StripPlan plan_with(const Fit *f, const Choice *c, StripSeed *seeds)
{
    StripPlan plan = f->plan;
    memcpy(seeds, f->seeds, sizeof f->seeds);
    if (c->raises >= 0)
        seeds[c->raises].count = c->seed.count;
    else
        seeds[plan.n_seeds++] = c->seed;
    plan.seeds = seeds;
    return plan;
}

static bool price(Fit *f, Choice *c)
{
    StripSeed seeds[MOST_SEEDS];
    StripPlan plan = plan_with(f, c, seeds);
    StripCost cost;
    const char *why;
    if (!strips_cost(f->graph, &plan, &cost, &why))
        return false;
    c->flops = cost.flops;
    c->price = (cost.flops - f->flops) / (double)c->saved;
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
static int more_strips(Fit *f, int k, Choice *c)
{
    const Live *l = &f->now.live[k];
    int count = 0, most = MOST_STRIPS;
    *c = (Choice){.live = k, .raises = -1, .saved = l->bytes / 2};
    for (int j = 0; j < f->plan.n_seeds; j++) {
        const StripSeed *s = &f->seeds[j];
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
static int first_strips(Fit *f, int k, Choice *list)
{
    const Live *l = &f->now.live[k];
    const Value *v = f->values[l->value];
    int count = 0;
    for (int axis = 0; v && axis < v->shape.rank - 1 && f->plan.n_seeds < MOST_SEEDS; axis++) {
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
    strips_regions(f->graph, &f->plan, f->region);
    for (int k = 0; k < f->now.n_live; k++) {
        const Live *l = &f->now.live[k];
        if (l->value >= 0 && l->bytes >= f->now.bound / WORTH)
            count += f->region[l->value] >= 0 ? more_strips(f, k, &list[count]) : first_strips(f, k, &list[count]);
    }
    qsort(list, (size_t)count, sizeof *list, by_price);
    return count;
}

static bool fits(const Fit *f, const Trial *t)
{
    return need_of(t) <= f->limit;
}

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

/* The choice's trial; true, and it is taken, when it fits, or `always`, or is progress. */
static bool take(Fit *f, const Choice *c, bool always)
{
    StripSeed seeds[MOST_SEEDS];
    StripPlan plan = plan_with(f, c, seeds);
    Trial t = try_plan(f, &plan);
    if (!always && !fits(f, &t) && !is_progress(&t, &f->now))
        return false;
    memcpy(f->seeds, seeds, sizeof seeds);
    f->plan.n_seeds = plan.n_seeds;
    f->now = t;
    f->flops = c->flops;
    return true;
}

static bool is_better(const Fit *f, const Fit *start)
{
    return fits(f, &f->now) || f->now.bound < start->now.bound;
}

/* The cheapest choice after another until less memory is needed than at the start.  On the way it may be more: two values
 * of a chain of residuals share their place, and only when neither is whole is anything won.  false when it leads nowhere. */
static bool follow(Fit *f, const Fit *start)
{
    enum { DETOURS = 5 };
    Choice list[MOST_LIVE * MAX_RANK];
    int detours = 1;
    while (!is_better(f, start)) {
        int count = list_choices(f, list), k = 0;
        for (; k < count && f->trials < MOST_TRIALS; k++) {
            if (take(f, &list[k], false))
                break;
            if (list[k].raises < 0 && detours < DETOURS && ++detours && take(f, &list[k], true))
                break;
        }
        if (k == count || f->trials >= MOST_TRIALS)
            return false;
    }
    return true;
}

/* Extra FLOPs for each byte that f needs less than the start. */
static double score(const Fit *f, const Fit *start)
{
    int64_t limit = f->limit - f->now.code, aim = f->now.bound > limit ? f->now.bound : limit;
    return (f->flops - start->flops) / (double)(start->now.bound > aim ? start->now.bound - aim : 1);
}

/* The cheapest way to less memory; false when there is none, and nothing has changed. */
static bool advance(Fit *f)
{
    Choice list[MOST_LIVE * MAX_RANK];
    Fit *start = alloc(sizeof *start), *best = alloc(sizeof *best);
    bool found = false;
    int count = list_choices(f, list);
    *start = *f;
    for (int k = 0; k < count && f->trials < MOST_TRIALS; k++) {
        if (found && list[k].price >= score(best, start))           /* its beginning alone costs as much */
            break;
        if (take(f, &list[k], list[k].raises < 0) && follow(f, start)) {
            if (!found || score(f, start) < score(best, start))
                *best = *f;
            found = true;
        }
        start->trials = f->trials;
        start->least = f->least;
        *f = *start;
    }
    int trials = f->trials;
    int64_t least = f->least;
    if (found)
        *f = *best;
    f->trials = trials;
    f->least = least;
    return found;
}

/* Choices that turn out not to be needed are taken back, the latest first: without the value, or with half the strips. */
static void prune(Fit *f)
{
    for (int k = f->plan.n_seeds; k-- > 0;)
        for (int half = 0; half < 2; half++) {
            Fit without = *f;
            without.plan.seeds = without.seeds;
            if (half && f->seeds[k].count < 4)
                continue;
            if (half)
                without.seeds[k].count /= 2;
            else
                memmove(without.seeds + k, without.seeds + k + 1, (size_t)(--without.plan.n_seeds - k) * sizeof *without.seeds);
            StripCost cost;
            const char *why;
            if (!strips_cost(f->graph, &without.plan, &cost, &why) || cost.flops > f->flops)
                continue;
            Trial t = try_plan(&without, &without.plan);
            if (!fits(f, &t))
                continue;
            memcpy(f->seeds, without.seeds, sizeof f->seeds);
            f->plan.n_seeds = without.plan.n_seeds;
            f->now = t;
            f->flops = cost.flops;
            if (!half)
                break;
        }
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

_Noreturn static void fail_to_fit(const Fit *f, int64_t limit)
{
    const Live *largest = NULL;
    for (int k = 0; k < f->now.n_live; k++)
        if (f->now.live[k].value >= 0 && (!largest || f->now.live[k].bytes > largest->bytes))
            largest = &f->now.live[k];
    const Value *v = largest ? f->values[largest->value] : NULL;
    const char *what = "its inputs and outputs";
    if (v)
        what = text_format("v%d %s of n%d (%s%s%s)", v->id, shape_text(&v->shape), v->def->id, op_info(v->def->op)->name,
                           v->def->name ? " " : "", v->def->name ? v->def->name : "");
    fail(SDC_NO_SPACE, "%s: --max-memory %lld: %s does not fit; the least that would do is %lld", f->graph->model->path,
         (long long)limit, what, (long long)(f->least + limit - f->limit));
}

static void report_fit(const Fit *f, const Trial *first)
{
    StripCost cost;
    const char *why;
    strips_cost(f->graph, &f->plan, &cost, &why);
    printf("%s: --max-memory: arena %.1f MB instead of %.1f MB; %d value%s in strips, %d sweep%s of %d strips in all, "
           "%.3f GFLOP more (%.1f %%)\n", f->name, (double)f->now.arena / 1e6, (double)first->arena / 1e6, f->plan.n_seeds,
           f->plan.n_seeds == 1 ? "" : "s", cost.sweeps, cost.sweeps == 1 ? "" : "s", cost.strips,
           (double)(f->now.flops - first->flops) / 1e9,
           100 * (double)(f->now.flops - first->flops) / (double)(first->flops + 1));
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
        sdc_certificate_add(&c, 0, 0, tensors_of(g->inputs, g->n_inputs), g->n_inputs,
                            tensors_of(g->outputs, g->n_outputs), g->n_outputs);
    }
    sdc_certificate_finish(&c, 1, 1, 0, RUNTIME_BYTES + code);
    return c.all;
}

static Fit *fit_of(Graph *g, const char *name, const Isa *isa, const Budget *b)
{
    Fit *f = alloc(sizeof *f);
    *f = (Fit){.graph = g, .name = name, .isa = isa, .least = INT64_MAX, 
               .limit = b->limit - (b->graphs ? besides(b->graphs, b->n_graphs, b->code) : besides(&g, 1, b->code))};
    f->plan = (StripPlan){.seeds = f->seeds, .n_values = g->model->next_value};
    f->plan.kept = f->kept = alloc_array(f->plan.n_values + 1, 1);
    f->scratch = alloc_array(f->plan.n_values + 1, 1);
    f->region = alloc_array(f->plan.n_values + 1, sizeof *f->region);
    f->values = alloc_array(f->plan.n_values + 1, sizeof *f->values);
    for (const Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                f->values[n->out[k]->id] = n->out[k];
    f->now = try_plan(f, NULL);
    return f;
}

bool fits_whole(Graph *g, const char *name, const Isa *isa, const Budget *b)
{
    Fit *f = b->limit ? fit_of(g, name, isa, b) : NULL;
    return !f || fits(f, &f->now);
}

void fit_graph(Graph *g, const char *name, const Isa *isa, const Budget *b)
{
    if (!b->limit) {
        apply_plan(g, NULL);
        return;
    }
    Fit *f = fit_of(g, name, isa, b);
    Trial first = f->now;
    while (!fits(f, &f->now))
        if (!advance(f))
            fail_to_fit(f, b->limit);
    prune(f);
    if (!b->quiet && f->plan.n_seeds)
        report_fit(f, &first);
    apply_plan(g, &f->plan);
}
