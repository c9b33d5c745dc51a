/* compare.h: two arrays, element by element; for verify, and for tests of executables, which link this file alone. */
#ifndef SDC_COMPARE_H
#define SDC_COMPARE_H

#include "../runtime/runtime.h"

typedef struct {
    bool same_shape;                /* everything below is 0 when false */
    double rms;                     /* root-mean-square difference relative to that of the second */
    double worst;                   /* largest difference */
    int64_t outside;                /* elements beyond atol + rtol |b| */
} Difference;

/* Types may differ; NaN equals NaN.  Elements of b that are not finite must be matched; they do not count in rms. */
Difference compare(const SdcArray *a, const SdcArray *b, double rtol, double atol);

#endif
