/* shape_control.c: shape rules of If, Loop and Scan: they type the inputs of the subgraphs, infer them, and take over
 * the types of their outputs.  Everything stays static: branches must agree, state keeps its shape, and a stacked
 * output needs a number of iterations that is known. */
#include "../runtime/runtime.h"
#include "control.h"
#include "op.h"

enum { SCAN_ROOM = 256 };

Graph *subgraph_of(const Node *n, const char *name)
{
    const Attr *a = attr_find(n, name);
    if (!a || a->type != ATTR_GRAPH)
        fail_node(SDC_BAD_INPUT, n, "attribute '%s' is missing", name);
    return a->graph;
}

static int64_t listed(const Node *n, const char *name, int k)
{
    int64_t list[SCAN_ROOM];
    int count = attr_ints(n, name, list, SCAN_ROOM);
    return k < count ? list[k] : 0;
}

ScanWay scan_input_way(const Node *n, int k, int rank)
{
    return (ScanWay){(int)axis_of(n, listed(n, "scan_input_axes", k), rank), listed(n, "scan_input_directions",
                                                                                    k) != 0};
}

ScanWay scan_output_way(const Node *n, int k, int rank)
{
    return (ScanWay){(int)axis_of(n, listed(n, "scan_output_axes", k), rank), listed(n, "scan_output_directions",
                                                                                     k) != 0};
}

static const char *type_text(const Value *v)
{
    return text_format("%s %s", dtype_info(v->dtype)->name, shape_text(&v->shape));
}

void shape_if(Node *n)
{
    Graph *branch[] = {subgraph_of(n, "then_branch"), subgraph_of(n, "else_branch")};
    if (n->in[0]->dtype != DT_BOOL || shape_count(&n->in[0]->shape) != 1)
        fail_node(SDC_BAD_INPUT, n, "the condition must be one bool");
    for (int b = 0; b < 2; b++) {
        if (branch[b]->n_outputs != n->n_out || branch[b]->n_inputs)
            fail_node(SDC_BAD_INPUT, n, "a branch has %d outputs and %d inputs, the node %d outputs",
                      branch[b]->n_outputs,
                      branch[b]->n_inputs, n->n_out);
        pass_infer(branch[b]);
    }
    for (int k = 0; k < n->n_out; k++) {
        const Value *a = branch[0]->outputs[k], *b = branch[1]->outputs[k];
        if (a->dtype != b->dtype || !shape_equal(&a->shape, &b->shape))
            fail_node(SDC_UNSUPPORTED, n, "output %d is %s in one branch and %s in the other; it must be static", k,
                      type_text(a), type_text(b));
        set_output(n, k, a->dtype, &a->shape);
    }
}

void shape_fused(Node *n)
{
    Graph *body = subgraph_of(n, "body");
    body->fused = true;
    pass_infer(body);
    set_output(n, 0, body->outputs[0]->dtype, &body->outputs[0]->shape);
}

/* A body input that ONNX calls a scalar; some exporters declare [1]. */
static void type_scalar(Value *v, DType dtype)
{
    bool one = v->shape.rank == 1 && v->shape.dim[0] == 1;
    v->dtype = dtype;
    v->shape = (Shape){.rank = one, .dim = {1}};
}

static void type_state(const Node *n, Value *inside, const Value *initial)
{
    if (!initial)
        fail_node(SDC_BAD_INPUT, n, "an initial value is missing");
    inside->dtype = initial->dtype;
    inside->shape = initial->shape;
}

static void check_state(const Node *n, int k, const Value *before, const Value *after)
{
    if (before->dtype != after->dtype || !shape_equal(&before->shape, &after->shape))
        fail_node(SDC_UNSUPPORTED, n, "state %d changes from %s to %s in one iteration; it must be static", k,
                  type_text(before), type_text(after));
}

/* A stacked output: the shape of one iteration's, with `extent` inserted at `axis`. */
static void set_stacked(Node *n, int k, const Value *one, int axis, int64_t extent)
{
    Shape s = {.rank = one->shape.rank + 1};
    if (s.rank > MAX_RANK)
        fail_node(SDC_UNSUPPORTED, n, "output %d would have rank %d (at most %d are supported)", k, s.rank, MAX_RANK);
    for (int a = 0; a < s.rank; a++)
        s.dim[a] = a < axis ? one->shape.dim[a] : a == axis ? extent : one->shape.dim[a - 1];
    set_output(n, k, one->dtype, &s);
}

/* The value that identities hand on. */
static const Value *behind_identities(const Value *v)
{
    while (v->def && v->def->op == OP_Identity)
        v = v->def->in[0];
    return v;
}

