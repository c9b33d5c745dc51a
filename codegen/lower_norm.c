/* lower_norm.c: normalisations and softmax.  Kernels compute in f32 or f64; those of norms load and store half
 * types, around the others they are converted. */
#include "../ir/index.h"
#include "../runtime/runtime.h"
#include "matmul.h"
#include "spatial.h"
#include "steps.h"

enum { WIDE_ROW = 16384 };         /* elements of a row that layer_norm.h widens on the stack */

/* What a kernel computes with: f64 as it is, everything else in f32. */
static DType real_type(const Value *v)
{
    return v->dtype == DT_F64 ? DT_F64 : DT_F32;
}

/* ---- rows along one or more trailing axes ------------------------------------------------------------------------ */

/* Where a kernel writes its result: the result itself, or a temporary of the computing type. */
static View result_room(Lowering *l, View wanted, DType real)
{
    return wanted.dtype == real ? wanted : temporary(l, real, wanted.rank, wanted.dim);
}

static void result_copy(Lowering *l, Node *n, View wanted, View room)
{
    if (wanted.dtype != room.dtype)
        lower_copy_view(l, n, wanted, room);
}

/* The permutation that puts `axis` last, the others in order. */
static void axis_last(int rank, int axis, int *perm)
{
    int count = 0;
    for (int k = 0; k < rank; k++)
        if (k != axis)
            perm[count++] = k;
    perm[count] = axis;
}

void lower_softmax(Lowering *l, Node *n)
{
    static const char *const kinds[] = {"SDC_SOFTMAX", "SDC_LOG_SOFTMAX", "SDC_HARDMAX"};
    const Shape *s = &n->in[0]->shape;
    int perm[MAX_RANK], axis = (int)axis_of(n, attr_i(n, "axis"), s->rank);
    DType real = real_type(n->in[0]);
    axis_last(s->rank, axis, perm);
    View order = {.rank = s->rank};                 /* the result is stored with the axis last */
    int64_t step = 1;
    for (int k = s->rank; k-- > 0; step *= s->dim[perm[k]]) {
        order.dim[perm[k]] = s->dim[perm[k]];
        order.stride[perm[k]] = step;
    }
    View wanted = view_permute(result_like(l, n->out[0], &order), s->rank, perm);
    if (view_count(&wanted) == 0)
        return;
    View x = view_cast(l, n, view_to_dense(l, n, view_permute(view_of(l, n->in[0]), s->rank, perm)), real);
    View y = result_room(l, wanted, real);
    Call *c = call_kernel(l, n, "softmax");
    call_write(c, y);
    call_read(c, x);
    call_type(c, "T", real);
    call_text(c, "KIND", kinds[n->op == OP_Softmax ? 0 : n->op == OP_LogSoftmax ? 1 : 2]);
    call_int(c, "ROWS", view_count(&x) / s->dim[axis]);
    call_int(c, "N", s->dim[axis]);
    call_reuse(c, 0, 1);
    call_note(c, "%s %s over axis %d", op_info(n->op)->name, shape_text(s), axis);
    result_copy(l, n, wanted, y);
}

/* An operand of a row normalisation: the elements of one row, or, where it differs from row to row, of all rows. */
static View row_operand(Lowering *l, Node *n, Value *v, const Shape *x, int axis, const int *order, DType real,
                        int64_t *row)
{
    View all = view_broadcast(view_of(l, v), x->rank, x->dim), one = view_permute(all, x->rank, order);
    bool shared = true;
    for (int k = 0; k < axis; k++)
        shared &= all.dim[k] == 1 || all.stride[k] == 0;
    if (shared) {
        one = all;
        one.rank = x->rank - axis;
        for (int k = 0; k < one.rank; k++) {
            one.dim[k] = all.dim[axis + k];
            one.stride[k] = all.stride[axis + k];
        }
    }
    *row = shared ? 0 : index_span(x->dim, axis, x->rank);
    return view_cast(l, n, view_to_dense(l, n, one), real);
}

/* How y and x are stored, where that is not as they are computed. */
static void call_norm_types(Call *c, const View *y, const View *x, DType real)
{
    if (y->buffer && y->dtype != real)
        call_type(c, "TY", y->dtype);
    if (x->dtype != real)
        call_type(c, "TX", x->dtype);
}

