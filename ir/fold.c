/* fold.c: what is known before a run.
 *
 * A node whose inputs are all constant has constant outputs.  Small outputs are evaluated by the oracle at once and become
 * initializers.  Large ones, and weights that kernels read as integers, stay in the graph as recipes: the nodes are kept,
 * and constant_tensor() evaluates them when the weights are packed, so that the compiler's memory does not grow with the
 * model. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "large.h"
#include "op.h"

#define FOLD_BYTES (64 << 10)       /* larger results stay recipes */

/* Control flow is folded as a whole only when nothing captured from outside is unknown. */
static bool captures_constant(const Graph *g)
{
    for (const Node *n = g->first; n; n = n->next) {
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] && n->in[k]->graph != g && !n->in[k]->constant)
                return false;
        if (op_is_random(n->op))
            return false;
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                return false;
    }
    return true;
}

static bool foldable(const Node *n)
{
    if (n->op == OP_Shape || n->op == OP_Size)
        return true;
    if (op_is_random(n->op))
        return false;
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] && !n->in[k]->constant)
            return false;
    for (int a = 0; a < n->n_attrs; a++)
        if (n->attrs[a].graph && !captures_constant(n->attrs[a].graph))
            return false;
    return true;
}

static int64_t bytes_of(const Value *v)
{
    return shape_count(&v->shape) * dtype_info(v->dtype)->bytes;
}

/* Evaluate n on its constant inputs; out[k] is NULL where n->out[k] is. */
static void evaluate(const Node *n, Array **out)
{
    const Array **in = calloc((size_t)n->n_in + 1, sizeof *in);
    bool shape_only = n->op == OP_Shape || n->op == OP_Size;
    for (int k = 0; k < n->n_in; k++) {
        if (!n->in[k])
            continue;
        if (shape_only) {           /* the operand's shape is all that counts; its data may not exist */
            Array *a = calloc(1, sizeof *a);
            *a = (Array){.dtype = n->in[k]->dtype, .shape = n->in[k]->shape, .count = shape_count(&n->in[k]->shape)};
            in[k] = a;
        } else {
            in[k] = array_from_tensor(constant_tensor(n->in[k]));
            constant_release(n->in[k]);
        }
    }
    for (int k = 0; k < n->n_out; k++)
        out[k] = n->out[k] ? array_new(n->out[k]->dtype, &n->out[k]->shape) : NULL;
    bool nested = false;
    for (int a = 0; a < n->n_attrs; a++)
        nested |= n->attrs[a].graph != NULL;
    if (nested)
        eval_alone(n, in, out);
    else
        eval_node(n, in, out, false);
    if (out[0] && out[0]->count > FOLD_BYTES)
        memory_sample();
    for (int k = 0; k < n->n_in; k++)
        array_free((Array *)(uintptr_t)in[k]);
    free(in);
}

bool fold_node(Node *n)
{
    if (!foldable(n))
        return false;
    bool small = true;
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k]) {
            n->out[k]->constant = true;
            small &= bytes_of(n->out[k]) <= FOLD_BYTES && !quantized_weight(n->out[k]);
        }
    if (!small)
        return true;
    Array **out = calloc((size_t)n->n_out + 1, sizeof *out);
    evaluate(n, out);
    for (int k = 0; k < n->n_out; k++)
        if (out[k]) {
            Tensor *t = array_to_tensor(out[k]);
            Tensor *kept = alloc(sizeof *kept);
            size_t bytes = (size_t)t->count * (size_t)dtype_info(t->dtype)->bytes;
            *kept = *t;
            kept->data = memcpy(alloc(bytes + 1), t->data, bytes);
            free(t);
            array_free(out[k]);
            n->out[k]->tensor = kept;
        }
    free(out);
    return true;
}

const Tensor *constant_tensor(Value *v)
{
    if (v->tensor)
        return v->tensor;
    if (!v->constant)
        bug("v%d is not constant", v->id);
    Node *n = v->def;
    if ((v->tensor = large_tensor(v))) {
        v->evaluated = true;
        return v->tensor;
    }
    Array **out = calloc((size_t)n->n_out + 1, sizeof *out);
    evaluate(n, out);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] == v)
            v->tensor = array_to_tensor(out[k]);
    for (int k = 0; k < n->n_out; k++)
        array_free(out[k]);
    free(out);
    v->evaluated = true;
    return v->tensor;
}

void constant_release(Value *v)
{
    if (!v->evaluated)
        return;
    free((void *)(uintptr_t)v->tensor);
    v->tensor = NULL;
    v->evaluated = false;
}
