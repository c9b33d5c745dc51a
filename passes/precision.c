/* precision: f32 values and weights become bf16 or f16, where --dtype asks for it.
 *
 *   needs:   static shapes, folded constants, everything recognised; before fuse, so that casts join their neighbours
 *   leaves:  products with weights of the narrow type, whose results are narrow, and so is what is computed from those.
 *            f32 may stand beside it in products and elementwise nodes (need_mixable): kernels load each operand in its
 *            own type and sum in f32.  Casts to f32 stand where a result must be wide
 *   keeps:   inputs, outputs and their types; every result but for rounding
 *
 * Narrow comes from products and from the tables of Gather, and spreads forward.  So what depends on time steps alone
 * stays f32 up to the first product without a rule of its own.  Weights become Casts of constants: recipes, which are
 * evaluated when they are packed.  The exceptions are listed in `rules`.
 *
 * The layers of a text encoder all add to one sum: each rounding of it stays in it, and together these cost as much as
 * all others.  It has few rows and is computed once a prompt, so the sum is f32, and so is what norms make of it until a
 * product reads that.  The sums of a denoiser's or an image encoder's tokens, of many rows or at each step, are narrow. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "decompose.h"
#include "match.h"

enum { SMALL = 65536 };             /* elements of a constant, besides weights, that stays as it is */

typedef enum { UNTOUCHED, CONSTANT, OPERATOR, RANGE, SUM, CHOICE, CAPTURED, OUTPUT, RULES } Rule;

static const struct { const char *what, *why; } rules[RULES] = {
    [UNTOUCHED] = {"results before the first product", "time steps, positions and masks need their digits"},
    [CONSTANT] = {"small constants", "biases, and scales and shifts of norms, are added and multiplied in f32"},
    [OPERATOR] = {"results of other operators", "reductions and what has no narrow kernel"},
    [CHOICE] = {"results that an index is chosen by", "a code or token that is another one is no rounding error"},
    [RANGE] = {"sums before an RMSNorm", "T5's exceed the range of f16"},
    [SUM] = {"sums that begin with rows of a table", "all layers of a text encoder add to them; roundings add up"},
    [CAPTURED] = {"values that loops and branches read", "their bodies stay as they are"},
    [OUTPUT] = {"outputs", "a model keeps its interface"},
};

typedef enum { WIDE, FOLLOWS, JOINS, MULTIPLIES, LOOKS_UP } Kind;

/* FOLLOWS: the type of input 0 is that of the result.  JOINS: all inputs have the result's.  MULTIPLIES: input 1 is a
 * weight.  LOOKS_UP: input 0 may be a table.  Not listed: elementwise nodes, which are narrow where an operand is, and
 * operators that read and give f32. */
static const struct { Op op; Kind kind; } kinds[] = {
    {OP_Conv, MULTIPLIES}, {OP_ConvTranspose, MULTIPLIES}, {OP_MatMul, MULTIPLIES}, {OP_Gemm, MULTIPLIES},
    {OP_Gather, LOOKS_UP}, {OP_Concat, JOINS}, {OP_Pad, JOINS}, {OP_Attention, FOLLOWS}, {OP_Softmax, FOLLOWS},
    {OP_GroupNormalization, FOLLOWS}, {OP_InstanceNormalization, FOLLOWS}, {OP_LayerNormalization, FOLLOWS},
    {OP_RMSNormalization, FOLLOWS}, {OP_Identity, FOLLOWS}, {OP_Reshape, FOLLOWS}, {OP_Flatten, FOLLOWS},
    {OP_Squeeze, FOLLOWS}, {OP_Unsqueeze, FOLLOWS}, {OP_Transpose, FOLLOWS}, {OP_Expand, FOLLOWS}, {OP_Split, FOLLOWS},
    {OP_Slice, FOLLOWS}, {OP_Tile, FOLLOWS}, {OP_DepthToSpace, FOLLOWS}, {OP_SpaceToDepth, FOLLOWS},
    {OP_Resize, FOLLOWS}, {OP_Cast, FOLLOWS},
};

typedef struct {
    DType type;
    Value **cast[2];                /* by id: v in the narrow type, and in f32 */
    bool *narrowed;                 /* by id: what the model itself has of the type is none of ours */
    bool *counted;                  /* by id: constants */
    bool *stream;                   /* by id: a table's rows and what is made of them, up to the next product */
    bool *chooses;                  /* by id: an ArgMin, ArgMax or TopK decides by it */
    int count[RULES];
} Precision;

