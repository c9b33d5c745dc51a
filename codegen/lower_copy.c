/* lower_copy.c: data that moves: every change of layout or type that a view cannot express. */
#include <stdlib.h>

#include "../runtime/runtime.h"
#include "axes.h"

/* The axis that the source runs along, when the result's innermost one is not it: worth tiles; -1 otherwise. */
static int transposed_axis(const Axes *a)
{
    int inner = a->rank - 1;
    if (a->stride[0][inner] != 1 || llabs(a->stride[1][inner]) <= 1)
        return -1;
    for (int k = 0; k < inner; k++)
        if (a->stride[1][k] == 1)
            return k;
    return -1;
}

/* Make axis k the innermost but one. */
static void sink_axis(Axes *a, int k)
{
    Axes before = *a;
    for (int j = k; j + 2 < a->rank; j++) {
        a->dim[j] = before.dim[j + 1];
        for (int o = 0; o < a->operands; o++)
            a->stride[o][j] = before.stride[o][j + 1];
    }
    a->dim[a->rank - 2] = before.dim[k];
    for (int o = 0; o < a->operands; o++)
        a->stride[o][a->rank - 2] = before.stride[o][k];
}

Call *lower_copy_axes(Lowering *l, Node *n, View to, View from, Axes a, const char *conversion)
{
    static const char *const names[] = {"SR", "S0"};
    if (axes_count(&a) == 0)
        return NULL;
    axes_simplify(&a);
    int inner = a.rank - 1, other = transposed_axis(&a);
    bool same = to.dtype == from.dtype && !conversion;
    Call *c = call_kernel(l, n, other < 0 ? "copy" : "transpose");
    call_write(c, to);
    call_read(c, from);
    call_type(c, "R", to.dtype);
    call_type(c, "T", from.dtype);
    call_text(c, "EXPR", conversion ? conversion : same ? "v" : "SDC_CAST(T, R, SDC_CAT(ld_, T)(v))");
    call_int(c, "SAME", same);
    call_int(c, "N", a.dim[inner]);
    if (other < 0) {
        call_int(c, "IR", a.stride[0][inner]);
        call_int(c, "I0", a.stride[1][inner]);
        axes_parameters(c, &a, inner, names);
    } else {
        sink_axis(&a, other);
        call_int(c, "NX", a.stride[1][inner]);
        call_int(c, "M", a.dim[inner - 1]);
        call_int(c, "MR", a.stride[0][inner - 1]);
        axes_parameters(c, &a, inner - 1, names);
    }
    Shape shape = shape_of(to.rank, to.dim);
    call_note(c, "%s %s%s%s", other < 0 ? "copy" : "transpose", shape_text(&shape),
              to.dtype == from.dtype ? "" : " to ",
              to.dtype == from.dtype ? "" : dtype_info(to.dtype)->name);
    return c;
}

Call *lower_copy_view(Lowering *l, Node *n, View to, View from)
{
    return lower_copy_axes(l, n, to, from, axes_of_views(2, (View[]){to, from}), NULL);
}

void lower_fill_view(Lowering *l, Node *n, View to, int64_t value)
{
    static const char *const names[] = {"SR"};
    Axes a = axes_of_views(1, &to);
    if (axes_count(&a) == 0)
        return;
    axes_simplify(&a);
    Call *c = call_kernel(l, n, "fill");
    call_write(c, to);
    call_type(c, "R", to.dtype);
    call_int(c, "VALUE", value);
    call_int(c, "N", a.dim[a.rank - 1]);
    call_int(c, "IR", a.stride[0][a.rank - 1]);
    axes_parameters(c, &a, a.rank - 1, names);
    Shape shape = shape_of(to.rank, to.dim);
    call_note(c, "fill %s with %lld", shape_text(&shape), (long long)value);
}