/* x as the kernel takes it: the elements of a row side by side; `order`: its axes as they are stored, those of a row last.
 * A copy where a row lies apart, where its number matters, or where it is too wide to be widened on the stack. */
static View row_input(Lowering *l, Node *n, int axis, DType real, int *order)
{
    View x = view_of(l, n->in[0]);
    if (axis != x.rank - 1 || (x.dim[axis] > 1 && x.stride[axis] != 1) || output_of(n, 1) || output_of(n, 2))
        x = view_dense(l, n->in[0]);
    if (index_span(x.dim, axis, x.rank) > WIDE_ROW)
        x = view_cast(l, n, x, real);
    for (int k = 0; k < x.rank; k++) {
        int place = k;
        for (; k < axis && place > 0 && x.stride[order[place - 1]] < x.stride[k]; place--)
            order[place] = order[place - 1];
        order[place] = k;
    }
    return x;
}

/* A place for the rows: in a concatenation that takes them, or of its own in the order of x. */
static View row_room(Lowering *l, Node *n, const View *x, int axis)
{
    DType stored = stored_type(l, n, axis == x->rank - 1);
    View part = concat_room(l, stored_value(l, n), stored, false);
    return part.buffer && part.stride[part.rank - 1] == 1 ? part : room_like(l, n->out[0], stored, x);
}

static void row_norm(Lowering *l, Node *n, bool centred)
{
    const Shape *s = &n->in[0]->shape;
    int axis = (int)axis_of(n, attr_i(n, "axis"), s->rank);
    DType real = real_type(n->in[0]), stash = attr_i(n, "stash_type") == DT_BF16 ? DT_BF16 : DT_F32;
    int64_t width = index_span(s->dim, axis, s->rank), scale_row, bias_row = 0;
    int order[MAX_RANK];
    View mean = {.dtype = stash}, inverse = {.dtype = stash};
    if (output_of(n, 1))
        mean = result_dense(l, n->out[1]);
    if (output_of(n, 2))
        inverse = result_dense(l, n->out[2]);
    if (shape_count(s) == 0) {
        result_ready(l, n, room_dense(l, n->out[0], real));
        return;
    }
    View x = row_input(l, n, axis, real, order), y = row_room(l, n, &x, axis);
    View scale = row_operand(l, n, n->in[1], s, axis, order, real, &scale_row), bias = {.dtype = real};
    if (input_of(n, 2))
        bias = row_operand(l, n, n->in[2], s, axis, order, real, &bias_row);
    Finish *finish = finish_of(l, n, order, s->rank - axis);
    Call *c = call_kernel(l, n, "layer_norm");
    call_write(c, y);
    call_write(c, mean);
    call_write(c, inverse);
    call_read(c, x);
    call_read(c, scale);
    call_read(c, bias);
    call_type(c, "T", real);
    call_norm_types(c, &y, &x, real);
    call_type(c, "U", stash);
    call_int(c, "WITH_MEAN", mean.buffer != NULL);
    call_int(c, "WITH_INVERSE", inverse.buffer != NULL);
    call_int(c, "ROWS", view_count(&x) / width);
    call_int(c, "N", width);
    call_int(c, "CENTRED", centred);
    call_float(c, "EPSILON", attr_f(n, "epsilon"));
    call_int(c, "SCALE_ROW", scale_row);
    call_int(c, "HAS_BIAS", bias.buffer != NULL);
    call_int(c, "BIAS_ROW", bias_row);
    View x_rows = view_permute(x, x.rank, order), y_rows = view_permute(y, y.rank, order);
    if (!view_is_dense(&x_rows))
        call_text(c, "X_AT", row_text(&x_rows));
    if (!view_is_dense(&y_rows))
        call_text(c, "Y_AT", row_text(&y_rows));
    if (view_is_dense(&x_rows) && view_is_dense(&y_rows))
        call_reuse(c, 0, 3);
    call_note(c, "%s %s from axis %d", op_info(n->op)->name, shape_text(s), axis);
    call_finish(c, finish, y_rows);
    result_ready(l, n, y);
}

void lower_layer_norm(Lowering *l, Node *n)
{
    row_norm(l, n, true);
}

void lower_rms_norm(Lowering *l, Node *n)
{
    row_norm(l, n, false);
}

