/* models.c: what whole networks put side by side, where fusions meet, and near misses.  See make.h. */
#include <string.h>

#include "make.h"

/* ---- images ------------------------------------------------------------------------------------------------------ */

/* A convolution of an image, so that it may measure what it stores, or the image. */
static Value *stored(Maker *m, Value *x)
{
    if (chance(m, 60))
        x = conv(m, x, chance(m, 60) ? x->shape.dim[1] : 1 + below(m, 9), chance(m, 60) ? 3 : 1);
    return chance(m, 30) ? epilogue(m, x) : x;
}

/* Images joined, normed, and convolved: the statistics of one part are not those of the whole. */
void joined_images(Maker *m)
{
    Value *x = some_of_rank(m, 4, 4), *part[3];
    if (elements(x) > 1500 || x->shape.dim[1] > 24)
        return;
    const int count = 2 + chance(m, 20);
    const int64_t axis = chance(m, 85) ? 1 : 2 + below(m, 2);
    for (int k = 0; k < count; k++) {
        Value *other = chance(m, 25) && k ? part[0] : chance(m, 60) ? x : fresh(m, 4, x->shape.dim);
        part[k] = axis == 1 ? stored(m, other) : conv(m, other, x->shape.dim[1], 3);
        if (part[k]->dtype != x->dtype || part[k]->shape.dim[2] != x->shape.dim[2])
            part[k] = x;
        if (chance(m, 20))
            keep(m, part[k]);
    }
    Node *n = begin(m, OP_Concat, count, part);
    attr_set_i(n, "axis", axis);
    Value *y = inner(m, end(n));
    if (chance(m, 30))
        keep(m, y);
    Value *z = conv(m, norm_and_silu(m, y), 1 + below(m, 12), chance(m, 70) ? 3 : 1);
    if (chance(m, 50))
        z = either(m, OP_Add, z, conv(m, y, z->shape.dim[1], 1));
    keep(m, z);
}

/* Nearest by 2, as a convolution can read it, or by something else. */
static Value *enlarged(Maker *m, Value *x)
{
    static const struct { int64_t rows, columns; int often; } by[] = {{2, 2, 60}, {3, 3, 10}, {1, 2, 10}, {2, 3, 10},
                                                                      {2, 1, 10}};
    int at = below(m, 100), k = 0;
    while ((at -= by[k].often) >= 0)
        k++;
    const Shape s = x->shape;
    const int64_t size[] = {s.dim[0], s.dim[1], s.dim[2] * by[k].rows, s.dim[3] * by[k].columns};
    const float factor[] = {1, 1, (float)by[k].rows, (float)by[k].columns};
    Tensor *t = alloc(sizeof *t);
    *t = (Tensor){.dtype = DT_F32, .shape = shape_of(1, (int64_t[]){4}), .count = 4,
                  .data = memcpy(alloc(sizeof factor), factor, sizeof factor)};
    const bool sized = chance(m, 35);
    Node *n = begin(m, OP_Resize, sized ? 4 : 3, (Value *[]){x, NULL, sized ? NULL : value_tensor(m->g, NULL, t),
                                                             sized ? ints(m, 4, size) : NULL});
    attr_set_s(n, "mode", chance(m, 92) ? "nearest" : "linear");
    attr_set_s(n, "coordinate_transformation_mode", chance(m, 75) ? "asymmetric" : "half_pixel");
    attr_set_s(n, "nearest_mode", chance(m, 80) ? "floor" : "round_prefer_floor");
    return inner(m, end(n));
}

void upsampled(Maker *m)
{
    Value *x = some_of_rank(m, 4, 4);
    if (elements(x) > 600 || x->shape.dim[1] > 20)
        return;
    if (chance(m, 50))
        x = stored(m, x);
    if (chance(m, 25))
        x = norm_and_silu(m, x);
    if (x->dtype != m->type)
        return;
    Value *y = enlarged(m, x);
    if (chance(m, 20))
        y = activation(m, y);
    y = conv(m, y, 1 + below(m, 12), chance(m, 80) ? 3 : 1);
    if (chance(m, 30))
        y = conv(m, norm_and_silu(m, y), 1 + below(m, 6), 3);
    keep(m, chance(m, 40) ? epilogue(m, y) : y);
}

/* A product of an image and another of it, added: a residual's shortcut, or one that is broadcast, or of a kernel that
 * a shortcut has not. */
