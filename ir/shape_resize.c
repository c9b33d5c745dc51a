/* shape_resize.c: shape rules of Resize, GridSample and AffineGrid. */
#include <string.h>

#include "../runtime/runtime.h"
#include "need.h"
#include "op.h"
#include "resize.h"

void shape_resize(Node *n)
{
    Resize r = resize_extents(n);
    Shape out = {.rank = r.rank};
    for (int k = 0; k < r.rank; k++) {
        out.dim[k] = r.axis[k].out;
        if (out.dim[k] && !r.axis[k].in)
            fail_node(SDC_BAD_INPUT, n, "axis %d is empty", k);
    }
    set_output(n, 0, n->in[0]->dtype, &out);
}

static void need_choice(const Node *n, const char *attribute, const char *const *names, int count)
{
    for (int k = 0; k < count; k++)
        if (!strcmp(attr_s(n, attribute), names[k]))
            return;
    fail_node(SDC_UNSUPPORTED, n, "attribute '%s' is '%s'", attribute, attr_s(n, attribute));
}

/* X [N,C,in...], grid [N,out...,r] -> [N,C,out...] with r spatial axes. */
void shape_grid_sample(Node *n)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"},
        *const paddings[] = {"zeros", "border", "reflection"};
    const Shape *x = &n->in[0]->shape, *grid = &n->in[1]->shape;
    need_rank(n, 0, 3, MAX_RANK);
    need_float(n, 1);
    need_choice(n, "mode", modes, 3);
    need_choice(n, "padding_mode", paddings, 3);
    if (grid->rank != x->rank || grid->dim[0] != x->dim[0] || grid->dim[grid->rank - 1] != x->rank - 2)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s and a grid of shape %s", shape_text(x), shape_text(grid));
    Shape out = {.rank = x->rank, .dim = {x->dim[0], x->dim[1]}};
    for (int k = 2; k < out.rank; k++) {
        out.dim[k] = grid->dim[k - 1];
        if (!x->dim[k])
            fail_node(SDC_BAD_INPUT, n, "axis %d is empty", k);
    }
    set_output(n, 0, n->in[0]->dtype, &out);
}

/* theta [N,2,3], size [N,C,H,W] -> [N,H,W,2]; theta [N,3,4], size [N,C,D,H,W] -> [N,D,H,W,3]. */
void shape_affine_grid(Node *n)
{
    int64_t size[MAX_RANK];
    const Shape *theta = &n->in[0]->shape;
    need_float(n, 0);
    int count = ints_of(n, 1, "size", size, MAX_RANK), rank = count - 2;
    if (rank < 2 || rank > 3 || theta->rank != 3 || theta->dim[1] != rank || theta->dim[2] != rank + 1 ||
        theta->dim[0] != size[0])
        fail_node(SDC_BAD_INPUT, n, "theta of shape %s for a grid of %d axes", shape_text(theta), rank);
    Shape out = {.rank = rank + 2, .dim = {size[0]}};
    for (int k = 0; k < rank; k++)
        out.dim[k + 1] = size[k + 2];
    out.dim[rank + 1] = rank;
    set_output(n, 0, n->in[0]->dtype, &out);
}