static bool is_narrow(const Precision *p, const Value *v)
{
    return v && p->narrowed[v->id];
}

/* v, of f32 or the narrow type, as the other one, made once. */
static Value *cast_of(Precision *p, Node *at, Value *v, DType type)
{
    Value **known = &p->cast[type == DT_F32][v->id];
    if (!*known)
        *known = make_cast(at, v, type);
    p->narrowed[(*known)->id] = type != DT_F32;
    return *known;
}

static void make_narrow(Precision *p, Node *n, int k)
{
    Value *v = input_of(n, k);
    if (v && v->dtype == DT_F32)
        node_set_input(n, k, cast_of(p, n, v, p->type));
}

static void make_wide(Precision *p, Node *n)
{
    for (int k = 0; k < n->n_in; k++)
        if (is_narrow(p, n->in[k]))
            node_set_input(n, k, cast_of(p, n, n->in[k], DT_F32));
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static Kind kind_of(const Node *n)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (kinds[k].op == n->op)
            return kinds[k].kind;
    return float_meaning(n) && strcmp(float_meaning(n), "NONE") ? FOLLOWS : WIDE;
}

static bool is_normalized(const Value *v, Op norm)
{
    for (int k = 0; k < v->n_uses; k++)
        if (v->uses[k]->op == norm && v->uses[k]->in[0] == v)
            return true;
    return false;
}

/* Does n add to what layers sum up, so that it stays f32?  RULES: no. */
static Rule wide_sum(const Precision *p, const Node *n)
{
    if (n->op != OP_Add || n->in[0]->constant || n->in[1]->constant)
        return RULES;
    const bool root = is_normalized(n->out[0], OP_RMSNormalization);
    if (root && p->type == DT_F16)
        return RANGE;
    const bool begins_with_rows = p->stream[n->in[0]->id] || p->stream[n->in[1]->id];
    return begins_with_rows && (root || is_normalized(n->out[0], OP_LayerNormalization)) ? SUM : RULES;
}

static bool in_stream(const Precision *p, const Node *n, Kind kind)
{
    bool any = kind == LOOKS_UP && n->in[0]->constant;
    for (int k = 0; k < n->n_in; k++)
        any |= n->in[k] && p->stream[n->in[k]->id];
    return any && kind != WIDE && kind != MULTIPLIES && n->op != OP_Attention;
}

/* From the operators that choose back to the nearest products, which are then computed from f32. */
static void find_choices(Precision *p, const Graph *g)
{
    for (const Node *n = g->last; n; n = n->prev) {
        const Kind kind = kind_of(n);
        bool chooses = n->op == OP_ArgMin || n->op == OP_ArgMax || n->op == OP_TopK;
        bool passes = output_of(n, 0) && p->chooses[n->out[0]->id] && kind != MULTIPLIES && kind != LOOKS_UP;
        for (int k = 0; k < n->n_in && (chooses || passes); k++)
            if (n->in[k])
                p->chooses[n->in[k]->id] = true;
    }
}

static bool any_narrow(const Precision *p, const Node *n)
{
    bool any = false;
    for (int k = 0; k < n->n_in; k++)
        any |= is_narrow(p, n->in[k]);
    return any;
}

/* What a norm makes of a wide sum. */
static bool is_norm_of_sum(const Precision *p, const Value *v)
{
    const Node *n = v->def;
    return n && p->stream[v->id] && (n->op == OP_LayerNormalization || n->op == OP_RMSNormalization);
}

/* The operands that n shall read in the narrow type. */
static void narrow_operands(Precision *p, Node *n, Kind kind)
{
    bool elementwise = op_info(n->op)->float_meaning != NULL, some = any_narrow(p, n);
    for (int k = 0; k < n->n_in; k++) {
        const Value *v = n->in[k];
        bool large = v && v->constant && shape_count(&v->shape) > SMALL;
        bool factor = kind == MULTIPLIES && v && k < 2 && (v->constant || is_norm_of_sum(p, v));
        if (factor || (kind == JOINS && some) || (large && (elementwise || (kind == LOOKS_UP && k == 0))))
            make_narrow(p, n, k);
    }
}

static void count_wide(Precision *p, const Node *n, Rule rule)
{
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && n->out[k]->dtype == DT_F32)
            p->count[rule]++;
    for (int k = 0; k < n->n_in; k++) {
        const Value *v = n->in[k];
        if (!v || !v->constant || v->dtype != DT_F32 || p->counted[v->id])
            continue;
        p->counted[v->id] = true;
        p->count[CONSTANT]++;
    }
}

