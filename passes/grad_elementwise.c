/* grad_elementwise.c: backward rules of elementwise operators.
 *
 * Slopes are written in the operand x or in the result y, whichever is shorter.  At a corner the slope is that of the
 * side which op.def's expression takes there, so that it is 0 behind a ReLU at 0. */
#include "grad.h"

#include <math.h>

#include "match.h"

static Value *x_of(const Node *n) { return n->in[0]; }
static Value *y_of(const Node *n) { return n->out[0]; }
static Value *square(Backward *b, Value *x) { return times(b, x, x); }
static Value *one_minus(Backward *b, Value *x) { return minus(b, number(b, x, 1), x); }
static Value *inverse(Backward *b, Value *x) { return apply(b, OP_Reciprocal, x); }

static Value *compare(Backward *b, Op op, Value *x, double y)
{
    return make2(b->at, op, x, number(b, x, y));
}

/* ---- one operand: slopes ---------------------------------------------------------------------------------------- */

Value *slope_abs(Backward *b, Node *n) { return apply(b, OP_Sign, x_of(n)); }
Value *slope_neg(Backward *b, Node *n) { return number(b, x_of(n), -1); }
Value *slope_reciprocal(Backward *b, Node *n) { return apply(b, OP_Neg, square(b, y_of(n))); }
Value *slope_sqrt(Backward *b, Node *n) { return over(b, number(b, y_of(n), 0.5), y_of(n)); }
Value *slope_exp(Backward *b, Node *n) { (void)b; return y_of(n); }
Value *slope_log(Backward *b, Node *n) { return inverse(b, x_of(n)); }
Value *slope_sin(Backward *b, Node *n) { return apply(b, OP_Cos, x_of(n)); }
Value *slope_cos(Backward *b, Node *n) { return apply(b, OP_Neg, apply(b, OP_Sin, x_of(n))); }
Value *slope_tan(Backward *b, Node *n) { return shifted(b, square(b, y_of(n)), 1); }
Value *slope_sinh(Backward *b, Node *n) { return apply(b, OP_Cosh, x_of(n)); }
Value *slope_cosh(Backward *b, Node *n) { return apply(b, OP_Sinh, x_of(n)); }
Value *slope_tanh(Backward *b, Node *n) { return one_minus(b, square(b, y_of(n))); }
Value *slope_sigmoid(Backward *b, Node *n) { return times(b, y_of(n), one_minus(b, y_of(n))); }
Value *slope_softplus(Backward *b, Node *n) { return apply(b, OP_Sigmoid, x_of(n)); }

Value *slope_asin(Backward *b, Node *n)
{
    return inverse(b, apply(b, OP_Sqrt, one_minus(b, square(b, x_of(n)))));
}

Value *slope_acos(Backward *b, Node *n) { return apply(b, OP_Neg, slope_asin(b, n)); }
Value *slope_atan(Backward *b, Node *n) { return inverse(b, shifted(b, square(b, x_of(n)), 1)); }

Value *slope_asinh(Backward *b, Node *n)
{
    return inverse(b, apply(b, OP_Sqrt, shifted(b, square(b, x_of(n)), 1)));
}

Value *slope_acosh(Backward *b, Node *n)
{
    return inverse(b, apply(b, OP_Sqrt, shifted(b, square(b, x_of(n)), -1)));
}

Value *slope_atanh(Backward *b, Node *n) { return inverse(b, one_minus(b, square(b, x_of(n)))); }

/* 2 / sqrt(pi) exp(-x^2) */
Value *slope_erf(Backward *b, Node *n)
{
    return scaled(b, apply(b, OP_Exp, apply(b, OP_Neg, square(b, x_of(n)))), M_2_SQRTPI);
}

/* a where the condition holds, else c; both numbers. */
static Value *step(Backward *b, Value *condition, const Value *like, double a, double c)
{
    return where(b, condition, number(b, like, a), number(b, like, c));
}

Value *slope_relu(Backward *b, Node *n) { return step(b, compare(b, OP_Greater, x_of(n), 0), x_of(n), 1, 0); }

