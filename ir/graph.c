/* graph.c: building and changing graphs.  Every operand is recorded in its value's list of uses. */
#include <string.h>

#include "../runtime/runtime.h"
#include "sdc.h"

Model *model_new(const char *path)
{
    Model *m = alloc(sizeof *m);
    m->path = text_copy(path);
    m->graph = graph_new(m, NULL, "main");
    return m;
}

Graph *graph_new(Model *m, Graph *parent, const char *name)
{
    Graph *g = alloc(sizeof *g);
    g->name = name ? text_copy(name) : "";
    g->parent = parent;
    g->model = m;
    return g;
}

/* Grow an arena array by one: doubling, so that adding n elements costs O(n). */
static void *grown(void *old, int count, size_t size)
{
    if (count & (count - 1) || (count && count < 4))
        return old;
    return alloc_more(old, count, count ? 2 * count : 4, size);
}

Value *value_new(Graph *g, const char *name)
{
    Value *v = alloc(sizeof *v);
    v->id = g->model->next_value++;
    v->name = name && *name ? text_copy(name) : NULL;
    v->shape.rank = NO_SHAPE;
    v->graph = g;
    return v;
}

Value *value_input(Graph *g, const char *name, DType dtype, Shape shape)
{
    Value *v = value_new(g, name);
    v->dtype = dtype;
    v->shape = shape;
    g->inputs = grown(g->inputs, g->n_inputs, sizeof *g->inputs);
    g->inputs[g->n_inputs++] = v;
    return v;
}

Value *value_tensor(Graph *g, const char *name, const Tensor *t)
{
    Value *v = value_new(g, name);
    v->dtype = t->dtype;
    v->shape = t->shape;
    v->tensor = t;
    v->constant = true;
    return v;
}

static Value *value_small(Graph *g, DType dtype, int rank, int64_t count, const void *data)
{
    Tensor *t = alloc(sizeof *t);
    size_t bytes = (size_t)count * (size_t)dtype_info(dtype)->bytes;
    void *copy = alloc(bytes + 1);
    if (bytes)
        memcpy(copy, data, bytes);
    *t = (Tensor){.dtype = dtype, .shape = shape_of(rank, &count), .count = count, .data = copy};
    return value_tensor(g, NULL, t);
}

Value *value_ints(Graph *g, const int64_t *v, int64_t count)
{
    return value_small(g, DT_I64, 1, count, v);
}

Value *value_int(Graph *g, int64_t v)
{
    return value_small(g, DT_I64, 0, 1, &v);
}

Value *value_float(Graph *g, DType dtype, double v)
{
    char bytes[8];
    if (dtype_is_float(dtype))
        dtype_store_f(dtype, bytes, v);
    else
        dtype_store_i(dtype, bytes, (int64_t)v);
    return value_small(g, dtype, 0, 1, bytes);
}

void graph_output(Graph *g, Value *v)
{
    g->outputs = grown(g->outputs, g->n_outputs, sizeof *g->outputs);
    g->output_names = grown(g->output_names, g->n_outputs, sizeof *g->output_names);
    g->output_names[g->n_outputs] = v->name ? v->name : "";
    g->outputs[g->n_outputs++] = v;
    v->graph_output = true;
}

void graph_drop_outputs(Graph *g)
{
    for (int k = 0; k < g->n_outputs; k++)
        g->outputs[k]->graph_output = false;
    g->n_outputs = 0;
}

int graph_find_input(const Graph *g, const char *name)
{
    for (int k = 0; k < g->n_inputs; k++)
        if (g->inputs[k]->name && !strcmp(g->inputs[k]->name, name))
            return k;
    return -1;
}

int graph_find_output(const Graph *g, const char *name)
{
    for (int k = 0; k < g->n_outputs; k++)
        if (!strcmp(g->output_names[k], name))
            return k;
    return -1;
}

/* ---- uses -------------------------------------------------------------------------------------------------------- */

static void use_add(Value *v, Node *n)
{
    if (!v)
        return;
    if (v->n_uses == v->uses_room) {
        v->uses_room = v->uses_room ? 2 * v->uses_room : 2;
        v->uses = alloc_more(v->uses, v->n_uses, v->uses_room, sizeof *v->uses);
    }
    v->uses[v->n_uses++] = n;
}

static void use_drop(Value *v, const Node *n)
{
    for (int k = 0; v && k < v->n_uses; k++)
        if (v->uses[k] == n) {
            v->uses[k] = v->uses[--v->n_uses];
            return;
        }
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static void node_link(Graph *g, Node *before, Node *n)
{
    n->next = before;
    n->prev = before ? before->prev : g->last;
    *(n->prev ? &n->prev->next : &g->first) = n;
    *(before ? &before->prev : &g->last) = n;
}

Node *node_new(Graph *g, Node *before, Op op, int n_in, Value *const *in, int n_out)
{
    Node *n = alloc(sizeof *n);
    n->id = g->model->next_node++;
    n->op = op;
    n->graph = g;
    n->n_in = n_in;
    n->in = alloc_array(n_in, sizeof *n->in);
    for (int k = 0; k < n_in; k++) {
        n->in[k] = in[k];
        use_add(in[k], n);
    }
    n->n_out = n_out;
    n->out = alloc_array(n_out, sizeof *n->out);
    for (int k = 0; k < n_out; k++) {
        n->out[k] = value_new(g, NULL);
        n->out[k]->def = n;
    }
    node_link(g, before, n);
    return n;
}

Value *node1(Graph *g, Node *before, Op op, int n_in, Value *const *in)
{
    return node_new(g, before, op, n_in, in, 1)->out[0];
}

Node *node_copy(const Node *n, Node *before)
{
    Node *copy = node_new(before->graph, before, n->op, n->n_in, n->in, n->n_out);
    copy->name = n->name;
    for (int k = 0; k < n->n_attrs; k++)
        attr_set(copy, n->attrs[k]);
    for (int k = 0; k < n->n_out; k++) {
        if (!n->out[k]) {
            copy->out[k] = NULL;
            continue;
        }
        copy->out[k]->dtype = n->out[k]->dtype;
        copy->out[k]->shape = n->out[k]->shape;
    }
    return copy;
}

void node_remove(Node *n)
{
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && (n->out[k]->n_uses || n->out[k]->graph_output))
            bug("node n%d (%s) is removed while v%d is in use", n->id, op_info(n->op)->name, n->out[k]->id);
    node_detach(n);
}

