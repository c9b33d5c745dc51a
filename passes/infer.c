/* infer: dtype and shape of every value, in one sweep that folds as it goes, so that shapes computed from shapes
 * (Shape, Gather, Concat, Reshape chains) are constants by the time a rule asks for them.
 *
 *   needs:   bound inputs (no symbols)
 *   leaves:  every value with a dtype and a static shape; constant nodes folded; If with a constant condition replaced
 *            by its branch (the other branch is never looked at: it may not even be well shaped)                      */
#include "../ir/sdc.h"

void pass_infer(Graph *g)
{
    for (Node *n = g->first, *next; n; n = next) {
        if (n->op == OP_If && n->in[0]->constant) {
            next = inline_branch(n);
            continue;
        }
        infer_node(n);
        fold_node(n);
        next = n->next;
    }
}
