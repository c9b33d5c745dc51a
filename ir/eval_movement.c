/* eval_movement.c: evaluators of the operators that only move data.
 *
 * Elements of an Array are 8 bytes whatever their type, so moving them needs no type: cells() is either kind as
 * int64_t. Source: the ONNX operator documentation of each. */
#include <string.h>

#include "../runtime/runtime.h"
#include "index.h"
#include "movement.h"
#include "op.h"

static int64_t *cells(const Array *a)
{
    return a->f ? (int64_t *)(void *)a->f : a->i;
}

/* out[at] = in[offset + sum of at * stride], over every index `at` of dim in row-major order. */
static void take_strided(const Array *out, const Array *in, int rank, const int64_t *dim, const int64_t *stride,
                         int64_t offset)
{
    int64_t at[2 * MAX_RANK] = {0};
    int64_t *to = cells(out), *from = cells(in);
    for (int64_t k = 0; k < out->count; k++) {
        to[k] = from[offset + index_offset(rank, at, stride)];
        index_next(rank, dim, at);
    }
}

void eval_identity(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    memcpy(cells(out[0]), cells(in[0]), (size_t)out[0]->count * 8);
}

/* The oracle knows one timestep: it stands in every row, and any row is the present one. */
void eval_tabulate(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    for (int64_t k = 0; k < out[0]->count; k++)
        cells(out[0])[k] = cells(in[0])[k % in[0]->count];
}

void eval_table_row(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    memcpy(cells(out[0]), cells(in[0]), (size_t)out[0]->count * 8);
}

void eval_transpose(const Node *n, const Array *const *in, Array *const *out)
{
    int64_t perm[MAX_RANK], source[MAX_RANK], stride[MAX_RANK];
    int rank = transpose_perm(n, perm);
    shape_strides(&in[0]->shape, source);
    for (int k = 0; k < rank; k++)
        stride[k] = source[perm[k]];
    take_strided(out[0], in[0], rank, out[0]->shape.dim, stride, 0);
}

void eval_expand(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    const Shape *x = &in[0]->shape, *y = &out[0]->shape;
    int64_t source[MAX_RANK], stride[MAX_RANK] = {0};
    shape_strides(x, source);
    for (int k = 0; k < x->rank; k++)
        stride[y->rank - x->rank + k] = x->dim[k] == 1 ? 0 : source[k];
    take_strided(out[0], in[0], y->rank, y->dim, stride, 0);
}

void eval_slice(const Node *n, const Array *const *in, Array *const *out)
{
    Range r = slice_range(n);
    int64_t source[MAX_RANK], stride[MAX_RANK];
    shape_strides(&in[0]->shape, source);
    for (int k = 0; k < r.rank; k++)
        stride[k] = source[k] * r.step[k];
    take_strided(out[0], in[0], r.rank, r.count, stride, index_offset(r.rank, r.start, source));
}

/* Copy between an array and the part of another one, [first, first + extent) of `axis`; extent is the smaller one's. */
static void copy_part(const Array *whole, int64_t first, const Array *part, int axis, bool into_whole)
{
    const Shape *w = &whole->shape, *p = &part->shape;
    int64_t outer = index_span(w->dim, 0, axis), inner = index_span(w->dim, axis + 1, w->rank);
    int64_t run = p->dim[axis] * inner;
    for (int64_t o = 0; o < outer; o++) {
        int64_t *a = cells(whole) + (o * w->dim[axis] + first) * inner, *b = cells(part) + o * run;
        memcpy(into_whole ? a : b, into_whole ? b : a, (size_t)run * 8);
    }
}

void eval_concat(const Node *n, const Array *const *in, Array *const *out)
{
    int axis = (int)axis_of(n, attr_i(n, "axis"), out[0]->shape.rank);
    int64_t first = 0;
    for (int k = 0; k < n->n_in; k++) {
        copy_part(out[0], first, in[k], axis, true);
        first += in[k]->shape.dim[axis];
    }
}

void eval_split(const Node *n, const Array *const *in, Array *const *out)
{
    int64_t *size = alloc_array(n->n_out, sizeof *size), first = 0;
    int axis = split_sizes(n, size);
    for (int k = 0; k < n->n_out; k++) {
        if (out[k])
            copy_part(in[0], first, out[k], axis, false);
        first += size[k];
    }
}

