/* strip_plan.c: from the values that shall not exist whole to regions, their sinks, and what each sweep needs.
 *
 * Dissolving a value pulls its neighbours in.  A reader whose result has no memory of its own, because it is fused or a
 * view, is dissolved with it; one whose result has becomes a sink.  An operand of either that exists nowhere in memory is
 * dissolved too.  All along one axis, which each node carries from its results to its operands. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "match.h"
#include "strips.h"

/* ---- questions --------------------------------------------------------------------------------------------------- */

bool is_dissolved(const Regions *r, const Value *v)
{
    const Place *p = v ? place_of(r, v) : NULL;
    return p && p->dissolved;
}

bool is_sink(const Regions *r, const Value *v)
{
    const Place *p = v ? place_of(r, v) : NULL;
    return p && !p->dissolved && p->axis != NEVER;
}

static int root(const Regions *r, int id)
{
    while (r->place[id].region != id)
        id = r->place[id].region;
    return id;
}

int region_of(const Regions *r, const Value *v)
{
    return root(r, v->id);
}

static Value *first_output(const Node *n)
{
    int k = 0;
    while (k < n->n_out && !n->out[k])
        k++;
    return k < n->n_out ? n->out[k] : NULL;
}

/* The axis along which n makes its results in strips; NEVER: it makes them whole. */
static int axis_made(const Regions *r, const Node *n)
{
    const Value *v = first_output(n);
    const Place *p = v ? place_of(r, v) : NULL;
    return p ? p->axis : NEVER;
}

bool is_divided(const Regions *r, const Node *n)
{
    return n->n_in && is_dissolved(r, n->in[0]) && strip_is_barrier(n, axis_made(r, n));
}

Rows strip_part(int64_t extent, int strip, int count)
{
    int64_t step = (extent + count - 1) / count, first = strip * step, end = first + step;
    return (Rows){first < extent ? first : extent, end < extent ? end : extent};
}

/* ---- which values ------------------------------------------------------------------------------------------------ */

typedef struct { Regions *r; Value **list; int count; } Work;

static bool refuse(Regions *r, const Node *n, const char *why)
{
    r->why = text_format("%s %s", node_text(n), why);
    return false;
}

static bool dissolve(Work *w, Value *v, int axis)
{
    Regions *r = w->r;
    Place *p = place_of(r, v);
    if (p->dissolved && p->axis == axis)
        return true;
    if (p->axis != NEVER)
        return refuse(r, v->def, "would be cut along two axes");
    if (!v->def || v->constant || v->graph_output || v->graph != r->graph || v->shape.dim[axis] < 2)
        return v->def ? refuse(r, v->def, "has a result that must be whole") : false;
    p->axis = axis;
    p->dissolved = true;
    w->list[w->count++] = v;
    return true;
}

/* The operands of n, whose results are made in strips along `axis`. */
static bool take_operands(Work *w, const Node *n, int axis)
{
    if (n->n_out > 1 && n->op != OP_Split)
        return refuse(w->r, n, "has several results");
    for (int k = 0; k < n->n_in; k++) {
        Value *v = n->in[k];
        if (!v)
            continue;
        int along = strip_axis(n, axis, k);
        if (along == NEVER)
            return refuse(w->r, n, "can not be made in strips");
        if (along == WHOLE || v->constant || !v->def)
            continue;
        bool exists = w->r->kept[v->id] & KEPT_SOMEWHERE;
        if ((!exists || is_dissolved(w->r, v)) && !dissolve(w, v, along))
            return false;
    }
    return true;
}

/* The axis of n's results along which v, dissolved along `axis`, is needed in strips. */
static int axis_behind(const Node *n, const Value *v, int axis)
{
    for (int a = 0; a < first_output(n)->shape.rank; a++) {
        bool fits = true;
        for (int k = 0; k < n->n_in; k++)
            fits &= n->in[k] != v || strip_axis(n, a, k) == axis;
        if (fits)
            return a;
    }
    return NEVER;
}

