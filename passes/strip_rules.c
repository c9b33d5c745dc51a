/* strip_rules.c: which operators can make a part of their result from parts of their operands, along which axis, and
 * how.  A row of `rules` has the axis, the rows that are needed, and what differs in the node that makes the part. */
#include <string.h>

#include "../ir/attention.h"
#include "../ir/movement.h"
#include "../ir/window.h"
#include "strips.h"

typedef struct {
    Op op;
    int (*axis)(const Node *n, int axis, int k);
    Rows (*rows)(const Node *n, int axis, Rows out, int k);             /* NULL: the same */
    void (*adapt)(Node *part, const Node *n, int axis, Rows out, Rows *made);   /* NULL: nothing differs */
} Rule;

static int64_t extent(const Value *v, int axis)
{
    return v->shape.dim[axis];
}

/* Numpy's broadcasting: operand k's axis under the result's `axis`. */
static int broadcast_axis(const Node *n, int axis, int k)
{
    int under = axis - (n->out[0]->shape.rank - n->in[k]->shape.rank);
    return under < 0 || extent(n->in[k], under) == 1 ? WHOLE : under;
}

static int first_input(int axis, int k)
{
    return k == 0 ? axis : WHOLE;
}

/* ---- convolutions and pools -------------------------------------------------------------------------------------- */

static int conv_axis(const Node *n, int axis, int k)
{
    (void)n;
    return axis == 1 ? NEVER : first_input(axis, k);
}

/* Every channel by itself; what a window reaches beyond the padding in ceil mode, no padding says. */
static int pool_axis(const Node *n, int axis, int k)
{
    return axis > 1 && attr_i(n, "ceil_mode") ? NEVER : first_input(axis, k);
}

static Window sliding_window(const Node *n)
{
    return n->op == OP_Conv ? window_conv(n, &n->in[0]->shape, &n->in[1]->shape) : window_pool(n, &n->in[0]->shape);
}

/* Padding that the rows `out` reach into at each end, and the rows between. */
static Rows window_reach(const Node *n, int axis, Rows out, int64_t *before, int64_t *after)
{
    Window w = sliding_window(n);
    int64_t high = extent(n->in[0], axis);
    Rows in = {out.first * w.stride[axis - 2] - w.before[axis - 2],
               (out.end - 1) * w.stride[axis - 2] - w.before[axis - 2] + window_span(&w, axis - 2)};
    *before = in.first < 0 ? -in.first : 0;
    *after = in.end > high ? in.end - high : 0;
    return (Rows){in.first + *before, in.end - *after};
}

static Rows window_rows(const Node *n, int axis, Rows out, int k)
{
    (void)k;
    int64_t before, after;
    return axis < 2 ? out : window_reach(n, axis, out, &before, &after);
}

static void window_adapt(Node *part, const Node *n, int axis, Rows out, Rows *made)
{
    (void)made;
    int64_t pads[2 * MAX_RANK];
    Window w = sliding_window(n);
    for (int k = 0; k < w.rank; k++) {
        pads[k] = w.before[k];
        pads[w.rank + k] = w.after[k];
    }
    if (axis > 1)
        window_reach(n, axis, out, &pads[axis - 2], &pads[w.rank + axis - 2]);
    attr_remove(part, "auto_pad");
    attr_set_ints(part, "pads", pads, 2 * w.rank);
}

/* ---- nearest neighbours, each row repeated the same number of times ---------------------------------------------- */

static int64_t repeats(const Node *n, int axis)
{
    return extent(n->out[0], axis) / extent(n->in[0], axis);
}

static int resize_axis(const Node *n, int axis, int k)
{
    if (k > 0)
        return WHOLE;
    int64_t in = extent(n->in[0], axis), out = extent(n->out[0], axis);
    bool repeated = !strcmp(attr_s(n, "mode"), "nearest") && !strcmp(attr_s(n, "nearest_mode"), "floor") &&
                    !strcmp(attr_s(n, "coordinate_transformation_mode"), "asymmetric") && out % in == 0;
    return repeated ? axis : NEVER;
}

static Rows resize_rows(const Node *n, int axis, Rows out, int k)
{
    (void)k;
    int64_t times = repeats(n, axis);
    return (Rows){out.first / times, (out.end + times - 1) / times};
}

