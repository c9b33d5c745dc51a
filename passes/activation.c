/* activation: every spelling of an activation becomes one node.
 *
 *   needs:   inferred shapes, folded constants, no chains that are one node
 *   spells:  a row of the table below: a function of a polynomial in x, times x and constants in any order
 *   leaves:  Swish, Gelu, GeluTanh, Mish, HardSwish
 *
 * Polynomials are worked out from Mul, Div, Add, Sub, Neg and Pow with scalar constants, so it does not matter how
 * x + 0.044715 x^3 is written.  Results may differ by rounding. */
#include <math.h>
#include <string.h>

#include "decompose.h"
#include "match.h"

enum { TERMS = 4 };                                 /* 1, x, x^2, x^3 */

#define ROOT_2_OVER_PI 0.79788456080286535588

/* factor * x * (one + behind(of(polynomial))); ANY: Swish's alpha. */
#define ANY INFINITY
static const struct Form {
    const char *kind;
    Op of, behind;                                  /* behind: OP_NONE when there is no second function */
    bool one;
    double factor, polynomial[TERMS];
    Op is;
} forms[] = {
    {"SiLU", OP_Sigmoid, OP_NONE, false, 1, {0, ANY}, OP_Swish},
    {"GELU", OP_Sigmoid, OP_NONE, false, 1, {0, 2 * ROOT_2_OVER_PI, 0, 2 * ROOT_2_OVER_PI * 0.044715}, OP_GeluTanh},
    {"GELU", OP_Erf, OP_NONE, true, 0.5, {0, M_SQRT1_2}, OP_Gelu},
    {"GELU", OP_Tanh, OP_NONE, true, 0.5, {0, ROOT_2_OVER_PI, 0, ROOT_2_OVER_PI * 0.044715}, OP_GeluTanh},
    {"Mish", OP_Softplus, OP_Tanh, false, 1, {0, 1}, OP_Mish},
    {"HardSwish", OP_HardSigmoid, OP_NONE, false, 1, {0, 1}, OP_HardSwish},
    {"HardSwish", OP_Clip, OP_NONE, false, 1.0 / 6, {3, 1}, OP_HardSwish},
};

typedef struct {
    Match match;
    const struct Form *form;
    Value *argument, *x, *y;                        /* y: the product so far */
    Node *last;
    double alpha;
} Activation;

/* ---- polynomials ------------------------------------------------------------------------------------------------- */

static bool multiply(const double *a, const double *b, double *product)
{
    double sum[2 * TERMS] = {0};
    for (int i = 0; i < TERMS; i++)
        for (int j = 0; j < TERMS; j++)
            sum[i + j] += a[i] * b[j];
    for (int k = TERMS; k < 2 * TERMS; k++)
        if (sum[k] != 0)
            return false;
    memcpy(product, sum, TERMS * sizeof *product);
    return true;
}

/* The value of op on polynomials a and b, into a. */
static bool combine(Op op, double *a, const double *b)
{
    bool constant = b[1] == 0 && b[2] == 0 && b[3] == 0;
    double x[TERMS];
    memcpy(x, a, sizeof x);
    for (int k = 0; k < TERMS; k++)
        a[k] = op == OP_Add ? a[k] + b[k] : op == OP_Sub ? a[k] - b[k] : op == OP_Neg ? -a[k] : a[k] / b[0];
    if (op == OP_Mul)
        return multiply(x, b, a);
    if (op == OP_Div)
        return constant && b[0] != 0;
    if (op == OP_Pow) {
        memcpy(a, x, sizeof x);
        return constant && (b[0] == 2 || b[0] == 3) && multiply(a, x, a) && (b[0] == 2 || multiply(a, x, a));
    }
    return true;
}

/* v as a polynomial in x; its nodes are added to the group. */
static bool polynomial_of(Match *m, const Value *v, const Value *x, int depth, double *terms)
{
    static const Op ops[] = {OP_Add, OP_Sub, OP_Mul, OP_Div, OP_Pow, OP_Neg};
    double second[TERMS] = {0};
    Node *n = v->def;
    size_t k = 0;
    memset(terms, 0, sizeof second);
    if (v == x)
        terms[1] = 1;
    if (v == x || scalar_of(v, terms))
        return true;
    while (n && k < sizeof ops / sizeof *ops && ops[k] != n->op)
        k++;
    if (!n || !depth || k == sizeof ops / sizeof *ops || !polynomial_of(m, n->in[0], x, depth - 1, terms))
        return false;
    if (n->n_in > 1 && !polynomial_of(m, n->in[1], x, depth - 1, second))
        return false;
    return match_add(m, n) && combine(n->op, terms, second);
}

/* Is the argument the form's polynomial in x? */
static bool argument_is(Activation *a, Value *x)
{
    enum { DEPTH = 8 };
    double terms[TERMS];
    Match before = a->match;
    bool same = polynomial_of(&a->match, a->argument, x, DEPTH, terms);
    for (int k = 0; same && k < TERMS; k++) {
        double wanted = a->form->polynomial[k];
        same = wanted == ANY ? isfinite(terms[k]) && terms[k] != 0 : nearly(terms[k], wanted, x->dtype);
    }
    if (same) {
        a->x = x;
        a->alpha = terms[1];
    } else {
        a->match = before;
    }
    return same;
}

/* ---- the product ------------------------------------------------------------------------------------------------- */

static void advance(Activation *a, Node *n)
{
    match_add(&a->match, n);
    a->last = n;
    a->y = n->out[0];
}

