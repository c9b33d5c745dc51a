/* eval_linear.c: evaluators of MatMul, Gemm, Einsum and Det. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "einsum.h"
#include "index.h"
#include "op.h"
#include "product.h"

static void *need_memory(int64_t count)
{
    void *p = calloc((size_t)count + 1, 8);
    if (!p)
        fail(SDC_NO_SPACE, "out of memory");
    return p;
}

/* ---- MatMul and Gemm --------------------------------------------------------------------------------------------- */

/* One matrix product between places of three arrays of one class; offsets and strides in elements. */
static void multiply(Array *y, int64_t y_at, const Array *a, int64_t a_at, int64_t a_row, int64_t a_column,
                     const Array *b, int64_t b_at, int64_t m, int64_t n, int64_t k)
{
    if (y->f)
        product_float(y->f + y_at, n, a->f + a_at, a_row, a_column, b->f + b_at, n, m, n, k);
    else
        product_int(y->i + y_at, n, a->i + a_at, a_row, a_column, b->i + b_at, n, m, n, k);
}

/* Strides of s's leading axes as the axes of `batch`, 0 where repeated, in elements. */
static void batch_strides(const Shape *s, const Shape *batch, int64_t *stride)
{
    int64_t own[MAX_RANK];
    shape_strides(s, own);
    int lead = s->rank - 2;
    for (int k = 0; k < batch->rank; k++) {
        int axis = k - batch->rank + lead;
        stride[k] = axis < 0 || s->dim[axis] == 1 ? 0 : own[axis];
    }
}

void eval_matmul(const Node *n, const Array *const *in, Array *const *out)
{
    Shape a = in[0]->shape, b = in[1]->shape, batch;
    if (a.rank == 1)
        a = (Shape){.rank = 2, .dim = {1, a.dim[0]}};
    if (b.rank == 1)
        b = (Shape){.rank = 2, .dim = {b.dim[0], 1}};
    int64_t rows = a.dim[a.rank - 2], inner = a.dim[a.rank - 1], columns = b.dim[b.rank - 1];
    Shape batch_a = shape_of(a.rank - 2, a.dim), batch_b = shape_of(b.rank - 2, b.dim);
    broadcast_shapes(n, &batch_a, &batch_b, &batch);
    int64_t stride_a[MAX_RANK], stride_b[MAX_RANK], at[MAX_RANK] = {0}, y_at = 0;
    batch_strides(&a, &batch, stride_a);
    batch_strides(&b, &batch, stride_b);
    if (!shape_count(&batch))
        return;
    do {
        multiply(out[0], y_at, in[0], index_offset(batch.rank, at, stride_a), inner, 1, in[1],
                 index_offset(batch.rank, at, stride_b), rows, columns, inner);
        y_at += rows * columns;
    } while (index_next(batch.rank, batch.dim, at));
}

/* A row-major copy of the transpose of b [rows][columns]. */
static Array *transposed(const Array *b)
{
    int64_t rows = b->shape.dim[0], columns = b->shape.dim[1];
    Shape s = {.rank = 2, .dim = {columns, rows}};
    Array *t = array_new(b->dtype, &s);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            if (b->f)
                t->f[j * rows + i] = b->f[i * columns + j];
            else
                t->i[j * rows + i] = b->i[i * columns + j];
        }
    return t;
}

/* y = alpha * y + beta * c, c broadcast over y [m][n]. */
static void add_scaled(const Node *node, Array *y, const Array *c, int64_t columns)
{
    double alpha = attr_f(node, "alpha"), beta = attr_f(node, "beta");
    int64_t row = 0, column = 0;
    if (c) {
        int rank = c->shape.rank;
        column = rank > 0 && c->shape.dim[rank - 1] != 1;
        row = rank > 1 && c->shape.dim[0] != 1 ? c->shape.dim[1] : 0;
    }
    for (int64_t k = 0; k < y->count; k++) {
        int64_t at = k / columns * row + k % columns * column;
        if (y->f)
            y->f[k] = alpha * y->f[k] + (c ? beta * c->f[at] : 0);
        else {
            uint64_t sum = (uint64_t)(int64_t)alpha * (uint64_t)y->i[k];
            y->i[k] = (int64_t)(sum + (c ? (uint64_t)(int64_t)beta * (uint64_t)c->i[at] : 0));
        }
    }
}

