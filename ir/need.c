/* need.c: demands on operands' types, each failing the node in one clear line. */
#include "need.h"

#include "../runtime/runtime.h"

void need_float(const Node *n, int k)
{
    const Value *v = input_of(n, k);
    if (v && !dtype_is_float(v->dtype))
        fail_node(SDC_BAD_INPUT, n, "input %d must be floating point, not %s", k, dtype_info(v->dtype)->name);
}

void need_integer(const Node *n, int k)
{
    const Value *v = input_of(n, k);
    char class = v ? dtype_info(v->dtype)->class : 'i';
    if (class != 'i' && class != 'u')
        fail_node(SDC_BAD_INPUT, n, "input %d must be an integer, not %s", k, dtype_info(v->dtype)->name);
}

DType mixed_type(DType a, DType b)
{
    return a == DT_F32 && dtype_is_half(b) ? b : a;
}

void need_mixable(const Node *n, int k, int j)
{
    const Value *a = input_of(n, k), *b = input_of(n, j);
    if (!a || !b || mixed_type(a->dtype, b->dtype) != mixed_type(b->dtype, a->dtype))
        need_same_type(n, k, j);
}

void need_same_type(const Node *n, int k, int j)
{
    const Value *a = input_of(n, k), *b = input_of(n, j);
    if (a && b && a->dtype != b->dtype)
        fail_node(SDC_BAD_INPUT, n, "inputs %d and %d are of types %s and %s; they must be the same", k, j,
                  dtype_info(a->dtype)->name, dtype_info(b->dtype)->name);
}
