/* shape_pool.c: shape rules of pools and regions of interest. */
#include "../runtime/runtime.h"
#include "need.h"
#include "op.h"
#include "window.h"

void shape_pool(Node *n)
{
    Shape out = n->in[0]->shape;
    Window w = window_pool(n, &out);
    if (n->op == OP_LpPool && attr_i(n, "p") < 1)
        fail_node(SDC_BAD_INPUT, n, "attribute 'p' is %lld", (long long)attr_i(n, "p"));
    if (n->op != OP_MaxPool)
        need_float(n, 0);
    for (int k = 0; k < w.rank; k++)
        out.dim[k + 2] = w.out[k];
    set_output(n, 0, n->in[0]->dtype, &out);
    set_output(n, 1, DT_I64, &out);
}

void shape_global_pool(Node *n)
{
    need_rank(n, 0, 3, MAX_RANK);
    need_float(n, 0);
    Shape out = n->in[0]->shape;
    if (n->op == OP_GlobalLpPool && attr_i(n, "p") < 1)
        fail_node(SDC_BAD_INPUT, n, "attribute 'p' is %lld", (long long)attr_i(n, "p"));
    for (int k = 2; k < out.rank; k++)
        out.dim[k] = 1;
    set_output(n, 0, n->in[0]->dtype, &out);
}

void shape_max_unpool(Node *n)
{
    need_rank(n, 0, 3, MAX_RANK);
    need_integer(n, 1);
    Shape out = n->in[0]->shape;
    if (!shape_equal(&out, &n->in[1]->shape))
        fail_node(SDC_BAD_INPUT, n, "data of shape %s and indices of shape %s", shape_text(&out),
                  shape_text(&n->in[1]->shape));
    Window w = window_attributes(n, out.rank - 2, NULL);
    for (int k = 0; k < w.rank; k++)
        out.dim[k + 2] = (out.dim[k + 2] - 1) * w.stride[k] - w.before[k] - w.after[k] + w.kernel[k];
    if (input_of(n, 2)) {
        int64_t want[MAX_RANK];
        int count = ints_of(n, 2, "output_shape", want, MAX_RANK);
        if (count != out.rank)
            fail_node(SDC_BAD_INPUT, n, "output_shape has %d entries for rank %d", count, out.rank);
        for (int k = 0; k < count; k++) {
            if (want[k] < out.dim[k])
                fail_node(SDC_BAD_INPUT, n, "output_shape is smaller than %s", shape_text(&out));
            out.dim[k] = want[k];
        }
    }
    set_output(n, 0, n->in[0]->dtype, &out);
}

/* MaxRoiPool (X, rois [R,5]) and RoiAlign (X, rois [R,4], batch_indices [R]). */
void shape_roi_pool(Node *n)
{
    bool align = n->op == OP_RoiAlign;
    need_rank(n, 0, 4, 4);
    need_rank(n, 1, 2, 2);
    need_float(n, 0);
    need_same_type(n, 0, 1);
    need_integer(n, 2);
    const Shape *rois = &n->in[1]->shape;
    if (rois->dim[1] != (align ? 4 : 5))
        fail_node(SDC_BAD_INPUT, n, "regions of shape %s", shape_text(rois));
    if (align && (n->in[2]->shape.rank != 1 || n->in[2]->shape.dim[0] != rois->dim[0]))
        fail_node(SDC_BAD_INPUT, n, "batch indices of shape %s for %lld regions", shape_text(&n->in[2]->shape),
                  (long long)rois->dim[0]);
    int64_t size[2] = {1, 1};
    if (n->in[0]->shape.dim[2] < 1 || n->in[0]->shape.dim[3] < 1)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s", shape_text(&n->in[0]->shape));
    if (align) {
        size[0] = attr_i(n, "output_height");
        size[1] = attr_i(n, "output_width");
    } else if (attr_ints(n, "pooled_shape", size, 2) != 2)
        fail_node(SDC_BAD_INPUT, n, "attribute 'pooled_shape' must have two entries");
    if (size[0] < 1 || size[1] < 1)
        fail_node(SDC_BAD_INPUT, n, "a pooled extent below 1");
    Shape out = {.rank = 4, .dim = {rois->dim[0], n->in[0]->shape.dim[1], size[0], size[1]}};
    set_output(n, 0, n->in[0]->dtype, &out);
}
