/* modulation.c: a LayerNormalization or RMSNormalization that is modulated several times becomes one for each, for
 * pass_fuse: SD3.5's blocks with dual attention scale and shift one norm in two ways.
 *
 * Each copy is then fused with its own scale and shift.  The statistics are taken once more, and the plain norm is
 * neither stored nor read. */
#include "fuse.h"

enum { MOST_COPIES = 4 };

/* The last node of the elementwise nodes of v's shape that go on from n, each read by the next one alone; NULL when one
 * of them belongs to another norm or product. */
static Node *end_of(Node *n, const Value *v)
{
    while (joins(n) && shape_equal(&n->out[0]->shape, &v->shape)) {
        const Value *result = n->out[0];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != v && n->in[k]->def && is_anchor(n->in[k]->def) &&
                shape_equal(&n->in[k]->shape, &v->shape))
                return NULL;
        if (result->n_uses != 1 || result->graph_output || result->uses[0]->graph != n->graph || !joins(result->uses[0]))
            return n;
        n = result->uses[0];
    }
    return NULL;
}

void part_norm(Node *norm)
{
    Value *v = norm->out[0];
    Node *end[MOST_COPIES];
    if ((norm->op != OP_LayerNormalization && norm->op != OP_RMSNormalization) || !is_anchor(norm) || v->n_uses < 2 ||
        v->n_uses > MOST_COPIES || v->graph_output)
        return;
    for (int k = 0; k < v->n_uses; k++) {
        end[k] = v->uses[k]->graph == norm->graph ? end_of(v->uses[k], v) : NULL;
        for (int j = 0; j < k; j++)
            if (end[j] == end[k])           /* they meet again: one group */
                return;
        if (!end[k])
            return;
    }
    while (v->n_uses > 1) {
        Node *reader = v->uses[0];
        Value *copy = node_copy(norm, norm)->out[0];
        for (int k = 0; k < reader->n_in; k++)
            if (reader->in[k] == v)
                node_set_input(reader, k, copy);
    }
}
