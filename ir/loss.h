/* loss.h: the two losses as their shape rules, oracle and decomposition see them. */
#ifndef SDC_LOSS_H
#define SDC_LOSS_H

#include "sdc.h"

typedef enum { LOSS_NONE, LOSS_MEAN, LOSS_SUM } LossReduction;

LossReduction loss_reduction(const Node *n);    /* fails the node when the attribute is none of the three */

#endif
