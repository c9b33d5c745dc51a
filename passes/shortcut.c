/* shortcut.c: two convolutions whose results are added, for pass_fuse: one of 1x1 at every pixel, a residual block's
 * shortcut, and one that is not.  One kernel adds the products of both up in the same registers, so that the shortcut's
 * image is neither stored nor read.
 *
 * Nothing but the sum reads either: what is needed by itself is stored anyhow.  Both have constant weights and biases
 * and one group. */
#include "../ir/window.h"
#include "fuse.h"

static bool is_pointwise(const Node *conv)
{
    Window w = window_conv(conv, &conv->in[0]->shape, &conv->in[1]->shape);
    bool point = attr_i(conv, "group") == 1;
    for (int k = 0; k < w.rank; k++)
        point &= w.kernel[k] == 1 && w.stride[k] == 1 && w.before[k] == 0 && w.after[k] == 0;
    return point;
}

static bool read_once(const Value *v)
{
    return v->n_uses == 1 && !v->graph_output && v->graph == v->uses[0]->graph;
}

/* Why `conv`, one of two that are added, does not go into one kernel with the other; NULL when it may. */
static const char *unfit(const Node *sum, const Node *conv)
{
    const Value *v = conv->out[0], *bias = input_of(conv, 2);
    if (!is_constant(conv->in[1]) || (bias && !is_constant(bias)))
        return text_format("n%d's weights are no constants", conv->id);
    if (!shape_equal(&v->shape, &sum->out[0]->shape))
        return text_format("v%d is broadcast", v->id);
    if (attr_i(conv, "group") != 1)
        return text_format("n%d has groups", conv->id);
    return v->shape.rank > 4 ? "there are more than two spatial axes" : NULL;
}

bool find_shortcut(const Node *sum, Node **conv, Node **shortcut)
{
    Node *a = sum->in[0]->def, *b = sum->op == OP_Add ? sum->in[1]->def : NULL;
    if (!a || !b || a->op != OP_Conv || b->op != OP_Conv || a == b || !fuses(sum->graph, FUSION_shortcut) ||
        a->out[0]->constant || b->out[0]->constant || !read_once(a->out[0]) || !read_once(b->out[0]) ||
        is_pointwise(a) == is_pointwise(b))
        return false;
    *conv = is_pointwise(a) ? b : a;
    *shortcut = is_pointwise(a) ? a : b;
    const char *why = unfit(sum, a);
    why = why ? why : unfit(sum, b);
    if (why)
        candidate_missed(sum, "shortcut", "%s", why);
    return !why;
}
