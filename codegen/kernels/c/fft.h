/* fft.h: the discrete Fourier transform of one line, any length, in double.
 *
 * Cooley and Tukey's recursion over the prime factors of the length: n * (sum of the factors) complex products.
 * Arrays hold (real, imaginary) pairs. */
#ifndef SDC_FFT_H
#define SDC_FFT_H

#include <math.h>
#include <stdint.h>

/* table[k] = exp(sign * 2 pi i k / length); angles are taken from the nearest axis, so that the exact values are
 * exact. */
static inline __attribute__((unused)) void sdc_fft_table(double *table, int64_t length, int sign)
{
    for (int64_t k = 0; k < length; k++) {
        const int64_t quarter = (4 * k + length / 2) / length;
        const double angle = 1.57079632679489661923 * (double)(4 * k - quarter * length) / (double)length;
        const double c = cos(angle), s = sin(angle);
        const int turn = (int)(quarter % 4);
        table[2 * k] = turn == 0 ? c : turn == 1 ? -s : turn == 2 ? -c : s;
        table[2 * k + 1] = (double)sign * (turn == 0 ? s : turn == 1 ? c : turn == 2 ? -s : -c);
    }
}

/* out[k] = sum over j of in[j * stride] table[j k length / n]; terms: room for the largest prime factor of n. */
static inline __attribute__((unused)) void sdc_fft(double *restrict out, const double *restrict in, int64_t n,
                                                   int64_t stride, const double *restrict table, int64_t length,
                                                   double *restrict terms)
{
    int64_t p = 2;
    if (n == 1) {
        out[0] = in[0];
        out[1] = in[1];
        return;
    }
    while (n % p && p * p <= n)
        p++;
    p = n % p ? n : p;
    const int64_t m = n / p, step = length / n;
    for (int64_t r = 0; r < p; r++)
        sdc_fft(out + 2 * r * m, in + 2 * r * stride, m, stride * p, table, length, terms);
    for (int64_t k = 0; k < m; k++) {
        for (int64_t r = 0; r < p; r++) {
            const double *x = out + 2 * (r * m + k), *w = table + 2 * (r * k * step);
            terms[2 * r] = x[0] * w[0] - x[1] * w[1];
            terms[2 * r + 1] = x[0] * w[1] + x[1] * w[0];
        }
        for (int64_t q = 0; q < p; q++) {
            double re = 0, im = 0;
            for (int64_t r = 0, at = 0; r < p; r++, at = (at + q * m * step) % length) {
                const double *w = table + 2 * at;
                re += terms[2 * r] * w[0] - terms[2 * r + 1] * w[1];
                im += terms[2 * r] * w[1] + terms[2 * r + 1] * w[0];
            }
            out[2 * (q * m + k)] = re;
            out[2 * (q * m + k) + 1] = im;
        }
    }
}

#endif
