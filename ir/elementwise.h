/* elementwise.h: what the oracle and the lowering of EW rows share. */
#ifndef SDC_ELEMENTWISE_H
#define SDC_ELEMENTWISE_H

#include "sdc.h"

/* value[0] and value[1]: the row's first two attributes, p and q of its meaning; 0 where the row has none. */
void elementwise_attributes(const Node *n, double *value);

#endif
