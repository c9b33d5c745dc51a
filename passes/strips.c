/* strips: what would need too much memory whole is made strip by strip, as the model's StripPlan says.
 *
 *   needs:   static shapes, folded constants, recognised norms; in front of fuse, which then joins the nodes of a strip
 *   leaves:  each value of the plan in strips: rows of an image or of tokens, with the neighbours that convolutions read.
 *            Slice cuts what is whole (a view), Concat joins strips of what must be (its parts are written in place)
 *   rows:    a GroupNormalization over strips becomes ChannelMoments of each strip, one ChannelLines that joins them in
 *            order, and a NormApply for each strip, for which the strip is made a second time
 *   keeps:   every result; the norms' statistics are joined from other parts, in double
 *
 * Strips of a sweep are made one after the other, all of one strip together; what a sweep needs stands before it. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "strips.h"

typedef struct {
    Regions r;
    Graph *graph;
    bool *placed;                   /* by Node.id */
    Sweep *sweeps;
    bool *swept;
    int n_sweeps;
    Value **part;                   /* by Value.id: the strip in hand, and its rows */
    Rows *made;
    Value **moments, **lines;       /* by Node.id of a norm: of all strips; NULL until they are made */
    int64_t **counts;               /* elements of a group in each strip */
} Build;

static void *room(int count, size_t size)
{
    void *p = calloc((size_t)count + 1, size);
    if (!p)
        fail(SDC_NO_SPACE, "out of memory");
    return p;
}

/* ---- the sweeps -------------------------------------------------------------------------------------------------- */

static int add_sweep(const Regions *r, Sweep *list, int count, int region, int time)
{
    for (int k = 0; k < count; k++)
        if (list[k].region == region && list[k].time == time)
            return count;
    list[count] = (Sweep){.region = region, .time = time, .count = r->strips[region]};
    return count + 1;
}

/* At most two a node. */
static int list_sweeps(const Regions *r, Sweep *list)
{
    int count = 0;
    for (int k = 0; k < r->n_nodes; k++) {
        const Node *n = r->nodes[k];
        for (int j = 0; j < n->n_in; j++)
            if (is_dissolved(r, n->in[j]) && is_sink(r, n->out[0]))
                count = add_sweep(r, list, count, region_of(r, n->in[j]), place_of(r, n->out[0])->sink_time);
        if (is_divided(r, n))
            count = add_sweep(r, list, count, region_of(r, n->in[0]), place_of(r, n->in[0])->time);
    }
    return count;
}

/* What n takes of the whole for the rows that s needs. */
static double node_share(const Regions *r, const Sweep *s, const Node *n)
{
    const Value *v = n->n_out ? n->out[0] : NULL;
    const Place *p = v ? place_of(r, v) : NULL;
    if (!p || p->axis == NEVER)
        return 0;
    return (double)(s->need[v->id].end - s->need[v->id].first) / (double)v->shape.dim[p->axis];
}

bool strips_cost(Graph *g, const StripPlan *plan, StripCost *cost, const char **why)
{
    Regions r;
    *cost = (StripCost){0};
    bool possible = regions_find(&r, g, plan);
    *why = r.why;
    Sweep *list = room(2 * r.n_nodes, sizeof *list);
    Rows *need = room(r.n_values, sizeof *need);
    int count = possible ? list_sweeps(&r, list) : 0;
    for (int k = 0; k < count; k++) {
        Sweep *s = &list[k];
        s->need = need;
        cost->sweeps++;
        cost->strips += s->count;
        for (int j = 0; j < 3 && j < s->count; j++) {           /* the strips between the first and the last are alike */
            s->strip = j < 2 ? j : s->count - 1;
            sweep_demand(&r, s);
            for (const Node *n = g->first; n; n = n->next)
                cost->flops += node_share(&r, s, n) * (double)strip_flops(n) * (j == 1 && s->count > 2 ? s->count - 2 : 1);
        }
    }
    for (const Node *n = g->first; n && possible; n = n->next)
        if (n->n_out && n->out[0] && (is_dissolved(&r, n->out[0]) || is_sink(&r, n->out[0])))
            cost->flops -= (double)strip_flops(n);
    free(need);
    free(list);
    regions_free(&r);
    return possible;
}

void strips_regions(Graph *g, const StripPlan *plan, int *region)
{
    Regions r;
    bool found = regions_find(&r, g, plan);
    for (int id = 0; id < plan->n_values; id++) {
        region[id] = found && r.place[id].dissolved ? id : -1;
        while (region[id] >= 0 && r.place[region[id]].region != region[id])
            region[id] = r.place[region[id]].region;
    }
    regions_free(&r);
}

/* ---- norms ------------------------------------------------------------------------------------------------------- */

static int64_t groups_of(const Node *n)
{
    return n->op == OP_InstanceNormalization ? n->in[0]->shape.dim[1] : attr_i(n, "num_groups");
}

static Value *moments_of(Build *b, const Node *n, Value *x)
{
    Node *m = node_new(b->graph, NULL, OP_ChannelMoments, 1, &x, 1);
    m->name = n->name;
    attr_set_i(m, "num_groups", groups_of(n));
    infer_node(m);
    return m->out[0];
}

