/* matmul_pack.h: constant operands of matrix products in the form that their kernel reads. */
#ifndef SDC_MATMUL_PACK_H
#define SDC_MATMUL_PACK_H

#include "codegen.h"

/* outer x inner matrices in a constant's elements, the first at `offset`, each [depth][columns], or [columns][depth] when
 * transposed, with `row` elements from one row to the next. */
typedef struct {
    int64_t offset, depth, columns, row;
    bool transposed;
    int64_t outer, outer_step, inner, inner_step;
} Matrices;

/* For gemm_bf16.h or gemm_int8.h, whose slices are 32 and 64 depths, or, slice 0, for gemm.h; of weights that are stored in integers, their codes and scales. */
View packed_matrices(Lowering *l, Value *constant, const Matrices *m, int slice);

/* The parameters of a kernel whose weights are stored in integers, so named; none for other weights, or NULL. */
void code_parameters(Call *c, const Value *weights, const char *bits, const char *group);

/* A constant's elements as float, whatever floating type it has.  *copy: to be freed; NULL where they lie as floats already. */
const float *constant_floats(const Tensor *t, float **copy);

#endif
