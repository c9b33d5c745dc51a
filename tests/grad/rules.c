/* rules.c: see rules.h.
 *
 * Operands are what the maker's pool holds, inputs among it, so that parts stack on each other.  Where an operator has
 * no result, or a corner, near some numbers, its operand is brought away from them. */
#include "rules.h"

#include <string.h>

/* ---- elementwise ------------------------------------------------------------------------------------------------ */

typedef enum { ANY, POSITIVE, INSIDE, ABOVE_ONE } Domain;

static Value *within(Maker *m, Value *x, Domain d)
{
    Value *scale = scalar(m, 0.9);
    switch (d) {
    case POSITIVE: return op2(m, OP_Add, op2(m, OP_Mul, x, x), scalar(m, 0.3));
    case INSIDE: return op2(m, OP_Mul, op1(m, OP_Tanh, x), scale);
    case ABOVE_ONE: return op2(m, OP_Add, op2(m, OP_Mul, x, x), scalar(m, 1.3));
    default: return x;
    }
}

static const struct { Op op; Domain domain; } unary[] = {
    {OP_Abs, ANY}, {OP_Neg, ANY}, {OP_Reciprocal, POSITIVE}, {OP_Sqrt, POSITIVE}, {OP_Exp, INSIDE}, {OP_Log, POSITIVE},
    {OP_Sin, ANY}, {OP_Cos, ANY}, {OP_Tan, INSIDE}, {OP_Asin, INSIDE}, {OP_Acos, INSIDE}, {OP_Atan, ANY}, {OP_Sinh, INSIDE},
    {OP_Cosh, INSIDE}, {OP_Asinh, ANY}, {OP_Acosh, ABOVE_ONE}, {OP_Atanh, INSIDE}, {OP_Tanh, ANY}, {OP_Erf, ANY},
    {OP_Sigmoid, ANY}, {OP_Relu, ANY}, {OP_LeakyRelu, ANY}, {OP_ThresholdedRelu, ANY}, {OP_Elu, ANY}, {OP_Celu, ANY},
    {OP_Selu, ANY}, {OP_HardSigmoid, ANY}, {OP_HardSwish, ANY}, {OP_Softplus, ANY}, {OP_Softsign, ANY}, {OP_Mish, ANY},
    {OP_Swish, ANY}, {OP_Gelu, ANY}, {OP_GeluTanh, ANY}, {OP_Floor, ANY}, {OP_Ceil, ANY}, {OP_Round, ANY}, {OP_Sign, ANY},
    {OP_Identity, ANY},
};

static const char *const shaped_by[] = {"alpha", "gamma"};

static void elementwise_rule(Maker *m, int k)
{
    Node *n = begin(m, unary[k].op, 1, (Value *[]){within(m, some(m), unary[k].domain)});
    for (int a = 0; a < COUNT(shaped_by); a++)
        if (strstr(op_info(n->op)->attrs, shaped_by[a]) && chance(m, 60))
            attr_set_f(n, shaped_by[a], number_in(m, 0.2, 1.7));
    keep(m, end(n));
}

static const Op binary[] = {OP_Add, OP_Sub, OP_Mul, OP_Div, OP_Pow, OP_Max, OP_Min, OP_PRelu};

static void binary_rule(Maker *m, int k)
{
    Value *x = some(m), *y = like(m, &x->shape);
    if (binary[k] == OP_Div)
        y = within(m, y, POSITIVE);
    if (binary[k] == OP_Pow) {
        x = within(m, x, POSITIVE);
        y = chance(m, 40) ? scalar(m, chance(m, 50) ? 2 : number_in(m, -2, 3)) : within(m, y, INSIDE);
    }
    const bool turned = binary[k] != OP_Pow && binary[k] != OP_Div && binary[k] != OP_PRelu && chance(m, 40);
    keep(m, turned ? op2(m, binary[k], y, x) : op2(m, binary[k], x, y));
}

static void choices(Maker *m)
{
    Value *x = some(m), *y = like(m, &x->shape), *condition = some_bool(m, &x->shape);
    keep(m, chance(m, 50) ? op3(m, OP_Where, condition, x, y) : op3(m, OP_Where, condition, y, x));
    keep(m, op3(m, OP_Clip, some(m), scalar(m, number_in(m, -1, 0)), scalar(m, number_in(m, 0.1, 1))));
}

/* ---- movement --------------------------------------------------------------------------------------------------- */

static Value *node_on(Maker *m, Op op, Value *x, const char *name, int64_t v)
{
    Node *n = begin(m, op, 1, &x);
    attr_set_i(n, name, v);
    return end(n);
}

