/* shape_cast.c: shape rules of the type changes. */
#include <string.h>

#include "../runtime/runtime.h"
#include "op.h"

static DType type_attribute(const Node *n, int64_t code)
{
    if (code <= DT_NONE || code >= DT_LIMIT || !dtype_info((DType)code)->name)
        fail_node(SDC_UNSUPPORTED, n, "type code %lld is not a numeric type that is supported", (long long)code);
    return (DType)code;
}

static void check_round_mode(const Node *n)
{
    const char *mode = attr_s(n, "round_mode");
    if (strcmp(mode, "up") && strcmp(mode, "down") && strcmp(mode, "nearest"))
        fail_node(SDC_BAD_INPUT, n, "round_mode '%s' is none of up, down, nearest", mode);
}

void shape_cast(Node *n)
{
    check_round_mode(n);
    set_output(n, 0, type_attribute(n, attr_i(n, "to")), &n->in[0]->shape);
}

void shape_castlike(Node *n)
{
    check_round_mode(n);
    set_output(n, 0, n->in[1]->dtype, &n->in[0]->shape);
}

void shape_bitcast(Node *n)
{
    DType to = type_attribute(n, attr_i(n, "to"));
    const DTypeInfo *from = dtype_info(n->in[0]->dtype);
    if (from->bits != dtype_info(to)->bits)
        fail_node(SDC_BAD_INPUT, n, "%s has %d bits, %s %d", from->name, from->bits, dtype_info(to)->name,
                  dtype_info(to)->bits);
    set_output(n, 0, to, &n->in[0]->shape);
}
