/* eval_recurrent.c: evaluators of RNN, GRU and LSTM, written from the equations of their ONNX pages. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "op.h"
#include "recurrent.h"

/* ---- activations: a and b are alpha and beta ---------------------------------------------------------------------*/

typedef double ActivationFunction(double x, double a, double b);

#define ACTIVATION(name, expression)                            \
    static double name(double x, double a, double b)            \
    {                                                           \
        (void)a, (void)b;                                       \
        return expression;                                      \
    }
ACTIVATION(relu, x > 0 ? x : 0)
ACTIVATION(hyperbolic, tanh(x))
ACTIVATION(sigmoid, 1 / (1 + exp(-x)))
ACTIVATION(affine_line, a * x + b)
ACTIVATION(leaky_relu, x >= 0 ? x : a * x)
ACTIVATION(thresholded_relu, x >= a ? x : 0)
ACTIVATION(scaled_tanh, a * tanh(b * x))
ACTIVATION(hard_sigmoid, fmin(fmax(a * x + b, 0), 1))
ACTIVATION(elu, x >= 0 ? x : a * expm1(x))
ACTIVATION(softsign, x / (1 + fabs(x)))
ACTIVATION(softplus, fmax(x, 0) + log1p(exp(-fabs(x))))
#undef ACTIVATION

static ActivationFunction *const functions[ACT_COUNT] = {
    [ACT_RELU] = relu, [ACT_TANH] = hyperbolic, [ACT_SIGMOID] = sigmoid, [ACT_AFFINE] = affine_line,
    [ACT_LEAKY_RELU] = leaky_relu, [ACT_THRESHOLDED_RELU] = thresholded_relu, [ACT_SCALED_TANH] = scaled_tanh,
    [ACT_HARD_SIGMOID] = hard_sigmoid, [ACT_ELU] = elu, [ACT_SOFTSIGN] = softsign, [ACT_SOFTPLUS] = softplus,
};

static double activate(const Recurrent *r, const ActivationUse *u, double x)
{
    return functions[u->kind](fmin(fmax(x, -r->clip), r->clip), u->alpha, u->beta);
}

/* ---- cells -------------------------------------------------------------------------------------------------------*/

/* One direction of one sequence.  Operand pointers are at this direction's part; absent ones are NULL. */
typedef struct {
    const Recurrent *r;
    const ActivationUse *use;
    const double *w, *recurrence, *bias, *peephole;
    double *h, *c;                      /* states [H] */
    double *gate, *next;                /* work: [gates][H], [H] */
} Cell;

/* Row `row` of W x + R h + Wb + Rb, leaving out what is passed as NULL. */
static double affine(const Cell *k, int64_t row, const double *x, const double *h)
{
    const Recurrent *r = k->r;
    double sum = 0;
    for (int64_t j = 0; x && j < r->inputs; j++)
        sum += k->w[row * r->inputs + j] * x[j];
    for (int64_t j = 0; h && j < r->hidden; j++)
        sum += k->recurrence[row * r->hidden + j] * h[j];
    if (k->bias)
        sum += (x ? k->bias[row] : 0) + (h ? k->bias[r->gates * r->hidden + row] : 0);
    return sum;
}

static void step_rnn(Cell *k, const double *x)
{
    for (int64_t j = 0; j < k->r->hidden; j++)
        k->next[j] = activate(k->r, &k->use[0], affine(k, j, x, k->h));
}

static void step_gru(Cell *k, const double *x)
{
    const int64_t size = k->r->hidden;
    double *z = k->gate, *reset = k->gate + size, *gated = k->gate + 2 * size;
    for (int64_t j = 0; j < size; j++) {
        z[j] = activate(k->r, &k->use[0], affine(k, j, x, k->h));
        reset[j] = activate(k->r, &k->use[0], affine(k, size + j, x, k->h));
    }
    for (int64_t j = 0; j < size; j++)
        gated[j] = reset[j] * k->h[j];
    for (int64_t j = 0; j < size; j++) {
        double linear = affine(k, 2 * size + j, x, NULL);
        double back = k->r->linear_before_reset ? reset[j] * affine(k, 2 * size + j, NULL, k->h) :
                                                  affine(k, 2 * size + j, NULL, gated);
        k->next[j] = (1 - z[j]) * activate(k->r, &k->use[1], linear + back) + z[j] * k->h[j];
    }
}

