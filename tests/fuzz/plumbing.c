/* plumbing.c: elementwise nodes, convolutions, products and what follows them, control flow.  See make.h. */
#include <math.h>
#include <string.h>

#include "make.h"

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

Value *one_operand(Maker *m, Value *x)
{
    static const Op smooth[] = {OP_Relu, OP_Sigmoid, OP_Tanh, OP_Sin, OP_Cos, OP_Abs, OP_Neg, OP_Erf, OP_Softplus,
                                OP_Atan, OP_Softsign, OP_Swish, OP_Gelu, OP_Mish, OP_HardSwish, OP_HardSigmoid,
                                OP_LeakyRelu, OP_Elu, OP_Selu, OP_Celu, OP_Identity};
    static const Op jumps[] = {OP_Floor, OP_Ceil, OP_Round, OP_Sign, OP_ThresholdedRelu, OP_Shrink, OP_Sqrt, OP_Log};
    switch (below(m, 12)) {
    case 0: return op1(m, OP_Exp, op1(m, OP_Tanh, x));
    case 1: return op1(m, chance(m, 50) ? OP_Sqrt : OP_Log, op2(m, OP_Add, op1(m, OP_Abs, x), scalar(m, .5)));
    case 2: return op2(m, OP_Pow, x, scalar(m, 2 + below(m, 2)));
    case 3:
        return op3(m, OP_Clip, x, value_float(m->g, m->type, number_in(m, -2, 0)),
                   value_float(m->g, m->type, number_in(m, 0, 2)));
    default:
        if (!m->smooth && chance(m, 10))
            return op1(m, jumps[below(m, COUNT(jumps))], x);
        return op1(m, smooth[below(m, COUNT(smooth))], x);
    }
}

static Value *two_operands(Maker *m, Value *x, Value *y)
{
    static const Op ops[] = {OP_Add, OP_Add, OP_Mul, OP_Mul, OP_Sub, OP_Max, OP_Min, OP_PRelu};
    if (chance(m, 12)) {
        Value *away = op2(m, OP_Add, op1(m, OP_Abs, y), scalar(m, .5));
        return op2(m, OP_Div, x, away);
    }
    return either(m, ops[below(m, COUNT(ops) - (y->shape.rank > x->shape.rank))], x, y);
}

/* x seen in another way: turned, backwards, one line of it for all, or x itself.  What is written in the place of x
 * must not be read so afterwards. */
static Value *itself(Maker *m, Value *x)
{
    const int rank = x->shape.rank, axis = rank ? below(m, rank) : 0;
    const int64_t *dim = x->shape.dim;
    if (rank > 1 && dim[rank - 1] == dim[rank - 2] && chance(m, 60))
        return swap_last(m, x);
    if (!rank || !dim[axis] || chance(m, 20))
        return x;
    const bool backwards = chance(m, 50);
    const int64_t first = backwards ? dim[axis] - 1 : below(m, (int)dim[axis]), along = axis;
    const int64_t until = backwards ? INT64_MIN : first + 1, step = backwards ? -1 : 1;
    return end(begin(m, OP_Slice, 5, (Value *[]){x, ints(m, 1, &first), ints(m, 1, &until), ints(m, 1, &along),
                                                 ints(m, 1, &step)}));
}

Value *with_other(Maker *m, Value *x)
{
    return two_operands(m, x, chance(m, 15) ? itself(m, x) : like(m, &x->shape));
}

void elementwise(Maker *m)
{
    Value *x = some(m);
    keep(m, chance(m, 40) ? one_operand(m, x) : with_other(m, x));
}

static Value *choice(Maker *m, Value *x)
{
    Value *other = like(m, &x->shape), *c = some_bool(m, &x->shape);
    return chance(m, 50) ? op3(m, OP_Where, c, x, other) : op3(m, OP_Where, c, other, x);
}

/* Longer than a group may be, now and then. */
void chain(Maker *m)
{
    Value *x = some(m), *before = x;
    for (int k = 2 + below(m, chance(m, 15) ? 30 : 8); k > 0; k--) {
        Value *y = chance(m, 45)   ? one_operand(m, x)
                   : chance(m, 8)  ? choice(m, x)
                   : chance(m, 15) ? two_operands(m, x, before)
                                   : with_other(m, x);
        before = x;
        x = inner(m, y);
    }
    keep(m, x);
}

void comparison(Maker *m)
{
    static const Op ops[] = {OP_Less, OP_LessOrEqual, OP_Greater, OP_GreaterOrEqual, OP_Equal};
    static const Op logic[] = {OP_And, OP_Or, OP_Xor};
    Value *x = some(m);
    if (m->smooth) {
        keep(m, choice(m, x));
        return;
    }
    Value *c = inner(m, op2(m, ops[below(m, COUNT(ops))], x, like(m, &x->shape)));
    if (chance(m, 30))
        c = op1(m, OP_Not, c);
    if (chance(m, 30))
        c = either(m, logic[below(m, 3)], c, some_bool(m, &x->shape));
    if (chance(m, 20))
        keep(m, cast(m, c, m->type));
    keep(m, c);
    keep(m, op3(m, OP_Where, c, x, like(m, &x->shape)));
}

