/* recurrent.c: attributes and shapes of RNN, GRU and LSTM, and their shape rule. */
#include "recurrent.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "../runtime/runtime.h"
#include "need.h"
#include "op.h"

/* Names, how many of alpha and beta each takes, and their defaults: those of the ONNX operators of the same names. */
static const struct { const char *name; int takes; double alpha, beta; } activations[ACT_COUNT] = {
    [ACT_RELU] = {"Relu", 0, 0, 0},
    [ACT_TANH] = {"Tanh", 0, 0, 0},
    [ACT_SIGMOID] = {"Sigmoid", 0, 0, 0},
    [ACT_AFFINE] = {"Affine", 2, 1, 0},
    [ACT_LEAKY_RELU] = {"LeakyRelu", 1, 0.01, 0},
    [ACT_THRESHOLDED_RELU] = {"ThresholdedRelu", 1, 1, 0},
    [ACT_SCALED_TANH] = {"ScaledTanh", 2, 1, 1},
    [ACT_HARD_SIGMOID] = {"HardSigmoid", 2, 0.2, 0.5},
    [ACT_ELU] = {"Elu", 1, 1, 0},
    [ACT_SOFTSIGN] = {"Softsign", 0, 0, 0},
    [ACT_SOFTPLUS] = {"Softplus", 0, 0, 0},
};

const char *activation_name(Activation a)
{
    return activations[a].name;
}

static Activation activation_by_name(const Node *n, const char *name)
{
    for (int k = 0; k < ACT_COUNT; k++)
        if (!strcasecmp(name, activations[k].name))
            return (Activation)k;
    fail_node(SDC_UNSUPPORTED, n, "activation '%s' is unknown", name);
}

/* activation_alpha and activation_beta are consumed in order by the activations that take one. */
static void take_activations(const Node *n, Recurrent *r)
{
    static const Activation usual[] = {ACT_SIGMOID, ACT_TANH, ACT_TANH};
    const Attr *names = attr_find(n, "activations");
    const Attr *alpha = attr_find(n, "activation_alpha"), *beta = attr_find(n, "activation_beta");
    int total = r->activations * (int)r->directions, alphas = 0, betas = 0;
    if (names && (names->type != ATTR_STRINGS || names->count != total))
        fail_node(SDC_BAD_INPUT, n, "attribute 'activations' must list %d names", total);
    if ((alpha && alpha->type != ATTR_FLOATS) || (beta && beta->type != ATTR_FLOATS))
        fail_node(SDC_BAD_INPUT, n, "attributes 'activation_alpha' and 'activation_beta' must be lists of floats");
    for (int k = 0; k < total; k++) {
        ActivationUse *use = &r->use[k / r->activations][k % r->activations];
        use->kind = r->gates == 1 ? ACT_TANH : usual[k % r->activations];
        if (names)
            use->kind = activation_by_name(n, names->strings[k]);
        int takes = activations[use->kind].takes;
        use->alpha = activations[use->kind].alpha;
        use->beta = activations[use->kind].beta;
        if (takes > 0 && alpha && alphas < alpha->count)
            use->alpha = alpha->floats[alphas++];
        if (takes > 1 && beta && betas < beta->count)
            use->beta = beta->floats[betas++];
    }
}

static void need_shape(const Node *n, int k, int rank, int64_t a, int64_t b, int64_t c)
{
    const Value *v = input_of(n, k);
    Shape want = {.rank = rank, .dim = {a, b, c}};
    if (v && !shape_equal(&v->shape, &want))
        fail_node(SDC_BAD_INPUT, n, "input %d has shape %s, not %s", k, shape_text(&v->shape), shape_text(&want));
    if (v && k != 4)
        need_same_type(n, 0, k);
}

