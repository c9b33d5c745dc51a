/* strips.h: between strip_rules.c (one node), strip_plan.c (regions and their cost) and strips.c (the pass).
 *
 * A *dissolved* value never exists whole.  Dissolved values that are connected make a *region*.  What leaves a region,
 * its *sinks*, is stored: results for readers outside, and the moments of a dissolved value that a GroupNormalization
 * needs before any of it can be normalised.  A *sweep* evaluates all sinks of a region that can be known at the same
 * time, strip by strip; what several sweeps need is evaluated in each of them. */
#ifndef SDC_STRIPS_H
#define SDC_STRIPS_H

#include "../ir/sdc.h"

typedef struct { int64_t first, end; } Rows;

/* ---- strip_rules.c ----------------------------------------------------------------------------------------------- */

enum { WHOLE = -1, NEVER = -2 };    /* in place of an axis: all of the operand is needed; no strips that way */

/* The axis of input k along which it is needed in strips when n's results are made in strips along `axis`. */
int strip_axis(const Node *n, int axis, int k);
/* The rows of input k along that axis that the rows `out` of the results need; clipped. */
Rows strip_rows(const Node *n, int axis, Rows out, int k);
/* At the end of n's graph: n for the rows `out` from operands in[] that are just the needed rows; inferred.  Its results
 * may have more rows: `made` are those that it has. */
Node *strip_node(const Node *n, int axis, Rows out, Value *const *in, Rows *made);
Value *strip_slice(Value *v, int axis, int64_t first, int64_t end);     /* at the end of v's graph; v itself when whole */
/* A norm over images whose statistics reach over `axis`. */
bool strip_is_barrier(const Node *n, int axis);
bool strip_is_view(const Node *n);              /* another look at its input: costs nothing whole */
int64_t strip_flops(const Node *n);             /* of products and convolutions, for all rows */

/* ---- strip_plan.c ------------------------------------------------------------------------------------------------ */

/* Of a value of the graph as it was, by its id. */
typedef struct {
    int axis;                       /* dissolved, or a sink: along which; NEVER: neither */
    bool dissolved;
    int region;                     /* a dissolved value's: the id of another one of it, or its own for the root */
    int time;                       /* when it is known; of a dissolved value: the sweeps that can make it */
    int sink_time;                  /* of a sink: the sweep that makes it */
} Place;

typedef struct {
    Graph *graph;
    Node **nodes;                   /* as they stood; the pass appends others */
    int n_nodes;
    int n_values;                   /* ids known here */
    Place *place;
    int *strips;                    /* of the region with that root */
    const unsigned char *kept;      /* KEPT_ bits of each value in the plan without strips */
    const char *why;                /* when the values can not be dissolved */
} Regions;

bool regions_find(Regions *r, Graph *g, const StripPlan *plan);
void regions_free(Regions *r);
int region_of(const Regions *r, const Value *v);        /* root, of a dissolved value */
static inline Place *place_of(const Regions *r, const Value *v) { return v->id < r->n_values ? &r->place[v->id] : NULL; }
bool is_dissolved(const Regions *r, const Value *v);
bool is_sink(const Regions *r, const Value *v);         /* stored, made in strips */
/* Does n measure its dissolved input before anything can be made of it? */
bool is_divided(const Regions *r, const Node *n);

/* One strip of one sweep: the rows of each dissolved value and sink that are to be made, by Value.id; empty where none. */
typedef struct { int region, time, strip, count; Rows *need; } Sweep;
void sweep_demand(const Regions *r, Sweep *s);
/* Is v made, or n's input 0 measured, by sweep s? */
bool sweep_makes(const Regions *r, const Sweep *s, const Value *v);
bool sweep_measures(const Regions *r, const Sweep *s, const Node *n);
Rows strip_part(int64_t extent, int strip, int count);

#endif
