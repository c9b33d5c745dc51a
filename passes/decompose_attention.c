/* decompose_attention.c: Attention and FlexAttention become matrix products and a softmax, unless there is a kernel.
 *
 *      P = softmax(softcap(scale Q K^T) + bias);  Y = P V
 *
 * Heads are split by Reshape and Transpose, which lowering makes views of.  Query heads that share a key head are
 * stacked along the rows of one product.  Conditions on positions are joined into one boolean before they become -inf;
 * those that do not depend on data are constants.  A row without any key is 0, decided on the bias alone. */
#include "../ir/attention.h"
#include "decompose.h"

#include <math.h>
#include <string.h>

/* ---- heads ------------------------------------------------------------------------------------------------------- */

/* [batch, length, heads * size] to [batch, heads, length, size]. */
static Value *split_heads(Node *n, Value *x, int64_t heads)
{
    const int64_t *dim = x->shape.dim;
    Value *split = make_reshape(n, x, 4, (int64_t[]){dim[0], dim[1], heads, dim[2] / heads});
    return make_transpose(n, split, 4, (int64_t[]){0, 2, 1, 3});
}

static Value *merge_heads(Node *n, Value *x)
{
    const int64_t *dim = x->shape.dim;
    Value *turned = make_transpose(n, x, 4, (int64_t[]){0, 2, 1, 3});
    return make_reshape(n, turned, 3, (int64_t[]){dim[0], dim[2], dim[1] * dim[3]});
}

/* [batch, q_heads, rows, columns] times [batch, kv_heads, columns, ...]: groups of query heads as rows of one
 * product. */
static Value *grouped_product(Node *n, Value *x, Value *y, const AttentionExtents *e)
{
    int64_t group = e->q_heads / e->kv_heads, rows = x->shape.dim[2], inner = x->shape.dim[3];
    if (group == 1)
        return make2(n, OP_MatMul, x, y);
    Value *stacked = make_reshape(n, x, 4, (int64_t[]){e->batch, e->kv_heads, group * rows, inner});
    Value *product = make2(n, OP_MatMul, stacked, y);
    return make_reshape(n, product, 4, (int64_t[]){e->batch, e->q_heads, rows, y->shape.dim[3]});
}

static Value *scaled_scores(Node *n, Value *q, Value *k, const AttentionExtents *e)
{
    Value *scaled = make2(n, OP_Mul, q, make_scalar(n, q->dtype, e->scale));
    return grouped_product(n, scaled, make_transpose(n, k, 4, (int64_t[]){0, 1, 3, 2}), e);
}

/* ---- which keys a query sees ------------------------------------------------------------------------------------- */

static Value *both(Node *n, Value *a, Value *b)
{
    return !a ? b : !b ? a : make2(n, OP_And, a, b);
}

/* 0, 1, ... count - 1 as i64 [count] or [count, 1]. */
static Value *positions(Node *n, int64_t count, bool column)
{
    int64_t *list = alloc_array(count + 1, sizeof *list);
    for (int64_t k = 0; k < count; k++)
        list[k] = k;
    Value *v = value_ints(n->graph, list, count);
    return column ? make_reshape(n, v, 2, (int64_t[]){count, 1}) : v;
}

static Value *shifted(Node *n, Value *position, int64_t by)
{
    return make2(n, OP_Add, position, make_scalar(n, DT_I64, (double)by));
}

/* Visible keys by position: NULL when all are. */
static Value *visible(Node *n, const AttentionExtents *e)
{
    Value *valid = input_of(n, 6), *seen = NULL;
    int64_t left = attr_i(n, "left_window_size"), right = attr_i(n, "right_window_size");
    Value *key = positions(n, e->total, false), *query = shifted(n, positions(n, e->q_length, true), e->past);
    if (valid) {
        Value *count = make_reshape(n, make_cast(n, valid, DT_I64), 4, (int64_t[]){e->batch, 1, 1, 1});
        seen = make2(n, OP_Less, key, count);
        query = make2(n, OP_Add, query, shifted(n, count, -e->q_length));
    }
    if (attr_i(n, "is_causal"))
        seen = both(n, seen, make2(n, OP_LessOrEqual, key, query));
    if (left >= 0)
        seen = both(n, seen, make2(n, OP_GreaterOrEqual, key, shifted(n, query, -left)));
    if (right >= 0)
        seen = both(n, seen, make2(n, OP_LessOrEqual, key, shifted(n, query, right)));
    return seen;
}

/* The mask with its last axis as long as there are keys; what is added hides them. */
static Value *whole_mask(Node *n, const AttentionExtents *e)
{
    Value *mask = input_of(n, 3);
    if (!mask || mask->shape.dim[mask->shape.rank - 1] == e->total)
        return mask;
    Shape rest = mask->shape;
    int last = rest.rank - 1;
    rest.dim[last] = e->total - rest.dim[last];
    Value *hidden = make_scalar(n, mask->dtype, mask->dtype == DT_BOOL ? 0 : -INFINITY);
    return make_concat(n, mask, make_expand(n, hidden, rest.rank, rest.dim), last);
}

/* What is added to the scores; NULL: nothing. */
static Value *attention_bias(Node *n, const AttentionExtents *e)
{
    Value *mask = whole_mask(n, e), *seen = visible(n, e);
    DType type = n->in[0]->dtype;
    if (mask && mask->dtype == DT_BOOL) {
        seen = both(n, seen, mask);
        mask = NULL;
    }
    if (!seen)
        return mask;
    return make3(n, OP_Where, seen, mask ? mask : make_scalar(n, type, 0), make_scalar(n, type, -INFINITY));
}

