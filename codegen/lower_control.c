/* lower_control.c: If, Loop and Scan as C control flow over blocks of calls that share the program's arena.
 *
 *   If      both branches end with copies into the node's results.
 *   Loop    state lives in buffers that the body reads; the body's new state is copied back at the end of an iteration.
 *           Scan outputs are written at the place of the iteration.  Trip counts must be constant when there are any.
 *   Scan    a Loop whose inputs are read, and outputs written, at the place of the iteration. */
#include "lower.h"

#include <string.h>

#include "../ir/control.h"
#include "../runtime/runtime.h"

static View result_buffer(Lowering *l, Value *v)
{
    return result_dense(l, v);
}

/* One branch: its calls, then its outputs copied to the If's results. */
static Block *lower_branch(Lowering *l, Node *n, Graph *g, const View *results)
{
    Block *outer = l->block, *block = alloc(sizeof *block);
    int mark = l->n_log;
    l->block = block;
    lower_nodes(l, g);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            lower_copy_view(l, n, results[k], view_of(l, g->outputs[k]));
    forget_since(l, mark);
    l->block = outer;
    return block;
}

void lower_if(Lowering *l, Node *n)
{
    Graph *then_branch = subgraph_of(n, "then_branch"), *else_branch = subgraph_of(n, "else_branch");
    View condition = view_dense(l, n->in[0]);
    View *results = alloc_array(n->n_out, sizeof *results);
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k])
            results[k] = result_buffer(l, n->out[k]);
    Call *c = call_append(l, CALL_IF, n);
    call_read(c, condition);
    c->then_block = lower_branch(l, n, then_branch, results);
    c->else_block = lower_branch(l, n, else_branch, results);
    call_note(c, "if");
}

/* State k: a buffer that holds it between iterations, filled from the initial value. */
static View state_buffer(Lowering *l, Node *n, Value *initial, Value *inside)
{
    View state = temporary(l, inside->dtype, inside->shape.rank, inside->shape.dim);
    if (initial)
        lower_copy_view(l, n, state, view_of(l, initial));
    result_is(l, inside, state);
    return state;
}

/* New state may be old state of another number (a swap), so it goes through copies of its own where its place is a
 * state buffer. */
static void update_state(Lowering *l, Node *n, const View *state, View *fresh, int count)
{
    for (int k = 0; k < count; k++) {
        bool is_state = false;
        for (int j = 0; j < count; j++)
            is_state |= fresh[k].buffer == state[j].buffer;
        if (is_state && !(fresh[k].buffer == state[k].buffer && view_is_dense(&fresh[k]) && !fresh[k].offset)) {
            View copy = temporary(l, fresh[k].dtype, fresh[k].rank, fresh[k].dim);
            lower_copy_view(l, n, copy, fresh[k]);
            fresh[k] = copy;
        }
    }
    for (int k = 0; k < count; k++)
        if (fresh[k].buffer != state[k].buffer)
            lower_copy_view(l, n, state[k], fresh[k]);
}

static Call *loop_begin(Lowering *l, Node *n, Block **outer, int *mark)
{
    Call *c = call_append(l, CALL_LOOP, n);
    c->index = alloc(sizeof *c->index);
    c->index->id = l->program->n_loops++;
    c->then_block = alloc(sizeof *c->then_block);
    *outer = l->block;
    *mark = l->n_log;
    l->block = c->then_block;
    return c;
}

static void loop_end(Lowering *l, Block *outer, int mark)
{
    forget_since(l, mark);
    l->block = outer;
}

/* -1: until the condition is false. */
static int64_t trips_of(const Node *n)
{
    int64_t trips;
    if (!input_of(n, 0))
        return -1;
    ints_of(n, 0, "M, the trip count", &trips, 1);
    return trips > INT64_MAX / 2 ? -1 : trips < 0 ? 0 : trips;
}

/* The calls of one iteration.  state: the body's states, then the condition, which is one like the others: the next one
 * may be an old state, and a new state the old condition. */
static void lower_iteration(Lowering *l, Node *n, Graph *g, const LoopIndex *index, const View *state, const View *scan)
{
    int states = g->n_inputs - 2, scans = g->n_outputs - 1 - states;
    View *next = alloc_array(states + 1, sizeof *next);
    lower_nodes(l, g);
    for (int k = 0; k < scans; k++)
        if (output_of(n, states + k))
            lower_copy_view(l, n, view_at(scan[k], 0, index, false), view_of(l, g->outputs[1 + states + k]));
    for (int k = 0; k < states; k++)
        next[k] = view_of(l, g->outputs[1 + k]);
    next[states] = view_broadcast(view_of(l, g->outputs[0]), 0, NULL);
    update_state(l, n, state, next, states + 1);
}

