/* match.c: see match.h. */
#include "match.h"

#include <math.h>
#include <stdarg.h>

enum { MOST_ELEMENTS = 65536 };     /* of a constant that is looked through for one that differs */

static bool contains(const Match *m, const Node *n)
{
    for (int k = 0; k < m->count; k++)
        if (m->node[k] == n)
            return true;
    return false;
}

bool match_add(Match *m, Node *n)
{
    if (contains(m, n))
        return true;
    if (m->count == MATCH_NODES)
        return match_broke(m, "%s comes after %d other nodes", node_text(n), MATCH_NODES);
    m->node[m->count++] = n;
    return true;
}

bool match_broke(Match *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    m->why = text_vformat(format, arguments);
    va_end(arguments);
    return false;
}

bool match_closed(Match *m, const Node *last)
{
    for (int k = 0; k < m->count; k++)
        for (int o = 0; o < m->node[k]->n_out && m->node[k] != last; o++) {
            const Value *v = m->node[k]->out[o];
            if (v && v->graph_output)
                return match_broke(m, "%s is an output of the graph", value_text(v));
            for (int u = 0; v && u < v->n_uses; u++)
                if (!contains(m, v->uses[u]))
                    return match_broke(m, "%s is also read by %s", value_text(v), node_text(v->uses[u]));
        }
    return true;
}

const char *node_text(const Node *n)
{
    return text_format("n%d (%s)", n->id, op_info(n->op)->name);
}

const char *value_text(const Value *v)
{
    return text_format("v%d", v->id);
}

/* ---- constants ------------------------------------------------------------------------------------------------- */

bool nearly(double value, double wanted, DType dtype)
{
    double digits = dtype == DT_F16 ? 0x1p-10 : dtype == DT_BF16 ? 0x1p-7 : 1e-6;
    return fabs(value - wanted) <= digits * fabs(wanted);
}

static double element(const Tensor *t, int64_t k)
{
    const char *p = (const char *)t->data + k * dtype_info(t->dtype)->bytes;
    return dtype_is_float(t->dtype) ? dtype_load_f(t->dtype, p) : (double)dtype_load_i(t->dtype, p);
}

bool scalar_of(const Value *v, double *c)
{
    const Tensor *t = v ? v->tensor : NULL;
    if (!t || t->count < 1 || t->count > MOST_ELEMENTS)
        return false;
    *c = element(t, 0);
    for (int64_t k = 1; k < t->count; k++)
        if (element(t, k) != *c)
            return false;
    return true;
}

bool is_scalar(const Value *v, double wanted)
{
    double c;
    return scalar_of(v, &c) && nearly(c, wanted, v->dtype);
}

bool varies_along(const Value *v, const Shape *full, int first, int end)
{
    if (!v || !is_constant(v) || v->shape.rank > full->rank)
        return false;
    bool varies = false;
    int64_t room = 1;
    for (int k = first; k < end; k++)
        room *= full->dim[k];
    for (int k = 0, axis = full->rank - v->shape.rank; k < v->shape.rank; k++, axis++) {
        if (v->shape.dim[k] == 1)
            continue;
        if (axis < first || axis >= end || v->shape.dim[k] != full->dim[axis])
            return false;
        varies = true;
    }
    return varies || room == 1;
}

/* ---- neighbours ------------------------------------------------------------------------------------------------ */

Node *maker_of(const Value *v, Op op)
{
    return v && v->def && v->def->op == op ? v->def : NULL;
}

Node *only_reader(const Value *v)
{
    return v->n_uses == 1 && !v->graph_output && v->uses[0]->graph == v->graph ? v->uses[0] : NULL;
}

bool why_not_read_once(Match *m, const Value *v)
{
    if (v->graph_output)
        return match_broke(m, "%s is an output of the graph", value_text(v));
    if (v->n_uses > 1)
        return match_broke(m, "%s is read by %s and by %s", value_text(v), node_text(v->uses[0]),
                           node_text(v->uses[1]));
    return match_broke(m, "%s is not read in its own graph", value_text(v));
}

Value *other_operand(const Node *n, const Value *v)
{
    if (n->n_in != 2 || n->in[0] == n->in[1])
        return NULL;
    return n->in[0] == v ? n->in[1] : n->in[1] == v ? n->in[0] : NULL;
}

bool is_reshape(const Node *n)
{
    return n && (n->op == OP_Reshape || n->op == OP_Flatten || n->op == OP_Squeeze || n->op == OP_Unsqueeze);
}

Value *widened_from(const Value *v)
{
    const Node *cast = maker_of(v, OP_Cast);
    DType from = cast ? cast->in[0]->dtype : DT_NONE;
    return v->dtype == DT_F32 && dtype_is_half(from) ? cast->in[0] : NULL;
}

bool same_value(const Value *a, const Value *b)
{
    return a == b || (widened_from(a) && widened_from(a) == widened_from(b));
}

int trailing_axes(const Node *reduce)
{
    int64_t axes[MAX_RANK];
    int rank = reduce->in[0]->shape.rank, first = rank;
    bool reduced[MAX_RANK] = {false};
    if (!attr_i(reduce, "keepdims") || !input_of(reduce, 1) || !is_constant(reduce->in[1]))
        return -1;
    int count = ints_of(reduce, 1, "axes", axes, MAX_RANK);
    for (int k = 0; k < count; k++)
        reduced[axis_of(reduce, axes[k], rank)] = true;
    while (first > 0 && reduced[first - 1])
        first--;
    for (int k = 0; k < first; k++)
        if (reduced[k])
            return -1;
    return first < rank ? first : -1;
}

bool is_projection(const Node *n)
{
    return n->op == OP_MatMul && n->in[0]->shape.rank >= 2 && !n->in[0]->constant && n->in[1]->constant &&
           n->in[1]->shape.rank == 2;
}

Value *bias_behind(Value **result)
{
    Node *add = only_reader(*result);
    Value *row = add && add->op == OP_Add ? other_operand(add, *result) : NULL;
    if (!row || !row->constant || row->shape.rank != 1 ||
        row->shape.dim[0] != (*result)->shape.dim[(*result)->shape.rank - 1])
        return NULL;
    *result = add->out[0];
    return row;
}

static int64_t slice_begin(const Node *n)
{
    const Shape *s = &n->in[0]->shape;
    int64_t start[2], axis[2], step[2] = {1};
    if (!is_constant(n->in[1]) || ints_of(n, 1, "starts", start, 2) != 1 || !input_of(n, 3) ||
        !is_constant(n->in[3]) || ints_of(n, 3, "axes", axis, 2) != 1)
        return -1;
    if (input_of(n, 4) && (!is_constant(n->in[4]) || ints_of(n, 4, "steps", step, 2) != 1))
        return -1;
    bool plain = axis_of(n, axis[0], s->rank) == s->rank - 1 && step[0] == 1;
    return !plain ? -1 : start[0] < 0 ? start[0] + s->dim[s->rank - 1] : start[0];
}

/* Likewise of a Split's result. */
static int64_t split_begin(const Node *n, const Value *v)
{
    int64_t begin = 0;
    int last = v->shape.rank - 1;
    if (axis_of(n, attr_i(n, "axis"), v->shape.rank) != last)
        return -1;
    for (int k = 0; n->out[k] != v; k++) {
        if (!n->out[k])
            return -1;
        begin += n->out[k]->shape.dim[last];
    }
    return begin;
}

int64_t piece_begin(const Value *v)
{
    const Node *n = v->def;
    if (!n || (n->op != OP_Slice && n->op != OP_Split))
        return -1;
    return n->op == OP_Slice ? slice_begin(n) : split_begin(n, v);
}
