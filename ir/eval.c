/* eval.c: the oracle.  Runs a graph node by node with each row's plain evaluator; rounds results to their types unless
 * the wide (f64) oracle is asked for.  Arrays are freed after their last use. */
#include "op.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

/* ---- arrays ------------------------------------------------------------------------------------------------------- */

Array *array_new(DType dtype, const Shape *s)
{
    Array *a = calloc(1, sizeof *a);
    if (!a)
        fail(SDC_NO_SPACE, "out of memory");
    a->dtype = dtype;
    a->shape = *s;
    a->count = shape_count(s);
    void *data = calloc((size_t)a->count + 1, 8);
    if (!data)
        fail(SDC_NO_SPACE, "out of memory evaluating a tensor of shape %s", shape_text(s));
    if (dtype_is_float(dtype))
        a->f = data;
    else
        a->i = data;
    return a;
}

void array_free(Array *a)
{
    if (!a)
        return;
    free(a->f);
    free(a->i);
    free(a);
}

Array *array_from_bytes(DType dtype, const Shape *s, const void *data)
{
    Array *a = array_new(dtype, s);
    int bytes = dtype_info(dtype)->bytes;
    for (int64_t k = 0; k < a->count; k++) {
        const char *p = (const char *)data + k * bytes;
        if (a->f)
            a->f[k] = dtype_load_f(dtype, p);
        else
            a->i[k] = dtype_load_i(dtype, p);
    }
    return a;
}

Array *array_from_tensor(const Tensor *t)
{
    return array_from_bytes(t->dtype, &t->shape, t->data);
}

/* The tensor and its data are one malloc'd block, so that free() releases both. */
Tensor *array_to_tensor(const Array *a)
{
    int bytes = dtype_info(a->dtype)->bytes;
    Tensor *t = malloc(sizeof *t + (size_t)a->count * (size_t)bytes + 8);
    if (!t)
        fail(SDC_NO_SPACE, "out of memory");
    char *data = (char *)(t + 1);
    *t = (Tensor){.dtype = a->dtype, .shape = a->shape, .count = a->count, .data = data};
    for (int64_t k = 0; k < a->count; k++) {
        if (a->f)
            dtype_store_f(a->dtype, data + k * bytes, a->f[k]);
        else
            dtype_store_i(a->dtype, data + k * bytes, a->i[k]);
    }
    return t;
}

/* ---- one node ------------------------------------------------------------------------------------------------------ */

/* Integers always wrap to their type; floats are rounded to `kept` unless the oracle is wide. */
static void round_array(Array *a, DType kept, bool wide)
{
    if ((a->f && wide) || a->dtype == DT_F64 || a->dtype == DT_I64 || a->dtype == DT_U64)
        return;
    char bytes[8];
    for (int64_t k = 0; k < a->count; k++) {
        if (a->f) {
            dtype_store_f(kept, bytes, a->f[k]);
            a->f[k] = dtype_load_f(kept, bytes);
        } else {
            dtype_store_i(a->dtype, bytes, a->i[k]);
            a->i[k] = dtype_load_i(a->dtype, bytes);
        }
    }
}

void eval_node(const Node *n, const Array *const *in, Array *const *out, bool wide)
{
    op_info(n->op)->eval(n, in, out);
    for (int k = 0; k < n->n_out; k++)
        if (out[k])
            round_array(out[k], rounded_type(n->out[k]), wide);
}

/* ---- graphs ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    Array **by_id;                  /* the present array of each value; NULL: not computed, or freed */
    bool wide;
    EvalObserver *observe;
    void *context;
} Evaluation;

static Evaluation *running;         /* for subgraphs, which evaluators start from inside */

/* Operand v: computed, or converted from its constant (then *owned). */
static Array *fetch(const Evaluation *e, Value *v, bool *owned)
{
    *owned = !e->by_id[v->id] && v->constant;
    if (*owned) {
        Array *a = array_from_tensor(constant_tensor(v));
        constant_release(v);
        return a;
    }
    if (!e->by_id[v->id])
        bug("value v%d is evaluated before it is defined", v->id);
    return e->by_id[v->id];
}

static void forget(Evaluation *e, const Value *v)
{
    array_free(e->by_id[v->id]);
    e->by_id[v->id] = NULL;
}

/* Uses of v by nodes of its own graph, fused ones included; values that other subgraphs capture are kept (-1). */
static int uses_at_home(const Value *v)
{
    for (int k = 0; k < v->n_uses; k++) {
        const Graph *g = v->uses[k]->graph;
        if (g != v->graph && !(g->fused && g->parent == v->graph))
            return -1;
    }
    return v->graph_output ? -1 : v->n_uses;
}

