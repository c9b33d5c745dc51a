/* conv_depthwise.h: 2-d convolution of NHWC images in which every channel is convolved by itself.
 *
 *      y[n][oy][ox][k] = bias[k] + sum over r, s of x[n][iy][ix][k] w[k][0][r][s]
 *      iy = oy STRIDE_H + r DILATION_H - PAD_TOP        ix = ox STRIDE_W + s DILATION_W - PAD_LEFT
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_TX *x, const st_TW *weights, const float *bias [, operands of EXTRAS])
 *
 *   NAME TY TX TW BATCH IN_H IN_W OUT_H OUT_W KERNEL_H KERNEL_W STRIDE_H STRIDE_W PAD_TOP PAD_LEFT DILATION_H
 *   DILATION_W Y_PIXEL HAS_BIAS             as in conv.h, so EXTRAS STEPS RESULT
 *   CHANNELS                             of x and of y
 *
 * weights: [KERNEL_H][KERNEL_W][CHANNELS], written by pack_conv().  Vectors run along the channels; a unit is a row of
 * the output. */
#include "finish.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_depthwise_example
#define BATCH 1
#define IN_H 32
#define IN_W 32
#define OUT_H 32
#define OUT_W 32
#define CHANNELS 96
#define KERNEL_H 3
#define KERNEL_W 3
#define PAD_TOP 1
#define PAD_LEFT 1
#endif
#ifndef Y_PIXEL
#define Y_PIXEL (CHANNELS)
#endif
#include "conv_parameters.h"

/* The taps that touch the image: [begin, end) of `kernel`, the first at position `first` of `size`. */
#ifndef SDC_CONV_DEPTHWISE_H
#define SDC_CONV_DEPTHWISE_H
static inline int64_t sdc_first_tap(int64_t first, int64_t dilation)
{
    return first < 0 ? sdc_ceil_div(-first, dilation) : 0;
}
static inline int64_t sdc_end_tap(int64_t first, int64_t dilation, int64_t kernel, int64_t size)
{
    return first < size ? sdc_min(kernel, sdc_ceil_div(size - first, dilation)) : 0;
}
#endif

/* `lanes` channels from `channel` on, of the output whose first tap lies at row `top`, column `left` of the image x. */
static inline __attribute__((always_inline)) sdc_vf SDC_CAT(NAME, _sum)(const SdcDense *d,
                                                                        const SDC_CAT(st_, TX) *x, int64_t top,
                                                                        int64_t left, int64_t channel, int64_t lanes)
{
    const int64_t r_end = sdc_end_tap(top, DILATION_H, KERNEL_H, IN_H), s_begin = sdc_first_tap(left, DILATION_W);
    const int64_t s_end = sdc_end_tap(left, DILATION_W, KERNEL_W, IN_W);
    sdc_vf sum = HAS_BIAS ? sdc_load_some(d->bias + channel, lanes) : (sdc_vf){0};
    for (int64_t r = sdc_first_tap(top, DILATION_H); r < r_end; r++)
        for (int64_t s = s_begin; s < s_end; s++) {
            const int64_t from = ((top + r * (DILATION_H)) * (IN_W) + left + s * (DILATION_W)) * (CHANNELS) + channel;
            const SDC_CAT(st_, TW) *w = d->weights;
            w += (r * (KERNEL_W) + s) * (CHANNELS) + channel;
            sum += SDC_CAT(sdc_lanes_, TX)(x + from, lanes) * SDC_CAT(sdc_lanes_, TW)(w, lanes);
        }
    return sum;
}

#define SDC_EW_TYPE float
#include "ew_names.h"
/* Units: rows of the output. */
static void SDC_CAT(NAME, _part)(void *argument, int64_t unit, int64_t unit_end)
{
    enum { whole = (CHANNELS) / SDC_VL * SDC_VL, tail = (CHANNELS) % SDC_VL };
    const SdcDense *d = argument;
    const void *const *extra = d->extra;
    for (; unit < unit_end; unit++) {
        const SDC_CAT(st_, TX) *x = (const SDC_CAT(st_, TX) *)d->x + unit / (OUT_H) * (IN_H) * (IN_W) * (CHANNELS);
        const int64_t top = unit % (OUT_H) * (STRIDE_H) - (PAD_TOP);
        for (int64_t ox = 0; ox < (OUT_W); ox++) {
            const int64_t pixel = unit * (OUT_W) + ox, left = ox * (STRIDE_W) - (PAD_LEFT);
            SDC_CAT(st_, TY) *y = (SDC_CAT(st_, TY) *)d->y + pixel * (Y_PIXEL);
            float sum[SDC_VL];
            for (int64_t k = 0; k < whole; k += SDC_VL) {
                sdc_store(sum, SDC_CAT(NAME, _sum)(d, x, top, left, k, SDC_VL));
                SDC_FINISH(j, TY, y + k, sum[j], SDC_VL, pixel, k);
            }
            if (tail) {
                sdc_store(sum, SDC_CAT(NAME, _sum)(d, x, top, left, whole, tail));
                SDC_FINISH(j, TY, y + whole, sum[j], tail, pixel, whole);
            }
        }
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TX) *x, const SDC_CAT(st_, TW) *weights,
          const float *bias EXTRAS(SDC_EXTRA_PARAMETER))
{
    const void *const extra[] = {EXTRAS(SDC_EXTRA_POINTER) NULL};
    SdcDense d = {.y = y, .x = x, .weights = weights, .bias = bias, .extra = extra};
    const int64_t rows = (int64_t)(BATCH) * (OUT_H);
    sdc_run(c, SDC_CAT(NAME, _part), &d, rows, 2 * rows * (OUT_W) * (CHANNELS) * (KERNEL_H) * (KERNEL_W));
}

#include "conv_end.h"
#undef CHANNELS
