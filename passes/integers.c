/* integers: products and convolutions of 8-bit integers, where --dtype int8 asks for it and a calibration tells the range.
 *
 *      y = MatMul(x, w)
 *      becomes   y = MatMul(ActivationCode(x) factor=f, QuantizedWeight(w / f))
 *
 *   needs:   static shapes, folded constants, products as they will be; Model.calibration; before quantise and precision
 *   leaves:  ActivationCode on what such a node multiplies: whole numbers up to 127, exact in each floating type, which
 *            kernels keep in 8 bits and fuse like any elementwise node; its weights are codes with a scale for each
 *            column, which holds what a code of x stands for
 *   keeps:   types, shapes, and every result but for the rounding of x and w
 *
 * Left alone: what few rows are multiplied by, since reading the weights is the work; a depth of less than a tile; the
 * products nearest to inputs and outputs, whose errors nothing averages; the shortcuts of convolutions, which the kernel
 * of these adds; products of two activations. */
#include "../ir/resize.h"
#include "decompose.h"
#include "integers.h"
#include "match.h"

enum { SMALLEST = 4096, FEW_ROWS = 32, SHORT = 32 };    /* elements of the weights; rows of a matrix; depths */

static bool is_movement(const Node *n)
{
    static const Op ops[] = {OP_Reshape, OP_Transpose, OP_Squeeze, OP_Unsqueeze, OP_Flatten, OP_Cast, OP_Slice, OP_Concat,
                             OP_DepthToSpace, OP_Identity};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        if (n->op == ops[k])
            return true;
    return op_info(n->op)->elementwise;
}

/* Is v an input, or moved or computed element by element from inputs alone? */
static bool is_near_input(const Value *v)
{
    while (v->def && is_movement(v->def))
        v = v->def->in[0]->constant && v->def->n_in > 1 ? v->def->in[1] : v->def->in[0];
    return !v->def && !v->constant;
}

static bool is_near_output(const Value *v)
{
    while (!v->graph_output && v->n_uses == 1 && is_movement(v->uses[0]))
        v = v->uses[0]->out[0];
    return v->graph_output;
}

static bool is_point(const Node *conv)
{
    const Shape *w = &conv->in[1]->shape;
    int64_t taps = 1;
    for (int k = 2; k < w->rank; k++)
        taps *= w->dim[k];
    return taps == 1;
}

/* A 1x1 convolution that is added to another one. */
static bool is_shortcut(const Node *n)
{
    const Node *sum = only_reader(n->out[0]);
    if (!is_point(n) || !sum || sum->op != OP_Add)
        return false;
    const Value *other = other_operand(sum, n->out[0]);
    return other && other->def && other->def->op == OP_Conv;
}

static bool takes_integers(const Node *n)
{
    const Shape *x = &n->in[0]->shape, *w = n->n_in > 1 && n->in[1] ? &n->in[1]->shape : NULL;
    if (n->op == OP_Conv)
        return (x->rank == 3 || x->rank == 4) && attr_i(n, "group") == 1 && w->dim[1] > SHORT && !is_shortcut(n);
    if (n->op == OP_Gemm && (attr_i(n, "transA") || attr_f(n, "alpha") != 1))
        return false;
    return (n->op == OP_MatMul || n->op == OP_Gemm) && x->rank > 1 && w->rank == 2 && x->dim[x->rank - 1] > SHORT &&
           x->dim[x->rank - 2] >= FEW_ROWS;
}

static bool is_candidate(const Node *n)
{
    return takes_integers(n) && n->in[1]->constant && !n->in[0]->constant && n->in[0]->dtype == DT_F32 &&
           n->in[1]->dtype == DT_F32 && shape_count(&n->in[1]->shape) >= SMALLEST && !is_near_input(n->in[0]) &&
           !is_near_output(n->out[0]);
}

int integer_products(Graph *g, IntegerProduct **list)
{
    int count = 0, *turns = alloc_array(g->model->next_value, sizeof *turns);
    *list = alloc_array(g->model->next_node, sizeof **list);
    for (Node *n = g->first; n; n = n->next) {
        if (!is_candidate(n))
            continue;
        const Value *root = n->in[1];
        while (root->def)
            root = root->def->in[0];
        (*list)[count++] = (IntegerProduct){n, root->id, turns[root->id]++};
    }
    return count;
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

/* 0: not measured, or no codes stand for it well. */
static double factor_of(const Calibration *c, const IntegerProduct *p)
{
    for (int k = 0; k < c->count; k++)
        if (c->list[k].weight == p->weight && c->list[k].turn == p->turn)
            return c->list[k].factor;
    return 0;
}

/* The codes of x, made once where several nodes multiply it. */
static Value *codes_of(Node *at, Value *x, double factor)
{
    for (int k = 0; k < x->n_uses; k++)
        if (x->uses[k]->op == OP_ActivationCode && x->uses[k]->graph == at->graph && attr_f(x->uses[k], "factor") == factor)
            return x->uses[k]->out[0];
    Node *n = begun(at, OP_ActivationCode, 1, &x);
    attr_set_f(n, "factor", factor);
    return finished(n);
}

/* Pixels that a Resize repeats are codes before it, so that the convolution can still do the repeating. */
static void multiply_codes(Node *n, double factor)
{
    int64_t times[MAX_RANK];
    Node *resize = maker_of(n->in[0], OP_Resize);
    if (resize && (n->in[0]->n_uses > 1 || n->in[0]->graph_output || !resize_repeats(resize, times)))
        resize = NULL;
    Node *at = resize ? resize : n;
    node_set_input(at, 0, codes_of(at, at->in[0], factor));
}

/* A convolution's weights as a matrix of columns side by side, since a scale belongs to all that is summed for one. */
static Value *stored(Node *n, double factor)
{
    Value *w = make2(n, OP_Mul, n->in[1], make_scalar(n, DT_F32, 1 / factor));
    const Shape whole = w->shape;
    if (n->op == OP_Conv)
        w = make_reshape(n, w, 2, (int64_t[]){whole.dim[0], shape_count(&whole) / whole.dim[0]});
    Node *q = begun(n, OP_QuantizedWeight, 1, &w);
    attr_set_i(q, "bits", 8);
    attr_set_i(q, "axis", n->op == OP_Conv || (n->op == OP_Gemm && attr_i(n, "transB")) ? 1 : 0);
    q->name = n->name;
    w = finished(q);
    return n->op == OP_Conv ? make_reshape(n, w, whole.rank, whole.dim) : w;
}

void pass_integers(Graph *g)
{
    Model *m = g->model;
    if (!m->calibration)
        return;
    IntegerProduct *list;
    const int count = integer_products(g, &list);
    for (int k = 0; k < count; k++) {
        Node *n = list[k].node;
        const double factor = factor_of(m->calibration, &list[k]);
        m->in_integers[factor > 0]++;
        if (!(factor > 0))
            continue;
        node_set_input(n, 1, stored(n, factor));
        multiply_codes(n, factor);
    }
}

void integers_report(FILE *out, const Graph *g)
{
    const Model *m = g->model;
    if (m->calibration)
        fprintf(out, "  int8: %d products and convolutions of 8-bit integers%s\n", m->in_integers[1],
                m->in_integers[0] ? text_format("; %d more stay bf16, whose ranges were not measured or are too wide", m->in_integers[0]) : "");
}