static void step_lstm(Cell *k, const double *x)
{
    const int64_t size = k->r->hidden;
    for (int64_t j = 0; j < size; j++) {
        double old = k->c[j], peek[3] = {0, 0, 0};                     /* i o f */
        for (int g = 0; g < 3 && k->peephole; g++)
            peek[g] = k->peephole[g * size + j];
        double in = activate(k->r, &k->use[0], affine(k, j, x, k->h) + peek[0] * old);
        double forget = activate(k->r, &k->use[0], affine(k, 2 * size + j, x, k->h) + peek[2] * old);
        if (k->r->input_forget)
            forget = 1 - in;
        double fresh = activate(k->r, &k->use[1], affine(k, 3 * size + j, x, k->h));
        k->c[j] = forget * old + in * fresh;
        double leave = activate(k->r, &k->use[0], affine(k, size + j, x, k->h) + peek[1] * k->c[j]);
        k->next[j] = leave * activate(k->r, &k->use[2], k->c[j]);
    }
}

typedef void Step(Cell *k, const double *x);

static const double *part(const Array *a, int64_t direction, int64_t size)
{
    return a ? a->f + direction * size : NULL;
}

static void load_state(double *into, const Array *from, int64_t at, int64_t size)
{
    memset(into, 0, (size_t)size * sizeof *into);
    if (from)
        memcpy(into, from->f + at, (size_t)size * sizeof *into);
}

static void store_state(Array *into, int64_t at, const double *from, int64_t size)
{
    if (into)
        memcpy(into->f + at, from, (size_t)size * sizeof *from);
}

/* Sequence b in direction d: all its steps; what lies behind its length stays zero in Y. */
static void run_sequence(const Recurrent *r, Cell *k, Step *step, const Array *const *in, Array *const *out, int64_t d,
                         int64_t b)
{
    RecurrentStrides sx = recurrent_x(r), sy = recurrent_y(r), ss = recurrent_state(r);
    int64_t length = in[4] ? in[4]->i[b] : r->steps, state = d * ss.direction + b * ss.batch;
    length = length < 0 ? 0 : length > r->steps ? r->steps : length;
    load_state(k->h, in[5], state, r->hidden);
    load_state(k->c, in[6], state, r->hidden);
    for (int64_t t = 0; t < length; t++) {
        int64_t at = r->backward[d] ? length - 1 - t : t;
        step(k, in[0]->f + at * sx.step + b * sx.batch);
        memcpy(k->h, k->next, (size_t)r->hidden * sizeof *k->h);
        store_state(out[0], at * sy.step + d * sy.direction + b * sy.batch, k->h, r->hidden);
    }
    store_state(out[1], state, k->h, r->hidden);
    store_state(out[2], state, k->c, r->hidden);
}

void eval_recurrent(const Node *n, const Array *const *given, Array *const *results)
{
    Recurrent r = recurrent_of(n);
    const Array *in[8] = {NULL};
    Array *out[3] = {NULL};
    for (int k = 0; k < n->n_in && k < 8; k++)
        in[k] = given[k];
    for (int k = 0; k < n->n_out && k < 3; k++)
        out[k] = results[k];
    int64_t size = r.hidden, rows = r.gates * size;
    double *work = calloc((size_t)(7 * size), sizeof *work);
    if (!work)
        fail(SDC_NO_SPACE, "out of memory");
    Step *step = r.gates == 1 ? step_rnn : r.gates == 3 ? step_gru : step_lstm;
    for (int64_t d = 0; d < r.directions; d++) {
        Cell k = {.r = &r, .use = r.use[d], .w = part(in[1], d, rows * r.inputs),
                  .recurrence = part(in[2], d, rows * size), .bias = part(in[3], d, 2 * rows),
                  .peephole = part(in[7], d, 3 * size), .h = work, .c = work + size, .next = work + 2 * size,
                  .gate = work + 3 * size};
        for (int64_t b = 0; b < r.batch; b++)
            run_sequence(&r, &k, step, in, out, d, b);
    }
    free(work);
}
