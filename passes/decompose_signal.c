/* decompose_signal.c: STFT: overlapping frames are gathered, windowed and transformed by DFT. */
#include "../ir/spectrum.h"
#include "decompose.h"

void decompose_stft(Node *n)
{
    Frames f = signal_frames(n);
    Value *x = n->in[0], *window = input_of(n, 2);
    int64_t *from = alloc_array(f.frames * f.length + 1, sizeof *from);
    for (int64_t k = 0; k < f.frames * f.length; k++)
        from[k] = k / f.length * f.step + k % f.length;
    Value *at = make_reshape(n, value_ints(n->graph, from, f.frames * f.length), 2, (int64_t[]){f.frames, f.length});
    Node *gather = begun(n, OP_Gather, 2, (Value *[]){x, at});
    attr_set_i(gather, "axis", 1);
    Value *frames = finished(gather);           /* [batch, frames, length, parts] */
    if (window)
        frames = make2(n, OP_Mul, frames, make_reshape(n, window, 2, (int64_t[]){f.length, 1}));
    Node *dft = begun(n, OP_DFT, 1, &frames);
    attr_set_i(dft, "onesided", attr_i(n, "onesided"));
    decompose_output(n, 0, finished(dft));
}