/* By its extents: a part of the rows has the same scales. */
static void resize_adapt(Node *part, const Node *n, int axis, Rows out, Rows *made)
{
    int64_t sizes[MAX_RANK], times = repeats(n, axis);
    Rows in = resize_rows(n, axis, out, 0);
    *made = (Rows){in.first * times, in.end * times};
    memcpy(sizes, n->out[0]->shape.dim, sizeof sizes);
    sizes[axis] = made->end - made->first;
    while (part->n_in < 4)
        node_add_input(part, NULL);
    for (int k = 1; k < 4; k++)
        node_set_input(part, k, k == 3 ? value_ints(part->graph, sizes, n->out[0]->shape.rank) : NULL);
    attr_remove(part, "axes");
    attr_remove(part, "keep_aspect_ratio_policy");
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

static int matmul_axis(const Node *n, int axis, int k)
{
    int rank = n->out[0]->shape.rank;
    if (n->in[0]->shape.rank < 2 || n->in[1]->shape.rank < 2 || axis == rank - 1)
        return NEVER;
    return axis == rank - 2 && k == 1 ? WHOLE : broadcast_axis(n, axis, k);
}

static int gemm_axis(const Node *n, int axis, int k)
{
    if (axis == 1 || attr_i(n, "transA"))
        return NEVER;
    return k == 1 ? WHOLE : broadcast_axis(n, axis, k);
}

/* Rows of queries; keys and values are read whole. */
static int attention_axis(const Node *n, int axis, int k)
{
    int rank = n->in[0]->shape.rank;
    if (axis == 0 || attr_i(n, "is_causal") || attr_i(n, "right_window_size") >= 0 ||
        attr_i(n, "left_window_size") >= 0 || n->n_in > 4)
        return axis == 0 && k < 3 && n->n_in < 4 ? 0 : NEVER;
    if (axis != rank - 2)
        return NEVER;
    if (k < 3)
        return first_input(axis, k);
    int under = n->in[3]->shape.rank - 2;
    return under < 0 || extent(n->in[3], under) == 1 ? WHOLE : under;
}

/* ---- norms ------------------------------------------------------------------------------------------------------- */

static int image_norm_axis(const Node *n, int axis, int k)
{
    (void)n;
    return axis == 1 ? NEVER : first_input(axis, k);
}

static int row_norm_axis(const Node *n, int axis, int k)
{
    return axis >= axis_of(n, attr_i(n, "axis"), n->in[0]->shape.rank) ? NEVER : broadcast_axis(n, axis, k);
}

static int softmax_axis(const Node *n, int axis, int k)
{
    (void)k;
    return axis == axis_of(n, attr_i(n, "axis"), n->in[0]->shape.rank) ? NEVER : axis;
}

/* ---- movement ---------------------------------------------------------------------------------------------------- */

static int same_axis(const Node *n, int axis, int k)
{
    (void)n, (void)k;
    return axis;
}

static int transpose_axis(const Node *n, int axis, int k)
{
    int64_t perm[MAX_RANK];
    (void)k;
    transpose_perm(n, perm);
    return (int)perm[axis];
}

static int64_t leading(const Value *v, int axis)
{
    int64_t count = 1;
    for (int k = 0; k < axis; k++)
        count *= v->shape.dim[k];
    return count;
}

/* The axis of the same extent behind as many elements. */
static int reshape_axis(const Node *n, int axis, int k)
{
    if (k > 0)
        return WHOLE;
    for (int a = 0; a < n->in[0]->shape.rank; a++)
        if (extent(n->in[0], a) == extent(n->out[0], axis) && leading(n->in[0], a) == leading(n->out[0], axis))
            return a;
    return NEVER;
}

static void reshape_adapt(Node *part, const Node *n, int axis, Rows out, Rows *made)
{
    (void)made;
    int64_t dim[MAX_RANK];
    memcpy(dim, n->out[0]->shape.dim, sizeof dim);
    dim[axis] = out.end - out.first;
    node_set_input(part, 1, value_ints(part->graph, dim, n->out[0]->shape.rank));
}

static int concat_axis(const Node *n, int axis, int k)
{
    (void)k;
    return axis == axis_of(n, attr_i(n, "axis"), n->out[0]->shape.rank) ? NEVER : axis;
}

static int slice_axis(const Node *n, int axis, int k)
{
    Range r = slice_range(n);
    bool whole = r.step[axis] == 1 && r.count[axis] == extent(n->in[0], axis);
    return k > 0 ? WHOLE : whole ? axis : NEVER;
}

/* Not an axis that gets longer or shorter. */
static int pad_axis(const Node *n, int axis, int k)
{
    Padding p = pad_padding(n);
    bool same = p.before[axis] == 0 && p.after[axis] == 0 && p.count[axis] == extent(n->in[0], axis);
    return k > 0 ? WHOLE : same ? axis : NEVER;
}

static int split_axis(const Node *n, int axis, int k)
{
    int64_t size[64];
    if (n->n_out > 64 || axis == split_sizes(n, size))
        return NEVER;
    return first_input(axis, k);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static const Rule elementwise_rule = {OP_NONE, broadcast_axis, NULL, NULL};

static const Rule rules[] = {
    {OP_Conv, conv_axis, window_rows, window_adapt},
    {OP_MaxPool, pool_axis, window_rows, window_adapt},
    {OP_AveragePool, pool_axis, window_rows, window_adapt},
    {OP_LpPool, pool_axis, window_rows, window_adapt},
    {OP_Resize, resize_axis, resize_rows, resize_adapt},
    {OP_MatMul, matmul_axis, NULL, NULL},
    {OP_Gemm, gemm_axis, NULL, NULL},
    {OP_Attention, attention_axis, NULL, NULL},
    {OP_GroupNormalization, image_norm_axis, NULL, NULL},
    {OP_InstanceNormalization, image_norm_axis, NULL, NULL},
    {OP_LayerNormalization, row_norm_axis, NULL, NULL},
    {OP_RMSNormalization, row_norm_axis, NULL, NULL},
    {OP_Softmax, softmax_axis, NULL, NULL},
    {OP_Cast, same_axis, NULL, NULL},
    {OP_Transpose, transpose_axis, NULL, NULL},
    {OP_Reshape, reshape_axis, NULL, reshape_adapt},
    {OP_Concat, concat_axis, NULL, NULL},
    {OP_Pad, pad_axis, NULL, NULL},
    {OP_Slice, slice_axis, NULL, NULL},
    {OP_Split, split_axis, NULL, NULL},
};

static const Rule *rule_of(const Node *n)
{
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
        if (rules[k].op == n->op)
            return &rules[k];
    return op_info(n->op)->elementwise ? &elementwise_rule : NULL;
}

int strip_axis(const Node *n, int axis, int k)
{
    const Rule *r = rule_of(n);
    return r ? r->axis(n, axis, k) : NEVER;
}

Rows strip_rows(const Node *n, int axis, Rows out, int k)
{
    const Rule *r = rule_of(n);
    return r->rows && k == 0 ? r->rows(n, axis, out, k) : out;
}

Node *strip_node(const Node *n, int axis, Rows out, Value *const *in, Rows *made)
{
    const Rule *r = rule_of(n);
    Node *part = node_new(n->graph, NULL, n->op, n->n_in, in, n->n_out);
    part->name = n->name;
    for (int k = 0; k < n->n_attrs; k++)
        attr_set(part, n->attrs[k]);
    for (int k = 0; k < n->n_out; k++)
        if (!n->out[k])
            part->out[k] = NULL;
    *made = out;
    if (r->adapt)
        r->adapt(part, n, axis, out, made);
    infer_node(part);
    return part;
}

Value *strip_slice(Value *v, int axis, int64_t first, int64_t end)
{
    Graph *g = v->graph;
    if (first == 0 && end == extent(v, axis))
        return v;
    Value *in[] = {v, value_ints(g, &first, 1), value_ints(g, &end, 1), value_ints(g, (int64_t[]){axis}, 1)};
    Node *n = node_new(g, NULL, OP_Slice, 4, in, 1);
    infer_node(n);
    return n->out[0];
}

bool strip_is_barrier(const Node *n, int axis)
{
    return (n->op == OP_GroupNormalization || n->op == OP_InstanceNormalization) && axis > 1;
}

bool strip_is_view(const Node *n)
{
    static const Op views[] = {OP_Reshape, OP_Transpose, OP_Slice, OP_Split};
    for (size_t k = 0; k < sizeof views / sizeof *views; k++)
        if (views[k] == n->op)
            return true;
    return false;
}

int64_t strip_flops(const Node *n)
{
    int64_t count = shape_count(&n->out[0]->shape);
    if (n->op == OP_Conv) {
        Window w = sliding_window(n);
        return 2 * count * n->in[1]->shape.dim[1] * window_taps(&w);
    }
    if (n->op == OP_MatMul)
        return 2 * count * n->in[0]->shape.dim[n->in[0]->shape.rank - 1];
    if (n->op == OP_Gemm)
        return 2 * count * n->in[0]->shape.dim[attr_i(n, "transA") ? 0 : 1];
    if (n->op == OP_Attention) {
        AttentionExtents e = attention_extents(n);
        return 2 * e.batch * e.q_heads * e.q_length * e.total * (e.size + e.v_size);
    }
    return 0;
}
