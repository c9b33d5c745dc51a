/* grad_norm.c: backward rules of reductions, softmax and normalisations.
 *
 * Norms are computed in f32 at least, like their kernels, and measured again: the rows' means and spreads are small work
 * beside reading the rows. */
#include "../ir/reduce.h"
#include "../runtime/runtime.h"
#include "grad.h"

/* ---- reductions ------------------------------------------------------------------------------------------------- */

/* v, of the reduction's result, with the axes that it took away as 1. */
static Value *with_reduced(Backward *b, const Node *n, Value *v)
{
    bool gone[MAX_RANK];
    Shape s = n->in[0]->shape;
    reduce_axes(n, gone);
    for (int k = 0; k < s.rank; k++)
        s.dim[k] = gone[k] ? 1 : s.dim[k];
    return shaped(b, v, &s);
}

void grad_reduce_sum(Backward *b, Node *n, Value *dy) { give(b, n, 0, with_reduced(b, n, dy)); }

void grad_reduce_mean(Backward *b, Node *n, Value *dy)
{
    double share = (double)shape_count(&dy->shape) / (double)shape_count(&n->in[0]->shape);
    give(b, n, 0, with_reduced(b, n, scaled(b, dy, share)));
}

/* In equal parts to all elements that are the largest, or smallest. */
void grad_reduce_extremum(Backward *b, Node *n, Value *dy)
{
    Value *x = n->in[0], *y = with_reduced(b, n, n->out[0]);
    bool gone[MAX_RANK];
    int64_t axes[MAX_RANK];
    int count = 0;
    reduce_axes(n, gone);
    for (int k = 0; k < x->shape.rank; k++)
        if (gone[k])
            axes[count++] = k;
    Value *is = where(b, make2(b->at, OP_Equal, x, y), number(b, x, 1), number(b, x, 0));
    Value *shares = count ? over(b, is, reduced(b, OP_ReduceSum, is, axes, count)) : is;
    give(b, n, 0, times(b, with_reduced(b, n, dy), shares));
}

void grad_reduce_l1(Backward *b, Node *n, Value *dy)
{
    give(b, n, 0, times(b, with_reduced(b, n, dy), apply(b, OP_Sign, n->in[0])));
}

/* x / y, and 0 where all elements are. */
void grad_reduce_l2(Backward *b, Node *n, Value *dy)
{
    Value *y = n->out[0], *none = number(b, y, 0);
    Value *part = where(b, make2(b->at, OP_Equal, y, none), none, over(b, dy, y));
    give(b, n, 0, times(b, with_reduced(b, n, part), n->in[0]));
}

void grad_reduce_square(Backward *b, Node *n, Value *dy)
{
    give(b, n, 0, times(b, with_reduced(b, n, scaled(b, dy, 2)), n->in[0]));
}

