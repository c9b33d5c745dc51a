/* fit.h: between fit.c and its callers, which makes a model fit a given memory. */
#ifndef SDC_FIT_H
#define SDC_FIT_H

#include "cli.h"

/* g after the passes in front of `strips` goes through the others.  limit: bytes that a run with one thread may take beside
 * the weights, 0: any.  Exits with SDC_NO_SPACE, naming a tensor and the least limit that was found, when nothing fits.
 * Says what was done unless quiet. */
void fit_graph(Graph *g, const char *name, const Isa *isa, int64_t limit, bool quiet);
/* Does g, after the passes in front of `strips`, fit as it is? */
bool fits_whole(Graph *g, const char *name, const Isa *isa, int64_t limit);

#endif