void node_detach(Node *n)
{
    for (int k = 0; k < n->n_in; k++)
        use_drop(n->in[k], n);
    for (int a = 0; a < n->n_attrs; a++)                /* captured values of a subgraph are no longer used either */
        for (Node *inner = n->attrs[a].graph ? n->attrs[a].graph->last : NULL, *prev; inner; inner = prev) {
            prev = inner->prev;
            for (int k = 0; k < inner->n_out; k++)
                if (inner->out[k])
                    inner->out[k]->graph_output = false;
            node_remove(inner);
        }
    *(n->prev ? &n->prev->next : &n->graph->first) = n->next;
    *(n->next ? &n->next->prev : &n->graph->last) = n->prev;
}

void graph_splice(Node *before, Graph *sub)
{
    for (Node *n = sub->first, *next; n; n = next) {
        next = n->next;
        n->graph = before->graph;
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k]) {
                n->out[k]->graph = before->graph;
                n->out[k]->graph_output = false;
            }
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                n->attrs[a].graph->parent = before->graph;
        node_link(before->graph, before, n);
    }
    sub->first = sub->last = NULL;
}

void node_move(Node *n, Graph *body)
{
    *(n->prev ? &n->prev->next : &n->graph->first) = n->next;
    *(n->next ? &n->next->prev : &n->graph->last) = n->prev;
    n->graph = body;
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            n->out[k]->graph = body;
    node_link(body, NULL, n);
}

void graph_rewrite(Graph *g, void (*visit)(Node *n))
{
    for (Node *n = g->first; n; n = n->next) {
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                graph_rewrite(n->attrs[a].graph, visit);
        visit(n);
    }
    graph_sweep(g);
}

void graph_sweep(Graph *g)
{
    for (Node *n = g->last, *prev; n; n = prev) {
        prev = n->prev;
        bool dead = true;
        for (int k = 0; k < n->n_out; k++)
            dead &= !value_is_read(n->out[k]);
        if (dead)
            node_remove(n);
    }
}

void node_set_input(Node *n, int k, Value *v)
{
    use_drop(n->in[k], n);
    n->in[k] = v;
    use_add(v, n);
}

void node_add_input(Node *n, Value *v)
{
    n->in = alloc_more(n->in, n->n_in, n->n_in + 1, sizeof *n->in);
    n->in[n->n_in++] = v;
    use_add(v, n);
}

static void replace_outputs(Graph *g, Value *old, Value *with)
{
    for (int k = 0; k < g->n_outputs; k++)
        if (g->outputs[k] == old) {
            g->outputs[k] = with;
            with->graph_output = true;
        }
    for (Node *n = g->first; n; n = n->next)
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                replace_outputs(n->attrs[a].graph, old, with);
}

void value_replace(Value *old, Value *with)
{
    while (old->n_uses) {
        Node *n = old->uses[0];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] == old)
                node_set_input(n, k, with);
    }
    if (old->graph_output) {
        replace_outputs(old->graph, old, with);
        old->graph_output = false;
    }
}

int graph_count(const Graph *g)
{
    int count = 0;
    for (const Node *n = g->first; n; n = n->next) {
        count += n->op != OP_Fused;
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                count += graph_count(n->attrs[a].graph);
    }
    return count;
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

void attr_set(Node *n, Attr a)
{
    for (int k = 0; k < n->n_attrs; k++)
        if (!strcmp(n->attrs[k].name, a.name)) {
            n->attrs[k] = a;
            return;
        }
    n->attrs = grown(n->attrs, n->n_attrs, sizeof *n->attrs);
    n->attrs[n->n_attrs++] = a;
}

void attr_remove(Node *n, const char *name)
{
    for (int k = 0; k < n->n_attrs; k++)
        if (!strcmp(n->attrs[k].name, name)) {
            n->attrs[k] = n->attrs[--n->n_attrs];
            return;
        }
}

void attr_set_i(Node *n, const char *name, int64_t v)
{
    attr_set(n, (Attr){.name = name, .type = ATTR_INT, .i = v});
}

void attr_set_f(Node *n, const char *name, double v)
{
    attr_set(n, (Attr){.name = name, .type = ATTR_FLOAT, .f = v});
}

void attr_set_s(Node *n, const char *name, const char *v)
{
    attr_set(n, (Attr){.name = name, .type = ATTR_STRING, .s = v});
}

void attr_set_ints(Node *n, const char *name, const int64_t *v, int count)
{
    int64_t *copy = alloc_array(count, sizeof *copy);
    if (count)
        memcpy(copy, v, (size_t)count * sizeof *copy);
    attr_set(n, (Attr){.name = name, .type = ATTR_INTS, .ints = copy, .count = count});
}
