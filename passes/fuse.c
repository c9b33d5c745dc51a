/* fuse: elementwise nodes join the convolution, product or norm before them, or each other.
 *
 *   needs:   static shapes, folded constants, decomposed composites; last of the passes that look for patterns
 *   leaves:  Fused nodes.  The body of one is an anchor and the elementwise nodes that its kernel does before it stores
 *            (fusions `epilogue` and `norm`), or elementwise nodes alone (`chain`); before a convolution there may be
 *            the norm and the elementwise nodes of its input (`norm`) and its up-sampling (`upsample`, see
 *            prologue.c), and right behind it a 1x1 convolution and the Add that joins both (`shortcut`, see
 *            shortcut.c).  It reads outer values directly and has one output
 *   keeps:   every result but for the rounding of half types inside a group (see kept_type)
 *
 * A group is made of nodes with one result and the group's shape, of which only the last is read from outside.  It
 * stands where its last node stood.  Groups are looked for from the end of the graph, so that of two products that are
 * added the later one takes the sum. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "fuse.h"

enum { MOST_NODES = 24, MOST_OPERANDS = 8 };    /* of a group; operands: read from memory, codegen/steps.h has room for 8 */

typedef struct {
    Node *node[MOST_NODES];         /* in execution order */
    int count;
} Group;

typedef struct {
    const int *position;            /* in execution order, by Node.id */
    const unsigned char *rates;     /* by Value.id; NULL when nothing is hoisted */
} Facts;

/* ---- which nodes ------------------------------------------------------------------------------------------------- */

bool joins(const Node *n)
{
    const char *meaning = float_meaning(n);
    if (!meaning || !strcmp(meaning, "NONE") || n->out[0]->constant)
        return false;
    bool real = false;
    for (int k = 0; k < n->n_in; k++) {
        if (!dtype_is_single(n->in[k]->dtype) && n->in[k]->dtype != DT_BOOL)
            return false;
        real |= dtype_is_single(n->in[k]->dtype);
    }
    return real && (dtype_is_single(n->out[0]->dtype) || n->out[0]->dtype == DT_BOOL);
}

static const struct { Op op; Fusion fusion; } anchors[] = {
    {OP_Conv, FUSION_epilogue}, {OP_MatMul, FUSION_epilogue}, {OP_Gemm, FUSION_epilogue},
    {OP_GroupNormalization, FUSION_norm}, {OP_InstanceNormalization, FUSION_norm},
    {OP_LayerNormalization, FUSION_norm}, {OP_RMSNormalization, FUSION_norm}, {OP_NormApply, FUSION_norm},
};

/* What a group that begins with n is. */
static Fusion fusion_of(const Node *n)
{
    for (size_t k = 0; k < sizeof anchors / sizeof *anchors; k++)
        if (anchors[k].op == n->op)
            return anchors[k].fusion;
    return FUSION_chain;
}

bool is_anchor(const Node *n)
{
    Fusion f = fusion_of(n);
    return f != FUSION_chain && fuses(n->graph, f) && dtype_is_single(n->out[0]->dtype) && !n->out[0]->constant &&
           !output_of(n, 1) && !output_of(n, 2);
}

