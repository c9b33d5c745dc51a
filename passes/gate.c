/* gate: a product whose halves meet again becomes two products, so that the second one's store does the gate.
 *
 *      y = MatMul(x, W) [+ b];  a, g = halves of y;  a * gelu(g)             GEGLU, SwiGLU
 *      becomes   MatMul(x, W0) [+ b0], MatMul(x, W1) [+ b1], ...             W0 | W1 = W
 *
 *   needs:   static shapes, folded constants; after projection, which does the opposite for parts that go to views
 *   leaves:  products of half the width where both halves are read by elementwise nodes alone
 *   keeps:   every result exactly: each column is the sum that it was
 *
 * The first product is stored, and is read and overwritten by the second one's store (fuse): three passes over the
 * gated width instead of five. */
#include <string.h>

#include "../ir/sdc.h"
#include "decompose.h"
#include "match.h"

typedef struct { Value *out; int64_t first; } Half;

static bool read_elementwise(const Value *v)
{
    bool all = v->n_uses && !v->graph_output;
    for (int k = 0; k < v->n_uses; k++)
        all &= op_info(v->uses[k]->op)->float_meaning != NULL;
    return all;
}

/* The two halves of y that are all that is read of it. */
static bool halves_of(const Value *y, Half *half)
{
    int last = y->shape.rank - 1;
    if (y->graph_output)
        return false;
    bool split = y->n_uses == 1 && y->uses[0]->op == OP_Split && y->uses[0]->n_out == 2;
    if (!split && y->n_uses != 2)
        return false;
    for (int k = 0; k < 2; k++) {
        const Node *reader = y->uses[split ? 0 : k];
        Value *piece = reader->out[split ? k : 0];
        if (reader->in[0] != y || !piece)
            return false;
        half[k] = (Half){piece, piece_begin(piece)};
    }
    int64_t width = y->shape.dim[last] / 2;
    for (int k = 0; k < 2; k++)
        if (half[k].out->shape.dim[last] != width || !read_elementwise(half[k].out))
            return false;
    return half[0].first + half[1].first == width && half[0].first * half[1].first == 0 && 2 * width == y->shape.dim[last];
}

static void rewrite(Node *product, Value *bias, const Half *half)
{
    int64_t width = half[0].out->shape.dim[half[0].out->shape.rank - 1];
    candidate_became(product, "gate", "two products of %lld columns", (long long)width);
    for (int k = 0; k < 2; k++) {
        int64_t first = half[k].first;
        Value *part = make2(product, OP_MatMul, product->in[0],
                            make_slice(product, product->in[1], 1, first, first + width, 1));
        if (bias)
            part = make2(product, OP_Add, part, make_slice(product, bias, 0, first, first + width, 1));
        value_replace(half[k].out, part);
    }
}

static void gate_product(Node *n)
{
    Half half[2];
    if (!is_projection(n))
        return;
    Value *y = n->out[0], *bias = bias_behind(&y);
    if (halves_of(y, half))
        rewrite(n, bias, half);
}

void pass_gate(Graph *g)
{
    if (fuses(g, FUSION_epilogue))
        graph_rewrite(g, gate_product);
}
