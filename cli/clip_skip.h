/* clip_skip.h: outputs of a text encoder's earlier layers, for `--clip-skip`. */
#ifndef SDC_CLIP_SKIP_H
#define SDC_CLIP_SKIP_H

#include "../ir/sdc.h"

/* After pass_norm: outputs "clip_skip.2" to "clip_skip.N" of a graph with an output last_hidden_state, the final norm
 * of what the layer so many from the end gives.  Fails when the layers are not those of CLIP's text encoder. */
void clip_skip_outputs(Graph *g, int64_t layers);

#endif
