/* tabulate.h: between hoist.c, which says what is tabulated, and tabulate.c, which says how. */
#ifndef SDC_TABULATE_H
#define SDC_TABULATE_H

#include "../ir/sdc.h"

/* By Value.id of the graph as it was: which values are tabulated, and their tables once they are built. */
typedef struct {
    int64_t rows;                   /* timesteps */
    bool *varies;                   /* it changes with the timestep and is to be a table */
    Value **full;                   /* [rows, d0, d1, ...] */
    Value **merged;                 /* [rows * d0, d1, ...], as Gemm wants it; either may be NULL until it is asked for */
} Tables;

/* Is there a rule for n, of whose operands those that vary are tables and the others the same in every row? */
bool can_tabulate(const Tables *t, const Node *n);

/* n once for all rows, in front of n: t has tables of its outputs afterwards. */
void tabulate(Tables *t, Node *n);

/* The table of v as [rows, v's own axes]. */
Value *full_table(Tables *t, const Value *v);

#endif