/* Can a row of the bias mask every key?  Unknown, and so yes, when it depends on data. */
static bool may_mask_row(Value *bias)
{
    if (!is_constant(bias))
        return true;
    Array *a = array_from_tensor(constant_tensor(bias));
    int64_t keys = bias->shape.dim[bias->shape.rank - 1];
    bool masked = false;
    for (int64_t row = 0; keys && row < a->count / keys; row++) {
        bool any = false;
        for (int64_t k = 0; k < keys; k++)
            any |= !(a->f[row * keys + k] == -INFINITY);
        masked |= !any;
    }
    array_free(a);
    constant_release(bias);
    return masked;
}

/* ---- the operators ----------------------------------------------------------------------------------------------- */

static Value *softmax(Node *n, Value *x, DType precision)
{
    Value *in = make_cast(n, x, precision);
    Node *s = begun(n, OP_Softmax, 1, &in);
    attr_set_i(s, "axis", -1);
    return finished(s);
}

static Value *probabilities(Node *n, Value *scores, Value *bias)
{
    int64_t asked = attr_i(n, "softmax_precision");
    Value *p = make_cast(n, softmax(n, scores, asked ? (DType)asked : scores->dtype), scores->dtype);
    if (!bias || !may_mask_row(bias))
        return p;
    Value *best = make_reduce(n, OP_ReduceMax, bias, -1, true);
    Value *masked = make2(n, OP_Equal, best, make_scalar(n, bias->dtype, -INFINITY));
    return make3(n, OP_Where, masked, make_scalar(n, p->dtype, 0), p);
}

/* What codegen/kernels/c/attention.h can do: heads of up to 512 numbers, a mask, an end of sight, the result alone. */
static bool has_kernel(const Node *n, const AttentionExtents *e)
{
    int64_t precision = attr_i(n, "softmax_precision");
    bool alone = true, narrow = true;
    for (int k = 1; k < 4; k++)
        alone &= !value_is_read(output_of(n, k)) && !input_of(n, k + 3);
    for (int k = 0; k < 3; k++)
        narrow &= dtype_is_single(n->in[k]->dtype);
    return fuses(n->graph, FUSION_attention) && alone && narrow && precision != DT_F64 && attr_f(n, "softcap") == 0 &&
           attr_i(n, "left_window_size") < 0 && shape_count(&n->out[0]->shape) > 0 && e->total > 0 && e->size > 0 &&
           e->size <= 512 && e->v_size <= 512;
}

bool attention_stays(Node *n)
{
    AttentionExtents e = attention_extents(n);
    if (!has_kernel(n, &e))
        return false;
    Value *mask = whole_mask(n, &e);
    DType type = n->in[0]->dtype;
    if (mask && mask->dtype == DT_BOOL)
        mask = make3(n, OP_Where, mask, make_scalar(n, type, 0), make_scalar(n, type, -INFINITY));
    if (mask)
        node_set_input(n, 3, mask);
    return true;
}

void decompose_attention(Node *n)
{
    AttentionExtents e = attention_extents(n);
    Value *q = n->in[0], *k = n->in[1], *v = n->in[2];
    int64_t mode = attr_i(n, "qk_matmul_output_mode");
    double cap = attr_f(n, "softcap");
    if (e.packed) {
        q = split_heads(n, q, e.q_heads);
        k = split_heads(n, k, e.kv_heads);
        v = split_heads(n, v, e.kv_heads);
    }
    if (input_of(n, 4)) {
        k = make_concat(n, n->in[4], k, 2);
        v = make_concat(n, n->in[5], v, 2);
    }
    Value *shown[4];
    Value *scores = shown[0] = scaled_scores(n, q, k, &e);
    if (cap > 0) {
        Value *limit = make_scalar(n, scores->dtype, cap);
        scores = make2(n, OP_Mul, make1(n, OP_Tanh, make2(n, OP_Div, scores, limit)), limit);
    }
    shown[1] = scores;
    Value *bias = attention_bias(n, &e);
    shown[2] = scores = bias ? make2(n, OP_Add, scores, bias) : scores;
    Value *p = shown[3] = probabilities(n, scores, bias);
    Value *y = grouped_product(n, p, make_cast(n, v, p->dtype), &e);
    decompose_output(n, 0, e.packed ? merge_heads(n, y) : y);
    decompose_output(n, 1, k);
    decompose_output(n, 2, v);
    decompose_output(n, 3, shown[mode]);
}

/* The modifier graph in front of n, applied to x; x itself without one. */
static Value *inlined(Node *n, const char *name, Value *x)
{
    const Attr *a = attr_find(n, name);
    if (!a || a->graph->outputs[0] == a->graph->inputs[0])
        return x;
    value_replace(a->graph->inputs[0], x);
    graph_splice(n, a->graph);
    return a->graph->outputs[0];
}

void decompose_flex_attention(Node *n)
{
    AttentionExtents e = attention_extents(n);
    int64_t asked = attr_i(n, "softmax_precision");
    DType type = asked ? (DType)asked : working_type(n->in[0]->dtype);
    Value *scores = make_cast(n, scaled_scores(n, n->in[0], n->in[1], &e), type);
    Value *p = inlined(n, "prob_mod", softmax(n, inlined(n, "score_mod", scores), type));
    Value *y = grouped_product(n, p, make_cast(n, n->in[2], type), &e);
    decompose_output(n, 0, make_cast(n, y, n->out[0]->dtype));
}