/* Body inputs: iteration number, condition, state...; outputs: condition, state..., scan outputs... */
void lower_loop(Lowering *l, Node *n)
{
    Graph *g = subgraph_of(n, "body");
    int states = g->n_inputs - 2, scans = g->n_outputs - 1 - states;
    int64_t trips = trips_of(n);
    if (scans && trips < 0)
        fail_node(SDC_UNSUPPORTED, n, "scan outputs need a constant trip count; %s", bind_advice(n, NULL));
    if (scans && !is_constant(g->outputs[0]) && g->outputs[0] != g->inputs[1])
        fail_node(SDC_UNSUPPORTED, n, "scan outputs of a loop that may end early have no static extent");
    View *state = alloc_array(states + 1, sizeof *state), *scan = alloc_array(scans + 1, sizeof *scan);
    const Value *i = g->inputs[0];
    View condition = temporary(l, DT_BOOL, 0, NULL), number = temporary(l, i->dtype, i->shape.rank, i->shape.dim);
    Value *one = value_float(n->graph, DT_BOOL, 1), *zero = value_float(n->graph, i->dtype, 0);
    Value *step = value_float(n->graph, i->dtype, 1);
    View start = view_of(l, input_of(n, 1) ? n->in[1] : one);
    lower_copy_view(l, n, condition, view_broadcast(start, 0, NULL));
    lower_copy_view(l, n, number, view_broadcast(view_of(l, zero), number.rank, number.dim));
    for (int k = 0; k < states; k++)
        state[k] = state_buffer(l, n, n->in[2 + k], g->inputs[2 + k]);
    state[states] = condition;
    for (int k = 0; k < scans; k++)
        if (output_of(n, states + k))
            scan[k] = result_buffer(l, n->out[states + k]);
    Block *outer;
    int mark;
    Call *c = loop_begin(l, n, &outer, &mark);
    c->trip_count = trips;
    call_read(c, condition);
    call_note(c, "loop");
    View given = condition;
    view_reshape(&given, g->inputs[1]->shape.rank, g->inputs[1]->shape.dim);
    result_is(l, g->inputs[0], number);
    result_is(l, g->inputs[1], given);
    lower_iteration(l, n, g, c->index, state, scan);
    lower_increment(l, n, number, view_of(l, step));
    loop_end(l, outer, mark);
    for (int k = 0; k < states; k++)
        if (output_of(n, k))
            result_is(l, n->out[k], state[k]);
}

/* What a Scan walks along: never a slice that an outer loop moves already, since a view has one loop index. */
static View scan_source(Lowering *l, Node *n, Value *v)
{
    View source = view_of(l, v);
    if (!source.index)
        return source;
    View copy = temporary(l, source.dtype, source.rank, source.dim);
    lower_copy_view(l, n, copy, source);
    return copy;
}

/* Body inputs: state..., one slice of each scan input; outputs: state..., one slice of each scan output. */
void lower_scan(Lowering *l, Node *n)
{
    Graph *g = subgraph_of(n, "body");
    int scanned = (int)attr_i(n, "num_scan_inputs"), states = n->n_in - scanned, scans = g->n_outputs - states;
    View *state = alloc_array(states + 1, sizeof *state), *next = alloc_array(states + 1, sizeof *next);
    View *source = alloc_array(scanned + 1, sizeof *source), *scan = alloc_array(scans + 1, sizeof *scan);
    for (int k = 0; k < scanned; k++)
        source[k] = scan_source(l, n, n->in[states + k]);
    for (int k = 0; k < states; k++)
        state[k] = state_buffer(l, n, n->in[k], g->inputs[k]);
    for (int k = 0; k < scans; k++)
        if (output_of(n, states + k))
            scan[k] = result_buffer(l, n->out[states + k]);
    Block *outer;
    int mark;
    Call *c = loop_begin(l, n, &outer, &mark);
    call_note(c, "scan");
    for (int k = 0; k < scanned; k++) {
        ScanWay way = scan_input_way(n, k, source[k].rank);
        c->trip_count = source[k].dim[way.axis];
        result_is(l, g->inputs[states + k], view_at(source[k], way.axis, c->index, way.backwards));
    }
    lower_nodes(l, g);
    for (int k = 0; k < scans; k++) {
        if (!output_of(n, states + k))
            continue;
        ScanWay way = scan_output_way(n, k, scan[k].rank);
        View place = view_at(scan[k], way.axis, c->index, way.backwards);
        lower_copy_view(l, n, place, view_of(l, g->outputs[states + k]));
    }
    for (int k = 0; k < states; k++)
        next[k] = view_of(l, g->outputs[k]);
    update_state(l, n, state, next, states);
    loop_end(l, outer, mark);
    for (int k = 0; k < states; k++)
        if (output_of(n, k))
            result_is(l, n->out[k], state[k]);
}
