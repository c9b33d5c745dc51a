/* patches.h: tokens of latents for ControlNets that do not make their own. */
#ifndef SDC_PATCHES_H
#define SDC_PATCHES_H

#include "../ir/sdc.h"

/* Does a ControlNet want tokens, not latents, as its input `sample`? */
bool takes_patches(const Graph *g, const char *sample);

/* Leave of a transformer what makes tokens of its input `sample`: the output "tokens" [batch, tokens, width]. */
void cut_patches(Graph *g, const char *sample);

#endif
