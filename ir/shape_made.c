/* shape_made.c: shape rules of what is made from shapes, counts and random numbers. */
#include <math.h>

#include "../runtime/runtime.h"
#include "made.h"
#include "op.h"

/* The type attribute `name`; `otherwise` when it is absent and the row has no default. */
static DType type_attribute(const Node *n, const char *name, DType otherwise)
{
    int64_t code = attr_i(n, name);
    if (code == DT_NONE && !attr_has(n, name))
        return otherwise;
    if (code <= DT_NONE || code >= DT_LIMIT || !dtype_info((DType)code)->name)
        fail_node(SDC_UNSUPPORTED, n, "attribute '%s': type code %lld is not a numeric type that is supported", name,
                  (long long)code);
    return (DType)code;
}

void shape_range_of(const Node *n, int64_t *start, int64_t *end)
{
    int64_t rank = n->in[0]->shape.rank;
    *start = attr_i(n, "start");
    *end = attr_has(n, "end") ? attr_i(n, "end") : rank;
    *start += *start < 0 ? rank : 0;
    *end += *end < 0 ? rank : 0;
    *start = *start < 0 ? 0 : *start > rank ? rank : *start;
    *end = *end < *start ? *start : *end > rank ? rank : *end;
}

void shape_shape(Node *n)
{
    int64_t start, end;
    shape_range_of(n, &start, &end);
    Shape s = {.rank = 1, .dim = {end - start}};
    set_output(n, 0, DT_I64, &s);
}

void shape_size(Node *n)
{
    Shape s = {.rank = 0};
    set_output(n, 0, DT_I64, &s);
}

void shape_constant_of_shape(Node *n)
{
    const Attr *value = attr_find(n, "value");
    Shape s = {0};
    need_rank(n, 0, 1, 1);
    if (value && (value->type != ATTR_TENSOR || value->tensor->count != 1))
        fail_node(SDC_BAD_INPUT, n, "attribute 'value' must be a tensor of one element");
    s.rank = ints_of(n, 0, "shape", s.dim, MAX_RANK);
    set_output(n, 0, value ? value->tensor->dtype : DT_F32, &s);
}

void shape_range(Node *n)
{
    static const char *const names[] = {"start", "limit", "delta"};
    double bound[3];
    DType type = n->in[0]->dtype;
    for (int k = 0; k < 3; k++) {
        if (n->in[k]->dtype != type)
            fail_node(SDC_BAD_INPUT, n, "start, limit and delta differ in type");
        bound[k] = float_of(n, k, names[k]);
    }
    double count = ceil((bound[1] - bound[0]) / bound[2]);
    if (bound[2] == 0 || !isfinite(count) || count > 1e12)
        fail_node(SDC_BAD_INPUT, n, "a range from %g to %g in steps of %g", bound[0], bound[1], bound[2]);
    Shape s = {.rank = 1, .dim = {count > 0 ? (int64_t)count : 0}};
    set_output(n, 0, type, &s);
}

void shape_eye_like(Node *n)
{
    need_rank(n, 0, 2, 2);
    set_output(n, 0, type_attribute(n, "dtype", n->in[0]->dtype), &n->in[0]->shape);
}

int64_t one_hot_depth(const Node *n)
{
    double depth = float_of(n, 1, "depth");
    if (!(depth >= 1 && depth < 1e12))
        fail_node(SDC_BAD_INPUT, n, "a depth of %g", depth);
    return (int64_t)depth;
}

void shape_one_hot(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    if (x->rank == MAX_RANK)
        fail_node(SDC_UNSUPPORTED, n, "the result would have rank %d (at most %d are supported)", x->rank + 1,
                  MAX_RANK);
    if (n->in[2]->shape.rank != 1 || n->in[2]->shape.dim[0] != 2)
        fail_node(SDC_BAD_INPUT, n, "values must be [off, on], not of shape %s", shape_text(&n->in[2]->shape));
    Shape s = {.rank = x->rank + 1};
    int64_t axis = axis_of(n, attr_i(n, "axis"), s.rank);
    for (int k = 0; k < s.rank; k++)
        s.dim[k] = k < axis ? x->dim[k] : k == axis ? one_hot_depth(n) : x->dim[k - 1];
    set_output(n, 0, n->in[2]->dtype, &s);
}

void shape_random(Node *n)
{
    Shape s = {0};
    DType like = DT_F32;
    if (n->n_in) {
        s = n->in[0]->shape;
        like = dtype_is_float(n->in[0]->dtype) ? n->in[0]->dtype : DT_F32;
    } else {
        s.rank = attr_ints(n, "shape", s.dim, MAX_RANK);
        if (!attr_has(n, "shape"))
            fail_node(SDC_BAD_INPUT, n, "attribute 'shape' is missing");
    }
    DType type = type_attribute(n, "dtype", like);
    if (!dtype_is_float(type))
        fail_node(SDC_BAD_INPUT, n, "random numbers of type %s", dtype_info(type)->name);
    set_output(n, 0, type, &s);
}

void shape_window(Node *n)
{
    double size = float_of(n, 0, "size");
    if (!(size >= 0 && size < 1e12))
        fail_node(SDC_BAD_INPUT, n, "a size of %g", size);
    Shape s = {.rank = 1, .dim = {(int64_t)size}};
    set_output(n, 0, type_attribute(n, "output_datatype", DT_F32), &s);
}
