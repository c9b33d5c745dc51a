/* modules.c: which module's weight an initializer is: names for LoRA files, which say "down_blocks.0.conv1".
 *
 * Exporters that fold the transpose of a linear layer's weight call it "onnx::MatMul_2612", so a name comes from the
 * node that multiplies by it, "/down_blocks.0/attentions.0/to_q/MatMul", and only else from the initializer's,
 * "down_blocks.0.conv1.weight".  Names serve the table of origins alone (codegen/origins.c); no pass looks at them. */
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
static char *path_of_weight(const char *name)
{
    const char *end = name ? strstr(name, ".weight") : NULL;
    return end && end > name ? text_format("%.*s", (int)(end - name), name) : NULL;
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

static void name_weight(const Node *n)
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
        path = path ? path : path_of_weight(v->name);
        if (!path)
            continue;
        Module *m = alloc(sizeof *m);
        *m = (Module){path, outputs, uses[k].table};
        v->module = m;
    }
}

void modules_name(Graph *g)
{
    for (Node *n = g->first; n; n = n->next)
        name_weight(n);
}
