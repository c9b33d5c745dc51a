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

/* The elementwise nodes from `first` to `last`, neighbours in one graph; first NULL: none, the result is `given`.
 * given, other: the values that the text calls v and w; NULL when there are none. */
Steps steps_of(const Node *first, const Node *last, const Value *given, const Value *other, DType arithmetic);
/* What elementwise nodes are computed with: float, or double if an operand is f64 or a wide integer; integers in the
 * type that the result is made of. */
DType steps_arithmetic(const Node *n);

/* ---- finish.c: the nodes around an anchor (convolution, product, norm) in its fused node, while that is lowered ---- */

typedef struct Finish {
    const Node *anchor, *shortcut;  /* shortcut: the 1x1 convolution whose products the anchor's kernel adds; or NULL */
    Node *other;                    /* the product whose sums the steps call w: the anchor's kernel does both; or NULL */
    Value *plain;                   /* what the kernel stores without steps: the anchor's result, or the sum of both */
    Value *result;                  /* the fused node's output: same shape as the anchor's */
    Steps steps;
    View operand[STEPS_OPERANDS];   /* rows and columns as the kernel counts them, the column axis last */
    int columns;                    /* axes that make the column, before they were joined */
    bool used;                      /* the anchor's kernel does the steps */
} Finish;

/* The nodes before a convolution in its fused node, done where its kernel loads: x is the first one's input. */
typedef struct Prologue {
    Node *conv, *norm, *resize;     /* NULL: no norm, no up-sampling */
    Steps steps;                    /* between the norm and the up-sampling */
} Prologue;

enum { STACK_CHANNELS = 8192 };     /* norms that work channels last keep a few lines of channels on the stack */
/* lower_conv.c: why no kernel of the convolution normalises what it loads; NULL when one does. */
const char *conv_parts_prologue(const Lowering *l, const Node *conv, const Node *resize);
/* lower_conv.c: is there one that up-samples? */
bool conv_takes_upsampling(const Lowering *l, const Node *conv);
/* lower_conv.c: is there one for the convolution that also adds the products of a 1x1 one? */
bool conv_takes_shortcut(const Lowering *l, const Node *conv, const Node *shortcut);
/* lower_matmul.c: the product outside of the fused node from `anchor` to `last` that only a node in it reads, of the same
 * operand and a constant of the same shape; NULL: none.  It is not lowered by itself: the anchor's kernel does both, or
 * lower_matmul_alone() stores it. */
Node *other_product(const Node *anchor, const Node *last);
void lower_matmul_alone(Lowering *l, Node *n);
/* lower_conv.c: is there one that takes its input in two images? */
bool conv_takes_two(const Lowering *l, const Node *conv);

/* images.c: an image [N,spatial...,C], or two whose channels follow each other; beside: no buffer when there is one. */
typedef struct { View first, beside; } Images;
/* Is the concatenation of two images never made, since all that read it take two?  concat_is_apart() also records it. */
bool is_read_apart(const Lowering *l, const Node *concat);
bool concat_is_apart(const Lowering *l, const Node *concat);
/* v [N,C,spatial...] as its readers take it; copies are inserted where it is not stored like that. */
Images images_of(Lowering *l, Value *v);
/* The operands x, and beside it the other one. */
void call_images(Call *c, const Images *x);
/* Parameters of beside.h, where there are two: `list`, its text, and the name for the first one's channels. */
void call_beside(Call *c, const Images *x, const char *list, const char *text, const char *channels);

/* lower_conv.c: the mean and spread of blocks of x, an image stored channels last, if a convolution stores it and can
 * measure it at that; false, and nothing changed, otherwise. */
typedef struct { View slots; int64_t height, width, block_h, block_w; } Measured;
bool conv_measures(Lowering *l, const View *x, Measured *m);
/* lower_norm.c: the factors and shifts of norm, [N][factor, shift][C] in f32, of its input x. */
View norm_lines(Lowering *l, Node *norm, const Images *x);
/* Parameters LINES LOAD_STEPS LOADED of load.h and the operand `lines`, which follows those that c has, for the norm. */
void call_prologue(Call *c, const Prologue *p, View lines);

/* The steps that n's kernel shall do on the way to memory; NULL: none, or none that it can.  `order` names all axes of
 * n's result as the kernel counts them: the last `columns` of them are the column, the others, outermost first, the row.
 * To be asked for before the call is made; what it gives must go to call_finish(). */
Finish *finish_of(Lowering *l, const Node *n, const int *order, int columns);
extern const int in_order[MAX_RANK];          /* 0, 1, 2, ... */
/* Where the elements of row number `row` of v begin, the last axis being the columns: "(row) / 4096 * 320 + (row) % 64 * 5". */
const char *row_text(const View *v);
/* Do two views see the same elements of one buffer in the same order? */
bool stored_alike(const View *y, const View *v);
/* The operands of f, and parameters EXTRAS STEPS RESULT of finish.h; last in the making of a call.  y: the result, its axes
 * in the kernel's order.  f may be NULL. */
void call_finish(Call *c, Finish *f, View y);
/* The value that n's kernel will store if it does its steps: for concat_room(). */
Value *stored_value(const Lowering *l, const Node *n);
/* The type that n's kernel shall store: that in which the result is kept, but not what only its steps make of it, a
 * comparison's result or, unless it surely finishes, codes; result_ready() then converts. */
DType stored_type(const Lowering *l, const Node *n, bool finishes);
/* The kernel of n has stored y, n's result or, if its finish was used, that of the fused node: where the value lives. */
void result_ready(Lowering *l, Node *n, View y);
/* lower_elementwise.c: the nodes from `first` to `last` as one loop; the result is that of n, the last or a fused node. */
void lower_chain(Lowering *l, Node *n, const Node *first, const Node *last);

#endif