/* ---- channels ---------------------------------------------------------------------------------------------------- */

/* x and the result either dense or channels last, as x is; in the computing type, or, where the kernel takes narrow ones, in
 * their own. */
typedef struct { Images x; View y, result; bool last; DType real; int64_t batch, channels, area; } Planes;

static Planes planes_of(Lowering *l, Node *n, bool narrow)
{
    const Shape *s = &n->in[0]->shape;
    const bool apart = narrow && n->in[0]->def && is_read_apart(l, n->in[0]->def);
    View here = apart ? (View){0} : view_of(l, n->in[0]);
    Planes p = {.real = real_type(n->in[0]), .batch = s->dim[0], .channels = s->rank > 1 ? s->dim[1] : 1,
                .area = s->rank > 2 ? index_span(s->dim, 2, s->rank) : 1};
    p.last = apart || (s->rank > 2 && !view_is_dense(&here) && view_is_channels_last(&here) && p.channels <= STACK_CHANNELS);
    DType stored = narrow ? stored_type(l, n, p.last) : p.real;
    p.result = p.last ? room_channels_last(l, n->out[0], stored) : room_dense(l, n->out[0], stored);
    p.y = p.last ? channels_to_last(p.result) : p.result;
    if (view_count(&p.y))
        p.x = p.last ? images_of(l, n->in[0]) : (Images){.first = view_dense(l, n->in[0])};
    if (view_count(&p.y) && !narrow)
        p.x.first = view_cast(l, n, p.x.first, p.real);
    return p;
}

static void plane_parameters(Call *c, const Node *n, const Planes *p)
{
    call_type(c, "T", p->real);
    call_int(c, "BATCH", p->batch);
    call_int(c, "CHANNELS", p->channels);
    call_int(c, "AREA", p->area);
    call_int(c, "LAST", p->last);
    call_note(c, "%s %s%s", op_info(n->op)->name, shape_text(&n->in[0]->shape), p->last ? ", channels last" : "");
    call_beside(c, &p->x, "BESIDE(X)", "X(beside)", "FIRST_C");
}

/* The steps behind n: pixels are rows and channels columns, or channels rows and all of their elements columns. */
static Finish *plane_finish(Lowering *l, const Node *n, const Planes *p)
{
    int order[MAX_RANK], rank = p->y.rank;
    if (!p->last)
        return rank > 2 ? finish_of(l, n, in_order, rank - 2) : NULL;
    channels_last_axes(rank, order);
    return finish_of(l, n, order, 1);
}

static int64_t groups_of(const Node *n)
{
    return n->op == OP_GroupNormalization ? attr_i(n, "num_groups") : n->in[0]->shape.dim[1];
}

/* Pixels, or elements of a group, that are measured and normalised at a time. */
static int64_t block_of(const Planes *p)
{
    enum { UNIT = 8192 };           /* elements: two passes over a unit stay in the first or second cache */
    int64_t block = p->last ? UNIT / p->channels : UNIT;
    return block < 4 ? 4 : block;
}

static View sums_of(Lowering *l, const Planes *p, int64_t groups)
{
    int64_t extent = p->last ? p->area : p->channels / groups * p->area, block = block_of(p);
    return scratch(l, DT_F64, p->batch * groups * ((extent + block - 1) / block) * 2);
}

/* p->y without a buffer: only the factors and shifts, `lines`, are wanted. */
static Call *channel_norm_call(Lowering *l, Node *n, const Planes *p, View lines)
{
    int64_t groups = groups_of(n);
    View scale = view_cast(l, n, view_dense(l, n->in[1]), p->real);
    View bias = view_cast(l, n, view_dense(l, n->in[2]), p->real);
    View sums = sums_of(l, p, groups);
    Call *c = call_kernel(l, n, "group_norm");
    call_write(c, p->y);
    call_images(c, &p->x);
    call_read(c, scale);
    call_read(c, bias);
    call_update(c, sums);
    if (p->y.buffer)
        call_update(c, lines);
    else
        call_write(c, lines);
    call_int(c, "GROUPS", groups);
    call_int(c, "BLOCK", block_of(p));
    call_int(c, "APPLY", p->y.buffer != NULL);
    call_int(c, "GIVEN", 0);
    call_float(c, "EPSILON", attr_f(n, "epsilon"));
    call_norm_types(c, &p->y, &p->x.first, p->real);
    plane_parameters(c, n, p);
    return c;
}

