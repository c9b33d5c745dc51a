/* eval_optimizer.c: one step of Adagrad, Adam and Momentum: the shape rule and the oracle.
 *
 * Operands: R (learning rate), T (step count), then for N tensors: N values X, N gradients G, N of each state
 * (Adagrad: H; Adam: V, H; Momentum: V).  Results: N new X, then N of each new state.  Formulas: ONNX's
 * ai.onnx.preview.training. */
#include "need.h"
#include "op.h"

#include <math.h>
#include <string.h>

#include "../runtime/runtime.h"

static int states_of(const Node *n)
{
    return n->op == OP_Adam ? 2 : 1;
}

void shape_optimizer(Node *n)
{
    int states = states_of(n), tensors = (n->n_in - 2) / (2 + states);
    if ((n->n_in - 2) % (2 + states) || n->n_out != tensors * (1 + states))
        fail_node(SDC_BAD_INPUT, n, "%d inputs and %d outputs are no whole number of tensors", n->n_in, n->n_out);
    for (int k = 2; k < n->n_in; k++) {
        const Value *x = n->in[2 + (k - 2) % tensors];
        need_float(n, k);
        if (!n->in[k] || !x || n->in[k]->dtype != x->dtype || !shape_equal(&n->in[k]->shape, &x->shape))
            fail_node(SDC_BAD_INPUT, n, "input %d does not have the type and shape of its tensor", k);
    }
    for (int k = 0; k < 2; k++)
        if (shape_count(&n->in[k]->shape) != 1)
            fail_node(SDC_BAD_INPUT, n, "input %d must have one element", k);
    if (n->op == OP_Momentum && strcmp(attr_s(n, "mode"), "standard") && strcmp(attr_s(n, "mode"), "nesterov"))
        fail_node(SDC_BAD_INPUT, n, "mode '%s' is unknown (standard, nesterov)", attr_s(n, "mode"));
    for (int k = 0; k < n->n_out; k++)
        set_output(n, k, n->in[2 + k % tensors]->dtype, &n->in[2 + k % tensors]->shape);
}

static void put(Array *y, int64_t k, double v)
{
    if (y)
        y->f[k] = v;
}

void eval_adagrad(const Node *n, const Array *const *in, Array *const *out)
{
    int tensors = (n->n_in - 2) / 3;
    double rate = array_get(in[0], 0) / (1 + array_get(in[1], 0) * attr_f(n, "decay_factor"));
    for (int t = 0; t < tensors; t++) {
        const Array *x = in[2 + t], *g = in[2 + tensors + t], *h = in[2 + 2 * tensors + t];
        for (int64_t k = 0; k < x->count; k++) {
            double gradient = attr_f(n, "norm_coefficient") * x->f[k] + g->f[k], square = h->f[k] + gradient * gradient;
            put(out[t], k, x->f[k] - rate * gradient / (sqrt(square) + attr_f(n, "epsilon")));
            put(out[tensors + t], k, square);
        }
    }
}

void eval_adam(const Node *n, const Array *const *in, Array *const *out)
{
    int tensors = (n->n_in - 2) / 4;
    double alpha = attr_f(n, "alpha"), beta = attr_f(n, "beta"), rate = array_get(in[0], 0), step = array_get(in[1], 0);
    if (step > 0)
        rate *= sqrt(1 - pow(beta, step)) / (1 - pow(alpha, step));
    for (int t = 0; t < tensors; t++) {
        const Array *x = in[2 + t], *g = in[2 + tensors + t], *v = in[2 + 2 * tensors + t],
                    *h = in[2 + 3 * tensors + t];
        for (int64_t k = 0; k < x->count; k++) {
            double gradient = attr_f(n, "norm_coefficient") * x->f[k] + g->f[k];
            double mean = alpha * v->f[k] + (1 - alpha) * gradient,
                   square = beta * h->f[k] + (1 - beta) * gradient * gradient;
            double fresh = x->f[k] - rate * mean / (sqrt(square) + attr_f(n, "epsilon"));
            put(out[t], k, (1 - attr_f(n, "norm_coefficient_post")) * fresh);
            put(out[tensors + t], k, mean);
            put(out[2 * tensors + t], k, square);
        }
    }
}

void eval_momentum(const Node *n, const Array *const *in, Array *const *out)
{
    int tensors = (n->n_in - 2) / 3;
    bool nesterov = !strcmp(attr_s(n, "mode"), "nesterov");
    double alpha = attr_f(n, "alpha"), rate = array_get(in[0], 0),
           beta = array_get(in[1], 0) > 0 ? attr_f(n, "beta") : 1;
    for (int t = 0; t < tensors; t++) {
        const Array *x = in[2 + t], *g = in[2 + tensors + t], *v = in[2 + 2 * tensors + t];
        for (int64_t k = 0; k < x->count; k++) {
            double gradient = attr_f(n, "norm_coefficient") * x->f[k] + g->f[k],
                   momentum = alpha * v->f[k] + beta * gradient;
            put(out[t], k, x->f[k] - rate * (nesterov ? gradient + alpha * momentum : momentum));
            put(out[tensors + t], k, momentum);
        }
    }
}
