/* winograd.h: the transforms of Winograd's minimal filtering F(m x m, 3 x 3) for m = 4 and m = 2.
 *
 *      y = Aᵀ [ (G g Gᵀ) * (Bᵀ d B) ] A       d [m + 2][m + 2] pixels, g [3][3] weights, y [m][m] sums
 *
 * (Lavin and Gray 2015; Toom-Cook over the points below and infinity.)  Each transform is one-dimensional, along columns
 * and then along rows, of vectors whose lanes are channels.
 *
 * F(4x4) stands on the points 0, +-3/4, +-3/2 instead of the usual 0, +-1, +-2: with normally distributed weights and SiLU's
 * outputs the relative rms error of 256 channels is 1.4e-6 instead of 2.9e-6, and the symmetric pairs keep transforms short.
 * Bᵀ has the polynomials' coefficients, so G has the products of the points' distances below its fractions. */
#ifndef SDC_WINOGRAD_H
#define SDC_WINOGRAD_H

#include "kernel.h"
#include "tile.h"

#define SDC_POINT_A 0.75f                             /* the points */
#define SDC_POINT_B 1.5f
#define SDC_POINT_AA (SDC_POINT_A * SDC_POINT_A)
#define SDC_POINT_BB (SDC_POINT_B * SDC_POINT_B)

/* Bᵀ d, in place. */
static inline __attribute__((always_inline)) void sdc_winograd_pixels(int outputs, sdc_vf *d)
{
    if (outputs == 4) {
        const sdc_vf even_a = d[4] - SDC_POINT_BB * d[2], odd_a = SDC_POINT_A * (d[3] - SDC_POINT_BB * d[1]);
        const sdc_vf even_b = d[4] - SDC_POINT_AA * d[2], odd_b = SDC_POINT_B * (d[3] - SDC_POINT_AA * d[1]);
        d[0] = d[4] - (SDC_POINT_AA + SDC_POINT_BB) * d[2] + SDC_POINT_AA * SDC_POINT_BB * d[0];
        d[5] = d[5] - (SDC_POINT_AA + SDC_POINT_BB) * d[3] + SDC_POINT_AA * SDC_POINT_BB * d[1];
        d[1] = even_a + odd_a;
        d[2] = even_a - odd_a;
        d[3] = even_b + odd_b;
        d[4] = even_b - odd_b;
    } else {
        const sdc_vf first = d[0] - d[2], sum = d[2] + d[1], difference = d[2] - d[1];
        d[3] = d[3] - d[1];
        d[0] = first;
        d[1] = sum;
        d[2] = difference;
    }
}

/* A product that is rounded before it is added to something, where -ffp-contract=fast would do both at once: so
 * transformed weights are the same bits on every instruction set, and from codegen/winograd_pack.c. */
static inline __attribute__((always_inline)) sdc_vf sdc_rounded(sdc_vf v)
{
#if defined(__AVX512F__)
    __asm__("" : "+v"(v));
#elif defined(__x86_64__)
    __asm__("" : "+x"(v));
#elif defined(__aarch64__)
    __asm__("" : "+w"(v));
#else
    __asm__("" : "+m"(v));
#endif
    return v;
}

/* G g: u [outputs + 2]. */
static inline __attribute__((always_inline)) void sdc_winograd_filter(int outputs, const sdc_vf *g, sdc_vf *u)
{
    u[0] = outputs == 4 ? sdc_rounded(g[0] * (1 / (SDC_POINT_AA * SDC_POINT_BB))) : g[0];
    if (outputs == 4) {
        const float a = 1 / (2 * SDC_POINT_AA * (SDC_POINT_AA - SDC_POINT_BB));
        const float b = 1 / (2 * SDC_POINT_BB * (SDC_POINT_BB - SDC_POINT_AA));
        const sdc_vf near = sdc_rounded(SDC_POINT_AA * g[2]), far = sdc_rounded(SDC_POINT_BB * g[2]);
        const sdc_vf even_a = sdc_rounded((g[0] + near) * a), odd_a = sdc_rounded(g[1] * (SDC_POINT_A * a));
        const sdc_vf even_b = sdc_rounded((g[0] + far) * b), odd_b = sdc_rounded(g[1] * (SDC_POINT_B * b));
        u[1] = even_a + odd_a;
        u[2] = even_a - odd_a;
        u[3] = even_b + odd_b;
        u[4] = even_b - odd_b;
        u[5] = g[2];
    } else {
        const sdc_vf even = sdc_rounded((g[0] + g[2]) * 0.5f), odd = sdc_rounded(g[1] * 0.5f);
        u[1] = even + odd;
        u[2] = even - odd;
        u[3] = g[2];
    }
}

