/* patterns.c: what the passes look for, in the spellings of exporters, and near misses.  See make.h. */
#include <math.h>

#include "make.h"

/* ---- norms ------------------------------------------------------------------------------------------------------- */

static double an_epsilon(Maker *m)
{
    static const double usual[] = {1e-5, 1e-6, 1e-3, 0.1};
    return usual[below(m, 4)];
}

/* A scale or shift of one number a channel (axis 1 of rank axes), at times of something else. */
static Value *per_channel(Maker *m, int rank, int64_t channels)
{
    int64_t dim[MAX_RANK] = {channels};
    int r = rank - 1;
    for (int k = 1; k < rank; k++)
        dim[k] = 1;
    if (chance(m, 15)) {
        dim[0] = 1;
        dim[1] = channels;
        r = rank;
    }
    return weight(m, r, dim);
}

static Value *affine(Maker *m, Value *y, int64_t channels)
{
    if (chance(m, 80))
        y = inner(m, either(m, OP_Mul, y, per_channel(m, y->shape.rank, channels)));
    if (chance(m, 80))
        y = inner(m, either(m, OP_Add, y, per_channel(m, y->shape.rank, channels)));
    return y;
}

/* x - mean over root of the mean of squares, the last axes from `first` on. */
static Value *normalised(Maker *m, Value *x, int first, bool centre)
{
    const int n_axes = chance(m, 94) ? x->shape.rank - first : 1;
    Value *two = scalar(m, chance(m, 96) ? 2 : 3), *d = x, *square, *root;
    if (centre)
        d = inner(m, op2(m, OP_Sub, x, inner(m, reduce(m, OP_ReduceMean, x, first, n_axes))));
    square = inner(m, chance(m, 60) ? op2(m, OP_Pow, d, two) : op2(m, OP_Mul, d, d));
    Value *mean = inner(m, reduce(m, OP_ReduceMean, square, first, n_axes));
    Value *sum = inner(m, either(m, OP_Add, mean, scalar(m, an_epsilon(m))));
    switch (below(m, 4)) {
    case 0: return op2(m, OP_Mul, d, inner(m, op1(m, OP_Reciprocal, op1(m, OP_Sqrt, sum))));
    case 1: return op2(m, OP_Mul, op2(m, OP_Div, scalar(m, 1), inner(m, op1(m, OP_Sqrt, sum))), d);
    case 2: return op2(m, OP_Mul, d, op2(m, OP_Pow, sum, scalar(m, -0.5)));
    default: root = inner(m, op1(m, OP_Sqrt, sum)); return op2(m, OP_Div, d, root);
    }
}

static int64_t a_divisor(Maker *m, int64_t n)
{
    int64_t d = 1 + below(m, (int)n);
    while (n % d)
        d--;
    return d;
}

bool is_spread(const Value *x, int64_t groups) { return elements(x) > x->shape.dim[0] * groups; }

void group_norm(Maker *m)
{
    Value *x = some_of_rank(m, 3, chance(m, 10) ? 5 : 4);
    const Shape s = x->shape;
    const int64_t channels = s.dim[1], groups = a_divisor(m, channels);
    const int64_t rest = elements(x) / (s.dim[0] * groups);
    if (!is_spread(x, groups))
        return;
    const int64_t dim[] = {chance(m, 50) ? 0 : s.dim[0], groups, chance(m, 50) ? -1 : rest};
    Value *y = inner(m, reshape(m, x, 3, dim));
    if (chance(m, 75)) {
        const bool plain = chance(m, 85);
        Value *scale = plain ? full(m, 1, &groups, 1) : weight(m, 1, &groups);
        Value *shift = plain ? full(m, 1, &groups, 0) : weight(m, 1, &groups);
        Node *n = begin(m, OP_InstanceNormalization, 3, (Value *[]){y, scale, shift});
        attr_set_f(n, "epsilon", an_epsilon(m));
        y = inner(m, end(n));
    } else {
        y = inner(m, normalised(m, y, 2, chance(m, 90)));
    }
    y = inner(m, reshape(m, y, s.rank, s.dim));
    y = affine(m, y, channels);
    if (chance(m, 50))
        y = activation(m, y);
    keep(m, chance(m, 20) ? epilogue(m, y) : y);
}

