/* op.h: prototypes of every shape rule, evaluator and lowering rule that op.def names. */
#ifndef SDC_OP_H
#define SDC_OP_H

#include "sdc.h"

#define EW(...)
#define OP(Name, in_min, in_max, out_min, out_max, attrs, shape_rule, evaluator, lowering) \
    ShapeRule shape_##shape_rule;                                                           \
    Evaluator eval_##evaluator;                                                             \
    LowerRule lower_##lowering;
#include "op.def"
#undef OP
#undef EW

ShapeRule shape_elementwise;
Evaluator eval_elementwise;
LowerRule lower_elementwise;

#endif