/* The number of iterations of a Loop with stacked outputs: it must not depend on run-time data. */
static int64_t trip_count(const Node *n, const Graph *body)
{
    int64_t trips, going = 1;
    if (!input_of(n, 0) || ints_of(n, 0, "M, the trip count", &trips, 1) != 1)
        fail_node(SDC_UNSUPPORTED, n, "stacked outputs of a loop without a trip count have no static extent");
    if (input_of(n, 1))
        ints_of(n, 1, "cond, the condition to begin with", &going, 1);
    if (!going || trips < 0)
        return 0;
    const Value *next = behind_identities(body->outputs[0]);
    if (next == body->inputs[1])
        return trips;
    if (!is_constant(next))
        fail_node(SDC_UNSUPPORTED, n, "stacked outputs of a loop that may end early have no static extent");
    const Tensor *t = constant_tensor((Value *)(uintptr_t)next);
    return dtype_load_i(t->dtype, t->data) || trips == 0 ? trips : 1;
}

/* Input k of a Loop, when it is there, is one element of this type. */
static void check_single(const Node *n, int k, const char *what, DType dtype)
{
    const Value *v = input_of(n, k);
    if (v && (v->dtype != dtype || shape_count(&v->shape) != 1))
        fail_node(SDC_BAD_INPUT, n, "input %d (%s) must be one %s, not %s", k, what, dtype_info(dtype)->name,
                  type_text(v));
}

void shape_loop(Node *n)
{
    Graph *body = subgraph_of(n, "body");
    int states = n->n_in - 2, scans = n->n_out - states;
    if (body->n_inputs != n->n_in || body->n_outputs != 1 + n->n_out || scans < 0)
        fail_node(SDC_BAD_INPUT, n, "the body has %d inputs and %d outputs, the node %d and %d", body->n_inputs,
                  body->n_outputs,
                  n->n_in, n->n_out);
    check_single(n, 0, "M, the trip count", DT_I64);
    check_single(n, 1, "cond, the condition to begin with", DT_BOOL);
    type_scalar(body->inputs[0], DT_I64);
    type_scalar(body->inputs[1], DT_BOOL);
    for (int k = 0; k < states; k++)
        type_state(n, body->inputs[2 + k], n->in[2 + k]);
    pass_infer(body);
    if (body->outputs[0]->dtype != DT_BOOL || shape_count(&body->outputs[0]->shape) != 1)
        fail_node(SDC_BAD_INPUT, n, "the body's condition must be one bool");
    for (int k = 0; k < states; k++) {
        check_state(n, k, body->inputs[2 + k], body->outputs[1 + k]);
        set_output(n, k, body->outputs[1 + k]->dtype, &body->outputs[1 + k]->shape);
    }
    int64_t trips = scans ? trip_count(n, body) : 0;
    for (int k = states; k < n->n_out; k++)
        set_stacked(n, k, body->outputs[1 + k], 0, trips);
}

void shape_scan(Node *n)
{
    Graph *body = subgraph_of(n, "body");
    int64_t scanned = attr_i(n, "num_scan_inputs"), extent = -1;
    if (scanned < 1 || scanned > n->n_in)
        fail_node(SDC_BAD_INPUT, n, "num_scan_inputs is %lld for %d inputs", (long long)scanned, n->n_in);
    int states = n->n_in - (int)scanned;
    if (body->n_inputs != n->n_in || body->n_outputs != n->n_out || n->n_out < states)
        fail_node(SDC_BAD_INPUT, n, "the body has %d inputs and %d outputs, the node %d and %d", body->n_inputs,
                  body->n_outputs,
                  n->n_in, n->n_out);
    for (int k = 0; k < states; k++)
        type_state(n, body->inputs[k], n->in[k]);
    for (int k = states; k < n->n_in; k++) {
        if (!n->in[k])
            fail_node(SDC_BAD_INPUT, n, "input %d is missing", k);
        Shape s = n->in[k]->shape;
        int axis = scan_input_way(n, k - states, s.rank).axis;
        if (extent >= 0 && s.dim[axis] != extent)
            fail_node(SDC_BAD_INPUT, n, "scan inputs have %lld and %lld steps", (long long)extent,
                      (long long)s.dim[axis]);
        extent = s.dim[axis];
        for (int a = axis; a + 1 < s.rank; a++)
            s.dim[a] = s.dim[a + 1];
        s.rank--;
        body->inputs[k]->dtype = n->in[k]->dtype;
        body->inputs[k]->shape = s;
    }
    pass_infer(body);
    for (int k = 0; k < states; k++) {
        check_state(n, k, body->inputs[k], body->outputs[k]);
        set_output(n, k, body->outputs[k]->dtype, &body->outputs[k]->shape);
    }
    for (int k = states; k < n->n_out; k++)
        set_stacked(n, k, body->outputs[k], scan_output_way(n, k - states, body->outputs[k]->shape.rank + 1).axis,
                    extent);
}
