/* blocks.c: parts of UNets and transformers, where many fusions meet.  See make.h. */
#include "make.h"

/* ---- UNet -------------------------------------------------------------------------------------------------------- */

Value *conv(Maker *m, Value *x, int64_t channels, int64_t size)
{
    const Shape s = x->shape;
    const int64_t dim[] = {channels, s.dim[1], size, size}, pads[] = {size / 2, size / 2, size / 2, size / 2};
    Value *w = weight(m, 4, dim), *b = chance(m, 80) ? weight(m, 1, &channels) : NULL;
    Node *n = begin(m, OP_Conv, b ? 3 : 2, (Value *[]){x, w, b});
    attr_set_ints(n, "pads", pads, 4);
    return inner(m, end(n));
}

Value *norm_and_silu(Maker *m, Value *x)
{
    const int64_t channels = x->shape.dim[1], groups = channels % 2 ? 1 : 2;
    if (!is_spread(x, groups))
        return op1(m, OP_Swish, x);
    Node *n = begin(m, OP_GroupNormalization, 3, (Value *[]){x, weight(m, 1, &channels), weight(m, 1, &channels)});
    attr_set_i(n, "num_groups", groups);
    Value *y = inner(m, end(n));
    if (chance(m, 80))
        y = either(m, OP_Mul, y, inner(m, op1(m, OP_Sigmoid, y)));
    return inner(m, y);
}

static Value *joined(Maker *m, Value *x, Value *y)
{
    Node *n = begin(m, OP_Concat, 2, chance(m, 50) ? (Value *[]){x, y} : (Value *[]){y, x});
    attr_set_i(n, "axis", 1);
    return inner(m, end(n));
}

/* Norm, SiLU, convolution, time; norm, SiLU, convolution, residual; a skip joined before or after. */
void resnet_block(Maker *m)
{
    Value *x = some_of_rank(m, 4, 4), *residual = x;
    const int64_t channels = chance(m, 40) ? x->shape.dim[1] : 1 + below(m, 20);
    if (elements(x) > 2500 || x->shape.dim[1] > 40)
        return;
    Value *y = conv(m, norm_and_silu(m, x), channels, chance(m, 80) ? 3 : 1);
    const int64_t time[] = {x->shape.dim[0], channels, 1, 1};
    if (chance(m, 70))
        y = inner(m, either(m, OP_Add, y, chance(m, 60) ? fresh(m, 4, time) : weight(m, 4, time)));
    if (chance(m, 70))
        y = conv(m, norm_and_silu(m, y), channels, 3);
    if (channels != x->shape.dim[1])
        residual = conv(m, x, channels, 1);
    y = inner(m, either(m, OP_Add, y, residual));
    if (chance(m, 30))
        y = op2(m, OP_Div, y, scalar(m, chance(m, 50) ? 1 : 1.5));
    if (chance(m, 40))
        y = joined(m, y, chance(m, 60) ? x : conv(m, x, 1 + below(m, 8), 3));
    keep(m, y);
}

/* ---- transformer ------------------------------------------------------------------------------------------------- */

Value *linear(Maker *m, Value *x, int64_t width)
{
    const int64_t dim[] = {x->shape.dim[2], width};
    Value *y = inner(m, op2(m, OP_MatMul, x, weight(m, 2, dim)));
    return chance(m, 75) ? inner(m, either(m, OP_Add, y, weight(m, 1, &width))) : y;
}

Value *row_normed(Maker *m, Value *x)
{
    const int64_t width = x->shape.dim[2], one[] = {x->shape.dim[0], 1, width};
    Value *y = end(begin(m, OP_LayerNormalization, 3, (Value *[]){x, weight(m, 1, &width), weight(m, 1, &width)}));
    if (chance(m, 30)) {
        y = either(m, OP_Mul, y, inner(m, either(m, OP_Add, fresh(m, 3, one), scalar(m, 1))));
        y = either(m, OP_Add, y, fresh(m, 3, one));
    }
    return inner(m, y);
}

static Value *gated(Maker *m, Value *x)
{
    const int64_t half = 1 + below(m, 12), parts[] = {half, half};
    Value *wide = linear(m, x, 2 * half);
    Node *n = node_new(m->g, NULL, OP_Split, 2, (Value *[]){wide, ints(m, 2, parts)}, 2);
    attr_set_i(n, "axis", -1);
    infer_node(n);
    return inner(m, either(m, OP_Mul, n->out[0], activation(m, n->out[1])));
}

static Value *heads_of(Maker *m, Value *x, int64_t heads)
{
    const int64_t dim[] = {0, 0, heads, -1};
    return inner(m, transpose(m, reshape(m, x, 4, dim), (int64_t[]){0, 2, 1, 3}));
}

/* Pixels to rows, self or cross attention, a feed-forward, rows to pixels. */
void transformer_block(Maker *m)
{
    const bool image = chance(m, 40);
    Value *x = image ? some_of_rank(m, 4, 4) : some_of_rank(m, 3, 3);
    const Shape s = x->shape;
    if (elements(x) > 2500)
        return;
    if (image) {
        x = reshape(m, x, 3, (int64_t[]){s.dim[0], s.dim[1], s.dim[2] * s.dim[3]});
        x = inner(m, transpose(m, x, (int64_t[]){0, 2, 1}));
    }
    const int64_t width = x->shape.dim[2], heads = 1 + below(m, 3), inside = heads * (1 + below(m, 8));
    if (chance(m, 80)) {
        Value *y = row_normed(m, x);
        Value *text = chance(m, 70) ? y : fresh(m, 3, (int64_t[]){s.dim[0], 1 + below(m, 7), 1 + below(m, 9)});
        Value *q = heads_of(m, linear(m, y, inside), heads), *k = heads_of(m, linear(m, text, inside), heads);
        y = attend(m, q, k, heads_of(m, linear(m, text, inside), heads));
        y = inner(m, reshape(m, inner(m, transpose(m, y, (int64_t[]){0, 2, 1, 3})), 3, (int64_t[]){0, 0, inside}));
        y = linear(m, y, width);
        if (chance(m, 25))
            y = either(m, OP_Mul, y, fresh(m, 3, (int64_t[]){s.dim[0], 1, width}));
        x = inner(m, either(m, OP_Add, y, x));
    }
    if (chance(m, 70)) {
        Value *y = row_normed(m, x);
        y = chance(m, 50) ? gated(m, y) : activation(m, linear(m, y, 1 + below(m, 70)));
        x = inner(m, either(m, OP_Add, linear(m, y, width), x));
    }
    if (image)
        x = reshape(m, transpose(m, x, (int64_t[]){0, 2, 1}), s.rank, s.dim);
    keep(m, x);
}
