/* quantise: weights of products are stored in integers of few bits, where --weights asks for it.
 *
 *   needs:   static shapes, folded constants, products as they will be; before precision, which casts what this leaves
 *   leaves:  QuantizedWeight between a large constant and the MatMul or Gemm that multiplies by it: a recipe, of which
 *            kernels pack the codes and scales, and compute with what the oracle computes with
 *   keeps:   types, shapes, and every result but for the rounding of weights
 *
 * A scale belongs to one column, or to a group of depths of it, so that it is a factor of terms of one sum.  Small weights
 * stay as they are, and so do tables, biases and norms, which are read but for a moment of a run. */
#include "../ir/sdc.h"
#include "decompose.h"

enum { SMALLEST = 4096 };          /* elements of a weight that is stored in integers */

/* Of n's constant matrix, the axis that is summed over; -1: n has no large one. */
static int depth_axis(const Node *n)
{
    const Value *b = n->op == OP_MatMul || n->op == OP_Gemm ? n->in[1] : NULL;
    if (!b || !b->constant || quantized_weight(b) || n->in[0]->constant || !dtype_is_single(b->dtype) || b->shape.rank < 2 ||
        shape_count(&b->shape) < SMALLEST)
        return -1;
    return n->op == OP_Gemm && attr_i(n, "transB") ? 1 : b->shape.rank - 2;
}

static Value *stored(Node *at, Value *weight, int axis)
{
    Node *n = begun(at, OP_QuantizedWeight, 1, &weight);
    attr_set_i(n, "bits", at->graph->model->weights.bits);
    attr_set_i(n, "axis", axis);
    attr_set_i(n, "group", at->graph->model->weights.group);
    n->name = at->name;
    return finished(n);
}

static void count(Model *m, const Value *weight, int axis)
{
    const int64_t elements = shape_count(&weight->shape), depth = weight->shape.dim[axis];
    const int64_t groups = m->weights.group ? (depth + m->weights.group - 1) / m->weights.group : 1;
    const int64_t width = dtype_is_half(m->dtype) ? 2 : dtype_info(weight->dtype)->bytes;
    m->stored.count++;
    m->stored.before += elements * width;
    m->stored.bytes += elements * m->weights.bits / 8 + elements / depth * groups * dtype_info(DT_BF16)->bytes;
}

void pass_quantise(Graph *g)
{
    Model *m = g->model;
    if (!m->weights.bits)
        return;
    const int values = m->next_value;
    Value **known[2] = {alloc_array(values, sizeof(Value *)), alloc_array(values, sizeof(Value *))};
    for (Node *n = g->first; n; n = n->next) {
        const int axis = depth_axis(n);
        if (axis < 0)
            continue;
        Value *weight = n->in[1], **place = &known[axis == weight->shape.rank - 1][weight->id];
        if (!*place) {
            *place = stored(n, weight, axis);
            count(m, weight, axis);
        }
        node_set_input(n, 1, *place);
    }
}

void quantise_report(FILE *out, const Graph *g)
{
    const Model *m = g->model;
    if (m->weights.bits)
        fprintf(out, "  int%d: %d weights of products, %.1f MB instead of %.1f; all others stay floats\n", m->weights.bits,
                m->stored.count, (double)m->stored.bytes / 1e6, (double)m->stored.before / 1e6);
}
