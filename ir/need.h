/* need.h: what shape rules demand of their operands' types; evaluators and lowerings then rely on it. */
#ifndef SDC_NEED_H
#define SDC_NEED_H

#include "sdc.h"

/* Each fails the node in one clear line; an absent input is fine. */
void need_float(const Node *n, int k);              /* input k is floating point */
void need_integer(const Node *n, int k);            /* input k is an integer and no bool */
void need_same_type(const Node *n, int k, int j);   /* inputs k and j have one type */
void need_mixable(const Node *n, int k, int j);     /* or one is f32 beside a half type, as pass precision leaves it */
DType mixed_type(DType a, DType b);                 /* then: the half type; else a */

#endif
