/* shape_movement.c: shape rules of the operators that only move data. */
#include <string.h>

#include "../runtime/runtime.h"
#include "movement.h"
#include "op.h"

void shape_same(Node *n)
{
    set_output(n, 0, n->in[0]->dtype, &n->in[0]->shape);
}

/* [rows, x...] and back: see passes/hoist.c. */
void shape_tabulate(Node *n)
{
    need_rank(n, 0, 0, MAX_RANK - 1);
    if (attr_i(n, "rows") < 1)
        fail_node(SDC_BAD_INPUT, n, "a table of %lld rows", (long long)attr_i(n, "rows"));
    Shape s = {.rank = n->in[0]->shape.rank + 1, .dim = {attr_i(n, "rows")}};
    memcpy(s.dim + 1, n->in[0]->shape.dim, (size_t)n->in[0]->shape.rank * sizeof *s.dim);
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_table_row(Node *n)
{
    need_rank(n, 0, 1, MAX_RANK);
    if (n->in[0]->shape.dim[0] < 1)
        fail_node(SDC_BAD_INPUT, n, "a table without rows");
    Shape s = shape_of(n->in[0]->shape.rank - 1, n->in[0]->shape.dim + 1);
    set_output(n, 0, n->in[0]->dtype, &s);
}

static void check_count(const Node *n, const Shape *s)
{
    for (int k = 0; k < s->rank; k++)
        if (s->dim[k] < 0)
            fail_node(SDC_BAD_INPUT, n, "an extent of %lld in the shape", (long long)s->dim[k]);
    if (shape_count(s) != shape_count(&n->in[0]->shape))
        fail_node(SDC_BAD_INPUT, n, "%s cannot be reshaped to %s", shape_text(&n->in[0]->shape), shape_text(s));
}

void shape_reshape(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    Shape s = {0};
    int64_t dim[MAX_RANK], known = 1, missing = -1;
    s.rank = ints_of(n, 1, "shape", dim, MAX_RANK);
    for (int k = 0; k < s.rank; k++) {
        s.dim[k] = dim[k];
        if (dim[k] == 0 && !attr_i(n, "allowzero")) {
            if (k >= x->rank)
                fail_node(SDC_BAD_INPUT, n, "entry %d of the shape copies an axis that %s does not have", k,
                          shape_text(x));
            s.dim[k] = x->dim[k];
        }
        if (dim[k] == -1) {
            if (missing >= 0)
                fail_node(SDC_BAD_INPUT, n, "the shape has more than one -1");
            missing = k;
        } else if (s.dim[k] < 0 || mul_overflow(known, s.dim[k], &known)) {
            fail_node(SDC_BAD_INPUT, n, "an extent of %lld in the shape", (long long)s.dim[k]);
        }
    }
    if (missing >= 0) {
        int64_t count = shape_count(x);
        if (known == 0 || count % known)
            fail_node(SDC_BAD_INPUT, n, "%s cannot be reshaped to %s", shape_text(x), shape_text(&s));
        s.dim[missing] = count / known;
    }
    check_count(n, &s);
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_flatten(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    int64_t axis = attr_i(n, "axis");
    if (axis < -x->rank || axis > x->rank)
        fail_node(SDC_BAD_INPUT, n, "axis %lld is out of range for rank %d", (long long)axis, x->rank);
    axis += axis < 0 ? x->rank : 0;
    Shape s = {.rank = 2, .dim = {1, 1}};
    for (int k = 0; k < x->rank; k++)
        s.dim[k >= axis] *= x->dim[k];
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_squeeze(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    Shape s = {0};
    bool drop[MAX_RANK] = {false};
    if (input_of(n, 1)) {
        int64_t axes[MAX_RANK];
        int count = ints_of(n, 1, "axes", axes, MAX_RANK);
        for (int k = 0; k < count; k++) {
            int64_t axis = axis_of(n, axes[k], x->rank);
            if (x->dim[axis] != 1)
                fail_node(SDC_BAD_INPUT, n, "axis %lld of %s is not 1", (long long)axis, shape_text(x));
            drop[axis] = true;
        }
    } else {
        for (int k = 0; k < x->rank; k++)
            drop[k] = x->dim[k] == 1;
    }
    for (int k = 0; k < x->rank; k++)
        if (!drop[k])
            s.dim[s.rank++] = x->dim[k];
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_unsqueeze(Node *n)
{
    const Shape *x = &n->in[0]->shape;
    int64_t axes[MAX_RANK];
    bool fresh[MAX_RANK] = {false};
    int count = ints_of(n, 1, "axes", axes, MAX_RANK);
    Shape s = {.rank = x->rank + count};
    if (s.rank > MAX_RANK)
        fail_node(SDC_UNSUPPORTED, n, "the result would have rank %d (at most %d are supported)", s.rank, MAX_RANK);
    for (int k = 0; k < count; k++) {
        int64_t axis = axis_of(n, axes[k], s.rank);
        if (fresh[axis])
            fail_node(SDC_BAD_INPUT, n, "axis %lld is named twice", (long long)axis);
        fresh[axis] = true;
    }
    for (int k = 0, from = 0; k < s.rank; k++)
        s.dim[k] = fresh[k] ? 1 : x->dim[from++];
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_transpose(Node *n)
{
    int64_t perm[MAX_RANK];
    Shape s = {.rank = transpose_perm(n, perm)};
    for (int k = 0; k < s.rank; k++)
        s.dim[k] = n->in[0]->shape.dim[perm[k]];
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_expand(Node *n)
{
    Shape wanted = {0}, s;
    wanted.rank = ints_of(n, 1, "shape", wanted.dim, MAX_RANK);
    for (int k = 0; k < wanted.rank; k++)
        if (wanted.dim[k] < 0)
            fail_node(SDC_BAD_INPUT, n, "an extent of %lld in the shape", (long long)wanted.dim[k]);
    broadcast_shapes(n, &n->in[0]->shape, &wanted, &s);
    set_output(n, 0, n->in[0]->dtype, &s);
}

static const char *type_text(const Value *v)
{
    return text_format("%s %s", dtype_info(v->dtype)->name, shape_text(&v->shape));
}

void shape_concat(Node *n)
{
    Shape s = n->in[0]->shape;
    if (!attr_has(n, "axis"))
        fail_node(SDC_BAD_INPUT, n, "attribute 'axis' is missing");
    int64_t axis = axis_of(n, attr_i(n, "axis"), s.rank);
    for (int k = 1; k < n->n_in; k++) {
        if (!n->in[k])
            fail_node(SDC_BAD_INPUT, n, "input %d is missing", k);
        Shape x = n->in[k]->shape;
        int64_t extent = x.rank == s.rank ? x.dim[axis] : 0;
        x.dim[axis] = s.dim[axis];
        if (!shape_equal(&x, &s) || n->in[k]->dtype != n->in[0]->dtype)
            fail_node(SDC_BAD_INPUT, n, "input %d is %s, input 0 %s: they do not fit along axis %lld", k,
                      type_text(n->in[k]), type_text(n->in[0]), (long long)axis);
        if (__builtin_add_overflow(s.dim[axis], extent, &s.dim[axis]))
            fail_node(SDC_BAD_INPUT, n, "axis %lld would be impossibly long", (long long)axis);
    }
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_split(Node *n)
{
    int64_t *size = alloc_array(n->n_out, sizeof *size);
    int axis = split_sizes(n, size);
    Shape s = n->in[0]->shape;
    for (int k = 0; k < n->n_out; k++) {
        s.dim[axis] = size[k];
        set_output(n, k, n->in[0]->dtype, &s);
    }
}

void shape_slice(Node *n)
{
    Range r = slice_range(n);
    Shape s = shape_of(r.rank, r.count);
    set_output(n, 0, n->in[0]->dtype, &s);
}

static void set_padded(Node *n, const Padding *p)
{
    Shape s = {.rank = p->rank};
    for (int k = 0; k < p->rank; k++)
        s.dim[k] = p->before[k] + p->count[k] + p->after[k];
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_pad(Node *n)
{
    Padding p = pad_padding(n);
    const Value *fill = input_of(n, 2);
    if (fill && (fill->dtype != n->in[0]->dtype || shape_count(&fill->shape) != 1))
        fail_node(SDC_BAD_INPUT, n, "the pad value must be one element of the data's type");
    set_padded(n, &p);
}

void shape_center_crop_pad(Node *n)
{
    Padding p = center_padding(n);
    set_padded(n, &p);
}

void shape_tile(Node *n)
{
    int64_t repeats[MAX_RANK];
    Shape s = n->in[0]->shape;
    tile_repeats(n, repeats);
    for (int k = 0; k < s.rank; k++)
        if (mul_overflow(s.dim[k], repeats[k], &s.dim[k]))
            fail_node(SDC_BAD_INPUT, n, "axis %d would be impossibly long", k);
    set_output(n, 0, n->in[0]->dtype, &s);
}

static int64_t block_size(const Node *n)
{
    int64_t block = attr_i(n, "blocksize");
    if (block < 1 || block > 1 << 15)
        fail_node(SDC_BAD_INPUT, n, "a blocksize of %lld", (long long)block);
    need_rank(n, 0, 4, 4);
    return block;
}

void shape_depth_to_space(Node *n)
{
    int64_t block = block_size(n);
    Shape s = n->in[0]->shape;
    const char *mode = attr_s(n, "mode");
    if (s.dim[1] % (block * block))
        fail_node(SDC_BAD_INPUT, n, "%lld channels do not divide by the block's %lld", (long long)s.dim[1],
                  (long long)(block * block));
    if (strcmp(mode, "DCR") && strcmp(mode, "CRD"))
        fail_node(SDC_BAD_INPUT, n, "mode '%s' is neither DCR nor CRD", mode);
    s.dim[1] /= block * block;
    s.dim[2] *= block;
    s.dim[3] *= block;
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_space_to_depth(Node *n)
{
    int64_t block = block_size(n);
    Shape s = n->in[0]->shape;
    if (s.dim[2] % block || s.dim[3] % block)
        fail_node(SDC_BAD_INPUT, n, "%s does not divide into blocks of %lld", shape_text(&s), (long long)block);
    s.dim[1] *= block * block;
    s.dim[2] /= block;
    s.dim[3] /= block;
    set_output(n, 0, n->in[0]->dtype, &s);
}

void shape_trilu(Node *n)
{
    need_rank(n, 0, 2, MAX_RANK);
    if (input_of(n, 1) && (n->in[1]->dtype != DT_I64 || shape_count(&n->in[1]->shape) != 1))
        fail_node(SDC_BAD_INPUT, n, "the diagonal's number must be one i64");
    shape_same(n);
}

void shape_reverse_sequence(Node *n)
{
    const Shape *x = &n->in[0]->shape, *lengths = &n->in[1]->shape;
    need_rank(n, 0, 2, MAX_RANK);
    int64_t batch = attr_i(n, "batch_axis"), time = attr_i(n, "time_axis");
    if (batch < 0 || batch > 1 || time != 1 - batch)
        fail_node(SDC_BAD_INPUT, n, "batch_axis %lld and time_axis %lld are not 0 and 1", (long long)batch,
                  (long long)time);
    if (n->in[1]->dtype != DT_I64 || lengths->rank != 1 || lengths->dim[0] != x->dim[batch])
        fail_node(SDC_BAD_INPUT, n, "sequence_lens must be i64 [%lld]", (long long)x->dim[batch]);
    shape_same(n);
}

void shape_dropout(Node *n)
{
    const Value *ratio = input_of(n, 1), *training = input_of(n, 2);
    if (!dtype_is_float(n->in[0]->dtype))
        fail_node(SDC_BAD_INPUT, n, "the data is %s, not floating point", dtype_info(n->in[0]->dtype)->name);
    if (ratio && (!dtype_is_float(ratio->dtype) || shape_count(&ratio->shape) != 1))
        fail_node(SDC_BAD_INPUT, n, "the ratio must be one float");
    if (training && (training->dtype != DT_BOOL || shape_count(&training->shape) != 1))
        fail_node(SDC_BAD_INPUT, n, "training_mode must be one bool");
    shape_same(n);
    set_output(n, 1, DT_BOOL, &n->in[0]->shape);
}
