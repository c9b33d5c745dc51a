/* grad.h: what the files of pass_grad share.
 *
 * A rule is called for a node whose results the loss depends on, when all that reads them is done: it builds what the
 * loss's gradient is with respect to each operand that depends on the input, and gives it there.  Rules build with the
 * functions below, which infer and fold at once, and read whatever they need of the forward graph. */
#ifndef SDC_GRAD_H
#define SDC_GRAD_H

#include "decompose.h"

typedef struct {
    Node *at;                       /* in front of it nodes are built; it has the name of the node whose rule is called */
    Value **gradient;               /* by id of a value of the forward graph: the sum of what was given so far; NULL: 0 */
    bool *depends;                  /* likewise: on the input */
} Backward;

/* dy: the gradient with respect to n's result 0, of its shape and type. */
typedef void BackwardRule(Backward *b, Node *n, Value *dy);
/* Of an elementwise operator with one operand: its derivative, which broadcasts to the result's shape. */
typedef Value *Derivative(Backward *b, Node *n);

/* ---- grad.c ----------------------------------------------------------------------------------------------------- */

bool wants(const Backward *b, const Node *n, int k);            /* does operand k depend on the input, as a float can? */
/* v is n's part of the gradient with respect to its operand k: summed over the axes along which that was broadcast,
 * repeated along those that v lacks, and added to what others gave. */
void give(Backward *b, Node *n, int k, Value *v);
Value *gradient_of(const Backward *b, const Value *v);          /* NULL: nothing that the loss depends on */
/* The node's rule has no case for this. */
_Noreturn void no_gradient(const Node *n, const char *what);

Value *plus(Backward *b, Value *x, Value *y);
Value *minus(Backward *b, Value *x, Value *y);
Value *times(Backward *b, Value *x, Value *y);
Value *over(Backward *b, Value *x, Value *y);
Value *number(Backward *b, const Value *like, double v);        /* 0-D, of like's type */
Value *shifted(Backward *b, Value *x, double v);                /* x + v */
Value *scaled(Backward *b, Value *x, double v);                 /* x * v */
Value *apply(Backward *b, Op op, Value *x);
Value *where(Backward *b, Value *condition, Value *x, Value *y);
/* Reduced over the axes, which stay with extent 1. */
Value *reduced(Backward *b, Op op, Value *x, const int64_t *axes, int count);
Value *shaped(Backward *b, Value *x, const Shape *s);           /* reshaped */
Value *flipped_axis(Backward *b, Value *x, int64_t axis);       /* in reverse order */
Value *padded(Backward *b, Value *x, const int64_t *before, const int64_t *after);  /* with zeros, one entry an axis */
Value *transposed_last(Backward *b, Value *x);                  /* the last two axes swapped */

/* ---- grad_elementwise.c, grad_movement.c, grad_linear.c, grad_norm.c -------------------------------------------- */

Derivative slope_abs, slope_neg, slope_reciprocal, slope_sqrt, slope_exp, slope_log, slope_sin, slope_cos, slope_tan,
    slope_asin, slope_acos, slope_atan, slope_sinh, slope_cosh, slope_asinh, slope_acosh, slope_atanh, slope_tanh, slope_erf,
    slope_sigmoid, slope_relu, slope_leaky_relu, slope_thresholded_relu, slope_elu, slope_celu, slope_selu,
    slope_hard_sigmoid, slope_hard_swish, slope_softplus, slope_softsign, slope_mish, slope_swish, slope_gelu,
    slope_gelu_tanh;
BackwardRule grad_flat, grad_add, grad_sub, grad_mul, grad_div, grad_pow, grad_extremum, grad_prelu, grad_where, grad_clip;
BackwardRule grad_cast, grad_reshape, grad_transpose, grad_expand, grad_concat, grad_split, grad_slice, grad_pad, grad_tile,
    grad_trilu, grad_depth_to_space, grad_space_to_depth, grad_gather, grad_gather_elements, grad_gather_nd, grad_cumsum;
BackwardRule grad_matmul, grad_gemm, grad_einsum, grad_conv, grad_conv_transpose, grad_average_pool, grad_global_average,
    grad_resize;
BackwardRule grad_reduce_sum, grad_reduce_mean, grad_reduce_extremum, grad_reduce_l1, grad_reduce_l2, grad_reduce_square,
    grad_reduce_log_sum, grad_softmax, grad_log_softmax, grad_layer_norm, grad_rms_norm, grad_channel_norm, grad_batch_norm;

#endif
