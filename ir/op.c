/* op.c: the operator table, made from op.def, and the attributes of nodes. */
#include "op.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

static const OpInfo table[OP_COUNT] = {
    [OP_NONE] = {.name = "?"},
#define EW(Name, inputs, result_, attrs_, float_, int_)                                                             \
    [OP_##Name] = {.name = #Name, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1, .attrs = attrs_,  \
                   .elementwise = true, .result = EW_##result_, .shape = shape_elementwise,                         \
                   .eval = eval_elementwise, .lower = lower_elementwise, .float_meaning = #float_,                  \
                   .int_meaning = #int_},
#define OP(Name, in_min_, in_max_, out_min_, out_max_, attrs_, shape_rule, evaluator, lowering)                      \
    [OP_##Name] = {.name = #Name, .in_min = in_min_, .in_max = in_max_, .out_min = out_min_, .out_max = out_max_,   \
                   .attrs = attrs_, .shape = shape_##shape_rule, .eval = eval_##evaluator, .lower = lower_##lowering},
#include "op.def"
#undef OP
#undef EW
};

const OpInfo *op_info(Op op)
{
    return &table[op];
}

Op op_by_name(const char *name)
{
    for (int k = 1; k < OP_COUNT; k++)
        if (!strcmp(table[k].name, name))
            return (Op)k;
    return OP_NONE;
}

/* `none` in a column of op.def: nothing of the kind may reach that stage. */
void lower_none(struct Lowering *l, Node *n)
{
    (void)l;
    fail_node(SDC_UNSUPPORTED, n, "%s with run-time inputs has no kernel; %s", op_info(n->op)->name,
              bind_advice(n, NULL));
}

/* The text behind "name:" in the row's attribute list, or NULL. */
static const char *row_entry(const Node *n, const char *name)
{
    size_t length = strlen(name);
    for (const char *p = table[n->op].attrs; p && *p;) {
        if (!strncmp(p, name, length) && p[length] == ':')
            return p + length + 1;
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    return NULL;
}

/* The default's text behind '=', or NULL when the row gives none; asking for an unlisted attribute is our bug. */
static const char *row_default(const Node *n, const char *name)
{
    const char *entry = row_entry(n, name);
    if (!entry)
        bug("%s has no attribute '%s' in op.def", table[n->op].name, name);
    size_t span = strcspn(entry, "= ");
    return entry[span] == '=' ? entry + span + 1 : NULL;
}

const Attr *attr_find(const Node *n, const char *name)
{
    for (int k = 0; k < n->n_attrs; k++)
        if (!strcmp(n->attrs[k].name, name))
            return &n->attrs[k];
    return NULL;
}

bool attr_has(const Node *n, const char *name)
{
    return attr_find(n, name) != NULL;
}

static const Attr *attr_typed(const Node *n, const char *name, AttrType type)
{
    const Attr *a = attr_find(n, name);
    if (a && a->type != type)
        fail_node(SDC_BAD_INPUT, n, "attribute '%s' has the wrong type", name);
    return a;
}

int64_t attr_i(const Node *n, const char *name)
{
    const char *given = row_default(n, name);
    const Attr *a = attr_typed(n, name, ATTR_INT);
    return a ? a->i : given ? strtoll(given, NULL, 10) : 0;
}

double attr_f(const Node *n, const char *name)
{
    const char *given = row_default(n, name);
    const Attr *a = attr_typed(n, name, ATTR_FLOAT);
    return a ? a->f : given ? strtod(given, NULL) : 0;
}

const char *attr_s(const Node *n, const char *name)
{
    const char *given = row_default(n, name);
    const Attr *a = attr_typed(n, name, ATTR_STRING);
    if (a)
        return a->s;
    return given ? text_format("%.*s", (int)strcspn(given, " "), given) : "";
}

int attr_ints(const Node *n, const char *name, int64_t *into, int room)
{
    const char *given = row_default(n, name);
    const Attr *a = attr_typed(n, name, ATTR_INTS);
    int count = 0;
    if (a) {
        if (a->count > room)
            fail_node(SDC_BAD_INPUT, n, "attribute '%s' has %d entries, at most %d make sense", name, a->count, room);
        for (; count < a->count; count++)
            into[count] = a->ints[count];
        return count;
    }
    while (given && count < room) {
        char *end;
        into[count++] = strtoll(given, &end, 10);
        given = *end == ',' ? end + 1 : NULL;
    }
    return count;
}
