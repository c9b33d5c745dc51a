/* eval_control.c: evaluators of If, Loop and Scan: their subgraphs run inside the evaluation that is going on. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "control.h"
#include "index.h"
#include "op.h"

static void *cells(const Array *a)
{
    return a->f ? (void *)a->f : a->i;
}

static Array *duplicate(const Array *a)
{
    Array *copy = array_new(a->dtype, &a->shape);
    memcpy(cells(copy), cells(a), (size_t)a->count * 8);
    return copy;
}

/* Between one iteration's array and its place, number `at` along `axis` of the whole. */
static void copy_step(const Array *whole, int axis, int64_t at, const Array *one, bool into_whole)
{
    const int64_t *dim = whole->shape.dim;
    int64_t outer = index_span(dim, 0, axis), inner = index_span(dim, axis + 1, whole->shape.rank);
    for (int64_t o = 0; o < outer; o++) {
        char *a = (char *)cells(whole) + (o * dim[axis] + at) * inner * 8, *b = (char *)cells(one) + o * inner * 8;
        memcpy(into_whole ? a : b, into_whole ? b : a, (size_t)inner * 8);
    }
}

/* Move an evaluated result into the array that the evaluator was given, and free it. */
static void hand_over(const Node *n, Array *const *out, int k, Array *result)
{
    if (k < n->n_out && out[k])
        memcpy(cells(out[k]), cells(result), (size_t)out[k]->count * 8);
    array_free(result);
}

void eval_if(const Node *n, const Array *const *in, Array *const *out)
{
    Graph *branch = subgraph_of(n, in[0]->i[0] ? "then_branch" : "else_branch");
    Array **results = calloc((size_t)branch->n_outputs + 1, sizeof *results);
    eval_subgraph(branch, NULL, results);
    for (int k = 0; k < branch->n_outputs; k++)
        hand_over(n, out, k, results[k]);
    free(results);
}

void eval_fused(const Node *n, const Array *const *in, Array *const *out)
{
    (void)in;
    Array *result;
    eval_subgraph(subgraph_of(n, "body"), NULL, &result);
    hand_over(n, out, 0, result);
}

void eval_loop(const Node *n, const Array *const *in, Array *const *out)
{
    Graph *body = subgraph_of(n, "body");
    int states = n->n_in - 2;
    int64_t trips = in[0] ? in[0]->i[0] : INT64_MAX;
    bool going = !in[1] || in[1]->i[0];
    Array **inputs = calloc((size_t)body->n_inputs + 1, sizeof *inputs);
    Array **results = calloc((size_t)body->n_outputs + 1, sizeof *results);
    inputs[0] = array_new(body->inputs[0]->dtype, &body->inputs[0]->shape);
    inputs[1] = array_new(body->inputs[1]->dtype, &body->inputs[1]->shape);
    for (int k = 0; k < states; k++)
        inputs[2 + k] = duplicate(in[2 + k]);
    for (int64_t t = 0; t < trips && going; t++) {
        inputs[0]->i[0] = t;
        inputs[1]->i[0] = going;
        eval_subgraph(body, (const Array *const *)inputs, results);
        going = results[0]->i[0] != 0;
        array_free(results[0]);
        for (int k = 0; k < states; k++) {
            array_free(inputs[2 + k]);
            inputs[2 + k] = results[1 + k];
        }
        for (int k = states; k < n->n_out; k++) {
            if (out[k])
                copy_step(out[k], 0, t, results[1 + k], true);
            array_free(results[1 + k]);
        }
    }
    array_free(inputs[0]);
    array_free(inputs[1]);
    for (int k = 0; k < states; k++)
        hand_over(n, out, k, inputs[2 + k]);
    free(inputs);
    free(results);
}

void eval_scan(const Node *n, const Array *const *in, Array *const *out)
{
    Graph *body = subgraph_of(n, "body");
    int states = n->n_in - (int)attr_i(n, "num_scan_inputs");
    int64_t steps = in[states]->shape.dim[scan_input_way(n, 0, in[states]->shape.rank).axis];
    Array **inputs = calloc((size_t)body->n_inputs + 1, sizeof *inputs);
    Array **results = calloc((size_t)body->n_outputs + 1, sizeof *results);
    for (int k = 0; k < states; k++)
        inputs[k] = duplicate(in[k]);
    for (int k = states; k < n->n_in; k++)
        inputs[k] = array_new(in[k]->dtype, &body->inputs[k]->shape);
    for (int64_t t = 0; t < steps; t++) {
        for (int k = states; k < n->n_in; k++) {
            ScanWay way = scan_input_way(n, k - states, in[k]->shape.rank);
            copy_step(in[k], way.axis, way.backwards ? steps - 1 - t : t, inputs[k], false);
        }
        eval_subgraph(body, (const Array *const *)inputs, results);
        for (int k = 0; k < states; k++) {
            array_free(inputs[k]);
            inputs[k] = results[k];
        }
        for (int k = states; k < body->n_outputs; k++) {
            ScanWay way = scan_output_way(n, k - states, results[k]->shape.rank + 1);
            if (out[k])
                copy_step(out[k], way.axis, way.backwards ? steps - 1 - t : t, results[k], true);
            array_free(results[k]);
        }
    }
    for (int k = states; k < n->n_in; k++)
        array_free(inputs[k]);
    for (int k = 0; k < states; k++)
        hand_over(n, out, k, inputs[k]);
    free(inputs);
    free(results);
}