static void infer_results(Precision *p, Node *n)
{
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            p->narrowed[n->out[k]->id] = n->out[k]->dtype == DT_F32;
    infer_node(n);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            p->narrowed[n->out[k]->id] &= n->out[k]->dtype == p->type;
}

static void visit(Precision *p, Node *n)
{
    const Kind kind = kind_of(n);
    const Rule sum = wide_sum(p, n);
    const bool choice = output_of(n, 0) && p->chooses[n->out[0]->id], stream = in_stream(p, n, kind);
    if (sum != RULES || choice || kind == WIDE)
        make_wide(p, n);
    else
        narrow_operands(p, n, kind);
    if (kind != WIDE)
        infer_results(p, n);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            p->stream[n->out[k]->id] = stream;
    count_wide(p, n, sum != RULES ? sum : choice ? CHOICE : kind == WIDE ? OPERATOR : UNTOUCHED);
}

/* ---- the edges --------------------------------------------------------------------------------------------------- */

/* What subgraphs capture, and what is an output, is f32 as it was. */
static void widen_edges(Precision *p, Graph *g, Value *v)
{
    Node *behind = v->def->next;
    for (int k = 0; k < v->n_uses; k++) {
        Node *reader = v->uses[k];
        if (reader->graph == g)
            continue;
        for (int j = 0; j < reader->n_in; j++)
            if (reader->in[j] == v)
                node_set_input(reader, j, cast_of(p, behind, v, DT_F32));
        p->count[CAPTURED]++;
        k = -1;                                     /* the uses changed */
    }
    for (int k = 0; k < g->n_outputs; k++) {
        if (g->outputs[k] != v)
            continue;
        cast_output(g, k, DT_F32);
        p->count[OUTPUT]++;
    }
}

/* One image in, images out, convolutions between: an autoencoder, whose decoder leaves the range of f16. */
static bool is_autoencoder(const Graph *g)
{
    bool convolves = false, images = g->n_inputs == 1 && g->inputs[0]->shape.rank == 4;
    for (int k = 0; k < g->n_outputs; k++)
        images &= g->outputs[k]->shape.rank == 4;
    for (const Node *n = g->first; n; n = n->next)
        convolves |= n->op == OP_Conv;
    return images && convolves;
}

void pass_precision(Graph *g)
{
    Model *m = g->model;
    if (!dtype_is_half(m->dtype))
        return;
    enum { GROWTH = 4 };                            /* of each value one narrow cast, and of both one to f32 */
    Precision p = {.type = m->dtype == DT_F16 && is_autoencoder(g) ? DT_BF16 : m->dtype};
    const int64_t room = (int64_t)m->next_value * GROWTH + 1;
    p.cast[0] = alloc_array(room, sizeof **p.cast);
    p.cast[1] = alloc_array(room, sizeof **p.cast);
    p.narrowed = alloc_array(room, sizeof *p.narrowed);
    p.counted = alloc_array(room, sizeof *p.counted);
    p.stream = alloc_array(room, sizeof *p.stream);
    p.chooses = alloc_array(room, sizeof *p.chooses);
    find_choices(&p, g);
    for (Node *n = g->first; n; n = n->next) {
        bool constant = n->n_out > 0;
        for (int k = 0; k < n->n_out; k++)
            constant &= !n->out[k] || n->out[k]->constant;
        if (!constant)
            visit(&p, n);
    }
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (int k = 0; k < n->n_out; k++)
            if (is_narrow(&p, n->out[k]) && !n->out[k]->constant)
                widen_edges(&p, g, n->out[k]);
    }
    graph_sweep(g);
    m->wide = alloc_array(RULES, sizeof *m->wide);
    memcpy(m->wide, p.count, sizeof p.count);
    m->dtype = p.type;
}

void precision_report(FILE *out, const Graph *g)
{
    const Model *m = g->model;
    if (!m->wide)
        return;
    fprintf(out, "  %s%s; what stays f32:\n", dtype_info(m->dtype)->name,
            is_autoencoder(g) ? ", for an autoencoder's range also where f16 was asked" : "");
    for (int k = 0; k < RULES; k++)
        if (m->wide[k])
            fprintf(out, "  %6d %s: %s\n", m->wide[k], rules[k].what, rules[k].why);
}
