/* lower_gemm.c: Gemm, a product by lower_matmul.c's kernels and what its alpha, beta and C ask for beside that. */
#include "kernel_choice.h"
#include "matmul.h"
#include "steps.h"

/* Gemm's C as a bias of gemm.h: one row, side by side, unscaled. */
static bool is_row(const Node *n, const Value *c, int64_t columns)
{
    const Shape *s = &c->shape;
    bool row = s->rank == 1 || (s->rank == 2 && s->dim[0] == 1);
    return row && s->dim[s->rank - 1] == columns && attr_f(n, "beta") == 1 && attr_f(n, "alpha") == 1;
}

/* y = alpha * y + beta * c in place */
static void finish_gemm(Lowering *l, Node *n, View y, Value *c)
{
    double alpha = attr_f(n, "alpha"), beta = attr_f(n, "beta");
    if (view_count(&y) == 0 || (alpha == 1 && (!c || beta == 0)))
        return;
    View added = c ? view_broadcast(view_cast(l, n, view_of(l, c), y.dtype), 2, y.dim) : (View){.dtype = y.dtype};
    Call *call = call_kernel(l, n, "gemm_finish");
    call_update(call, y);
    call_read(call, added);
    call_type(call, "T", y.dtype);
    call_text(call, "SUM", dtype_is_float(y.dtype) ? y.dtype == DT_F64 ? "double" : "float" : "uint64_t");
    call_int(call, "M", y.dim[0]);
    call_int(call, "N", y.dim[1]);
    call_int(call, "HAS_C", c != NULL);
    call_int(call, "C_ROW", added.stride[0]);
    call_int(call, "C_COLUMN", added.stride[1]);
    if (dtype_is_float(y.dtype)) {
        call_float(call, "ALPHA", alpha);
        call_float(call, "BETA", beta);
    } else {
        call_int(call, "ALPHA", (int64_t)alpha);
        call_int(call, "BETA", (int64_t)beta);
    }
    call_note(call, "scale by %g, + %g c", alpha, beta);
}

void lower_gemm(Lowering *l, Node *n)
{
    static const int turned[] = {1, 0};
    Value *c = input_of(n, 2);
    const bool row = c && is_row(n, c, n->out[0]->shape.dim[1]), plain = attr_f(n, "alpha") == 1 && (!c || row);
    Product p = {.y = room_dense(l, n->out[0], plain ? stored_type(l, n, true) : kept_type(n->out[0]))};
    p.a = view_of(l, n->in[0]);
    p.b = product_operand(l, n->in[1], &p.constant);
    if (attr_i(n, "transA"))
        p.a = view_permute(p.a, 2, turned);
    if (attr_i(n, "transB"))
        p.b = view_permute(p.b, 2, turned);
    if (row)
        p.bias = dtype_is_half(c->dtype) ? view_f32_list(l, n, c) : view_dense(l, c);
    if (plain)
        p.axes = in_order;
    lower_product(l, n, p);
    if (!plain)
        finish_gemm(l, n, p.y, c);
    result_ready(l, n, p.y);
}
