/* shape_attention.c: shape rules of the attention family. */
#include "attention.h"
#include "need.h"
#include "op.h"

#include <math.h>
#include <string.h>

#include "../runtime/runtime.h"

/* ---- Attention and FlexAttention --------------------------------------------------------------------------------- */

/* heads and size of operand k, packed or not. */
static void heads_of(const Node *n, int k, const char *attribute, bool packed, int64_t *heads, int64_t *size)
{
    const Shape *s = &n->in[k]->shape;
    *heads = packed ? attr_i(n, attribute) : s->dim[1];
    if (packed && (*heads < 1 || s->dim[2] % *heads))
        fail_node(SDC_BAD_INPUT, n, "%s is %lld, which does not divide input %d of shape %s", attribute,
                  (long long)*heads, k, shape_text(s));
    *size = packed ? s->dim[2] / *heads : s->dim[3];
}

static void need_shape(const Node *n, int k, int64_t a, int64_t b, int64_t c, int64_t d)
{
    Shape want = shape_of(4, (int64_t[]){a, b, c, d});
    if (!shape_equal(&n->in[k]->shape, &want))
        fail_node(SDC_BAD_INPUT, n, "input %d must have the shape %s, not %s", k, shape_text(&want),
                  shape_text(&n->in[k]->shape));
}

AttentionExtents attention_extents(const Node *n)
{
    const Shape *q = &n->in[0]->shape, *k = &n->in[1]->shape, *v = &n->in[2]->shape;
    bool flex = n->op == OP_FlexAttention;
    AttentionExtents e = {.packed = !flex && q->rank == 3, .batch = q->dim[0]};
    int64_t k_size, v_heads;
    for (int i = 0; i < 3; i++)
        need_rank(n, i, e.packed ? 3 : 4, e.packed ? 3 : 4);
    heads_of(n, 0, "q_num_heads", e.packed, &e.q_heads, &e.size);
    heads_of(n, 1, "kv_num_heads", e.packed, &e.kv_heads, &k_size);
    heads_of(n, 2, "kv_num_heads", e.packed, &v_heads, &e.v_size);
    int sequence = e.packed ? 1 : 2;
    e.q_length = q->dim[sequence];
    e.kv_length = k->dim[sequence];
    if (k->dim[0] != e.batch || v->dim[0] != e.batch || v->dim[sequence] != e.kv_length || k_size != e.size ||
        v_heads != e.kv_heads)
        fail_node(SDC_BAD_INPUT, n, "queries %s, keys %s and values %s do not fit", shape_text(q), shape_text(k),
                  shape_text(v));
    if (e.kv_heads < 1 || e.q_heads % e.kv_heads)
        fail_node(SDC_BAD_INPUT, n, "%lld query heads are no multiple of %lld key heads", (long long)e.q_heads,
                  (long long)e.kv_heads);
    const Value *past = flex ? NULL : input_of(n, 4);
    if (past) {
        need_rank(n, 4, 4, 4);
        e.past = past->shape.dim[2];
    }
    e.total = e.past + e.kv_length;
    e.scale = attr_has(n, "scale") ? attr_f(n, "scale") : 1 / sqrt((double)e.size);
    return e;
}

/* The mask broadcasts to [batch, heads, queries, keys], except that its last axis may be shorter. */
static void need_mask(const Node *n, const AttentionExtents *e)
{
    const Value *mask = input_of(n, 3);
    const int64_t full[] = {e->batch, e->q_heads, e->q_length, e->total};
    if (!mask)
        return;
    if (mask->dtype != DT_BOOL)
        need_mixable(n, 0, 3);
    need_rank(n, 3, 1, 4);
    for (int k = 1; k <= mask->shape.rank; k++) {
        int64_t dim = mask->shape.dim[mask->shape.rank - k];
        if (k == 1 ? dim > e->total : dim != 1 && dim != full[4 - k])
            fail_node(SDC_BAD_INPUT, n, "the mask %s does not broadcast to [%lld,%lld,%lld,%lld]",
                      shape_text(&mask->shape), (long long)full[0], (long long)full[1], (long long)full[2],
                      (long long)full[3]);
    }
}

