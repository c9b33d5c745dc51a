/* need.h: what shape rules demand of their operands' types; evaluators and lowerings then rely on it. */
#ifndef SDC_NEED_H
#define SDC_NEED_H

#include "sdc.h"

void need_float(const Node *n, int k);               /* fails the node unless input k is floating point; absent is fine */
void need_integer(const Node *n, int k);             /* ... is an integer and no bool; absent is fine */
void need_same_type(const Node *n, int k, int j);    /* ... inputs k and j have one type; absent is fine */

#endif
