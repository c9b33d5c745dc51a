/* grad_movement.c: backward rules of what moves, joins, splits and picks elements. */
#include <string.h>

#include "../ir/movement.h"
#include "../runtime/runtime.h"
#include "grad.h"

static Value *zeros(Backward *b, const Value *like)
{
    return make_expand(b->at, number(b, like, 0), like->shape.rank, like->shape.dim);
}

void grad_reshape(Backward *b, Node *n, Value *dy) { give(b, n, 0, shaped(b, dy, &n->in[0]->shape)); }
void grad_cast(Backward *b, Node *n, Value *dy) { give(b, n, 0, dy); }
void grad_expand(Backward *b, Node *n, Value *dy) { give(b, n, 0, dy); }

void grad_transpose(Backward *b, Node *n, Value *dy)
{
    int64_t perm[MAX_RANK], inverse[MAX_RANK];
    const int rank = transpose_perm(n, perm);
    for (int k = 0; k < rank; k++)
        inverse[perm[k]] = k;
    give(b, n, 0, make_transpose(b->at, dy, rank, inverse));
}

void grad_concat(Backward *b, Node *n, Value *dy)
{
    int64_t axis = axis_of(n, attr_i(n, "axis"), dy->shape.rank), first = 0;
    for (int k = 0; k < n->n_in; k++) {
        int64_t end = first + n->in[k]->shape.dim[axis];
        if (wants(b, n, k))
            give(b, n, k, make_slice(b->at, dy, axis, first, end, 1));
        first = end;
    }
}

void grad_split(Backward *b, Node *n, Value *dy)
{
    int64_t *size = alloc_array(n->n_out, sizeof *size);
    const int axis = split_sizes(n, size), rank = n->in[0]->shape.rank;
    Value **parts = alloc_array(n->n_out, sizeof *parts);
    (void)dy;
    for (int k = 0; k < n->n_out; k++) {
        Shape s = n->in[0]->shape;
        s.dim[axis] = size[k];
        parts[k] = gradient_of(b, n->out[k]);
        if (!parts[k])
            parts[k] = make_expand(b->at, number(b, n->in[0], 0), rank, s.dim);
    }
    Node *joined = begun(b->at, OP_Concat, n->n_out, parts);
    attr_set_i(joined, "axis", axis);
    give(b, n, 0, finished(joined));
}

/* Along one axis: dy's elements go to start, start + step, ... of `extent`; the others are 0. */
static Value *spread(Backward *b, Value *dy, int axis, int64_t start, int64_t step, int64_t extent)
{
    const int64_t count = dy->shape.dim[axis];
    int64_t before[MAX_RANK] = {0}, after[MAX_RANK] = {0};
    if (step < 0 && count > 1) {
        dy = flipped_axis(b, dy, axis);
        start += (count - 1) * step;
        step = -step;
    }
    if (step > 1 && count > 1 && dy->shape.rank < MAX_RANK) {      /* [.., count, 1, ..] -> [.., count, step, ..] -> one axis */
        Shape wide = dy->shape;
        memmove(wide.dim + axis + 2, wide.dim + axis + 1, (size_t)(wide.rank - axis - 1) * sizeof *wide.dim);
        wide.dim[axis + 1] = 1;
        wide.rank++;
        after[axis + 1] = step - 1;
        Shape s = dy->shape;
        s.dim[axis] = count * step;
        dy = shaped(b, padded(b, shaped(b, dy, &wide), before, after), &s);
        after[axis + 1] = 0;
        dy = make_slice(b->at, dy, axis, 0, (count - 1) * step + 1, 1);
    }
    before[axis] = start;
    after[axis] = extent - start - dy->shape.dim[axis];
    return padded(b, dy, before, after);
}

void grad_slice(Backward *b, Node *n, Value *dy)
{
    const Range r = slice_range(n);
    for (int k = 0; k < r.rank; k++) {
        if ((r.step[k] > 1 || r.step[k] < -1) && r.count[k] > 1 && r.rank == MAX_RANK)
            no_gradient(n, "a slice with steps of so many axes");
        dy = spread(b, dy, k, r.start[k], r.step[k], n->in[0]->shape.dim[k]);
    }
    give(b, n, 0, dy);
}

void grad_pad(Backward *b, Node *n, Value *dy)
{
    const Padding p = pad_padding(n);
    int64_t after[MAX_RANK];
    if (p.mode != PAD_CONSTANT)
        no_gradient(n, text_format("mode '%s'", attr_s(n, "mode")));
    if (wants(b, n, 2))
        no_gradient(n, "the value that is padded with");
    for (int k = 0; k < p.rank; k++) {
        if (p.before[k] || p.after[k])
            dy = make_slice(b->at, dy, k, p.before[k], p.before[k] + p.count[k], 1);
        after[k] = n->in[0]->shape.dim[k] - p.start[k] - p.count[k];
    }
    give(b, n, 0, padded(b, dy, p.start, after));
}