static void channel_norm(Lowering *l, Node *n)
{
    Planes p = planes_of(l, n, true);
    if (view_count(&p.y) == 0) {
        result_ready(l, n, p.result);
        return;
    }
    View lines = scratch(l, p.real, p.batch * p.channels * 2);
    Finish *finish = plane_finish(l, n, &p);
    Call *c = channel_norm_call(l, n, &p, lines);
    if (!p.x.beside.buffer)
        call_reuse(c, 0, 1);
    call_finish(c, finish, p.y);
    result_ready(l, n, p.result);
}

/* From what the convolution that stores the image measured. */
static void join_call(Lowering *l, Node *n, const Planes *p, const Measured *m, View lines)
{
    View scale = view_cast(l, n, view_dense(l, n->in[1]), DT_F32);
    View bias = view_cast(l, n, view_dense(l, n->in[2]), DT_F32);
    Call *c = call_kernel(l, n, "norm_join");
    call_write(c, lines);
    call_read(c, m->slots);
    call_read(c, scale);
    call_read(c, bias);
    call_int(c, "BATCH", p->batch);
    call_int(c, "CHANNELS", p->channels);
    call_int(c, "GROUPS", groups_of(n));
    call_int(c, "HEIGHT", m->height);
    call_int(c, "WIDTH", m->width);
    call_int(c, "BLOCK_H", m->block_h);
    call_int(c, "BLOCK_W", m->block_w);
    call_float(c, "EPSILON", attr_f(n, "epsilon"));
    call_note(c, "%s %s, statistics joined", op_info(n->op)->name, shape_text(&n->in[0]->shape));
}

View norm_lines(Lowering *l, Node *norm, const Images *x)
{
    if (norm->op == OP_NormApply)
        return view_dense(l, norm->in[1]);
    Measured m;
    const Shape *s = &norm->in[0]->shape;
    Planes p = {.x = *x, .y = {.dtype = DT_F32}, .last = true, .real = DT_F32, .batch = s->dim[0],
                .channels = s->dim[1], .area = index_span(s->dim, 2, s->rank)};
    View lines = scratch(l, DT_F32, p.batch * p.channels * 2);
    if (!x->beside.buffer && conv_measures(l, &x->first, &m)) {
        join_call(l, norm, &p, &m, lines);
        return lines;
    }
    Call *c = channel_norm_call(l, norm, &p, lines);
    c->note = text_format("%s, statistics", c->note);
    return lines;
}

/* ---- norms of images that are never whole ------------------------------------------------------------------------ */

void lower_channel_moments(Lowering *l, Node *n)
{
    Planes p = planes_of(l, n, true);
    int64_t groups = attr_i(n, "num_groups");
    View moments = result_dense(l, n->out[0]), sums = sums_of(l, &p, groups), none = {0};
    Call *c = call_kernel(l, n, "channel_moments");
    call_write(c, moments);
    call_images(c, &p.x);
    call_update(c, sums);
    call_int(c, "GROUPS", groups);
    call_int(c, "BLOCK", block_of(&p));
    call_norm_types(c, &none, &p.x.first, p.real);
    plane_parameters(c, n, &p);
}

void lower_channel_lines(Lowering *l, Node *n)
{
    const Attr *counts = attr_find(n, "counts");
    View lines = result_dense(l, n->out[0]), moments = view_dense(l, n->in[0]);
    View scale = view_cast(l, n, view_dense(l, n->in[1]), DT_F32);
    View bias = view_cast(l, n, view_dense(l, n->in[2]), DT_F32);
    Call *c = call_kernel(l, n, "channel_lines");
    call_write(c, lines);
    call_read(c, moments);
    call_read(c, scale);
    call_read(c, bias);
    call_int(c, "BATCH", lines.dim[0]);
    call_int(c, "CHANNELS", lines.dim[2]);
    call_int(c, "GROUPS", moments.dim[2]);
    call_int(c, "PARTS", counts->count);
    call_dims(c, "COUNTS", counts->count, counts->ints);
    call_float(c, "EPSILON", attr_f(n, "epsilon"));
    call_note(c, "norm of %d parts, %lld channels", counts->count, (long long)lines.dim[2]);
}

