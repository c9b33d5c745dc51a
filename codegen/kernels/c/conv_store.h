/* conv_store.h: how the kernels of convolutions store a block, and what they measure of it; part of them, whose parameters it
 * gives their defaults. */
#include "beside.h"
#include "finish.h"
#include "load.h"
#include "tile.h"

#ifndef NAME
#define NAME sdc_conv_store_example
#define BATCH 1
#define IN_H 64
#define IN_W 64
#define IN_C 320
#define OUT_H 64
#define OUT_W 64
#define OUT_C 320
#define KERNEL_H 3
#define KERNEL_W 3
#define PAD_TOP 1
#define PAD_LEFT 1
#define CHUNK 64
#define BLOCK_H 4
#define BLOCK_W 16
#endif
#include "conv_parameters.h"
#ifndef GROUPS
#define GROUPS 1
#endif
#ifndef FIRST_C
#define FIRST_C (IN_C)
#endif
#ifndef Y_PIXEL
#define Y_PIXEL (OUT_C)
#endif
#ifndef UP_H
#define UP_H 1
#endif
#ifndef UP_W
#define UP_W 1
#endif
#ifndef LOADED
#define LINES(X)
#define LOAD_STEPS
#define LOADED v
#endif
#ifndef MORE_C
#define MORE(X)
#define MORE_C 0
#endif
#ifndef MORE_FIRST_C
#define MORE_BESIDE(X)
#define MORE_FIRST_C (MORE_C)
#endif
#ifndef TM
#define TM f32
#endif
#ifndef TMW
#define TMW f32
#endif
#ifndef SLOTS
#define SLOTS(X)
#endif

#ifndef SDC_CONV_STORE_H
#define SDC_CONV_STORE_H
/* What a unit computes. */
typedef struct {
    int64_t n, group, y, x, h, w;           /* output rows [y, y + h), columns [x, x + w) of image n */
    int64_t panel, end;                     /* panels [panel, end) of the group */
} SdcConvBlock;

/* Doubles in one vector register, and how many such are measured together. */
enum { SDC_HALF = SDC_VL / 2, SDC_HALVES = 4 };
typedef double sdc_half __attribute__((vector_size(4 * SDC_VL)));
typedef float sdc_half_f __attribute__((vector_size(2 * SDC_VL)));
typedef uint32_t sdc_half_u __attribute__((vector_size(2 * SDC_VL)));
typedef st_bf16 sdc_half_bits __attribute__((vector_size(SDC_VL), aligned(2), may_alias));

/* GCC 12 converts vectors to wider types in halves, through shuffles. */
#ifdef __AVX2__
static inline sdc_half sdc_to_double(sdc_half_f x)
{
    sdc_half y;
    __asm__("vcvtps2pd %1, %0" : "=v"(y) : "v"(x));
    return y;
}
static inline sdc_half_u sdc_to_32(const st_bf16 *from)
{
    sdc_half_u y;
    __asm__("vpmovzxwd %1, %0" : "=v"(y) : "m"(*(const sdc_half_bits *)from));
    return y;
}
#else
static inline sdc_half sdc_to_double(sdc_half_f x) { return __builtin_convertvector(x, sdc_half); }
static inline sdc_half_u sdc_to_32(const st_bf16 *from)
{
    return __builtin_convertvector(*(const sdc_half_bits *)from, sdc_half_u);
}
#endif

/* SDC_HALF elements. */
static inline sdc_half sdc_half_f32(const float *from)
{
    sdc_half_f x;
    memcpy(&x, from, sizeof x);
    return sdc_to_double(x);
}
static inline sdc_half sdc_half_bf16(const st_bf16 *from) { return sdc_to_double((sdc_half_f)(sdc_to_32(from) << 16)); }
static inline sdc_half sdc_half_f16(const st_f16 *from)
{
    float wide[SDC_HALF];
    sdc_widen_f16(wide, from, SDC_HALF);
    return sdc_half_f32(wide);
}

#define SDC_MORE_PARAMETER(image, matrix) , const SDC_CAT(st_, TM) *image, const SDC_CAT(st_, TMW) *matrix
#define SDC_MORE_FIELD(image, matrix) .more = image, .more_weights = matrix,
#define SDC_MORE_BESIDE_PARAMETER(name) , const SDC_CAT(st_, TM) *name
#define SDC_SLOTS_PARAMETER(name) , double *name
#define SDC_SLOTS_FIELD(name) .name = name,
#define SDC_SLOTS_COUNT(name) + 1
#endif

enum { SDC_CAT(NAME, _group_out) = (OUT_C) / (GROUPS), SDC_CAT(NAME, _has_lines) = 0 LINES(SDC_LINES_COUNT) };

