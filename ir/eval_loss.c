/* eval_loss.c: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: shape rules and the oracle.
 *
 *      scores [N,C,d...]   target [N,d...]   weight [C]
 *      loss = -weight[target] * scores[n,target,d...], 0 where target == ignore_index; "mean" divides by the weights'
 *      sum */
#include "index.h"
#include "loss.h"
#include "need.h"
#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

LossReduction loss_reduction(const Node *n)
{
    static const char *const names[] = {"none", "mean", "sum"};
    for (int k = 0; k < 3; k++)
        if (!strcmp(attr_s(n, "reduction"), names[k]))
            return (LossReduction)k;
    fail_node(SDC_BAD_INPUT, n, "reduction '%s' is unknown (none, mean, sum)", attr_s(n, "reduction"));
}

void shape_nll_loss(Node *n)
{
    const Shape *x = &n->in[0]->shape, *target = &n->in[1]->shape;
    need_float(n, 0);
    need_integer(n, 1);
    need_same_type(n, 0, 2);
    need_rank(n, 0, 2, MAX_RANK);
    bool fits = target->rank == x->rank - 1;
    for (int k = 0; fits && k < target->rank; k++)
        fits = target->dim[k] == x->dim[k ? k + 1 : 0];
    if (!fits)
        fail_node(SDC_BAD_INPUT, n, "scores %s and target %s do not fit", shape_text(x), shape_text(target));
    const Value *weight = input_of(n, 2);
    if (weight && (weight->shape.rank != 1 || weight->shape.dim[0] != x->dim[1]))
        fail_node(SDC_BAD_INPUT, n, "weight must have the shape [%lld]", (long long)x->dim[1]);
    Shape loss = *target;
    if (loss_reduction(n) != LOSS_NONE)
        loss.rank = 0;
    set_output(n, 0, n->in[0]->dtype, &loss);
}

void shape_softmax_loss(Node *n)
{
    shape_nll_loss(n);
    set_output(n, 1, n->in[0]->dtype, &n->in[0]->shape);
}

/* scores [outer][classes][inner] holds log-probabilities. */
static void likelihood_loss(const Node *n, const double *scores, const Shape *shape, const Array *target,
                            const Array *weight, Array *loss)
{
    int64_t classes = shape->dim[1], inner = index_span(shape->dim, 2, shape->rank);
    bool ignores = attr_has(n, "ignore_index");
    int64_t ignored = ignores ? attr_i(n, "ignore_index") : 0;
    LossReduction reduction = loss_reduction(n);
    double sum = 0, weights = 0;
    for (int64_t k = 0; k < target->count; k++) {
        int64_t class = target->i[k];
        double scale = 0, value = 0;
        if (!ignores || class != ignored) {
            if (class < 0 || class >= classes)
                fail_node(SDC_BAD_INPUT, n, "target %lld is no class of %lld", (long long)class, (long long)classes);
            scale = weight ? weight->f[class] : 1;
            value = -scale * scores[(k / inner * classes + class) * inner + k % inner];
        }
        sum += value;
        weights += scale;
        if (reduction == LOSS_NONE)
            loss->f[k] = value;
    }
    if (reduction != LOSS_NONE)
        loss->f[0] = reduction == LOSS_MEAN ? sum / weights : sum;
}

void eval_nll_loss(const Node *n, const Array *const *in, Array *const *out)
{
    likelihood_loss(n, in[0]->f, &in[0]->shape, in[1], n->n_in > 2 ? in[2] : NULL, out[0]);
}

static void log_softmax(const double *x, double *y, int64_t classes, int64_t stride)
{
    double top = -INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; c++)
        top = fmax(top, x[c * stride]);
    for (int64_t c = 0; c < classes; c++)
        sum += exp(x[c * stride] - top);
    for (int64_t c = 0; c < classes; c++)
        y[c * stride] = x[c * stride] - top - log(sum);
}

void eval_softmax_loss(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *shape = &in[0]->shape;
    int64_t classes = shape->dim[1], inner = index_span(shape->dim, 2, shape->rank);
    double *scores = malloc((size_t)in[0]->count * sizeof *scores + 1);
    if (!scores)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    for (int64_t o = 0; o < shape->dim[0]; o++)
        for (int64_t e = 0; e < inner; e++)
            log_softmax(in[0]->f + o * classes * inner + e, scores + o * classes * inner + e, classes, inner);
    if (out[0])
        likelihood_loss(n, scores, shape, in[1], n->n_in > 2 ? in[2] : NULL, out[0]);
    if (n->n_out > 1 && out[1] && in[0]->count)
        memcpy(out[1]->f, scores, (size_t)in[0]->count * sizeof *scores);
    free(scores);
}