static void views(Maker *m)
{
    Value *x = some_of_rank(m, 2, 4);
    int64_t perm[4], dim[5] = {2};
    const int rank = x->shape.rank, turn = below(m, rank);
    for (int k = 0; k < rank; k++) {
        perm[k] = (k + turn) % rank;
        dim[k + 1] = x->shape.dim[k];
    }
    x = keep(m, transpose(m, x, perm));
    keep(m, node_on(m, OP_Flatten, x, "axis", below(m, rank + 1)));
    Value *wide = op2(m, OP_Unsqueeze, x, ints(m, 1, (int64_t[]){below(m, rank)}));
    keep(m, op2(m, OP_Squeeze, wide, ints(m, 0, NULL)));
    keep(m, cast(m, cast(m, x, DT_F64), DT_F32));
    keep(m, op2(m, OP_CastLike, x, fresh(m, 1, dim)));
    memcpy(dim + 1, x->shape.dim, (size_t)rank * sizeof *dim);
    keep(m, op2(m, OP_Expand, x, ints(m, rank + 1, dim)));
    keep(m, op1(m, OP_Trilu, x));
}

static void joined(Maker *m)
{
    Value *x = some_of_rank(m, 1, 4);
    const int axis = below(m, x->shape.rank);
    Shape s = x->shape;
    s.dim[axis] = 1 + below(m, 3);
    Node *n = begin(m, OP_Concat, 3, (Value *[]){x, fresh(m, s.rank, s.dim), x});
    attr_set_i(n, "axis", axis);
    Value *y = end(n);
    Node *parts = node_new(m->g, NULL, OP_Split, 2, (Value *[]){y, ints(m, 2, (int64_t[]){1, y->shape.dim[axis] - 1})}, 2);
    attr_set_i(parts, "axis", axis);
    infer_node(parts);
    keep(m, parts->out[below(m, 2)]);
}

static void sliced(Maker *m)
{
    Value *x = some_of_rank(m, 1, 4);
    const int axis = below(m, x->shape.rank);
    const int64_t step = chance(m, 50) ? 1 + below(m, 3) : -1 - below(m, 3), extent = x->shape.dim[axis];
    int64_t first = below(m, (int)extent), pads[8] = {0}, repeats[4] = {1, 1, 1, 1};
    const int64_t end_at = step > 0 ? extent : -extent - 1;
    Value *in[] = {x, ints(m, 1, &first), ints(m, 1, &end_at), ints(m, 1, (int64_t[]){axis}), ints(m, 1, &step)};
    keep(m, end(begin(m, OP_Slice, 5, in)));
    for (int k = 0; k < 2 * x->shape.rank; k++)
        pads[k] = below(m, 3);
    pads[axis] = x->shape.dim[axis] > 1 ? -1 : 0;
    keep(m, op2(m, OP_Pad, x, ints(m, 2 * x->shape.rank, pads)));
    repeats[axis] = 2 + below(m, 2);
    keep(m, op2(m, OP_Tile, x, ints(m, x->shape.rank, repeats)));
    Node *sums = begin(m, OP_CumSum, 2, (Value *[]){x, value_int(m->g, axis)});
    attr_set_i(sums, "exclusive", chance(m, 50));
    attr_set_i(sums, "reverse", chance(m, 50));
    keep(m, end(sums));
}

static Value *indices(Maker *m, int rank, const int64_t *dim, int64_t bound)
{
    return tensor_of(m, DT_I64, rank, dim, chance(m, 30) ? (double)-bound : 0, (double)bound);
}

static void gathered(Maker *m)
{
    Value *x = some_of_rank(m, 2, 4);
    const int axis = below(m, x->shape.rank);
    const int64_t extent = x->shape.dim[axis];
    Node *n = begin(m, OP_Gather, 2, (Value *[]){x, indices(m, below(m, 3), (int64_t[]){1 + below(m, 4), 2}, extent)});
    attr_set_i(n, "axis", axis);
    keep(m, end(n));
    Shape s = x->shape;
    s.dim[axis] = 1 + below(m, 4);
    n = begin(m, OP_GatherElements, 2, (Value *[]){x, indices(m, s.rank, s.dim, extent)});
    attr_set_i(n, "axis", axis);
    keep(m, end(n));
    keep(m, op2(m, OP_GatherND, x, indices(m, 2, (int64_t[]){5, 1}, x->shape.dim[0])));
}

/* ---- images ----------------------------------------------------------------------------------------------------- */

static Value *image(Maker *m, int64_t channels)
{
    return fresh(m, 4, (int64_t[]){1 + below(m, 2), channels, 5 + below(m, 4), 5 + below(m, 3)});
}

