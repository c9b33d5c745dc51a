/* parse.c: graph text (print.c has the grammar) back to a graph.  For pass tests, which then need no ONNX file. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "sdc.h"

typedef struct {
    const char *path, *p;
    int line;
    Model *model;
    Value **values;                 /* by the number in the text */
    int64_t room;
} Parser;

static _Noreturn void wrong(const Parser *s, const char *what)
{
    fail(SDC_BAD_INPUT, "%s:%d: expected %s, found '%.20s'", s->path, s->line, what, s->p);
}

/* Blanks and newlines; a comment runs from # to the end of its line. */
static void blank(Parser *s)
{
    for (;; s->p++) {
        if (*s->p == '#')
            while (*s->p && *s->p != '\n')
                s->p++;
        if (*s->p == '\n')
            s->line++;
        else if (!isspace((unsigned char)*s->p))
            return;
    }
}

static bool take(Parser *s, const char *token)
{
    blank(s);
    size_t length = strlen(token);
    if (strncmp(s->p, token, length))
        return false;
    if (isalnum((unsigned char)token[0]) && (isalnum((unsigned char)s->p[length]) || s->p[length] == '_'))
        return false;
    s->p += length;
    return true;
}

static void need(Parser *s, const char *token)
{
    if (!take(s, token))
        wrong(s, text_format("'%s'", token));
}

static char *word(Parser *s)
{
    blank(s);
    size_t length = 0;
    while (isalnum((unsigned char)s->p[length]) || s->p[length] == '_')
        length++;
    if (!length)
        wrong(s, "a name");
    char *w = text_format("%.*s", (int)length, s->p);
    s->p += length;
    return w;
}

static int64_t integer(Parser *s)
{
    blank(s);
    char *end;
    errno = 0;
    int64_t v = strtoll(s->p, &end, 10);
    if (end == s->p || errno)
        wrong(s, "an integer");
    s->p = end;
    return v;
}

static double number(Parser *s)
{
    blank(s);
    char *end;
    double v = strtod(s->p, &end);
    if (end == s->p)
        wrong(s, "a number");
    s->p = end;
    return v;
}

/* "text" with \xHH escapes; NULL when there is none. */
static char *quoted(Parser *s)
{
    if (!take(s, "\""))
        return NULL;
    char *text = alloc(strcspn(s->p, "\"") + 1), *out = text;
    for (; *s->p && *s->p != '"'; s->p++) {
        unsigned byte;
        if (*s->p == '\\' && sscanf(s->p, "\\x%2x", &byte) == 1) {
            *out++ = (char)byte;
            s->p += 3;
        } else {
            *out++ = *s->p;
        }
    }
    need(s, "\"");
    return text;
}

static int symbol(Parser *s, const char *name)
{
    Graph *g = s->model->graph;
    for (int k = 0; k < g->n_symbols; k++)
        if (!strcmp(g->symbols[k], name))
            return k;
    g->symbols = alloc_more(g->symbols, g->n_symbols, g->n_symbols + 1, sizeof *g->symbols);
    g->symbols[g->n_symbols] = name;
    return g->n_symbols++;
}

/* ": f32[2,64]" */
static DType type(Parser *s, Shape *shape)
{
    need(s, ":");
    DType dtype = dtype_by_name(word(s));
    if (dtype == DT_NONE)
        wrong(s, "a type such as f32");
    *shape = (Shape){.rank = 0};
    need(s, "[");
    if (take(s, "?"))
        shape->rank = NO_SHAPE;
    while (!take(s, "]")) {
        char *name = quoted(s);
        if (shape->rank == MAX_RANK)
            wrong(s, "fewer axes");
        shape->dim[shape->rank++] = name ? -1 - symbol(s, name) : integer(s);
        take(s, ",");
    }
    return dtype;
}