void shape_attention(Node *n)
{
    AttentionExtents e = attention_extents(n);
    const Value *past_key = input_of(n, 4), *past_value = input_of(n, 5), *valid = input_of(n, 6);
    int64_t mode = attr_i(n, "qk_matmul_output_mode"), precision = attr_i(n, "softmax_precision");
    for (int k = 0; k < 3; k++)
        need_float(n, k);
    need_mixable(n, 0, 1);
    need_mask(n, &e);
    if (!past_key != !past_value)
        fail_node(SDC_BAD_INPUT, n, "past_key and past_value must be given together");
    if (past_key) {
        need_shape(n, 4, e.batch, e.kv_heads, e.past, e.size);
        need_shape(n, 5, e.batch, e.kv_heads, e.past, e.v_size);
        need_same_type(n, 1, 4);
        need_same_type(n, 2, 5);
    }
    need_integer(n, 6);
    if (valid && (past_key || valid->shape.rank != 1 || valid->shape.dim[0] != e.batch))
        fail_node(SDC_BAD_INPUT, n, "nonpad_kv_seqlen needs the shape [%lld] and no past", (long long)e.batch);
    if (mode < 0 || mode > 3)
        fail_node(SDC_BAD_INPUT, n, "qk_matmul_output_mode %lld is not 0 to 3", (long long)mode);
    if (precision < 0 || precision >= DT_LIMIT || (precision && !dtype_is_float((DType)precision)))
        fail_node(SDC_BAD_INPUT, n, "softmax_precision %lld is no floating-point type", (long long)precision);
    if (attr_i(n, "left_window_size") < -1 || attr_i(n, "right_window_size") < -1)
        fail_node(SDC_BAD_INPUT, n, "window sizes must be -1 or more");
    Shape y = shape_of(4, (int64_t[]){e.batch, e.q_heads, e.q_length, e.v_size});
    if (e.packed)
        y = shape_of(3, (int64_t[]){e.batch, e.q_length, e.q_heads * e.v_size});
    Shape key = shape_of(4, (int64_t[]){e.batch, e.kv_heads, e.total, e.size});
    Shape value = shape_of(4, (int64_t[]){e.batch, e.kv_heads, e.total, e.v_size});
    Shape scores = shape_of(4, (int64_t[]){e.batch, e.q_heads, e.q_length, e.total});
    set_output(n, 0, n->in[0]->dtype, &y);
    set_output(n, 1, n->in[1]->dtype, &key);
    set_output(n, 2, n->in[2]->dtype, &value);
    set_output(n, 3, n->in[0]->dtype, &scores);
}

/* A modifier takes the scores and gives them back changed; its values get their types here. */
static void infer_modifier(const Node *n, const char *name, const Shape *scores, DType type)
{
    const Attr *a = attr_find(n, name);
    if (!a)
        return;
    Graph *g = a->graph;
    if (a->type != ATTR_GRAPH || g->n_inputs != 1 || g->n_outputs != 1)
        fail_node(SDC_BAD_INPUT, n, "%s must be a graph with one input and one output", name);
    g->inputs[0]->dtype = type;
    g->inputs[0]->shape = *scores;
    pass_infer(g);
    if (g->outputs[0]->dtype != type || !shape_equal(&g->outputs[0]->shape, scores))
        fail_node(SDC_BAD_INPUT, n, "%s gives %s %s instead of %s %s", name, dtype_info(g->outputs[0]->dtype)->name,
                  shape_text(&g->outputs[0]->shape), dtype_info(type)->name, shape_text(scores));
}

void shape_flex_attention(Node *n)
{
    AttentionExtents e = attention_extents(n);
    int64_t asked = attr_i(n, "softmax_precision");
    DType type = asked > 0 && asked < DT_LIMIT ? (DType)asked : n->in[0]->dtype == DT_F64 ? DT_F64 : DT_F32;
    for (int k = 0; k < 3; k++) {
        need_float(n, k);
        need_same_type(n, 0, k);
    }
    if (!dtype_is_float(type) || asked < 0 || asked >= DT_LIMIT)
        fail_node(SDC_BAD_INPUT, n, "softmax_precision %lld is no floating-point type", (long long)asked);
    Shape scores = shape_of(4, (int64_t[]){e.batch, e.q_heads, e.q_length, e.total});
    infer_modifier(n, "score_mod", &scores, type);
    infer_modifier(n, "prob_mod", &scores, type);
    Shape y = shape_of(4, (int64_t[]){e.batch, e.q_heads, e.q_length, e.v_size});
    set_output(n, 0, n->in[0]->dtype, &y);
}

