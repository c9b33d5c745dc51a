/* fit.h: between fit.c and its callers, which makes a model fit a given memory. */
#ifndef SDC_FIT_H
#define SDC_FIT_H

#include "cli.h"

typedef struct {
    int64_t limit;                  /* bytes that a run with one thread may take beside the weights; 0: any */
    Graph *const *graphs;           /* of all programs of the executable, whose arrays count; NULL: of this one alone */
    int n_graphs;
    int64_t code;                   /* of the executable beside this program's code, the runtime and the weights */
    bool quiet;
} Budget;

/* g after the passes in front of `strips` goes through the others.  Exits with SDC_NO_SPACE, naming a tensor and the least
 * limit that was found, when nothing fits.  Says what was done unless quiet. */
void fit_graph(Graph *g, const char *name, const Isa *isa, const Budget *b);
/* Does g, after the passes in front of `strips`, fit as it is? */
bool fits_whole(Graph *g, const char *name, const Isa *isa, const Budget *b);
/* About what a program's code takes at most. */
int64_t code_bytes(Program *p);

#endif