/* ---- what follows a product -------------------------------------------------------------------------------------- */

static Value *follow(Maker *m, Value *x)
{
    const Shape s = x->shape;
    int64_t dim[MAX_RANK];
    for (int k = 0; k < s.rank; k++)
        dim[k] = 1;
    switch (below(m, 9)) {
    case 0: return either(m, OP_Add, x, weight(m, s.rank ? 1 : 0, s.dim + (s.rank ? s.rank - 1 : 0)));
    case 1:                                             /* bias or time embedding, one number a channel */
        if (s.rank > 1)
            dim[1] = s.dim[1];
        if (s.rank && chance(m, 50))
            dim[0] = s.dim[0];
        return either(m, OP_Add, x, chance(m, 50) ? fresh(m, s.rank, dim) : weight(m, s.rank, dim));
    case 2: return either(m, OP_Add, x, fresh(m, s.rank, s.dim));           /* residual */
    case 3: return activation(m, x);
    case 4: return either(m, OP_Mul, x, scalar(m, number_in(m, .2, 2)));
    case 5: return op2(m, OP_Div, x, scalar(m, number_in(m, 1, 3)));
    case 6: return choice(m, x);
    case 7:
        if (!m->smooth && chance(m, 30))
            return op3(m, OP_Where, op2(m, OP_Greater, x, like(m, &s)), like(m, &s), full(m, s.rank, s.dim, 0.5));
        return one_operand(m, x);
    default: return with_other(m, x);                   /* gates among them */
    }
}

Value *epilogue(Maker *m, Value *x)
{
    for (int k = below(m, 6); k > 0; k--) {
        Value *y = follow(m, inner(m, x));
        x = chance(m, 8) ? either(m, OP_Add, y, x) : y;
    }
    if (!m->smooth && chance(m, 5))                     /* the store of a convolution may be one of bools */
        return op2(m, OP_Greater, x, like(m, &x->shape));
    return x;
}

/* ---- convolutions and products ----------------------------------------------------------------------------------- */

static void spatial(Maker *m, Node *n, const Shape *s, const int64_t *kernel)
{
    int64_t stride[3], dilation[3], pads[6];
    const int axes = s->rank - 2;
    for (int k = 0; k < axes; k++) {
        stride[k] = chance(m, 75) ? 1 : 2;
        dilation[k] = chance(m, 88) ? 1 : 2;
        int64_t reach = (kernel[k] - 1) * dilation[k] + 1;
        pads[k] = chance(m, 60) ? reach / 2 : below(m, 3);
        pads[k + axes] = chance(m, 80) ? pads[k] : below(m, 3);
        while (s->dim[k + 2] + pads[k] + pads[k + axes] < reach)
            pads[k]++;
    }
    attr_set_ints(n, "strides", stride, axes);
    attr_set_ints(n, "dilations", dilation, axes);
    attr_set_ints(n, "pads", pads, 2 * axes);
}

void convolution(Maker *m)
{
    static const int64_t sizes[] = {1, 1, 3, 3, 3, 2, 4, 5};
    Value *x = some_of_rank(m, 3, chance(m, 8) ? 5 : 4);
    const Shape s = x->shape;
    const bool turned = chance(m, 12);
    int64_t group = chance(m, 75) ? 1 : s.dim[1], per = 1 + below(m, chance(m, 10) ? 20 : 8), kernel[3];
    if (group > 1 && group % 2 == 0 && chance(m, 40))
        group /= 2;
    const int64_t channels = per * group;
    if (channels > 64 || elements(x) > 3000)
        return;
    Shape w = {.rank = s.rank, .dim = {turned ? s.dim[1] : channels, turned ? per : s.dim[1] / group}};
    int64_t one = sizes[below(m, COUNT(sizes))];
    for (int k = 0; k < s.rank - 2; k++)
        w.dim[k + 2] = kernel[k] = chance(m, 90) ? one : sizes[below(m, COUNT(sizes))];
    Value *in[3] = {x, weight(m, w.rank, w.dim), chance(m, 50) ? weight(m, 1, &channels) : NULL};
    Node *n = begin(m, turned ? OP_ConvTranspose : OP_Conv, in[2] ? 3 : 2, in);
    attr_set_i(n, "group", group);
    if (turned) {
        int64_t stride[3], pads[6] = {0};
        for (int k = 0; k < s.rank - 2; k++)
            stride[k] = 1 + below(m, 2);
        attr_set_ints(n, "strides", stride, s.rank - 2);
        if (chance(m, 40) && kernel[0] > 2)
            pads[0] = 1;
        attr_set_ints(n, "pads", pads, 2 * (s.rank - 2));
    } else {
        spatial(m, n, &s, kernel);
    }
    Value *y = end(n);
    keep(m, epilogue(m, y));
}