static void set_ints(Node *n, const char *name, int count, int64_t v)
{
    int64_t list[4] = {v, v, v, v};
    attr_set_ints(n, name, list, count);
}

static void convolved(Maker *m)
{
    const int64_t group = 1 + below(m, 2), in = 2 * group, out = group * (1 + below(m, 3)), size = 1 + below(m, 3);
    const bool back = chance(m, 40);
    const int64_t w[] = {back ? in : out, back ? out / group : in / group, size, size};
    Value *operands[] = {image(m, in), tensor_of(m, DT_F32, 4, w, -1, 1), fresh(m, 1, (int64_t[]){out})};
    Node *n = begin(m, back ? OP_ConvTranspose : OP_Conv, 2 + below(m, 2), operands);
    set_ints(n, "strides", 2, 1 + below(m, 3));
    set_ints(n, "dilations", 2, size > 1 ? 1 + below(m, 2) : 1);
    set_ints(n, "pads", 4, size > 1 ? below(m, 2) : 0);
    attr_set_i(n, "group", group);
    keep(m, end(n));
}

static void pooled(Maker *m)
{
    Value *x = image(m, 1 + below(m, 3));
    Node *n = begin(m, OP_AveragePool, 1, &x);
    set_ints(n, "kernel_shape", 2, 2 + below(m, 2));
    set_ints(n, "strides", 2, 1 + below(m, 3));
    set_ints(n, "pads", 4, below(m, 2));
    attr_set_i(n, "count_include_pad", chance(m, 40));
    keep(m, end(n));
    keep(m, op1(m, OP_GlobalAveragePool, x));
    const int64_t channels = 4 * (1 + below(m, 2));
    Value *blocks = fresh(m, 4, (int64_t[]){1, channels, 2, 4});
    keep(m, node_on(m, chance(m, 50) ? OP_DepthToSpace : OP_SpaceToDepth, blocks, "blocksize", 2));
}

static void resized(Maker *m)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    Value *x = image(m, 2);
    int64_t size[4] = {x->shape.dim[0], 2, 2 + below(m, 9), 2 + below(m, 9)};
    Node *n = begin(m, OP_Resize, 4, (Value *[]){x, NULL, NULL, ints(m, 4, size)});
    const int mode = below(m, 3);
    attr_set_s(n, "mode", modes[mode]);
    attr_set_i(n, "antialias", mode && chance(m, 50));
    keep(m, end(n));
}

/* ---- products --------------------------------------------------------------------------------------------------- */

static void multiplied(Maker *m)
{
    static const int ranks[][2] = {{2, 2}, {3, 3}, {3, 2}, {4, 3}, {1, 2}, {2, 1}, {1, 3}, {3, 1}, {1, 1}, {4, 4}};
    const int64_t rows = extent(m), depth = 1 + below(m, 6), columns = extent(m), k = below(m, COUNT(ranks));
    const int64_t a[4] = {2, 3, rows, depth}, c[4] = {chance(m, 50) ? 1 : 2, 3, depth, columns}, v[1] = {depth};
    const int ra = ranks[k][0], rc = ranks[k][1];
    Value *x = ra == 1 ? fresh(m, 1, v) : fresh(m, ra, a + 4 - ra);
    Value *y = rc == 1 ? fresh(m, 1, v) : fresh(m, rc, c + 4 - rc);
    keep(m, op2(m, OP_MatMul, x, y));
}

static void gemm(Maker *m)
{
    const int64_t rows = extent(m), depth = 1 + below(m, 6), columns = extent(m);
    const bool a = chance(m, 50), c = chance(m, 50);
    Value *in[] = {fresh(m, 2, a ? (int64_t[]){depth, rows} : (int64_t[]){rows, depth}),
                   fresh(m, 2, c ? (int64_t[]){columns, depth} : (int64_t[]){depth, columns}), fresh(m, 1, &columns)};
    Node *n = begin(m, OP_Gemm, 2 + below(m, 2), in);
    attr_set_i(n, "transA", a);
    attr_set_i(n, "transB", c);
    attr_set_f(n, "alpha", chance(m, 50) ? 1 : 0.5);
    attr_set_f(n, "beta", chance(m, 50) ? 1 : 1.5);
    keep(m, end(n));
}