/* " = {1,2}" or " = normal(SEED)" */
static const Tensor *tensor(Parser *s, DType dtype, const Shape *shape)
{
    int bytes = dtype_info(dtype)->bytes;
    Tensor *t = alloc(sizeof *t);
    *t = (Tensor){.dtype = dtype, .shape = *shape, .count = shape_count(shape)};
    char *data = alloc_array(t->count + 1, (size_t)bytes);
    t->data = data;
    need(s, "=");
    if (take(s, "normal")) {
        need(s, "(");
        t->spelling = word(s);
        need(s, ")");
        SdcRandom r;
        sdc_random_seed(&r, strtoull(t->spelling, NULL, 16));
        float *noise = alloc_array(t->count + 1, sizeof *noise);
        sdc_random_normal(&r, noise, t->count);
        for (int64_t k = 0; k < t->count; k++)
            dtype_is_float(dtype) ? dtype_store_f(dtype, data + k * bytes, (double)noise[k]) : dtype_store_i(dtype, data + k * bytes, noise[k] > 0);
        return t;
    }
    need(s, "{");
    for (int64_t k = 0; k < t->count; k++) {
        dtype_is_float(dtype) ? dtype_store_f(dtype, data + k * bytes, number(s)) : dtype_store_i(dtype, data + k * bytes, integer(s));
        if (k + 1 < t->count)
            need(s, ",");
    }
    need(s, "}");
    return t;
}

static Value **value_slot(Parser *s)
{
    blank(s);
    if (*s->p != 'v')
        wrong(s, "a value such as v7");
    s->p++;
    int64_t id = integer(s);
    if (id < 0 || id > 1 << 24)
        wrong(s, "a value number below 16777216");
    if (id >= s->room) {
        int64_t room = 2 * id + 64;
        s->values = alloc_more(s->values, s->room, room, sizeof *s->values);
        s->room = room;
    }
    return &s->values[id];
}

static Value *defined(Parser *s)
{
    Value *v = *value_slot(s);
    if (!v)
        wrong(s, "a value that is defined above");
    return v;
}

/* A new value keeps the number that the text gives it, so that printing gives the same text. */
static Value *define(Parser *s, Graph *g)
{
    Value **slot = value_slot(s);
    int id = (int)(slot - s->values);
    if (*slot)
        wrong(s, "a value that is not defined yet");
    *slot = value_new(g, NULL);
    (*slot)->id = id;
    if (s->model->next_value <= id)
        s->model->next_value = id + 1;
    return *slot;
}

/* What "const" is about: a new value, or a node's result that infer has folded. */
static Value *constant_value(Parser *s, Graph *g)
{
    const char *begin = s->p;
    Value *v = *value_slot(s);
    if (v && v->def && !v->tensor)
        return v;
    s->p = begin;
    return define(s, g);
}

static void body(Parser *s, Graph *g);

static void list_attr(Parser *s, Attr *a)
{
    int64_t ints[4096];
    double floats[4096];
    const char *strings[256];
    a->type = ATTR_INTS;
    while (!take(s, "]")) {
        if (a->count == 4096)
            wrong(s, "a shorter list");
        blank(s);
        if (*s->p == '"' && a->count < 256) {
            strings[a->count++] = quoted(s);
            a->type = ATTR_STRINGS;
        } else {
            const char *begin = s->p;
            floats[a->count] = number(s);
            if (memchr(begin, '.', (size_t)(s->p - begin)))
                a->type = ATTR_FLOATS;
            ints[a->count] = (int64_t)strtoll(begin, NULL, 10);
            a->count++;
        }
        take(s, ",");
    }
    size_t count = (size_t)a->count;
    if (a->type == ATTR_INTS)
        a->ints = memcpy(alloc(count * sizeof *ints + 1), ints, count * sizeof *ints);
    else if (a->type == ATTR_FLOATS)
        a->floats = memcpy(alloc(count * sizeof *floats + 1), floats, count * sizeof *floats);
    else
        a->strings = memcpy(alloc(count * sizeof *strings + 1), strings, count * sizeof *strings);
}

