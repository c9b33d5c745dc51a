/* images.c: two images side by side: a concatenation along channels that is never made.
 *
 * A skip connection is read twice: by the next block, and by the Concat that the way up begins with.  Stored inside that
 * one's room it would hold all of the room from the way down on; copied there later, it moves once more.  So where all
 * readers are norms and convolutions that take an image in two (beside.h), each reads the parts where they are. */
#include "spatial.h"
#include "steps.h"

/* Does the node take its input 0, a concatenation in the graph `outer`, in two images? */
static bool takes_two(const Lowering *l, const Node *n, const Graph *outer)
{
    if (n->graph != outer && !(n->graph->fused && n->graph->parent == outer))
        return false;
    switch (n->op) {
    case OP_GroupNormalization:
    case OP_InstanceNormalization:
    case OP_ChannelMoments:
    case OP_NormApply:
        return n->in[0]->shape.dim[1] <= STACK_CHANNELS;
    case OP_Conv:
        return conv_takes_two(l, n);
    default:
        return false;
    }
}

static bool is_part(const Value *v, const Value *whole)
{
    return !v->constant && v->dtype == whole->dtype && kept_type(v) == kept_type(whole) && shape_count(&v->shape) > 0;
}

/* Why the Concat is made; NULL when nothing but norms and convolutions reads it, and those take two images. */
static const char *is_made(const Lowering *l, const Node *n)
{
    const Value *v = n->out[0];
    if (n->n_in != 2 || !is_part(n->in[0], v) || !is_part(n->in[1], v))
        return "its parts are not two images of its type";
    if (v->graph_output || (v->id < v->graph->model->n_parts && v->graph->model->part_of[v->id] >= 0))
        return "it is needed by itself";
    for (int k = 0; k < v->n_uses; k++)
        if (v->uses[k]->in[0] != v || !takes_two(l, v->uses[k], n->graph))
            return text_format("n%d (%s) reads one image", v->uses[k]->id, op_info(v->uses[k]->op)->name);
    return v->n_uses ? NULL : "nothing reads it";
}

/* Channels of images in single precision that a norm or a convolution reads. */
static bool is_candidate(const Node *n)
{
    const Value *v = n->out[0];
    if (n->op != OP_Concat || v->constant || v->shape.rank < 3 || v->shape.rank > 4 || !dtype_is_single(v->dtype) ||
        axis_of(n, attr_i(n, "axis"), v->shape.rank) != 1 || !fuses(n->graph, FUSION_concat))
        return false;
    for (int k = 0; k < v->n_uses; k++)
        if (v->uses[k]->op == OP_Conv || v->uses[k]->op == OP_GroupNormalization)
            return true;
    return false;
}

bool is_read_apart(const Lowering *l, const Node *concat)
{
    return is_candidate(concat) && !is_made(l, concat);
}

bool concat_is_apart(const Lowering *l, const Node *concat)
{
    if (!is_candidate(concat))
        return false;
    const char *why = is_made(l, concat);
    if (why)
        candidate_missed(concat, "concat", "%s", why);
    else
        candidate_became(concat, "concat", "Concat of two images, read where they are");
    return !why;
}

Images images_of(Lowering *l, Value *v)
{
    if (!v->def || !is_read_apart(l, v->def))
        return (Images){.first = channels_to_last(view_channels_last(l, v))};
    return (Images){.first = channels_to_last(view_channels_last(l, v->def->in[0])),
                    .beside = channels_to_last(view_channels_last(l, v->def->in[1]))};
}

void call_images(Call *c, const Images *x)
{
    call_read(c, x->first);
    if (x->beside.buffer)
        call_read(c, x->beside);
}

void call_beside(Call *c, const Images *x, const char *list, const char *text, const char *channels)
{
    if (!x->beside.buffer)
        return;
    call_text(c, list, text);
    call_int(c, channels, x->first.dim[x->first.rank - 1]);
    c->note = text_format("%s, of %lld + %lld channels", c->note, (long long)x->first.dim[x->first.rank - 1],
                          (long long)x->beside.dim[x->beside.rank - 1]);
}