/* 1 / sum = exp(-y) */
void grad_reduce_log_sum(Backward *b, Node *n, Value *dy)
{
    give(b, n, 0, with_reduced(b, n, times(b, dy, apply(b, OP_Exp, apply(b, OP_Neg, n->out[0])))));
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

static Value *axis_sum(Backward *b, const Node *n, Value *v)
{
    int64_t axis = axis_of(n, attr_i(n, "axis"), v->shape.rank);
    return reduced(b, OP_ReduceSum, v, &axis, 1);
}

void grad_softmax(Backward *b, Node *n, Value *dy)
{
    Value *y = n->out[0], *part = times(b, dy, y);
    give(b, n, 0, minus(b, part, times(b, y, axis_sum(b, n, part))));
}

void grad_log_softmax(Backward *b, Node *n, Value *dy)
{
    give(b, n, 0, minus(b, dy, times(b, apply(b, OP_Exp, n->out[0]), axis_sum(b, n, dy))));
}

/* ---- norms ------------------------------------------------------------------------------------------------------ */

/* Rows over some axes: x - mean and 1 / deviation; of an RMSNorm x itself and 1 / root of its mean square. */
typedef struct {
    int64_t axes[MAX_RANK];
    int count;
    bool centred;
    Value *rate, *normal;           /* normal = (x - mean) rate */
} Rows;

static void measure(Backward *b, Rows *r, Value *x, double epsilon)
{
    if (r->centred)
        x = minus(b, x, reduced(b, OP_ReduceMean, x, r->axes, r->count));
    Value *variance = reduced(b, OP_ReduceMean, times(b, x, x), r->axes, r->count);
    r->rate = apply(b, OP_Reciprocal, apply(b, OP_Sqrt, shifted(b, variance, epsilon)));
    r->normal = times(b, x, r->rate);
}

/* g is the gradient with respect to `normal`; returns that with respect to x: what of g changes neither the mean nor the
 * spread, rate (g - mean g - normal mean (g normal)). */
static Value *through_norm(Backward *b, const Rows *r, Value *g)
{
    Value *along = times(b, r->normal, reduced(b, OP_ReduceMean, times(b, g, r->normal), r->axes, r->count));
    Value *rest = minus(b, g, along);
    if (r->centred)
        rest = minus(b, rest, reduced(b, OP_ReduceMean, g, r->axes, r->count));
    return times(b, r->rate, rest);
}

static void grad_rows(Backward *b, Node *n, Value *dy, bool centred)
{
    const int rank = n->in[0]->shape.rank;
    const DType type = working_type(n->in[0]->dtype);
    Rows r = {.centred = centred};
    for (int64_t k = axis_of(n, attr_i(n, "axis"), rank); k < rank; k++)
        r.axes[r.count++] = k;
    measure(b, &r, make_cast(b->at, n->in[0], type), attr_f(n, "epsilon"));
    dy = make_cast(b->at, dy, type);
    if (wants(b, n, 0))
        give(b, n, 0, through_norm(b, &r, times(b, dy, make_cast(b->at, n->in[1], type))));
    if (wants(b, n, 1))
        give(b, n, 1, times(b, dy, r.normal));
    give(b, n, 2, dy);
}

void grad_layer_norm(Backward *b, Node *n, Value *dy) { grad_rows(b, n, dy, true); }
void grad_rms_norm(Backward *b, Node *n, Value *dy) { grad_rows(b, n, dy, false); }

/* A value for each channel, as it broadcasts to [N, C, ..]. */
static Value *by_channel(Backward *b, Value *v, int rank, DType type)
{
    int64_t dim[MAX_RANK] = {1, v->shape.dim[0]};
    for (int k = 2; k < rank; k++)
        dim[k] = 1;
    return make_reshape(b->at, make_cast(b->at, v, type), rank, dim);
}

/* The part of a vector of channels: all axes but that of v, as wide as x, summed. */
static void give_channels(Backward *b, Node *n, int k, Value *v)
{
    if (!wants(b, n, k))
        return;
    int64_t dim[MAX_RANK] = {1, v->shape.dim[1]}, axes[MAX_RANK] = {0};
    for (int a = 1; a < v->shape.rank - 1; a++)
        axes[a] = a + 1;
    give(b, n, k, make_reshape(b->at, reduced(b, OP_ReduceSum, v, axes, v->shape.rank - 1), 1, dim + 1));
}

/* InstanceNormalization and GroupNormalization: rows are [N, groups, the rest]. */
void grad_channel_norm(Backward *b, Node *n, Value *dy)
{
    const Shape *x = &n->in[0]->shape;
    const DType type = working_type(n->in[0]->dtype);
    const int64_t groups = n->op == OP_GroupNormalization ? attr_i(n, "num_groups") : x->dim[1];
    const Shape flat = shape_of(3, (int64_t[]){x->dim[0], groups, shape_count(x) / (x->dim[0] * groups)});
    Rows r = {.axes = {2}, .count = 1, .centred = true};
    measure(b, &r, shaped(b, make_cast(b->at, n->in[0], type), &flat), attr_f(n, "epsilon"));
    dy = make_cast(b->at, dy, type);
    if (wants(b, n, 0)) {
        Value *g = times(b, dy, by_channel(b, n->in[1], x->rank, type));
        give(b, n, 0, shaped(b, through_norm(b, &r, shaped(b, g, &flat)), x));
    }
    if (wants(b, n, 1))
        give_channels(b, n, 1, times(b, dy, shaped(b, r.normal, x)));
    give_channels(b, n, 2, dy);
}

/* Of given means and variances: one factor a channel. */
void grad_batch_norm(Backward *b, Node *n, Value *dy)
{
    if (attr_i(n, "training_mode"))
        no_gradient(n, "training_mode");
    for (int k = 1; k < n->n_in; k++)
        if (wants(b, n, k))
            no_gradient(n, "what it scales by");
    Value *spread = apply(b, OP_Sqrt, shifted(b, n->in[4], attr_f(n, "epsilon")));
    give(b, n, 0, times(b, dy, by_channel(b, over(b, n->in[1], spread), n->in[0]->shape.rank, dy->dtype)));
}
