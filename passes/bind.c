/* bind: free axes become numbers, bound inputs become constants.
 *
 *   --dim NAME=N          every axis that carries the symbol NAME
 *   --shape INPUT=2x4x64  the axes of one input; a symbol that would get two values is warned about, and its axes are
 *                         then distinct (exporters reuse names)
 *   --bind INPUT=FILE     the input becomes an initializer and leaves the signature
 *   --rate INPUT=prompt   how often the input changes
 *   leaves:  no symbols in graph inputs; what is still free is listed at once (exit 1)                               */
#include <string.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"

static char *input_names(const Graph *g)
{
    char *list = "";
    for (int k = 0; k < g->n_inputs; k++)
        list = text_format("%s%s'%s'", list, k ? ", " : "", g->inputs[k]->name);
    return list;
}

static void bind_value(Graph *g, const ValueBinding *b)
{
    int k = graph_find_input(g, b->name);
    if (k < 0)
        fail(SDC_USAGE, "%s: --bind %s: no such input; there are %s", g->model->path, b->name, input_names(g));
    Value *v = g->inputs[k];
    if (v->dtype != b->tensor->dtype)
        fail(SDC_BAD_INPUT, "%s: --bind %s: the input is %s, the file holds %s", g->model->path, b->name,
             dtype_info(v->dtype)->name, dtype_info(b->tensor->dtype)->name);
    bool fits = v->shape.rank == b->tensor->shape.rank || v->shape.rank == NO_SHAPE;
    for (int d = 0; fits && d < v->shape.rank; d++)
        fits = v->shape.dim[d] < 0 || v->shape.dim[d] == b->tensor->shape.dim[d];
    if (!fits)
        fail(SDC_BAD_INPUT, "%s: --bind %s: the input's shape is %s, the file's %s", g->model->path, b->name,
             shape_text(&v->shape), shape_text(&b->tensor->shape));
    v->shape = b->tensor->shape;
    v->tensor = b->tensor;
    v->constant = true;
    memmove(g->inputs + k, g->inputs + k + 1, (size_t)(--g->n_inputs - k) * sizeof *g->inputs);
}

/* Values of symbols, -1 while unknown; `distinct` marks those that --shape gave two values. */
typedef struct { int64_t *value; bool *distinct; } Symbols;

static void bind_shape(Graph *g, const ShapeBinding *b, Symbols *s)
{
    int k = graph_find_input(g, b->name);
    if (k < 0)
        fail(SDC_USAGE, "%s: --shape %s: no such input; there are %s", g->model->path, b->name, input_names(g));
    Value *v = g->inputs[k];
    if (v->shape.rank != NO_SHAPE && v->shape.rank != b->shape.rank)
        fail(SDC_USAGE, "%s: --shape %s: the input has rank %d, not %d", g->model->path, b->name, v->shape.rank, b->shape.rank);
    for (int d = 0; d < v->shape.rank; d++) {
        int64_t given = b->shape.dim[d], known = v->shape.dim[d];
        if (known >= 0 && known != given)
            fail(SDC_USAGE, "%s: --shape %s: axis %d is fixed at %lld, not %lld", g->model->path, b->name, d,
                 (long long)known, (long long)given);
        if (known >= 0)
            continue;
        int64_t symbol = -1 - known;
        if (s->value[symbol] >= 0 && s->value[symbol] != given && !s->distinct[symbol]) {
            warn("%s: the axes named '%s' are given the sizes %lld and %lld; they are treated as distinct", g->model->path,
                 g->symbols[symbol], (long long)s->value[symbol], (long long)given);
            s->distinct[symbol] = true;
        }
        if (s->value[symbol] < 0)
            s->value[symbol] = given;
    }
    v->shape = b->shape;
}

static void bind_dim(const Graph *g, const DimBinding *b, Symbols *s)
{
    for (int k = 0; k < g->n_symbols; k++)
        if (!strcmp(g->symbols[k], b->name)) {
            s->value[k] = b->value;
            return;
        }
    char *list = "";
    for (int k = 0; k < g->n_symbols; k++)
        list = text_format("%s%s'%s'", list, k ? ", " : "", g->symbols[k]);
    fail(SDC_USAGE, "%s: --dim %s: no such axis; %s%s", g->model->path, b->name, *list ? "the free axes are " : "no axis is free", list);
}

/* Every input with a free axis, and options that would do. */
static void check_free(const Graph *g)
{
    char *list = "", *options = "";
    bool *offered = alloc_array(g->n_symbols + 1, sizeof *offered);
    for (int k = 0; k < g->n_inputs; k++) {
        const Value *v = g->inputs[k];
        if (v->shape.rank == NO_SHAPE) {
            list = text_format("%s%s'%s' (shape unknown)", list, *list ? ", " : "", v->name);
            options = text_format("%s --shape '%s=1x...'", options, v->name);
        }
        for (int d = 0; d < v->shape.rank; d++) {
            if (v->shape.dim[d] >= 0)
                continue;
            int64_t symbol = -1 - v->shape.dim[d];
            list = text_format("%s%s'%s' axis %d is '%s'", list, *list ? ", " : "", v->name, d, g->symbols[symbol]);
            if (!offered[symbol])
                options = text_format("%s --dim '%s=1'", options, g->symbols[symbol]);
            offered[symbol] = true;
        }
    }
    if (*list && g->model->in_folder)
        fail(SDC_UNSUPPORTED, "%s: free axes: %s, which nothing of the pipeline tells; export the model with them fixed",
             g->model->path, list);
    if (*list)
        fail(SDC_USAGE, "%s: free axes: %s; fix them with, for example,%s", g->model->path, list, options);
}

static void bind_rate(Graph *g, const RateBinding *b)
{
    int k = graph_find_input(g, b->name);
    if (k < 0)
        fail(SDC_USAGE, "%s: --rate %s: no such input; there are %s", g->model->path, b->name, input_names(g));
    g->inputs[k]->rate = b->rate;
}

void pass_bind(Graph *g, const Bindings *b)
{
    Symbols s = {alloc_array(g->n_symbols + 1, sizeof *s.value), alloc_array(g->n_symbols + 1, sizeof *s.distinct)};
    for (int k = 0; k < g->n_symbols; k++)
        s.value[k] = -1;
    for (int k = 0; k < b->n_rates; k++)
        bind_rate(g, &b->rates[k]);
    for (int k = 0; k < b->n_values; k++)
        bind_value(g, &b->values[k]);
    for (int k = 0; k < b->n_dims; k++)
        bind_dim(g, &b->dims[k], &s);
    for (int k = 0; k < b->n_shapes; k++)
        bind_shape(g, &b->shapes[k], &s);
    for (int k = 0; k < g->n_inputs; k++) {
        Shape *shape = &g->inputs[k]->shape;
        for (int d = 0; d < shape->rank; d++)
            if (shape->dim[d] < 0 && s.value[-1 - shape->dim[d]] >= 0)
                shape->dim[d] = s.value[-1 - shape->dim[d]];
    }
    check_free(g);
}
