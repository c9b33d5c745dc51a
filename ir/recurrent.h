/* recurrent.h: RNN, GRU and LSTM taken apart: extents, activations, and where each operand is.  Shape rule, evaluator
 * and lowering share it.  Notation of the ONNX pages: T steps, B batch, D directions, I inputs, H hidden. */
#ifndef SDC_RECURRENT_H
#define SDC_RECURRENT_H

#include "sdc.h"

typedef enum {
    ACT_RELU, ACT_TANH, ACT_SIGMOID, ACT_AFFINE, ACT_LEAKY_RELU, ACT_THRESHOLDED_RELU, ACT_SCALED_TANH,
    ACT_HARD_SIGMOID, ACT_ELU, ACT_SOFTSIGN, ACT_SOFTPLUS, ACT_COUNT
} Activation;

typedef struct { Activation kind; double alpha, beta; } ActivationUse;

typedef struct {
    int gates;                      /* 1 RNN, 3 GRU (z r h), 4 LSTM (i o f c) */
    int activations;                /* for each direction: 1, 2, 3 */
    ActivationUse use[2][3];
    int64_t steps, batch, inputs, hidden, directions;
    bool backward[2];               /* direction d walks from the last step to the first */
    bool batch_first;               /* layout 1 */
    bool linear_before_reset, input_forget;
    double clip;                    /* infinity: none */
} Recurrent;

/* Operands: X W R B sequence_lens initial_h (initial_c P).  Validates everything and fails the node. */
Recurrent recurrent_of(const Node *n);
const char *activation_name(Activation a);

/* Strides in elements of the step, direction and batch axes: of X (no direction), Y, and the states. */
typedef struct { int64_t step, direction, batch; } RecurrentStrides;
RecurrentStrides recurrent_x(const Recurrent *r);
RecurrentStrides recurrent_y(const Recurrent *r);
RecurrentStrides recurrent_state(const Recurrent *r);

#endif
