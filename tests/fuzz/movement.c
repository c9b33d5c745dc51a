/* movement.c: what moves data, joins and splits it, reductions, images, integers.  See make.h. */
#include <string.h>

#include "make.h"

/* ---- movement ---------------------------------------------------------------------------------------------------- */

static void shuffle(Maker *m, int64_t *perm, int count)
{
    for (int k = 0; k < count; k++) {
        int j = below(m, k + 1);
        perm[k] = perm[j];
        perm[j] = k;
    }
}

static Value *other_shape(Maker *m, Value *x)
{
    int64_t dim[MAX_RANK], left = elements(x);
    int rank = 1 + below(m, 5);
    if (!left)
        return x;
    for (int k = 0; k < rank - 1; k++) {
        int64_t d = 1 + below(m, (int)(left < 12 ? left : 12));
        while (left % d)
            d--;
        dim[k] = d;
        left /= d;
    }
    dim[rank - 1] = left;
    if (chance(m, 30))
        dim[below(m, rank)] = -1;
    return reshape(m, x, rank, dim);
}

static Value *slice(Maker *m, Value *x)
{
    const int axis = below(m, x->shape.rank);
    const int64_t n = x->shape.dim[axis];
    if (n < 2)
        return x;
    int64_t first = below(m, (int)n), last = first + 1 + below(m, (int)(n - first)), step = chance(m, 75) ? 1 : 2;
    if (chance(m, 12)) {                            /* backwards */
        int64_t t = last - 1;
        last = first ? first - 1 : INT64_MIN;
        first = t;
        step = -1;
    }
    return end(begin(m, OP_Slice, 5, (Value *[]){x, ints(m, 1, &first), ints(m, 1, &last),
                                                 ints(m, 1, (int64_t[]){chance(m, 50) ? axis : axis - x->shape.rank}),
                                                 ints(m, 1, &step)}));
}

static Value *pad(Maker *m, Value *x)
{
    static const char *const modes[] = {"constant", "constant", "edge", "reflect"};
    int64_t pads[2 * MAX_RANK] = {0};
    const char *mode = modes[below(m, 4)];
    const int rank = x->shape.rank;
    if (!elements(x))
        return x;
    for (int k = 0; k < 2; k++) {
        int axis = below(m, rank);
        if (x->shape.dim[axis] > 2)
            pads[axis + (chance(m, 50) ? rank : 0)] = mode[0] == 'c' && chance(m, 20) ? -1 : below(m, 3);
    }
    Node *n = begin(m, OP_Pad, 2, (Value *[]){x, ints(m, 2 * rank, pads)});
    attr_set_s(n, "mode", mode);
    return end(n);
}

static Value *expand(Maker *m, Value *x)
{
    int64_t dim[MAX_RANK];
    int rank = x->shape.rank;
    memcpy(dim, x->shape.dim, sizeof dim);
    for (int k = 0; k < rank; k++)
        dim[k] = dim[k] == 1 && chance(m, 60) ? 1 + below(m, 4) : dim[k];
    if (chance(m, 30) && rank < 5) {
        memmove(dim + 1, dim, (size_t)rank++ * sizeof *dim);
        dim[0] = 1 + below(m, 3);
    }
    return op2(m, OP_Expand, x, ints(m, rank, dim));
}

static Value *gather(Maker *m, Value *x)
{
    const int axis = below(m, x->shape.rank);
    int64_t index[4], n = x->shape.dim[axis], count = 1 + below(m, 4);
    if (!n)
        return x;
    for (int k = 0; k < count; k++)
        index[k] = below(m, (int)n) - (chance(m, 20) ? n : 0);
    Value *which = chance(m, 75) ? ints(m, (int)count, index) : value_int(m->g, index[0]);
    Node *node = begin(m, OP_Gather, 2, (Value *[]){x, which});
    attr_set_i(node, "axis", axis);
    return end(node);
}

static Value *unsqueeze(Maker *m, Value *x)
{
    if (x->shape.rank > 4)
        return x;
    return op2(m, OP_Unsqueeze, x, ints(m, 1, (int64_t[]){below(m, x->shape.rank + 1)}));
}

/* [B, N, H D] to heads and back, spatial axes to a row: what exporters write around attention. */
static Value *heads_split(Maker *m, Value *x)
{
    const Shape s = x->shape;
    if (s.rank == 4)
        return swap_last(m, reshape(m, x, 3, (int64_t[]){s.dim[0], s.dim[1], s.dim[2] * s.dim[3]}));
    int64_t h = s.rank == 3 && s.dim[2] % 2 == 0 ? 2 : 1;
    if (s.rank != 3)
        return x;
    return transpose(m, reshape(m, x, 4, (int64_t[]){s.dim[0], s.dim[1], h, s.dim[2] / h}), (int64_t[]){0, 2, 1, 3});
}

Value *moved(Maker *m, Value *x)
{
    int64_t perm[MAX_RANK];
    const int rank = x->shape.rank;
    switch (rank ? below(m, 10) : 9) {
    case 0:
    case 1: shuffle(m, perm, rank); return transpose(m, x, perm);
    case 2: return other_shape(m, x);
    case 3:
    case 4: return slice(m, x);
    case 5: return pad(m, x);
    case 6: return expand(m, x);
    case 7: return gather(m, x);
    case 8: return elements(x) ? heads_split(m, x) : x;
    default: return unsqueeze(m, x);
    }
}

