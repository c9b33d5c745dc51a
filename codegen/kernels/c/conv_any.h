/* conv_any.h: convolution over any number of spatial axes, for any floating type and any strides; plain loops.
 *
 *      y[n][g, k][o...] = bias[g, k] + sum over c, t... of x[n][g, c][p...] * w[g, k][c][t...]
 *      p = o * stride + t * dilation - before
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const st_T *w, const st_T *bias)
 *
 *   NAME                      the function
 *   T                         type of all operands; sums are double
 *   BATCH GROUPS IN_C OUT_C   images, groups, channels of one group
 *   RANK IN OUT               spatial axes and their extents
 *   KERNEL STRIDE DILATION BEFORE    the window, one entry a spatial axis; BEFORE is the leading padding
 *   X_STRIDES Y_STRIDES       of [n, channel, spatial...], in elements
 *   W_STRIDES                 of [output channel of all groups, channel, tap...]
 *   HAS_BIAS                  0: bias is not read
 *
 * A unit is one row along the last axis of one output channel. */
#include "kernel.h"
#include "window.h"

#ifndef NAME
#define NAME conv_any_default
#define T f64
#define BATCH 1
#define GROUPS 1
#define IN_C 3
#define OUT_C 4
#define RANK 2
#define IN 8, 8
#define OUT 8, 8
#define KERNEL 3, 3
#define STRIDE 1, 1
#define DILATION 1, 1
#define BEFORE 1, 1
#define X_STRIDES 192, 64, 8, 1
#define W_STRIDES 27, 9, 3, 1
#define Y_STRIDES 256, 64, 8, 1
#define HAS_BIAS 0
#endif

#define STORED SDC_CAT(st_, T)
#define LOAD(v) ((double)SDC_CAT(ld_, T)(v))

typedef struct {
    STORED *y;
    const STORED *x, *w, *bias;
} SDC_CAT(NAME, _arguments);

/* One element: x and w at their (image, group) and output channel. */
static double SDC_CAT(NAME, _element)(const STORED *x, const STORED *w, const int64_t *at)
{
    static const int64_t in[] = {IN}, kernel[] = {KERNEL}, stride[] = {STRIDE}, dilation[] = {DILATION};
    static const int64_t before[] = {BEFORE};
    static const int64_t x_strides[] = {X_STRIDES}, w_strides[] = {W_STRIDES};
    int64_t tap[RANK] = {0};
    double sum = 0;
    do {
        int64_t from = 0, weight = 0;
        if (!sdc_window_offset(RANK, at, tap, in, stride, dilation, before, x_strides + 2, &from))
            continue;
        for (int d = 0; d < RANK; d++)
            weight += tap[d] * w_strides[d + 2];
        for (int64_t c = 0; c < IN_C; c++)
            sum += LOAD(x[from + c * x_strides[1]]) * LOAD(w[weight + c * w_strides[1]]);
    } while (sdc_window_next(RANK, kernel, tap));
    return sum;
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t out[] = {OUT}, x_strides[] = {X_STRIDES}, w_strides[] = {W_STRIDES}, y_strides[] = {Y_STRIDES};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t at[RANK], rest = sdc_window_row(RANK, out, unit, at);
        const int64_t k = rest % (GROUPS * OUT_C), n = rest / (GROUPS * OUT_C);
        const STORED *x = a->x + n * x_strides[0] + k / OUT_C * IN_C * x_strides[1], *w = a->w + k * w_strides[0];
        STORED *y = a->y + n * y_strides[0] + k * y_strides[1];
        for (int d = 0; d < RANK - 1; d++)
            y += at[d] * y_strides[d + 2];
        for (at[RANK - 1] = 0; at[RANK - 1] < out[RANK - 1]; at[RANK - 1]++) {
            double sum = SDC_CAT(NAME, _element)(x, w, at) + (HAS_BIAS ? LOAD(a->bias[k]) : 0);
            y[at[RANK - 1] * y_strides[RANK + 1]] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))sum);
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *x, const STORED *w, const STORED *bias)
{
    static const int64_t out[] = {OUT};
    SDC_CAT(NAME, _arguments) a = {y, x, w, bias};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, BATCH * GROUPS * OUT_C * sdc_window_rows(RANK, out));
}

#undef STORED
#undef LOAD
#undef NAME
#undef T
#undef BATCH
#undef GROUPS
#undef IN_C
#undef OUT_C
#undef RANK
#undef IN
#undef OUT
#undef KERNEL
#undef STRIDE
#undef DILATION
#undef BEFORE
#undef X_STRIDES
#undef W_STRIDES
#undef Y_STRIDES
#undef HAS_BIAS
