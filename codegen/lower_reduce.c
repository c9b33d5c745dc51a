/* lower_reduce.c: reductions, ArgMax, ArgMin, CumSum and CumProd.
 *
 * Kept and reduced axes become two loop nests with as few axes as the strides allow.  Where the reduced data runs along
 * memory a result is a line of it (reduce.h); where kept data does, results are summed side by side (reduce_columns.h).
 * The result is stored in the order that its axes have in the operand. */
#include "../ir/quantise.h"
#include "../ir/reduce.h"
#include "../runtime/runtime.h"
#include "axes.h"

/* What a reduction does, as C text; columns for floats, signed and unsigned integers.  NULL finish: "a". */
typedef struct {
    Op op;
    const char *init, *step, *join, *finish;
    const char *unsigned_step;      /* differs where the sign counts */
    bool in_double;                 /* integers are reduced as doubles */
} Reduction;

static const Reduction table[] = {
    {OP_ReduceSum, "0", "a + v", "a + b", "a", NULL, false},
    {OP_ReduceMean, "0", "a + v", "a + b", NULL, NULL, false},
    {OP_ReduceMax, NULL, "((v > a) | (v != v)) ? v : a", "((b > a) | (b != b)) ? b : a", "a", NULL, false},
    {OP_ReduceMin, NULL, "((v < a) | (v != v)) ? v : a", "((b < a) | (b != b)) ? b : a", "a", NULL, false},
    {OP_ReduceProd, "1", "a * v", "a * b", "a", NULL, false},
    {OP_ReduceL1, "0", "a + (v < 0 ? -v : v)", "a + b", "a", "a + v", false},
    {OP_ReduceL2, "0", "a + v * v", "a + b", "sqrt(a)", NULL, true},
    {OP_ReduceSumSquare, "0", "a + v * v", "a + b", "a", NULL, false},
    {OP_ReduceLogSum, "0", "a + v", "a + b", "log(a)", NULL, true},
};

static const Reduction *reduction_of(const Node *n)
{
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (table[k].op == n->op)
            return &table[k];
    bug("%s has no reduction kernel", op_info(n->op)->name);
}

/* The type that accumulates: floats add up in double, integers wrap in 64 bits, extremes stay what they are. */
static DType accumulator(const Node *n, const Reduction *r)
{
    DType type = n->in[0]->dtype;
    bool extreme = n->op == OP_ReduceMax || n->op == OP_ReduceMin;
    if (dtype_is_float(type))
        return extreme && type != DT_F64 ? DT_F32 : DT_F64;
    if (extreme)
        return type;
    return r->in_double ? DT_F64 : DT_U64;
}

/* The result of an empty reduction of extremes. */
static const char *extreme_start(const Node *n)
{
    DType type = n->in[0]->dtype;
    bool max = n->op == OP_ReduceMax;
    int64_t low, high;
    if (dtype_is_float(type))
        return max ? "-INFINITY" : "INFINITY";
    if (type == DT_BOOL)
        return max ? "0" : "1";
    integer_limits(type, &low, &high);
    if (type == DT_U64)
        return max ? "0" : "UINT64_MAX";
    if (max && low == INT64_MIN)
        return "INT64_MIN";
    return text_format("%lld", (long long)(max ? low : high));
}

static const char *mean_of(DType type, int64_t count)
{
    if (dtype_is_float(type))
        return text_format("a / %lld.0", (long long)count);
    if (!count)
        return "0 * a";
    return text_format(dtype_info(type)->class == 'i' ? "(uint64_t)((int64_t)a / %lld)" : "a / %lld", (long long)count);
}

static void meaning_parameters(Call *c, const Node *n, int64_t count, bool joined)
{
    const Reduction *r = reduction_of(n);
    DType type = n->in[0]->dtype, sum = accumulator(n, r);
    bool is_signed = dtype_info(type)->class == 'i', wraps = sum == DT_U64;
    const char *step = r->unsigned_step && !is_signed && wraps ? r->unsigned_step : r->step;
    if (n->op == OP_ReduceL1 && is_signed && wraps)
        step = "a + ((int64_t)v < 0 ? 0 - v : v)";
    call_type(c, "T", type);
    call_type(c, "A", sum);
    call_text(c, "INIT", r->init ? r->init : extreme_start(n));
    call_text(c, "STEP", step);
    if (joined)
        call_text(c, "JOIN", r->join);
    call_text(c, "FINISH", r->finish ? r->finish : mean_of(type, count));
}

/* ---- loop nests -------------------------------------------------------------------------------------------------- */

typedef struct {
    Axes kept;                      /* operands: result, x */
    Axes reduced;                   /* operand: x */
    View y, x;
    int64_t count;                  /* elements a result */
} Nest;

/* The result is stored in the order of x; its strides over x's axes go to the nest. */
static Nest nest_of(Lowering *l, Node *n)
{
    bool gone[MAX_RANK];
    Nest nest = {.kept = {.operands = 2}, .reduced = {.operands = 1}, .x = view_of(l, n->in[0]), .count = 1};
    View order = nest.x;
    reduce_axes(n, gone);
    bool keep = n->out[0]->shape.rank == nest.x.rank;
    if (!keep) {
        order.rank = 0;
        for (int k = 0; k < nest.x.rank; k++)
            if (!gone[k]) {
                order.dim[order.rank] = nest.x.dim[k];
                order.stride[order.rank++] = nest.x.stride[k];
            }
    }
    nest.y = result_like(l, n->out[0], &order);
    int result_axis = 0;
    for (int k = 0; k < nest.x.rank; k++) {
        Axes *a = gone[k] ? &nest.reduced : &nest.kept;
        a->dim[a->rank] = nest.x.dim[k];
        a->stride[0][a->rank] = gone[k] ? nest.x.stride[k] : nest.y.stride[keep ? k : result_axis];
        a->stride[1][a->rank++] = nest.x.stride[k];
        nest.count *= gone[k] ? nest.x.dim[k] : 1;
        result_axis += !gone[k];
    }
    axes_simplify(&nest.kept);
    axes_simplify(&nest.reduced);
    return nest;
}

