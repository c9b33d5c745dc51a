/* eval_select.c: NonZero, Compress, Unique and NonMaxSuppression, whose extents depend on the data: shape rules (which
 * need constant operands) and the oracle.  See select.h. */
#include "index.h"
#include "op.h"
#include "select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

#define DATA_DEPENDENT                                                                                                 \
    "the result's shape is data-dependent: it is known only when input %d is constant; %s"

static void *list_new(int64_t count, size_t size)
{
    void *list = calloc((size_t)count + 1, size);
    if (!list)
        fail(SDC_NO_SPACE, "out of memory");
    return list;
}

const Array **select_operands(const Node *n)
{
    const Array **in = list_new(n->n_in, sizeof *in);
    for (int k = 0; k < n->n_in; k++) {
        if (!n->in[k])
            continue;
        if (!is_constant(n->in[k]))
            fail_node(SDC_UNSUPPORTED, n, DATA_DEPENDENT, k, bind_advice(n, NULL));
        in[k] = array_from_tensor(constant_tensor(n->in[k]));
        constant_release(n->in[k]);
    }
    return in;
}

void select_free(const Node *n, const Array **in)
{
    for (int k = 0; k < n->n_in; k++)
        array_free((Array *)(uintptr_t)in[k]);
    free(in);
}

static bool is_set(const Array *x, int64_t k)
{
    return x->f ? x->f[k] != 0 : x->i[k] != 0;
}

/* ---- NonZero and Compress ---------------------------------------------------------------------------------------- */

int64_t select_nonzero(const Array *x, int64_t *into, int64_t count)
{
    int64_t found = 0, at[MAX_RANK] = {0};
    for (int64_t k = 0; k < x->count; k++) {
        if (is_set(x, k)) {
            for (int d = 0; into && d < x->shape.rank; d++)
                into[d * count + found] = at[d];
            found++;
        }
        index_next(x->shape.rank, x->shape.dim, at);
    }
    return found;
}

void shape_nonzero(Node *n)
{
    const Array **in = select_operands(n);
    Shape y = shape_of(2, (int64_t[]){n->in[0]->shape.rank, select_nonzero(in[0], NULL, 0)});
    select_free(n, in);
    set_output(n, 0, DT_I64, &y);
}

void eval_nonzero(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    select_nonzero(in[0], out[0]->i, out[0]->shape.dim[1]);
}

int64_t select_true(const Array *condition, int64_t extent, int64_t *into)
{
    int64_t found = 0;
    for (int64_t k = 0; k < condition->count && k < extent; k++)
        if (is_set(condition, k)) {
            if (into)
                into[found] = k;
            found++;
        }
    return found;
}

void shape_compress(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    need_rank(n, 1, 1, 1);
    if (!is_constant(n->in[1]))
        fail_node(SDC_UNSUPPORTED, n, DATA_DEPENDENT, 1, bind_advice(n, NULL));
    Shape y = *x;
    int axis = attr_has(n, "axis") ? (int)axis_of(n, attr_i(n, "axis"), x->rank) : -1;
    int64_t extent = axis < 0 ? shape_count(x) : x->dim[axis];
    Array *condition = array_from_tensor(constant_tensor(n->in[1]));
    constant_release(n->in[1]);
    int64_t kept = select_true(condition, extent, NULL);
    array_free(condition);
    if (axis < 0)
        y.rank = 1;
    y.dim[axis < 0 ? 0 : axis] = kept;
    set_output(n, 0, n->in[0]->dtype, &y);
}

void eval_compress(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    Array *y = out[0];
    int axis = attr_has(n, "axis") ? (int)axis_of(n, attr_i(n, "axis"), x->shape.rank) : -1;
    int64_t extent = axis < 0 ? x->count : x->shape.dim[axis];
    int64_t outer = axis < 0 ? 1 : index_span(x->shape.dim, 0, axis);
    int64_t inner = axis < 0 ? 1 : index_span(x->shape.dim, axis + 1, x->shape.rank);
    int64_t *positions = list_new(extent, sizeof *positions), to = 0;
    int64_t kept = select_true(in[1], extent, positions);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < kept; k++)
            for (int64_t e = 0; e < inner; e++, to++) {
                int64_t from = (o * extent + positions[k]) * inner + e;
                if (y->f)
                    y->f[to] = x->f[from];
                else
                    y->i[to] = x->i[from];
            }
    free(positions);
}

/* ---- Unique ------------------------------------------------------------------------------------------------------ */

/* Slice `number` of x along an axis: its elements start at base and repeat every `extent * inner`. */
typedef struct { const Array *x; int64_t number, outer, extent, inner; } Slice;

