/* lower_index.c: gathers, scatters and TopK.
 *
 * All gathers are one kernel, as are all scatters: tuples of indices over some axes, slices over the others; only which
 * axes play which part differs.  A Gather by one constant index is another view of its data. */
#include <string.h>

#include "../runtime/runtime.h"
#include "axes.h"

/* ---- gathers ----------------------------------------------------------------------------------------------------- */

typedef struct {
    Axes outer;                     /* result, data, indices: one tuple each */
    Axes inner;                     /* result, data: a slice */
    int tuple;
    int64_t extents[MAX_RANK], steps[MAX_RANK], tuple_step;
} Gather;

static void add_axis(Axes *a, int64_t dim, int64_t s0, int64_t s1, int64_t s2)
{
    a->dim[a->rank] = dim;
    a->stride[0][a->rank] = s0;
    a->stride[1][a->rank] = s1;
    a->stride[2][a->rank++] = s2;
}

static void index_axis(Gather *g, const View *x, int axis)
{
    g->extents[g->tuple] = x->dim[axis];
    g->steps[g->tuple++] = x->stride[axis];
}

static void gather_call(Lowering *l, Node *n, View y, View x, View indices, Gather *g)
{
    static const char *const outer_names[] = {"SR", "S0", "S1"};
    if (!view_count(&y))
        return;
    axes_simplify(&g->outer);
    axes_simplify(&g->inner);
    int last = g->outer.rank - 1, inner = g->inner.rank - 1;
    int64_t lines = 1;
    Call *c = call_kernel(l, n, "gather");
    call_write(c, y);
    call_read(c, x);
    call_read(c, indices);
    call_type(c, "T", x.dtype);
    call_type(c, "TI", indices.dtype);
    axes_parameters(c, &g->outer, last, outer_names);
    call_int(c, "M", g->outer.dim[last]);
    call_int(c, "MR", g->outer.stride[0][last]);
    call_int(c, "M0", g->outer.stride[1][last]);
    call_int(c, "M1", g->outer.stride[2][last]);
    call_int(c, "TUPLE", g->tuple);
    call_dims(c, "EXTENTS", g->tuple, g->extents);
    call_dims(c, "SX", g->tuple, g->steps);
    call_int(c, "ST", g->tuple_step);
    for (int k = 0; k < inner; k++)
        lines *= g->inner.dim[k];
    call_int(c, "LINES", lines);
    call_int(c, "INNER", inner);
    call_dims(c, "INNER_DIMS", inner, g->inner.dim);
    call_dims(c, "SLR", inner, g->inner.stride[0]);
    call_dims(c, "SL0", inner, g->inner.stride[1]);
    call_int(c, "N", g->inner.dim[inner]);
    call_int(c, "IR", g->inner.stride[0][inner]);
    call_int(c, "I0", g->inner.stride[1][inner]);
    call_note(c, "%s %s by %s -> %s", op_info(n->op)->name, shape_text(&n->in[0]->shape), shape_text(&n->in[1]->shape),
              shape_text(&n->out[0]->shape));
}

/* One constant index: the axis goes away, or becomes axes of one element. */
static bool gather_view(Lowering *l, Node *n, View x, int axis)
{
    const Shape *y = &n->out[0]->shape;
    int64_t index, dim[MAX_RANK];
    if (!is_constant(n->in[1]) || shape_count(&n->in[1]->shape) != 1)
        return false;
    ints_of(n, 1, "indices", &index, 1);
    if (index < -x.dim[axis] || index >= x.dim[axis])
        fail_node(SDC_BAD_INPUT, n, "index %lld is out of range for an extent of %lld", (long long)index,
                  (long long)x.dim[axis]);
    x.offset += (index < 0 ? index + x.dim[axis] : index) * x.stride[axis];
    x.dim[axis] = 1;
    memcpy(dim, y->dim, sizeof dim);
    if (!view_reshape(&x, y->rank, dim))
        bug("an axis of one element can not be dropped");
    result_is(l, n->out[0], x);
    return true;
}

