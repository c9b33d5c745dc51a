/* vlm_cache.h: the keys and values of a decoder that was exported with past ones.
 *
 * The graph's outputs present.* are past and new ones joined.  They become the new ones alone, and the inputs
 * past_key_values.* keep their place in the arena from run to run, so a step copies what is new.  A graph without such
 * outputs, or that makes them otherwise, ends the program with a line that names it. */
#ifndef SDC_VLM_CACHE_H
#define SDC_VLM_CACHE_H

#include "../ir/sdc.h"

void keep_cache(Graph *g);                              /* and no other outputs */
void keep_cache_and_logits(Graph *g);                   /* all outputs */

#endif