/* One use of v, a value of graph g, is over. */
static void used(Evaluation *e, const Value *v, const Graph *g, int *left)
{
    if (v && v->graph == g && left[v->id] > 0 && --left[v->id] == 0)
        forget(e, v);
}

/* What the body of a fused node has read. */
static void used_inside(Evaluation *e, const Node *n, int *left)
{
    const Attr *a = attr_find(n, "body");
    for (const Node *m = a->graph->first; m; m = m->next)
        for (int k = 0; k < m->n_in; k++)
            used(e, m->in[k], n->graph, left);
}

static void step(Evaluation *e, const Node *n, int *left, bool top)
{
    const Array **in = calloc((size_t)n->n_in + 1, sizeof *in);
    Array **out = calloc((size_t)n->n_out + 1, sizeof *out);
    bool *owned = calloc((size_t)n->n_in + 1, sizeof *owned);
    for (int k = 0; k < n->n_in; k++)
        in[k] = n->in[k] ? fetch(e, n->in[k], &owned[k]) : NULL;
    for (int k = 0; k < n->n_out; k++)
        out[k] = n->out[k] ? array_new(n->out[k]->dtype, &n->out[k]->shape) : NULL;
    eval_node(n, in, out, e->wide);
    for (int k = 0; k < n->n_out; k++)
        if (out[k]) {
            forget(e, n->out[k]);
            e->by_id[n->out[k]->id] = out[k];
        }
    if (top && e->observe)
        e->observe(n, (const Array *const *)out, e->context);
    for (int k = 0; k < n->n_in; k++) {
        if (owned[k])
            array_free((Array *)(uintptr_t)in[k]);
        else
            used(e, n->in[k], n->graph, left);
    }
    if (n->op == OP_Fused)
        used_inside(e, n, left);
    free(in);
    free(out);
    free(owned);
}

/* The body shared by the top graph and subgraphs: bind inputs, run, hand out copies of the outputs. */
static void run(Evaluation *e, Graph *g, const Array *const *inputs, Array **outputs, bool top)
{
    int *left = calloc((size_t)g->model->next_value + 1, sizeof *left);
    for (int k = 0; k < g->n_inputs; k++) {
        forget(e, g->inputs[k]);
        Array *copy = array_new(inputs[k]->dtype, &inputs[k]->shape);
        memcpy(copy->f ? (void *)copy->f : copy->i, copy->f ? (const void *)inputs[k]->f : inputs[k]->i, (size_t)copy->count * 8);
        e->by_id[g->inputs[k]->id] = copy;
        left[g->inputs[k]->id] = uses_at_home(g->inputs[k]);
    }
    for (const Node *n = g->first; n; n = n->next) {
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                left[n->out[k]->id] = uses_at_home(n->out[k]);
        step(e, n, left, top);
    }
    for (int k = 0; k < g->n_outputs; k++) {
        bool owned;
        Array *a = fetch(e, g->outputs[k], &owned);
        outputs[k] = a;
        if (owned)
            continue;
        outputs[k] = array_new(a->dtype, &a->shape);
        memcpy(a->f ? (void *)outputs[k]->f : outputs[k]->i, a->f ? (const void *)a->f : a->i, (size_t)a->count * 8);
    }
    for (const Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                forget(e, n->out[k]);
    for (int k = 0; k < g->n_inputs; k++)
        forget(e, g->inputs[k]);
    free(left);
}

void eval_graph(Graph *g, const Array *const *inputs, Array **outputs, bool wide, EvalObserver *observe, void *context)
{
    Evaluation e = {calloc((size_t)g->model->next_value + 1, sizeof *e.by_id), wide, observe, context};
    Evaluation *outer = running;
    running = &e;
    run(&e, g, inputs, outputs, true);
    running = outer;
    free(e.by_id);
}

void eval_alone(const Node *n, const Array *const *in, Array *const *out)
{
    Evaluation e = {.by_id = calloc((size_t)n->graph->model->next_value + 1, sizeof *e.by_id)};
    Evaluation *outer = running;
    running = &e;
    eval_node(n, in, out, false);
    running = outer;
    free(e.by_id);
}

void eval_subgraph(Graph *g, const Array *const *inputs, Array **outputs)
{
    if (!running)
        bug("a subgraph is evaluated outside an evaluation");
    run(running, g, inputs, outputs, false);
}
