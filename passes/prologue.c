/* prologue.c: the norm, the activation and the up-sampling that a convolution can do where it loads its input, for
 * pass_fuse.
 *
 * Up-sampling is a nearest Resize that repeats pixels, right before the convolution and read by nothing else.  Norm and
 * activation are a GroupNormalization, InstanceNormalization or NormApply and elementwise nodes that read nothing else
 * from memory, in single precision, each read by the next one alone; the convolution has constant weights.  Lowering may
 * still part them (conv_parts_prologue): it knows how often a kernel loads an element. */
#include <string.h>

#include "../ir/resize.h"
#include "fuse.h"

static bool is_image_norm(const Node *n)
{
    bool norm = n->op == OP_GroupNormalization || n->op == OP_InstanceNormalization || n->op == OP_NormApply;
    return norm && !n->out[0]->constant;
}

/* The value of the result's shape that elementwise n reads besides constants of one element, if there is just one. */
static Value *only_operand(const Node *n)
{
    Value *only = NULL;
    for (int k = 0; k < n->n_in; k++) {
        Value *v = n->in[k];
        if (v->tensor && v->tensor->count == 1)
            continue;
        if (only && only != v)
            return NULL;
        only = v;
    }
    return only && shape_equal(&only->shape, &n->out[0]->shape) ? only : NULL;
}

/* Is there a norm behind v and elementwise nodes of any kind? */
static bool is_normed(const Value *v)
{
    const Node *n = v->def;
    while (n && joins(n)) {
        const Node *next = NULL;
        for (int k = 0; k < n->n_in && !next; k++) {
            const Node *maker = n->in[k]->def;
            if (maker && (joins(maker) || is_image_norm(maker)))
                next = maker;
        }
        n = next;
    }
    return n && is_image_norm(n);
}

/* Why the convolution takes no prologue, whatever is before it; NULL when it may. */
static const char *unfit(const Node *conv)
{
    int rank = conv->in[0]->shape.rank;
    if (!is_constant(conv->in[1]))
        return "the convolution's weights are no constants";
    if (!dtype_is_single(conv->in[0]->dtype))
        return "the convolution's input is neither float32 nor a half type";
    if (rank < 3 || rank > 4)
        return "the convolution has more than two spatial axes";
    return NULL;
}

/* Why the maker of v, which is a norm or elementwise, stays where it is; NULL when it may move to the convolution. */
static const char *not_taken(const Node *conv, const Value *v)
{
    const Node *n = v->def;
    if (v->n_uses != 1 || v->graph_output)
        return text_format("v%d is read by %d nodes%s", v->id, v->n_uses, v->graph_output ? " and an output" : "");
    if (n->graph != conv->graph)
        return text_format("n%d (%s) is in another graph", n->id, op_info(n->op)->name);
    if (!is_image_norm(n) && !only_operand(n))
        return text_format("n%d (%s) reads more than one image", n->id, op_info(n->op)->name);
    return NULL;
}

/* Those from the norm to the maker of v in front of the `count` nodes that are there; how many there are then. */
static int add_norm(const Node *conv, Value *v, Node **into, int already, int room)
{
    if (!fuses(conv->graph, FUSION_norm) || !is_normed(v))
        return already;
    const char *why = unfit(conv);
    int count = already;
    for (; !why; v = only_operand(into[0])) {
        why = not_taken(conv, v);
        if (why || count == room)
            break;
        memmove(into + 1, into, (size_t)count++ * sizeof *into);
        into[0] = v->def;
        if (is_image_norm(v->def))
            return count;
    }
    memmove(into, into + count - already, (size_t)already * sizeof *into);
    candidate_missed(conv, "prologue", "%s", why ? why : "too many nodes");
    return already;
}

/* ---- up-sampling ------------------------------------------------------------------------------------------------- */

/* Why the convolution does not up-sample its input v, which a Resize makes; NULL when it may. */
static const char *not_upsampled(const Node *conv, const Value *v)
{
    if (!is_constant(conv->in[1]))
        return "the convolution's weights are no constants";
    if (attr_i(conv, "group") == v->shape.dim[1])
        return "the convolution is depthwise";
    if (v->n_uses != 1 || v->graph_output || v->def->graph != conv->graph)
        return text_format("v%d is not read by convolutions alone", v->id);
    return NULL;
}

static bool is_upsampling(const Node *n)
{
    int64_t factor[MAX_RANK];
    const Value *v = n->out[0];
    return v && v->shape.rank <= 4 && dtype_is_single(v->dtype) && !v->constant && fuses(n->graph, FUSION_upsample) &&
           resize_repeats(n, factor);
}

static bool takes_upsampling(const Node *conv)
{
    const Value *v = conv->in[0];
    if (!v->def || !is_upsampling(v->def))
        return false;
    const char *why = not_upsampled(conv, v);
    if (why)
        candidate_missed(conv, "upsample", "%s", why);
    return !why;
}

void part_upsampling(Node *resize)
{
    Value *v = resize->out[0];
    if (v->n_uses < 2 || v->graph_output || !is_upsampling(resize))
        return;
    for (int k = 0; k < v->n_uses; k++)
        if (v->uses[k]->op != OP_Conv || !is_constant(v->uses[k]->in[1]) || v->uses[k]->graph != v->graph)
            return;
    while (v->n_uses > 1)
        node_set_input(v->uses[0], 0, node_copy(resize, resize)->out[0]);
}

int find_prologue(const Node *conv, Node **into, int room)
{
    if (conv->op != OP_Conv || room == 0)
        return 0;
    int count = takes_upsampling(conv);
    if (count)
        into[0] = conv->in[0]->def;
    return add_norm(conv, count ? into[0]->in[0] : conv->in[0], into, count, room);
}
