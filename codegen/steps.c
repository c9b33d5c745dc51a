/* steps.c: elementwise nodes as C text. */
#include "steps.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "../ir/elementwise.h"
#include "../runtime/runtime.h"

DType steps_arithmetic(const Node *n)
{
    DType type = n->in[n->op == OP_Where ? 1 : 0]->dtype;
    bool real = false, mixed = false;
    for (int k = 0; k < n->n_in; k++) {
        DType t = n->in[k]->dtype;
        if (dtype_is_float(t))
            real = true;
        mixed |= t == DT_F64 || (t != DT_BOOL && !dtype_is_float(t) && dtype_info(t)->bytes > 2);
    }
    if (real)
        return mixed ? DT_F64 : DT_F32;
    if (n->op == OP_Pow && dtype_info(n->in[1]->dtype)->bytes > dtype_info(type)->bytes)
        return n->in[1]->dtype;
    return type;
}

/* Powers that exporters write for squares and cubes; powf has no vector form. */
static const char *small_power(const Node *n)
{
    static const char *const meaning[] = {[2] = "x * x", [3] = "x * x * x"};
    if (n->op != OP_Pow || !dtype_is_float(n->in[0]->dtype))
        return NULL;
    if (!is_constant(n->in[1]) || shape_count(&n->in[1]->shape) != 1)
        return NULL;
    double power = float_of(n, 1, "exponent");
    return power == 2 || power == 3 ? meaning[(int)power] : NULL;
}

static const char *meaning_of(const Node *n, DType arithmetic)
{
    const char *power = small_power(n);
    return power ? power : dtype_is_float(arithmetic) ? float_meaning(n) : op_info(n->op)->int_meaning;
}

/* The meaning with the words x, y, z, p and q replaced. */
static char *with_names(const char *meaning, const char *const *names)
{
    static const char letters[] = "xyzpq";
    char *text = "";
    for (const char *p = meaning; *p;) {
        int length = 1;
        if (isalpha((unsigned char)*p) || *p == '_')
            while (isalnum((unsigned char)p[length]) || p[length] == '_')
                length++;
        else if (isdigit((unsigned char)*p))            /* 1e-5 and 0x1p3 are no words */
            while (isalnum((unsigned char)p[length]) || p[length] == '.')
                length++;
        const char *letter = length == 1 ? strchr(letters, *p) : NULL;
        text = letter ? text_format("%s%s", text, names[letter - letters]) : text_format("%s%.*s", text, length, p);
        p += length;
    }
    return text;
}

/* ---- names of values --------------------------------------------------------------------------------------------- */

typedef struct {
    Steps *steps;
    const Node *first, *last;
    const Value *given, *other;
    DType arithmetic;
} Writer;

/* The node behind n, up to the last. */
static const Node *next_of(const Writer *w, const Node *n)
{
    return n == w->last ? NULL : n->next;
}

static bool is_literal(const Value *v)
{
    return v->tensor && v->tensor->count == 1 && dtype_is_float(v->dtype);
}

static const char *operand_name(const Writer *w, Value *v)
{
    Steps *s = w->steps;
    int k = 0;
    while (k < s->count && s->operand[k] != v)
        k++;
    if (k == STEPS_OPERANDS)
        bug("more than %d operands of fused elementwise nodes", STEPS_OPERANDS);
    if (k == s->count)
        s->operand[s->count++] = v;
    return text_format("x%d", k);
}

static const char *name_of(const Writer *w, Value *v)
{
    int step = 0;
    if (v == w->given)
        return "v";
    if (v == w->other)
        return "w";
    for (const Node *n = w->first; n; n = next_of(w, n), step++)
        if (n->out[0] == v)
            return text_format("t%d", step);
    if (is_literal(v))
        return text_format("K(%s)", float_text(dtype_load_f(v->dtype, v->tensor->data)));
    return operand_name(w, v);
}

/* "const float t3 = x0 + t2;" */
static char *step_text(const Writer *w, const Node *n, int step)
{
    double attribute[2];
    const char *names[5] = {"", "", "", "", ""};
    elementwise_attributes(n, attribute);
    for (int k = 0; k < n->n_in; k++)
        names[k] = name_of(w, n->in[k]);
    for (int k = 0; k < 2; k++)
        names[3 + k] = text_format("K(%s)", float_text(attribute[k]));
    const char *type = w->arithmetic != DT_F32 ? "__auto_type" : n->out[0]->dtype == DT_BOOL ? "bool" : "float";
    return text_format("const %s t%d = %s;", type, step, with_names(meaning_of(n, w->arithmetic), names));
}

Steps steps_of(const Node *first, const Node *last, const Value *given, const Value *other, DType arithmetic)
{
    Steps s = {.steps = "", .note = ""};
    Writer w = {&s, first, last, given, other, arithmetic};
    int step = 0;
    for (const Node *n = first; n; n = next_of(&w, n), step++) {
        s.steps = text_format("%s%s%s", s.steps, step ? " \\\n    " : "", step_text(&w, n, step));
        s.note = text_format("%s%s%s", s.note, step ? ", " : "", op_info(n->op)->name);
    }
    s.result = step ? text_format("t%d", step - 1) : "v";
    return s;
}