void lower_norm_apply(Lowering *l, Node *n)
{
    Planes p = planes_of(l, n, true);
    View none = {.dtype = p.real}, lines = view_cast(l, n, view_dense(l, n->in[1]), p.real);
    if (view_count(&p.y) == 0) {
        result_ready(l, n, p.result);
        return;
    }
    Finish *finish = plane_finish(l, n, &p);
    Call *c = call_kernel(l, n, "group_norm");
    call_write(c, p.y);
    call_images(c, &p.x);
    call_read(c, none);
    call_read(c, none);
    call_absent(c, DT_F64, OPERAND_UPDATE);
    call_read(c, lines);
    call_int(c, "GROUPS", 1);
    call_int(c, "BLOCK", block_of(&p));
    call_int(c, "APPLY", 1);
    call_int(c, "GIVEN", 1);
    call_float(c, "EPSILON", 0);
    call_norm_types(c, &p.y, &p.x.first, p.real);
    plane_parameters(c, n, &p);
    if (!p.x.beside.buffer)
        call_reuse(c, 0, 1);
    call_finish(c, finish, p.y);
    result_ready(l, n, p.result);
}

/* ---- and of those that are --------------------------------------------------------------------------------------- */

void lower_instance_norm(Lowering *l, Node *n)
{
    channel_norm(l, n);
}

void lower_group_norm(Lowering *l, Node *n)
{
    channel_norm(l, n);
}

void lower_batch_norm(Lowering *l, Node *n)
{
    Planes p = planes_of(l, n, false);
    DType affine = n->in[1]->dtype, moments = n->in[3]->dtype;
    View moved[2] = {{.dtype = moments}, {.dtype = moments}};
    for (int k = 0; k < 2; k++)
        if (output_of(n, k + 1))
            moved[k] = result_dense(l, n->out[k + 1]);
    if (view_count(&p.y) == 0) {
        result_ready(l, n, p.result);
        return;
    }
    View in[5] = {p.x.first};
    for (int k = 1; k < 5; k++)
        in[k] = view_cast(l, n, view_dense(l, n->in[k]), k < 3 ? affine : moments);
    View lines = scratch(l, p.real, p.channels * 2);
    Call *c = call_kernel(l, n, "batch_norm");
    call_write(c, p.y);
    for (int k = 0; k < 2; k++)
        call_write(c, moved[k]);
    for (int k = 0; k < 5; k++)
        call_read(c, in[k]);
    call_update(c, lines);
    call_type(c, "S", affine);
    call_type(c, "M", moments);
    call_int(c, "TRAINING", attr_i(n, "training_mode") != 0);
    call_float(c, "MOMENTUM", attr_f(n, "momentum"));
    call_int(c, "WITH_MEAN", moved[0].buffer != NULL);
    call_int(c, "WITH_VARIANCE", moved[1].buffer != NULL);
    call_float(c, "EPSILON", attr_f(n, "epsilon"));
    plane_parameters(c, n, &p);
    call_reuse(c, 0, 3);
    result_ready(l, n, p.result);
}

void lower_lrn(Lowering *l, Node *n)
{
    const Shape *s = &n->in[0]->shape;
    View y = result_dense(l, n->out[0]);
    int64_t size = attr_i(n, "size");
    if (view_count(&y) == 0)
        return;
    View x = view_dense(l, n->in[0]);
    Call *c = call_kernel(l, n, "lrn");
    call_write(c, y);
    call_read(c, x);
    call_type(c, "T", y.dtype);
    call_int(c, "OUTER_COUNT", s->dim[0]);
    call_int(c, "CHANNELS", s->dim[1]);
    call_int(c, "INNER", index_span(s->dim, 2, s->rank));
    call_int(c, "BELOW", (size - 1) / 2);
    call_int(c, "ABOVE", size - 1 - (size - 1) / 2);
    call_float(c, "ALPHA", attr_f(n, "alpha"));
    call_float(c, "BETA", attr_f(n, "beta"));
    call_float(c, "BIAS", attr_f(n, "bias"));
    call_note(c, "LRN %s over %lld channels", shape_text(s), (long long)size);
}