static void take_padded(const Array *out, const Array *in, const Padding *p, int64_t fill)
{
    int64_t at[MAX_RANK] = {0}, source[MAX_RANK];
    int64_t *to = cells(out), *from = cells(in);
    shape_strides(&in->shape, source);
    for (int64_t k = 0; k < out->count; k++) {
        int64_t offset = 0;
        bool inside = true;
        for (int a = 0; a < p->rank; a++) {
            int64_t j = pad_source(p->mode, at[a] - p->before[a], p->count[a]);
            inside &= j >= 0;
            offset += (p->start[a] + j) * source[a];
        }
        to[k] = inside ? from[offset] : fill;
        index_next(p->rank, out->shape.dim, at);
    }
}

void eval_pad(const Node *n, const Array *const *in, Array *const *out)
{
    Padding p = pad_padding(n);
    take_padded(out[0], in[0], &p, n->n_in > 2 && in[2] ? *cells(in[2]) : 0);
}

void eval_center_crop_pad(const Node *n, const Array *const *in, Array *const *out)
{
    Padding p = center_padding(n);
    take_padded(out[0], in[0], &p, 0);
}

void eval_tile(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    const Shape *x = &in[0]->shape, *y = &out[0]->shape;
    int64_t at[MAX_RANK] = {0}, source[MAX_RANK];
    shape_strides(x, source);
    for (int64_t k = 0; k < out[0]->count; k++) {
        int64_t offset = 0;
        for (int a = 0; a < x->rank; a++)
            offset += at[a] % x->dim[a] * source[a];
        cells(out[0])[k] = cells(in[0])[offset];
        index_next(y->rank, y->dim, at);
    }
}

void eval_depth_to_space(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t b = attr_i(n, "blocksize"), h = x->dim[2], w = x->dim[3], c = out[0]->shape.dim[1];
    bool depth_first = !strcmp(attr_s(n, "mode"), "DCR");
    int64_t dim[6] = {x->dim[0], c, h, b, w, b};
    int64_t row = depth_first ? b * c : b, column = depth_first ? c : 1, channel = depth_first ? 1 : b * b;
    int64_t stride[6] = {x->dim[1] * h * w, channel * h * w, w, row * h * w, 1, column * h * w};
    take_strided(out[0], in[0], 6, dim, stride, 0);
}

void eval_space_to_depth(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t b = attr_i(n, "blocksize"), h = x->dim[2], w = x->dim[3], c = x->dim[1];
    int64_t dim[6] = {x->dim[0], b, b, c, h / b, w / b};
    int64_t stride[6] = {c * h * w, w, 1, h * w, b * w, b};
    take_strided(out[0], in[0], 6, dim, stride, 0);
}

void eval_trilu(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int64_t rows = x->dim[x->rank - 2], columns = x->dim[x->rank - 1];
    int64_t diagonal = n->n_in > 1 && in[1] ? in[1]->i[0] : 0;
    bool upper = attr_i(n, "upper") != 0;
    for (int64_t k = 0; k < out[0]->count; k++) {
        int64_t ahead = k % columns - k / columns % rows;
        cells(out[0])[k] = (upper ? ahead >= diagonal : ahead <= diagonal) ? cells(in[0])[k] : 0;
    }
}

void eval_reverse_sequence(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    int batch_axis = (int)attr_i(n, "batch_axis"), time_axis = (int)attr_i(n, "time_axis");
    int64_t inner = index_span(x->dim, 2, x->rank), steps = x->dim[time_axis], stride[MAX_RANK];
    shape_strides(x, stride);
    for (int64_t b = 0; b < x->dim[batch_axis]; b++) {
        int64_t length = in[1]->i[b];
        if (length < 0 || length > steps)
            fail_node(SDC_BAD_INPUT, n, "a sequence of %lld among %lld steps", (long long)length, (long long)steps);
        for (int64_t t = 0; t < steps; t++) {
            int64_t from = t < length ? length - 1 - t : t, base = b * stride[batch_axis];
            memcpy(cells(out[0]) + base + t * stride[time_axis], cells(in[0]) + base + from * stride[time_axis],
                   (size_t)inner * 8);
        }
    }
}
