/* grad_linear.c: backward rules of products, convolutions, pools and resizing: linear maps, each by its transpose. */
#include <string.h>

#include "../ir/einsum.h"
#include "../ir/resize.h"
#include "../ir/window.h"
#include "../runtime/runtime.h"
#include "grad.h"

static Value *product(Backward *b, Value *x, Value *y) { return make2(b->at, OP_MatMul, x, y); }

/* With an axis of extent 1 in front of axis k. */
static Value *with_axis(Backward *b, Value *x, int k)
{
    Shape s = x->shape;
    memmove(s.dim + k + 1, s.dim + k, (size_t)(s.rank - k) * sizeof *s.dim);
    s.dim[k] = 1;
    s.rank++;
    return shaped(b, x, &s);
}

/* ---- products --------------------------------------------------------------------------------------------------- */

/* A [.., M, K] by B [.., K, N]; a vector on either side is a row or a column, whose axis the result lacks. */
void grad_matmul(Backward *b, Node *n, Value *dy)
{
    Value *x = n->in[0], *y = n->in[1];
    const bool row = x->shape.rank == 1, column = y->shape.rank == 1;
    x = row ? with_axis(b, x, 0) : x;
    y = column ? with_axis(b, y, 1) : y;
    dy = column ? with_axis(b, dy, dy->shape.rank) : dy;
    dy = row ? with_axis(b, dy, dy->shape.rank - 1) : dy;
    if (wants(b, n, 0))
        give(b, n, 0, product(b, dy, transposed_last(b, y)));
    if (!wants(b, n, 1))
        return;
    Value *part = product(b, transposed_last(b, x), dy);
    give(b, n, 1, column ? make_reshape(b->at, part, part->shape.rank - 1, part->shape.dim) : part);
}

/* alpha A' B' + beta C, with A' and B' transposed where the attributes say so. */
void grad_gemm(Backward *b, Node *n, Value *dy)
{
    const bool a = attr_i(n, "transA") != 0, c = attr_i(n, "transB") != 0;
    const double alpha = attr_f(n, "alpha"), beta = attr_f(n, "beta");
    Value *turned = transposed_last(b, dy);
    Value *part = alpha == 1 ? dy : scaled(b, dy, alpha), *part_turned = alpha == 1 ? turned : scaled(b, turned, alpha);
    if (wants(b, n, 0)) {
        Value *y = n->in[1], *yt = transposed_last(b, y);
        give(b, n, 0, a ? product(b, c ? yt : y, part_turned) : product(b, part, c ? y : yt));
    }
    if (wants(b, n, 1)) {
        Value *x = n->in[0], *xt = transposed_last(b, x);
        give(b, n, 1, c ? product(b, part_turned, a ? xt : x) : product(b, a ? x : xt, part));
    }
    if (wants(b, n, 2))
        give(b, n, 2, beta == 1 ? dy : scaled(b, dy, beta));
}

/* ---- Einsum ----------------------------------------------------------------------------------------------------- */

/* Labels as letters, those that the equation did not use left out. */
static char letter(const Einsum *e, int label)
{
    int k = 0;
    for (int j = 0; j < label; j++)
        k += e->extent[j] >= 0;
    return (char)(k < 26 ? 'a' + k : 'A' + k - 26);
}

static char *spelled(const Einsum *e, const int *labels, int rank)
{
    char *text = alloc((size_t)rank + 1);
    for (int k = 0; k < rank; k++)
        text[k] = letter(e, labels[k]);
    return text;
}

/* Is a label on the result, or on an operand other than k? */
static bool is_elsewhere(const Einsum *e, int k, int label)
{
    for (int j = 0; j < e->out_rank; j++)
        if (e->out[j] == label)
            return true;
    for (int i = 0; i < e->n_in; i++)
        for (int j = 0; i != k && j < e->rank[i]; j++)
            if (e->label[i][j] == label)
                return true;
    return false;
}

