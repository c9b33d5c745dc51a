/* lower_quantise.c: QuantizeLinear and DequantizeLinear: one strided pass in which scale and zero point repeat with
 * strides of 0.  Blocks split their axis in two; what is left over behind the last whole block is a second call. */
#include "../ir/quantise.h"
#include "../runtime/runtime.h"
#include "axes.h"

/* Operands of a nest: result, data, scale; the zero point lies as the scale does. */
typedef struct { View y, x, scale, zero; bool has_zero; } Operands;

static const char *const lists[] = {"SR", "S0", "S1"};

/* How an element of a float format is stored. */
static const char *store_text(const Node *n, DType type)
{
    static const DType saturating[] = {DT_F8E4M3, DT_F8E4M3Z, DT_F8E5M2, DT_F8E5M2Z};
    for (size_t k = 0; k < sizeof saturating / sizeof *saturating; k++)
        if (type == saturating[k] && !attr_i(n, "saturate"))
            return "SDC_CAT(SDC_CAT(to_, R), _nosat)(v)";
    return "SDC_CAT(to_, R)(v)";
}

static void quantize_parameters(Call *c, const Node *n, DType type)
{
    int64_t low = 0, high = 0;
    if (!dtype_is_float(type))
        integer_limits(type, &low, &high);
    call_type(c, "A", quantise_precision(n));
    call_int(c, "LOW", low);
    call_int(c, "HIGH", high);
    call_text(c, "STORE", store_text(n, type));
}

static void dequantize_parameters(Call *c, const Operands *o)
{
    DType product = o->y.dtype == DT_F64 ? DT_F64 : DT_F32;
    bool wide = dtype_info(o->x.dtype)->bytes >= 4;
    call_type(c, "A", product);
    call_type(c, "D", dtype_is_float(o->x.dtype) ? product : wide ? DT_I64 : DT_I32);
}

static void pass(Lowering *l, Node *n, const Operands *o, Axes a)
{
    if (!axes_count(&a))
        return;
    axes_simplify(&a);
    int inner = a.rank - 1;
    bool quantizes = n->op == OP_QuantizeLinear;
    Call *c = call_kernel(l, n, quantizes ? "quantize" : "dequantize");
    call_write(c, o->y);
    call_read(c, o->x);
    call_read(c, o->scale);
    if (o->has_zero)
        call_read(c, o->zero);
    call_type(c, "R", o->y.dtype);
    call_type(c, "T", o->x.dtype);
    call_type(c, "TS", o->scale.dtype);
    call_int(c, "HAS_ZERO", o->has_zero);
    if (quantizes)
        quantize_parameters(c, n, o->y.dtype);
    else
        dequantize_parameters(c, o);
    call_int(c, "N", a.dim[inner]);
    call_int(c, "IR", a.stride[0][inner]);
    call_int(c, "I0", a.stride[1][inner]);
    call_int(c, "I1", a.stride[2][inner]);
    axes_parameters(c, &a, inner, lists);
    call_note(c, "%s %s %s -> %s", op_info(n->op)->name, dtype_info(o->x.dtype)->name, shape_text(&n->in[0]->shape),
              dtype_info(o->y.dtype)->name);
}

/* The nest for positions first.. of the quantised axis, `blocks` blocks of `block` each. */
static void pass_blocks(Lowering *l, Node *n, Operands o, int axis, int64_t first, int64_t blocks, int64_t block,
                        int64_t nth)
{
    Axes a = {.operands = 3};
    for (int k = 0; k < o.x.rank; k++) {
        int parts = k == axis ? 2 : 1;
        for (int part = 0; part < parts; part++) {
            int64_t step = k == axis && part == 0 ? block : 1;
            a.dim[a.rank] = k != axis ? o.x.dim[k] : part ? block : blocks;
            a.stride[0][a.rank] = o.y.stride[k] * step;
            a.stride[1][a.rank] = o.x.stride[k] * step;
            a.stride[2][a.rank++] = part ? 0 : o.scale.stride[k];
        }
    }
    o.y.offset += first * o.y.stride[axis];
    o.x.offset += first * o.x.stride[axis];
    o.scale.offset += nth * o.scale.stride[axis];
    o.zero.offset += nth * o.scale.stride[axis];
    pass(l, n, &o, a);
}

/* Scale and zero point have the same order, so that one list of strides serves both. */
void lower_quantise(Lowering *l, Node *n)
{
    Granularity g = quantise_granularity(n);
    Operands o = {.x = view_of(l, n->in[0]), .scale = view_dense(l, n->in[1]), .has_zero = input_of(n, 2) != NULL};
    o.y = result_like(l, n->out[0], &o.x);
    if (o.has_zero)
        o.zero = view_dense(l, n->in[2]);
    if (!view_count(&o.x))
        return;
    if (g.block) {
        int64_t extent = o.x.dim[g.axis], whole = extent / g.block;
        pass_blocks(l, n, o, g.axis, 0, whole, g.block, 0);
        pass_blocks(l, n, o, g.axis, whole * g.block, 1, extent % g.block, whole);
        return;
    }
    Axes a = {.rank = o.x.rank, .operands = 3};
    for (int k = 0; k < a.rank; k++) {
        a.dim[k] = o.x.dim[k];
        a.stride[0][k] = o.y.stride[k];
        a.stride[1][k] = o.x.stride[k];
        a.stride[2][k] = k == g.axis;
    }
    pass(l, n, &o, a);
}
