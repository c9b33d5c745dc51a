/* lower_pool.c: pools (channels last), MaxUnpool, and regions of interest. */
#include <string.h>

#include "../ir/index.h"
#include "../ir/window.h"
#include "../runtime/runtime.h"
#include "axes.h"
#include "spatial.h"

/* ---- pools ------------------------------------------------------------------------------------------------------- */

static const char *pool_kind(const Node *n)
{
    switch (n->op) {
    case OP_MaxPool: case OP_GlobalMaxPool: return "SDC_POOL_MAX";
    case OP_AveragePool: case OP_GlobalAveragePool: return "SDC_POOL_AVERAGE";
    default: return "SDC_POOL_NORM";
    }
}

static void pool_call(Lowering *l, Node *n, const Window *w)
{
    View index = {.dtype = DT_I64}, y = channels_to_last(result_channels_last(l, n->out[0]));
    if (output_of(n, 1))
        index = channels_to_last(result_channels_last(l, n->out[1]));
    if (view_count(&y) == 0)
        return;
    View x = channels_to_last(view_channels_last(l, n->in[0]));
    bool norm = n->op == OP_LpPool || n->op == OP_GlobalLpPool;
    Call *c = call_kernel(l, n, "pooling");
    call_write(c, y);
    call_write(c, index);
    call_read(c, x);
    call_type(c, "T", y.dtype);
    call_text(c, "KIND", pool_kind(n));
    call_int(c, "BATCH", x.dim[0]);
    call_int(c, "CHANNELS", x.dim[x.rank - 1]);
    window_parameters(c, w);
    call_dims(c, "AFTER", w->rank, w->after);
    call_int(c, "POWER", norm ? attr_i(n, "p") : 1);
    call_int(c, "COUNT_PADDING", n->op == OP_AveragePool && attr_i(n, "count_include_pad"));
    call_int(c, "WITH_INDEX", index.buffer != NULL);
    call_int(c, "COLUMN_MAJOR", n->op == OP_MaxPool && attr_i(n, "storage_order"));
    call_note(c, "%s %s -> %s", op_info(n->op)->name, shape_text(&n->in[0]->shape), shape_text(&n->out[0]->shape));
}

void lower_pool(Lowering *l, Node *n)
{
    Window w = window_pool(n, &n->in[0]->shape);
    pool_call(l, n, &w);
}

void lower_global_pool(Lowering *l, Node *n)
{
    const Shape *x = &n->in[0]->shape;
    Window w = {.rank = x->rank - 2};
    for (int k = 0; k < w.rank; k++) {
        w.in[k] = w.kernel[k] = x->dim[k + 2];
        w.stride[k] = w.dilation[k] = w.out[k] = 1;
    }
    if (shape_count(x) == 0)                        /* nothing to look at: zeros, as the oracle has it */
        lower_fill_view(l, n, result_dense(l, n->out[0]), 0);
    else
        pool_call(l, n, &w);
}

void lower_max_unpool(Lowering *l, Node *n)
{
    const Shape *x = &n->in[0]->shape, *y = &n->out[0]->shape;
    Window w = window_attributes(n, x->rank - 2, NULL);
    int64_t full[MAX_RANK], strides[MAX_RANK];
    for (int k = 0; k < x->rank; k++)
        full[k] = x->dim[k];
    for (int k = 0; k < w.rank; k++)
        full[k + 2] = (x->dim[k + 2] - 1) * w.stride[k] - w.before[k] - w.after[k] + w.kernel[k];
    shape_strides(y, strides);
    View to = result_dense(l, n->out[0]);
    if (view_count(&to) == 0)
        return;
    View values = view_dense(l, n->in[0]), index = view_cast(l, n, view_dense(l, n->in[1]), DT_I64);
    Call *c = call_kernel(l, n, "max_unpool");
    call_write(c, to);
    call_read(c, values);
    call_read(c, index);
    call_type(c, "T", to.dtype);
    call_int(c, "COUNT", shape_count(x));
    call_int(c, "TOTAL", shape_count(y));
    call_int(c, "RANK", y->rank);
    call_dims(c, "FULL", y->rank, full);
    call_dims(c, "Y_STRIDES", y->rank, strides);
    call_note(c, "MaxUnpool %s -> %s", shape_text(x), shape_text(y));
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

static Call *region_call(Lowering *l, Node *n, const char *kernel)
{
    const int64_t *x = n->in[0]->shape.dim, *y = n->out[0]->shape.dim;
    View to = result_dense(l, n->out[0]);
    if (view_count(&to) == 0)
        return NULL;
    View data = view_dense(l, n->in[0]), rois = view_dense(l, n->in[1]), images = {0};
    if (input_of(n, 2))
        images = view_dense(l, n->in[2]);
    Call *c = call_kernel(l, n, kernel);
    call_write(c, to);
    call_read(c, data);
    call_read(c, rois);
    if (images.buffer)
        call_read(c, images);
    call_type(c, "T", to.dtype);
    call_int(c, "BATCH", x[0]);
    call_int(c, "CHANNELS", x[1]);
    call_int(c, "HEIGHT", x[2]);
    call_int(c, "WIDTH", x[3]);
    call_int(c, "REGIONS", y[0]);
    call_int(c, "ROWS", y[2]);
    call_int(c, "COLUMNS", y[3]);
    call_float(c, "SCALE", attr_f(n, "spatial_scale"));
    call_note(c, "%s %s -> %s", op_info(n->op)->name, shape_text(&n->in[0]->shape), shape_text(&n->out[0]->shape));
    return c;
}

void lower_max_roi_pool(Lowering *l, Node *n)
{
    region_call(l, n, "roi_pool");
}

void lower_roi_align(Lowering *l, Node *n)
{
    Call *c = region_call(l, n, "roi_align");
    if (!c)
        return;
    call_type(c, "I", n->in[2]->dtype);
    call_int(c, "HALF_PIXEL", attr_s(n, "coordinate_transformation_mode")[0] == 'h');
    call_int(c, "RATIO", attr_i(n, "sampling_ratio"));
    call_int(c, "LARGEST", attr_s(n, "mode")[0] == 'm');
}
