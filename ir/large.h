/* large.h: weights that are made of others, without the detour through the evaluator's doubles. */
#ifndef SDC_LARGE_H
#define SDC_LARGE_H

#include "sdc.h"

/* v, a constant that a node makes, as malloc'd tensor with its data behind it, when that node casts single precision to a
 * half type or transposes; else NULL.  What it is made of is evaluated for that, and released. */
Tensor *large_tensor(const Value *v);

#endif
