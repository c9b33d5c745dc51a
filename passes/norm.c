/* norm: every spelling of a normalisation becomes one node.
 *
 *   needs:   inferred shapes, folded constants, no chains that are one node
 *   spells:  GroupNorm  Reshape[N,G,..], InstanceNormalization, Reshape back [, Mul g[C,1,1], Add b]
 *            LayerNorm  d = x - ReduceMean(x); d / Sqrt(ReduceMean(d*d) + eps) [* g + b]
 *            RMSNorm    x / Sqrt(ReduceMean(x*x) + eps) [* g], or times the reciprocal
 *   leaves:  GroupNormalization, InstanceNormalization (one channel a group), LayerNormalization, RMSNormalization
 *
 * Sums, roots and products are spelled in many ways: see the functions.  A Cast to f32 in front and the one back behind
 * are part of the node, which computes in f32 anyhow.  Results may differ by rounding. */
#include "decompose.h"
#include "match.h"

typedef struct {
    Match match;
    const char *kind;
    Value *x, *y;                   /* what is normalised, and the group's result so far */
    Node *last;                     /* y's node */
    Value *scale, *bias;            /* NULL: one, zero */
    int first, end;                 /* the axes of y along which scale and bias vary */
    int64_t groups;                 /* of channels; 0: rows from axis `first` on */
    bool centred;
    double epsilon;
} Norm;

static void advance(Norm *p, Node *n)
{
    match_add(&p->match, n);
    p->last = n;
    p->y = n->out[0];
}

/* ---- what follows ------------------------------------------------------------------------------------------------ */

/* Takes n in if it scales (once, before any shift) or shifts the result so far, or brings it back to the type that x
 * was widened from. */
static bool take_in(Norm *p, Node *n)
{
    Value *c = other_operand(n, p->y), *source = widened_from(p->x);
    if (n->op == OP_Cast && source && n->out[0]->dtype == source->dtype) {
        p->x = source;
        return true;
    }
    if (!c || !varies_along(c, &p->y->shape, p->first, p->end))
        return false;
    Value **slot = n->op == OP_Mul ? &p->scale : n->op == OP_Add && (p->groups || p->centred) ? &p->bias : NULL;
    if (!slot || *slot || p->bias)
        return false;
    *slot = c;
    return true;
}

static void take_in_what_follows(Norm *p)
{
    for (Node *n; (n = only_reader(p->y)) && take_in(p, n);)
        advance(p, n);
}

/* ---- the new node ------------------------------------------------------------------------------------------------ */

/* c, which varies along axes first.. of y, without the axes before and behind; NULL: full of `otherwise`. */
static Value *parameter(const Norm *p, Value *c, double otherwise)
{
    const Shape *s = &p->y->shape;
    int rank = p->end - p->first;
    if (!c)
        return make_expand(p->last, make_scalar(p->last, p->x->dtype, otherwise), rank, s->dim + p->first);
    if (p->groups)
        return c->shape.rank == 1 ? c : make_reshape(p->last, c, 1, s->dim + 1);
    int surplus = c->shape.rank - rank;
    return surplus > 0 ? make_reshape(p->last, c, rank, c->shape.dim + surplus) : c;
}

static Op op_of(const Norm *p)
{
    if (!p->groups)
        return p->centred ? OP_LayerNormalization : OP_RMSNormalization;
    return p->groups == p->y->shape.dim[1] ? OP_InstanceNormalization : OP_GroupNormalization;
}

static void replace(Norm *p)
{
    Op op = op_of(p);
    Value *x = p->x, *scale = parameter(p, p->scale, 1), *bias = NULL;
    if (!shape_equal(&x->shape, &p->y->shape))
        x = make_reshape(p->last, x, p->y->shape.rank, p->y->shape.dim);
    if (p->groups || p->bias)
        bias = parameter(p, p->bias, 0);
    Node *n = begun(p->last, op, bias ? 3 : 2, (Value *[]){x, scale, bias});
    attr_set_f(n, "epsilon", p->epsilon);
    if (op == OP_GroupNormalization)
        attr_set_i(n, "num_groups", p->groups);
    if (!p->groups)
        attr_set_i(n, "axis", p->first - p->y->shape.rank);
    finished(n)->name = p->y->name;
    value_replace(p->y, n->out[0]);
    candidate_became(n, p->kind, "%s of %s", op_info(op)->name, shape_text(&x->shape));
}

