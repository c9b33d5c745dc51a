/* concat: a concatenation moves up through views to the products behind them, which then store its parts in place.
 *
 *      Concat(f(a), f(b))  becomes  f(Concat(a, b))          f: Transpose, Reshape, Split along another axis
 *
 *   needs:   static shapes, folded constants; after projection, whose products' parts these are in joint attention
 *   leaves:  concatenations of products; one for all parts of the same products
 *   keeps:   every result exactly
 *
 * Joint attention joins Q, K and V of text and image behind the views that split heads: three copies of everything.  Of
 * the merged products themselves one concatenation remains, and lowering gives each product its room there.  Where a
 * part is something else than such a product, nothing changes. */
#include <string.h>

#include "../ir/sdc.h"
#include "decompose.h"
#include "match.h"

enum { MOST_PARTS = 8, MOST_LEVELS = 8 };

/* What is concatenated, along which axis; from the Concat's own operands up. */
typedef struct { Value *part[MOST_PARTS]; int64_t axis; } Level;

typedef struct { int count, levels; Level level[MOST_LEVELS]; } Climb;

/* Do all parts come from an `op`?  The result numbers of a Split are the same, too. */
static bool made_alike(const Climb *c, const Level *at, Op op)
{
    for (int k = 0; k < c->count; k++) {
        const Node *n = at->part[k]->def;
        if (!n || n->op != op || n->graph != at->part[0]->graph || at->part[k]->constant)
            return false;
        for (int j = 0; j < n->n_out; j++)
            if ((n->out[j] == at->part[k]) != (output_of(at->part[0]->def, j) == at->part[0]))
                return false;
    }
    return true;
}

static bool through_transposes(const Climb *c, const Level *at, Level *up)
{
    int64_t first[MAX_RANK], perm[MAX_RANK];
    if (!made_alike(c, at, OP_Transpose))
        return false;
    int rank = transpose_perm(at->part[0]->def, first);
    for (int k = 0; k < c->count; k++) {
        if (transpose_perm(at->part[k]->def, perm) != rank || memcmp(perm, first, (size_t)rank * sizeof *perm))
            return false;
        up->part[k] = at->part[k]->def->in[0];
    }
    up->axis = first[at->axis];
    return true;
}

static int64_t product(const Shape *s, int64_t begin, int64_t end)
{
    int64_t n = 1;
    for (int64_t k = begin; k < end; k++)
        n *= s->dim[k];
    return n;
}

static bool same_but_axis(const Shape *a, const Shape *b, int64_t axis)
{
    Shape s = *a;
    if (a->rank != b->rank)
        return false;
    s.dim[axis] = b->dim[axis];
    return shape_equal(&s, b);
}

/* Reshapes that leave the axis and all before and behind it as they are, but for how those are cut. */
static bool through_reshapes(const Climb *c, const Level *at, Level *up)
{
    if (!made_alike(c, at, OP_Reshape))
        return false;
    const Shape *from = &at->part[0]->def->in[0]->shape, *to = &at->part[0]->shape;
    int64_t before = product(to, 0, at->axis), axis = 0;
    while (axis < from->rank && (product(from, 0, axis) != before || from->dim[axis] != to->dim[at->axis]))
        axis++;
    for (int k = 0; k < c->count && axis < from->rank; k++) {
        Value *v = at->part[k]->def->in[0];
        if (!same_but_axis(from, &v->shape, axis) || v->shape.dim[axis] != at->part[k]->shape.dim[at->axis])
            return false;
        up->part[k] = v;
    }
    up->axis = axis;
    return axis < from->rank;
}

static bool through_splits(const Climb *c, const Level *at, Level *up)
{
    if (!made_alike(c, at, OP_Split))
        return false;
    const Node *first = at->part[0]->def;
    int rank = at->part[0]->shape.rank;
    int64_t axis = axis_of(first, attr_i(first, "axis"), rank);
    for (int k = 0; k < c->count; k++) {
        const Node *n = at->part[k]->def;
        if (axis_of(n, attr_i(n, "axis"), rank) != axis || n->n_out != first->n_out)
            return false;
        for (int j = 0; j < n->n_out; j++)
            if (!n->out[j] || !first->out[j] || n->out[j]->shape.dim[axis] != first->out[j]->shape.dim[axis])
                return false;
        up->part[k] = n->in[0];
    }
    up->axis = at->axis;
    return axis != at->axis;
}

