/* lower_signal.c: DFT and LinearAttention: kernels that bring scratch memory along. */
#include "../ir/attention.h"
#include "../ir/spectrum.h"
#include "axes.h"

void lower_dft(Lowering *l, Node *n)
{
    static const char *const names[] = {"SR", "S0"};
    enum { SLOTS = 16 };            /* units enough for as many threads, each with its own scratch */
    Transform t = signal_transform(n);
    View x = view_of(l, n->in[0]), y = result_dense(l, n->out[0]);
    int last = x.rank - 1;
    Axes lines = {.operands = 2};
    if (!view_count(&y))
        return;
    for (int k = 0; k < last; k++)
        if (k != t.axis) {
            lines.dim[lines.rank] = x.dim[k];
            lines.stride[0][lines.rank] = y.stride[k];
            lines.stride[1][lines.rank++] = x.stride[k];
        }
    axes_simplify(&lines);
    int64_t slots = axes_count(&lines) < SLOTS ? axes_count(&lines) : SLOTS;
    Call *c = call_kernel(l, n, "dft");
    call_write(c, y);
    call_read(c, x);
    call_update(c, scratch(l, DT_F64, t.length * (2 + 6 * slots)));
    call_type(c, "T", x.dtype);
    call_int(c, "LENGTH", t.length);
    call_int(c, "INVERSE", t.inverse);
    call_int(c, "ONESIDED", t.onesided);
    call_int(c, "N", t.in);
    call_int(c, "I0", x.stride[t.axis]);
    call_int(c, "K", t.out);
    call_int(c, "IR", y.stride[t.axis]);
    call_int(c, "PARTS", t.parts_in);
    call_int(c, "XP", x.stride[last]);
    call_int(c, "PARTS_R", t.parts_out);
    call_int(c, "RP", y.stride[last]);
    axes_parameters(c, &lines, lines.rank, names);
    call_int(c, "SLOTS", slots);
    call_note(c, "%s%sDFT %s -> %s", t.onesided ? "one-sided " : "", t.inverse ? "inverse " : "",
              shape_text(&n->in[0]->shape), shape_text(&n->out[0]->shape));
}

/* A result that nobody asked for still needs room. */
static View result_or_room(Lowering *l, Node *n, int k, DType type, int rank, const int64_t *dim)
{
    return output_of(n, k) ? result_dense(l, n->out[k]) : temporary(l, type, rank, dim);
}

void lower_linear_attention(Lowering *l, Node *n)
{
    LinearExtents e = linear_extents(n);
    Value *past = input_of(n, 3);
    DType type = n->in[0]->dtype, stored = past ? past->dtype : type;
    DType sum = type == DT_F64 || stored == DT_F64 ? DT_F64 : DT_F32;
    int64_t cells = e.batch * e.kv_heads * e.k_size * e.v_size;
    View in[6];
    for (int k = 0; k < 6; k++)                     /* copies come before the call */
        if (input_of(n, k))
            in[k] = view_dense(l, n->in[k]);
    Call *c = call_kernel(l, n, "linear_attention");
    call_write(c, result_or_room(l, n, 0, type, 3, (int64_t[]){e.batch, e.length, e.q_heads * e.v_size}));
    call_write(c, result_or_room(l, n, 1, stored, 4, (int64_t[]){e.batch, e.kv_heads, e.k_size, e.v_size}));
    for (int k = 0; k < 6; k++)
        if (input_of(n, k))
            call_read(c, in[k]);
    call_update(c, scratch(l, sum, cells));
    call_type(c, "T", type);
    call_type(c, "TS", stored);
    call_type(c, "A", sum);
    call_int(c, "BATCH", e.batch);
    call_int(c, "LENGTH", e.length);
    call_int(c, "KV_HEADS", e.kv_heads);
    call_int(c, "GROUP", e.q_heads / e.kv_heads);
    call_int(c, "KS", e.k_size);
    call_int(c, "VS", e.v_size);
    call_int(c, "HAS_PAST", past != NULL);
    call_int(c, "DECAYS", !e.gated ? 0 : e.decay_per_key ? e.k_size : 1);
    call_int(c, "BETAS", !e.delta ? 0 : e.beta_shared ? 1 : e.kv_heads);
    call_float(c, "SCALE", e.scale);
    call_note(c, "linear attention (%s) %lld steps, %lld heads, state %lldx%lld", attr_s(n, "update_rule"),
              (long long)e.length, (long long)e.q_heads, (long long)e.k_size, (long long)e.v_size);
}
