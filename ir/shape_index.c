/* shape_index.c: shape rules of gathers, scatters and TopK. */
#include "need.h"
#include "op.h"

#include <string.h>

#include "../runtime/runtime.h"

static void need_integers(const Node *n, int k)
{
    DType type = n->in[k]->dtype;
    if (type != DT_I64 && type != DT_I32)
        fail_node(SDC_BAD_INPUT, n, "input %d must hold i32 or i64 indices, not %s", k, dtype_info(type)->name);
}

/* Every index of an empty axis is out of range. */
static void need_extent(const Node *n, int64_t extent, const Shape *indices)
{
    if (!extent && shape_count(indices))
        fail_node(SDC_BAD_INPUT, n, "there is nothing to index along an axis of extent 0");
}

void shape_gather(Node *n)
{
    const Shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    need_integers(n, 1);
    need_rank(n, 0, 1, MAX_RANK);
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->rank);
    need_extent(n, x->dim[axis], indices);
    if (x->rank + indices->rank - 1 > MAX_RANK)
        fail_node(SDC_UNSUPPORTED, n, "the result would have rank %d, at most %d are supported",
                  x->rank + indices->rank - 1, MAX_RANK);
    Shape y = {.rank = x->rank + indices->rank - 1};
    memcpy(y.dim, x->dim, (size_t)axis * sizeof *y.dim);
    memcpy(y.dim + axis, indices->dim, (size_t)indices->rank * sizeof *y.dim);
    memcpy(y.dim + axis + indices->rank, x->dim + axis + 1, (size_t)(x->rank - axis - 1) * sizeof *y.dim);
    set_output(n, 0, n->in[0]->dtype, &y);
}

/* Indices lie inside the data along every axis but the one they index. */
static void need_inside(const Node *n, const Shape *indices, const Shape *x, int axis)
{
    if (indices->rank != x->rank)
        fail_node(SDC_BAD_INPUT, n, "data and indices must have one rank, not %d and %d", x->rank, indices->rank);
    for (int k = 0; k < x->rank; k++)
        if (k != axis && indices->dim[k] > x->dim[k])
            fail_node(SDC_BAD_INPUT, n, "indices %s exceed the data %s along axis %d", shape_text(indices),
                      shape_text(x), k);
    need_extent(n, x->dim[axis], indices);
}

void shape_gather_elements(Node *n)
{
    need_integers(n, 1);
    need_rank(n, 0, 1, MAX_RANK);
    need_inside(n, &n->in[1]->shape, &n->in[0]->shape, (int)axis_of(n, attr_i(n, "axis"), n->in[0]->shape.rank));
    set_output(n, 0, n->in[0]->dtype, &n->in[1]->shape);
}

/* Length of the index tuples of GatherND and ScatterND; checks them against the data. */
static int tuple_length(const Node *n, int batch)
{
    const Shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    if (n->in[1]->dtype != DT_I64)
        fail_node(SDC_BAD_INPUT, n, "input 1 must hold i64 indices, not %s", dtype_info(n->in[1]->dtype)->name);
    need_rank(n, 0, 1, MAX_RANK);
    need_rank(n, 1, batch + 1, MAX_RANK);
    int64_t length = indices->dim[indices->rank - 1];
    if (length > x->rank - batch)
        fail_node(SDC_BAD_INPUT, n, "index tuples of length %lld are too long for data of rank %d", (long long)length,
                  x->rank);
    if (shape_count(indices))
        for (int k = 0; k < length; k++)
            need_extent(n, x->dim[batch + k], indices);
    return (int)length;
}

void shape_gather_nd(Node *n)
{
    const Shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    int64_t batch = attr_i(n, "batch_dims");
    if (batch < 0 || batch >= indices->rank || batch >= x->rank)
        fail_node(SDC_BAD_INPUT, n, "batch_dims %lld is out of range", (long long)batch);
    int length = tuple_length(n, (int)batch);
    for (int k = 0; k < batch; k++)
        if (x->dim[k] != indices->dim[k])
            fail_node(SDC_BAD_INPUT, n, "batch axis %d is %lld in the data and %lld in the indices", k,
                      (long long)x->dim[k], (long long)indices->dim[k]);
    Shape y = {.rank = 0};
    int rank = indices->rank - 1 + x->rank - (int)batch - length;
    if (rank > MAX_RANK)
        fail_node(SDC_UNSUPPORTED, n, "the result would have rank %d, at most %d are supported", rank, MAX_RANK);
    for (int k = 0; k < indices->rank - 1; k++)
        y.dim[y.rank++] = indices->dim[k];
    for (int k = (int)batch + length; k < x->rank; k++)
        y.dim[y.rank++] = x->dim[k];
    set_output(n, 0, n->in[0]->dtype, &y);
}

