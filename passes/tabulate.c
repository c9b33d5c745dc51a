/* tabulate.c: for each operator, how one node computes the results of a whole block of timesteps.
 *
 * A table of v has the timesteps as one more axis, in front: [rows, d0, d1, ...], and each row holds exactly what the
 * node would have made of that timestep.  Axes are counted from the end, so that the new one changes no attribute; what
 * broadcasts gets axes of 1 behind it; operands that do not vary are read as they are.  A Gemm has no batch axes: its
 * rows are those of all timesteps, [rows * d0, d1], and elementwise nodes behind it keep to that form, so that they can
 * be done in its epilogue.  One row of `rules` an operator; what has none stays in the step. */
#include "tabulate.h"

#include <string.h>

#include "decompose.h"

typedef bool Fits(const Tables *t, const Node *n);
typedef void Build(Tables *t, Node *n);

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static bool varies(const Tables *t, const Value *v)
{
    return v && t->varies[v->id];
}

/* In front of what follows v's table: beside v's own node, which still stands there, so that all readers come later. */
static Node *place(const Tables *t, const Value *v)
{
    return v->def ? v->def : t->full[v->id]->def->next;
}

Value *full_table(Tables *t, const Value *v)
{
    int64_t dim[MAX_RANK] = {t->rows};
    memcpy(dim + 1, v->shape.dim, (size_t)v->shape.rank * sizeof *dim);
    if (!t->full[v->id])
        t->full[v->id] = make_reshape(place(t, v), t->merged[v->id], v->shape.rank + 1, dim);
    return t->full[v->id];
}

static Value *merged_table(Tables *t, const Value *v)
{
    int64_t dim[MAX_RANK];
    memcpy(dim, v->shape.dim, sizeof dim);
    dim[0] *= t->rows;
    if (!t->merged[v->id])
        t->merged[v->id] = make_reshape(place(t, v), t->full[v->id], v->shape.rank, dim);
    return t->merged[v->id];
}

/* With axes of 1 behind the timesteps, so that the others broadcast to rank axes as they did. */
static Value *table_of_rank(Tables *t, const Value *v, int rank)
{
    int64_t dim[MAX_RANK];
    int more = rank - v->shape.rank;
    if (more == 0)
        return full_table(t, v);
    dim[0] = t->rows;
    for (int k = 0; k < rank; k++)
        dim[1 + k] = k < more ? 1 : v->shape.dim[k - more];
    return make_reshape(place(t, v), full_table(t, v), rank + 1, dim);
}

/* n's operands as they are, tables of those that vary in their place. */
static void operands(Tables *t, Node *n, Value **in)
{
    for (int k = 0; k < n->n_in; k++)
        in[k] = varies(t, n->in[k]) ? full_table(t, n->in[k]) : n->in[k];
}

/* n once more, in front of itself, on other operands. */
static Node *again(Node *n, Value *const *in)
{
    Node *copy = node_new(n->graph, n, n->op, n->n_in, in, n->n_out);
    copy->name = n->name;
    for (int k = 0; k < n->n_out; k++)
        if (!n->out[k])
            copy->out[k] = NULL;
    for (int k = 0; k < n->n_attrs; k++)
        attr_set(copy, n->attrs[k]);
    return copy;
}

static void ready(Value **tables, const Node *n, Node *copy)
{
    infer_node(copy);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            tables[n->out[k]->id] = copy->out[k];
}

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

/* Are all tables of n's operands best read as rows of one matrix, and do the others not care? */
static bool keeps_merged(const Tables *t, const Node *n)
{
    const Shape *y = &n->out[0]->shape;
    bool fits = y->rank > 0, any = false;
    for (int k = 0; k < n->n_in; k++) {
        const Value *v = n->in[k];
        if (!v)
            continue;
        if (varies(t, v)) {
            any |= t->merged[v->id] != NULL;
            fits &= v->shape.rank == y->rank && v->shape.dim[0] == y->dim[0];
        } else {
            fits &= v->shape.rank < y->rank || v->shape.dim[0] == 1;
        }
    }
    return fits && any;
}