static void need_operands(const Node *n, const Recurrent *r)
{
    int64_t states[3] = {r->directions, r->batch, r->hidden}, rows = r->gates * r->hidden;
    if (r->batch_first) {
        states[0] = r->batch;
        states[1] = r->directions;
    }
    need_float(n, 0);
    need_integer(n, 4);
    need_shape(n, 1, 3, r->directions, rows, r->inputs);
    need_shape(n, 2, 3, r->directions, rows, r->hidden);
    need_shape(n, 3, 2, r->directions, 2 * rows, 0);
    need_shape(n, 4, 1, r->batch, 0, 0);
    need_shape(n, 5, 3, states[0], states[1], states[2]);
    need_shape(n, 6, 3, states[0], states[1], states[2]);
    need_shape(n, 7, 2, r->directions, 3 * r->hidden, 0);
}

Recurrent recurrent_of(const Node *n)
{
    const char *direction = attr_s(n, "direction");
    bool both = !strcmp(direction, "bidirectional"), reverse = !strcmp(direction, "reverse");
    if (!both && !reverse && strcmp(direction, "forward"))
        fail_node(SDC_BAD_INPUT, n, "attribute 'direction' is '%s'", direction);
    for (int k = 0; k < 3; k++)
        need_rank(n, k, 3, 3);
    const Shape *x = &n->in[0]->shape, *recurrence = &n->in[2]->shape;
    Recurrent r = {.gates = n->op == OP_RNN ? 1 : n->op == OP_GRU ? 3 : 4,
                   .directions = both ? 2 : 1,
                   .hidden = recurrence->dim[2],
                   .inputs = x->dim[2],
                   .backward = {reverse, both},
                   .batch_first = attr_i(n, "layout") != 0,
                   .clip = attr_has(n, "clip") ? attr_f(n, "clip") : INFINITY};
    r.activations = r.gates == 1 ? 1 : r.gates == 3 ? 2 : 3;
    r.steps = x->dim[r.batch_first];
    r.batch = x->dim[!r.batch_first];
    r.linear_before_reset = n->op == OP_GRU && attr_i(n, "linear_before_reset");
    r.input_forget = n->op == OP_LSTM && attr_i(n, "input_forget");
    if (attr_has(n, "hidden_size") && attr_i(n, "hidden_size") != r.hidden)
        fail_node(SDC_BAD_INPUT, n, "attribute 'hidden_size' disagrees with the weights' shape");
    if (r.hidden < 1 || r.hidden > 1 << 24)
        fail_node(SDC_BAD_INPUT, n, "a hidden size of %lld", (long long)r.hidden);
    need_operands(n, &r);
    take_activations(n, &r);
    return r;
}

RecurrentStrides recurrent_x(const Recurrent *r)
{
    return r->batch_first ? (RecurrentStrides){r->inputs, 0, r->steps * r->inputs} :
                            (RecurrentStrides){r->batch * r->inputs, 0, r->inputs};
}

RecurrentStrides recurrent_y(const Recurrent *r)
{
    int64_t h = r->hidden;
    return r->batch_first ? (RecurrentStrides){r->directions * h, h, r->steps * r->directions * h} :
                            (RecurrentStrides){r->directions * r->batch * h, r->batch * h, h};
}

RecurrentStrides recurrent_state(const Recurrent *r)
{
    int64_t h = r->hidden;
    return r->batch_first ? (RecurrentStrides){0, h, r->directions * h} : (RecurrentStrides){0, r->batch * h, h};
}

void shape_recurrent(Node *n)
{
    Recurrent r = recurrent_of(n);
    Shape y = {.rank = 4, .dim = {r.steps, r.directions, r.batch, r.hidden}};
    Shape state = {.rank = 3, .dim = {r.directions, r.batch, r.hidden}};
    if (r.batch_first) {
        y = (Shape){.rank = 4, .dim = {r.batch, r.steps, r.directions, r.hidden}};
        state = (Shape){.rank = 3, .dim = {r.batch, r.directions, r.hidden}};
    }
    set_output(n, 0, n->in[0]->dtype, &y);
    set_output(n, 1, n->in[0]->dtype, &state);
    set_output(n, 2, n->in[0]->dtype, &state);
}
