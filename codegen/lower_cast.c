/* lower_cast.c: type changes are copies that convert; a change of type over the same bits is only another view. */
#include "../runtime/runtime.h"
#include "axes.h"

/* The element to store in terms of the stored element v, where it is not the plain cast; NULL otherwise. */
static const char *special_rounding(const Node *n, DType from, DType to)
{
    bool unsaturated = to == DT_F8E4M3 || to == DT_F8E4M3Z || to == DT_F8E5M2 || to == DT_F8E5M2Z;
    bool saturate = attr_i(n, "saturate") != 0;
    const char *mode = attr_s(n, "round_mode");
    const char *value = text_format("dt_round_to_odd((double)ld_%s(v))", dtype_info(from)->name);
    if (to == DT_F8E8M0 && (*mode != 'u' || !saturate))
        return text_format("dt_f8e8m0_round(%s, DT_ROUND_%s, %s)", value,
                           *mode == 'u' ? "UP" : *mode == 'd' ? "DOWN" : "NEAREST", saturate ? "true" : "false");
    return unsaturated && !saturate ? text_format("to_%s_nosat(%s)", dtype_info(to)->name, value) : NULL;
}

void lower_cast(Lowering *l, Node *n)
{
    View from = view_of(l, n->in[0]);
    if (from.dtype == n->out[0]->dtype) {
        result_is(l, n->out[0], from);
        return;
    }
    View to = result_like(l, n->out[0], &from);
    lower_copy_axes(l, n, to, from, axes_of_views(2, (View[]){to, from}), special_rounding(n, from.dtype, to.dtype));
}

/* Types narrower than a byte keep one element a byte, with a sign of their own in the rest of it. */
void lower_bitcast(Lowering *l, Node *n)
{
    View from = view_of(l, n->in[0]);
    DType type = n->out[0]->dtype;
    const DTypeInfo *info = dtype_info(type);
    if (info->bits == 8 * info->bytes) {
        from.dtype = type;
        result_is(l, n->out[0], from);
        return;
    }
    View to = result_like(l, n->out[0], &from);
    const char *bits = text_format("(v & %d)", (1 << info->bits) - 1);
    lower_copy_axes(l, n, to, from, axes_of_views(2, (View[]){to, from}),
                    info->class == 'f' ? bits : text_format("SDC_CAT(to_, R)((SDC_CAT(st_, R))%s)", bits));
}