void shortcut(Maker *m)
{
    Value *x = some_of_rank(m, 4, 4), *other = x;
    const int64_t channels = 1 + below(m, 20), n = x->shape.dim[0];
    if (elements(x) > 2500 || x->shape.dim[1] > 40)
        return;
    Value *y = conv(m, chance(m, 60) ? norm_and_silu(m, x) : x, channels, 3);
    if (chance(m, 40))
        y = conv(m, norm_and_silu(m, y), channels, 3);
    if (chance(m, 15))
        other = reduce(m, OP_ReduceMean, x, 2, 2);
    else if (chance(m, 10))
        other = fresh(m, 4, (int64_t[]){n, 1 + below(m, 6), 1, 1});
    else if (chance(m, 15))
        other = fresh(m, 4, (int64_t[]){1, 1 + below(m, 6), x->shape.dim[2], x->shape.dim[3]});
    other = conv(m, other, chance(m, 90) ? channels : 1, chance(m, 85) ? 1 : 3);
    if (chance(m, 15))
        other = activation(m, other);
    y = inner(m, either(m, OP_Add, y, other));
    keep(m, chance(m, 40) ? epilogue(m, y) : y);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static Value *folded(Value *v)
{
    fold_node(v->def);
    return v;
}

/* One part of the last axis, the bounds computed of a shape as exporters do. */
static Value *part_of(Maker *m, Value *x, int64_t part, int64_t parts)
{
    const int64_t axis = x->shape.rank - 1;
    Value *size = folded(op2(m, OP_Gather, folded(op1(m, OP_Shape, x)), ints(m, 1, &axis)));
    Value *step = folded(op2(m, OP_Div, size, ints(m, 1, &parts)));
    Value *first = folded(op2(m, OP_Mul, step, ints(m, 1, &part))), *last = folded(op2(m, OP_Add, first, step));
    return end(begin(m, OP_Slice, 4, (Value *[]){x, first, last, ints(m, 1, chance(m, 50) ? &axis : &(int64_t){-1})}));
}

/* [B, parts * C] from an embedding; its parts as [B, 1, C], or of another shape that broadcasts. */
static Value *modulation(Maker *m, Value *all, int64_t part, int64_t parts, const Shape *s)
{
    Value *v = inner(m, part_of(m, all, part, parts));
    if (chance(m, 6))
        return fresh(m, 3, s->dim);
    if (chance(m, 6))
        return fresh(m, 3, (int64_t[]){s->dim[0], s->dim[1], 1});
    return op2(m, OP_Unsqueeze, v, ints(m, 1, (int64_t[]){1}));
}

static Value *modulated(Maker *m, Value *y, Value *scale, Value *shift)
{
    y = either(m, OP_Mul, y, inner(m, either(m, OP_Add, scale, scalar(m, 1))));
    return inner(m, either(m, OP_Add, y, shift));
}

/* One norm, modulated two or three times, each for a product of its own; a gated residual behind. */
void modulations(Maker *m)
{
    Value *x = some_of_rank(m, 3, 3);
    const Shape s = x->shape;
    const int64_t width = s.dim[2], times = 2 + chance(m, 25), parts = 3 * times, wide = parts * width;
    if (elements(x) > 1500 || width > 24)
        return;
    Value *embedding = fresh(m, 2, (int64_t[]){s.dim[0], 1 + below(m, 9)});
    if (chance(m, 70))
        embedding = activation(m, embedding);
    Value *all = op2(m, OP_MatMul, embedding, weight(m, 2, (int64_t[]){embedding->shape.dim[1], wide}));
    all = either(m, OP_Add, all, weight(m, 1, &wide));
    Value *one = full(m, 1, &width, 1), *zero = full(m, 1, &width, 0);
    Value *y = inner(m, end(begin(m, OP_LayerNormalization, chance(m, 50) ? 3 : 2, (Value *[]){x, one, zero})));
    for (int64_t k = 0; k < times; k++) {
        Value *z = modulated(m, y, modulation(m, all, 3 * k, parts, &s), modulation(m, all, 3 * k + 1, parts, &s));
        if (chance(m, 80))
            z = linear(m, z, width);
        if (chance(m, 60))
            z = inner(m, either(m, OP_Mul, z, modulation(m, all, 3 * k + 2, parts, &s)));
        if (chance(m, 60))
            x = inner(m, either(m, OP_Add, x, z));
        else
            keep(m, z);
    }
    keep(m, x);
}

static Value *joined_along(Maker *m, Value *x, Value *y, int64_t axis)
{
    Node *n = begin(m, OP_Concat, 2, (Value *[]){x, y});
    attr_set_i(n, "axis", axis);
    return inner(m, end(n));
}

static Value *head_normed(Maker *m, Value *x)
{
    const int64_t size = x->shape.dim[x->shape.rank - 1];
    Node *n = begin(m, OP_RMSNormalization, 2, (Value *[]){x, weight(m, 1, &size)});
    attr_set_i(n, "axis", -1);
    return inner(m, end(n));
}

/* Q, K or V of one stream: [B, H, N, D], or [B, N, H, D] when the streams are joined before they are turned. */
static Value *stream(Maker *m, Value *x, int64_t heads, int64_t inside, bool early, bool normed)
{
    Value *y = inner(m, reshape(m, linear(m, x, inside), 4, (int64_t[]){0, 0, heads, inside / heads}));
    if (normed)
        y = head_normed(m, y);
    return early ? y : inner(m, transpose(m, y, (int64_t[]){0, 2, 1, 3}));
}

/* Two streams attend to both, each takes its part of the result; at times the parts lie otherwise. */
void joint_attention(Maker *m)
{
    Value *x = some_of_rank(m, 3, 3), *both[3];
    const Shape s = x->shape;
    const int64_t heads = 1 + below(m, 3), inside = heads * (1 + below(m, 8)), rows = 1 + below(m, 6);
    if (elements(x) > 1200 || s.dim[1] > 40)
        return;
    Value *text = fresh(m, 3, (int64_t[]){s.dim[0], rows, 1 + below(m, 9)});
    const bool early = chance(m, 40), normed = chance(m, 40), first = chance(m, 50);
    for (int k = 0; k < 3; k++) {
        Value *a = stream(m, x, heads, inside, early, normed && k < 2);
        Value *b = stream(m, text, heads, inside, early, normed && k < 2);
        const bool order = first != (chance(m, 5) && k > 0);
        both[k] = joined_along(m, order ? a : b, order ? b : a, early ? 1 : 2);
        if (early)
            both[k] = inner(m, transpose(m, both[k], (int64_t[]){0, 2, 1, 3}));
    }
    Value *y = attend(m, both[0], both[1], both[2]);
    y = inner(m, reshape(m, transpose(m, y, (int64_t[]){0, 2, 1, 3}), 3, (int64_t[]){0, 0, inside}));
    const int64_t cut = first ? s.dim[1] : rows, one = 1, zero = 0, far = INT64_MAX;
    Value *front = end(begin(m, OP_Slice, 4, (Value *[]){y, ints(m, 1, &zero), ints(m, 1, &cut), ints(m, 1, &one)}));
    Value *back = end(begin(m, OP_Slice, 4, (Value *[]){y, ints(m, 1, &cut), ints(m, 1, &far), ints(m, 1, &one)}));
    Value *mine = linear(m, inner(m, first ? front : back), s.dim[2]);
    if (chance(m, 40))
        mine = either(m, OP_Mul, mine, fresh(m, 3, (int64_t[]){s.dim[0], 1, s.dim[2]}));
    keep(m, inner(m, either(m, OP_Add, x, mine)));
    keep(m, chance(m, 70) ? linear(m, inner(m, first ? back : front), text->shape.dim[2]) : text);
}

/* ---- control flow ------------------------------------------------------------------------------------------------ */

Value *same_shape(Maker *m, Value *x)
{
    if (x->shape.rank == 4 && elements(x) && elements(x) <= 1500 && x->shape.dim[1] <= 24)
        return either(m, OP_Add, conv(m, norm_and_silu(m, x), x->shape.dim[1], 3), x);
    if (x->shape.rank == 3 && elements(x) && elements(x) <= 1500)
        return either(m, OP_Add, linear(m, activation(m, linear(m, row_normed(m, x), 1 + below(m, 20))),
                                        x->shape.dim[2]), x);
    return op1(m, OP_Tanh, activation(m, x));
}

/* A block that is done a few times, on what it left; at times it leaves each pass's result too. */
void repeated(Maker *m)
{
    if (m->g != m->top)
        return;
    Value *x = some_of_rank(m, 3, 4), *trips = value_int(m->g, 1 + below(m, 3));
    Value *always = tensor_of(m, DT_BOOL, 0, NULL, 1, 2);
    Graph *outer = m->g, *body = graph_new(outer->model, outer, NULL);
    const int before = m->count;
    m->g = body;
    value_input(body, "i", DT_I64, shape_of(0, NULL));
    Value *go_on = value_input(body, "c", DT_BOOL, shape_of(0, NULL));
    Value *y = same_shape(m, value_input(body, "x", m->type, x->shape));
    y = op1(m, OP_Tanh, y);                         /* what is repeated must not grow */
    graph_output(body, op1(m, OP_Identity, go_on));
    graph_output(body, y);
    const bool scanned = chance(m, 40);
    if (scanned)
        graph_output(body, op1(m, OP_Identity, y));
    m->g = outer;
    forget_inner(m, before);
    Node *n = node_new(m->g, NULL, OP_Loop, 3, (Value *[]){trips, always, x}, 1 + scanned);
    attr_set(n, (Attr){.name = "body", .type = ATTR_GRAPH, .graph = body});
    m->nodes++;
    infer_node(n);
    for (int k = 0; k < n->n_out; k++)
        keep(m, n->out[k]);
}
