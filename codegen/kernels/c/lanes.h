/* lanes.h: maxima and sums along contiguous memory, for softmax and normalisation.
 *
 * Sums of floats run in four vectors over at most 256 steps and are then collected in a double, so that the error stays
 * near one rounding however long the row; the order depends on SDC_VL alone. */
#ifndef SDC_LANES_H
#define SDC_LANES_H

#include "kernel.h"

enum { SDC_LANE_STEPS = 256 };

/* Fold the lanes, halves onto halves, in straight lines: JOIN of a pair. */
#define SDC_FOLD_HALF(lane, half, JOIN)                 \
    for (int k = 0; k < (half) && SDC_VL > (half); k++) \
        lane[k] = JOIN(lane[k], lane[k + (half)])
#define SDC_FOLD_LANES(lane, JOIN)      \
    SDC_FOLD_HALF(lane, 8, JOIN);       \
    SDC_FOLD_HALF(lane, 4, JOIN);       \
    SDC_FOLD_HALF(lane, 2, JOIN);       \
    SDC_FOLD_HALF(lane, 1, JOIN)

static inline float sdc_largest(sdc_vf v)
{
    float lane[SDC_VL + 8];                 /* the halves that SDC_VL does not have are never read */
    sdc_store(lane, v);
#define SDC_JOIN(a, b) ((a) > (b) ? (a) : (b))
    SDC_FOLD_LANES(lane, SDC_JOIN);
#undef SDC_JOIN
    return lane[0];
}

static inline float sdc_max_f32(const float *x, int64_t n)
{
    float top = -INFINITY;
    int64_t i = 0;
    if (n >= SDC_VL) {
        sdc_vf most = sdc_load(x);
        for (i = SDC_VL; i + SDC_VL <= n; i += SDC_VL) {
            const sdc_vf v = sdc_load(x + i);
            most = sdc_select(v > most, v, most);
        }
        const sdc_vf tail = sdc_load(x + n - SDC_VL);       /* partly seen before, which does not matter */
        most = sdc_select(tail > most, tail, most);
        return sdc_largest(most);
    }
    for (; i < n; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

/* Sum of the lanes, halves onto halves. */
static inline double sdc_collect(sdc_vf v)
{
    float part[SDC_VL];
    double lane[SDC_VL + 8];
    sdc_store(part, v);
    for (int k = 0; k < SDC_VL; k++)
        lane[k] = (double)part[k];
#define SDC_JOIN(a, b) ((a) + (b))
    SDC_FOLD_LANES(lane, SDC_JOIN);
#undef SDC_JOIN
    return lane[0];
}

/* Sum of TERM(element) over x[0..n), where TERM works on scalars and vectors alike. */
#define SDC_LANE_SUM(TERM)                                                                  \
    double total = 0;                                                                       \
    int64_t i = 0;                                                                          \
    while (i + 4 * SDC_VL <= n) {                                                           \
        sdc_vf a = {0}, b = {0}, c = {0}, d = {0};                                          \
        for (int step = 0; step < SDC_LANE_STEPS && i + 4 * SDC_VL <= n; step++) {          \
            a += TERM(sdc_load(x + i));                                                     \
            b += TERM(sdc_load(x + i + SDC_VL));                                            \
            c += TERM(sdc_load(x + i + 2 * SDC_VL));                                        \
            d += TERM(sdc_load(x + i + 3 * SDC_VL));                                        \
            i += 4 * SDC_VL;                                                                \
        }                                                                                   \
        total += sdc_collect((a + b) + (c + d));                                            \
    }                                                                                       \
    for (; i < n; i++)                                                                      \
        total += (double)TERM(x[i]);                                                        \
    return total

static inline double sdc_sum_f32(const float *x, int64_t n)
{
#define SDC_TERM(v) (v)
    SDC_LANE_SUM(SDC_TERM);
#undef SDC_TERM
}

/* Sum of squared distances from `centre`. */
static inline double sdc_spread_f32(const float *x, int64_t n, float centre)
{
#define SDC_TERM(v) (((v) - centre) * ((v) - centre))
    SDC_LANE_SUM(SDC_TERM);
#undef SDC_TERM
}

#undef SDC_LANE_SUM

static inline double sdc_max_f64(const double *x, int64_t n)
{
    double top = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

static inline double sdc_sum_f64(const double *x, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += x[i];
    return total;
}

static inline double sdc_spread_f64(const double *x, int64_t n, double centre)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += (x[i] - centre) * (x[i] - centre);
    return total;
}

/* y = exp(x - top), y may be x; returns the sum of y.  The last vector overlaps the one before it: it is computed from
 * what was loaded first, and counts where no other has. */
static inline double sdc_exp_sum_f32(float *y, const float *x, int64_t n, float top)
{
    double total = 0;
    int64_t i = 0;
    if (n < SDC_VL) {
        for (; i < n; i++)
            total += (double)(y[i] = sdc_exp(x[i] - top));
        return total;
    }
    const sdc_vf tail = sdc_vexp(sdc_load(x + n - SDC_VL) - top);
    while (i + SDC_VL <= n) {
        sdc_vf sum = {0};
        for (int step = 0; step < SDC_LANE_STEPS && i + SDC_VL <= n; step++, i += SDC_VL) {
            const sdc_vf e = sdc_vexp(sdc_load(x + i) - top);
            sdc_store(y + i, e);
            sum += e;
        }
        total += sdc_collect(sum);
    }
    if (i < n) {
        static const float number[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        const sdc_vi fresh = sdc_load(number) >= (float)(SDC_VL - (n - i));
        sdc_store(y + n - SDC_VL, tail);
        total += sdc_collect(sdc_select(fresh, tail, (sdc_vf){0}));
    }
    return total;
}

/* y *= factor */
static inline void sdc_scale_f32(float *y, int64_t n, float factor)
{
    if (n < SDC_VL) {
        for (int64_t i = 0; i < n; i++)
            y[i] *= factor;
        return;
    }
    const sdc_vf tail = sdc_load(y + n - SDC_VL) * factor;
    for (int64_t i = 0; i + SDC_VL <= n; i += SDC_VL)
        sdc_store(y + i, sdc_load(y + i) * factor);
    sdc_store(y + n - SDC_VL, tail);
}

static inline void sdc_scale_f64(double *y, int64_t n, double factor)
{
    for (int64_t i = 0; i < n; i++)
        y[i] *= factor;
}

static inline double sdc_exp_sum_f64(double *y, const double *x, int64_t n, double top)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += y[i] = exp(x[i] - top);
    return total;
}

static inline float sdc_dot_f32(const float *a, const float *b, int64_t n)
{
    sdc_vf even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * SDC_VL <= n; i += 2 * SDC_VL) {
        even += sdc_load(a + i) * sdc_load(b + i);
        odd += sdc_load(a + i + SDC_VL) * sdc_load(b + i + SDC_VL);
    }
    double total = sdc_collect(even + odd);
    for (; i < n; i++)
        total += (double)a[i] * (double)b[i];
    return (float)total;
}

static inline double sdc_dot_f64(const double *a, const double *b, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += a[i] * b[i];
    return total;
}

#endif