/* dy and the other operands, to those of operand k's labels that they have; along the others it is the same. */
static Value *einsum_part(Backward *b, Node *n, const Einsum *e, int k, Value *dy)
{
    Value *in[EINSUM_OPERANDS] = {dy};
    char *equation = spelled(e, e->out, e->out_rank);
    int kept[MAX_RANK], count = 0, others = 1;
    Shape s = {.rank = e->rank[k]};
    for (int i = 0; i < e->n_in; i++)
        if (i != k) {
            in[others++] = n->in[i];
            equation = text_format("%s,%s", equation, spelled(e, e->label[i], e->rank[i]));
        }
    for (int j = 0; j < e->rank[k]; j++) {
        const bool there = is_elsewhere(e, k, e->label[k][j]);
        for (int i = 0; i < j; i++)
            if (e->label[k][i] == e->label[k][j])
                no_gradient(n, "a diagonal");
        s.dim[j] = there ? e->extent[e->label[k][j]] : 1;
        if (there)
            kept[count++] = e->label[k][j];
    }
    Node *part = begun(b->at, OP_Einsum, others, in);
    attr_set_s(part, "equation", text_format("%s->%s", equation, spelled(e, kept, count)));
    return shaped(b, finished(part), &s);
}

void grad_einsum(Backward *b, Node *n, Value *dy)
{
    const Einsum e = einsum_parse(n);
    int labels = 0;
    for (int k = 0; k < EINSUM_LABELS; k++)
        labels += e.extent[k] >= 0;
    if (labels > 52)
        no_gradient(n, "so many labels");
    for (int k = 0; k < e.n_in; k++)
        if (wants(b, n, k))
            give(b, n, k, einsum_part(b, n, &e, k, dy));
}

/* ---- convolutions ----------------------------------------------------------------------------------------------- */

static void set_window(Node *n, const Window *w, int64_t group)
{
    int64_t pads[2 * MAX_RANK];
    for (int k = 0; k < w->rank; k++) {
        pads[k] = w->before[k];
        pads[w->rank + k] = w->after[k];
    }
    attr_set_ints(n, "strides", w->stride, w->rank);
    attr_set_ints(n, "dilations", w->dilation, w->rank);
    attr_set_ints(n, "pads", pads, 2 * w->rank);
    attr_set_i(n, "group", group);
}

/* What a convolution by these weights takes from each element of its result, to an image of extents w->in. */
static Value *unfolded(Backward *b, Value *dy, Value *weights, const Window *w, int64_t group)
{
    int64_t extra[MAX_RANK];
    Node *n = begun(b->at, OP_ConvTranspose, 2, (Value *[]){dy, weights});
    for (int k = 0; k < w->rank; k++)
        extra[k] = w->in[k] + w->before[k] + w->after[k] - (w->out[k] - 1) * w->stride[k] - window_span(w, k);
    set_window(n, w, group);
    attr_set_ints(n, "output_padding", extra, w->rank);
    return finished(n);
}

/* The sum over all axes but the channels'. */
static Value *channel_sums(Backward *b, Value *dy)
{
    int64_t axes[MAX_RANK] = {0};
    for (int k = 1; k < dy->shape.rank - 1; k++)
        axes[k] = k + 1;
    return make_reshape(b->at, reduced(b, OP_ReduceSum, dy, axes, dy->shape.rank - 1), 1, &dy->shape.dim[1]);
}

static void give_bias(Backward *b, Node *n, Value *dy)
{
    if (wants(b, n, 1))
        no_gradient(n, "a convolution's weights");
    if (wants(b, n, 2))
        give(b, n, 2, channel_sums(b, dy));
}

void grad_conv(Backward *b, Node *n, Value *dy)
{
    const Window w = window_conv(n, &n->in[0]->shape, &n->in[1]->shape);
    give_bias(b, n, dy);
    if (wants(b, n, 0))
        give(b, n, 0, unfolded(b, dy, n->in[1], &w, attr_i(n, "group")));
}

/* With the same weights: their axes are [C, K / group, taps..] to one and [K, C / group, taps..] to the other. */
void grad_conv_transpose(Backward *b, Node *n, Value *dy)
{
    const Window w = window_transposed(n, &n->in[0]->shape, &n->in[1]->shape);
    give_bias(b, n, dy);
    if (!wants(b, n, 0))
        return;
    for (int k = 0; k < w.rank; k++)
        if (w.before[k] < 0 || w.after[k] < 0)
            no_gradient(n, "negative padding");
    Node *part = begun(b->at, OP_Conv, 2, (Value *[]){dy, n->in[1]});
    set_window(part, &w, attr_i(n, "group"));
    Value *v = finished(part);
    for (int k = 0; k < w.rank; k++)
        if (v->shape.dim[k + 2] > w.in[k])                      /* windows over output_padding alone */
            v = make_slice(b->at, v, k + 2, 0, w.in[k], 1);
    give(b, n, 0, v);
}

