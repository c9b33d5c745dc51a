/* trial.h: between trial.c and fit.c: what a model needs with given values in strips. */
#ifndef SDC_TRIAL_H
#define SDC_TRIAL_H

#include "cli.h"

enum { MOST_LIVE = 64 };

typedef struct { int value; int64_t bytes; } Live;          /* value: the id of the whole; -1: of no value's own */

typedef struct {
    int64_t arena, bound, flops;
    int64_t code;
    int n_live;
    Live live[MOST_LIVE];           /* where the most bytes are */
} Trial;

/* What all trials have in common. */
typedef struct {
    Graph *graph;                   /* after the passes in front of `strips` */
    const char *name;
    const Isa *isa;
    int n_values;                   /* its ids */
} Trier;

/* With `plan` (NULL: without strips).  limit: of arena and code; what does not get so small is planned no further than it
 * takes to know, and its arena is the lower bound; 0: all is done that the compiler will do.  kept: the KEPT_ bits of
 * each value. */
Trial try_plan(const Trier *r, const StripPlan *plan, int64_t limit, unsigned char *kept);
void apply_plan(Graph *g, const StripPlan *plan);

/* What counts towards the limit. */
static inline int64_t need_of(const Trial *t) { return t->arena + t->code; }

#endif
