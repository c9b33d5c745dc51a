/* fold: constants leave the graph.
 *
 *   needs:   inferred shapes
 *   leaves:  no node all of whose outputs are initializers; If with a constant condition is its branch; recipes (large
 *            results of constants) stay as nodes marked constant                                                      */
#include "../ir/sdc.h"

#include "../runtime/runtime.h"

/* Move the nodes of the branch that is taken in front of the If; returns the node to go on with. */
Node *inline_branch(Node *n)
{
    const Tensor *condition = constant_tensor(n->in[0]);
    if (condition->dtype != DT_BOOL || condition->count != 1)
        fail_node(SDC_BAD_INPUT, n, "the condition must be one bool");
    const Attr *a = attr_find(n, dtype_load_i(condition->dtype, condition->data) ? "then_branch" : "else_branch");
    constant_release(n->in[0]);
    if (!a || !a->graph)
        fail_node(SDC_BAD_INPUT, n, "a branch is missing");
    Graph *branch = a->graph;
    if (branch->n_outputs != n->n_out)
        fail_node(SDC_BAD_INPUT, n, "a branch gives %d outputs, the node has %d", branch->n_outputs, n->n_out);
    Node *first = branch->first;
    graph_splice(n, branch);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            value_replace(n->out[k], branch->outputs[k]);
    Node *after = first ? first : n->next;
    node_remove(n);
    return after;
}

void pass_fold(Graph *g)
{
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (n->op == OP_If && n->in[0]->constant) {
            next = inline_branch(n);
            continue;
        }
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                pass_fold(n->attrs[a].graph);
        bool folded = n->n_out > 0;
        for (int k = 0; k < n->n_out; k++)
            folded &= !n->out[k] || n->out[k]->tensor;
        if (!folded)
            continue;
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k]) {
                n->out[k]->folded = n;
                n->out[k]->def = NULL;
            }
        node_detach(n);
    }
}