/* ---- RotaryEmbedding and SwiGLU ---------------------------------------------------------------------------------- */

void shape_rotary(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    need_float(n, 0);
    need_same_type(n, 0, 1);
    need_same_type(n, 0, 2);
    need_rank(n, 0, 3, 4);
    bool by_position = input_of(n, 3) != NULL, packed = x->rank == 3;
    int64_t heads = packed ? attr_i(n, "num_heads") : x->dim[1], turned = attr_i(n, "rotary_embedding_dim");
    if (heads < 1 || (packed && x->dim[2] % heads))
        fail_node(SDC_BAD_INPUT, n, "num_heads is %lld, which does not divide data of shape %s", (long long)heads,
                  shape_text(x));
    int64_t size = packed ? x->dim[2] / heads : x->dim[3], length = packed ? x->dim[1] : x->dim[2];
    if (!turned)
        turned = size;
    if (turned < 0 || turned > size || turned % 2)
        fail_node(SDC_BAD_INPUT, n, "%lld of %lld dimensions can not be rotated in pairs", (long long)turned,
                  (long long)size);
    for (int k = 1; k <= 2; k++) {
        const Shape *cache = &n->in[k]->shape;
        need_rank(n, k, by_position ? 2 : 3, by_position ? 2 : 3);
        if (cache->dim[cache->rank - 1] != turned / 2 ||
            (!by_position && (cache->dim[0] != x->dim[0] || cache->dim[1] != length)))
            fail_node(SDC_BAD_INPUT, n, "the cache %s does not fit data of shape %s", shape_text(cache), shape_text(x));
    }
    if (!shape_equal(&n->in[1]->shape, &n->in[2]->shape))
        fail_node(SDC_BAD_INPUT, n, "cosines %s and sines %s differ in shape", shape_text(&n->in[1]->shape),
                  shape_text(&n->in[2]->shape));
    if (by_position) {
        const Shape *at = &n->in[3]->shape;
        need_integer(n, 3);
        if (at->rank != 2 || at->dim[0] != x->dim[0] || at->dim[1] != length)
            fail_node(SDC_BAD_INPUT, n, "position_ids must have the shape [%lld,%lld]", (long long)x->dim[0],
                      (long long)length);
    }
    set_output(n, 0, n->in[0]->dtype, x);
}

void shape_swiglu(Node *n)
{
    need_float(n, 0);
    need_same_type(n, 0, 1);
    if (!shape_equal(&n->in[0]->shape, &n->in[1]->shape))
        fail_node(SDC_BAD_INPUT, n, "gate %s and value %s must have one shape", shape_text(&n->in[0]->shape),
                  shape_text(&n->in[1]->shape));
    set_output(n, 0, n->in[0]->dtype, &n->in[0]->shape);
}

/* ---- LinearAttention and CausalConvWithState --------------------------------------------------------------------- */

LinearExtents linear_extents(const Node *n)
{
    static const struct { const char *name; bool gated, delta; } rules[] = {
        {"linear", false, false}, {"gated", true, false}, {"delta", false, true}, {"gated_delta", true, true},
    };
    const char *rule = attr_s(n, "update_rule");
    const Shape *q = &n->in[0]->shape, *k = &n->in[1]->shape, *v = &n->in[2]->shape;
    LinearExtents e = {.batch = q->dim[0], .length = q->dim[1]};
    e.q_heads = attr_i(n, "q_num_heads");
    e.kv_heads = attr_i(n, "kv_num_heads");
    size_t r = 0;
    while (r < 4 && strcmp(rules[r].name, rule))
        r++;
    if (r == 4)
        fail_node(SDC_BAD_INPUT, n, "update_rule '%s' is unknown (linear, gated, delta, gated_delta)", rule);
    e.gated = rules[r].gated;
    e.delta = rules[r].delta;
    if (!input_of(n, 4) == e.gated || !input_of(n, 5) == e.delta)
        fail_node(SDC_BAD_INPUT, n, "update_rule '%s' %s decay and %s beta", rule, e.gated ? "needs" : "takes no",
                  e.delta ? "needs" : "takes no");
    if (e.q_heads < 1 || e.kv_heads < 1 || e.q_heads % e.kv_heads || q->dim[2] % e.q_heads || v->dim[2] % e.kv_heads)
        fail_node(SDC_BAD_INPUT, n, "%lld query and %lld key heads do not fit queries %s and values %s",
                  (long long)e.q_heads, (long long)e.kv_heads, shape_text(q), shape_text(v));
    e.k_size = q->dim[2] / e.q_heads;
    e.v_size = v->dim[2] / e.kv_heads;
    if (k->dim[2] != e.kv_heads * e.k_size)
        fail_node(SDC_BAD_INPUT, n, "keys %s do not fit queries %s", shape_text(k), shape_text(q));
    e.decay_per_key = e.gated && n->in[4]->shape.dim[2] != e.kv_heads;
    e.beta_shared = e.delta && n->in[5]->shape.dim[2] != e.kv_heads;
    e.scale = attr_f(n, "scale") != 0 ? attr_f(n, "scale") : 1 / sqrt((double)e.k_size);
    return e;
}

