/* functions.c: local functions of a model, replaced by their bodies where they are called.
 *
 * A body sees its own names alone, its own opset imports and the attributes of the call.  Functions may call functions;
 * one that reaches itself again is refused, and MOST_NODES in import.c bounds what repeated calls expand to. */
#include <string.h>

#include "onnx.h"

enum { MOST_CALLS = 100 };

static const char *function_key(const char *domain, const char *name, const char *overload)
{
    return text_format("%s\n%s\n%s", domain_is_default(domain) ? "" : domain, name, overload);
}

void functions_index(Import *im, const Onnx__ModelProto *model)
{
    for (size_t k = 0; k < model->n_functions; k++) {
        Onnx__FunctionProto *f = model->functions[k];
        if (!*f->name)
            refuse(im, "a function has no name");
        if (!name_map_add(&im->functions, function_key(f->domain, f->name, f->overload), f))
            refuse(im, "function '%s' is defined twice", f->name);
    }
}

const Onnx__FunctionProto *function_find(const Import *im, const Onnx__NodeProto *node)
{
    if (!im->functions.count)
        return NULL;
    void **found = name_map_find(&im->functions, function_key(node->domain, node->op_type, node->overload));
    return found ? *found : NULL;
}

/* The attributes of the call, then the function's defaults for those it left out. */
static void bind_attributes(const Context *at, const Onnx__NodeProto *node, const Context *body, Inlining *inlining)
{
    const Onnx__FunctionProto *f = inlining->function;
    int given;
    Attr *from_call = attributes_import(at, node, &given);
    inlining->attrs = alloc_array(given + (int64_t)f->n_attribute_proto + 1, sizeof *inlining->attrs);
    for (int k = 0; k < given; k++) {
        if (from_call[k].type == ATTR_GRAPH)
            unsupported_add(&at->import->unsupported, "a graph as attribute of a function", node_title(node));
        inlining->attrs[inlining->n_attrs++] = from_call[k];
    }
    Context outside = *body;
    outside.inlining = NULL;
    const char *where = text_format("function '%s'", f->name);
    for (size_t k = 0; k < f->n_attribute_proto; k++) {
        const Onnx__AttributeProto *a = f->attribute_proto[k];
        Attr value;
        if (attribute_find(inlining->attrs, inlining->n_attrs, a->name))
            continue;
        if (attribute_import(&outside, a, where, &value))
            inlining->attrs[inlining->n_attrs++] = value;
    }
}

static void bind_inputs(const Context *at, const Onnx__NodeProto *node, const Context *body, Value **in, int n_in)
{
    const Onnx__FunctionProto *f = body->inlining->function;
    if ((size_t)n_in > f->n_input)
        refuse(at->import, "%s has %d inputs, function '%s' takes %zu", node_title(node), n_in, f->name, f->n_input);
    for (size_t k = 0; k < f->n_input; k++)
        if (!name_map_add(&body->scope->values, f->input[k], k < (size_t)n_in ? in[k] : NULL))
            refuse(at->import, "function '%s' has the input '%s' twice", f->name, f->input[k]);
}

static void bind_outputs(const Context *at, const Onnx__NodeProto *node, const Context *body)
{
    const Onnx__FunctionProto *f = body->inlining->function;
    for (size_t k = 0; k < node->n_output; k++) {
        if (!*node->output[k])
            continue;
        Value **v = k < f->n_output ? scope_find(body->scope, f->output[k]) : NULL;
        if (!v)
            refuse(at->import, "%s: function '%s' does not define output %zu", node_title(node), f->name, k);
        define(at, node->output[k], *v, node_title(node));
    }
}

void function_inline(const Context *at, const Onnx__NodeProto *node, const Onnx__FunctionProto *f, Value **in, int n_in)
{
    Scope scope = {0};
    Inlining inlining = {.outer = at->inlining, .function = f, .depth = at->inlining ? at->inlining->depth + 1 : 1};
    for (const Inlining *i = at->inlining; i; i = i->outer)
        if (i->function == f)
            refuse(at->import, "%s: function '%s' calls itself", node_title(node), f->name);
    if (inlining.depth > MOST_CALLS)
        refuse(at->import, "%s: functions call each other more than %d deep", node_title(node), MOST_CALLS);
    Context body = {.import = at->import, .graph = at->graph, .scope = &scope, .inlining = &inlining};
    body.opset = opset_of(at->import, f->opset_import, f->n_opset_import, text_format("function '%s'", f->name));
    bind_attributes(at, node, &body, &inlining);
    bind_inputs(at, node, &body, in, n_in);
    import_nodes(&body, f->node, f->n_node);
    bind_outputs(at, node, &body);
}
