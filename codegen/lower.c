/* lower.c: from graph nodes to kernel calls.
 *
 * Each node's lowering rule (a column of op.def) asks here where its operands live, in the order that its kernel needs,
 * gets a place for its results, and appends calls.  Copies appear only where an order is demanded that a value does not
 * have; each is remembered, so that a second reader uses the same copy.
 *
 *   needs:   static shapes; every remaining operator has a lowering rule
 *   leaves:  a Program: calls in execution order on buffers without offsets (plan.c sets those) */
#include "lower.h"

#include <stdlib.h>
#include <string.h>

#include "../ir/op.h"
#include "../runtime/runtime.h"
#include "steps.h"

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

static Buffer *buffer_new(Program *p, BufferKind kind, int64_t bytes, Value *value)
{
    if (p->n_buffers == p->buffers_room) {
        p->buffers_room = p->buffers_room ? 2 * p->buffers_room : 64;
        p->buffers = alloc_more(p->buffers, p->n_buffers, p->buffers_room, sizeof *p->buffers);
    }
    Buffer *b = alloc(sizeof *b);
    *b = (Buffer){.id = p->n_buffers, .kind = kind, .bytes = bytes, .offset = -1, .first = -1, .last = -1,
                  .value = value};
    p->buffers[p->n_buffers++] = b;
    return b;
}

/* A view of a whole buffer whose axes are stored in the order axes[0], axes[1], ... (outermost first). */
static View view_ordered(Buffer *b, DType dtype, int rank, const int64_t *dim, const int *axes)
{
    View v = {.buffer = b, .dtype = dtype, .rank = rank};
    int64_t step = 1;
    for (int k = rank; k-- > 0;) {
        int axis = axes ? axes[k] : k;
        v.dim[axis] = dim[axis];
        v.stride[axis] = step;
        step *= dim[axis];
    }
    return v;
}

static int64_t bytes_of(DType dtype, int rank, const int64_t *dim)
{
    Shape s = shape_of(rank, dim);
    return shape_count(&s) * dtype_info(dtype)->bytes;
}

View temporary(Lowering *l, DType dtype, int rank, const int64_t *dim)
{
    Buffer *b = buffer_new(l->program, BUFFER_ARENA, bytes_of(dtype, rank, dim), NULL);
    return view_ordered(b, dtype, rank, dim, NULL);
}

View scratch(Lowering *l, DType dtype, int64_t count)
{
    return temporary(l, dtype, 1, &count);
}

/* ---- where values live ------------------------------------------------------------------------------------------- */

enum { AS_IT_IS, DENSE, CHANNELS_LAST, FORMS };

static View **slot(Lowering *l, const Value *v, int form)
{
    if (v->id >= l->n_views) {
        int room = l->program->graph->model->next_value + 64;
        l->views = alloc_more(l->views, (int64_t)l->n_views * FORMS, (int64_t)room * FORMS, sizeof *l->views);
        l->n_views = room;
    }
    return &l->views[v->id * FORMS + form];
}

static View *remember(Lowering *l, const Value *v, int form, View view)
{
    View *kept = alloc(sizeof *kept);
    *kept = view;
    *slot(l, v, form) = kept;
    if (l->n_log == l->log_room) {
        l->log_room = l->log_room ? 2 * l->log_room : 256;
        l->log = alloc_more(l->log, l->n_log, l->log_room, sizeof *l->log);
    }
    l->log[l->n_log++] = (Remembered){v, form};
    return kept;
}

/* What a block remembered is not there when the block did not run. */
void forget_since(Lowering *l, int mark)
{
    while (l->n_log > mark) {
        l->n_log--;
        *slot(l, l->log[l->n_log].value, l->log[l->n_log].form) = NULL;
    }
}

/* The first of a constant's forms, each linked to the next. */
static Buffer **packed_forms(Lowering *l, const Value *v)
{
    if (v->id >= l->n_packed) {
        int room = l->program->graph->model->next_value + 64;
        l->packed = alloc_more(l->packed, l->n_packed, room, sizeof *l->packed);
        l->n_packed = room;
    }
    return &l->packed[v->id];
}

