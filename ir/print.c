/* print.c: a graph as text that parse.c reads back.
 *
 *      graph main
 *        input v0 "sample": f32[2,4,64,64]
 *        input v4 "timestep": f32[2] timestep          (how often it changes, where that is said)
 *        const v1 "conv.weight": f32[64,4,3,3] = normal(1b3c9f0d52)
 *        const v2: i64[2] = {2,-1}
 *        v3: f32[2,64,64,64] = Conv(v0, v1, _) pads=[1,1,1,1] "conv_in"
 *        output v3 "out_sample"
 *      end
 *
 * Constants of more than 64 elements are spelled by a hash of their contents; parsing gives such a constant
 * normally distributed elements that depend on the hash alone.  "const" of a node's result says what infer found. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sdc.h"

enum { SPELLED_OUT = 64 };

static void print_name(FILE *out, const char *name)
{
    if (!name)
        return;
    fputs(" \"", out);
    for (const char *p = name; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)*p);
        else
            fputc(*p, out);
    fputc('"', out);
}

static void print_type(FILE *out, const Graph *g, DType dtype, const Shape *s)
{
    const char *name = dtype_info(dtype)->name;
    fprintf(out, ": %s", name ? name : "?");
    if (s->rank == NO_SHAPE) {
        fputs("[?]", out);
        return;
    }
    fputc('[', out);
    for (int k = 0; k < s->rank; k++) {
        fputs(k ? "," : "", out);
        if (s->dim[k] >= 0)
            fprintf(out, "%" PRId64, s->dim[k]);
        else
            print_name(out, g->model->graph->symbols[-1 - s->dim[k]]);
    }
    fputc(']', out);
}

static void print_elements(FILE *out, const Tensor *t)
{
    int bytes = dtype_info(t->dtype)->bytes;
    fputs(" = {", out);
    for (int64_t k = 0; k < t->count; k++) {
        const char *p = (const char *)t->data + k * bytes;
        fputs(k ? "," : "", out);
        if (dtype_is_float(t->dtype))
            fprintf(out, t->dtype == DT_F64 ? "%.17g" : "%.9g", dtype_load_f(t->dtype, p));
        else
            fprintf(out, "%" PRId64, dtype_load_i(t->dtype, p));
    }
    fputc('}', out);
}

static void print_tensor(FILE *out, const Tensor *t)
{
    if (t->count <= SPELLED_OUT)
        print_elements(out, t);
    else if (t->spelling)
        fprintf(out, " = normal(%s)", t->spelling);
    else
        fprintf(out, " = normal(%016" PRIx64 ")", (uint64_t)XXH3_64bits(t->data, (size_t)t->count * (size_t)dtype_info(t->dtype)->bytes));
}

/* Constants are printed where they are first used.  One that infer has folded is a node's result too, which says more
 * than a hash would. */
static void print_constant(FILE *out, const Graph *g, const Value *v, bool *printed, int indent)
{
    if (!v || !v->tensor || printed[v->id] || (v->def && v->tensor->count > SPELLED_OUT))
        return;
    printed[v->id] = true;
    fprintf(out, "%*sconst v%d", indent, "", v->id);
    print_name(out, v->name);
    print_type(out, g, v->dtype, &v->shape);
    print_tensor(out, v->tensor);
    fputc('\n', out);
}

static void print_list(FILE *out, const Attr *a)
{
    fputc('[', out);
    for (int k = 0; k < a->count; k++) {
        fputs(k ? "," : "", out);
        if (a->type == ATTR_INTS)
            fprintf(out, "%" PRId64, a->ints[k]);
        else if (a->type == ATTR_FLOATS)
            fprintf(out, "%#.17g", a->floats[k]);
        else
            print_name(out, a->strings[k]);
    }
    fputc(']', out);
}

static void print_body(FILE *out, const Graph *g, bool *printed, int indent);

static void print_attr(FILE *out, const Graph *g, const Attr *a, bool *printed, int indent)
{
    fprintf(out, " %s=", a->name);
    switch (a->type) {
    case ATTR_INT: fprintf(out, "%" PRId64, a->i); break;
    case ATTR_FLOAT: fprintf(out, isfinite(a->f) ? "%#.17g" : "%f", a->f); break;
    case ATTR_STRING: print_name(out, a->s); break;
    case ATTR_TENSOR:
        fputc('<', out);
        print_type(out, g, a->tensor->dtype, &a->tensor->shape);
        print_tensor(out, a->tensor);
        fputc('>', out);
        break;
    case ATTR_GRAPH:
        fputs("graph\n", out);
        print_body(out, a->graph, printed, indent + 4);
        fprintf(out, "%*send", indent + 2, "");
        break;
    default: print_list(out, a);
    }
}

static void print_node(FILE *out, const Graph *g, const Node *n, bool *printed, int indent)
{
    for (int k = 0; k < n->n_in; k++)
        print_constant(out, g, n->in[k], printed, indent);
    fprintf(out, "%*s", indent, "");
    for (int k = 0; k < n->n_out; k++) {
        const Value *v = n->out[k];
        fputs(k ? ", " : "", out);
        if (!v) {
            fputc('_', out);
            continue;
        }
        fprintf(out, "v%d", v->id);
        print_name(out, v->name);
        if (v->dtype != DT_NONE)
            print_type(out, g, v->dtype, &v->shape);
    }
    fprintf(out, " = %s(", op_info(n->op)->name);
    for (int k = 0; k < n->n_in; k++)
        n->in[k] ? fprintf(out, "%sv%d", k ? ", " : "", n->in[k]->id) : fprintf(out, "%s_", k ? ", " : "");
    fputc(')', out);
    for (int a = 0; a < n->n_attrs; a++)
        print_attr(out, g, &n->attrs[a], printed, indent);
    print_name(out, n->name);
    fputc('\n', out);
}

static void print_body(FILE *out, const Graph *g, bool *printed, int indent)
{
    for (int k = 0; k < g->n_inputs; k++) {
        fprintf(out, "%*sinput v%d", indent, "", g->inputs[k]->id);
        print_name(out, g->inputs[k]->name);
        print_type(out, g, g->inputs[k]->dtype, &g->inputs[k]->shape);
        if (g->inputs[k]->rate)
            fprintf(out, " %s", rate_name(g->inputs[k]->rate));
        fputc('\n', out);
    }
    for (const Node *n = g->first; n; n = n->next)
        print_node(out, g, n, printed, indent);
    for (int k = 0; k < g->n_outputs; k++) {
        print_constant(out, g, g->outputs[k], printed, indent);
        fprintf(out, "%*soutput v%d", indent, "", g->outputs[k]->id);
        print_name(out, g->output_names[k]);
        fputc('\n', out);
    }
}

void graph_print(FILE *out, const Graph *g)
{
    bool *printed = calloc((size_t)g->model->next_value + 1, sizeof *printed);
    fputs("graph", out);
    print_name(out, g->name);
    fputc('\n', out);
    print_body(out, g, printed, 2);
    fputs("end\n", out);
    free(printed);
}
