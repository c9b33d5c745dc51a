/* index_bound.c: integer inputs that index a table; random ones must stay inside it. */
#include "codegen.h"

/* Operators that look their data up: which operand holds the indices, and along which axes of operand 0. */
typedef enum { ALONG_AXIS, LAST_COORDINATES } IndexKind;
static const struct { Op op; int operand; IndexKind kind; } indexing[] = {
    {OP_Gather, 1, ALONG_AXIS},          {OP_GatherElements, 1, ALONG_AXIS},     {OP_ScatterElements, 1, ALONG_AXIS},
    {OP_GatherND, 1, LAST_COORDINATES},  {OP_ScatterND, 1, LAST_COORDINATES},
};

/* Operators that hand integers on as they are. */
static const Op passing[] = {OP_Cast, OP_Reshape, OP_Flatten, OP_Unsqueeze, OP_Squeeze, OP_Transpose, OP_Identity, OP_Expand, OP_Slice, OP_Concat,
                             OP_Tabulate, OP_TableRow};

static int64_t smaller(int64_t a, int64_t b)
{
    return a && (!b || a < b) ? a : b;
}

/* The extent that values of operand k of n index, 0 when they index nothing. */
static int64_t extent_of(const Node *n, int k)
{
    const Shape *table = &n->in[0]->shape;
    for (size_t row = 0; row < sizeof indexing / sizeof *indexing; row++) {
        if (indexing[row].op != n->op || indexing[row].operand != k)
            continue;
        if (indexing[row].kind == ALONG_AXIS)
            return table->dim[axis_of(n, attr_i(n, "axis"), table->rank)];
        int64_t least = 0;
        for (int d = 0; d < table->rank; d++)
            least = smaller(table->dim[d], least);
        return least;
    }
    return 0;
}

static int64_t bound(const Value *v, int depth)
{
    int64_t least = 0;
    for (int u = 0; u < v->n_uses && depth < 8; u++) {
        const Node *n = v->uses[u];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] == v)
                least = smaller(extent_of(n, k), least);
        for (size_t p = 0; p < sizeof passing / sizeof *passing; p++)
            if (n->op == passing[p] && n->out[0])
                least = smaller(bound(n->out[0], depth + 1), least);
    }
    return least;
}

int64_t index_bound(const Value *v)
{
    return bound(v, 0);
}