static Value *gemm(Maker *m, Value *x)
{
    const int64_t n = 1 + below(m, chance(m, 20) ? chance(m, 30) ? 140 : 33 : 9), k = x->shape.dim[1];
    const bool turned = chance(m, 50), a = chance(m, 20);
    if (a)
        x = swap_last(m, x);
    Value *in[3] = {x, weight(m, 2, turned ? (int64_t[]){n, k} : (int64_t[]){k, n}), NULL};
    Shape y = shape_of(2, (int64_t[]){x->shape.dim[a ? 1 : 0], n});
    if (chance(m, 70))
        in[2] = chance(m, 60) ? weight(m, 1, &n) : like(m, &y);
    Node *node = begin(m, OP_Gemm, in[2] ? 3 : 2, in);
    attr_set_i(node, "transB", turned);
    attr_set_i(node, "transA", a);
    if (chance(m, 20))
        attr_set_f(node, "alpha", number_in(m, .1, 2));
    if (chance(m, 20))
        attr_set_f(node, "beta", number_in(m, .1, 2));
    return end(node);
}

/* By a matrix, by as many matrices, or a vector by a matrix. */
static Value *matmul(Maker *m, Value *x)
{
    int64_t dim[MAX_RANK];
    const Shape s = x->shape;
    const int rank = chance(m, 65) || s.rank < 3 ? 2 : s.rank;
    memcpy(dim, s.dim, sizeof dim);
    if (chance(m, 15))
        dim[0] = 1;
    dim[rank - 2] = s.dim[s.rank - 1];
    dim[rank - 1] = 1 + below(m, chance(m, 20) ? chance(m, 30) ? 140 : 33 : 9);
    if (chance(m, 80))
        return op2(m, OP_MatMul, x, weight(m, rank, dim));
    dim[rank - 2] = 1 + below(m, 6);
    dim[rank - 1] = s.rank > 1 ? s.dim[s.rank - 2] : s.dim[0];
    return op2(m, OP_MatMul, weight(m, rank, dim), x);
}

void product(Maker *m)
{
    const bool flat = chance(m, 35);
    Value *x = flat ? some_of_rank(m, 2, 2) : some_of_rank(m, chance(m, 15) ? 1 : 2, 4);
    if (m->zero && (x = some(m))->shape.rank < 2)
        return;
    if (m->zero && flat)
        x = fresh(m, 2, (int64_t[]){extent(m), extent(m)});
    keep(m, epilogue(m, flat ? gemm(m, x) : matmul(m, x)));
}

/* ---- islands, branches, recipes ---------------------------------------------------------------------------------- */

/* A part in float16 or bfloat16. */
void island(Maker *m)
{
    static Template *const inside[] = {elementwise, chain, convolution, product, row_norm, group_norm,
                                       attention_spelled, movement, projections, plain_norm, joining, reduction,
                                       activations, resnet_block, transformer_block, joined_images, upsampled,
                                       modulations, joint_attention};
    if (m->type != DT_F32 || !m->smooth)
        return;
    Value *x = some(m);
    m->type = chance(m, 65) ? DT_F16 : DT_BF16;
    keep(m, cast(m, x, m->type));
    for (int k = 1 + below(m, 4); k > 0; k--)
        inside[below(m, COUNT(inside))](m);
    Value *y = some(m);
    m->type = DT_F32;
    keep(m, cast(m, y, DT_F32));
}

static Graph *way(Maker *m, Value *x)
{
    Graph *outer = m->g;
    const int before = m->count;
    m->g = graph_new(outer->model, outer, NULL);
    Value *y = x;
    if (chance(m, 40))
        y = same_shape(m, y);
    for (int k = 1 + below(m, 4); k > 0; k--) {
        y = chance(m, 50) ? one_operand(m, y) : two_operands(m, y, like(m, &x->shape));
        y = chance(m, 30) ? activation(m, y) : y;
    }
    Graph *made = m->g;
    graph_output(made, y->def && y->graph == made ? y : op1(m, OP_Identity, x));
    m->g = outer;
    forget_inner(m, before);
    return made;
}

void branch(Maker *m)
{
    if (m->g != m->top)
        return;
    Value *x = some(m), *c;
    if (!x->shape.rank)                             /* a constant of one axis would add one */
        return;
    if (m->smooth || chance(m, 50)) {
        c = some_bool(m, &(Shape){.rank = 0});
        if (c->constant)
            return;
    } else {
        Value *y = x;
        for (; y->shape.rank; )
            y = op2(m, OP_Squeeze, reduce(m, OP_ReduceSum, y, 0, 1), ints(m, 1, (int64_t[]){0}));
        c = op2(m, OP_Greater, y, value_float(m->g, m->type, 0));
    }
    Graph *then_branch = way(m, x), *else_branch = way(m, x);
    Node *n = begin(m, OP_If, 1, &c);
    attr_set(n, (Attr){.name = "then_branch", .type = ATTR_GRAPH, .graph = then_branch});
    attr_set(n, (Attr){.name = "else_branch", .type = ATTR_GRAPH, .graph = else_branch});
    keep(m, end(n));
}

/* Something computed of constants alone, which others may read. */
void recipe(Maker *m)
{
    int64_t dim[3] = {1 + below(m, 4), 1 + below(m, 8), 1 + below(m, 8)};
    Value *x = weight(m, 3, dim), *y = moved(m, x);
    if (chance(m, 50))
        y = one_operand(m, y);
    keep(m, y);
}
