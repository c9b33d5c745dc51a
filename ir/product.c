/* product.c: multiply-accumulate of small matrices in registers, four rows by four columns at a time. */
#include "product.h"

#include <string.h>

typedef double Pair __attribute__((vector_size(16)));

static inline Pair load_pair(const double *p)
{
    Pair v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void add_pair(double *p, Pair v)
{
    v += load_pair(p);
    memcpy(p, &v, sizeof v);
}

static void tile_4x4(double *y, int64_t y_row, const double *a, int64_t a_row, int64_t a_column, const double *b,
                     int64_t b_row, int64_t k)
{
    Pair sum[4][2] = {{{0}}};
    for (int64_t p = 0; p < k; p++, a += a_column, b += b_row) {
        Pair left = load_pair(b), right = load_pair(b + 2);
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++) {
            Pair factor = {a[r * a_row], a[r * a_row]};
            sum[r][0] += factor * left;
            sum[r][1] += factor * right;
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
        add_pair(y + r * y_row, sum[r][0]);
        add_pair(y + r * y_row + 2, sum[r][1]);
    }
}

void product_float(double *y, int64_t y_row, const double *a, int64_t a_row, int64_t a_column, const double *b,
                   int64_t b_row, int64_t m, int64_t n, int64_t k)
{
    int64_t rows = m & ~(int64_t)3, columns = n & ~(int64_t)3;
    for (int64_t i = 0; i < rows; i += 4)
        for (int64_t j = 0; j < columns; j += 4)
            tile_4x4(y + i * y_row + j, y_row, a + i * a_row, a_row, a_column, b + j, b_row, k);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = i < rows ? columns : 0; j < n; j++) {
            double sum = 0;
            for (int64_t p = 0; p < k; p++)
                sum += a[i * a_row + p * a_column] * b[p * b_row + j];
            y[i * y_row + j] += sum;
        }
}

void product_int(int64_t *y, int64_t y_row, const int64_t *a, int64_t a_row, int64_t a_column, const int64_t *b,
                 int64_t b_row, int64_t m, int64_t n, int64_t k)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t p = 0; p < k; p++)
            for (int64_t j = 0; j < n; j++) {
                uint64_t term = (uint64_t)a[i * a_row + p * a_column] * (uint64_t)b[p * b_row + j];
                y[i * y_row + j] = (int64_t)((uint64_t)y[i * y_row + j] + term);
            }
}
