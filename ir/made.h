/* made.h: what shape rules, evaluators and lowerings of made tensors share. */
#ifndef SDC_MADE_H
#define SDC_MADE_H

#include "sdc.h"

/* Shape: the axes are start..end-1, 0 <= start <= end <= rank. */
void shape_range_of(const Node *n, int64_t *start, int64_t *end);
int64_t one_hot_depth(const Node *n);                               /* OneHot: a constant >= 1 */

/* Random*: value = shift + scale * draw, where draw is N(0,1) or uniform in [0,1).  Without a seed attribute the node's
 * number is the seed, so that nodes differ and runs repeat. */
typedef struct { bool normal; double shift, scale; uint64_t seed; } Draw;
Draw random_draw(const Node *n);
uint64_t dropout_seed(const Node *n);           /* of Dropout's integer attribute, by the same rule */

#endif