static bool take_reader(Work *w, Node *n, const Value *v, int axis)
{
    Regions *r = w->r;
    if (n->graph != r->graph)
        return refuse(r, n, "is inside a subgraph");
    int behind = axis_behind(n, v, axis);
    if (behind == NEVER)
        return refuse(r, n, "needs all of it");
    for (int k = 0; k < n->n_out; k++) {
        Value *out = n->out[k];
        Place *p = out ? place_of(r, out) : NULL;
        if (!p || (p->axis == behind))
            continue;
        bool stored = out->graph_output || ((r->kept[out->id] & KEPT_ITSELF) && !strip_is_view(n));
        if (!stored || p->dissolved) {
            if (!dissolve(w, out, behind))
                return false;
        } else if (p->axis != NEVER || n->n_out > 1)
            return refuse(r, n, "would be cut along two axes");
        else
            p->axis = behind;
    }
    return take_operands(w, n, behind);
}

static bool take_all(Work *w)
{
    for (int k = 0; k < w->count; k++) {
        Value *v = w->list[k];
        int axis = w->r->place[v->id].axis;
        if (!take_operands(w, v->def, axis))
            return false;
        for (int j = 0; j < v->n_uses; j++)
            if (!take_reader(w, v->uses[j], v, axis))
                return false;
    }
    return true;
}

/* ---- regions and times ------------------------------------------------------------------------------------------- */

static void join(Regions *r, const Value *a, const Value *b)
{
    int x = root(r, a->id), y = root(r, b->id), low = x < y ? x : y;
    r->place[x].region = r->place[y].region = low;
}

static void join_around(Regions *r, const Node *n)
{
    const Value *first = NULL;
    for (int k = 0; k < n->n_in + n->n_out; k++) {
        const Value *v = k < n->n_in ? n->in[k] : n->out[k - n->n_in];
        if (!is_dissolved(r, v))
            continue;
        if (first)
            join(r, first, v);
        first = v;
    }
}

static int known_at(const Regions *r, const Value *v)
{
    const Place *p = v ? place_of(r, v) : NULL;
    return p ? p->time : 0;
}

/* When each value is known; a dissolved operand that must be whole is an error. */
static bool set_times(Regions *r)
{
    for (Node *n = r->graph->first; n; n = n->next) {
        int time = 0, axis = axis_made(r, n);
        for (int k = 0; k < n->n_in; k++) {
            int known = known_at(r, n->in[k]) + (k == 0 && is_divided(r, n));
            time = known > time ? known : time;
            if (is_dissolved(r, n->in[k]) && (axis == NEVER || strip_axis(n, axis, k) == WHOLE))
                return refuse(r, n, "needs all of an operand");
        }
        for (int k = 0; k < n->n_out; k++) {
            Place *p = n->out[k] ? place_of(r, n->out[k]) : NULL;
            if (!p)
                continue;
            p->sink_time = time;
            p->time = time + is_sink(r, n->out[k]);
        }
        join_around(r, n);
    }
    return true;
}

static void set_strips(Regions *r, const StripPlan *plan)
{
    for (int k = 0; k < plan->n_seeds; k++) {
        int *count = &r->strips[root(r, plan->seeds[k].value)];
        *count = plan->seeds[k].count > *count ? plan->seeds[k].count : *count;
    }
}

bool has_subgraphs(const Graph *g)
{
    for (const Node *n = g->first; n; n = n->next)
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                return true;
    return false;
}

static void list_nodes(Regions *r)
{
    for (Node *n = r->graph->first; n; n = n->next)
        r->n_nodes++;
    r->nodes = calloc((size_t)r->n_nodes + 1, sizeof *r->nodes);
    if (!r->nodes)
        fail(SDC_NO_SPACE, "out of memory");
    int k = 0;
    for (Node *n = r->graph->first; n; n = n->next)
        r->nodes[k++] = n;
}

