/* compare.c: see compare.h. */
#include "compare.h"

#include <math.h>

static double element(const SdcArray *a, int64_t k)
{
    const char *p = (const char *)a->data + k * dtype_info(a->dtype)->bytes;
    return dtype_is_float(a->dtype) ? dtype_load_f(a->dtype, p) : (double)dtype_load_i(a->dtype, p);
}

static bool same_shape(const SdcArray *a, const SdcArray *b)
{
    bool same = a->rank == b->rank;
    for (int k = 0; same && k < a->rank; k++)
        same = a->dim[k] == b->dim[k];
    return same;
}

Difference compare(const SdcArray *a, const SdcArray *b, double rtol, double atol)
{
    Difference d = {.same_shape = same_shape(a, b)};
    double square = 0, scale = 0;
    for (int64_t k = 0; d.same_shape && k < a->count; k++) {
        double x = element(a, k), y = element(b, k);
        bool equal = x == y || (isnan(x) && isnan(y));
        double e = equal ? 0 : fabs(x - y);
        d.worst = e > d.worst || isnan(e) ? e : d.worst;
        d.outside += !equal && !(e <= atol + rtol * fabs(y));
        if (isfinite(y)) {
            square += e * e;
            scale += y * y;
        } else if (!equal) {
            square = INFINITY;
        }
    }
    d.rms = scale > 0 ? sqrt(square / scale) : square > 0 ? INFINITY : 0;
    return d;
}
