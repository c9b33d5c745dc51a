/* matmul.h: matrix products as other lowerings ask for them. */
#ifndef SDC_MATMUL_H
#define SDC_MATMUL_H

#include "codegen.h"

/* y = a b + bias for every matrix of a batch; all three of one floating or integer type. */
typedef struct {
    View y;                         /* [batch..., M, N]; the elements of a row lie side by side */
    View a;                         /* [batch..., M, K]; leading axes broadcast to y's, as numpy has it */
    View b;                         /* [batch..., K, N], likewise */
    Value *constant;                /* NULL, or what b looks at: b.buffer is NULL then, it is packed for its kernel */
    View bias;                      /* [N], side by side; no buffer: none */
    const int *axes;                /* NULL, or y is the whole result of the node: axis k of y is its axis axes[k], and
                                       the steps of a fused node may be done on the way to memory */
} Product;

void lower_product(Lowering *l, Node *n, Product p);

/* A place for the result y.  Where its only reader is a Transpose that keeps the last axis, it is stored in the
 * transpose's order: joining attention heads then moves nothing. */
View room_for_reader(Lowering *l, Value *y, DType dtype);

/* v as an operand: where it lives, or, for a constant, its dims and row-major strides without a buffer and
 * *constant = v. */
View product_operand(Lowering *l, Value *v, Value **constant);

/* v with an axis of extent 1 in front of axis `axis`. */
View view_insert(View v, int axis);

/* A floating-point operand in single precision, row-major; a constant is converted when it is packed. */
View view_f32_list(Lowering *l, Node *n, Value *v);

#endif
