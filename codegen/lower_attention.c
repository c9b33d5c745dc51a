/* lower_attention.c: Attention that pass_decompose left whole (decompose_attention.c has the conditions).
 *
 * Operands and result are views, so Transposes that split or join heads move nothing.  The scores are never stored. */
#include "../ir/attention.h"
#include "kernel_choice.h"
#include "matmul.h"
#include "steps.h"

/* [batch, length, heads * size] as [batch, heads, length, size]; the latter as it is. */
static View split_heads(Lowering *l, Node *n, View v, int64_t heads)
{
    static const int turned[] = {0, 2, 1, 3};
    if (v.rank == 4)
        return v;
    const int64_t dim[] = {v.dim[0], v.dim[1], heads, v.dim[2] / heads};
    if (!view_reshape(&v, 4, dim)) {
        v = view_to_dense(l, n, v);
        view_reshape(&v, 4, dim);
    }
    return view_permute(v, 4, turned);
}

/* Operand k, [batch, heads, length, size], the elements of a row side by side. */
static View heads_of(Lowering *l, Node *n, int k, int64_t heads)
{
    View v = split_heads(l, n, view_of(l, n->in[k]), heads);
    return v.dim[3] == 1 || v.stride[3] == 1 ? v : view_to_dense(l, n, v);
}

static View mask_of(Lowering *l, Node *n, const AttentionExtents *e)
{
    const int64_t dim[] = {e->batch, e->q_heads, e->q_length, e->total};
    Value *mask = input_of(n, 3);
    if (!mask)
        return (View){.dtype = DT_F32};
    return view_broadcast(view_of(l, mask), 4, dim);
}

static void strides(Call *c, const char *name, const View *v)
{
    static const char *const axes[] = {"BATCH", "HEAD", "ROW"};
    for (int k = 0; k < 3; k++)
        call_int(c, text_format("%s_%s", name, axes[k]), v->dim[k] == 1 ? 0 : v->stride[k]);
}

static void attention_call(Lowering *l, Node *n, const AttentionExtents *e, View y)
{
    View q = heads_of(l, n, 0, e->q_heads), k = heads_of(l, n, 1, e->kv_heads), v = heads_of(l, n, 2, e->kv_heads);
    View mask = mask_of(l, n, e);
    int64_t ahead = attr_i(n, "is_causal") ? 0 : attr_i(n, "right_window_size");
    const bool bf16 = l->isa->bf16_rate && q.dtype == DT_BF16 && k.dtype == DT_BF16 && v.dtype == DT_BF16 && e->scale > 0;
    Call *c = call_kernel(l, n, bf16 ? "attention_bf16" : "attention");
    call_write(c, y);
    call_read(c, q);
    call_read(c, k);
    call_read(c, v);
    call_read(c, mask);
    call_stored(c, "TY", &y);
    if (!bf16) {
        call_stored(c, "TQ", &q);
        call_stored(c, "TK", &k);
        call_stored(c, "TV", &v);
    }
    call_stored(c, "TM", &mask);
    call_int(c, "BATCH", e->batch);
    call_int(c, "HEADS", e->kv_heads);
    call_int(c, "GROUP", e->q_heads / e->kv_heads);
    call_int(c, "QUERIES", e->q_length);
    call_int(c, "KEYS", e->total);
    call_int(c, "SIZE", e->size);
    call_int(c, "V_SIZE", e->v_size);
    call_float(c, "SCALE", e->scale);
    strides(c, "Q", &q);
    strides(c, "K", &k);
    strides(c, "V", &v);
    strides(c, "Y", &y);
    call_int(c, "HAS_MASK", mask.buffer != NULL);
    if (mask.buffer) {
        strides(c, "MASK", &mask);
        call_int(c, "MASK_KEY", mask.stride[3]);
    }
    call_int(c, "CAUSAL", ahead >= 0);
    call_int(c, "AHEAD", ahead >= 0 ? ahead : 0);
    choose_attention(l, c);
    c->flops = 2 * e->batch * e->q_heads * e->q_length * e->total * (e->size + e->v_size);
    call_note(c, "attention [%lld,%lld,%lld,%lld] x %lld keys%s%s%s", (long long)e->batch, (long long)e->q_heads,
              (long long)e->q_length, (long long)e->size, (long long)e->total,
              e->kv_heads == e->q_heads ? "" : text_format(" of %lld heads", (long long)e->kv_heads),
              mask.buffer ? ", + mask" : "", ahead >= 0 ? ", causal" : "");
}

void lower_attention(Lowering *l, Node *n)
{
    AttentionExtents e = attention_extents(n);
    View result = room_for_reader(l, n->out[0], kept_type(n->out[0]));
    attention_call(l, n, &e, split_heads(l, n, result, e.q_heads));
    result_ready(l, n, result);
}