View weights_packed(Lowering *l, Value *v, PackFunction *pack, const char *pack_name, const int64_t *p, int n_p,
                    DType dtype, int64_t count)
{
    int64_t parameters[PACK_PARAMETERS] = {0};
    if (n_p > PACK_PARAMETERS)
        bug("a packer takes at most %d parameters", PACK_PARAMETERS);
    if (n_p)
        memcpy(parameters, p, (size_t)n_p * sizeof *p);
    int64_t bytes = bytes_of(dtype, 1, &count);
    Buffer **forms = packed_forms(l, v);
    for (Buffer *b = *forms; b; b = b->packed_too)
        if (b->pack == pack && b->bytes == bytes && !memcmp(b->pack_parameters, parameters, sizeof parameters))
            return view_ordered(b, dtype, 1, &count, NULL);
    Buffer *b = buffer_new(l->program, BUFFER_WEIGHTS, bytes, v);
    b->packed_too = *forms;
    *forms = b;
    b->pack = pack;
    b->pack_name = pack_name;
    memcpy(b->pack_parameters, parameters, sizeof parameters);
    return view_ordered(b, dtype, 1, &count, NULL);
}

bool is_lowered(Lowering *l, const Value *v)
{
    return *slot(l, v, AS_IT_IS) != NULL;
}

View view_of(Lowering *l, Value *v)
{
    View *known = *slot(l, v, AS_IT_IS);
    if (known)
        return *known;
    if (!v->constant)
        bug("v%d is lowered before it is defined", v->id);
    View w = weights_packed(l, v, NULL, "as it is", NULL, 0, v->dtype, shape_count(&v->shape));
    return view_ordered(w.buffer, v->dtype, v->shape.rank, v->shape.dim, NULL);
}

static Node *origin(const Value *v)
{
    return v->def;
}

View view_to_dense(Lowering *l, Node *n, View v)
{
    if (view_is_dense(&v))
        return v;
    View copy = temporary(l, v.dtype, v.rank, v.dim);
    lower_copy_view(l, n, copy, v);
    return copy;
}

View view_dense(Lowering *l, Value *v)
{
    if (*slot(l, v, DENSE))
        return **slot(l, v, DENSE);
    View here = view_of(l, v);
    if (view_is_dense(&here))
        return here;
    return *remember(l, v, DENSE, view_to_dense(l, origin(v), here));
}

View view_channels_last(Lowering *l, Value *v)
{
    if (*slot(l, v, CHANNELS_LAST))
        return **slot(l, v, CHANNELS_LAST);
    View here = view_of(l, v);
    if (view_is_channels_last(&here))
        return here;
    int axes[MAX_RANK];
    channels_last_axes(here.rank, axes);
    Buffer *b = buffer_new(l->program, BUFFER_ARENA, bytes_of(here.dtype, here.rank, here.dim), v);
    View copy = view_ordered(b, here.dtype, here.rank, here.dim, axes);
    lower_copy_view(l, origin(v), copy, here);
    return *remember(l, v, CHANNELS_LAST, copy);
}

