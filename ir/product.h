/* product.h: the one inner loop of the oracle that is worth tuning; matrix products and convolutions run on it. */
#ifndef SDC_PRODUCT_H
#define SDC_PRODUCT_H

#include <stdint.h>

/* y[m][n] += sum over k of a[m][k] * b[k][n], terms added in the order of k.  a has any strides; the rows of b and y
 * are contiguous and start b_row and y_row elements apart. */
void product_float(double *y, int64_t y_row, const double *a, int64_t a_row, int64_t a_column, const double *b,
                   int64_t b_row, int64_t m, int64_t n, int64_t k);
/* The same on integers, wrapping. */
void product_int(int64_t *y, int64_t y_row, const int64_t *a, int64_t a_row, int64_t a_column, const int64_t *b,
                 int64_t b_row, int64_t m, int64_t n, int64_t k);

#endif