#define SDC_EW_TYPE float
#include "ew_names.h"
/* sums [h * w][vectors][SDC_VL] of channels from `channel` on to y. */
static void SDC_CAT(NAME, _store)(SDC_CAT(st_, TY) *y, const float *sums, const SdcConvBlock *block, int64_t vectors,
                                  int64_t channel, const void *const *extra)
{
    enum { columns = SDC_CAT(NAME, _group_out) };
    const int64_t first = block->group * columns + channel, lanes = sdc_min(vectors * SDC_VL, columns - channel);
    for (int64_t i = 0; i < block->h * block->w; i++, sums += vectors * SDC_VL) {
        const int64_t pixel = (block->n * (OUT_H) + block->y + i / block->w) * (OUT_W) + block->x + i % block->w;
        SDC_CAT(st_, TY) *to = y + pixel * (Y_PIXEL) + first;
        SDC_FINISH_AHEAD(lanes, pixel + SDC_AHEAD, first);
        SDC_FINISH(j, TY, to, sums[j], lanes, pixel, first);
    }
}
#include "ew_names.h"
#undef SDC_EW_TYPE

#if 0 SLOTS(SDC_SLOTS_COUNT)       /* any type is stored, floats are measured */
/* Mean and spread of `halves` half vectors of channels of h x w pixels; elements from one row and pixel to the next. */
static inline __attribute__((always_inline)) void SDC_CAT(NAME, _moments)(const int halves, double *mean, double *spread,
                                                                          const SDC_CAT(st_, TY) *from, int64_t h, int64_t w,
                                                                          int64_t row, int64_t pixel)
{
    const double count = (double)(h * w);
    sdc_half origin[SDC_HALVES], sum[SDC_HALVES], squares[SDC_HALVES];
    SDC_UNROLL for (int v = 0; v < halves; v++) {
        origin[v] = SDC_CAT(sdc_half_, TY)(from + v * SDC_HALF);
        sum[v] = squares[v] = (sdc_half){0};
    }
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++)
            SDC_UNROLL for (int v = 0; v < halves; v++) {
                const sdc_half step = SDC_CAT(sdc_half_, TY)(from + y * row + x * pixel + v * SDC_HALF) - origin[v];
                sum[v] += step;
                squares[v] += step * step;
            }
    SDC_UNROLL for (int v = 0; v < halves; v++) {
        const sdc_half step = sum[v] / count, means = origin[v] + step, spreads = squares[v] - step * sum[v];
        memcpy(mean + v * SDC_HALF, &means, sizeof means);
        memcpy(spread + v * SDC_HALF, &spreads, sizeof spreads);
    }
}

/* Mean and spread of channels [first, first + lanes) over the block, just stored: in double, as distances from its first
 * pixel, so that nothing cancels and the norm does not depend on how the image is cut: other blocks, or strips, give the same
 * factors when they are rounded to float. */
static void SDC_CAT(NAME, _measure)(double *slots, const SDC_CAT(st_, TY) *y, const SdcConvBlock *block, int64_t first,
                                    int64_t lanes)
{
    const int64_t across = sdc_ceil_div(OUT_W, BLOCK_W), down = sdc_ceil_div(OUT_H, BLOCK_H);
    const int64_t slot = (block->n * down + block->y / (BLOCK_H)) * across + block->x / (BLOCK_W);
    const int64_t row = (int64_t)(OUT_W) * (Y_PIXEL), h = block->h, w = block->w;
    const SDC_CAT(st_, TY) *from = y + ((block->n * (OUT_H) + block->y) * (OUT_W) + block->x) * (Y_PIXEL) + first;
    double *mean = slots + slot * 2 * (OUT_C) + first, *spread = mean + (OUT_C);
    int64_t k = 0;
    for (; k + SDC_HALVES * SDC_HALF <= lanes; k += SDC_HALVES * SDC_HALF)
        SDC_CAT(NAME, _moments)(SDC_HALVES, mean + k, spread + k, from + k, h, w, row, Y_PIXEL);
    for (; k + SDC_HALF <= lanes; k += SDC_HALF)
        SDC_CAT(NAME, _moments)(1, mean + k, spread + k, from + k, h, w, row, Y_PIXEL);
    for (int64_t left = lanes - k; left > 0; left--, k++) {                 /* fewer than a vector, as scalars */
        const double origin = (double)SDC_CAT(ld_, TY)(from[k]);
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < h; i++)
            for (int64_t j = 0; j < w; j++) {
                const double step = (double)SDC_CAT(ld_, TY)(from[i * row + j * (Y_PIXEL) + k]) - origin;
                sum += step;
                squares += step * step;
            }
        mean[k] = origin + sum / (double)(h * w);
        spread[k] = squares - sum * sum / (double)(h * w);
    }
}
#endif
