/* masked_scatter.c: shape rule and evaluator of MaskedScatter (torch.Tensor.masked_scatter): the elements of x where the
 * mask is true become the successive elements of the source, in row-major order. */
#include "../runtime/runtime.h"
#include "op.h"

void shape_masked_scatter(Node *n)
{
    const Value *x = n->in[0], *mask = n->in[1], *source = n->in[2];
    if (!shape_equal(&x->shape, &mask->shape))
        fail_node(SDC_UNSUPPORTED, n, "a mask of shape %s for data of shape %s", shape_text(&mask->shape), shape_text(&x->shape));
    if (source->dtype != x->dtype)
        fail_node(SDC_BAD_INPUT, n, "source and data differ in type");
    set_output(n, 0, x->dtype, &x->shape);
}

void eval_masked_scatter(const Node *n, const Array *const *in, Array *const *out)
{
    int64_t next = 0;
    for (int64_t k = 0; k < out[0]->count; k++) {
        bool take = array_get(in[1], k) != 0;
        if (take && next == in[2]->count)
            fail_node(SDC_BAD_INPUT, n, "the mask has more true elements than the source has elements");
        const Array *from = take ? in[2] : in[0];
        int64_t at = take ? next++ : k;
        if (out[0]->f)
            out[0]->f[k] = from->f[at];
        else
            out[0]->i[k] = from->i[at];
    }
}