static void build_elementwise(Tables *t, Node *n)
{
    Value **in = alloc_array(n->n_in, sizeof *in);
    bool merged = keeps_merged(t, n);
    int rank = n->out[0]->shape.rank;
    for (int k = 0; k < n->n_in; k++)
        in[k] = !varies(t, n->in[k]) ? n->in[k] : merged ? merged_table(t, n->in[k])
                                                         : table_of_rank(t, n->in[k], rank);
    ready(merged ? t->merged : t->full, n, again(n, in));
}

/* ---- what the fits have in common -------------------------------------------------------------------------------- */

static bool always(const Tables *t, const Node *n)
{
    (void)t, (void)n;
    return true;
}

/* Input 0 varies, the others do not, and there is one output. */
static bool data_alone(const Tables *t, const Node *n)
{
    bool alone = varies(t, n->in[0]) && !output_of(n, 1) && !output_of(n, 2);
    for (int k = 1; k < n->n_in; k++)
        alone &= !varies(t, n->in[k]);
    return alone;
}

/* Likewise, and input k, a list of axes, is there and known. */
static bool axes_known(const Tables *t, const Node *n, int k)
{
    return data_alone(t, n) && input_of(n, k) && is_constant(n->in[k]) && shape_count(&n->in[k]->shape) > 0;
}

static bool axes_in_1(const Tables *t, const Node *n) { return axes_known(t, n, 1); }
static bool axes_in_3(const Tables *t, const Node *n) { return axes_known(t, n, 3); }

/* A list of axes of a tensor of so many, counted from its end. */
static Value *from_the_end(Node *n, int k, int rank)
{
    int64_t axis[MAX_RANK];
    int count = ints_of(n, k, "axes", axis, MAX_RANK);
    for (int j = 0; j < count; j++)
        axis[j] = axis_of(n, axis[j], rank) - rank;
    return value_ints(n->graph, axis, count);
}

/* ---- movement ---------------------------------------------------------------------------------------------------- */

static void build_reshape(Tables *t, Node *n)
{
    const Shape *y = &n->out[0]->shape;
    int64_t dim[MAX_RANK] = {t->rows};
    memcpy(dim + 1, y->dim, (size_t)y->rank * sizeof *dim);
    t->full[n->out[0]->id] = make_reshape(n, full_table(t, n->in[0]), y->rank + 1, dim);
}

static void build_expand(Tables *t, Node *n)
{
    const Shape *y = &n->out[0]->shape;
    int64_t dim[MAX_RANK] = {t->rows};
    memcpy(dim + 1, y->dim, (size_t)y->rank * sizeof *dim);
    t->full[n->out[0]->id] = make_expand(n, table_of_rank(t, n->in[0], y->rank), y->rank + 1, dim);
}

static void build_transpose(Tables *t, Node *n)
{
    int64_t perm[MAX_RANK + 1];
    int rank = transpose_perm(n, perm + 1);
    perm[0] = 0;
    for (int k = 1; k <= rank; k++)
        perm[k]++;
    t->full[n->out[0]->id] = make_transpose(n, full_table(t, n->in[0]), rank + 1, perm);
}

/* The attribute `axis` and no other is about axes. */
static void build_along_axis(Tables *t, Node *n)
{
    Value **in = alloc_array(n->n_in, sizeof *in);
    int rank = n->in[0]->shape.rank;
    operands(t, n, in);
    Node *copy = again(n, in);
    attr_set_i(copy, "axis", axis_of(n, attr_i(n, "axis"), rank) - rank);
    ready(t->full, n, copy);
}

/* Input 0 varies, the others do not, whatever outputs there are. */
static bool split_fits(const Tables *t, const Node *n)
{
    return varies(t, n->in[0]);
}

/* Parts that do not vary are repeated. */
static void build_concat(Tables *t, Node *n)
{
    Value **in = alloc_array(n->n_in, sizeof *in);
    int rank = n->out[0]->shape.rank;
    operands(t, n, in);
    for (int k = 0; k < n->n_in; k++) {
        int64_t dim[MAX_RANK] = {t->rows};
        memcpy(dim + 1, n->in[k]->shape.dim, (size_t)rank * sizeof *dim);
        if (!varies(t, n->in[k]))
            in[k] = make_expand(n, in[k], rank + 1, dim);
    }
    Node *copy = again(n, in);
    attr_set_i(copy, "axis", axis_of(n, attr_i(n, "axis"), rank) - rank);
    ready(t->full, n, copy);
}