View view_cast(Lowering *l, Node *n, View v, DType dtype)
{
    if (v.dtype == dtype)
        return v;
    View copy = temporary(l, dtype, v.rank, v.dim);
    lower_copy_view(l, n, copy, v);
    return copy;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

void result_is(Lowering *l, Value *v, View view)
{
    remember(l, v, AS_IT_IS, view);
}

static View room_ordered(Lowering *l, Value *v, DType dtype, const int *axes)
{
    Buffer *b = buffer_new(l->program, BUFFER_ARENA, bytes_of(dtype, v->shape.rank, v->shape.dim), v);
    return view_ordered(b, dtype, v->shape.rank, v->shape.dim, axes);
}

View room_dense(Lowering *l, Value *v, DType dtype)
{
    return room_ordered(l, v, dtype, NULL);
}

View room_channels_last(Lowering *l, Value *v, DType dtype)
{
    int axes[MAX_RANK];
    if (v->shape.rank < 3)
        return room_dense(l, v, dtype);
    channels_last_axes(v->shape.rank, axes);
    return room_ordered(l, v, dtype, axes);
}

/* Axes sorted by stride, outermost first; broadcast axes (stride 0) and single elements keep their logical place. */
View room_like(Lowering *l, Value *v, DType dtype, const View *order)
{
    int axes[MAX_RANK];
    if (order->rank != v->shape.rank)
        return room_dense(l, v, dtype);
    for (int k = 0; k < order->rank; k++) {
        if (order->dim[k] > 1 && order->stride[k] <= 0)
            return room_dense(l, v, dtype);
        int place = k;
        for (; place > 0 && order->dim[k] > 1; place--) {
            int before = axes[place - 1];
            if (order->dim[before] > 1 && order->stride[before] >= order->stride[k])
                break;
            axes[place] = before;
        }
        axes[place] = k;
    }
    return room_ordered(l, v, dtype, axes);
}

/* The Concat in v's own graph that reads v, once, and besides which only what makes views does; NULL when there is none. */
static Node *concat_of(const Value *v)
{
    Node *n = NULL;
    for (int k = 0; k < v->n_uses; k++) {
        Op op = v->uses[k]->op;
        if (op == OP_Concat && !n)
            n = v->uses[k];
        else if (op != OP_Split && op != OP_Slice && op != OP_Reshape && op != OP_Transpose)
            return NULL;
    }
    bool fits = n && !v->graph_output && n->graph == v->graph && n->out[0]->dtype == v->dtype && !n->out[0]->constant;
    return fits && fuses(v->graph, FUSION_concat) ? n : NULL;
}

View concat_room(Lowering *l, Value *v, DType dtype, bool channels_last)
{
    Node *n = concat_of(v);
    if (!n || kept_type(n->out[0]) != dtype || is_read_apart(l, n))
        return (View){.buffer = NULL};
    View *known = *slot(l, n->out[0], AS_IT_IS);
    View whole = known ? *known : channels_last ? result_channels_last(l, n->out[0]) : result_dense(l, n->out[0]);
    int axis = (int)axis_of(n, attr_i(n, "axis"), v->shape.rank);
    for (int k = 0; n->in[k] != v; k++)
        whole.offset += n->in[k]->shape.dim[axis] * whole.stride[axis];
    whole.dim[axis] = v->shape.dim[axis];
    return whole;
}

View result_dense(Lowering *l, Value *v)
{
    return *remember(l, v, AS_IT_IS, room_dense(l, v, kept_type(v)));
}

View result_channels_last(Lowering *l, Value *v)
{
    return *remember(l, v, AS_IT_IS, room_channels_last(l, v, kept_type(v)));
}

View result_like(Lowering *l, Value *v, const View *order)
{
    return *remember(l, v, AS_IT_IS, room_like(l, v, kept_type(v), order));
}

/* ---- the graph --------------------------------------------------------------------------------------------------- */

/* A strip that its kernel could not store inside the whole that it is a part of is copied there at once, not when the
 * last one is made. */
static void join_strips(Lowering *l, const Node *n)
{
    for (int k = 0; k < n->n_out; k++) {
        Value *v = n->out[k];
        bool strip = v && v->id < v->graph->model->n_parts && v->graph->model->part_of[v->id] >= 0;
        View here = strip ? view_of(l, v) : (View){0};
        View place = strip ? concat_room(l, v, here.dtype, !view_is_dense(&here)) : (View){0};
        if (!place.buffer || place.buffer == here.buffer)
            continue;
        lower_copy_view(l, origin(v), place, here);
        result_is(l, v, place);
    }
}

static void lower_node(Lowering *l, Node *n)
{
    bool constant = n->n_out > 0;               /* a recipe: packed, not computed at run time */
    for (int k = 0; k < n->n_out; k++)
        constant &= !n->out[k] || n->out[k]->constant;
    if (constant)
        return;
    op_info(n->op)->lower(l, n);
    join_strips(l, n);
}

void lower_nodes(Lowering *l, Graph *g)
{
    for (Node *n = g->first; n; n = n->next)
        lower_node(l, n);
}

/* Outputs are row-major, each in an arena buffer of its own that no input and no other output shares. */
static View output_view(Lowering *l, Graph *g, int k)
{
    Value *v = g->outputs[k];
    View here = view_dense(l, v);
    bool own = here.buffer->kind == BUFFER_ARENA && here.offset == 0 && !here.index &&
               here.buffer->bytes == bytes_of(v->dtype, v->shape.rank, v->shape.dim);
    for (int j = 0; own && j < g->n_inputs; j++)
        own = here.buffer != l->program->inputs[j].buffer;
    for (int j = 0; own && j < k; j++)
        own = here.buffer != l->program->outputs[j].buffer;
    if (own)
        return here;
    View copy = temporary(l, v->dtype, v->shape.rank, v->shape.dim);
    lower_copy_view(l, origin(v), copy, here);
    return copy;
}

/* What depends on the prompt alone first, then the tables, then the rest, each in the graph's order. */
static void lower_by_rate(Lowering *l, Graph *g)
{
    Program *p = l->program;
    unsigned char *rates = value_rates(g);
    for (Pace pace = 0; pace < PACES; pace++) {
        const Call *before = p->body.last;
        for (Node *n = g->first; n; n = n->next)
            if (node_pace(n, rates) == pace)
                lower_node(l, n);
        p->last[pace] = p->body.last != before ? p->body.last : NULL;
    }
    free(rates);
}

/* ---- tables of timesteps ------------------------------------------------------------------------------------------ */

static int input_number(const Graph *g, const Value *v)
{
    int k = 0;
    while (k < g->n_inputs && g->inputs[k] != v)
        k++;
    return k;
}

/* Filled from outside, with the timesteps of a block. */
void lower_tabulate(Lowering *l, Node *n)
{
    Program *p = l->program;
    int input = input_number(p->graph, n->in[0]);
    if (input == p->graph->n_inputs)
        fail_node(SDC_UNSUPPORTED, n, "only a table of an input can be given");
    if (p->n_tables == p->tables_room) {
        p->tables_room += 4;
        p->tables = alloc_more(p->tables, p->n_tables, p->tables_room, sizeof *p->tables);
    }
    p->tables[p->n_tables++] = (TimestepTable){input, result_dense(l, n->out[0])};
}

void lower_table_row(Lowering *l, Node *n)
{
    static const LoopIndex row = {ROW_INDEX};
    result_is(l, n->out[0], view_at(view_of(l, n->in[0]), 0, &row, false));
}

Program *lower_graph(Graph *g, const char *name, const Isa *isa)
{
    Program *p = alloc(sizeof *p);
    *p = (Program){.name = text_copy(name), .graph = g};
    Lowering l = {.program = p, .isa = isa, .block = &p->body};
    p->inputs = alloc_array(g->n_inputs, sizeof *p->inputs);
    p->outputs = alloc_array(g->n_outputs, sizeof *p->outputs);
    for (int k = 0; k < g->n_inputs; k++)
        p->inputs[k] = result_dense(&l, g->inputs[k]);
    if (fuses(g, FUSION_hoist))
        lower_by_rate(&l, g);
    else
        lower_nodes(&l, g);
    for (int k = 0; k < g->n_outputs; k++)
        p->outputs[k] = output_view(&l, g, k);
    const Call *hoisted = p->last[PACE_BLOCK] ? p->last[PACE_BLOCK] : p->last[PACE_PROMPT];
    p->last[PACE_STEP] = p->body.last != hoisted ? p->body.last : NULL;
    return p;
}