/* ---- groups of channels ------------------------------------------------------------------------------------------ */

/* Scale and bias of InstanceNormalization, [G]: nothing, or one for each channel of a group. */
static bool take_in_group_affine(Norm *p, const Node *norm, const Shape *rows)
{
    int64_t channels = p->y->shape.dim[1], groups = rows->dim[1];
    Value **slots[] = {&p->scale, &p->bias};
    for (int k = 0; k < 2; k++) {
        double same;
        Value *v = norm->in[k + 1];
        if (scalar_of(v, &same) && same == (k == 0))
            continue;
        if (rows->dim[0] != p->y->shape.dim[0])
            return match_broke(&p->match, "%s has an own %s for each of %s", node_text(norm), k ? "bias" : "scale",
                               shape_text(rows));
        *slots[k] = v;
        if (groups != channels) {
            int64_t dim[] = {groups, channels / groups};
            v = make_expand(p->last, make_reshape(p->last, v, 2, (int64_t[]){groups, 1}), 2, dim);
            *slots[k] = make_reshape(p->last, v, 1, &channels);
        }
    }
    return true;
}

/* The Reshape in front of `rows`, which were normalised each by itself, and the one behind the result so far. */
static bool match_groups(Norm *p, const Node *norm, const Value *rows)
{
    Node *back = only_reader(p->y);
    if (!back)
        return why_not_read_once(&p->match, p->y);
    if (!is_reshape(back))
        return match_broke(&p->match, "%s follows where the channels should be put back", node_text(back));
    const Shape *y = &back->out[0]->shape, *s = &rows->shape;
    int64_t count = s->dim[0] * s->dim[1];
    if (y->rank < 2 || !y->dim[0] || count % y->dim[0] || !count || y->dim[1] % (count / y->dim[0]))
        return match_broke(&p->match, "%s gives %s, which is not made of groups of %s", node_text(back),
                           shape_text(y), shape_text(s));
    p->x = rows->def->in[0];
    p->groups = count / y->dim[0];
    p->first = 1;
    p->end = 2;
    advance(p, back);
    return !norm || take_in_group_affine(p, norm, s);
}