/* Aᵀ m, in place: the first `outputs` of m. */
static inline __attribute__((always_inline)) void sdc_winograd_sums(int outputs, sdc_vf *m)
{
    if (outputs == 4) {
        const sdc_vf sum_a = m[1] + m[2], sum_b = m[3] + m[4];
        const sdc_vf odd_a = SDC_POINT_A * (m[1] - m[2]), odd_b = SDC_POINT_B * (m[3] - m[4]);
        m[0] = m[0] + sum_a + sum_b;
        m[1] = odd_a + odd_b;
        m[2] = SDC_POINT_AA * sum_a + SDC_POINT_BB * sum_b;
        m[3] = SDC_POINT_AA * odd_a + SDC_POINT_BB * odd_b + m[5];
    } else {
        const sdc_vf difference = m[1] - m[2];
        m[0] = m[0] + m[1] + m[2];
        m[1] = difference + m[3];
    }
}

enum { SDC_WINOGRAD_SIDE = 6 };                 /* at most */

/* One tile of pixels, `row` and `pixel` floats apart, to its positions, `position` floats apart; `depth` channels, a multiple
 * of SDC_VL. */
static inline __attribute__((always_inline)) void sdc_winograd_input(int outputs, float *to, int64_t position,
                                                                     const float *patch, int64_t row, int64_t pixel,
                                                                     int64_t depth)
{
    const int side = outputs + 2;
    for (int64_t c = 0; c < depth; c += SDC_VL) {
        sdc_vf d[SDC_WINOGRAD_SIDE][SDC_WINOGRAD_SIDE];
        SDC_UNROLL for (int x = 0; x < side; x++) {
            sdc_vf column[SDC_WINOGRAD_SIDE];
            SDC_UNROLL for (int y = 0; y < side; y++)
                column[y] = sdc_load(patch + y * row + x * pixel + c);
            sdc_winograd_pixels(outputs, column);
            SDC_UNROLL for (int y = 0; y < side; y++)
                d[y][x] = column[y];
        }
        SDC_UNROLL for (int y = 0; y < side; y++) {
            sdc_winograd_pixels(outputs, d[y]);
            SDC_UNROLL for (int x = 0; x < side; x++)
                sdc_store(to + (y * side + x) * position + c, d[y][x]);
        }
    }
}

/* `count` weights of each of the nine taps, w [3][3][count], to u, positions `position` floats apart. */
static inline __attribute__((always_inline)) void sdc_winograd_weights(int outputs, float *u, int64_t position,
                                                                       const float *w, int64_t count)
{
    const int side = outputs + 2;
    for (int64_t j = 0; j < count; j += SDC_VL) {
        sdc_vf half[3][SDC_WINOGRAD_SIDE];      /* by column of the kernel */
        SDC_UNROLL for (int s = 0; s < 3; s++) {
            sdc_vf column[3];
            SDC_UNROLL for (int r = 0; r < 3; r++)
                column[r] = sdc_load(w + (r * 3 + s) * count + j);
            sdc_winograd_filter(outputs, column, half[s]);
        }
        SDC_UNROLL for (int y = 0; y < side; y++) {
            const sdc_vf line[3] = {half[0][y], half[1][y], half[2][y]};
            sdc_vf whole[SDC_WINOGRAD_SIDE];
            sdc_winograd_filter(outputs, line, whole);
            SDC_UNROLL for (int x = 0; x < side; x++)
                sdc_store(u + (y * side + x) * position + j, whole[x]);
        }
    }
}

/* One tile's sums m, positions `position` floats apart, plus bias, to h x w pixels of sums, `row` and `pixel` floats apart. */
static inline __attribute__((always_inline)) void sdc_winograd_output(int outputs, float *sums, int64_t row,
                                                                      int64_t pixel, const float *m, int64_t position,
                                                                      sdc_vf bias, int64_t h, int64_t w)
{
    const int side = outputs + 2;
    sdc_vf y[SDC_WINOGRAD_SIDE][SDC_WINOGRAD_SIDE];
    SDC_UNROLL for (int column = 0; column < side; column++) {
        sdc_vf line[SDC_WINOGRAD_SIDE];
        SDC_UNROLL for (int k = 0; k < side; k++)
            line[k] = sdc_load(m + (k * side + column) * position);
        sdc_winograd_sums(outputs, line);
        SDC_UNROLL for (int k = 0; k < outputs; k++)
            y[k][column] = line[k];
    }
    for (int64_t k = 0; k < h; k++) {
        sdc_vf line[SDC_WINOGRAD_SIDE];
        SDC_UNROLL for (int column = 0; column < side; column++)
            line[column] = y[k][column];
        sdc_winograd_sums(outputs, line);
        for (int64_t x = 0; x < w; x++)
            sdc_store(sums + k * row + x * pixel, line[x] + bias);
    }
}

#endif
