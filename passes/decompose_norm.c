/* decompose_norm.c: LpNormalization, MeanVarianceNormalization and ReduceLogSumExp, as elementwise nodes and
 * reductions. */
#include "decompose.h"

#include <math.h>

/* A vector of norm 0 stays 0. */
void decompose_lp_norm(Node *n)
{
    Op op = attr_i(n, "p") == 1 ? OP_ReduceL1 : OP_ReduceL2;
    DType result = n->in[0]->dtype, type = working_type(result);
    Value *x = make_cast(n, n->in[0], type), *zero = make_scalar(n, type, 0);
    Value *norm = make_reduce(n, op, x, attr_i(n, "axis"), true);
    Value *safe = make3(n, OP_Where, make2(n, OP_Equal, norm, zero), make_scalar(n, type, 1), norm);
    decompose_output(n, 0, make_cast(n, make2(n, OP_Div, x, safe), result));
}

/* (x - mean) / (standard deviation + 1e-9), the epsilon of ONNX's own function body. */
void decompose_mvn(Node *n)
{
    DType result = n->in[0]->dtype, type = working_type(result);
    int64_t axes[MAX_RANK];
    int count = attr_ints(n, "axes", axes, MAX_RANK);
    Value *x = make_cast(n, n->in[0], type), *list = value_ints(n->graph, axes, count);
    Value *centred = make2(n, OP_Sub, x, make2(n, OP_ReduceMean, x, list));
    Value *deviation = make1(n, OP_Sqrt, make2(n, OP_ReduceMean, make2(n, OP_Mul, centred, centred), list));
    Value *y = make2(n, OP_Div, centred, make2(n, OP_Add, deviation, make_scalar(n, type, 1e-9)));
    decompose_output(n, 0, make_cast(n, y, result));
}

/* log(sum(exp(x - m))) + m with m the largest element, 0 where that is infinite. */
void decompose_log_sum_exp(Node *n)
{
    DType result = n->in[0]->dtype, type = working_type(result);
    Value *in[] = {make_cast(n, n->in[0], type), input_of(n, 1)};
    int n_in = in[1] ? 2 : 1;
    Node *top = begun(n, OP_ReduceMax, n_in, in), *sum;
    attr_set_i(top, "noop_with_empty_axes", attr_i(n, "noop_with_empty_axes"));
    Value *shift = finished(top);
    shift = make3(n, OP_Where, make1(n, OP_IsInf, shift), make_scalar(n, type, 0), shift);
    in[0] = make1(n, OP_Exp, make2(n, OP_Sub, in[0], shift));
    sum = begun(n, OP_ReduceLogSum, n_in, in);
    attr_set_i(sum, "noop_with_empty_axes", attr_i(n, "noop_with_empty_axes"));
    Value *y = make2(n, OP_Add, finished(sum), shift);
    y = make_reshape(n, y, n->out[0]->shape.rank, n->out[0]->shape.dim);
    decompose_output(n, 0, make_cast(n, y, result));
}
