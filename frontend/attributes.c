/* attributes.c: AttributeProto to Attr.
 *
 * Inside a function body an attribute may refer by name to one that the call gave; it then takes that one's value, or
 * is absent when the call left it out and the function has no default.  Subgraphs are imported here, in the scope of
 * the node that carries them.  A file written with proto3 leaves zeros out, so a missing number is 0. */
#include <string.h>

#include "onnx.h"

/* AttributeProto.AttributeType */
enum { A_FLOAT = 1, A_INT, A_STRING, A_TENSOR, A_GRAPH, A_FLOATS, A_INTS, A_STRINGS, A_SPARSE_TENSOR = 11, A_LIMIT };

static const AttrType attr_types[A_LIMIT] = {
    [A_FLOAT] = ATTR_FLOAT,   [A_INT] = ATTR_INT,   [A_STRING] = ATTR_STRING,   [A_TENSOR] = ATTR_TENSOR,
    [A_FLOATS] = ATTR_FLOATS, [A_INTS] = ATTR_INTS, [A_STRINGS] = ATTR_STRINGS, [A_SPARSE_TENSOR] = ATTR_TENSOR,
    [A_GRAPH] = ATTR_GRAPH,
};

/* In the place of a tensor of an unsupported type, until that is reported. */
static const Tensor placeholder = {.dtype = DT_F32, .shape = {.rank = 0}, .count = 1, .data = "\0\0\0"};

const char *node_place(const Onnx__NodeProto *node)
{
    if (*node->name)
        return text_format("node '%s'", node->name);
    for (size_t k = 0; k < node->n_output; k++)
        if (*node->output[k])
            return text_format("the node that defines '%s'", node->output[k]);
    return "a nameless node";
}

const char *node_title(const Onnx__NodeProto *node)
{
    return text_format("%s (%s)", node_place(node), *node->op_type ? node->op_type : "?");
}

static const char *string_of(const Context *at, ProtobufCBinaryData s, const char *where)
{
    if (s.len && memchr(s.data, 0, s.len))
        refuse(at->import, "%s: a string attribute holds a zero byte", where);
    return text_format("%.*s", (int)s.len, s.len ? (const char *)s.data : "");
}

static void import_lists(const Context *at, const Onnx__AttributeProto *a, const char *where, Attr *into)
{
    size_t counts[] = {[ATTR_INTS] = a->n_ints, [ATTR_FLOATS] = a->n_floats, [ATTR_STRINGS] = a->n_strings};
    size_t count = counts[into->type];
    if (count > INT32_MAX)
        refuse(at->import, "%s: attribute '%s' is too long", where, a->name);
    into->count = (int)count;
    int64_t *ints = alloc_array((int64_t)count, sizeof *ints);
    double *floats = alloc_array((int64_t)count, sizeof *floats);
    const char **strings = alloc_array((int64_t)count, sizeof *strings);
    for (size_t k = 0; k < count; k++) {
        if (into->type == ATTR_INTS)
            ints[k] = a->ints[k];
        else if (into->type == ATTR_FLOATS)
            floats[k] = (double)a->floats[k];
        else
            strings[k] = string_of(at, a->strings[k], where);
    }
    into->ints = ints;
    into->floats = floats;
    into->strings = strings;
}

static const Tensor *import_constant(const Context *at, const Onnx__AttributeProto *a, const char *where)
{
    const char *what = text_format("attribute '%s' of %s", a->name, where);
    if (!a->t && !a->sparse_tensor)
        refuse(at->import, "%s has no tensor", what);
    const Tensor *t = a->t ? tensor_import(at->import, a->t, what)
                           : tensor_import_sparse(at->import, a->sparse_tensor, what);
    return t ? t : &placeholder;
}

static Graph *import_subgraph(const Context *at, const Onnx__AttributeProto *a, const char *where)
{
    if (!a->g)
        refuse(at->import, "%s: attribute '%s' has no graph", where, a->name);
    Scope *scope = alloc(sizeof *scope);
    scope->outer = at->scope;
    Context inner = *at;
    inner.graph = graph_new(at->import->model, at->graph, a->g->name);
    inner.scope = scope;
    import_graph(&inner, a->g);
    return inner.graph;
}

