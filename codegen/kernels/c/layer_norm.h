/* layer_norm.h: LayerNormalization and RMSNormalization of every row; the elements of one lie side by side.
 *
 *      y = (x - mean) / sqrt(variance + EPSILON) * scale + bias;  without CENTRED the mean is 0
 *
 *      void NAME(SdcContext *c, st_TY *y, st_U *mean, st_U *inverse, const st_TX *x, const st_T *scale, const st_T *bias
 *                [, operands of EXTRAS])
 *
 *   NAME                     the function
 *   T                        f32 or f64: what is computed with
 *   TY TX                    how y and x are stored (T): f16 and bf16 too where T is f32 and N at most SDC_WIDE_ROW
 *   U WITH_MEAN WITH_INVERSE type of mean and inverse deviation [ROWS], and 0 where one is not wanted
 *   ROWS N                   rows and their length, at least 1
 *   CENTRED EPSILON
 *   X_AT Y_AT                where row number `row` of x and of y begins, an expression (row * N)
 *   SCALE_ROW                elements of scale from one row to the next: 0 shares one row
 *   HAS_BIAS BIAS_ROW        0: bias is not read
 *   EXTRAS STEPS RESULT      what is stored, see finish.h (T f32 alone)
 *
 * A unit is one row. */
#include "finish.h"
#include "lanes.h"

#ifndef NAME
#define NAME layer_norm_default
#define T f32
#define U f32
#define WITH_MEAN 0
#define WITH_INVERSE 0
#define ROWS 77
#define N 768
#define CENTRED 1
#define EPSILON 1e-5
#define SCALE_ROW 0
#define HAS_BIAS 1
#define BIAS_ROW 0
#endif

#ifndef X_AT
#define X_AT row * N
#endif
#ifndef Y_AT
#define Y_AT row * N
#endif
#ifndef TY
#define TY T
#endif
#ifndef TX
#define TX T
#endif
#ifndef SDC_WIDE_ROW
#define SDC_WIDE_ROW 16384              /* floats of a row that is widened on the stack */
#endif

#define REAL SDC_CAT(ct_, T)

typedef struct {
    SDC_CAT(st_, TY) *y;
    SDC_CAT(st_, U) *mean, *inverse;
    const SDC_CAT(st_, TX) *x;
    const REAL *scale, *bias;
    const void *const *extra;
} SDC_CAT(NAME, _arguments);

static inline int64_t SDC_CAT(NAME, _x_at)(int64_t row) { return X_AT; }
static inline int64_t SDC_CAT(NAME, _y_at)(int64_t row) { return Y_AT; }

#define SDC_EW_TYPE REAL
#include "ew_names.h"
static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    const void *const *extra = a->extra;
    enum { narrow = sizeof(SDC_CAT(st_, TX)) < sizeof(REAL) };
    REAL wide[narrow ? N : 1];
    for (int64_t unit = begin; unit < end; unit++) {
        const void *stored = a->x + SDC_CAT(NAME, _x_at)(unit);
        if (narrow)
            SDC_CAT(sdc_widen_, TX)(wide, stored, N);
        const REAL *restrict x = narrow ? wide : stored, *restrict scale = a->scale + unit * SCALE_ROW;
        const REAL *restrict bias = HAS_BIAS ? a->bias + unit * BIAS_ROW : NULL;
        SDC_CAT(st_, TY) *y = a->y + SDC_CAT(NAME, _y_at)(unit);
        const REAL mean = CENTRED ? (REAL)(SDC_CAT(sdc_sum_, T)(x, N) / N) : 0;
        const REAL inverse = (REAL)(1 / sqrt(SDC_CAT(sdc_spread_, T)(x, N, mean) / N + EPSILON));
        SDC_FINISH(i, TY, y, (x[i] - mean) * inverse * scale[i] + (HAS_BIAS ? bias[i] : 0), N, unit, 0);
        if (WITH_MEAN)
            a->mean[unit] = SDC_CAT(to_, U)((SDC_CAT(ct_, U))mean);
        if (WITH_INVERSE)
            a->inverse[unit] = SDC_CAT(to_, U)((SDC_CAT(ct_, U))inverse);
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, SDC_CAT(st_, U) *mean, SDC_CAT(st_, U) *inverse,
          const SDC_CAT(st_, TX) *x, const REAL *scale, const REAL *bias EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    SDC_CAT(NAME, _arguments) a = {y, mean, inverse, x, scale, bias, extra};
    sdc_run(c, SDC_CAT(NAME, _part), &a, ROWS, (int64_t)ROWS * N * 8);
}

#undef REAL
#undef NAME
#undef T
#undef TY
#undef TX
#undef U
#undef WITH_MEAN
#undef WITH_INVERSE
#undef ROWS
#undef N
#undef CENTRED
#undef EPSILON
#undef X_AT
#undef Y_AT
#undef SCALE_ROW
#undef HAS_BIAS
#undef BIAS_ROW
#undef EXTRAS
#undef STEPS
#undef RESULT