/* ---- pools ------------------------------------------------------------------------------------------------------ */

/* How many elements of the image each window holds, in those that it has: [1, 1, out..], all 1 without padding. */
static Value *window_shares(Backward *b, Node *n, const Window *w)
{
    int64_t dim[MAX_RANK] = {1, 1};
    memcpy(dim + 2, w->in, (size_t)w->rank * sizeof *dim);
    Value *ones = make_expand(b->at, make_scalar(b->at, n->in[0]->dtype, 1), w->rank + 2, dim);
    Node *pool = begun(b->at, OP_AveragePool, 1, &ones);
    for (int k = 0; k < n->n_attrs; k++)
        attr_set(pool, n->attrs[k]);
    attr_set_i(pool, "count_include_pad", 1);
    return finished(pool);
}

void grad_average_pool(Backward *b, Node *n, Value *dy)
{
    const Shape *x = &n->in[0]->shape;
    const Window w = window_pool(n, x);
    int64_t dim[MAX_RANK] = {x->dim[1], 1};
    bool is_padded = false;
    if (attr_i(n, "ceil_mode"))
        no_gradient(n, "ceil_mode");
    for (int k = 0; k < w.rank; k++) {
        dim[k + 2] = w.kernel[k];
        is_padded |= w.before[k] || w.after[k];
    }
    if (is_padded && !attr_i(n, "count_include_pad"))
        dy = over(b, dy, window_shares(b, n, &w));
    Value *share = number(b, dy, 1 / (double)window_taps(&w));
    give(b, n, 0, unfolded(b, dy, make_expand(b->at, share, w.rank + 2, dim), &w, x->dim[1]));
}

void grad_global_average(Backward *b, Node *n, Value *dy)
{
    const Shape *x = &n->in[0]->shape;
    int64_t area = 1;
    for (int k = 2; k < x->rank; k++)
        area *= x->dim[k];
    give(b, n, 0, scaled(b, dy, 1 / (double)area));
}

/* ---- Resize ----------------------------------------------------------------------------------------------------- */

/* [out, in]: the weight of each element of the data in each of the result; every mode is a matrix along each axis. */
static Value *resize_matrix(Backward *b, const ResizeAxis *a, DType type)
{
    const int bytes = dtype_info(type)->bytes;
    double *sums = alloc_array(a->out * a->in, sizeof *sums);
    Tensor *t = alloc(sizeof *t);
    for (int64_t o = 0; o < a->out; o++)
        for (int64_t k = 0; k < a->taps && a->index[o * a->taps] >= 0; k++)
            sums[o * a->in + a->index[o * a->taps + k]] += a->weight[o * a->taps + k];
    *t = (Tensor){.dtype = type, .shape = shape_of(2, (int64_t[]){a->out, a->in}), .count = a->out * a->in};
    char *data = alloc_array(t->count + 1, (size_t)bytes);
    for (int64_t k = 0; k < t->count; k++)
        dtype_store_f(type, data + k * bytes, sums[k]);
    t->data = data;
    return value_tensor(b->at->graph, NULL, t);
}

/* An image's rows from the left, its columns from the right, other axes as columns. */
static Value *resized_back(Backward *b, Value *dy, int axis, Value *matrix)
{
    int64_t perm[MAX_RANK];
    const int rank = dy->shape.rank;
    if (axis == rank - 1)
        return product(b, rank == 1 ? with_axis(b, dy, 0) : dy, matrix);
    if (axis == rank - 2)
        return product(b, transposed_last(b, matrix), dy);
    for (int k = 0; k < rank; k++)
        perm[k] = k == axis ? rank - 1 : k == rank - 1 ? axis : k;
    Value *turned = product(b, make_transpose(b->at, dy, rank, perm), matrix);
    return make_transpose(b->at, turned, rank, perm);
}

void grad_resize(Backward *b, Node *n, Value *dy)
{
    const Resize r = resize_tables(n);
    for (int k = 0; k < r.rank; k++)
        if (!r.axis[k].identity)
            dy = resized_back(b, dy, k, resize_matrix(b, &r.axis[k], dy->dtype));
    give(b, n, 0, shaped(b, dy, &n->in[0]->shape));
}