void shape_linear_attention(Node *n)
{
    for (int k = 0; k < 6; k++) {
        if (k == 3 || !input_of(n, k))
            continue;
        need_float(n, k);
        need_rank(n, k, 3, 3);
        if (n->in[k]->shape.dim[0] != n->in[0]->shape.dim[0] || n->in[k]->shape.dim[1] != n->in[0]->shape.dim[1])
            fail_node(SDC_BAD_INPUT, n, "input %d of shape %s differs from the queries in batch or length", k,
                      shape_text(&n->in[k]->shape));
    }
    LinearExtents e = linear_extents(n);
    if (e.decay_per_key && n->in[4]->shape.dim[2] != e.kv_heads * e.k_size)
        fail_node(SDC_BAD_INPUT, n, "decay %s has neither a value a head nor one a key dimension",
                  shape_text(&n->in[4]->shape));
    if (e.beta_shared && n->in[5]->shape.dim[2] != 1)
        fail_node(SDC_BAD_INPUT, n, "beta %s has neither a value a head nor one for all", shape_text(&n->in[5]->shape));
    if (input_of(n, 3)) {
        need_float(n, 3);
        need_shape(n, 3, e.batch, e.kv_heads, e.k_size, e.v_size);
    }
    Shape y = shape_of(3, (int64_t[]){e.batch, e.length, e.q_heads * e.v_size});
    Shape state = shape_of(4, (int64_t[]){e.batch, e.kv_heads, e.k_size, e.v_size});
    set_output(n, 0, n->in[0]->dtype, &y);
    set_output(n, 1, n->in[input_of(n, 3) ? 3 : 0]->dtype, &state);
}

void shape_causal_conv(Node *n)
{
    const Shape *x = &n->in[0]->shape, *w = &n->in[1]->shape;
    const Value *bias = input_of(n, 2), *past = input_of(n, 3);
    const char *activation = attr_s(n, "activation");
    need_float(n, 0);
    for (int k = 1; k < 4; k++)
        need_same_type(n, 0, k);
    need_rank(n, 0, 3, 3);
    need_rank(n, 1, 3, 3);
    if (w->dim[0] != x->dim[1] || w->dim[1] != 1 || w->dim[2] < 1)
        fail_node(SDC_BAD_INPUT, n, "weights %s do not fit data %s", shape_text(w), shape_text(x));
    if (strcmp(activation, "none") && strcmp(activation, "silu") && strcmp(activation, "swish"))
        fail_node(SDC_BAD_INPUT, n, "activation '%s' is unknown (none, silu, swish)", activation);
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != x->dim[1]))
        fail_node(SDC_BAD_INPUT, n, "the bias must have the shape [%lld]", (long long)x->dim[1]);
    Shape state = shape_of(3, (int64_t[]){x->dim[0], x->dim[1], w->dim[2] - 1});
    if (past && !shape_equal(&past->shape, &state))
        fail_node(SDC_BAD_INPUT, n, "past_state must have the shape %s, not %s", shape_text(&state),
                  shape_text(&past->shape));
    set_output(n, 0, n->in[0]->dtype, x);
    set_output(n, 1, n->in[0]->dtype, &state);
}