static bool match_instance(Norm *p, Node *norm)
{
    p->kind = "GroupNorm";
    p->centred = true;
    p->epsilon = attr_f(norm, "epsilon");
    advance(p, norm);
    Value *rows = norm->in[0], *narrow = widened_from(rows);
    Node *back = narrow ? only_reader(p->y) : NULL;
    if (back && back->op == OP_Cast && back->out[0]->dtype == narrow->dtype) {
        advance(p, back);
        rows = narrow;
    }
    if (!match_groups(p, norm, rows))
        return false;
    take_in_what_follows(p);
    return match_closed(&p->match, p->last);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* What is squared in v; NULL when v is no square. */
static Value *squared_in(const Value *v)
{
    const Node *n = maker_of(v, OP_Pow);
    if (n)
        return is_scalar(n->in[1], 2) ? n->in[0] : NULL;
    n = maker_of(v, OP_Mul);
    return n && same_value(n->in[0], n->in[1]) ? n->in[0] : NULL;
}

/* x when v is x - ReduceMean(x) over the axes from `first` on. */
static Value *centred_from(Norm *p, Value *v, int first)
{
    Node *difference = maker_of(v, OP_Sub), *mean = difference ? maker_of(difference->in[1], OP_ReduceMean) : NULL;
    if (!mean || !same_value(mean->in[0], difference->in[0]) || trailing_axes(mean) != first)
        return NULL;
    match_add(&p->match, mean);
    match_add(&p->match, difference);
    return difference->in[0];
}

/* The ReduceMean under a root, past the epsilon; NULL when there is none: not the root of a norm. */
static Node *mean_under(const Node *root, double *epsilon)
{
    Node *add = maker_of(root->in[0], OP_Add);
    *epsilon = 0;
    for (int k = 0; add && k < 2; k++)
        if (scalar_of(add->in[k], epsilon))
            return maker_of(add->in[1 - k], OP_ReduceMean);
    return maker_of(root->in[0], OP_ReduceMean);
}

/* Up from the root: epsilon, mean of squares, what is squared. */
static bool match_spread(Norm *p, Node *root, Node *mean, Value **base)
{
    if (root->in[0] != mean->out[0])
        match_add(&p->match, root->in[0]->def);
    match_add(&p->match, mean);
    *base = squared_in(mean->in[0]);
    if (!*base)
        return match_broke(&p->match, "%s takes the mean of what is no square", node_text(mean));
    match_add(&p->match, mean->in[0]->def);
    p->first = trailing_axes(mean);
    p->end = mean->in[0]->shape.rank;
    if (p->first < 0)
        return match_broke(&p->match, "%s is not over the last axes", node_text(mean));
    p->x = centred_from(p, *base, p->first);
    p->centred = p->x != NULL;
    p->kind = p->centred ? "LayerNorm" : "RMSNorm";
    if (!p->centred)
        p->x = *base;
    return true;
}

/* Is v what the mean of squares was taken of, perhaps computed again? */
static bool is_base(Norm *p, Value *v, const Value *base)
{
    return same_value(v, base) || (p->centred && v->def != base->def && centred_from(p, v, p->first) == p->x);
}

/* The reader of v, which must be the next node of the pattern: v is 1 / Sqrt when `inverse`. */
static bool match_quotient(Norm *p, Value *v, bool inverse, const Value *base)
{
    Node *n = only_reader(v);
    if (!n)
        return why_not_read_once(&p->match, v);
    advance(p, n);
    Value *other = other_operand(n, v);
    bool turns = n->op == OP_Reciprocal || (n->op == OP_Div && other == n->in[0] && is_scalar(other, 1));
    if (!inverse && turns)
        return match_quotient(p, n->out[0], true, base);
    if (n->op == OP_Mul && inverse && !p->scale && varies_along(other, &base->shape, p->first, p->end)) {
        p->scale = other;
        return match_quotient(p, n->out[0], true, base);
    }
    bool divides = inverse ? n->op == OP_Mul : n->op == OP_Div && other == n->in[0];
    if (!divides || !other || !is_base(p, other, base) || !shape_equal(&n->out[0]->shape, &base->shape))
        return match_broke(&p->match, "%s does not divide %s by the root", node_text(n), value_text(base));
    return true;
}

/* Rows of axis 2 may be channels, with a scale for each, or groups of them: behind a Reshape, and with one back and a
 * scale for each channel. */
static bool rows_are_channels(const Norm *p)
{
    const Node *n = only_reader(p->y);
    return n && n->op == OP_Mul && varies_along(other_operand(n, p->y), &p->y->shape, 1, 2);
}

static bool rows_are_groups(Norm *p)
{
    return is_reshape(p->x->def) && match_groups(p, NULL, p->x) && rows_are_channels(p);
}

static void sort_rows(Norm *p)
{
    Norm rows = *p;
    if (!p->centred || p->first != 2)
        return;
    if (rows_are_groups(p)) {
        p->kind = "GroupNorm";
        return;
    }
    *p = rows;
    if (rows_are_channels(p)) {
        p->groups = p->y->shape.dim[1];
        p->first = 1;
        p->end = 2;
    }
}

static bool match_rows(Norm *p, Node *root)
{
    Value *base;
    Node *mean = mean_under(root, &p->epsilon);
    p->kind = "RMSNorm";
    match_add(&p->match, root);
    if (!match_spread(p, root, mean, &base) ||
        !match_quotient(p, root->out[0], root->op == OP_Pow && !is_scalar(root->in[1], 0.5), base))
        return false;
    sort_rows(p);
    take_in_what_follows(p);
    return match_closed(&p->match, p->last);
}

/* ---- anchors ----------------------------------------------------------------------------------------------------- */

static bool is_root_of_mean(const Node *n)
{
    double epsilon;
    bool root = n->op == OP_Sqrt || (n->op == OP_Pow && (is_scalar(n->in[1], 0.5) || is_scalar(n->in[1], -0.5)));
    return root && mean_under(n, &epsilon);
}

static void recognise(Node *n)
{
    Norm p = {.x = NULL};
    const Value *narrow = n->op == OP_InstanceNormalization ? widened_from(n->in[0]) : NULL;
    bool instance = n->op == OP_InstanceNormalization && is_reshape((narrow ? narrow : n->in[0])->def);
    if (n->n_out < 1 || !value_is_read(n->out[0]) || n->out[0]->constant || (!instance && !is_root_of_mean(n)))
        return;
    if (!(instance ? match_instance(&p, n) : match_rows(&p, n)))
        candidate_missed(n, p.kind, "%s", p.match.why);
    else if (value_is_read(p.y))
        replace(&p);
}

void pass_norm(Graph *g)
{
    graph_rewrite(g, recognise);
}
