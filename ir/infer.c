/* infer.c: the type and shape of one node's results, by its row's rule. */
#include "op.h"

#include "../runtime/runtime.h"

static void check_arity(const Node *n)
{
    const OpInfo *row = op_info(n->op);
    int given = n->n_in;
    while (given > 0 && !n->in[given - 1])
        given--;
    if (given < row->in_min || (row->in_max >= 0 && given > row->in_max))
        fail_node(SDC_BAD_INPUT, n, "has %d inputs; %s takes %d to %d", given, row->name, row->in_min, row->in_max);
    if (n->n_out < row->out_min || (row->out_max >= 0 && n->n_out > row->out_max))
        fail_node(SDC_BAD_INPUT, n, "has %d outputs; %s gives %d to %d", n->n_out, row->name, row->out_min, row->out_max);
    for (int k = 0; k < n->n_in; k++) {
        const Value *v = n->in[k];
        if (!v && k < row->in_min)
            fail_node(SDC_BAD_INPUT, n, "input %d is required", k);
        if (v && (v->dtype == DT_NONE || v->shape.rank == NO_SHAPE))
            bug("v%d, an input of n%d (%s), has no type yet", v->id, n->id, row->name);
    }
}

void infer_node(Node *n)
{
    check_arity(n);
    op_info(n->op)->shape(n);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && (n->out[k]->dtype == DT_NONE || n->out[k]->shape.rank == NO_SHAPE))
            bug("the shape rule of %s left output %d without a type", op_info(n->op)->name, k);
}
