/* lower_resize.c: Resize.  Nearest copies blocks through index tables; the other modes interpolate one axis at a time,
 * axes that shrink first.  The result keeps the storage order of the data. */
#include <string.h>

#include "../ir/index.h"
#include "../ir/resize.h"
#include "../runtime/runtime.h"
#include "spatial.h"

/* ---- tables as constants ----------------------------------------------------------------------------------------- */

static View table_of(Lowering *l, Node *n, DType dtype, int64_t count, const void *data)
{
    Tensor *t = alloc(sizeof *t);
    *t = (Tensor){.dtype = dtype, .shape = {.rank = 1, .dim = {count}}, .count = count, .data = data};
    return view_of(l, value_tensor(n->graph, NULL, t));
}

static View index_table(Lowering *l, Node *n, const int64_t *index, int64_t count)
{
    int32_t *narrow = alloc_array(count, sizeof *narrow);
    for (int64_t k = 0; k < count; k++)
        narrow[k] = (int32_t)index[k];
    return table_of(l, n, DT_I32, count, narrow);
}

static View weight_table(Lowering *l, Node *n, DType real, const double *weight, int64_t count)
{
    if (real == DT_F64)
        return table_of(l, n, DT_F64, count, weight);
    float *narrow = alloc_array(count, sizeof *narrow);
    for (int64_t k = 0; k < count; k++)
        narrow[k] = (float)weight[k];
    return table_of(l, n, DT_F32, count, narrow);
}

static bool any_outside(const ResizeAxis *a)
{
    for (int64_t k = 0; !a->identity && k < a->out; k++)
        if (a->index[k * a->taps] < 0)
            return true;
    return false;
}

/* Axes of v outermost first, as they are stored. */
static void storage_order(const View *v, int *axes)
{
    for (int k = 0; k < v->rank; k++) {
        int place = k;
        for (; place > 0 && v->stride[axes[place - 1]] < v->stride[k]; place--)
            axes[place] = axes[place - 1];
        axes[place] = k;
    }
}

/* ---- nearest ----------------------------------------------------------------------------------------------------- */

static void nearest(Lowering *l, Node *n, const Resize *r, View y, View x)
{
    int order[MAX_RANK], rank = y.rank;
    int64_t out[MAX_RANK], strides[MAX_RANK], begin[MAX_RANK], entries[MAX_RANK], total = 0, block = 1;
    bool outside = false;
    storage_order(&y, order);
    for (; rank > 0 && r->axis[order[rank - 1]].identity &&
         (y.dim[order[rank - 1]] == 1 || x.stride[order[rank - 1]] == block); rank--)
        block *= y.dim[order[rank - 1]];
    for (int k = 0; k < rank; k++) {
        const ResizeAxis *a = &r->axis[order[k]];
        out[k] = a->out;
        strides[k] = x.stride[order[k]];
        begin[k] = a->identity ? -1 : total;
        total += a->identity ? 0 : a->out;
        outside |= any_outside(a);
    }
    int64_t *all = alloc_array(total + 1, sizeof *all);
    for (int k = 0; k < rank; k++) {
        entries[k] = begin[k] < 0 ? 0 : out[k];
        if (entries[k])
            memcpy(all + begin[k], r->axis[order[k]].index, (size_t)entries[k] * sizeof *all);
    }
    if (rank == 0) {                                /* nothing changes: one block */
        out[0] = 1;
        strides[0] = 0;
        begin[0] = -1;
        rank = 1;
    }
    View tables = index_table(l, n, all, total + 1);
    Call *c = call_kernel(l, n, "resize_nearest");
    call_write(c, y);
    call_read(c, x);
    call_read(c, tables);
    call_type(c, "T", y.dtype);
    call_int(c, "RANK", rank);
    call_dims(c, "OUT", rank, out);
    call_dims(c, "X_STRIDES", rank, strides);
    call_dims(c, "TABLES", rank, begin);
    call_int(c, "BLOCK", block);
    call_int(c, "OUTSIDE", outside);
    call_float(c, "FILL", r->extrapolation);
    call_note(c, "resize nearest %s -> %s", shape_text(&n->in[0]->shape), shape_text(&n->out[0]->shape));
}