/* The kept axis that runs along memory and is worth a row of accumulators; -1: none. */
static int column_axis(const Nest *nest)
{
    const Axes *r = &nest->reduced;
    if (r->stride[0][r->rank - 1] == 1 && r->dim[r->rank - 1] > 1)
        return -1;
    for (int k = 0; k < nest->kept.rank; k++)
        if (nest->kept.stride[1][k] == 1 && nest->kept.dim[k] >= 4)
            return k;
    return -1;
}

static void remove_axis(Axes *a, int axis)
{
    a->rank--;
    for (int k = axis; k < a->rank; k++) {
        a->dim[k] = a->dim[k + 1];
        for (int o = 0; o < a->operands; o++)
            a->stride[o][k] = a->stride[o][k + 1];
    }
}

static void reduced_parameters(Call *c, const Axes *a)
{
    int inner = a->rank - 1;
    int64_t lines = 1;
    for (int k = 0; k < inner; k++)
        lines *= a->dim[k];
    call_int(c, "LINES", lines);
    call_int(c, "INNER", inner);
    call_dims(c, "INNER_DIMS", inner, a->dim);
    call_dims(c, "SI", inner, a->stride[0]);
    call_int(c, "N", a->dim[inner]);
    call_int(c, "I0", a->stride[0][inner]);
}

static Call *kept_call(Lowering *l, Node *n, const char *kernel, Nest *nest, int columns)
{
    static const char *const names[] = {"SR", "S0"};
    Call *c = call_kernel(l, n, kernel);
    call_write(c, nest->y);
    call_read(c, nest->x);
    if (columns >= 0) {
        call_int(c, "M", nest->kept.dim[columns]);
        call_int(c, "MR", nest->kept.stride[0][columns]);
        remove_axis(&nest->kept, columns);
    }
    axes_parameters(c, &nest->kept, nest->kept.rank, names);
    call_note(c, "%s %s -> %s", op_info(n->op)->name, shape_text(&n->in[0]->shape), shape_text(&n->out[0]->shape));
    return c;
}

void lower_reduce(Lowering *l, Node *n)
{
    Nest nest = nest_of(l, n);
    if (!axes_count(&nest.kept))
        return;
    int columns = column_axis(&nest);
    Call *c = kept_call(l, n, columns < 0 ? "reduce" : "reduce_columns", &nest, columns);
    meaning_parameters(c, n, nest.count, columns < 0);
    reduced_parameters(c, &nest.reduced);
}

/* NaN wins both contests, the first one unless the last index is asked for. */
static const char *better(const Node *n)
{
    bool max = n->op == OP_ArgMax, last = attr_i(n, "select_last_index") != 0;
    const char *sign = max ? last ? ">=" : ">" : last ? "<=" : "<";
    if (!dtype_is_float(n->in[0]->dtype))
        return text_format("v %s a", sign);
    return text_format(last ? "(v != v) | (v %s a)" : "(a == a) & ((v != v) | (v %s a))", sign);
}

void lower_arg_reduce(Lowering *l, Node *n)
{
    Nest nest = nest_of(l, n);
    if (!axes_count(&nest.kept))
        return;
    Call *c = kept_call(l, n, "arg_reduce", &nest, -1);
    call_type(c, "T", n->in[0]->dtype);
    call_text(c, "BETTER", better(n));
    call_int(c, "N", nest.reduced.dim[0]);
    call_int(c, "I0", nest.reduced.stride[0][0]);
}

void lower_cumulative(Lowering *l, Node *n)
{
    static const char *const names[] = {"SR", "S0"};
    View x = view_of(l, n->in[0]), y = result_like(l, n->out[0], &x);
    DType type = x.dtype;
    int64_t given, direction = attr_i(n, "reverse") ? -1 : 1;
    ints_of(n, 1, "axis", &given, 1);
    int axis = (int)axis_of(n, given, x.rank);
    Axes others = axes_of_views(2, (View[]){y, x});
    remove_axis(&others, axis);
    if (!view_count(&x))
        return;
    axes_simplify(&others);
    Call *c = call_kernel(l, n, "cumulative");
    call_write(c, y);
    call_read(c, x);
    call_type(c, "T", type);
    call_type(c, "A", dtype_is_float(type) ? DT_F64 : DT_U64);
    call_text(c, "INIT", n->op == OP_CumSum ? "0" : "1");
    call_text(c, "STEP", n->op == OP_CumSum ? "a + v" : "a * v");
    call_int(c, "EXCLUSIVE", attr_i(n, "exclusive") != 0);
    axes_parameters(c, &others, others.rank, names);
    call_int(c, "N", x.dim[axis]);
    call_int(c, "IR", direction * y.stride[axis]);
    call_int(c, "I0", direction * x.stride[axis]);
    call_int(c, "FIRST", direction < 0 ? (y.dim[axis] - 1) * y.stride[axis] : 0);
    call_int(c, "FIRST_X", direction < 0 ? (x.dim[axis] - 1) * x.stride[axis] : 0);
    call_note(c, "%s %s along axis %d", op_info(n->op)->name, shape_text(&n->in[0]->shape), axis);
}