Value *slope_leaky_relu(Backward *b, Node *n)
{
    return step(b, compare(b, OP_Less, x_of(n), 0), x_of(n), attr_f(n, "alpha"), 1);
}

Value *slope_thresholded_relu(Backward *b, Node *n)
{
    return step(b, compare(b, OP_Greater, x_of(n), attr_f(n, "alpha")), x_of(n), 1, 0);
}

/* Below 0 y is c (exp(x / d) - 1), its slope (y + c) / d; above it is `above`. */
static Value *exponential_side(Backward *b, Node *n, double c, double d, double above)
{
    Value *below = scaled(b, shifted(b, y_of(n), c), 1 / d);
    return where(b, compare(b, OP_Less, x_of(n), 0), below, number(b, x_of(n), above));
}

Value *slope_elu(Backward *b, Node *n) { return exponential_side(b, n, attr_f(n, "alpha"), 1, 1); }
Value *slope_celu(Backward *b, Node *n) { return exponential_side(b, n, attr_f(n, "alpha"), attr_f(n, "alpha"), 1); }

Value *slope_selu(Backward *b, Node *n)
{
    double gamma = attr_f(n, "gamma");
    return exponential_side(b, n, gamma * attr_f(n, "alpha"), 1, gamma);
}

/* `inside` where 0 < y < 1, else 0. */
static Value *where_ramp(Backward *b, Value *y, Value *inside)
{
    Value *on = make2(b->at, OP_And, compare(b, OP_Greater, y, 0), compare(b, OP_Less, y, 1));
    return where(b, on, inside, number(b, y, 0));
}

Value *slope_hard_sigmoid(Backward *b, Node *n)
{
    return where_ramp(b, y_of(n), number(b, y_of(n), attr_f(n, "alpha")));
}

/* h + x h', with h the ramp x / 6 + 1/2 between 0 and 1. */
Value *slope_hard_swish(Backward *b, Node *n)
{
    Value *h = shifted(b, scaled(b, x_of(n), 1.0 / 6), 0.5);
    Value *ramp = make3(b->at, OP_Clip, h, number(b, h, 0), number(b, h, 1));
    return plus(b, ramp, where_ramp(b, h, scaled(b, x_of(n), 1.0 / 6)));
}

Value *slope_softsign(Backward *b, Node *n)
{
    return inverse(b, square(b, shifted(b, apply(b, OP_Abs, x_of(n)), 1)));
}

/* t + x (1 - t^2) sigmoid(x) with t = tanh(softplus(x)) */
Value *slope_mish(Backward *b, Node *n)
{
    Value *x = x_of(n), *t = apply(b, OP_Tanh, apply(b, OP_Softplus, x));
    Value *inner = times(b, one_minus(b, square(b, t)), apply(b, OP_Sigmoid, x));
    return plus(b, t, times(b, x, inner));
}

/* Of x s(u): s + x s (1 - s) u', with s the sigmoid. */
static Value *gated(Backward *b, Value *x, Value *u, Value *du)
{
    Value *s = apply(b, OP_Sigmoid, u);
    return plus(b, s, times(b, times(b, x, du), times(b, s, one_minus(b, s))));
}

Value *slope_swish(Backward *b, Node *n)
{
    double alpha = attr_f(n, "alpha");
    Value *u = alpha == 1 ? x_of(n) : scaled(b, x_of(n), alpha);
    return gated(b, x_of(n), u, number(b, u, alpha));
}

/* The normal distribution's integral and x times its density. */
Value *slope_gelu(Backward *b, Node *n)
{
    Value *x = x_of(n), *erf = apply(b, OP_Erf, scaled(b, x, M_SQRT1_2));
    Value *density = scaled(b, apply(b, OP_Exp, scaled(b, square(b, x), -0.5)), M_2_SQRTPI * M_SQRT1_2 / 2);
    return plus(b, scaled(b, shifted(b, erf, 1), 0.5), times(b, x, density));
}