void movement(Maker *m)
{
    Value *x = some(m);
    for (int k = 1 + below(m, 3); k > 0; k--)
        x = inner(m, moved(m, x));
    m->nodes++;
    if (x->def)
        keep(m, x);
}

static void split_up(Maker *m)
{
    Value *x = some(m);
    const int rank = x->shape.rank, axis = rank ? below(m, rank) : 0;
    int64_t part[3], n = rank ? x->shape.dim[axis] : 0;
    if (n < 2)
        return;
    part[0] = 1 + below(m, (int)(n - 1));
    part[1] = n - part[0];
    int count = 2;
    if (part[1] > 1 && chance(m, 40)) {
        part[count++] = 1;
        part[1]--;
    }
    m->nodes++;
    Node *node = node_new(m->g, NULL, OP_Split, 2, (Value *[]){x, ints(m, count, part)}, count);
    attr_set_i(node, "axis", axis);
    infer_node(node);
    for (int k = 0; k < count; k++)
        keep(m, node->out[k]);
    if (chance(m, 35) && part[0] == part[1])            /* a gated unit */
        keep(m, op2(m, OP_Mul, node->out[0], activation(m, node->out[1])));
}

void joining(Maker *m)
{
    Value *x = some(m), *part[4] = {x};
    if (chance(m, 35) || !x->shape.rank) {
        split_up(m);
        return;
    }
    const int axis = below(m, x->shape.rank), count = 2 + below(m, 2);
    for (int k = 1; k < count; k++) {
        Shape s = x->shape;
        part[k] = x;
        if (chance(m, 20))
            continue;
        if (chance(m, 50)) {
            part[k] = inner(m, chance(m, 50) ? one_operand(m, x) : with_other(m, x));
        } else {
            s.dim[axis] = 1 + below(m, 5);
            part[k] = weight(m, s.rank, s.dim);
        }
    }
    Node *n = begin(m, OP_Concat, count, part);
    attr_set_i(n, "axis", chance(m, 50) ? axis : axis - x->shape.rank);
    Value *y = end(n);
    keep(m, chance(m, 30) ? epilogue(m, y) : y);
}

/* ---- integers ---------------------------------------------------------------------------------------------------- */

/* Rows of a table, by an input; positions compared with numbers. */
void integers(Maker *m)
{
    const DType type = chance(m, 50) ? DT_I64 : DT_I32;
    const int64_t rows = 2 + below(m, 4), table[] = {rows, 1 + below(m, 9)}, dim[] = {1 + below(m, 3), 1 + below(m, 5)};
    Value *x = value_input(m->top, text_format("in%d", m->top->n_inputs), type, shape_of(2, dim)), *y = x;
    if (chance(m, 40))
        y = op2(m, OP_Mul, x, tensor_of(m, type, 1, dim + 1, 0, (double)rows));
    Node *n = begin(m, OP_Gather, 2, (Value *[]){weight(m, 2, table), y});
    keep(m, end(n));
    if (chance(m, 40))
        keep(m, cast(m, op2(m, OP_Add, y, x), m->type));
    if (chance(m, 40))
        keep(m, op2(m, chance(m, 50) ? OP_Equal : OP_LessOrEqual, y, tensor_of(m, type, 1, dim + 1, 0, 2)));
}

/* ---- reductions and images --------------------------------------------------------------------------------------- */

void reduction(Maker *m)
{
    static const Op ops[] = {OP_ReduceMean, OP_ReduceSum, OP_ReduceMax, OP_ReduceMin, OP_ReduceL2, OP_ReduceSumSquare};
    Value *x = some_of_rank(m, 1, 4);
    const int rank = x->shape.rank, axis = below(m, rank);
    if (chance(m, 40)) {
        Node *n = begin(m, chance(m, 85) ? OP_Softmax : OP_LogSoftmax, 1, &x);
        attr_set_i(n, "axis", chance(m, 50) ? rank - 1 : axis);
        keep(m, end(n));
        return;
    }
    keep(m, reduce(m, ops[below(m, COUNT(ops))], x, axis, 1 + below(m, rank - axis)));
}

void image_resize(Maker *m)
{
    Value *x = some_of_rank(m, 4, 4);
    if (chance(m, 35) && x->shape.dim[2] > 1 && x->shape.dim[3] > 1) {
        Node *n = begin(m, chance(m, 50) ? OP_AveragePool : OP_MaxPool, 1, &x);
        attr_set_ints(n, "kernel_shape", (int64_t[]){2, 2}, 2);
        attr_set_ints(n, "strides", (int64_t[]){1 + below(m, 2), 2}, 2);
        keep(m, end(n));
        return;
    }
    Shape s = shape_of(1, (int64_t[]){4});
    Tensor *t = alloc(sizeof *t);
    float *scales = alloc_array(4, sizeof *scales);
    for (int k = 0; k < 4; k++)
        scales[k] = k < 2 ? 1 : 2;
    *t = (Tensor){.dtype = DT_F32, .shape = s, .count = 4, .data = scales};
    Node *n = begin(m, OP_Resize, 3, (Value *[]){x, NULL, value_tensor(m->g, NULL, t)});
    attr_set_s(n, "mode", chance(m, 85) ? "nearest" : "linear");
    attr_set_s(n, "coordinate_transformation_mode", chance(m, 80) ? "asymmetric" : "half_pixel");
    attr_set_s(n, "nearest_mode", chance(m, 80) ? "floor" : "round_prefer_floor");
    keep(m, end(n));
}