void lower_gather(Lowering *l, Node *n)
{
    View x = view_of(l, n->in[0]);
    int axis = (int)axis_of(n, attr_i(n, "axis"), x.rank);
    if (gather_view(l, n, x, axis))
        return;
    View indices = view_of(l, n->in[1]), y = result_dense(l, n->out[0]);
    Gather g = {.outer.operands = 3, .inner.operands = 2};
    for (int k = 0; k < axis; k++)
        add_axis(&g.outer, x.dim[k], y.stride[k], x.stride[k], 0);
    for (int k = 0; k < indices.rank; k++)
        add_axis(&g.outer, indices.dim[k], y.stride[axis + k], 0, indices.stride[k]);
    for (int k = axis + 1; k < x.rank; k++)
        add_axis(&g.inner, x.dim[k], y.stride[indices.rank + k - 1], x.stride[k], 0);
    index_axis(&g, &x, axis);
    gather_call(l, n, y, x, indices, &g);
}

void lower_gather_elements(Lowering *l, Node *n)
{
    View x = view_of(l, n->in[0]), indices = view_of(l, n->in[1]), y = result_like(l, n->out[0], &indices);
    int axis = (int)axis_of(n, attr_i(n, "axis"), x.rank);
    Gather g = {.outer.operands = 3, .inner.operands = 2};
    for (int k = 0; k < x.rank; k++)
        add_axis(&g.outer, indices.dim[k], y.stride[k], k == axis ? 0 : x.stride[k], indices.stride[k]);
    index_axis(&g, &x, axis);
    gather_call(l, n, y, x, indices, &g);
}

void lower_gather_nd(Lowering *l, Node *n)
{
    View x = view_of(l, n->in[0]), indices = view_of(l, n->in[1]), y = result_dense(l, n->out[0]);
    int batch = (int)attr_i(n, "batch_dims"), last = indices.rank - 1, length = (int)indices.dim[last];
    Gather g = {.outer.operands = 3, .inner.operands = 2, .tuple_step = indices.stride[last]};
    for (int k = 0; k < last; k++)
        add_axis(&g.outer, indices.dim[k], y.stride[k], k < batch ? x.stride[k] : 0, indices.stride[k]);
    for (int k = batch + length; k < x.rank; k++)
        add_axis(&g.inner, x.dim[k], y.stride[last + k - batch - length], x.stride[k], 0);
    for (int k = 0; k < length; k++)
        index_axis(&g, &x, batch + k);
    gather_call(l, n, y, x, indices, &g);
}

/* ---- scatters ---------------------------------------------------------------------------------------------------- */

typedef struct {
    Axes rows;                      /* result, updates, indices: positions that never meet */
    Axes sequence;                  /* updates, indices, in the updates' order: positions that may */
    int tuple;
    int64_t extents[MAX_RANK], steps[MAX_RANK], tuple_step;
    int64_t inner, inner_y, inner_u;        /* the innermost axis that is not indexed */
} Scatter;

/* Integers add and multiply without overflow; NaN wins a comparison. */
static void merge_parameters(Call *c, const Node *n)
{
    static const struct { const char *name, *merge; bool wraps; } rows[] = {
        {"none", "u", false}, {"add", "a + u", true}, {"mul", "a * u", true},
        {"max", "((u > a) | (u != u)) ? u : a", false}, {"min", "((u < a) | (u != u)) ? u : a", false},
    };
    DType type = n->in[0]->dtype;
    DType plain = dtype_is_float(type) && type != DT_F64 ? DT_F32 : type;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (!strcmp(attr_s(n, "reduction"), rows[k].name)) {
            call_text(c, "MERGE", rows[k].merge);
            call_type(c, "A", rows[k].wraps && !dtype_is_float(type) ? DT_U64 : plain);
        }
}

static void scatter_call(Lowering *l, Node *n, View y, View updates, View indices, Scatter *s)
{
    static const char *const names[] = {"SR", "S0", "S1"};
    lower_copy_view(l, n, y, view_of(l, n->in[0]));
    if (!view_count(&updates))
        return;
    axes_simplify(&s->rows);
    Call *c = call_kernel(l, n, "scatter");
    call_update(c, y);
    call_read(c, updates);
    call_read(c, indices);
    call_type(c, "T", y.dtype);
    call_type(c, "TI", indices.dtype);
    merge_parameters(c, n);
    axes_parameters(c, &s->rows, s->rows.rank, names);
    call_int(c, "LENGTH", axes_count(&s->sequence));
    call_int(c, "SEQUENCE", s->sequence.rank);
    call_dims(c, "SEQUENCE_DIMS", s->sequence.rank, s->sequence.dim);
    call_dims(c, "SQ0", s->sequence.rank, s->sequence.stride[0]);
    call_dims(c, "SQ1", s->sequence.rank, s->sequence.stride[1]);
    call_int(c, "TUPLE", s->tuple);
    call_dims(c, "EXTENTS", s->tuple, s->extents);
    call_dims(c, "SY", s->tuple, s->steps);
    call_int(c, "ST", s->tuple_step);
    call_int(c, "N", s->inner);
    call_int(c, "IR", s->inner_y);
    call_int(c, "I0", s->inner_u);
    call_note(c, "%s %s into %s", op_info(n->op)->name, shape_text(&n->in[2]->shape), shape_text(&n->out[0]->shape));
}

