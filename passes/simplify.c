/* simplify: nodes that change nothing, chains that are one node, values that nobody reads.
 *
 *   needs:   inferred shapes, folded constants
 *   keeps:   every result exactly (only rewrites that give the same bits)
 *   rows:    one function a rule: the value that node n's first output equals, or NULL                                */
#include <string.h>

#include "../ir/sdc.h"

static bool same_type(const Value *a, const Value *b)
{
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape);
}

/* Nodes that hand their first input on: by nature, or because type and shape say so. */
static Value *no_change(Node *n)
{
    static const Op when_same_shape[] = {OP_Reshape, OP_Flatten, OP_Squeeze, OP_Unsqueeze, OP_Expand, OP_Cast, OP_CastLike,
                                         OP_Slice, OP_Tile, OP_Split, OP_Identity};
    if (n->op == OP_Dropout)
        return (n->n_out < 2 || !n->out[1] || !n->out[1]->n_uses) && dropout_is_identity(n) ? n->in[0] : NULL;
    if (n->op == OP_Concat && n->n_in == 1)
        return n->in[0];
    if (n->op == OP_Slice)                      /* a reversal has the same shape too */
        return slice_is_whole(n) ? n->in[0] : NULL;
    for (size_t k = 0; k < sizeof when_same_shape / sizeof *when_same_shape; k++)
        if (n->op == when_same_shape[k])
            return n->n_out == 1 && same_type(n->in[0], n->out[0]) ? n->in[0] : NULL;
    return NULL;
}

/* The result of a node that replaces others: as constant as they were. */
static Value *merged(Node *n)
{
    infer_node(n);
    fold_node(n);
    return n->out[0];
}

static Value *transpose_identity(Node *n)
{
    if (n->op != OP_Transpose)
        return NULL;
    int64_t perm[MAX_RANK];
    int rank = transpose_perm(n, perm), moved = 0, last = -1;
    for (int k = 0; k < rank; k++)
        if (n->out[0]->shape.dim[k] != 1) {     /* axes of one element may go anywhere */
            moved += perm[k] < last;
            last = (int)perm[k];
        }
    if (moved)
        return NULL;
    if (same_type(n->in[0], n->out[0]))
        return n->in[0];
    Value *shape = value_ints(n->graph, n->out[0]->shape.dim, rank);
    Node *reshape = node_new(n->graph, n, OP_Reshape, 2, (Value *[]){n->in[0], shape}, 1);
    attr_set_i(reshape, "allowzero", 1);
    return merged(reshape);
}

static Value *transpose_pair(Node *n)
{
    Node *inner = n->op == OP_Transpose ? n->in[0]->def : NULL;
    if (!inner || inner->op != OP_Transpose || inner->graph != n->graph)
        return NULL;
    int64_t outer_perm[MAX_RANK], inner_perm[MAX_RANK], perm[MAX_RANK];
    int rank = transpose_perm(n, outer_perm);
    transpose_perm(inner, inner_perm);
    for (int k = 0; k < rank; k++)
        perm[k] = inner_perm[outer_perm[k]];
    Node *both = node_new(n->graph, n, OP_Transpose, 1, inner->in, 1);
    attr_set_ints(both, "perm", perm, rank);
    return merged(both);
}

static bool only_reshapes(const Node *n)
{
    return n && (n->op == OP_Reshape || n->op == OP_Flatten || n->op == OP_Squeeze || n->op == OP_Unsqueeze);
}

static Value *reshape_pair(Node *n)
{
    if (!only_reshapes(n) || !only_reshapes(n->in[0]->def) || n->in[0]->def->graph != n->graph)
        return NULL;
    Value *shape = value_ints(n->graph, n->out[0]->shape.dim, n->out[0]->shape.rank);
    Node *both = node_new(n->graph, n, OP_Reshape, 2, (Value *[]){n->in[0]->def->in[0], shape}, 1);
    attr_set_i(both, "allowzero", 1);
    return merged(both);
}

/* A scalar constant equal to c, or a tensor full of it. */
static bool is_all(const Value *v, double c)
{
    if (!v || !v->tensor || !v->tensor->count || v->tensor->count > 65536)
        return false;
    const Tensor *t = v->tensor;
    int bytes = dtype_info(t->dtype)->bytes;
    for (int64_t k = 0; k < t->count; k++) {
        const char *p = (const char *)t->data + k * bytes;
        if (dtype_is_float(t->dtype) ? dtype_load_f(t->dtype, p) != c : dtype_load_i(t->dtype, p) != (int64_t)c)
            return false;
    }
    return true;
}

/* x * 1, 1 * x, x / 1: exact. */
static Value *by_one(Node *n)
{
    if (n->op != OP_Mul && n->op != OP_Div)
        return NULL;
    if (is_all(n->in[1], 1) && same_type(n->in[0], n->out[0]))
        return n->in[0];
    return n->op == OP_Mul && is_all(n->in[0], 1) && same_type(n->in[1], n->out[0]) ? n->in[1] : NULL;
}

static Value *no_padding(Node *n)
{
    return n->op == OP_Pad && is_all(n->in[1], 0) && same_type(n->in[0], n->out[0]) ? n->in[0] : NULL;
}

/* Casts that lose nothing on the way: Cast(Cast(x, wider), t) is Cast(x, t). */
static Value *cast_pair(Node *n)
{
    Node *inner = n->op == OP_Cast ? n->in[0]->def : NULL;
    if (!inner || inner->op != OP_Cast || inner->graph != n->graph)
        return NULL;
    DType a = inner->in[0]->dtype, b = inner->out[0]->dtype;
    bool widens = dtype_is_half(a) ? b == DT_F32 || b == DT_F64 : a == DT_F32 ? b == DT_F64 : a == DT_I32 && b == DT_I64;
    if (!widens || n->out[0]->dtype != a)
        return NULL;
    return inner->in[0];
}

typedef Value *Rule(Node *n);
static Rule *const rules[] = {no_change, transpose_identity, transpose_pair, reshape_pair, by_one, no_padding, cast_pair};

static bool apply_rules(Graph *g)
{
    bool changed = false;
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                pass_simplify(n->attrs[a].graph);
        for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
            Value *with = n->n_out && value_is_read(n->out[0]) ? rules[r](n) : NULL;     /* else done already */
            if (!with)
                continue;
            value_replace(n->out[0], with);
            changed = true;
            break;
        }
    }
    return changed;
}

void pass_simplify(Graph *g)
{
    bool changed;
    do {
        changed = apply_rules(g);
        graph_sweep(g);
    } while (changed);
}
