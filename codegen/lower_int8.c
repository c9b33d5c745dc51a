/* lower_int8.c: which products are done in 8-bit integers. */
#include "matmul.h"

enum { MOST_DEPTHS = 32768 };       /* gemm_int8.h keeps a tile of rows on the stack: half a megabyte of them */

/* The kernel counts pairs of codes: they lie side by side, and begin at even places. */
static bool is_pairs(const View *a)
{
    const int last = a->rank - 1;
    bool pairs = a->dim[last] % 2 == 0 && a->stride[last] == 1 && a->offset % 2 == 0;
    for (int k = 0; k < last; k++)
        pairs &= a->dim[k] <= 1 || a->stride[k] % 2 == 0;
    return pairs;
}

bool multiplies_codes(const Lowering *l, const Product *p)
{
    const Node *stored = p->constant ? quantized_weight(p->constant) : NULL;
    return l->isa->bf16_rate && p->a.dtype == DT_I8 && is_pairs(&p->a) && p->a.dim[p->a.rank - 1] <= MOST_DEPTHS &&
           stored && attr_i(stored, "bits") == 8 && !attr_i(stored, "group");
}
