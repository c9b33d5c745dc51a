/* activation.h: the activation functions of recurrent networks, as ONNX lists them; a and b are alpha and beta. */
#ifndef SDC_ACTIVATION_H
#define SDC_ACTIVATION_H

#include <math.h>

#define SDC_ACTIVATION(Name, EXPRESSION)                                             \
    static inline double sdc_activation_##Name(double x, double a, double b)         \
    {                                                                                \
        (void)a, (void)b;                                                            \
        return EXPRESSION;                                                           \
    }
SDC_ACTIVATION(Relu, x > 0 ? x : 0)
SDC_ACTIVATION(Tanh, tanh(x))
SDC_ACTIVATION(Sigmoid, 1 / (1 + exp(-x)))
SDC_ACTIVATION(Affine, a * x + b)
SDC_ACTIVATION(LeakyRelu, x >= 0 ? x : a * x)
SDC_ACTIVATION(ThresholdedRelu, x >= a ? x : 0)
SDC_ACTIVATION(ScaledTanh, a * tanh(b * x))
SDC_ACTIVATION(HardSigmoid, fmin(fmax(a * x + b, 0), 1))
SDC_ACTIVATION(Elu, x >= 0 ? x : a * expm1(x))
SDC_ACTIVATION(Softsign, x / (1 + fabs(x)))
SDC_ACTIVATION(Softplus, fmax(x, 0) + log1p(exp(-fabs(x))))
#undef SDC_ACTIVATION

#endif
