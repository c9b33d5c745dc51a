/* query.c: what several stages ask about nodes. */
#include "../runtime/runtime.h"
#include "sdc.h"

int transpose_perm(const Node *n, int64_t *perm)
{
    int rank = n->in[0]->shape.rank;
    int given = attr_ints(n, "perm", perm, MAX_RANK);
    if (!attr_has(n, "perm"))
        for (int k = 0; k < rank; k++)
            perm[k] = rank - 1 - k;
    else if (given != rank)
        fail_node(SDC_BAD_INPUT, n, "perm has %d entries for rank %d", given, rank);
    unsigned seen = 0;
    for (int k = 0; k < rank; k++) {
        perm[k] = axis_of(n, perm[k], rank);
        seen |= 1u << perm[k];
    }
    if (seen != (1u << rank) - 1)
        fail_node(SDC_BAD_INPUT, n, "perm is not a permutation of the axes");
    return rank;
}

bool slice_is_whole(const Node *n)
{
    if (!shape_equal(&n->in[0]->shape, &n->out[0]->shape))
        return false;
    int64_t steps[MAX_RANK];
    int count = input_of(n, 4) ? ints_of(n, 4, "steps", steps, MAX_RANK) : 0;
    for (int k = 0; k < count; k++)
        if (steps[k] < 0)
            return false;
    return true;
}

bool dropout_is_identity(const Node *n)
{
    Value *training = input_of(n, 2), *ratio = input_of(n, 1);
    if (!training)
        return true;
    if (!is_constant(training))
        return false;
    return float_of(n, 2, "training_mode") == 0 || (is_constant(ratio) && float_of(n, 1, "ratio") == 0);
}
