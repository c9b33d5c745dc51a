/* integers.h: the products and convolutions that --dtype int8 may do in 8-bit integers; for pass_integers and for the
 * calibration, which must find the same ones in graphs of other batches. */
#ifndef SDC_INTEGERS_H
#define SDC_INTEGERS_H

#include "../ir/sdc.h"

/* weight: id of the model's own constant that node's weights are made of; turn: how many before it use that one. */
typedef struct { Node *node; int weight, turn; } IntegerProduct;

/* In execution order; returns how many. */
int integer_products(Graph *g, IntegerProduct **list);

#endif
