/* lower.h: between lower.c and lower_control.c: the parts of lowering that rules do not use. */
#ifndef SDC_LOWER_H
#define SDC_LOWER_H

#include "codegen.h"

Call *call_append(Lowering *l, CallKind kind, Node *n);
void lower_nodes(Lowering *l, Graph *g);        /* all nodes of g, in order, into l->block */
void forget_since(Lowering *l, int mark);       /* mark: l->n_log when the block began */

#endif
