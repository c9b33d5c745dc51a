/* order.c: definitions before uses.
 *
 * ONNX wants nodes in that order already, and most files have it; tools that edit models leave some out of order, which
 * is harmless as long as there is no cycle.  A node also depends on the outer values that its subgraphs read.
 * Depth-first from the first node on, without recursion, so a sorted file keeps its order. */
#include <string.h>

#include "onnx.h"

typedef struct Hidden { const struct Hidden *outer; NameMap names; } Hidden;     /* defined inside a subgraph */

typedef struct Order {
    const Context *at;
    NameMap producers;             /* name -> &index[node] */
    int64_t *index;
    int64_t *start;                /* of node k's edges; start[n] is the end */
    int64_t *edges;                /* nodes that it depends on */
    int64_t n_edges, room;
} Order;

static void edge_add(Order *o, int64_t node)
{
    if (o->n_edges == o->room) {
        o->room = o->room ? 2 * o->room : 64;
        o->edges = alloc_more(o->edges, o->n_edges, o->room, sizeof *o->edges);
    }
    o->edges[o->n_edges++] = node;
}

static void name_used(Order *o, const char *name, const Hidden *inner)
{
    for (; inner; inner = inner->outer)
        if (name_map_find(&inner->names, name))
            return;
    void **producer = name_map_find(&o->producers, name);
    if (producer)
        edge_add(o, *(const int64_t *)*producer);
}

static void hide_names(const Onnx__GraphProto *g, Hidden *inner)
{
    for (size_t k = 0; k < g->n_input; k++)
        name_map_add(&inner->names, g->input[k]->name, inner);
    for (size_t k = 0; k < g->n_initializer; k++)
        name_map_add(&inner->names, g->initializer[k]->name, inner);
    for (size_t k = 0; k < g->n_node; k++)
        for (size_t i = 0; i < g->node[k]->n_output; i++)
            name_map_add(&inner->names, g->node[k]->output[i], inner);
}

/* All names that a node reads from outside of itself; recursion is as deep as subgraphs nest, which onnx_scan.c bounds.
 */
static void node_reads(Order *o, const Onnx__NodeProto *node, const Hidden *inner)
{
    for (size_t k = 0; k < node->n_input; k++)
        name_used(o, node->input[k], inner);
    for (size_t k = 0; k < node->n_attribute; k++) {
        const Onnx__GraphProto *g = node->attribute[k]->g;
        Hidden deeper = {.outer = inner};
        if (!g)
            continue;
        hide_names(g, &deeper);
        for (size_t i = 0; i < g->n_node; i++)
            node_reads(o, g->node[i], &deeper);
        for (size_t i = 0; i < g->n_output; i++)
            name_used(o, g->output[i]->name, &deeper);
    }
}

static void find_producers(Order *o, Onnx__NodeProto *const *nodes, size_t n)
{
    o->index = alloc_array((int64_t)n + 1, sizeof *o->index);
    for (size_t k = 0; k < n; k++) {
        o->index[k] = (int64_t)k;
        for (size_t i = 0; i < nodes[k]->n_output; i++) {
            const char *name = nodes[k]->output[i];
            bool taken = name_map_find(&o->at->scope->values, name);
            if (*name && (taken || !name_map_add(&o->producers, name, &o->index[k])))
                refuse(o->at->import, "%s: '%s' is already defined", node_title(nodes[k]), name);
        }
    }
}

int64_t *nodes_order(const Context *at, Onnx__NodeProto *const *nodes, size_t n)
{
    enum { NEW, OPEN, DONE };
    Order o = {.at = at};
    find_producers(&o, nodes, n);
    o.start = alloc_array((int64_t)n + 1, sizeof *o.start);
    for (size_t k = 0; k < n; k++) {
        node_reads(&o, nodes[k], NULL);
        o.start[k + 1] = o.n_edges;
    }
    int64_t *order = alloc_array((int64_t)n, sizeof *order), *stack = alloc_array((int64_t)n + 1, sizeof *stack);
    int64_t *next = alloc_array((int64_t)n + 1, sizeof *next), done = 0;
    memcpy(next, o.start, (n + 1) * sizeof *next);
    char *state = alloc(n + 1);
    for (size_t root = 0; root < n; root++) {
        int64_t depth = 0;
        if (state[root] == NEW)
            stack[depth++] = (int64_t)root;
        while (depth > 0) {
            int64_t node = stack[depth - 1];
            state[node] = OPEN;
            while (next[node] < o.start[node + 1] && state[o.edges[next[node]]] == DONE)
                next[node]++;
            if (next[node] == o.start[node + 1]) {
                state[node] = DONE;
                order[done++] = node;
                depth--;
            } else if (state[o.edges[next[node]]] == OPEN)
                refuse(at->import, "%s depends on its own result: the graph has a cycle", node_title(nodes[node]));
            else
                stack[depth++] = o.edges[next[node]];
        }
    }
    return order;
}