void eval_gemm(const Node *n, const Array *const *in, Array *const *out)
{
    bool across_a = attr_i(n, "transA") != 0, across_b = attr_i(n, "transB") != 0;
    int64_t rows = out[0]->shape.dim[0], columns = out[0]->shape.dim[1];
    int64_t inner = in[0]->shape.dim[!across_a], width = in[0]->shape.dim[1];
    Array *turned = across_b ? transposed(in[1]) : NULL;
    multiply(out[0], 0, in[0], 0, across_a ? 1 : width, across_a ? width : 1, turned ? turned : in[1], 0, rows,
             columns, inner);
    array_free(turned);
    add_scaled(n, out[0], n->n_in > 2 ? in[2] : NULL, columns);
}

/* ---- Einsum ------------------------------------------------------------------------------------------------------ */

static void label_extents(const Einsum *e, const int *labels, int count, int64_t *dim)
{
    for (int k = 0; k < count; k++)
        dim[k] = e->extent[labels[k]];
}

/* The sum of products for one element of the result, whose offsets in the operands are `base`. */
static void einsum_element(const Einsum *e, const Array *const *in, const int64_t *base,
                           int64_t stride[][EINSUM_LABELS], Array *y, int64_t y_at)
{
    int64_t dim[EINSUM_LABELS], at[EINSUM_LABELS] = {0};
    label_extents(e, e->sum, e->n_sum, dim);
    if (!index_span(dim, 0, e->n_sum))
        return;
    double total = 0;
    uint64_t total_int = 0;
    do {
        double product = 1;
        uint64_t product_of_ints = 1;
        for (int k = 0; k < e->n_in; k++) {
            int64_t from = base[k];
            for (int s = 0; s < e->n_sum; s++)
                from += at[s] * stride[k][e->sum[s]];
            if (y->f)
                product *= in[k]->f[from];
            else
                product_of_ints *= (uint64_t)in[k]->i[from];
        }
        total += product;
        total_int += product_of_ints;
    } while (index_next(e->n_sum, dim, at));
    if (y->f)
        y->f[y_at] = total;
    else
        y->i[y_at] = (int64_t)total_int;
}

void eval_einsum(const Node *n, const Array *const *in, Array *const *out)
{
    Einsum e = einsum_parse(n);
    int64_t stride[EINSUM_OPERANDS][EINSUM_LABELS], axis_stride[MAX_RANK], dim[MAX_RANK], at[MAX_RANK] = {0};
    for (int k = 0; k < e.n_in; k++) {
        shape_strides(&in[k]->shape, axis_stride);
        einsum_strides(&e, k, in[k]->shape.dim, axis_stride, stride[k]);
    }
    label_extents(&e, e.out, e.out_rank, dim);
    for (int64_t y_at = 0; y_at < out[0]->count; y_at++) {
        int64_t base[EINSUM_OPERANDS] = {0};
        for (int k = 0; k < e.n_in; k++)
            for (int d = 0; d < e.out_rank; d++)
                base[k] += at[d] * stride[k][e.out[d]];
        einsum_element(&e, in, base, stride, out[0], y_at);
        index_next(e.out_rank, dim, at);
    }
}

/* ---- Det --------------------------------------------------------------------------------------------------------- */

/* By Gaussian elimination with partial pivoting; destroys m [size][size]. */
static double determinant(double *m, int64_t size)
{
    double product = 1;
    for (int64_t c = 0; c < size; c++) {
        int64_t pivot = c;
        for (int64_t r = c + 1; r < size; r++)
            if (fabs(m[r * size + c]) > fabs(m[pivot * size + c]))
                pivot = r;
        if (m[pivot * size + c] == 0)
            return 0;
        for (int64_t j = 0; j < size && pivot != c; j++) {
            double kept = m[c * size + j];
            m[c * size + j] = m[pivot * size + j];
            m[pivot * size + j] = kept;
        }
        product *= pivot == c ? m[c * size + c] : -m[c * size + c];
        for (int64_t r = c + 1; r < size; r++) {
            double factor = m[r * size + c] / m[c * size + c];
            for (int64_t j = c; j < size; j++)
                m[r * size + j] -= factor * m[c * size + j];
        }
    }
    return product;
}

void eval_det(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    int64_t size = in[0]->shape.dim[in[0]->shape.rank - 1], area = size * size;
    double *copy = need_memory(area);
    for (int64_t k = 0; k < out[0]->count; k++) {
        memcpy(copy, in[0]->f + k * area, (size_t)area * sizeof *copy);
        out[0]->f[k] = determinant(copy, size);
    }
    free(copy);
}
