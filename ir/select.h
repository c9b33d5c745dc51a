/* select.h: operators whose result's extent depends on the data.  The shape rules count what the evaluators write, so
 * both call these; the data must be constant by then. */
#ifndef SDC_SELECT_H
#define SDC_SELECT_H

#include "sdc.h"

/* Non-zero elements of x; `into` NULL, or [rank][count] coordinates. */
int64_t select_nonzero(const Array *x, int64_t *into, int64_t count);
/* True entries among the first `extent` of the condition; `into` NULL or their positions. */
int64_t select_true(const Array *condition, int64_t extent, int64_t *into);

/* The distinct slices of x along `axis` (-1: distinct elements of x flattened). */
typedef struct {
    int64_t count, slices;          /* distinct, and altogether */
    int64_t *first;                 /* [count] first slice of each kind, in the order of the result; malloc'd */
    int64_t *kind;                  /* [slices] which result each slice is; malloc'd */
} Distinct;
Distinct select_distinct(const Array *x, int axis, bool sorted);
void distinct_free(Distinct *d);

/* NonMaxSuppression over in[0..4]: kept boxes; `into` NULL or [count][3] (batch, class, box). */
int64_t select_boxes(const Node *n, const Array *const *in, int64_t *into);

/* The node's operands as arrays, NULL where absent; fails the node when one is not constant ("data-dependent").
 * Freed by select_free. */
const Array **select_operands(const Node *n);
void select_free(const Node *n, const Array **in);

#endif