Value *slope_gelu_tanh(Backward *b, Node *n)
{
    const double c = 1.59576912160573071176, k = 0.044715;
    Value *x = x_of(n), *xx = square(b, x);
    Value *u = times(b, x, shifted(b, scaled(b, xx, c * k), c));
    return gated(b, x, u, shifted(b, scaled(b, xx, 3 * c * k), c));
}

/* ---- several operands ------------------------------------------------------------------------------------------- */

/* The result is the same all around each operand: roundings, signs. */
void grad_flat(Backward *b, Node *n, Value *dy)
{
    (void)b, (void)n, (void)dy;
}

void grad_add(Backward *b, Node *n, Value *dy)
{
    give(b, n, 0, dy);
    give(b, n, 1, dy);
}

void grad_sub(Backward *b, Node *n, Value *dy)
{
    give(b, n, 0, dy);
    if (wants(b, n, 1))
        give(b, n, 1, apply(b, OP_Neg, dy));
}

void grad_mul(Backward *b, Node *n, Value *dy)
{
    for (int k = 0; k < 2; k++)
        if (wants(b, n, k))
            give(b, n, k, times(b, dy, n->in[1 - k]));
}

void grad_div(Backward *b, Node *n, Value *dy)
{
    Value *part = over(b, dy, n->in[1]);
    give(b, n, 0, part);
    if (wants(b, n, 1))
        give(b, n, 1, apply(b, OP_Neg, times(b, part, n->out[0])));
}

/* y x^(y - 1), and x^y log x where x is above 0: elsewhere a step of the exponent has no real result. */
void grad_pow(Backward *b, Node *n, Value *dy)
{
    Value *x = n->in[0], *y = n->in[1];
    double exponent;
    if (wants(b, n, 0) && scalar_of(y, &exponent) && exponent == 2) {
        give(b, n, 0, times(b, dy, scaled(b, x, 2)));
    } else if (wants(b, n, 0)) {
        Value *less = make2(b->at, OP_Pow, x, shifted(b, y, -1));
        give(b, n, 0, times(b, dy, times(b, make_cast(b->at, y, x->dtype), less)));
    }
    if (wants(b, n, 1)) {
        Value *above = compare(b, OP_Greater, x, 0), *log = apply(b, OP_Log, where(b, above, x, number(b, x, 1)));
        give(b, n, 1, times(b, dy, times(b, n->out[0], log)));
    }
}

/* Max and Min: all of it to the operand that is the result; where both are, to the first. */
void grad_extremum(Backward *b, Node *n, Value *dy)
{
    Value *first = make2(b->at, n->op == OP_Max ? OP_GreaterOrEqual : OP_LessOrEqual, n->in[0], n->in[1]);
    Value *none = number(b, dy, 0);
    if (wants(b, n, 0))
        give(b, n, 0, where(b, first, dy, none));
    if (wants(b, n, 1))
        give(b, n, 1, where(b, first, none, dy));
}

void grad_prelu(Backward *b, Node *n, Value *dy)
{
    Value *below = compare(b, OP_Less, n->in[0], 0);
    if (wants(b, n, 0))
        give(b, n, 0, where(b, below, times(b, dy, n->in[1]), dy));
    if (wants(b, n, 1))
        give(b, n, 1, where(b, below, times(b, dy, n->in[0]), number(b, dy, 0)));
}

void grad_where(Backward *b, Node *n, Value *dy)
{
    Value *none = number(b, dy, 0);
    if (wants(b, n, 1))
        give(b, n, 1, where(b, n->in[0], dy, none));
    if (wants(b, n, 2))
        give(b, n, 2, where(b, n->in[0], none, dy));
}

void grad_clip(Backward *b, Node *n, Value *dy)
{
    Value *x = n->in[0], *none = number(b, dy, 0);
    Value *low = make2(b->at, OP_Less, x, n->in[1]), *high = make2(b->at, OP_Greater, x, n->in[2]);
    if (wants(b, n, 0))
        give(b, n, 0, where(b, make2(b->at, OP_Or, low, high), none, dy));
    if (wants(b, n, 1))
        give(b, n, 1, where(b, low, dy, none));
    if (wants(b, n, 2))
        give(b, n, 2, where(b, high, dy, none));
}