static int64_t group_elements(const Node *n, const Value *x)
{
    return shape_count(&x->shape) / (x->shape.dim[0] * groups_of(n));
}

/* The factors and shifts of norm n, whose input is whole or was measured in an earlier sweep. */
static Value *lines_of(Build *b, const Node *n)
{
    if (b->lines[n->id])
        return b->lines[n->id];
    Value *moments = b->moments[n->id];
    int64_t whole = group_elements(n, n->in[0]), count = 1;
    const int64_t *counts = &whole;
    if (moments) {
        count = moments->shape.dim[1];
        counts = b->counts[n->id];
    } else
        moments = moments_of(b, n, n->in[0]);
    Node *l = node_new(b->graph, NULL, OP_ChannelLines, 3, (Value *[]){moments, n->in[1], n->in[2]}, 1);
    l->name = n->name;
    attr_set_ints(l, "counts", counts, (int)count);
    attr_set_f(l, "epsilon", attr_f(n, "epsilon"));
    infer_node(l);
    return b->lines[n->id] = l->out[0];
}

/* ---- one strip --------------------------------------------------------------------------------------------------- */

/* The rows of v along `axis`: of the strip in hand, or of the whole. */
static Value *rows_of(Build *b, Value *v, int axis, Rows rows)
{
    if (!is_dissolved(&b->r, v))
        return strip_slice(v, axis, rows.first, rows.end);
    int64_t first = b->made[v->id].first;
    return strip_slice(b->part[v->id], axis, rows.first - first, rows.end - first);
}

static void note_part(Build *b, const Value *part, int whole)
{
    Model *m = b->graph->model;
    if (part->id >= m->n_parts) {
        int old = m->n_parts, count = m->next_value + 256;
        m->part_of = realloc(m->part_of, (size_t)count * sizeof *m->part_of);
        if (!m->part_of)
            fail(SDC_NO_SPACE, "out of memory");
        for (int k = old; k < count; k++)
            m->part_of[k] = -1;
        m->n_parts = count;
    }
    m->part_of[part->id] = whole;
}

static Node *apply_lines(Build *b, const Node *n, Value *x)
{
    Node *part = node_new(b->graph, NULL, OP_NormApply, 2, (Value *[]){x, lines_of(b, n)}, 1);
    part->name = n->name;
    infer_node(part);
    return part;
}

static void make_part(Build *b, const Node *n, int axis, Rows rows)
{
    Value **in = alloc_array(n->n_in, sizeof *in);
    for (int k = 0; k < n->n_in; k++) {
        int along = n->in[k] ? strip_axis(n, axis, k) : WHOLE;
        in[k] = along == WHOLE ? n->in[k] : rows_of(b, n->in[k], along, strip_rows(n, axis, rows, k));
    }
    Rows made = rows;
    Node *part = strip_is_barrier(n, axis) ? apply_lines(b, n, in[0]) : strip_node(n, axis, rows, in, &made);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k]) {
            b->part[n->out[k]->id] = part->out[k];
            b->made[n->out[k]->id] = made;
            note_part(b, part->out[k], n->out[k]->id);
        }
}

/* ---- one sweep --------------------------------------------------------------------------------------------------- */

static bool is_needed(const Sweep *s, const Node *n, Value **v)
{
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && s->need[n->out[k]->id].end > s->need[n->out[k]->id].first) {
            *v = n->out[k];
            return true;
        }
    return false;
}

static void place_value(Build *b, Value *v);
static void place_sweep(Build *b, int number);

/* What the first strip reads from outside, every strip does; earlier sweeps of the region measured what it normalises. */
static void place_operands(Build *b, Sweep *s)
{
    Value *v;
    for (int k = 0; k < b->n_sweeps; k++)
        if (b->sweeps[k].region == s->region && b->sweeps[k].time < s->time)
            place_sweep(b, k);
    sweep_demand(&b->r, s);
    bool *needed = room(b->r.n_nodes, sizeof *needed);
    for (int k = 0; k < b->r.n_nodes; k++)
        needed[k] = is_needed(s, b->r.nodes[k], &v);
    for (int k = 0; k < b->r.n_nodes; k++) {
        const Node *n = b->r.nodes[k];
        for (int j = 0; needed[k] && j < n->n_in; j++)
            place_value(b, n->in[j]);
        if (needed[k] && strip_is_barrier(n, place_of(&b->r, n->out[0])->axis))
            lines_of(b, n);
    }
    free(needed);
}

typedef struct { Node *joint; Node *node; bool measures; } Joint;

/* Concats without operands yet: one a sink and one a norm to be measured; returns their number. */
static int open_joints(Build *b, const Sweep *s, Joint *list)
{
    int count = 0;
    for (int k = 0; k < b->r.n_nodes; k++) {
        Node *n = b->r.nodes[k];
        if (n->n_out && n->out[0] && sweep_makes(&b->r, s, n->out[0]))
            list[count++] = (Joint){.node = n};
        if (sweep_measures(&b->r, s, n)) {
            b->counts[n->id] = alloc_array(s->count, sizeof **b->counts);
            list[count++] = (Joint){.node = n, .measures = true};
        }
    }
    return count;
}

