/* decompose.h: what the files of pass_decompose share: building nodes in front of the one being rewritten, with types
 * inferred and constants folded at once. */
#ifndef SDC_DECOMPOSE_H
#define SDC_DECOMPOSE_H

#include "../ir/sdc.h"

/* Builds n's results in front of n and replaces n's outputs; the pass then removes n. */
typedef void Decompose(Node *n);

Decompose decompose_attention, decompose_flex_attention;
Decompose decompose_rotary, decompose_swiglu, decompose_causal_conv, decompose_tensor_scatter, decompose_compress;
Decompose decompose_dynamic_quantize, decompose_matmul_integer, decompose_qlinear_matmul, decompose_conv_integer,
    decompose_qlinear_conv;
Decompose decompose_nll_loss, decompose_softmax_loss;
Decompose decompose_lp_norm, decompose_mvn, decompose_log_sum_exp;
Decompose decompose_adagrad, decompose_adam, decompose_momentum;
Decompose decompose_stft;

/* ---- decompose_attention.c --------------------------------------------------------------------------------------- */

/* True when n stays: there is a kernel for it.  Its mask is then what is added to the scores. */
bool attention_stays(Node *n);

/* ---- decompose.c ------------------------------------------------------------------------------------------------- */

/* A node in front of `at` whose attributes are still to be set; finished() infers and folds it and returns output 0. */
Node *begun(Node *at, Op op, int n_in, Value *const *in);
Value *finished(Node *n);

bool is_composite(const Node *n);                                       /* decompose_node() knows it */
Node *decompose_node(Node *n);                                          /* the first of the nodes in its place */

Value *make1(Node *at, Op op, Value *x);
Value *make2(Node *at, Op op, Value *x, Value *y);
Value *make3(Node *at, Op op, Value *x, Value *y, Value *z);
Value *make_scalar(Node *at, DType dtype, double v);                    /* 0-D constant */
Value *make_cast(Node *at, Value *x, DType dtype);                      /* x itself when it has the type */
void cast_output(Graph *g, int k, DType dtype);                         /* output k becomes its value in another type */
Value *make_reshape(Node *at, Value *x, int rank, const int64_t *dim);
Value *make_transpose(Node *at, Value *x, int rank, const int64_t *perm);
Value *make_concat(Node *at, Value *x, Value *y, int64_t axis);
Value *make_slice(Node *at, Value *x, int64_t axis, int64_t first, int64_t end, int64_t step);
Value *make_reduce(Node *at, Op op, Value *x, int64_t axis, bool keep);
Value *make_reduce_all(Node *at, Op op, Value *x);                      /* to 0-D */
Value *make_expand(Node *at, Value *x, int rank, const int64_t *dim);

/* The node's output k is v from now on; nothing happens when nobody asked for it. */
void decompose_output(Node *n, int k, Value *v);

/* A float type to compute intermediates in: f16, bf16 and narrower in f32, the others as they are. */
DType working_type(DType type);

#endif
