/* call.c: what readers do with a call: look at its attributes and inputs, emit nodes, give up.
 *
 * read_as() is the common end: one node of an operator of op.def, with the attributes that the row lists.  An attribute
 * that the row does not list is refused, unless it has the value at which it means nothing. */
#include <string.h>

#include "upgrade.h"

/* ---- errors ---- */

void call_fail(const Call *c, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    refuse(c->at->import, "%s: %s", node_title(c->node), text);
}

void call_unsupported(Call *c, const char *what)
{
    unsupported_add(&c->at->import->unsupported, what, node_place(c->node));
    for (int k = 0; k < c->n_out; k++)
        c->out[k] = value_new(c->at->graph, NULL);
}

/* ---- attributes ---- */

static const Attr *typed(const Call *c, const char *name, AttrType type)
{
    const Attr *a = attribute_find(c->attrs, c->n_attrs, name);
    if (a && a->type != type)
        call_fail(c, "attribute '%s' has the wrong type", name);
    return a;
}

bool call_has(const Call *c, const char *name)
{
    return attribute_find(c->attrs, c->n_attrs, name) != NULL;
}

int64_t call_i(const Call *c, const char *name, int64_t absent)
{
    const Attr *a = typed(c, name, ATTR_INT);
    return a ? a->i : absent;
}

double call_f(const Call *c, const char *name, double absent)
{
    const Attr *a = typed(c, name, ATTR_FLOAT);
    return a ? a->f : absent;
}

const char *call_s(const Call *c, const char *name, const char *absent)
{
    const Attr *a = typed(c, name, ATTR_STRING);
    return a ? a->s : absent;
}

const Attr *call_list(const Call *c, const char *name, AttrType type)
{
    return typed(c, name, type);
}

void call_drop(Call *c, const char *name)
{
    Attr *a = attribute_find(c->attrs, c->n_attrs, name);
    if (a)
        *a = c->attrs[--c->n_attrs];
}

void call_set(Call *c, Attr a)
{
    call_drop(c, a.name);
    c->attrs = alloc_more(c->attrs, c->n_attrs, c->n_attrs + 1, sizeof *c->attrs);
    c->attrs[c->n_attrs++] = a;
}

/* ---- inputs ---- */

Value *call_in(const Call *c, int k)
{
    return k < c->n_in ? c->in[k] : NULL;
}

void call_set_in(Call *c, int k, Value *v)
{
    int count = k < c->n_in ? c->n_in : k + 1;
    c->in = alloc_more(c->in, c->n_in, count, sizeof *c->in);
    c->in[k] = v;
    c->n_in = count;
    while (c->n_in > 0 && !c->in[c->n_in - 1])
        c->n_in--;
}

void call_arity(const Call *c, int low, int high)
{
    if (c->n_in < low || (high >= 0 && c->n_in > high))
        call_fail(c, "has %d inputs; %s takes %d to %d", c->n_in, c->name, low, high);
    for (int k = 0; k < low; k++)
        if (!c->in[k])
            call_fail(c, "input %d is missing", k);
}

int64_t known_ints(const Value *v, int64_t *into, int64_t room)
{
    const Tensor *t = v ? v->tensor : NULL;
    if (!t || dtype_is_float(t->dtype) || t->count > room)
        return -1;
    for (int64_t k = 0; k < t->count; k++)
        into[k] = dtype_load_i(t->dtype, (const char *)t->data + k * dtype_info(t->dtype)->bytes);
    return t->count;
}

void call_list_to_input(Call *c, const char *name, int k)
{
    const Attr *list = call_list(c, name, ATTR_INTS);
    if (list)
        call_set_in(c, k, emit_ints(c, list->ints, list->count));
    call_drop(c, name);
}

/* ---- nodes ---- */

Value *emit_list(const Call *c, Op op, int n, Value *const *in)
{
    Value *v = node1(c->at->graph, NULL, op, n, in);
    v->def->name = *c->node->name ? text_copy(c->node->name) : NULL;
    return v;
}

Value *emit_ints(const Call *c, const int64_t *v, int count)
{
    return value_ints(c->at->graph, v, count);
}

Value *emit_int(const Call *c, int64_t v)
{
    return value_ints(c->at->graph, &v, 1);
}

Value *constant_like(const Call *c, double v, Value *like)
{
    if (like->dtype != DT_NONE)
        return value_float(c->at->graph, like->dtype, v);
    return emit(c, OP_CastLike, value_float(c->at->graph, DT_F32, v), like);
}