static bool through_views(const Climb *c, const Level *at, Level *up)
{
    return through_transposes(c, at, up) || through_reshapes(c, at, up) || through_splits(c, at, up);
}

/* A product, perhaps with a bias, that views alone read: it can be stored anywhere. */
static bool is_product(const Value *v)
{
    const Node *n = v->def;
    for (int k = 0; k < 2 && n && n->op == OP_Add && n->n_in == 2; k++)
        if (is_constant(n->in[k]) && n->in[1 - k]->n_uses == 1) {
            n = n->in[1 - k]->def;
            break;
        }
    for (int k = 0; k < v->n_uses; k++) {
        Op reader = v->uses[k]->op;
        if (reader != OP_Split && reader != OP_Reshape && reader != OP_Transpose && reader != OP_Concat)
            return false;
    }
    return n && n->op == OP_MatMul && !v->graph_output && is_constant(n->in[1]);
}

/* The concatenation of the topmost parts in front of `at`: one that is there already, or a new one. */
static Value *concatenation(Node *at, const Climb *c, const Level *top)
{
    for (Node *n = at->prev; n; n = n->prev)
        if (n->op == OP_Concat && n->n_in == c->count &&
            !memcmp(n->in, top->part, (size_t)c->count * sizeof *n->in) &&
            axis_of(n, attr_i(n, "axis"), n->out[0]->shape.rank) == top->axis)
            return n->out[0];
    Node *n = begun(at, OP_Concat, c->count, (Value *const *)top->part);
    attr_set_i(n, "axis", top->axis);
    return finished(n);
}

/* x, the concatenation of level k + 1's parts, seen as that of level k's. */
static Value *lowered(Node *at, const Climb *c, int k, Value *x)
{
    const Level *level = &c->level[k];
    const Value *part = level->part[0];
    const Node *n = part->def;
    int64_t perm[MAX_RANK], first = 0;
    if (n->op == OP_Transpose)
        return make_transpose(at, x, transpose_perm(n, perm), perm);
    if (n->op == OP_Reshape) {
        Shape s = part->shape;
        s.dim[level->axis] = x->shape.dim[c->level[k + 1].axis];
        return make_reshape(at, x, s.rank, s.dim);
    }
    int64_t axis = axis_of(n, attr_i(n, "axis"), part->shape.rank);
    for (int j = 0; n->out[j] != part; j++)
        first += n->out[j]->shape.dim[axis];
    return make_slice(at, x, axis, first, first + part->shape.dim[axis], 1);
}

static void move_up(Node *n)
{
    Climb c = {.count = n->n_in, .levels = 1};
    if (n->op != OP_Concat || n->n_in > MOST_PARTS || n->out[0]->constant || n->out[0]->graph_output)
        return;
    memcpy(c.level[0].part, n->in, (size_t)c.count * sizeof *n->in);
    c.level[0].axis = axis_of(n, attr_i(n, "axis"), n->out[0]->shape.rank);
    while (c.levels < MOST_LEVELS && through_views(&c, &c.level[c.levels - 1], &c.level[c.levels]))
        c.levels++;
    for (int k = 0; k < c.count; k++)
        if (c.levels == 1 || !is_product(c.level[c.levels - 1].part[k]))
            return;
    Value *v = concatenation(n, &c, &c.level[c.levels - 1]);
    for (int k = c.levels - 1; k-- > 0;)
        v = lowered(n, &c, k, v);
    candidate_became(n, "concat", "Concat of %d products, in place", c.count);
    value_replace(n->out[0], v);
}

void pass_concat(Graph *g)
{
    if (fuses(g, FUSION_concat))
        graph_rewrite(g, move_up);
}