static void need_reduction(const Node *n)
{
    static const char *const known[] = {"none", "add", "mul", "max", "min"};
    const char *given = attr_s(n, "reduction");
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (!strcmp(given, known[k]))
            return;
    fail_node(SDC_BAD_INPUT, n, "reduction '%s' is unknown (none, add, mul, max, min)", given);
}

void shape_scatter_elements(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    need_integers(n, 1);
    need_same_type(n, 0, 2);
    need_reduction(n);
    need_rank(n, 0, 1, MAX_RANK);
    need_inside(n, &n->in[1]->shape, x, (int)axis_of(n, attr_i(n, "axis"), x->rank));
    if (!shape_equal(&n->in[1]->shape, &n->in[2]->shape))
        fail_node(SDC_BAD_INPUT, n, "indices %s and updates %s must have one shape", shape_text(&n->in[1]->shape),
                  shape_text(&n->in[2]->shape));
    set_output(n, 0, n->in[0]->dtype, x);
}

void shape_scatter_nd(Node *n)
{
    const Shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    need_same_type(n, 0, 2);
    need_reduction(n);
    int length = tuple_length(n, 0);
    Shape expected = {.rank = 0};
    if (indices->rank - 1 + x->rank - length > MAX_RANK)
        fail_node(SDC_UNSUPPORTED, n, "updates of a rank above %d", MAX_RANK);
    for (int k = 0; k < indices->rank - 1; k++)
        expected.dim[expected.rank++] = indices->dim[k];
    for (int k = length; k < x->rank; k++)
        expected.dim[expected.rank++] = x->dim[k];
    if (!shape_equal(&expected, &n->in[2]->shape))
        fail_node(SDC_BAD_INPUT, n, "updates must have the shape %s, not %s", shape_text(&expected),
                  shape_text(&n->in[2]->shape));
    set_output(n, 0, n->in[0]->dtype, x);
}

void shape_tensor_scatter(Node *n)
{
    const Shape *x = &n->in[0]->shape, *update = &n->in[1]->shape;
    const char *mode = attr_s(n, "mode");
    need_same_type(n, 0, 1);
    need_rank(n, 0, 2, MAX_RANK);
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->rank);
    if (!axis)
        fail_node(SDC_BAD_INPUT, n, "axis can not be 0, the batch");
    if (strcmp(mode, "linear") && strcmp(mode, "circular"))
        fail_node(SDC_BAD_INPUT, n, "mode '%s' is unknown (linear, circular)", mode);
    bool fits = update->rank == x->rank;
    for (int k = 0; fits && k < x->rank; k++)
        fits = k == axis ? update->dim[k] <= x->dim[k] : update->dim[k] == x->dim[k];
    if (!fits)
        fail_node(SDC_BAD_INPUT, n, "update %s does not fit the cache %s along axis %d", shape_text(update),
                  shape_text(x), axis);
    if (input_of(n, 2)) {
        const Shape *at = &n->in[2]->shape;
        need_integers(n, 2);
        if (at->rank != 1 || at->dim[0] != x->dim[0])
            fail_node(SDC_BAD_INPUT, n, "write_indices must have the shape [%lld]", (long long)x->dim[0]);
    }
    set_output(n, 0, n->in[0]->dtype, x);
}

void shape_topk(Node *n)
{
    int64_t k;
    Shape y = n->in[0]->shape;
    int axis = (int)axis_of(n, attr_i(n, "axis"), y.rank);
    if (ints_of(n, 1, "K", &k, 1) != 1 || k < 0 || k > y.dim[axis])
        fail_node(SDC_BAD_INPUT, n, "K must be one number from 0 to %lld", (long long)y.dim[axis]);
    y.dim[axis] = k;
    set_output(n, 0, n->in[0]->dtype, &y);
    set_output(n, 1, DT_I64, &y);
}
