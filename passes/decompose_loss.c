/* decompose_loss.c: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. */
#include "../ir/loss.h"
#include "decompose.h"

/* Sums of f16 losses leave its range: everything is computed in f32 at least. */
void decompose_nll_loss(Node *n)
{
    Value *target = make_cast(n, n->in[1], DT_I64), *weight = input_of(n, 2), *counted = NULL;
    DType result = n->in[0]->dtype, type = working_type(result);
    Value *scores = make_cast(n, n->in[0], type), *zero = make_scalar(n, type, 0);
    Shape picked = n->in[0]->shape;
    if (attr_has(n, "ignore_index")) {
        Value *ignored = value_int(n->graph, attr_i(n, "ignore_index"));
        counted = make1(n, OP_Not, make2(n, OP_Equal, target, ignored));
        target = make3(n, OP_Where, counted, target, make_scalar(n, DT_I64, 0));
    }
    picked.dim[1] = 1;
    Node *pick = begun(n, OP_GatherElements, 2, (Value *[]){scores, make_reshape(n, target, picked.rank, picked.dim)});
    attr_set_i(pick, "axis", 1);
    Value *loss = make1(n, OP_Neg, make_reshape(n, finished(pick), target->shape.rank, target->shape.dim));
    Value *scale = weight ? make2(n, OP_Gather, make_cast(n, weight, type), target) : NULL;
    if (counted)
        scale = make3(n, OP_Where, counted, scale ? scale : make_scalar(n, type, 1), zero);
    if (scale)                              /* an ignored score may be infinite: select, do not multiply */
        loss = make2(n, OP_Mul, counted ? make3(n, OP_Where, counted, loss, zero) : loss, scale);
    LossReduction how = loss_reduction(n);
    if (how == LOSS_SUM || (how == LOSS_MEAN && scale))
        loss = make_reduce_all(n, OP_ReduceSum, loss);
    if (how == LOSS_MEAN)
        loss = scale ? make2(n, OP_Div, loss, make_reduce_all(n, OP_ReduceSum, scale))
                     : make_reduce_all(n, OP_ReduceMean, loss);
    decompose_output(n, 0, make_cast(n, loss, result));
}

void decompose_softmax_loss(Node *n)
{
    Node *scores = begun(n, OP_LogSoftmax, 1, n->in);
    attr_set_i(scores, "axis", 1);
    decompose_output(n, 1, finished(scores));
    Node *loss = begun(n, OP_NegativeLogLikelihoodLoss, n->n_in, (Value *[]){scores->out[0], n->in[1], input_of(n, 2)});
    attr_set_s(loss, "reduction", attr_s(n, "reduction"));
    if (attr_has(n, "ignore_index"))
        attr_set_i(loss, "ignore_index", attr_i(n, "ignore_index"));
    decompose_output(n, 0, finished(loss));
}