void lower_scatter_elements(Lowering *l, Node *n)
{
    View indices = view_of(l, n->in[1]), updates = view_of(l, n->in[2]), y = result_dense(l, n->out[0]);
    int axis = (int)axis_of(n, attr_i(n, "axis"), y.rank);
    Scatter s = {.rows.operands = 3, .sequence.operands = 2, .tuple = 1, .inner = 1};
    s.extents[0] = y.dim[axis];
    s.steps[0] = y.stride[axis];
    for (int k = 0; k < y.rank; k++) {
        if (k == axis)
            add_axis(&s.sequence, indices.dim[k], updates.stride[k], indices.stride[k], 0);
        else
            add_axis(&s.rows, indices.dim[k], y.stride[k], updates.stride[k], indices.stride[k]);
    }
    scatter_call(l, n, y, updates, indices, &s);
}

void lower_scatter_nd(Lowering *l, Node *n)
{
    View indices = view_of(l, n->in[1]), updates = view_of(l, n->in[2]), y = result_dense(l, n->out[0]);
    int last = indices.rank - 1, length = (int)indices.dim[last];
    Scatter s = {.rows.operands = 3, .sequence.operands = 2, .tuple = length, .inner = 1};
    s.tuple_step = indices.stride[last];
    for (int k = 0; k < last; k++)
        add_axis(&s.sequence, indices.dim[k], updates.stride[k], indices.stride[k], 0);
    for (int k = 0; k < length; k++) {
        s.extents[k] = y.dim[k];
        s.steps[k] = y.stride[k];
    }
    for (int k = length; k < y.rank; k++)
        add_axis(&s.rows, y.dim[k], y.stride[k], updates.stride[last + k - length], 0);
    axes_simplify(&s.rows);
    int inner = s.rows.rank - 1;
    s.inner = s.rows.dim[inner];
    s.inner_y = s.rows.stride[0][inner];
    s.inner_u = s.rows.stride[1][inner];
    s.rows.rank = inner;
    scatter_call(l, n, y, updates, indices, &s);
}

/* ---- TopK -------------------------------------------------------------------------------------------------------- */

void lower_topk(Lowering *l, Node *n)
{
    static const char *const names[] = {"SR", "S1", "S0"};
    View x = view_of(l, n->in[0]);
    const Value *some = output_of(n, 0) ? n->out[0] : n->out[1];
    int axis = (int)axis_of(n, attr_i(n, "axis"), x.rank);
    View y = output_of(n, 0) ? result_dense(l, n->out[0]) : temporary(l, x.dtype, some->shape.rank, some->shape.dim);
    View at = output_of(n, 1) ? result_dense(l, n->out[1]) : temporary(l, DT_I64, some->shape.rank, some->shape.dim);
    if (!view_count(&y))
        return;
    Axes others = {.operands = 3};
    for (int k = 0; k < x.rank; k++)
        if (k != axis)
            add_axis(&others, x.dim[k], y.stride[k], at.stride[k], x.stride[k]);
    axes_simplify(&others);
    static const char *const before[2][2] = {        /* NaN counts as the largest, as in numpy's sort */
        {"v < a", "v > a"}, {"(v == v) & ((a != a) | (v < a))", "(a == a) & ((v != v) | (v > a))"},
    };
    bool largest = attr_i(n, "largest") != 0, real = dtype_is_float(x.dtype);
    Call *c = call_kernel(l, n, "topk");
    call_write(c, y);
    call_write(c, at);
    call_read(c, x);
    call_type(c, "T", x.dtype);
    call_text(c, "BEFORE", before[real][largest]);
    axes_parameters(c, &others, others.rank, names);
    call_int(c, "N", x.dim[axis]);
    call_int(c, "I0", x.stride[axis]);
    call_int(c, "K", y.dim[axis]);
    call_int(c, "IR", y.stride[axis]);
    call_int(c, "I1", at.stride[axis]);
    call_note(c, "%s %lld of %s along axis %d", largest ? "largest" : "smallest", (long long)y.dim[axis],
              shape_text(&n->in[0]->shape), axis);
}
