/* decompose_optimizer.c: one step of Adagrad, Adam and Momentum as elementwise nodes.  Operands and formulas as in
 * ir/eval_optimizer.c. */
#include "decompose.h"

#include <string.h>

/* What the nodes of one optimiser share: rate and step count as scalars of one type. */
typedef struct { Node *n; int tensors; DType type; Value *rate, *step; } Step;

static Step step_of(Node *n, int states)
{
    Step s = {.n = n, .tensors = (n->n_in - 2) / (2 + states), .type = n->in[2]->dtype};
    s.rate = make_cast(n, make_reshape(n, n->in[0], 0, NULL), s.type);
    s.step = make_cast(n, make_reshape(n, n->in[1], 0, NULL), s.type);
    return s;
}

/* Operand `part` (0: X, 1: G, 2..: states) of tensor t. */
static Value *part_of(const Step *s, int part, int t)
{
    return s->n->in[2 + part * s->tensors + t];
}

static Value *add(const Step *s, Value *x, Value *y) { return make2(s->n, OP_Add, x, y); }
static Value *subtract(const Step *s, Value *x, Value *y) { return make2(s->n, OP_Sub, x, y); }
static Value *multiply(const Step *s, Value *x, Value *y) { return make2(s->n, OP_Mul, x, y); }
static Value *divide(const Step *s, Value *x, Value *y) { return make2(s->n, OP_Div, x, y); }

static Value *scaled(const Step *s, double factor, Value *x)
{
    return multiply(s, make_scalar(s->n, x->dtype, factor), x);
}

/* The gradient of the loss with 0.5 * norm_coefficient * |X|^2 added to it. */
static Value *gradient_of(const Step *s, int t)
{
    return add(s, scaled(s, attr_f(s->n, "norm_coefficient"), part_of(s, 0, t)), part_of(s, 1, t));
}

/* x over the square root of the accumulated squares. */
static Value *normalised(const Step *s, Value *x, Value *squares)
{
    Value *root = make1(s->n, OP_Sqrt, squares);
    return divide(s, x, add(s, root, make_scalar(s->n, root->dtype, attr_f(s->n, "epsilon"))));
}

static Value *is_first(const Step *s)
{
    return make2(s->n, OP_LessOrEqual, s->step, make_scalar(s->n, s->type, 0));
}

void decompose_adagrad(Node *n)
{
    Step s = step_of(n, 1);
    Value *one = make_scalar(n, s.type, 1);
    Value *rate = divide(&s, s.rate, add(&s, one, scaled(&s, attr_f(n, "decay_factor"), s.step)));
    for (int t = 0; t < s.tensors; t++) {
        Value *gradient = gradient_of(&s, t), *squares = add(&s, part_of(&s, 2, t), multiply(&s, gradient, gradient));
        decompose_output(n, t, subtract(&s, part_of(&s, 0, t), normalised(&s, multiply(&s, rate, gradient), squares)));
        decompose_output(n, s.tensors + t, squares);
    }
}

/* rate * sqrt(1 - beta^T) / (1 - alpha^T), or the plain rate before the first step. */
static Value *corrected_rate(const Step *s, double alpha, double beta)
{
    Value *one = make_scalar(s->n, s->type, 1);
    Value *beta_left = subtract(s, one, make2(s->n, OP_Pow, make_scalar(s->n, s->type, beta), s->step));
    Value *alpha_left = subtract(s, one, make2(s->n, OP_Pow, make_scalar(s->n, s->type, alpha), s->step));
    Value *corrected = divide(s, multiply(s, s->rate, make1(s->n, OP_Sqrt, beta_left)), alpha_left);
    return make3(s->n, OP_Where, is_first(s), s->rate, corrected);
}

void decompose_adam(Node *n)
{
    Step s = step_of(n, 2);
    double alpha = attr_f(n, "alpha"), beta = attr_f(n, "beta");
    Value *rate = corrected_rate(&s, alpha, beta);
    for (int t = 0; t < s.tensors; t++) {
        Value *gradient = gradient_of(&s, t);
        Value *mean = add(&s, scaled(&s, alpha, part_of(&s, 2, t)), scaled(&s, 1 - alpha, gradient));
        Value *square = multiply(&s, gradient, gradient);
        Value *squares = add(&s, scaled(&s, beta, part_of(&s, 3, t)), scaled(&s, 1 - beta, square));
        Value *fresh = subtract(&s, part_of(&s, 0, t), multiply(&s, rate, normalised(&s, mean, squares)));
        decompose_output(n, t, scaled(&s, 1 - attr_f(n, "norm_coefficient_post"), fresh));
        decompose_output(n, s.tensors + t, mean);
        decompose_output(n, 2 * s.tensors + t, squares);
    }
}

void decompose_momentum(Node *n)
{
    Step s = step_of(n, 1);
    double alpha = attr_f(n, "alpha");
    Value *later = make_scalar(n, s.type, attr_f(n, "beta"));
    Value *beta = make3(n, OP_Where, is_first(&s), make_scalar(n, s.type, 1), later);
    bool nesterov = !strcmp(attr_s(n, "mode"), "nesterov");
    for (int t = 0; t < s.tensors; t++) {
        Value *gradient = gradient_of(&s, t);
        Value *momentum = add(&s, scaled(&s, alpha, part_of(&s, 2, t)), multiply(&s, beta, gradient));
        Value *move = nesterov ? add(&s, gradient, scaled(&s, alpha, momentum)) : momentum;
        decompose_output(n, t, subtract(&s, part_of(&s, 0, t), multiply(&s, s.rate, move)));
        decompose_output(n, s.tensors + t, momentum);
    }
}