/* v is x, or x times a constant, which goes into the factor. */
static bool takes_x(Activation *a, Value *v, double *factor)
{
    if (argument_is(a, v))
        return true;
    Node *n = v->def;
    double c;
    for (int k = 0; n && k < 2 && (n->op == OP_Mul || n->op == OP_Div); k++)
        if ((k == 1 || n->op == OP_Mul) && scalar_of(n->in[k], &c) && argument_is(a, n->in[1 - k])) {
            *factor *= n->op == OP_Mul ? c : 1 / c;
            return match_add(&a->match, n);
        }
    return false;
}

/* The next node of the product. */
static bool multiplies(Activation *a, Node *n, double *factor)
{
    double c;
    Value *other = n->op == OP_Mul || (n->op == OP_Div && n->in[0] == a->y) ? other_operand(n, a->y) : NULL;
    bool constant = other && scalar_of(other, &c);
    if (!other || (a->x && !constant))
        return match_broke(&a->match, "%s is no Mul by %s", node_text(n), a->x ? "a constant" : "the argument");
    if (constant)
        *factor *= n->op == OP_Mul ? c : 1 / c;
    else if (n->op == OP_Div || !takes_x(a, other, factor))
        return match_broke(&a->match, "%s multiplies by %s, of which %s is not the argument", node_text(n),
                           value_text(other), value_text(a->argument));
    advance(a, n);
    return true;
}

static bool match_product(Activation *a)
{
    enum { MOST_FACTORS = 4 };
    double factor = 1;
    for (int k = 0; k < MOST_FACTORS && !(a->x && nearly(factor, a->form->factor, a->y->dtype)); k++) {
        Node *n = only_reader(a->y);
        if (!n)
            return why_not_read_once(&a->match, a->y);
        if (!multiplies(a, n, &factor))
            return false;
    }
    if (!a->x || !nearly(factor, a->form->factor, a->y->dtype))
        return match_broke(&a->match, "%s multiplies by %g, not by %g", node_text(a->last), factor, a->form->factor);
    return true;
}

/* ---- anchors ----------------------------------------------------------------------------------------------------- */

/* A reader of v, perhaps one of several. */
static Node *reader_of(const Value *v, Op op)
{
    for (int k = 0; k < v->n_uses; k++)
        if (v->uses[k]->op == op && v->uses[k]->graph == v->graph && value_is_read(v->uses[k]->out[0]))
            return v->uses[k];
    return NULL;
}

static bool adds_one(const Node *n, const Value *v)
{
    return n && n->op == OP_Add && is_scalar(other_operand(n, v), 1);
}

/* Does n begin like the form?  Every Erf does; the others stand in many places. */
static bool begins(const struct Form *f, const Node *n)
{
    double low = 0, high = 6;
    const Value *v = n->out[0];
    if (n->op != f->of || v->constant || !value_is_read(v))
        return false;
    if (n->op == OP_HardSigmoid && (!nearly(attr_f(n, "alpha"), 1.0 / 6, DT_F32) || attr_f(n, "beta") != 0.5))
        return false;
    if (n->op == OP_Clip && !(scalar_of(n->in[1], &low) && scalar_of(n->in[2], &high) && low == 0 && high == 6))
        return false;
    if (f->behind != OP_NONE)
        return reader_of(v, f->behind) != NULL;
    if (f->one)
        return n->op == OP_Erf || adds_one(reader_of(v, OP_Add), v);
    return reader_of(v, OP_Mul) || reader_of(v, OP_Div);
}

/* From the anchor to the function's value, of which the product is taken. */
static bool match_function(Activation *a, Node *n)
{
    a->argument = n->in[0];
    advance(a, n);
    for (int step = 0; step < 2; step++) {
        if (step ? !a->form->one : a->form->behind == OP_NONE)
            continue;
        if (!(n = only_reader(a->y)))
            return why_not_read_once(&a->match, a->y);
        if (step ? !adds_one(n, a->y) : n->op != a->form->behind)
            return match_broke(&a->match, "%s is no %s", node_text(n),
                               step ? "Add of 1" : op_info(a->form->behind)->name);
        advance(a, n);
    }
    return true;
}

static bool matches(Activation *a, Node *n)
{
    if (!match_function(a, n) || !match_product(a) || !match_closed(&a->match, a->last))
        return false;
    if (a->x->dtype != a->y->dtype || !shape_equal(&a->x->shape, &a->y->shape))
        return match_broke(&a->match, "%s has another shape than %s", node_text(a->last), value_text(a->x));
    return true;
}

static void replace(Activation *a)
{
    Node *n = begun(a->last, a->form->is, 1, &a->x);
    if (n->op == OP_Swish)
        attr_set_f(n, "alpha", a->alpha);
    finished(n)->name = a->y->name;
    value_replace(a->y, n->out[0]);
    candidate_became(n, a->form->kind, "%s of %s", op_info(n->op)->name, shape_text(&a->x->shape));
}

static void recognise(Node *n)
{
    Activation first = {.form = NULL};
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        Activation a = {.form = &forms[k]};
        if (!begins(&forms[k], n))
            continue;
        if (matches(&a, n)) {
            replace(&a);
            return;
        }
        if (!first.form)
            first = a;
    }
    if (first.form)
        candidate_missed(n, first.form->kind, "%s", first.match.why);
}

void pass_activation(Graph *g)
{
    graph_rewrite(g, recognise);
}