/* [.., repeats * extent, ..] -> [.., repeats, extent, ..], of which the sum. */
void grad_tile(Backward *b, Node *n, Value *dy)
{
    int64_t repeats[MAX_RANK];
    tile_repeats(n, repeats);
    for (int axis = 0; axis < n->in[0]->shape.rank; axis++) {
        if (repeats[axis] == 1)
            continue;
        if (dy->shape.rank == MAX_RANK)
            no_gradient(n, "repeats of so many axes");
        Shape whole = dy->shape, parts = whole;
        whole.dim[axis] /= repeats[axis];
        memmove(parts.dim + axis + 1, parts.dim + axis, (size_t)(parts.rank - axis) * sizeof *parts.dim);
        parts.dim[axis] = repeats[axis];
        parts.dim[axis + 1] = whole.dim[axis];
        parts.rank++;
        dy = shaped(b, reduced(b, OP_ReduceSum, shaped(b, dy, &parts), &(int64_t){axis}, 1), &whole);
    }
    give(b, n, 0, dy);
}

void grad_trilu(Backward *b, Node *n, Value *dy)
{
    Node *part = begun(b->at, OP_Trilu, n->n_in, (Value *[]){dy, input_of(n, 1)});
    attr_set_i(part, "upper", attr_i(n, "upper"));
    give(b, n, 0, finished(part));
}

static Value *blocks(Backward *b, Node *n, Value *dy, Op op)
{
    Node *moved = begun(b->at, op, 1, &dy);
    attr_set_i(moved, "blocksize", attr_i(n, "blocksize"));
    return finished(moved);
}

void grad_space_to_depth(Backward *b, Node *n, Value *dy) { give(b, n, 0, blocks(b, n, dy, OP_DepthToSpace)); }

void grad_depth_to_space(Backward *b, Node *n, Value *dy)
{
    if (strcmp(attr_s(n, "mode"), "DCR"))
        no_gradient(n, text_format("mode '%s'", attr_s(n, "mode")));
    give(b, n, 0, blocks(b, n, dy, OP_SpaceToDepth));
}

void grad_cumsum(Backward *b, Node *n, Value *dy)
{
    Node *sums = begun(b->at, OP_CumSum, 2, (Value *[]){dy, n->in[1]});
    attr_set_i(sums, "exclusive", attr_i(n, "exclusive"));
    attr_set_i(sums, "reverse", !attr_i(n, "reverse"));
    give(b, n, 0, finished(sums));
}

/* ---- gathers: what was read several times gets several parts ---------------------------------------------------- */

static Value *scattered(Backward *b, Op op, const Value *x, Value *indices, Value *dy)
{
    Node *sum = begun(b->at, op, 3, (Value *[]){zeros(b, x), indices, dy});
    attr_set_s(sum, "reduction", "add");
    return sum->out[0];
}

void grad_gather(Backward *b, Node *n, Value *dy)
{
    Value *x = n->in[0], *indices = n->in[1];
    const int axis = (int)axis_of(n, attr_i(n, "axis"), x->shape.rank);
    Shape rows = x->shape, ones = x->shape;
    rows.dim[axis] = shape_count(&indices->shape);
    for (int k = 0; k < ones.rank; k++)
        ones.dim[k] = k == axis ? rows.dim[axis] : 1;
    dy = shaped(b, dy, &rows);
    if (rows.dim[axis] == 1 && is_constant(indices)) {
        int64_t *at = ints_list(n, 1, "indices", &(int64_t){0});
        give(b, n, 0, spread(b, dy, axis, *at < 0 ? *at + x->shape.dim[axis] : *at, 1, x->shape.dim[axis]));
        return;
    }
    Value *places = make_expand(b->at, shaped(b, indices, &ones), rows.rank, rows.dim);
    Value *sum = scattered(b, OP_ScatterElements, x, places, dy);
    attr_set_i(sum->def, "axis", axis);
    give(b, n, 0, finished(sum->def));
}

void grad_gather_elements(Backward *b, Node *n, Value *dy)
{
    Value *sum = scattered(b, OP_ScatterElements, n->in[0], n->in[1], dy);
    attr_set_i(sum->def, "axis", attr_i(n, "axis"));
    give(b, n, 0, finished(sum->def));
}

void grad_gather_nd(Backward *b, Node *n, Value *dy)
{
    if (attr_i(n, "batch_dims"))
        no_gradient(n, "batch_dims");
    give(b, n, 0, finished(scattered(b, OP_ScatterND, n->in[0], n->in[1], dy)->def));
}
