/* modules.c: which module's weight an initializer is: names for LoRA files, which say "down_blocks.0.conv1".
 *
 * Exporters that fold the transpose of a linear layer's weight call it "onnx::MatMul_2612" or "val_35", so a name comes
 * from the node that multiplies by it, "/down_blocks.0/attentions.0/to_q/MatMul", else from the initializer's,
 * "down_blocks.0.conv1.weight", else from the node's metadata, else from the bias that is added.  Names serve the table of
 * origins alone (codegen/origins.c); no pass looks at them. */
#include <string.h>

#include "onnx.h"

/* "/a.0/b/MatMul" -> "a.0.b"; NULL when the node is not in a module. */
static char *path_of_node(const char *name)
{
    const char *last = name && name[0] == '/' ? strrchr(name, '/') : NULL;
    if (!last || last == name)
        return NULL;
    char *path = text_format("%.*s", (int)(last - name - 1), name + 1);
    for (char *p = path; *p; p++)
        if (*p == '/')
            *p = '.';
    return path;
}

/* "a.0.b.weight" -> "a.0.b", whatever a converter put behind it. */
static char *path_of_parameter(const char *name, const char *kind)
{
    const char *end = name ? strstr(name, kind) : NULL;
    return end && end > name ? text_format("%.*s", (int)(end - name), name) : NULL;
}

/* Of the initializer that alone is added to what n gives. */
static char *path_of_bias(const Node *n)
{
    const Node *sum = n->out[0]->n_uses == 1 ? n->out[0]->uses[0] : NULL;
    if (!sum || sum->op != OP_Add)
        return NULL;
    const Value *bias = sum->in[sum->in[0] == n->out[0]];
    return bias->tensor && !bias->def && bias->shape.rank == 1 ? path_of_parameter(bias->name, ".bias") : NULL;
}

/* "['', 'a.0', 'a.0.b', 'linear_3']" -> "a.0.b": the modules around an operation, and its own name. */
char *module_of_node(const Onnx__NodeProto *node)
{
    const char *list = NULL, *end = NULL;
    for (size_t k = 0; k < node->n_metadata_props; k++)
        if (!strcmp(node->metadata_props[k]->key, ONNX_SCOPES_KEY))
            list = node->metadata_props[k]->value;
    for (const char *p = list; p && (p = strstr(p, "', '")); p++)
        end = p;
    const char *begin = end;
    while (begin && begin > list && begin[-1] != '\'')
        begin--;
    return begin && begin < end ? text_format("%.*s", (int)(end - begin), begin) : NULL;
}

/* The weight itself behind casts and a transpose, which changes the axis of the outputs. */
static Value *weight_behind(Value *v, int *outputs)
{
    while (v && v->def && (v->def->op == OP_Cast || v->def->op == OP_Identity || v->def->op == OP_Transpose)) {
        if (v->def->op == OP_Transpose) {
            const Attr *a = attr_find(v->def, "perm");
            if (a && (a->count != 2 || a->ints[0] != 1 || a->ints[1] != 0))
                return NULL;
            *outputs = 1 - *outputs;
        }
        v = v->def->in[0];
    }
    return v && v->tensor && !v->def ? v : NULL;
}

typedef struct { Module **list; int count; } Modules;

static void name_weight(const Node *n, Modules *all)
{
    static const struct { Op op; int operand, outputs, low, high; bool table; } uses[] = {
        {OP_MatMul, 1, 1, 2, 2, false}, {OP_Gemm, 1, 1, 2, 2, false}, {OP_Conv, 1, 0, 3, 4, false},
        {OP_Gather, 0, 0, 2, 2, true}};
    for (size_t k = 0; k < sizeof uses / sizeof *uses; k++) {
        if (n->op != uses[k].op)
            continue;
        int outputs = n->op == OP_Gemm && attr_i(n, "transB") ? 0 : uses[k].outputs;
        Value *v = weight_behind(input_of(n, uses[k].operand), &outputs);
        if (!v || v->module || v->shape.rank < uses[k].low || v->shape.rank > uses[k].high || !dtype_is_float(v->dtype))
            continue;
        const char *path = path_of_node(n->name);
        path = path ? path : path_of_parameter(v->name, ".weight");
        path = path ? path : n->module ? n->module : path_of_bias(n);
        if (!path)
            continue;
        Module *m = alloc(sizeof *m);
        *m = (Module){path, outputs, uses[k].table};
        v->module = all->list[all->count++] = m;
    }
}

/* Letters of the first part of all paths, and its dot, where that is of a wrapper that the model was exported in; else 0. */
static size_t wrapper_of(const Modules *all)
{
    static const char *const own[] = {"encoder.", "text_model."};
    const char *first = all->count > 1 ? all->list[0]->path : "", *dot = strchr(first, '.');
    const size_t letters = dot ? (size_t)(dot + 1 - first) : 0;
    bool good = letters > 0;
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
        good &= strncmp(first, own[k], strlen(own[k])) != 0;
    for (int k = 0; good && k < all->count; k++)
        good = !strncmp(all->list[k]->path, first, letters);
    return good ? letters : 0;
}

void modules_name(Graph *g)
{
    Modules all = {alloc_array(g->model->next_value, sizeof *all.list), 0};
    for (Node *n = g->first; n; n = n->next)
        name_weight(n, &all);
    const size_t wrapper = wrapper_of(&all);
    for (int k = 0; k < all.count; k++)
        all.list[k]->path += wrapper;
}
