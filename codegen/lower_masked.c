/* lower_masked.c: MaskedScatter to masked_scatter.h. */
#include "../ir/op.h"
#include "codegen.h"

void lower_masked_scatter(Lowering *l, Node *n)
{
    View x = view_dense(l, n->in[0]), mask = view_cast(l, n, view_dense(l, n->in[1]), DT_BOOL), source = view_dense(l, n->in[2]);
    Call *c = call_kernel(l, n, "masked_scatter");
    call_write(c, result_dense(l, n->out[0]));
    call_read(c, x);
    call_read(c, mask);
    call_read(c, source);
    call_type(c, "T", x.dtype);
    call_int(c, "COUNT", view_count(&x));
    call_int(c, "SOURCE", view_count(&source));
    call_note(c, "masked scatter of %s into %s", shape_text(&n->in[2]->shape), shape_text(&n->in[0]->shape));
}