/* "Conv, Add, Swish" */
static const char *names_of(Node *const *node, int count)
{
    char *names = "";
    for (int k = 0; k < count; k++)
        names = text_format("%s%s%s", names, k ? ", " : "", op_info(node[k]->op)->name);
    return names;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static bool holds(const Group *g, const Node *n)
{
    for (int k = 0; k < g->count; k++)
        if (g->node[k] == n)
            return true;
    return false;
}

/* Is v read by the group's elementwise nodes, and by nothing else? */
static bool stays_inside(const Group *g, const Value *v)
{
    for (int k = 0; k < v->n_uses; k++)
        if (!holds(g, v->uses[k]) || !float_meaning(v->uses[k]))
            return false;
    return v->n_uses && !v->graph_output;
}

/* Different values that the group's elementwise nodes read from memory; constants of one element are in the code. */
static int operands(const Group *g)
{
    const Value *seen[3 * MOST_NODES];
    int count = 0;
    for (int k = 0; k < g->count; k++) {
        const Node *n = g->node[k];
        for (int j = 0; j < n->n_in && float_meaning(n); j++) {
            const Value *v = n->in[j];
            int at = 0;
            while (at < count && seen[at] != v)
                at++;
            if (at == count && !(v->tensor && v->tensor->count == 1) && !(v->def && holds(g, v->def)))
                seen[count++] = v;
        }
    }
    return count;
}

/* n at its place in execution order, an anchor in front; false, and nothing changed, when the group would be too large. */
static bool add(Group *g, Node *n, const Facts *f)
{
    int at = 0;
    if (g->count == MOST_NODES)
        return false;
    while (joins(n) && at < g->count && f->position[g->node[at]->id] < f->position[n->id])
        at++;
    memmove(g->node + at + 1, g->node + at, (size_t)(g->count - at) * sizeof *g->node);
    g->node[at] = n;
    g->count++;
    if (operands(g) <= MOST_OPERANDS)
        return true;
    g->count--;
    memmove(g->node + at, g->node + at + 1, (size_t)(g->count - at) * sizeof *g->node);
    return false;
}

/* What runs once a prompt, or once a block of timesteps, must not be drawn into what runs at every step. */
static bool same_pace(const Node *a, const Node *b, const Facts *f)
{
    return !f->rates || node_pace(a, f->rates) == node_pace(b, f->rates);
}

/* What rounds to a narrower type does so where it is stored, last of its group. */
static bool joins_inside(const Node *n)
{
    return joins(n) && !(n->op == OP_Cast && n->out[0]->dtype != DT_F32);
}

/* A maker of an operand of the group that may become part of it, by `fits`; the latest in execution order. */
static Node *find_maker(const Group *g, bool (*fits)(const Node *), const Facts *f)
{
    Node *best = NULL;
    const Node *last = g->node[g->count - 1];
    for (int k = 0; k < g->count; k++)
        for (int j = 0; j < g->node[k]->n_in; j++) {
            const Value *v = g->node[k]->in[j];
            Node *n = v->def;
            if (!n || n->graph != last->graph || holds(g, n) || !fits(n) || v != n->out[0] || !stays_inside(g, v) ||
                !shape_equal(&v->shape, &last->out[0]->shape) || !same_pace(n, last, f))
                continue;
            if (!best || f->position[n->id] > f->position[best->id])
                best = n;
        }
    return best;
}

/* A convolution, its shortcut and their sum in front of the group, where one of its nodes is such a sum. */
static bool add_shortcut(Group *g, const Facts *f)
{
    for (int k = 0; k < g->count && g->count + 2 <= MOST_NODES; k++) {
        Node *sum = g->node[k], *conv, *shortcut;
        if (!find_shortcut(sum, &conv, &shortcut) || !is_anchor(conv) || !is_anchor(shortcut) ||
            !same_pace(conv, sum, f) || !same_pace(shortcut, sum, f))
            continue;
        memmove(g->node + k, g->node + k + 1, (size_t)(g->count - k - 1) * sizeof *g->node);
        memmove(g->node + 3, g->node, (size_t)(g->count - 1) * sizeof *g->node);
        memcpy(g->node, (Node *[]){conv, shortcut, sum}, 3 * sizeof *g->node);
        g->count += 2;
        candidate_became(sum, "shortcut", "%s", names_of(g->node, 3));
        return true;
    }
    return false;
}

/* All elementwise makers, then one anchor, or two.  Without an anchor it must be a chain that is wanted. */
static bool grow(Group *g, const Facts *f)
{
    Node *n;
    while ((n = find_maker(g, joins_inside, f)) && add(g, n, f))
        continue;
    if (add_shortcut(g, f))
        return true;
    n = find_maker(g, is_anchor, f);
    bool anchored = n && add(g, n, f);
    return anchored || (g->count > 1 && fuses(g->node[0]->graph, FUSION_chain));
}

/* What the convolution in front, if it is one, does to what it loads: norm, activation, up-sampling. */
static bool add_prologue(Group *g)
{
    Node *first[MOST_NODES], *conv = g->node[0];
    int count = find_prologue(conv, first, MOST_NODES - g->count);
    if (count == 0)
        return false;
    memmove(g->node + count, g->node, (size_t)g->count * sizeof *g->node);
    memcpy(g->node, first, (size_t)count * sizeof *g->node);
    g->count += count;
    bool upsamples = first[count - 1]->op == OP_Resize;
    if (upsamples)
        candidate_became(conv, "upsample", "%s", names_of(g->node + count - 1, 2));
    if (!upsamples || count > 1)
        candidate_became(conv, "prologue", "%s", names_of(g->node, count + 1));
    return true;
}

static Node *make_fused(Group *g)
{
    Node *last = g->node[g->count - 1];
    Graph *outer = last->graph, *body = graph_new(outer->model, outer, "body");
    Node *fused = node_new(outer, last, OP_Fused, 0, NULL, 1);
    Value *result = last->out[0];
    fused->name = last->name;
    value_replace(result, fused->out[0]);
    for (int k = 0; k < g->count; k++)
        node_move(g->node[k], body);
    graph_output(body, result);
    attr_set(fused, (Attr){.name = "body", .type = ATTR_GRAPH, .graph = body});
    infer_node(fused);
    return fused;
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

static void record_group(const Group *g)
{
    candidate_became(g->node[g->count - 1], fusion_name(fusion_of(g->node[0])), "%s", names_of(g->node, g->count));
}

/* Is it done in some anchor's epilogue? */
static bool in_epilogue(const Node *n)
{
    return n->graph->fused && is_anchor(n->graph->first);
}

/* An anchor that kept to itself though something elementwise reads it and is no other anchor's: why.  Of two products
 * that are added one must store what it makes, and a sum that is needed by itself is stored in any case. */
static void record_miss(const Node *n)
{
    const Value *v = n->out[0];
    for (int k = 0; k < v->n_uses; k++) {
        const Node *reader = v->uses[k];
        if (!joins(reader) || in_epilogue(reader))
            continue;
        if (v->n_uses > 1)
            candidate_missed(n, fusion_name(fusion_of(n)), "v%d is read by %d nodes", v->id, v->n_uses);
        else if (!shape_equal(&v->shape, &reader->out[0]->shape))
            candidate_missed(n, fusion_name(fusion_of(n)), "n%d (%s) makes %s of %s", reader->id, op_info(reader->op)->name,
                             shape_text(&reader->out[0]->shape), shape_text(&v->shape));
        else
            candidate_missed(n, fusion_name(fusion_of(n)), "n%d (%s) belongs to another group", reader->id, op_info(reader->op)->name);
        return;
    }
}

static void fuse_graph(Graph *g, const Facts *f)
{
    for (Node *n = g->last, *prev; n; n = prev) {
        prev = n->prev;
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                fuse_graph(n->attrs[a].graph, f);
        if (is_anchor(n))
            record_miss(n);
        Group group = {.node = {n}, .count = 1};
        bool grown = joins(n) && grow(&group, f);
        if (grown)
            record_group(&group);
        if (add_prologue(&group) || grown)
            prev = make_fused(&group)->prev;
    }
}

/* Execution order, by Node.id. */
static int number(const Graph *g, int *position, int next)
{
    for (const Node *n = g->first; n; n = n->next) {
        position[n->id] = next++;
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                next = number(n->attrs[a].graph, position, next);
    }
    return next;
}

static void before_groups(Node *n)
{
    if (n->op == OP_Resize)
        part_upsampling(n);
    part_norm(n);
    take_padding(n);
}

void pass_fuse(Graph *g)
{
    graph_rewrite(g, before_groups);
    int *position = calloc((size_t)g->model->next_node + 1, sizeof *position);
    if (!position)
        fail(SDC_NO_SPACE, "out of memory");
    unsigned char *rates = fuses(g, FUSION_hoist) ? value_rates(g) : NULL;
    number(g, position, 0);
    fuse_graph(g, &(Facts){position, rates});
    free(rates);
    free(position);
}