/* LayerNorm and RMSNorm as nodes; AdaLN behind them. */
void row_norm(Maker *m)
{
    Value *x = some_of_rank(m, 2, 4);
    const int rank = x->shape.rank, first = rank - (chance(m, 80) || rank < 3 ? 1 : 2);
    Value *y = inner(m, normalised(m, x, first, chance(m, 60)));
    Shape row = shape_of(rank - first, x->shape.dim + first), batch = x->shape;
    for (int k = 1; k < rank - 1; k++)
        batch.dim[k] = 1;
    if (chance(m, 70))
        y = inner(m, either(m, OP_Mul, y, chance(m, 90) ? weight(m, row.rank, row.dim) : like(m, &x->shape)));
    if (chance(m, 60))
        y = inner(m, either(m, OP_Add, y, weight(m, row.rank, row.dim)));
    if (chance(m, 35)) {
        Value *one = scalar(m, 1);
        y = either(m, OP_Mul, y, inner(m, either(m, OP_Add, fresh(m, rank, batch.dim), one)));
        y = either(m, OP_Add, y, fresh(m, rank, batch.dim));
    }
    keep(m, chance(m, 40) ? epilogue(m, y) : y);
}

/* Norms that are one node already. */
void plain_norm(Maker *m)
{
    static const Op ops[] = {OP_GroupNormalization, OP_InstanceNormalization, OP_LayerNormalization,
                             OP_RMSNormalization, OP_BatchNormalization};
    const Op op = ops[below(m, 5)];
    const bool rows = op == OP_LayerNormalization || op == OP_RMSNormalization;
    Value *x = some_of_rank(m, rows ? 2 : 3, 4);
    const Shape s = x->shape;
    if (!rows && !is_spread(x, s.dim[1]))
        return;
    const int first = s.rank - (rows && s.rank > 2 && chance(m, 25) ? 2 : 1);
    const int rank = rows ? s.rank - first : 1;
    const int64_t *dim = rows ? s.dim + first : s.dim + 1;
    Value *in[5] = {x, weight(m, rank, dim), weight(m, rank, dim), weight(m, rank, dim), NULL};
    int n_in = rows ? (op == OP_RMSNormalization ? 2 : 2 + below(m, 2)) : 3;
    if (op == OP_BatchNormalization) {
        in[4] = tensor_of(m, m->type, 1, s.dim + 1, 0.5, 2);
        n_in = 5;
    }
    Node *n = begin(m, op, n_in, in);
    if (rows)
        attr_set_i(n, "axis", chance(m, 50) ? first : first - s.rank);
    if (op == OP_GroupNormalization)
        attr_set_i(n, "num_groups", a_divisor(m, s.dim[1]));
    attr_set_f(n, "epsilon", an_epsilon(m));
    Value *y = end(n);
    keep(m, chance(m, 60) ? epilogue(m, y) : y);
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

/* The constant, at times a wrong one. */
static Value *near(Maker *m, double v) { return scalar(m, chance(m, 94) ? v : v * 1.25); }

static Value *gelu(Maker *m, Value *x)
{
    Value *half = x;
    Value *y = chance(m, 50) ? op2(m, OP_Div, x, near(m, M_SQRT2)) : either(m, OP_Mul, x, near(m, M_SQRT1_2));
    y = inner(m, either(m, OP_Add, inner(m, op1(m, OP_Erf, inner(m, y))), near(m, 1)));
    if (chance(m, 50)) {
        half = inner(m, either(m, OP_Mul, x, near(m, 0.5)));
        return either(m, OP_Mul, half, y);
    }
    return either(m, OP_Mul, inner(m, either(m, OP_Mul, x, y)), near(m, 0.5));
}

static Value *gelu_tanh(Maker *m, Value *x)
{
    Value *cube = chance(m, 50) ? op2(m, OP_Pow, x, near(m, 3)) : op2(m, OP_Mul, op2(m, OP_Mul, x, x), x);
    Value *sum = inner(m, either(m, OP_Add, x, either(m, OP_Mul, inner(m, cube), near(m, 0.044715))));
    Value *y = op1(m, OP_Tanh, inner(m, either(m, OP_Mul, sum, near(m, 0.7978845608))));
    y = inner(m, either(m, OP_Add, y, near(m, 1)));
    if (chance(m, 50))
        return either(m, OP_Mul, either(m, OP_Mul, x, near(m, 0.5)), y);
    return either(m, OP_Mul, either(m, OP_Mul, x, y), near(m, 0.5));
}

static Value *sigmoid_times(Maker *m, Value *x, double factor)
{
    Value *scaled = factor == 1 ? x : either(m, OP_Mul, x, near(m, factor));
    Value *other = chance(m, 95) ? x : like(m, &x->shape);
    return either(m, OP_Mul, other, inner(m, op1(m, OP_Sigmoid, scaled)));
}

Value *activation(Maker *m, Value *x)
{
    static const Op ops[] = {OP_Relu, OP_Sigmoid, OP_Tanh, OP_Gelu, OP_Mish, OP_HardSwish, OP_LeakyRelu,
                             OP_Softplus, OP_Elu};
    switch (below(m, 8)) {
    case 0: return sigmoid_times(m, x, 1);
    case 1: return sigmoid_times(m, x, 1.702);
    case 2: return gelu(m, x);
    case 3: return gelu_tanh(m, x);
    case 4: return either(m, OP_Mul, x, inner(m, op1(m, OP_Tanh, inner(m, op1(m, OP_Softplus, x)))));
    case 5:
        x = inner(m, op3(m, OP_Clip, either(m, OP_Add, x, near(m, 3)), value_float(m->g, m->type, 0),
                         value_float(m->g, m->type, 6)));
        return op2(m, OP_Div, either(m, OP_Mul, x, x), near(m, 6));
    default: return op1(m, ops[below(m, sizeof ops / sizeof *ops)], x);
    }
}

void activations(Maker *m) { keep(m, activation(m, some(m))); }

/* ---- attention --------------------------------------------------------------------------------------------------- */

static Value *scaled(Maker *m, Value *x, double scale)
{
    return chance(m, 75) ? either(m, OP_Mul, x, scalar(m, scale)) : op2(m, OP_Div, x, scalar(m, 1 / scale));
}

/* A causal mask, or one of another offset: 0 where a query sees the key. */
static Value *triangle(Maker *m, int64_t rows, int64_t keys)
{
    const int64_t ahead = chance(m, 60) ? 0 : below(m, 3), dim[] = {1, 1, rows, keys};
    const int drop = below(m, 3);
    const double hidden = chance(m, 50) || m->type == DT_F16 ? -INFINITY : -3.4028234663852886e38;
    Tensor *t = alloc(sizeof *t);
    *t = (Tensor){.dtype = m->type, .shape = shape_of(4 - drop, dim + drop), .count = rows * keys};
    const int bytes = dtype_info(m->type)->bytes;
    char *data = alloc_array(t->count + 1, (size_t)bytes);
    for (int64_t k = 0; k < t->count; k++)
        dtype_store_f(m->type, data + k * bytes, k % keys <= k / keys + ahead ? 0 : hidden);
    t->data = data;
    return value_tensor(m->g, NULL, t);
}

static Value *masked(Maker *m, Value *scores)
{
    const Shape *s = &scores->shape;
    Value *low;
    switch (below(m, 4)) {
    case 0:
        if (s->dim[s->rank - 2] * s->dim[s->rank - 1] <= 64)     /* larger ones are not spelled out */
            return either(m, OP_Add, scores, triangle(m, s->dim[s->rank - 2], s->dim[s->rank - 1]));
        return scores;
    case 1:
        low = scalar(m, chance(m, 30) ? -INFINITY : m->type == DT_F16 ? -65504 : -3.4028234663852886e38);
        if (chance(m, 50))
            return op3(m, OP_Where, some_bool(m, s), scores, low);
        return op3(m, OP_Where, some_bool(m, s), low, scores);
    default: return either(m, OP_Add, scores, like(m, s));
    }
}

/* Softmax of a row that hides everything is NaN, and Attention's is 0: a guard makes both 0. */
static Value *guarded(Maker *m, Value *p)
{
    return op3(m, OP_Where, op1(m, OP_IsNaN, p), value_float(m->g, m->type, 0), p);
}

Value *attend(Maker *m, Value *q, Value *k, Value *v)
{
    const double scale = chance(m, 70) ? 1 / sqrt((double)q->shape.dim[q->shape.rank - 1]) : number_in(m, .1, 1);
    const int where = below(m, 5), masks = chance(m, 50) ? 1 + below(m, 2) : 0;
    const bool early = chance(m, 50);
    if (where == 0 || where == 1)
        q = inner(m, scaled(m, q, where ? scale : sqrt(scale)));
    if (where == 0 && early)
        k = inner(m, scaled(m, k, sqrt(scale)));
    k = inner(m, swap_last(m, k));
    if (where == 0 && !early)
        k = scaled(m, k, sqrt(scale));
    Value *p = inner(m, op2(m, OP_MatMul, q, k));
    if (where == 2 || where == 3)
        p = inner(m, scaled(m, p, scale));
    for (int j = 0; j < masks; j++)                     /* read here alone: sums of the lowest numbers overflow */
        p = masked(m, p);
    Node *n = begin(m, OP_Softmax, 1, &p);
    attr_set_i(n, "axis", chance(m, 94) ? -1 : -2);
    p = inner(m, end(n));
    if (masks || chance(m, 5))
        p = guarded(m, p);
    if (chance(m, 90))
        return op2(m, OP_MatMul, p, v);
    return swap_last(m, op2(m, OP_MatMul, swap_last(m, v), swap_last(m, p)));
}

/* [B, H, N, D], perhaps seen through a Transpose, or of fewer heads that are repeated. */
static Value *heads(Maker *m, int64_t batch, int64_t h, int64_t length, int64_t size, int64_t group)
{
    const int64_t few[] = {batch, h / group, length, size}, wide[] = {batch, h / group, group, length, size};
    Value *x = chance(m, 50) ? fresh(m, 4, few) :
               transpose(m, fresh(m, 4, (int64_t[]){batch, length, h / group, size}), (int64_t[]){0, 2, 1, 3});
    if (group > 1) {
        x = op2(m, OP_Expand, op2(m, OP_Unsqueeze, x, ints(m, 1, (int64_t[]){2})), ints(m, 5, wide));
        x = inner(m, reshape(m, x, 4, (int64_t[]){batch, h, length, size}));
    }
    return x;
}

void attention_spelled(Maker *m)
{
    const int64_t b = 1 + below(m, 2), group = chance(m, 75) ? 1 : 1 + below(m, 3), h = group * (1 + below(m, 3));
    const int64_t s = 1 + below(m, 9), t = chance(m, 50) ? s : 1 + below(m, 9), d = 1 + below(m, 17);
    const int64_t e = chance(m, 80) ? d : 1 + below(m, 17);
    Value *q = heads(m, b, h, s, d, 1), *k = heads(m, b, h, t, d, group);
    Value *v = heads(m, b, h, t, e, chance(m, 90) ? group : 1);
    if (chance(m, 15)) {
        q = reshape(m, q, 3, (int64_t[]){b * h, s, d});
        k = reshape(m, k, 3, (int64_t[]){b * h, t, d});
        v = reshape(m, v, 3, (int64_t[]){b * h, t, e});
    }
    Value *y = attend(m, q, k, v);
    if (y->shape.rank == 4 && chance(m, 60)) {
        y = transpose(m, y, (int64_t[]){0, 2, 1, 3});
        y = chance(m, 80) ? reshape(m, y, 3, (int64_t[]){b, s, h * e}) : y;
    }
    keep(m, y);
}

void attention_node(Maker *m)
{
    const int64_t b = 1 + below(m, 2), few = 1 + below(m, 3), h = few * (1 + below(m, 3)), s = 1 + below(m, 12);
    const int64_t t = chance(m, 50) ? s : 1 + below(m, 12), d = 1 + below(m, 17);
    Value *in[4] = {heads(m, b, h, s, d, 1), heads(m, b, few, t, d, 1), heads(m, b, few, t, d, 1), NULL};
    if (chance(m, 40))
        in[3] = weight(m, 2, (int64_t[]){s, t});
    Node *n = begin(m, OP_Attention, in[3] ? 4 : 3, in);
    if (chance(m, 30))
        attr_set_i(n, "is_causal", 1);
    if (chance(m, 30))
        attr_set_f(n, "scale", number_in(m, .1, 1));
    keep(m, end(n));
}

/* Products of one value, of which some become the heads of an attention. */
void projections(Maker *m)
{
    Value *x = some_of_rank(m, 3, 3), *part[4];
    const int64_t b = x->shape.dim[0], n = x->shape.dim[1], c = x->shape.dim[2];
    const int64_t h = 1 + below(m, 3), d = 1 + below(m, 6);
    const int count = 2 + below(m, 3);
    for (int k = 0; k < count; k++) {
        const int64_t width = chance(m, 85) ? h * d : 1 + below(m, 9);
        Value *y = inner(m, op2(m, OP_MatMul, x, weight(m, 2, (int64_t[]){c, width})));
        if (chance(m, 50))
            y = inner(m, either(m, OP_Add, y, weight(m, 1, &width)));
        part[k] = y;
        if (width != h * d || chance(m, 8)) {
            part[k] = NULL;
            keep(m, chance(m, 50) ? epilogue(m, y) : y);
            continue;
        }
        part[k] = inner(m, transpose(m, reshape(m, y, 4, (int64_t[]){b, n, h, d}), (int64_t[]){0, 2, 1, 3}));
    }
    for (int k = 0; k < count; k++)
        if (part[k] && (count < 3 || k >= 3 || !part[0] || !part[1] || !part[2]))
            keep(m, part[k]);
    if (count < 3 || !part[0] || !part[1] || !part[2])
        return;
    Value *y = transpose(m, attend(m, part[0], part[1], part[2]), (int64_t[]){0, 2, 1, 3});
    y = inner(m, reshape(m, y, 3, (int64_t[]){b, n, h * d}));
    y = op2(m, OP_MatMul, y, weight(m, 2, (int64_t[]){h * d, c}));
    keep(m, chance(m, 70) ? either(m, OP_Add, y, x) : y);
}
