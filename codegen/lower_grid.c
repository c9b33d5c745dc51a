/* lower_grid.c: GridSample and AffineGrid. */
#include "../ir/index.h"
#include "../runtime/runtime.h"
#include "codegen.h"

void lower_grid_sample(Lowering *l, Node *n)
{
    const Shape *s = &n->in[0]->shape;
    const char *mode = attr_s(n, "mode"), *padding = attr_s(n, "padding_mode");
    View y = result_dense(l, n->out[0]);
    if (view_count(&y) == 0)
        return;
    View x = view_dense(l, n->in[0]), grid = view_dense(l, n->in[1]);
    bool whole = !dtype_is_float(y.dtype);
    Call *c = call_kernel(l, n, "grid_sample");
    call_write(c, y);
    call_read(c, x);
    call_read(c, grid);
    call_type(c, "T", y.dtype);
    call_type(c, "G", grid.dtype);
    call_text(c, "STORE", whole ? "SDC_CAST(f64, T, rint(v))" : "SDC_CAT(to_, T)((SDC_CAT(ct_, T))v)");
    call_int(c, "BATCH", s->dim[0]);
    call_int(c, "CHANNELS", s->dim[1]);
    call_int(c, "RANK", s->rank - 2);
    call_dims(c, "IN", s->rank - 2, s->dim + 2);
    call_int(c, "POINTS", index_span(y.dim, 2, y.rank));
    call_int(c, "TAPS", *mode == 'n' ? 1 : *mode == 'l' ? 2 : 4);
    const char *rule = *padding == 'z' ? "ZEROS" : *padding == 'b' ? "BORDER" : "REFLECTION";
    call_text(c, "PADDING", text_format("SDC_GRID_%s", rule));
    call_int(c, "CORNERS", attr_i(n, "align_corners") != 0);
    call_note(c, "grid sample %s -> %s", shape_text(s), shape_text(&n->out[0]->shape));
}

void lower_affine_grid(Lowering *l, Node *n)
{
    const Shape *s = &n->out[0]->shape;
    View y = result_dense(l, n->out[0]);
    if (view_count(&y) == 0)
        return;
    View theta = view_dense(l, n->in[0]);
    Call *c = call_kernel(l, n, "affine_grid");
    call_write(c, y);
    call_read(c, theta);
    call_type(c, "T", y.dtype);
    call_int(c, "BATCH", s->dim[0]);
    call_int(c, "RANK", s->rank - 2);
    call_dims(c, "OUT", s->rank - 2, s->dim + 1);
    call_int(c, "CORNERS", attr_i(n, "align_corners") != 0);
    call_note(c, "affine grid %s", shape_text(s));
}
