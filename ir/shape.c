/* shape.c: shapes, and what shape rules and lowerings ask of their operands. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "sdc.h"

/* No tensor may have more elements: 8 TB of doubles is a broken file, not a model. */
#define COUNT_CAP ((int64_t)1 << 40)

Shape shape_of(int rank, const int64_t *dim)
{
    Shape s = {.rank = rank};
    if (rank > MAX_RANK)
        fail(SDC_UNSUPPORTED, "a shape of rank %d (at most %d are supported)", rank, MAX_RANK);
    for (int k = 0; k < rank; k++)
        s.dim[k] = dim[k];
    return s;
}

int64_t shape_count(const Shape *s)
{
    int64_t count = 1;
    bool empty = false;
    for (int k = 0; k < s->rank; k++) {
        empty |= s->dim[k] == 0;
        if (s->dim[k] < 0 || (s->dim[k] && (mul_overflow(count, s->dim[k], &count) || count > COUNT_CAP)))
            fail(SDC_BAD_INPUT, "shape %s is impossibly large or negative", shape_text(s));
    }
    return empty ? 0 : count;
}

bool shape_equal(const Shape *a, const Shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int k = 0; k < a->rank; k++)
        if (a->dim[k] != b->dim[k])
            return false;
    return true;
}

void shape_strides(const Shape *s, int64_t *strides)
{
    int64_t step = 1;
    for (int k = s->rank; k-- > 0; step *= s->dim[k])
        strides[k] = step;
}

const char *shape_text(const Shape *s)
{
    char text[24 * MAX_RANK + 8] = "[";
    size_t used = 1;
    if (s->rank < 0)
        return "[?]";
    for (int k = 0; k < s->rank; k++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", k ? "," : "", (long long)s->dim[k]);
    snprintf(text + used, sizeof text - used, "]");
    return text_copy(text);
}

int64_t axis_of(const Node *n, int64_t axis, int rank)
{
    if (axis < -rank || axis >= rank)
        fail_node(SDC_BAD_INPUT, n, "axis %lld is out of range for rank %d", (long long)axis, rank);
    return axis < 0 ? axis + rank : axis;
}

void set_output(Node *n, int k, DType dtype, const Shape *s)
{
    Value *v = output_of(n, k);
    if (!v)
        return;
    for (int d = 0; d < s->rank; d++)
        if (s->dim[d] < 0)
            fail_node(SDC_BAD_INPUT, n, "output %d would have the shape %s", k, shape_text(s));
    int64_t count = 1;
    for (int d = 0; d < s->rank; d++)
        if (s->dim[d] && (mul_overflow(count, s->dim[d], &count) || count > COUNT_CAP))
            fail_node(SDC_BAD_INPUT, n, "output %d would have the impossibly large shape %s", k, shape_text(s));
    v->dtype = dtype;
    v->shape = *s;
}

void need_rank(const Node *n, int k, int low, int high)
{
    int rank = n->in[k]->shape.rank;
    if (rank >= low && rank <= high)
        return;
    if (low == high)
        fail_node(SDC_BAD_INPUT, n, "input %d must have rank %d, not %d", k, low, rank);
    fail_node(SDC_BAD_INPUT, n, "input %d must have rank %d to %d, not %d", k, low, high, rank);
}

void broadcast_shapes(const Node *n, const Shape *a, const Shape *b, Shape *into)
{
    Shape r = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int k = 1; k <= r.rank; k++) {
        int64_t x = k <= a->rank ? a->dim[a->rank - k] : 1, y = k <= b->rank ? b->dim[b->rank - k] : 1;
        if (x != y && x != 1 && y != 1)
            fail_node(SDC_BAD_INPUT, n, "shapes %s and %s do not broadcast", shape_text(a), shape_text(b));
        r.dim[r.rank - k] = x == 1 ? y : x;
    }
    *into = r;
}

bool is_constant(const Value *v)
{
    return v && v->constant;
}

const char *bind_advice(const Node *n, const char *input)
{
    if (n->graph && n->graph->model && n->graph->model->in_folder)
        return "export the model with it as a constant";
    return text_format("bind it with --bind %s=FILE.npy", input ? input : "INPUT");
}

/* Input k as a tensor, or an error that says how to make it one. */
static const Tensor *operand(const Node *n, int k, const char *what)
{
    Value *v = input_of(n, k);
    if (!v)
        fail_node(SDC_BAD_INPUT, n, "input %d (%s) is missing", k, what);
    if (!v->constant)
        fail_node(SDC_UNSUPPORTED, n, "input %d (%s) depends on run-time data; %s", k, what, bind_advice(n, v->name));
    return constant_tensor(v);
}

int64_t *ints_list(const Node *n, int k, const char *what, int64_t *count)
{
    const Tensor *t = operand(n, k, what);
    int bytes = dtype_info(t->dtype)->bytes;
    int64_t *list = alloc_array(t->count, sizeof *list);
    for (int64_t e = 0; e < t->count; e++) {
        const char *p = (const char *)t->data + e * bytes;
        list[e] = dtype_is_float(t->dtype) ? (int64_t)dtype_load_f(t->dtype, p) : dtype_load_i(t->dtype, p);
    }
    *count = t->count;
    constant_release(n->in[k]);
    return list;
}

int ints_of(const Node *n, int k, const char *what, int64_t *into, int room)
{
    int64_t count;
    int64_t *list = ints_list(n, k, what, &count);
    if (count > room)
        fail_node(SDC_BAD_INPUT, n, "input %d (%s) has %lld entries, at most %d make sense", k, what, (long long)count, room);
    memcpy(into, list, (size_t)count * sizeof *into);
    return (int)count;
}

double float_of(const Node *n, int k, const char *what)
{
    const Tensor *t = operand(n, k, what);
    if (t->count != 1)
        fail_node(SDC_BAD_INPUT, n, "input %d (%s) must have one element, not %lld", k, what, (long long)t->count);
    double v = dtype_is_float(t->dtype) ? dtype_load_f(t->dtype, t->data) : (double)dtype_load_i(t->dtype, t->data);
    constant_release(n->in[k]);
    return v;
}