/* Attributes that op.def does not list because only one value of them can be compiled, which changes nothing. */
static bool means_nothing(const Call *c, const Attr *a)
{
    static const struct { const char *op, *name; int64_t i; const char *s; } rows[] = {
        {"SpaceToDepth", "mode", 0, "DCR"},
        {"Range", "stash_type", 1, NULL},          /* Range accumulates in at least f32 */
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (!strcmp(c->name, rows[k].op) && !strcmp(a->name, rows[k].name))
            return rows[k].s ? a->s && !strcmp(a->s, rows[k].s) : a->i == rows[k].i;
    return false;
}

/* Attributes that name a data type: a type that sdc has not is unsupported. */
static bool names_foreign_type(const Attr *a)
{
    static const char *const names[] = {"to", "dtype", "output_dtype", "output_datatype"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (!strcmp(a->name, names[k]) && a->type == ATTR_INT && a->i)
            return foreign_type(a->i) != NULL;
    return false;
}

static void set_attributes(Call *c, Node *n)
{
    for (int k = 0; k < c->n_attrs; k++) {
        const Attr *a = &c->attrs[k];
        AttrType type;
        if (!attribute_kind(op_info(n->op)->attrs, a->name, &type)) {
            if (!means_nothing(c, a))
                unsupported_add(&c->at->import->unsupported, text_format("attribute '%s' of %s", a->name, c->name),
                                node_title(c->node));
            continue;
        }
        if (a->type != type)
            call_fail(c, "attribute '%s' has the wrong type", a->name);
        if (names_foreign_type(a))
            unsupported_add(&c->at->import->unsupported, text_format("type %s", foreign_type(a->i)),
                            node_title(c->node));
        attr_set(n, *a);
    }
}

/* Attributes without which the operator has no meaning.  Source: `required` in ONNX's operator schemas. */
static void check_required(const Call *c, const Node *n)
{
    static const struct { Op op; const char *name; } rows[] = {
        {OP_AveragePool, "kernel_shape"},     {OP_BitCast, "to"},
        {OP_Cast, "to"},                      {OP_Concat, "axis"},
        {OP_DepthToSpace, "blocksize"},       {OP_Einsum, "equation"},
        {OP_GroupNormalization, "num_groups"}, {OP_If, "else_branch"},
        {OP_If, "then_branch"},               {OP_LRN, "size"},
        {OP_LinearAttention, "kv_num_heads"}, {OP_LinearAttention, "q_num_heads"},
        {OP_Loop, "body"},                    {OP_LpPool, "kernel_shape"},
        {OP_MaxPool, "kernel_shape"},         {OP_MaxRoiPool, "pooled_shape"},
        {OP_MaxUnpool, "kernel_shape"},       {OP_RandomNormal, "shape"},
        {OP_RandomUniform, "shape"},          {OP_Scan, "body"},
        {OP_Scan, "num_scan_inputs"},         {OP_SpaceToDepth, "blocksize"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (rows[k].op == n->op && !attr_has(n, rows[k].name))
            call_fail(c, "attribute '%s' is missing", rows[k].name);
}

Node *read_as(Call *c, Op op)
{
    const OpInfo *row = op_info(op);
    call_arity(c, row->in_min, row->in_max);
    if (row->out_max >= 0 && c->n_out > row->out_max)
        call_fail(c, "has %d outputs; %s gives %d to %d", c->n_out, c->name, row->out_min, row->out_max);
    for (int k = 0; k < c->n_in; k++)
        if (c->in[k] && sequence_of(c->at->import, c->in[k]))
            unsupported_add(&c->at->import->unsupported, text_format("operator %s on a sequence", c->name),
                            node_title(c->node));
    int outs = c->n_out > row->out_min ? c->n_out : row->out_min;
    Node *n = node_new(c->at->graph, NULL, op, c->n_in, c->in, outs);
    n->name = *c->node->name ? text_copy(c->node->name) : NULL;
    n->module = module_of_node(c->node);
    set_attributes(c, n);
    check_required(c, n);
    for (int k = 0; k < outs; k++) {
        if (k >= row->out_min && !*c->node->output[k])
            n->out[k] = NULL;
        if (k < c->n_out)
            c->out[k] = n->out[k];
    }
    return n;
}

void read_plain(Call *c)
{
    Op op = op_by_name(c->name);
    if (op == OP_NONE)
        bug("opset.def names %s, which op.def has not", c->name);
    read_as(c, op);
}
