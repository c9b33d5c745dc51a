/* steps.h: elementwise nodes as C text: for a loop of their own (elementwise.h) or a kernel's store (finish.h). */
#ifndef SDC_STEPS_H
#define SDC_STEPS_H

#include "codegen.h"

enum { STEPS_OPERANDS = 8 };        /* passes/fuse.c makes no longer lists */

typedef struct {
    int count;
    Value *operand[STEPS_OPERANDS]; /* read from memory as x0, x1, ...; constants of one element are in the text */
    const char *steps, *result;     /* statements, and the expression that is the last node's value */
    const char *note;               /* "Add, Swish" */
} Steps;

/* The elementwise nodes from `first` to `last`, neighbours in one graph.
 * given: the value that the text calls v; NULL when there is none. */
Steps steps_of(const Node *first, const Node *last, const Value *given, DType arithmetic);
/* What elementwise nodes are computed with: float, or double if an operand is f64 or a wide integer; integers in the
 * type that the result is made of. */
DType steps_arithmetic(const Node *n);

/* ---- finish.c: the nodes behind an anchor (convolution, product, norm) in its fused node, while that is lowered ---- */

typedef struct Finish {
    const Node *anchor;
    Value *result;                  /* the fused node's output: same shape as the anchor's */
    Steps steps;
    View operand[STEPS_OPERANDS];   /* rows and columns as the kernel counts them, the column axis last */
    int columns;                    /* axes that make the column, before they were joined */
    bool used;                      /* the anchor's kernel does the steps */
} Finish;

/* The steps that n's kernel shall do on the way to memory; NULL: none, or none that it can.  `order` names all axes of
 * n's result as the kernel counts them: the last `columns` of them are the column, the others, outermost first, the row.
 * To be asked for before the call is made; what it gives must go to call_finish(). */
Finish *finish_of(Lowering *l, const Node *n, const int *order, int columns);
extern const int in_order[MAX_RANK];          /* 0, 1, 2, ... */
/* The operands of f, and parameters EXTRAS STEPS RESULT of finish.h; last in the making of a call.  y: the result, its axes
 * in the kernel's order.  f may be NULL. */
void call_finish(Call *c, Finish *f, View y);
/* The value that n's kernel will store if it does its steps: for concat_room(). */
Value *stored_value(const Lowering *l, const Node *n);
/* The kernel of n has stored y, n's result or, if its finish was used, that of the fused node: where the value lives. */
void result_ready(Lowering *l, Node *n, View y);
/* lower_elementwise.c: the nodes from `first` to `last` as one loop; the result is that of n, the last or a fused node. */
void lower_chain(Lowering *l, Node *n, const Node *first, const Node *last);

#endif
