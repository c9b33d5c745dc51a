/* eval_gather.c: the oracle for Gather, GatherElements, GatherND and TopK.  Indices come from data and are
 * range-checked. */
#include "index.h"
#include "op.h"

#include <stdlib.h>

#include "../runtime/runtime.h"

static void copy_element(Array *y, int64_t to, const Array *x, int64_t from)
{
    if (y->f)
        y->f[to] = x->f[from];
    else
        y->i[to] = x->i[from];
}

static int64_t checked(const Node *n, int64_t index, int64_t extent)
{
    int64_t at = index_wrap(index, extent);
    if (at < 0)
        fail_node(SDC_BAD_INPUT, n, "index %lld is out of range for an extent of %lld", (long long)index,
                  (long long)extent);
    return at;
}

void eval_gather(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0], *indices = in[1];
    int rank = x->shape.rank, axis = (int)axis_of(n, attr_i(n, "axis"), rank);
    int64_t extent = x->shape.dim[axis], inner = index_span(x->shape.dim, axis + 1, rank);
    int64_t outer = index_span(x->shape.dim, 0, axis), to = 0;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < indices->count; k++) {
            int64_t from = (o * extent + checked(n, indices->i[k], extent)) * inner;
            for (int64_t e = 0; e < inner; e++)
                copy_element(out[0], to++, x, from + e);
        }
}

void eval_gather_elements(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0], *indices = in[1];
    int rank = x->shape.rank, axis = (int)axis_of(n, attr_i(n, "axis"), rank);
    int64_t stride[MAX_RANK], at[MAX_RANK] = {0};
    shape_strides(&x->shape, stride);
    for (int64_t k = 0; k < indices->count; k++) {
        int64_t from = index_offset(rank, at, stride) - at[axis] * stride[axis];
        from += checked(n, indices->i[k], x->shape.dim[axis]) * stride[axis];
        copy_element(out[0], k, x, from);
        index_next(rank, indices->shape.dim, at);
    }
}

void eval_gather_nd(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0], *indices = in[1];
    int batch = (int)attr_i(n, "batch_dims"), last = indices->shape.rank - 1;
    int length = (int)indices->shape.dim[last];
    int64_t stride[MAX_RANK];
    shape_strides(&x->shape, stride);
    int64_t tuples = index_span(indices->shape.dim, 0, last);
    int64_t batches = index_span(x->shape.dim, 0, batch), one = index_span(x->shape.dim, batch, x->shape.rank);
    int64_t slice = index_span(x->shape.dim, batch + length, x->shape.rank);
    for (int64_t t = 0; t < tuples; t++) {
        int64_t from = t / (tuples / batches) * one;
        for (int k = 0; k < length; k++)
            from += checked(n, indices->i[t * length + k], x->shape.dim[batch + k]) * stride[batch + k];
        for (int64_t e = 0; e < slice; e++)
            copy_element(out[0], t * slice + e, x, from + e);
    }
}

/* One line of TopK being sorted: the best first, the lower index first among equals. */
typedef struct { const Array *x; int64_t at; int sign; } Candidate;

static int better_first(const void *a, const void *b)
{
    const Candidate *p = a, *q = b;
    int order = p->sign * array_compare(q->x, q->at, p->x, p->at);
    return order ? order : (p->at > q->at) - (p->at < q->at);
}

void eval_topk(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->shape.rank), sign = attr_i(n, "largest") ? 1 : -1;
    int64_t extent = x->shape.dim[axis], inner = index_span(x->shape.dim, axis + 1, x->shape.rank);
    const Shape *y = out[0] ? &out[0]->shape : &out[1]->shape;
    int64_t k = y->dim[axis], lines = extent ? x->count / extent : 0;
    Candidate *line = malloc((size_t)extent * sizeof *line + 1);
    if (!line)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    for (int64_t l = 0; l < lines; l++) {
        int64_t base = l / inner * extent * inner + l % inner;
        for (int64_t e = 0; e < extent; e++)
            line[e] = (Candidate){x, base + e * inner, sign};
        qsort(line, (size_t)extent, sizeof *line, better_first);
        for (int64_t e = 0; e < k; e++) {
            int64_t to = (l / inner * k + e) * inner + l % inner;
            if (out[0])
                copy_element(out[0], to, x, line[e].at);
            if (out[1])
                out[1]->i[to] = (line[e].at - base) / inner;
        }
    }
    free(line);
}
