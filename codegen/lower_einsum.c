/* lower_einsum.c: Einsum and Det.  A permutation is a view, a contraction of two operands a matrix product; the rest
 * are loops. */
#include <string.h>

#include "../ir/einsum.h"
#include "../runtime/runtime.h"
#include "matmul.h"
#include "spatial.h"

/* ---- contraction of two operands --------------------------------------------------------------------------------- */

/* Labels of the result and the sum, sorted by their part in a matrix product. */
typedef struct {
    int batch[MAX_RANK], rows[MAX_RANK], columns[MAX_RANK], depth[MAX_RANK];
    int n_batch, n_rows, n_columns, n_depth;
} Roles;

static int axis_with(const Einsum *e, int k, int label)
{
    for (int axis = 0; axis < e->rank[k]; axis++)
        if (e->label[k][axis] == label)
            return axis;
    return -1;
}

/* Every label once an operand and at its full extent, unless a batch label is repeated by broadcasting. */
static bool plain_labels(const Einsum *e, const Node *n)
{
    for (int k = 0; k < 2; k++)
        for (int axis = 0; axis < e->rank[k]; axis++) {
            int label = e->label[k][axis];
            if (axis_with(e, k, label) != axis || n->in[k]->shape.dim[axis] != e->extent[label])
                return false;
        }
    return true;
}

static bool roles_of(const Einsum *e, const Node *n, Roles *r)
{
    *r = (Roles){.n_batch = 0};
    if (e->n_in != 2 || !plain_labels(e, n))
        return false;
    for (int k = 0; k < e->out_rank; k++) {
        bool left = axis_with(e, 0, e->out[k]) >= 0, right = axis_with(e, 1, e->out[k]) >= 0;
        if (left && right)
            r->batch[r->n_batch++] = e->out[k];
        else if (left)
            r->rows[r->n_rows++] = e->out[k];
        else
            r->columns[r->n_columns++] = e->out[k];
    }
    for (int k = 0; k < e->n_sum; k++) {
        if (axis_with(e, 0, e->sum[k]) < 0 || axis_with(e, 1, e->sum[k]) < 0)
            return false;
        r->depth[r->n_depth++] = e->sum[k];
    }
    return r->n_batch <= MAX_RANK - 2;
}

/* dim [batch..., product of first, product of second] */
static int product_dims(const Einsum *e, const Roles *r, const int *first, int n_first, const int *second,
                        int n_second, int64_t *dim)
{
    for (int k = 0; k < r->n_batch; k++)
        dim[k] = e->extent[r->batch[k]];
    dim[r->n_batch] = dim[r->n_batch + 1] = 1;
    for (int k = 0; k < n_first; k++)
        dim[r->n_batch] *= e->extent[first[k]];
    for (int k = 0; k < n_second; k++)
        dim[r->n_batch + 1] *= e->extent[second[k]];
    return r->n_batch + 2;
}

/* Operand k with its axes in the order batch, first, second, the latter two merged. */
static View factor(Lowering *l, Node *n, const Einsum *e, const Roles *r, int k, const int *first, int n_first,
                   const int *second, int n_second, Value **constant)
{
    int perm[MAX_RANK], count = 0;
    int64_t dim[MAX_RANK];
    for (int j = 0; j < r->n_batch; j++)
        perm[count++] = axis_with(e, k, r->batch[j]);
    for (int j = 0; j < n_first; j++)
        perm[count++] = axis_with(e, k, first[j]);
    for (int j = 0; j < n_second; j++)
        perm[count++] = axis_with(e, k, second[j]);
    int rank = product_dims(e, r, first, n_first, second, n_second, dim);
    View v = constant ? product_operand(l, n->in[k], constant) : view_of(l, n->in[k]);
    v = view_permute(v, count, perm);
    if (view_reshape(&v, rank, dim))
        return v;
    v = constant ? permuted_operand(l, n, n->in[k], perm, constant) : view_to_dense(l, n, v);
    if (!view_reshape(&v, rank, dim))
        bug("a dense view can not be reshaped");
    return v;
}

/* The result stored as [batch..., rows..., columns...], as a matrix of each batch. */
static View product_result(Lowering *l, Node *n, const Einsum *e, const Roles *r)
{
    int labels[MAX_RANK], perm[MAX_RANK], count = 0;
    View order = {.rank = e->out_rank};
    int64_t dim[MAX_RANK], step = 1;
    for (int k = 0; k < r->n_batch; k++)
        labels[count++] = r->batch[k];
    for (int k = 0; k < r->n_rows; k++)
        labels[count++] = r->rows[k];
    for (int k = 0; k < r->n_columns; k++)
        labels[count++] = r->columns[k];
    for (int k = count; k-- > 0; step *= e->extent[labels[k]])
        for (int axis = 0; axis < e->out_rank; axis++)
            if (e->out[axis] == labels[k]) {
                perm[k] = axis;
                order.dim[axis] = e->extent[labels[k]];
                order.stride[axis] = step;
            }
    View y = view_permute(result_like(l, n->out[0], &order), count, perm);
    int rank = product_dims(e, r, r->rows, r->n_rows, r->columns, r->n_columns, dim);
    if (!view_reshape(&y, rank, dim))
        bug("a dense view can not be reshaped");
    return y;
}