static int slice_compare(const Slice *a, const Slice *b)
{
    for (int64_t o = 0; o < a->outer; o++)
        for (int64_t e = 0; e < a->inner; e++) {
            int64_t p = (o * a->extent + a->number) * a->inner + e, q = (o * b->extent + b->number) * b->inner + e;
            int order = array_compare(a->x, p, b->x, q);
            if (order)
                return order;
        }
    return 0;
}

static int slice_order(const void *a, const void *b)
{
    const Slice *p = a, *q = b;
    int order = slice_compare(p, q);
    return order ? order : (p->number > q->number) - (p->number < q->number);
}

static int number_order(const void *a, const void *b)
{
    int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

Distinct select_distinct(const Array *x, int axis, bool sorted)
{
    Slice shape = {.x = x, .outer = 1, .extent = x->count, .inner = 1};
    if (axis >= 0) {
        shape.outer = index_span(x->shape.dim, 0, axis);
        shape.extent = x->shape.dim[axis];
        shape.inner = index_span(x->shape.dim, axis + 1, x->shape.rank);
    }
    Distinct d = {.slices = shape.extent};
    Slice *order = list_new(d.slices, sizeof *order);
    d.first = list_new(d.slices, sizeof *d.first);
    d.kind = list_new(d.slices, sizeof *d.kind);
    for (int64_t k = 0; k < d.slices; k++) {
        order[k] = shape;
        order[k].number = k;
    }
    qsort(order, (size_t)d.slices, sizeof *order, slice_order);
    for (int64_t k = 0; k < d.slices; k++) {
        if (!k || slice_compare(&order[k - 1], &order[k]))
            d.first[d.count++] = order[k].number;
        d.kind[order[k].number] = d.first[d.count - 1];      /* the kind's first slice, numbered below */
    }
    if (!sorted)
        qsort(d.first, (size_t)d.count, sizeof *d.first, number_order);
    int64_t *rank_of = list_new(d.slices, sizeof *rank_of);
    for (int64_t k = 0; k < d.count; k++)
        rank_of[d.first[k]] = k;
    for (int64_t k = 0; k < d.slices; k++)
        d.kind[k] = rank_of[d.kind[k]];
    free(rank_of);
    free(order);
    return d;
}

void distinct_free(Distinct *d)
{
    free(d->first);
    free(d->kind);
}

static int unique_axis(const Node *n)
{
    return attr_has(n, "axis") ? (int)axis_of(n, attr_i(n, "axis"), n->in[0]->shape.rank) : -1;
}

void shape_unique(Node *n)
{
    int axis = unique_axis(n);
    const Array **in = select_operands(n);
    Distinct d = select_distinct(in[0], axis, true);
    Shape y = n->in[0]->shape;
    if (axis < 0)
        y.rank = 1;
    y.dim[axis < 0 ? 0 : axis] = d.count;
    Shape kinds = shape_of(1, &d.count), slices = shape_of(1, &d.slices);
    set_output(n, 0, n->in[0]->dtype, &y);
    set_output(n, 1, DT_I64, &kinds);
    set_output(n, 2, DT_I64, &slices);
    set_output(n, 3, DT_I64, &kinds);
    distinct_free(&d);
    select_free(n, in);
}

void eval_unique(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    int axis = unique_axis(n);
    Distinct d = select_distinct(x, axis, attr_i(n, "sorted") != 0);
    int64_t outer = axis < 0 ? 1 : index_span(x->shape.dim, 0, axis);
    int64_t inner = axis < 0 ? 1 : index_span(x->shape.dim, axis + 1, x->shape.rank);
    Array *y = out[0], *first = n->n_out > 1 ? out[1] : NULL, *inverse = n->n_out > 2 ? out[2] : NULL;
    Array *counts = n->n_out > 3 ? out[3] : NULL;
    for (int64_t o = 0; y && o < outer; o++)
        for (int64_t k = 0; k < d.count; k++)
            for (int64_t e = 0; e < inner; e++) {
                int64_t to = (o * d.count + k) * inner + e, from = (o * d.slices + d.first[k]) * inner + e;
                if (y->f)
                    y->f[to] = x->f[from];
                else
                    y->i[to] = x->i[from];
            }
    for (int64_t k = 0; first && k < d.count; k++)
        first->i[k] = d.first[k];
    for (int64_t k = 0; inverse && k < d.slices; k++)
        inverse->i[k] = d.kind[k];
    for (int64_t k = 0; counts && k < d.slices; k++)
        counts->i[d.kind[k]]++;
    distinct_free(&d);
}
