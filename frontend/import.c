/* import.c: graphs and bodies of functions, node by node.
 *
 * Names are looked up innermost first and must be defined once a scope.  A graph's output always gets a node of its own
 * in that graph (an Identity where the file names an input, a constant, an outer value or one value twice), so later
 * stages need not care.  An initializer that is also an input is a constant: the default is what is compiled in. */
#include <string.h>

#include "onnx.h"

enum { MOST_NODES = 1 << 18 };     /* after inlining: ten times the largest models, some 300 MB */

void define(const Context *at, const char *name, Value *v, const char *where)
{
    if (!*name)
        refuse(at->import, "%s has no name", where);
    if (!name_map_add(&at->scope->values, text_copy(name), v))
        refuse(at->import, "%s: '%s' is already defined", where, name);
    if (v && !v->name && v != at->import->uncomputed)
        v->name = text_copy(name);
}

/* ---- inputs and initializers ---- */

/* What stands in for a constant of an unsupported type until that is reported. */
static Value *placeholder_constant(const Context *at)
{
    return value_float(at->graph, DT_F32, 0);
}

static void import_initializers(const Context *at, const Onnx__GraphProto *g)
{
    for (size_t k = 0; k < g->n_initializer; k++) {
        const char *what = text_format("initializer '%s'", g->initializer[k]->name);
        const Tensor *t = tensor_import(at->import, g->initializer[k], what);
        define(at, g->initializer[k]->name, t ? value_tensor(at->graph, NULL, t) : placeholder_constant(at), what);
    }
    for (size_t k = 0; k < g->n_sparse_initializer; k++) {
        const Onnx__TensorProto *values = g->sparse_initializer[k]->values;
        const char *name = values ? values->name : "", *what = text_format("sparse initializer '%s'", name);
        const Tensor *t = tensor_import_sparse(at->import, g->sparse_initializer[k], what);
        define(at, name, t ? value_tensor(at->graph, NULL, t) : placeholder_constant(at), what);
    }
}

static void import_inputs(const Context *at, const Onnx__GraphProto *g)
{
    bool top = !at->graph->parent;
    for (size_t k = 0; k < g->n_input; k++) {
        const char *name = g->input[k]->name;
        void **known = name_map_find(&at->scope->values, name);
        DType dtype;
        Shape shape;
        if (known && ((const Value *)*known)->tensor)
            continue;
        bool supported = type_import(at->import, g->input[k], top, &dtype, &shape);
        if (supported && top && dtype == DT_NONE)
            refuse(at->import, "input '%s' has no type", name);
        define(at, name, value_input(at->graph, name, dtype, shape), "an input");
    }
}

/* ---- outputs ---- */

static Value *own_output(const Context *at, Value *v, const char *name)
{
    if (v->def && v->graph == at->graph && !v->graph_output && v->name && !strcmp(v->name, name))
        return v;
    Value *copy = node1(at->graph, NULL, OP_Identity, 1, &v);
    copy->name = text_copy(name);
    return copy;
}

static void import_outputs(const Context *at, const Onnx__GraphProto *g)
{
    NameMap seen = {0};
    for (size_t k = 0; k < g->n_output; k++) {
        const char *name = g->output[k]->name;
        Value **found = scope_find(at->scope, name);
        if (!found)
            refuse(at->import, "nothing defines output '%s'", name);
        if (!name_map_add(&seen, name, *found))
            refuse(at->import, "'%s' is an output twice", name);
        Value *v = *found;
        if (!v) {
            unsupported_add(&at->import->unsupported, "an absent optional as output", text_format("'%s'", name));
            continue;
        }
        bool supported = type_supported(at->import, g->output[k]);
        if (supported && sequence_of(at->import, v))
            unsupported_add(&at->import->unsupported, "type sequence", text_format("output '%s'", name));
        if (v == at->import->uncomputed)
            unsupported_add(&at->import->unsupported, "an output that only training needs", text_format("'%s'", name));
        graph_output(at->graph, own_output(at, v, name));
    }
}

void import_graph(const Context *at, const Onnx__GraphProto *g)
{
    import_initializers(at, g);
    import_inputs(at, g);
    import_nodes(at, g->node, g->n_node);
    import_outputs(at, g);
}

/* ---- nodes ---- */

static Value *operand(const Context *at, const Onnx__NodeProto *node, const char *name)
{
    if (!*name)
        return NULL;
    Value **found = scope_find(at->scope, name);
    if (!found)
        refuse(at->import, "%s reads '%s', which nothing defines", node_title(node), name);
    if (*found == at->import->uncomputed)
        unsupported_add(&at->import->unsupported, "an output that only training needs", text_format("'%s'", name));
    return *found;
}

static Value **operands(const Context *at, const Onnx__NodeProto *node, int *count)
{
    Value **in = alloc_array((int64_t)node->n_input + 1, sizeof *in);
    *count = 0;
    for (size_t k = 0; k < node->n_input; k++) {
        in[k] = operand(at, node, node->input[k]);
        if (in[k])
            *count = (int)k + 1;
    }
    return in;
}

static void unknown_operator(const Context *at, const Onnx__NodeProto *node)
{
    const char *what = text_format("operator %s", node->op_type);
    if (!domain_is_default(node->domain))
        what = text_format("operator %s.%s", node->domain, node->op_type);
    else if (!at->opset)
        refuse(at->import, "%s: the operator set ai.onnx is used but not imported", node_title(node));
    else if (opset_knows(node->op_type))
        what = text_format("%s of opset %lld", what, (long long)at->opset);
    unsupported_add(&at->import->unsupported, what, node_place(node));
    for (size_t k = 0; k < node->n_output; k++)
        if (*node->output[k])
            define(at, node->output[k], value_new(at->graph, NULL), node_title(node));
}

static void read_call(const Context *at, const Onnx__NodeProto *node, Reader *read, Value **in, int n_in)
{
    Call c = {.at = at, .node = node, .name = node->op_type, .in = in, .n_in = n_in};
    c.attrs = attributes_import(at, node, &c.n_attrs);
    c.out = alloc_array((int64_t)node->n_output + 1, sizeof *c.out);
    for (size_t k = 0; k < node->n_output; k++)
        if (*node->output[k])
            c.n_out = (int)k + 1;
    read(&c);
    for (int k = 0; k < c.n_out; k++)
        if (*node->output[k])
            define(at, node->output[k], c.out[k], node_title(node));
}

static void import_node(const Context *at, const Onnx__NodeProto *node)
{
    int n_in;
    if (++at->import->nodes > MOST_NODES)
        refuse(at->import, "%s: the functions expand to more than %d nodes", node_title(node), MOST_NODES);
    if (!*node->op_type)
        refuse(at->import, "%s has no operator", node_title(node));
    Value **in = operands(at, node, &n_in);
    const Onnx__FunctionProto *f = function_find(at->import, node);
    Reader *read = opset_reader(node->domain, node->op_type, at->opset);
    if (f)
        function_inline(at, node, f, in, n_in);
    else if (read)
        read_call(at, node, read, in, n_in);
    else
        unknown_operator(at, node);
}

void import_nodes(const Context *at, Onnx__NodeProto *const *nodes, size_t n)
{
    const int64_t *order = nodes_order(at, nodes, n);
    for (size_t k = 0; k < n; k++)
        import_node(at, nodes[order[k]]);
}
