/* fold.h: sums of sliding columns, the transpose of gathering windows: Col2Im, and the second half of ConvTranspose.
 *
 *      y[n][g, k][p...] = bias[g, k] + sum of col[n][g, k][t][q] over all taps t and positions q
 *      with q * stride + t * dilation - before = p
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *col, const st_T *bias)
 *
 *   NAME                      the function
 *   T                         type of all operands
 *   BATCH GROUPS CHANNELS     images, groups, channels of one group
 *   RANK IN OUT               spatial axes; extents of the positions q, and of the result
 *   KERNEL STRIDE DILATION BEFORE    the window, one entry a spatial axis
 *   COL_N COL_G COL_K COL_T COL_P    strides of col; taps t and positions q each count row-major
 *   Y_STRIDES                 of y along [n, channel, spatial...]
 *   HAS_BIAS                  0: bias is not read
 *
 * A unit is STRIP channels of one group along one row of the result. */
#include "kernel.h"
#include "window.h"

#ifndef NAME
#define NAME fold_default
#define T f32
#define BATCH 1
#define GROUPS 1
#define CHANNELS 64
#define RANK 2
#define IN 8, 8
#define OUT 16, 16
#define KERNEL 4, 4
#define STRIDE 2, 2
#define DILATION 1, 1
#define BEFORE 1, 1
#define COL_N 65536
#define COL_G 1024
#define COL_K 1
#define COL_T 64
#define COL_P 1024
#define Y_STRIDES 16384, 1, 1024, 64
#define HAS_BIAS 0
#endif

#define STRIP 64
#define STRIPS ((CHANNELS + STRIP - 1) / STRIP)
#define STORED SDC_CAT(st_, T)
#define REAL SDC_CAT(ct_, T)
#define LOAD(v) SDC_CAT(ld_, T)(v)

typedef struct {
    STORED *y;
    const STORED *col, *bias;
} SDC_CAT(NAME, _arguments);

/* Tap `tap` reaches position `*position` of the element at `at`; false when none does. */
static inline bool SDC_CAT(NAME, _reaches)(const int64_t *at, const int64_t *tap, int64_t *position)
{
    static const int64_t in[] = {IN}, stride[] = {STRIDE}, dilation[] = {DILATION}, before[] = {BEFORE};
    *position = 0;
    for (int d = 0; d < RANK; d++) {
        const int64_t p = at[d] + before[d] - tap[d] * dilation[d];
        if (p < 0 || p % stride[d] || p / stride[d] >= in[d])
            return false;
        *position = *position * in[d] + p / stride[d];
    }
    return true;
}

/* n channels of the element at `at`; col and bias are at the first of them. */
static inline void SDC_CAT(NAME, _element)(STORED *y, const STORED *col, const STORED *bias, const int64_t *at,
                                           int64_t n)
{
    static const int64_t kernel[] = {KERNEL}, strides[] = {Y_STRIDES};
    int64_t tap[RANK] = {0}, t = 0, position;
    REAL sum[STRIP];
    for (int64_t k = 0; k < n; k++)
        sum[k] = HAS_BIAS ? LOAD(bias[k]) : 0;
    do {
        if (SDC_CAT(NAME, _reaches)(at, tap, &position)) {
            const STORED *from = col + t * COL_T + position * COL_P;
            for (int64_t k = 0; k < n; k++)
                sum[k] = (REAL)(sum[k] + LOAD(from[k * COL_K]));
        }
        t++;
    } while (sdc_window_next(RANK, kernel, tap));
    for (int64_t k = 0; k < n; k++)
        y[k * strides[1]] = SDC_CAT(to_, T)(sum[k]);
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t out[] = {OUT}, strides[] = {Y_STRIDES};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t at[RANK], rest = sdc_window_row(RANK, out, unit, at);
        const int64_t first = rest % STRIPS * STRIP, group = rest / STRIPS % GROUPS, image = rest / STRIPS / GROUPS;
        const int64_t channel = group * CHANNELS + first, n = CHANNELS - first < STRIP ? CHANNELS - first : STRIP;
        STORED *y = a->y + image * strides[0] + channel * strides[1];
        for (int d = 0; d < RANK - 1; d++)
            y += at[d] * strides[d + 2];
        for (; at[RANK - 1] < out[RANK - 1]; at[RANK - 1]++, y += strides[RANK + 1])
            SDC_CAT(NAME, _element)(y, a->col + image * COL_N + group * COL_G + first * COL_K,
                                    HAS_BIAS ? a->bias + channel : NULL, at, n);
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *col, const STORED *bias)
{
    static const int64_t out[] = {OUT};
    SDC_CAT(NAME, _arguments) a = {y, col, bias};
    const int64_t rows = sdc_window_rows(RANK, out) * BATCH * GROUPS;
    sdc_run(c, SDC_CAT(NAME, _part), &a, rows * STRIPS, rows * out[RANK - 1] * CHANNELS * 8);
}

#undef STRIP
#undef STRIPS
#undef STORED
#undef REAL
#undef LOAD
#undef NAME
#undef T
#undef BATCH
#undef GROUPS
#undef CHANNELS
#undef RANK
#undef IN
#undef OUT
#undef KERNEL
#undef STRIDE
#undef DILATION
#undef BEFORE
#undef COL_N
#undef COL_G
#undef COL_K
#undef COL_T
#undef COL_P
#undef Y_STRIDES
#undef HAS_BIAS