/* The strip's part of a joint; NULL when it has none. */
static Value *joint_part(Build *b, const Sweep *s, const Joint *j, int at)
{
    Node *n = j->node;
    Value *v = j->measures ? n->in[0] : n->out[0];
    int axis = place_of(&b->r, v)->axis;
    Rows rows = strip_part(v->shape.dim[axis], s->strip, s->count), made = b->made[v->id];
    if (rows.first == rows.end)
        return NULL;
    Value *part = strip_slice(b->part[v->id], axis, rows.first - made.first, rows.end - made.first);
    if (!j->measures)
        return part;
    b->counts[n->id][at] = group_elements(n, part);
    return moments_of(b, n, part);
}

static void close_joint(Build *b, const Joint *j, Value *const *parts, int count)
{
    Value *v = j->node->out[0];
    Node *c = node_new(b->graph, NULL, OP_Concat, count, parts, 1);
    c->name = j->node->name;
    attr_set_i(c, "axis", j->measures ? 1 : place_of(&b->r, v)->axis);
    infer_node(c);
    if (j->measures) {
        b->moments[j->node->id] = c->out[0];
        return;
    }
    note_part(b, c->out[0], v->id);
    c->out[0]->name = v->name;
    value_replace(v, c->out[0]);
}

static void make_strip(Build *b, Sweep *s)
{
    Value *v;
    sweep_demand(&b->r, s);
    for (int k = 0; k < b->r.n_nodes; k++)
        if (is_needed(s, b->r.nodes[k], &v))
            make_part(b, b->r.nodes[k], place_of(&b->r, v)->axis, s->need[v->id]);
}

static void place_sweep(Build *b, int number)
{
    if (b->swept[number])
        return;
    b->swept[number] = true;
    Sweep *s = &b->sweeps[number];
    s->need = room(b->r.n_values, sizeof *s->need);
    place_operands(b, s);
    Joint *joints = room(2 * b->r.n_nodes, sizeof *joints);
    int n_joints = open_joints(b, s, joints), *filled = room(n_joints, sizeof *filled);
    Value **parts = room(n_joints * s->count, sizeof *parts);
    for (s->strip = 0; s->strip < s->count; s->strip++) {
        make_strip(b, s);
        for (int j = 0; j < n_joints; j++) {
            Value *part = joint_part(b, s, &joints[j], filled[j]);
            if (part)
                parts[j * s->count + filled[j]++] = part;
        }
    }
    for (int j = 0; j < n_joints; j++)
        close_joint(b, &joints[j], parts + j * s->count, filled[j]);
    free(parts);
    free(filled);
    free(joints);
    free(s->need);
    s->need = NULL;
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

static void place_node(Build *b, Node *n)
{
    if (b->placed[n->id])
        return;
    b->placed[n->id] = true;
    for (int k = 0; k < n->n_in; k++)
        place_value(b, n->in[k]);
    node_move(n, b->graph);                 /* behind all that stand already */
}

/* v, if it is to exist whole, stands in front of what comes next. */
static void place_value(Build *b, Value *v)
{
    if (!v || !v->def || !place_of(&b->r, v) || is_dissolved(&b->r, v))
        return;
    if (!is_sink(&b->r, v)) {
        place_node(b, v->def);
        return;
    }
    for (int k = 0; k < b->n_sweeps; k++)
        if (sweep_makes(&b->r, &b->sweeps[k], v))
            place_sweep(b, k);
}

static void place_all(Build *b)
{
    for (int k = 0; k < b->r.n_nodes; k++) {
        Node *n = b->r.nodes[k];
        bool apart = false;
        for (int j = 0; j < n->n_out; j++) {
            apart |= is_dissolved(&b->r, n->out[j]) || is_sink(&b->r, n->out[j]);
            if (is_sink(&b->r, n->out[j]))
                place_value(b, n->out[j]);
        }
        if (!apart)
            place_node(b, n);
    }
}

void pass_strips(Graph *g)
{
    const StripPlan *plan = g->model->strips;
    if (!plan || plan->n_seeds == 0)
        return;
    Build b = {.graph = g};
    if (!regions_find(&b.r, g, plan))
        bug("strips that can not be: %s", b.r.why);
    int nodes = g->model->next_node, values = b.r.n_values;
    b.placed = room(nodes, sizeof *b.placed);
    b.sweeps = room(2 * b.r.n_nodes, sizeof *b.sweeps);
    b.swept = room(2 * b.r.n_nodes, sizeof *b.swept);
    b.part = room(values, sizeof *b.part);
    b.made = room(values, sizeof *b.made);
    b.moments = room(nodes, sizeof *b.moments);
    b.lines = room(nodes, sizeof *b.lines);
    b.counts = room(nodes, sizeof *b.counts);
    b.n_sweeps = list_sweeps(&b.r, b.sweeps);
    place_all(&b);
    graph_sweep(g);
    void *all[] = {b.placed, b.sweeps, b.swept, b.part, b.made, b.moments, b.lines, b.counts};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        free(all[k]);
    regions_free(&b.r);
}