static Value **values_by_id(Graph *g, int count)
{
    Value **list = calloc((size_t)count + 1, sizeof *list);
    if (!list)
        fail(SDC_NO_SPACE, "out of memory");
    for (Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                list[n->out[k]->id] = n->out[k];
    return list;
}

bool regions_find(Regions *r, Graph *g, const StripPlan *plan)
{
    int count = plan->n_values;
    *r = (Regions){.graph = g, .n_values = count, .kept = plan->kept};
    list_nodes(r);
    r->place = calloc((size_t)count + 1, sizeof *r->place);
    r->strips = calloc((size_t)count + 1, sizeof *r->strips);
    Value **all = values_by_id(g, count);
    Work w = {.r = r, .list = calloc((size_t)count + 1, sizeof *w.list)};
    if (!r->place || !r->strips || !w.list)
        fail(SDC_NO_SPACE, "out of memory");
    for (int k = 0; k < count; k++) {
        r->place[k].axis = NEVER;
        r->place[k].region = k;
    }
    bool done = !has_subgraphs(g);
    for (int k = 0; done && k < plan->n_seeds; k++)
        done = all[plan->seeds[k].value] && dissolve(&w, all[plan->seeds[k].value], plan->seeds[k].axis);
    done = done && take_all(&w) && set_times(r);
    if (done)
        set_strips(r, plan);
    free(w.list);
    free(all);
    return done;
}

void regions_free(Regions *r)
{
    free(r->nodes);
    free(r->place);
    free(r->strips);
}

/* ---- sweeps ------------------------------------------------------------------------------------------------------ */

/* A dissolved operand of the node that makes sink v. */
static const Value *inside_of(const Regions *r, const Value *v)
{
    for (int k = 0; k < v->def->n_in; k++)
        if (is_dissolved(r, v->def->in[k]))
            return v->def->in[k];
    return NULL;
}

bool sweep_makes(const Regions *r, const Sweep *s, const Value *v)
{
    return is_sink(r, v) && place_of(r, v)->sink_time == s->time && region_of(r, inside_of(r, v)) == s->region;
}

bool sweep_measures(const Regions *r, const Sweep *s, const Node *n)
{
    return is_divided(r, n) && place_of(r, n->in[0])->time == s->time && region_of(r, n->in[0]) == s->region;
}

static void need_more(Sweep *s, const Value *v, Rows rows)
{
    Rows *have = &s->need[v->id];
    if (rows.end <= rows.first)
        return;
    if (have->end <= have->first) {
        *have = rows;
        return;
    }
    have->first = rows.first < have->first ? rows.first : have->first;
    have->end = rows.end > have->end ? rows.end : have->end;
}

static void need_operands(const Regions *r, Sweep *s, const Node *n)
{
    Rows rows = {0};
    int axis = axis_made(r, n);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && place_of(r, n->out[k])) {
            Rows more = s->need[n->out[k]->id];
            if (rows.end <= rows.first)
                rows = more;
            else if (more.end > more.first)
                rows = (Rows){more.first < rows.first ? more.first : rows.first, more.end > rows.end ? more.end : rows.end};
        }
    if (rows.end <= rows.first)
        return;
    for (int k = 0; k < n->n_out; k++)                      /* all results of a node are made together */
        if (n->out[k])
            s->need[n->out[k]->id] = rows;
    for (int k = 0; k < n->n_in; k++)
        if (is_dissolved(r, n->in[k]))
            need_more(s, n->in[k], strip_rows(n, axis, rows, k));
}

void sweep_demand(const Regions *r, Sweep *s)
{
    memset(s->need, 0, (size_t)r->n_values * sizeof *s->need);
    for (int k = r->n_nodes; k-- > 0;) {
        Node *n = r->nodes[k];
        Value *v = first_output(n);
        if (v && sweep_makes(r, s, v))
            s->need[v->id] = strip_part(v->shape.dim[place_of(r, v)->axis], s->strip, s->count);
        if (sweep_measures(r, s, n))
            need_more(s, n->in[0], strip_part(n->in[0]->shape.dim[place_of(r, n->in[0])->axis], s->strip, s->count));
        need_operands(r, s, n);
    }
}
