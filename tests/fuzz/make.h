/* make.h: random graphs from a seed.
 *
 *      make.c          the maker: random numbers, constants, nodes, the pool of values to read, the outputs
 *      patterns.c      what the passes look for, spelled in many ways, and near misses
 *      blocks.c        parts of UNets and transformers
 *      models.c        what whole networks put side by side
 *      plumbing.c      elementwise chains, convolutions, products, control flow
 *      movement.c      what moves, joins and splits, reductions, images, integers
 *
 * Every node is inferred as it is made, so shapes are known to what reads it.  A seed gives the same graph
 * again, with the same compiler: in which order arguments are evaluated is C's choice. */
#ifndef SDC_TESTS_FUZZ_MAKE_H
#define SDC_TESTS_FUZZ_MAKE_H

#include "../../ir/sdc.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

typedef struct {
    Graph *top, *g;                 /* the whole graph, and the branch that is being made */
    uint64_t state;
    DType type;                     /* of the floats that are being made: f32, f16 or bf16 inside an island */
    bool zero, smooth;              /* extents of 0; nothing that jumps (comparisons, roundings) */
    Value *pool[2048];              /* values that may be read, in the order made */
    int count, nodes;
} Maker;

Graph *make_graph(uint64_t seed);

/* ---- make.c ---- */

int below(Maker *m, int n);                         /* 0..n-1 */
bool chance(Maker *m, int percent);
double number_in(Maker *m, double low, double high);    /* of three digits behind the point */

Value *tensor_of(Maker *m, DType type, int rank, const int64_t *dim, double low, double high);     /* random constant */
Value *full(Maker *m, int rank, const int64_t *dim, double v);
Value *scalar(Maker *m, double v);                  /* 0-D, or 1-D of one element */
Value *ints(Maker *m, int count, const int64_t *v);
Value *fresh(Maker *m, int rank, const int64_t *dim);      /* an input */
/* A weight: a constant in one of several spellings, at times an input. */
Value *weight(Maker *m, int rank, const int64_t *dim);

Node *begin(Maker *m, Op op, int n_in, Value *const *in);   /* attributes are still to be set */
Value *end(Node *n);                                /* infers it; its first result */
Value *op1(Maker *m, Op op, Value *x);
Value *op2(Maker *m, Op op, Value *x, Value *y);
Value *op3(Maker *m, Op op, Value *x, Value *y, Value *z);
Value *either(Maker *m, Op op, Value *x, Value *y);  /* operands in a random order */
Value *cast(Maker *m, Value *x, DType type);
Value *reshape(Maker *m, Value *x, int rank, const int64_t *dim);
Value *transpose(Maker *m, Value *x, const int64_t *perm);
Value *swap_last(Maker *m, Value *x);
Value *reduce(Maker *m, Op op, Value *x, int first, int n_axes);    /* axes first.., kept as 1 */

Value *keep(Maker *m, Value *v);                    /* may be read by others from now on */
Value *inner(Maker *m, Value *v);                   /* inside a pattern: kept now and then, which breaks it */
void forget_inner(Maker *m, int before);            /* what a branch made is not seen outside, new inputs are */
Value *some(Maker *m);                              /* any value of the maker's type, or a new input */
Value *some_of_rank(Maker *m, int low, int high);   /* without extents of 0 */
Value *some_bool(Maker *m, const Shape *s);         /* broadcasts to s */
Value *like(Maker *m, const Shape *s);              /* of the maker's type, broadcasts to s */
int64_t extent(Maker *m);
int64_t elements(const Value *v);

/* ---- patterns.c, blocks.c, models.c, plumbing.c, movement.c ---- */

typedef void Template(Maker *m);
Template group_norm, row_norm, plain_norm, activations, attention_spelled, attention_node, projections;
Template resnet_block, transformer_block;
Template joined_images, upsampled, shortcut, modulations, joint_attention, repeated;
Template elementwise, chain, comparison, convolution, product, island, branch, recipe;
Template movement, joining, reduction, image_resize, integers;
Value *activation(Maker *m, Value *x);
Value *one_operand(Maker *m, Value *x);             /* something elementwise */
Value *with_other(Maker *m, Value *x);              /* of x and something that broadcasts to it */
Value *moved(Maker *m, Value *x);
Value *epilogue(Maker *m, Value *x);                /* a few of the things that follow a convolution or product */
Value *conv(Maker *m, Value *x, int64_t channels, int64_t size);     /* of an image; size x size */
/* Has a group more than one number?  A norm of one is its rounding times 1 / sqrt(epsilon). */
bool is_spread(const Value *x, int64_t groups);
Value *norm_and_silu(Maker *m, Value *x);           /* of an image */
Value *linear(Maker *m, Value *x, int64_t width);   /* of rows [B, N, C] */
Value *row_normed(Maker *m, Value *x);              /* of rows */
Value *same_shape(Maker *m, Value *x);              /* a block of a network */
Value *attend(Maker *m, Value *q, Value *k, Value *v);  /* [.., S, D], [.., T, D], [.., T, E] spelled with products */

#endif
