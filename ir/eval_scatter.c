/* eval_scatter.c: the oracle for ScatterElements, ScatterND and TensorScatter.  Updates are applied in row-major
 * order. */
#include "index.h"
#include "op.h"

#include <math.h>
#include <string.h>

#include "../runtime/runtime.h"

typedef enum { PUT, ADD, MULTIPLY, LARGER, SMALLER } Merge;

static Merge merge_of(const Node *n)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    for (int k = 0; k < 5; k++)
        if (!strcmp(attr_s(n, "reduction"), names[k]))
            return (Merge)k;
    bug("reduction '%s'", attr_s(n, "reduction"));
}

static void copy_all(Array *y, const Array *x)
{
    if (y->count)
        memcpy(y->f ? (void *)y->f : y->i, x->f ? (const void *)x->f : x->i, (size_t)y->count * 8);
}

/* Does the update lose against what is there?  NaN wins, as in numpy's maximum and minimum. */
static bool loses(Merge how, const Array *y, int64_t to, const Array *u, int64_t from)
{
    if (y->f && (isnan(y->f[to]) || isnan(u->f[from])))
        return isnan(y->f[to]);
    int order = array_compare(u, from, y, to);
    return how == LARGER ? order <= 0 : order >= 0;
}

/* y[to] becomes y[to] merged with u[from]. */
static void merge_element(Merge how, Array *y, int64_t to, const Array *u, int64_t from)
{
    if ((how == LARGER || how == SMALLER) && loses(how, y, to, u, from))
        return;
    if (y->f) {
        double v = u->f[from];
        y->f[to] = how == ADD ? y->f[to] + v : how == MULTIPLY ? y->f[to] * v : v;
    } else {
        uint64_t old = (uint64_t)y->i[to], v = (uint64_t)u->i[from];
        y->i[to] = (int64_t)(how == ADD ? old + v : how == MULTIPLY ? old * v : v);
    }
}

static int64_t checked(const Node *n, int64_t index, int64_t extent)
{
    int64_t at = index_wrap(index, extent);
    if (at < 0)
        fail_node(SDC_BAD_INPUT, n, "index %lld is out of range for an extent of %lld", (long long)index,
                  (long long)extent);
    return at;
}

void eval_scatter_elements(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *indices = in[1];
    Array *y = out[0];
    int rank = y->shape.rank, axis = (int)axis_of(n, attr_i(n, "axis"), rank);
    Merge how = merge_of(n);
    int64_t stride[MAX_RANK], at[MAX_RANK] = {0};
    copy_all(y, in[0]);
    shape_strides(&y->shape, stride);
    for (int64_t k = 0; k < indices->count; k++) {
        int64_t to = index_offset(rank, at, stride) - at[axis] * stride[axis];
        to += checked(n, indices->i[k], y->shape.dim[axis]) * stride[axis];
        merge_element(how, y, to, in[2], k);
        index_next(rank, indices->shape.dim, at);
    }
}

void eval_scatter_nd(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *indices = in[1];
    Array *y = out[0];
    int last = indices->shape.rank - 1, length = (int)indices->shape.dim[last];
    Merge how = merge_of(n);
    int64_t stride[MAX_RANK];
    copy_all(y, in[0]);
    shape_strides(&y->shape, stride);
    int64_t tuples = index_span(indices->shape.dim, 0, last), slice = index_span(y->shape.dim, length, y->shape.rank);
    for (int64_t t = 0; t < tuples; t++) {
        int64_t to = 0;
        for (int k = 0; k < length; k++)
            to += checked(n, indices->i[t * length + k], y->shape.dim[k]) * stride[k];
        for (int64_t e = 0; e < slice; e++)
            merge_element(how, y, to + e, in[2], t * slice + e);
    }
}

void eval_tensor_scatter(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *update = in[1];
    Array *y = out[0];
    int axis = (int)axis_of(n, attr_i(n, "axis"), y->shape.rank);
    bool circular = !strcmp(attr_s(n, "mode"), "circular");
    int64_t room = y->shape.dim[axis], steps = update->shape.dim[axis];
    int64_t inner = index_span(y->shape.dim, axis + 1, y->shape.rank), prefixes = index_span(y->shape.dim, 0, axis);
    copy_all(y, in[0]);
    for (int64_t p = 0; p < prefixes; p++) {
        int64_t start = n->n_in > 2 && in[2] ? in[2]->i[p / (prefixes / y->shape.dim[0])] : 0;
        if (steps && (start < 0 || (!circular && start > room - steps)))
            fail_node(SDC_BAD_INPUT, n, "write index %lld leaves no room for %lld steps in a cache of %lld",
                      (long long)start, (long long)steps, (long long)room);
        for (int64_t s = 0; s < steps; s++)
            for (int64_t e = 0; e < inner; e++)
                merge_element(PUT, y, (p * room + (start % room + s) % room) * inner + e, update,
                              (p * steps + s) * inner + e);
    }
}
