/* prologue.c: the norm and the activation that a convolution can do where it loads its input, for pass_fuse.
 *
 * They are a GroupNormalization, InstanceNormalization or NormApply and elementwise nodes that read nothing else from memory, in
 * single precision, each read by the next one alone; the convolution has constant weights.  Lowering may still part
 * them (conv_takes_prologue): it knows how often a kernel loads an element. */
#include <string.h>

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
    if (conv->in[0]->dtype != DT_F32)
        return "the convolution's input is not float32";
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

int find_prologue(const Node *conv, Node **into, int room)
{
    if (conv->op != OP_Conv || !fuses(conv->graph, FUSION_norm) || !is_normed(conv->in[0]))
        return 0;
    const char *why = unfit(conv);
    Value *v = conv->in[0];
    for (int count = 0; !why; v = only_operand(into[0])) {
        why = not_taken(conv, v);
        if (why || count == room)
            break;
        memmove(into + 1, into, (size_t)count++ * sizeof *into);
        into[0] = v->def;
        if (is_image_norm(v->def))
            return count;
    }
    candidate_missed(conv, "prologue", "%s", why ? why : "too many nodes");
    return 0;
}