static void einsum(Maker *m)
{
    static const struct { const char *equation; int ranks[3]; const char *axes; } forms[] = {
        {"bhwc,hkc->bhwk", {4, 3}, "bhwchkc"}, {"nctkv,kvw->nctw", {5, 3}, "nctkvkvw"}, {"ij,jk,kl->il", {2, 2, 2}, "ijjkkl"},
        {"abc->ca", {3}, "abc"}, {"...ij,...kj->...ik", {3, 3}, "bijbkj"}, {"i,j->ij", {1, 1}, "ij"}, {"ab,b->a", {2, 1}, "abb"},
    };
    const int k = below(m, COUNT(forms));
    const char *axis = forms[k].axes;
    Value *in[3];
    int count = 0;
    for (; count < 3 && forms[k].ranks[count]; count++) {
        int64_t dim[5];
        for (int j = 0; j < forms[k].ranks[count]; j++)
            dim[j] = 2 + *axis++ % 3;
        in[count] = fresh(m, forms[k].ranks[count], dim);
    }
    Node *n = begin(m, OP_Einsum, count, in);
    attr_set_s(n, "equation", forms[k].equation);
    keep(m, end(n));
}

/* ---- reductions and norms --------------------------------------------------------------------------------------- */

static const Op reductions[] = {OP_ReduceSum, OP_ReduceMean, OP_ReduceMax, OP_ReduceMin, OP_ReduceL1, OP_ReduceL2,
                                OP_ReduceSumSquare, OP_ReduceLogSum, OP_ReduceLogSumExp};

static void reduction_rule(Maker *m, int k)
{
    Value *x = some_of_rank(m, 1, 4);
    if (reductions[k] == OP_ReduceLogSum)
        x = within(m, x, POSITIVE);
    const int64_t axes[] = {below(m, x->shape.rank), -x->shape.rank};
    const int count = below(m, axes[0] ? 3 : 2);
    Node *n = begin(m, reductions[k], count ? 2 : 1, (Value *[]){x, count ? ints(m, count, axes) : NULL});
    attr_set_i(n, "keepdims", chance(m, 50));
    keep(m, end(n));
}

static void softmaxes(Maker *m)
{
    Value *x = some_of_rank(m, 1, 4);
    keep(m, node_on(m, OP_Softmax, x, "axis", below(m, x->shape.rank)));
    keep(m, node_on(m, OP_LogSoftmax, x, "axis", below(m, x->shape.rank)));
    keep(m, node_on(m, OP_LpNormalization, x, "axis", x->shape.rank - 1));
}

static void row_norms(Maker *m)
{
    Value *x = fresh(m, 3, (int64_t[]){2, 3, 4 + below(m, 4)});
    const int axis = 1 + below(m, 2);
    const int64_t *width = x->shape.dim + axis;
    Value *in[] = {x, fresh(m, 3 - axis, width), fresh(m, 3 - axis, width)};
    for (int k = 0; k < 2; k++) {
        Node *n = begin(m, k ? OP_RMSNormalization : OP_LayerNormalization, 2 + (!k && chance(m, 50)), in);
        attr_set_i(n, "axis", axis);
        keep(m, end(n));
    }
}

static void channel_norms(Maker *m)
{
    Value *x = image(m, 4), *channels[4];
    for (int k = 0; k < 4; k++)
        channels[k] = k < 2 ? fresh(m, 1, (int64_t[]){4}) : tensor_of(m, DT_F32, 1, (int64_t[]){4}, .5, 1.5);
    keep(m, op3(m, OP_InstanceNormalization, x, channels[0], channels[1]));
    Node *n = begin(m, OP_GroupNormalization, 3, (Value *[]){x, channels[0], channels[1]});
    attr_set_i(n, "num_groups", 2);
    keep(m, end(n));
    keep(m, end(begin(m, OP_BatchNormalization, 5, (Value *[]){x, channels[2], channels[3], channels[2], channels[3]})));
}

static void attention(Maker *m)
{
    const int64_t dim[] = {1, 2, 3 + below(m, 3), 4};
    Node *n = begin(m, OP_Attention, 3, (Value *[]){fresh(m, 4, dim), fresh(m, 4, dim), fresh(m, 4, dim)});
    attr_set_i(n, "is_causal", chance(m, 50));
    keep(m, end(n));
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static Template *const parts[] = {choices, views, joined, sliced, gathered, convolved, pooled, resized, multiplied, gemm, einsum,
                                  softmaxes, row_norms, channel_norms, attention};

int rule_count(void)
{
    return COUNT(unary) + COUNT(binary) + COUNT(reductions) + COUNT(parts);
}

void make_rule(Maker *m, int k)
{
    static const struct { int count; void (*make)(Maker *m, int k); } tables[] = {
        {COUNT(unary), elementwise_rule}, {COUNT(binary), binary_rule}, {COUNT(reductions), reduction_rule}};
    for (int t = 0; t < COUNT(tables); t++, k -= tables[t - 1].count)
        if (k < tables[t].count) {
            tables[t].make(m, k);
            return;
        }
    parts[k](m);
}
