/* padding.c: a Pad with zeros in front of a convolution becomes the convolution's own padding, for pass_fuse: the zeros
 * are put around what it loads, and the larger image, such as those of a VAE's encoder before each step down, is never
 * stored. */
#include "../ir/movement.h"
#include "../ir/window.h"
#include "fuse.h"
#include "match.h"

/* Zeros around the spatial axes, and nothing taken off. */
static bool is_border(const Node *pad)
{
    double fill = 0;
    if (!is_constant(pad->in[1]) || (input_of(pad, 3) && !is_constant(pad->in[3])) ||
        (input_of(pad, 2) && (!scalar_of(pad->in[2], &fill) || fill != 0)))
        return false;
    Padding p = pad_padding(pad);
    bool border = p.mode == PAD_CONSTANT;
    for (int k = 0; k < p.rank; k++)
        border &= p.count[k] == pad->in[0]->shape.dim[k] && (k > 1 || p.before[k] + p.after[k] == 0);
    return border;
}

void take_padding(Node *conv)
{
    Node *pad = conv->op == OP_Conv ? conv->in[0]->def : NULL;
    if (!pad || pad->op != OP_Pad || pad->graph != conv->graph || pad->out[0]->constant ||
        !fuses(conv->graph, FUSION_pad) || !is_border(pad))
        return;
    Window w = window_conv(conv, &conv->in[0]->shape, &conv->in[1]->shape);
    Padding p = pad_padding(pad);
    int64_t pads[2 * MAX_RANK];
    for (int k = 0; k < w.rank; k++) {
        pads[k] = w.before[k] + p.before[k + 2];
        pads[w.rank + k] = w.after[k] + p.after[k + 2];
    }
    attr_set_s(conv, "auto_pad", "NOTSET");
    attr_set_ints(conv, "pads", pads, 2 * w.rank);
    node_set_input(conv, 0, pad->in[0]);
    candidate_became(conv, "pad", "Pad, Conv");
}