/* What a->ref_attr_name refers to; false when the call did not give it. */
static bool import_reference(const Context *at, const Onnx__AttributeProto *a, const char *where, Attr *into)
{
    const Inlining *inlining = at->inlining;
    if (!inlining)
        refuse(at->import, "%s: attribute '%s' refers to '%s' outside of a function", where, a->name, a->ref_attr_name);
    const Attr *given = attribute_find(inlining->attrs, inlining->n_attrs, a->ref_attr_name);
    if (!given)
        return false;
    if (a->type > 0 && a->type < A_LIMIT && attr_types[a->type] != given->type)
        refuse(at->import, "%s: attribute '%s' refers to '%s', which has another type", where, a->name,
               a->ref_attr_name);
    *into = *given;
    into->name = text_copy(a->name);
    return true;
}

bool attribute_import(const Context *at, const Onnx__AttributeProto *a, const char *where, Attr *into)
{
    if (!*a->name)
        refuse(at->import, "%s: an attribute has no name", where);
    if (*a->ref_attr_name)
        return import_reference(at, a, where, into);
    bool known = a->type > 0 && a->type < A_LIMIT && (a->type <= A_STRINGS || a->type == A_SPARSE_TENSOR);
    if (!a->type)
        refuse(at->import, "%s: attribute '%s' has no type", where, a->name);
    if (!known)                /* lists of tensors and graphs, type descriptions: no operator of sdc has them */
        return false;
    *into = (Attr){.name = text_copy(a->name), .type = attr_types[a->type], .i = a->i, .f = (double)a->f};
    switch (into->type) {
    case ATTR_STRING:
        into->s = string_of(at, a->s, where);
        break;
    case ATTR_INTS:
    case ATTR_FLOATS:
    case ATTR_STRINGS:
        import_lists(at, a, where, into);
        break;
    case ATTR_TENSOR:
        into->tensor = import_constant(at, a, where);
        break;
    case ATTR_GRAPH:
        into->graph = import_subgraph(at, a, where);
        break;
    case ATTR_INT:
    case ATTR_FLOAT:
        break;
    }
    return true;
}

Attr *attributes_import(const Context *at, const Onnx__NodeProto *node, int *count)
{
    const char *where = node_title(node);
    NameMap seen = {0};
    Attr *attrs = alloc_array((int64_t)node->n_attribute + 1, sizeof *attrs);
    *count = 0;
    for (size_t k = 0; k < node->n_attribute; k++) {
        *count += attribute_import(at, node->attribute[k], where, &attrs[*count]);
        if (!name_map_add(&seen, node->attribute[k]->name, attrs))
            refuse(at->import, "%s: attribute '%s' stands twice", where, node->attribute[k]->name);
    }
    return attrs;
}

Attr *attribute_find(Attr *attrs, int count, const char *name)
{
    for (int k = 0; k < count; k++)
        if (!strcmp(attrs[k].name, name))
            return &attrs[k];
    return NULL;
}

bool attribute_kind(const char *row, const char *name, AttrType *type)
{
    static const struct { const char *text; AttrType type; } kinds[] = {
        {"is", ATTR_INTS}, {"fs", ATTR_FLOATS}, {"ss", ATTR_STRINGS}, {"i", ATTR_INT},
        {"f", ATTR_FLOAT}, {"s", ATTR_STRING},  {"t", ATTR_TENSOR},   {"g", ATTR_GRAPH},
    };
    size_t length = strlen(name);
    for (const char *p = row; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
        if (strncmp(p, name, length) || p[length] != ':')
            continue;
        const char *kind = p + length + 1;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strcspn(kind, "= ") == strlen(kinds[k].text) && !strncmp(kind, kinds[k].text, strlen(kinds[k].text))) {
                *type = kinds[k].type;
                return true;
            }
    }
    return false;
}