/* ---- linear and cubic -------------------------------------------------------------------------------------------- */

/* One axis of x, whose axes are in storage order without gaps, into y. */
static void one_axis(Lowering *l, Node *n, const Resize *r, int axis, int place, View y, View x, DType real)
{
    const ResizeAxis *a = &r->axis[axis];
    bool whole = !dtype_is_float(y.dtype);
    View index = index_table(l, n, a->index, a->out * a->taps);
    View weights = weight_table(l, n, real, a->weight, a->out * a->taps);
    Call *c = call_kernel(l, n, "resize_axis");
    call_write(c, y);
    call_read(c, x);
    call_read(c, index);
    call_read(c, weights);
    call_type(c, "R", y.dtype);
    call_type(c, "T", x.dtype);
    call_text(c, "REAL", real == DT_F64 ? "double" : "float");
    call_text(c, "STORE", whole ? "SDC_CAST(f64, R, rint(v))" : "SDC_CAT(to_, R)((SDC_CAT(ct_, R))v)");
    call_int(c, "LEADING", index_span(x.dim, 0, place));
    call_int(c, "INNER", index_span(x.dim, place + 1, x.rank));
    call_int(c, "IN_N", a->in);
    call_int(c, "OUT_N", a->out);
    call_int(c, "TAPS", a->taps);
    call_int(c, "OUTSIDE", any_outside(a));
    call_float(c, "FILL", r->extrapolation);
    call_note(c, "resize %s axis %d: %lld -> %lld of %s", attr_s(n, "mode"), axis, (long long)a->in, (long long)a->out,
              shape_text(&n->in[0]->shape));
}

/* The axis not done yet that shrinks most, or grows least; -1: none is left. */
static int next_axis(const Resize *r, const bool *done)
{
    int best = -1;
    double least = 0;
    for (int k = 0; k < r->rank; k++) {
        double growth = (double)r->axis[k].out / (double)r->axis[k].in;
        if (done[k] || r->axis[k].identity || (best >= 0 && growth >= least))
            continue;
        best = k;
        least = growth;
    }
    return best;
}

static void separable(Lowering *l, Node *n, const Resize *r, View y, View x)
{
    DType real = y.dtype == DT_F64 || !dtype_is_float(y.dtype) ? DT_F64 : DT_F32;
    int order[MAX_RANK];
    bool done[MAX_RANK] = {false};
    storage_order(&y, order);
    View now = view_to_dense(l, n, view_permute(x, x.rank, order)), last = view_permute(y, y.rank, order);
    for (int axis = next_axis(r, done); axis >= 0;) {
        int place = 0, following;
        while (order[place] != axis)
            place++;
        done[axis] = true;
        following = next_axis(r, done);
        int64_t dim[MAX_RANK];
        memcpy(dim, now.dim, sizeof dim);
        dim[place] = r->axis[axis].out;
        View next = following < 0 ? last : temporary(l, real, now.rank, dim);
        one_axis(l, n, r, axis, place, next, now, real);
        now = next;
        axis = following;
    }
}

void lower_resize(Lowering *l, Node *n)
{
    Resize r = resize_tables(n);
    View x = view_of(l, n->in[0]), order = x;
    memcpy(order.dim, n->out[0]->shape.dim, sizeof order.dim);
    bool changes = false;
    for (int k = 0; k < r.rank; k++)
        changes |= !r.axis[k].identity;
    if (!changes) {
        result_is(l, n->out[0], x);
        return;
    }
    View y = result_like(l, n->out[0], &order);
    if (view_count(&y) == 0)
        return;
    if (!strcmp(attr_s(n, "mode"), "nearest"))
        nearest(l, n, &r, y, x);
    else
        separable(l, n, &r, y, x);
}
