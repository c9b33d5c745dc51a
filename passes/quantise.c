/* quantise: weights of products and convolutions are stored in integers of few bits, where --weights asks for it.
 *
 *   needs:   static shapes, folded constants, products as they will be; before precision, which casts what this leaves
 *   leaves:  QuantizedWeight between a large constant and the MatMul, Gemm or Conv that multiplies by it: a recipe, of
 *            which kernels pack the codes and scales, and compute with what the oracle computes with
 *   keeps:   types, shapes, and every result but for the rounding of weights
 *
 * A scale belongs to one column, of a convolution to one tap of an output channel, or to a group of depths of it, so that
 * it is a factor of terms of one sum.  Small weights stay as they are, and so do tables, biases and norms, which are read
 * but for a moment of a run, and in bf16 kernels of several taps, whose products take bf16 as it lies in memory. */
#include "../ir/sdc.h"
#include "decompose.h"

enum { SMALLEST = 4096 };          /* elements of a weight that is stored in integers */

static bool has_several_taps(const Node *n)
{
    const Shape *w = &n->in[1]->shape;
    return n->op == OP_Conv && shape_count(w) != w->dim[0] * w->dim[1];
}

/* A convolution of one or two axes, in one group, whose kernels read integers. */
static bool is_convolution(const Node *n)
{
    const Value *w = n->in[1];
    const bool bf16 = n->graph->model->dtype == DT_BF16 || w->dtype == DT_BF16;
    return attr_i(n, "group") == 1 && w->shape.rank <= 4 && !(bf16 && has_several_taps(n));
}

/* Convolutions of several taps, which all of a denoiser's sums pass through, have 8 bits at least: with 4 the distance of
 * tiny-sd1's UNet is 0.23, with 8 for them 0.13, with floats 0.12. */
static WeightType type_for(const Node *n)
{
    const WeightType asked = n->graph->model->weights;
    return has_several_taps(n) && asked.bits < 8 ? (WeightType){.bits = 8} : asked;
}

/* Of n's constant matrix, the axis that is summed over; -1: n has no large one. */
static int depth_axis(const Node *n)
{
    const bool product = n->op == OP_MatMul || n->op == OP_Gemm, convolution = n->op == OP_Conv;
    const Value *b = product || convolution ? n->in[1] : NULL;
    if (!b || !b->constant || quantized_weight(b) || n->in[0]->constant || !dtype_is_single(b->dtype) || b->shape.rank < 2 ||
        shape_count(&b->shape) < SMALLEST)
        return -1;
    if (convolution)
        return is_convolution(n) ? 1 : -1;
    return n->op == OP_Gemm && attr_i(n, "transB") ? 1 : b->shape.rank - 2;
}

static Value *stored(Node *at, Value *weight, int axis)
{
    const WeightType type = type_for(at);
    Node *n = begun(at, OP_QuantizedWeight, 1, &weight);
    attr_set_i(n, "bits", type.bits);
    attr_set_i(n, "axis", axis);
    attr_set_i(n, "group", type.group);
    n->name = at->name;
    return finished(n);
}

static void count(Model *m, const Node *n, int axis)
{
    const Value *weight = n->in[1];
    const WeightType type = type_for(n);
    const int64_t elements = shape_count(&weight->shape), depth = weight->shape.dim[axis];
    const int64_t groups = type.group ? (depth + type.group - 1) / type.group : 1;
    const int64_t width = dtype_is_half(m->dtype) ? 2 : dtype_info(weight->dtype)->bytes;
    m->stored.count++;
    m->stored.before += elements * width;
    m->stored.bytes += elements * type.bits / 8 + elements / depth * groups * dtype_info(DT_BF16)->bytes;
}

void pass_quantise(Graph *g)
{
    Model *m = g->model;
    if (!m->weights.bits)
        return;
    const int values = m->next_value;
    Value **known[MAX_RANK];            /* by axis and weight */
    for (int k = 0; k < MAX_RANK; k++)
        known[k] = alloc_array(values, sizeof(Value *));
    for (Node *n = g->first; n; n = n->next) {
        const int axis = depth_axis(n);
        if (axis < 0)
            continue;
        Value *weight = n->in[1], **place = &known[axis][weight->id];
        if (!*place) {
            *place = stored(n, weight, axis);
            count(m, n, axis);
        }
        node_set_input(n, 1, *place);
    }
}

void quantise_report(FILE *out, const Graph *g)
{
    const Model *m = g->model;
    if (m->weights.bits)
        fprintf(out, "  int%d: %d weights of products and convolutions, %.1f MB instead of %.1f; all others stay floats\n",
                m->weights.bits, m->stored.count, (double)m->stored.bytes / 1e6, (double)m->stored.before / 1e6);
}