static Attr attribute(Parser *s, Graph *g)
{
    Attr a = {.name = word(s)};
    need(s, "=");
    blank(s);
    if (take(s, "graph")) {
        a.type = ATTR_GRAPH;
        a.graph = graph_new(s->model, g, NULL);
        body(s, a.graph);
    } else if (take(s, "<")) {
        Shape shape;
        DType dtype = type(s, &shape);
        a.type = ATTR_TENSOR;
        a.tensor = tensor(s, dtype, &shape);
        need(s, ">");
    } else if (take(s, "[")) {
        list_attr(s, &a);
    } else if (*s->p == '"') {
        a.type = ATTR_STRING;
        a.s = quoted(s);
    } else {
        const char *begin = s->p;
        a.f = number(s);
        a.i = strtoll(begin, NULL, 10);
        a.type = memchr(begin, '.', (size_t)(s->p - begin)) || !isfinite(a.f) ? ATTR_FLOAT : ATTR_INT;
    }
    return a;
}

/* "v3: f32[2,4], _ = Op(v0, _) axis=1 "name"" */
static void node(Parser *s, Graph *g)
{
    enum { MOST = 1024 };
    Value *out[MOST], *in[MOST];
    int n_out = 0, n_in = 0;
    do {
        if (n_out == MOST)
            wrong(s, "fewer results");
        if (take(s, "_")) {
            out[n_out++] = NULL;
            continue;
        }
        Value *v = out[n_out++] = define(s, g);
        v->name = quoted(s);
        blank(s);
        if (*s->p == ':')
            v->dtype = type(s, &v->shape);
    } while (take(s, ","));
    need(s, "=");
    Op op = op_by_name(word(s));
    if (op == OP_NONE)
        wrong(s, "an operator of op.def before this");
    need(s, "(");
    while (!take(s, ")")) {
        if (n_in == MOST)
            wrong(s, "fewer operands");
        in[n_in++] = take(s, "_") ? NULL : defined(s);
        take(s, ",");
    }
    Node *n = node_new(g, NULL, op, n_in, in, 0);
    n->n_out = n_out;
    n->out = memcpy(alloc_array(n_out, sizeof *n->out), out, (size_t)n_out * sizeof *out);
    for (int k = 0; k < n_out; k++)
        if (out[k])
            out[k]->def = n;
    for (; *s->p && *s->p != '\n'; ) {
        while (*s->p == ' ')
            s->p++;
        if (*s->p == '"')
            n->name = quoted(s);
        else if (isalpha((unsigned char)*s->p))
            attr_set(n, attribute(s, g));
        else
            break;
    }
}

/* Of an input, behind its type; 0: none is said. */
static unsigned rate(Parser *s)
{
    for (unsigned bit = RATE_PROMPT; bit <= RATE_SAMPLE; bit *= 2)
        if (take(s, rate_name(bit)))
            return bit;
    return 0;
}

static void body(Parser *s, Graph *g)
{
    while (!take(s, "end")) {
        if (take(s, "input")) {
            Value *v = define(s, g);
            char *name = quoted(s);
            Shape shape;
            DType dtype = type(s, &shape);
            int id = v->id;
            *v = *value_input(g, name, dtype, shape);
            v->id = id;
            v->rate = rate(s);
            g->inputs[g->n_inputs - 1] = v;
        } else if (take(s, "const")) {
            Value *v = constant_value(s, g);
            v->name = quoted(s);
            v->dtype = type(s, &v->shape);
            v->tensor = tensor(s, v->dtype, &v->shape);
            v->constant = true;
        } else if (take(s, "output")) {
            Value *v = defined(s);
            char *name = quoted(s);
            graph_output(g, v);
            g->output_names[g->n_outputs - 1] = name ? name : "";
        } else {
            node(s, g);
        }
    }
}

Graph *graph_parse(Model *m, const char *text, const char *path)
{
    Parser s = {.path = path, .p = text, .line = 1, .model = m};
    need(&s, "graph");
    char *name = quoted(&s);
    m->graph->name = name ? name : "main";
    body(&s, m->graph);
    return m->graph;
}