static void contract(Lowering *l, Node *n, const Einsum *e, const Roles *r)
{
    Product p = {.y = product_result(l, n, e, r)};
    p.a = factor(l, n, e, r, 0, r->rows, r->n_rows, r->depth, r->n_depth, NULL);
    p.b = factor(l, n, e, r, 1, r->depth, r->n_depth, r->columns, r->n_columns, &p.constant);
    lower_product(l, n, p);
}

/* ---- loops ------------------------------------------------------------------------------------------------------- */

static void loops(Lowering *l, Node *n, const Einsum *e)
{
    int64_t out[MAX_RANK], sums[EINSUM_LABELS], stride[EINSUM_LABELS];
    int64_t *out_strides = alloc_array((int64_t)e->n_in * e->out_rank + 1, sizeof *out_strides);
    int64_t *sum_strides = alloc_array((int64_t)e->n_in * e->n_sum + 1, sizeof *sum_strides);
    const char *type = dtype_info(n->out[0]->dtype)->name, *pointers = "", *names = "";
    View y = result_dense(l, n->out[0]), x[EINSUM_OPERANDS];
    if (view_count(&y) == 0)
        return;
    for (int k = 0; k < e->n_in; k++) {
        x[k] = view_of(l, n->in[k]);
        einsum_strides(e, k, x[k].dim, x[k].stride, stride);
        for (int d = 0; d < e->out_rank; d++)
            out_strides[k * e->out_rank + d] = stride[e->out[d]];
        for (int s = 0; s < e->n_sum; s++)
            sum_strides[k * e->n_sum + s] = stride[e->sum[s]];
        pointers = text_format("%s, const st_%s *x%d", pointers, type, k);
        names = text_format("%s%sx%d", names, k ? ", " : "", k);
    }
    for (int d = 0; d < e->out_rank; d++)
        out[d] = e->extent[e->out[d]];
    for (int s = 0; s < e->n_sum; s++)
        sums[s] = e->extent[e->sum[s]];
    Call *c = call_kernel(l, n, "einsum");
    call_write(c, y);
    for (int k = 0; k < e->n_in; k++)
        call_read(c, x[k]);
    call_text(c, "T", type);
    call_text(c, "SUM", dtype_is_float(y.dtype) ? "double" : "uint64_t");
    call_int(c, "OPERANDS", e->n_in);
    call_text(c, "POINTERS", pointers);
    call_text(c, "NAMES", names);
    call_int(c, "RANK", e->out_rank);
    call_dims(c, "OUT", e->out_rank, out);
    call_int(c, "SUMS", e->n_sum);
    call_dims(c, "EXTENTS", e->n_sum, sums);
    call_dims(c, "OUT_STRIDES", e->n_in * e->out_rank, out_strides);
    call_dims(c, "SUM_STRIDES", e->n_in * e->n_sum, sum_strides);
    call_note(c, "einsum of %d operands -> %s", e->n_in, shape_text(&n->out[0]->shape));
}

void lower_einsum(Lowering *l, Node *n)
{
    Einsum e = einsum_parse(n);
    Roles r;
    int perm[MAX_RANK];
    bool view = e.n_in == 1 && e.n_sum == 0 && e.rank[0] == e.out_rank;
    for (int k = 0; k < e.out_rank && view; k++)
        perm[k] = axis_with(&e, 0, e.out[k]);
    if (view)
        result_is(l, n->out[0], view_permute(view_of(l, n->in[0]), e.out_rank, perm));
    else if (roles_of(&e, n, &r))
        contract(l, n, &e, &r);
    else
        loops(l, n, &e);
}

/* ---- Det --------------------------------------------------------------------------------------------------------- */

void lower_det(Lowering *l, Node *n)
{
    const Shape *s = &n->in[0]->shape;
    View y = result_dense(l, n->out[0]);
    if (view_count(&y) == 0)
        return;
    View x = view_dense(l, n->in[0]), work = scratch(l, DT_F64, view_count(&x));
    Call *c = call_kernel(l, n, "det");
    call_write(c, y);
    call_read(c, x);
    call_update(c, work);
    call_type(c, "T", y.dtype);
    call_int(c, "COUNT", view_count(&y));
    call_int(c, "SIZE", s->dim[s->rank - 1]);
    call_note(c, "determinants of %s", shape_text(s));
}
