/* shape_elementwise.c: the shape rule of all EW rows: broadcast, one type for all operands save where ONNX says
 * otherwise. */
#include "elementwise.h"

#include <string.h>

#include "../runtime/runtime.h"
#include "need.h"
#include "op.h"

void elementwise_attributes(const Node *n, double *value)
{
    const char *row = op_info(n->op)->attrs;
    for (int k = 0; k < 2; k++) {
        value[k] = 0;
        size_t length = strcspn(row, ":");
        if (!row[length])
            continue;
        const char *name = text_format("%.*s", (int)length, row);
        value[k] = row[length + 1] == 'i' ? (double)attr_i(n, name) : attr_f(n, name);
        row += strcspn(row, " ");
        row += *row == ' ';
    }
}

/* The operands' type; a half type where f32 stands beside it. */
static DType check_types(const Node *n)
{
    const OpInfo *row = op_info(n->op);
    int first = n->op == OP_Where ? 1 : 0;
    DType type = n->in[first]->dtype;
    bool real = false;
    if (n->op == OP_Where && n->in[0]->dtype != DT_BOOL)
        fail_node(SDC_BAD_INPUT, n, "the condition is %s, not bool", dtype_info(n->in[0]->dtype)->name);
    for (int k = first; k < n->n_in; k++) {
        real |= dtype_is_float(n->in[k]->dtype);
        if (n->op != OP_Pow && mixed_type(n->in[k]->dtype, type) != mixed_type(type, n->in[k]->dtype))
            fail_node(SDC_BAD_INPUT, n, "input %d is %s, input %d %s: they must have one type", first,
                      dtype_info(n->in[first]->dtype)->name, k, dtype_info(n->in[k]->dtype)->name);
        if (n->op != OP_Pow)
            type = mixed_type(type, n->in[k]->dtype);
    }
    if (!strcmp(real ? row->float_meaning : row->int_meaning, "NONE"))
        fail_node(SDC_BAD_INPUT, n, "%s is not defined for %s", row->name, dtype_info(n->in[first]->dtype)->name);
    return type;
}

void shape_elementwise(Node *n)
{
    Shape s = n->in[0]->shape;
    DType type = check_types(n);
    for (int k = 1; k < n->n_in; k++)
        broadcast_shapes(n, &s, &n->in[k]->shape, &s);
    set_output(n, 0, op_info(n->op)->result == EW_boolean ? DT_BOOL : type, &s);
}