/* Input k is a list of axes: of the result where axes are inserted, else of input 0. */
static void build_axes_input(Tables *t, Node *n)
{
    Value **in = alloc_array(n->n_in, sizeof *in);
    int k = n->op == OP_Slice ? 3 : 1;
    operands(t, n, in);
    in[k] = from_the_end(n, k, n->op == OP_Unsqueeze ? n->out[0]->shape.rank : n->in[0]->shape.rank);
    ready(t->full, n, again(n, in));
}

/* Rows of a constant by an index that varies, or a choice from what varies. */
static bool gather_fits(const Tables *t, const Node *n)
{
    return varies(t, n->in[0]) ? !varies(t, n->in[1]) : axis_of(n, attr_i(n, "axis"), n->in[0]->shape.rank) == 0;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

static bool matmul_fits(const Tables *t, const Node *n)
{
    return data_alone(t, n) && n->in[1]->shape.rank == 2;
}

/* Its rows are one matrix already, where it comes from a Gemm. */
static void build_matmul(Tables *t, Node *n)
{
    bool merged = t->merged[n->in[0]->id] && n->in[0]->shape.rank == 2;
    Value *x = merged ? merged_table(t, n->in[0]) : full_table(t, n->in[0]);
    ready(merged ? t->merged : t->full, n, again(n, (Value *[]){x, n->in[1]}));
}

static bool gemm_fits(const Tables *t, const Node *n)
{
    const Value *c = input_of(n, 2);
    return data_alone(t, n) && !attr_i(n, "transA") && (!c || c->shape.rank < 2 || c->shape.dim[0] == 1);
}

static void build_gemm(Tables *t, Node *n)
{
    Value *in[3] = {merged_table(t, n->in[0]), n->in[1], input_of(n, 2)};
    ready(t->merged, n, again(n, in));
}

/* ---- the rules --------------------------------------------------------------------------------------------------- */

static const struct { Op op; Fits *fits; Build *build; } rules[] = {
    {OP_Cast, data_alone, build_elementwise},
    {OP_Identity, data_alone, build_elementwise},
    {OP_Reshape, data_alone, build_reshape},
    {OP_Flatten, data_alone, build_reshape},
    {OP_Expand, data_alone, build_expand},
    {OP_Transpose, data_alone, build_transpose},
    {OP_Squeeze, axes_in_1, build_axes_input},
    {OP_Unsqueeze, axes_in_1, build_axes_input},
    {OP_Slice, axes_in_3, build_axes_input},
    {OP_Concat, always, build_concat},
    {OP_Split, split_fits, build_along_axis},
    {OP_Gather, gather_fits, build_along_axis},
    {OP_Softmax, data_alone, build_along_axis},
    {OP_LogSoftmax, data_alone, build_along_axis},
    {OP_LayerNormalization, data_alone, build_along_axis},
    {OP_RMSNormalization, data_alone, build_along_axis},
    {OP_ReduceSum, axes_in_1, build_axes_input},
    {OP_ReduceMean, axes_in_1, build_axes_input},
    {OP_ReduceMax, axes_in_1, build_axes_input},
    {OP_ReduceMin, axes_in_1, build_axes_input},
    {OP_ReduceL2, axes_in_1, build_axes_input},
    {OP_ReduceSumSquare, axes_in_1, build_axes_input},
    {OP_MatMul, matmul_fits, build_matmul},
    {OP_Gemm, gemm_fits, build_gemm},
};
enum { RULES = sizeof rules / sizeof *rules };

static int rule_of(const Node *n)
{
    int k = 0;
    while (k < RULES && rules[k].op != n->op)
        k++;
    return k;
}

bool can_tabulate(const Tables *t, const Node *n)
{
    int rule = rule_of(n);
    bool fits = n->n_out && n->out[0] && (op_info(n->op)->elementwise || (rule < RULES && rules[rule].fits(t, n)));
    for (int k = 0; fits && k < n->n_out; k++)
        fits = !n->out[k] || n->out[k]->shape.rank < MAX_RANK;
    for (int k = 0; fits && k < n->n_in; k++)
        fits = !n->in[k] || n->in[k]->shape.rank < MAX_RANK;
    return fits;
}

void tabulate(Tables *t, Node *n)
{
    int rule = rule_of(n);
    (rule < RULES ? rules[rule].build : build_elementwise)(t, n);
}
