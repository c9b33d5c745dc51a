/* lower_int8.c: which products and convolutions are done in 8-bit integers, and the weights of the latter. */
#include <stdlib.h>
#include <string.h>

#include "../ir/weight_code.h"
#include "../runtime/dtype_bits.h"
#include "../runtime/runtime.h"
#include "code_pack.h"
#include "int8.h"
#include "matmul_pack.h"

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

static bool is_stored_in_columns(const Value *weights)
{
    const Node *stored = quantized_weight(weights);
    return stored && attr_i(stored, "bits") == 8 && !attr_i(stored, "group");
}

bool multiplies_codes(const Lowering *l, const Product *p)
{
    return l->isa->bf16_rate && p->a.dtype == DT_I8 && is_pairs(&p->a) && p->a.dim[p->a.rank - 1] <= MOST_DEPTHS &&
           p->constant && is_stored_in_columns(p->constant);
}

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

bool convolves_codes(const Node *n, DType image)
{
    const Value *x = n->in[0];
    if (x->def && x->def->op == OP_Resize)
        x = x->def->in[0];
    return (image == DT_I8 || (image == DT_BF16 && is_code(x))) && is_stored_in_columns(n->in[1]);
}

Bf16Plan conv_int8_plan(const ConvShape *s, int64_t more_c)
{
    ConvShape pairs = *s;
    pairs.in_c = ceil_div(s->in_c, 2);
    return conv_bf16_plan(&pairs, more_c);
}

enum { P_COLUMNS, P_CHANNELS, P_HEIGHT, P_WIDTH, P_COUNT };

/* Of the matrix whose elements are pairs of channels' codes. */
static Bf16Matrix matrix_of(const int64_t *p)
{
    const int64_t taps = p[P_HEIGHT] * p[P_WIDTH], pairs = ceil_div(p[P_CHANNELS], 2);
    return (Bf16Matrix){.columns = p[P_COLUMNS], .depth = pairs, .lines = p[P_HEIGHT], .taps = p[P_WIDTH],
                        .column_step = pairs * taps, .depth_step = taps, .tap_step = 1};
}

static int64_t code_bytes(const int64_t *p)
{
    enum { TILE = 16, LINE = 64 };
    const Bf16Matrix m = matrix_of(p);
    return ceil_div(pack_bf16_bytes(&m) + ceil_div(m.columns, TILE) * TILE * 2, LINE) * LINE;
}

/* One column [channels][taps] to pairs [pairs][taps]; returns its scale. */
static uint16_t pair_codes(uint16_t *to, const float *w, const int64_t *p)
{
    const int64_t taps = p[P_HEIGHT] * p[P_WIDTH];
    const float scale = group_scale(w, p[P_CHANNELS] * taps, 1, 8);
    for (int64_t k = 0; k < p[P_CHANNELS] * taps; k++) {
        const int code = weight_code((double)w[k], scale, 8) & 0xff, shift = k / taps % 2 ? 8 : 0;
        to[k / taps / 2 * taps + k % taps] |= (uint16_t)(code << shift);
    }
    return dt_bf16_from_f(scale);
}

/* The codes as bf16_tile.h walks over them, and behind them the scales of the columns. */
static void pack_pairs(void *dst, const Tensor *t, const int64_t *p)
{
    const Bf16Matrix m = matrix_of(p);
    const int64_t column = m.column_step, each = p[P_CHANNELS] * p[P_HEIGHT] * p[P_WIDTH];
    float *copy;
    const float *w = constant_floats(t, &copy);
    uint16_t *pairs = calloc((size_t)(m.columns * column) + 1, sizeof *pairs);
    if (!pairs)
        fail(SDC_NO_SPACE, "out of memory packing a weight of %lld elements", (long long)t->count);
    memset(dst, 0, (size_t)code_bytes(p));
    uint16_t *scales = (uint16_t *)(void *)((char *)dst + pack_bf16_bytes(&m));
    for (int64_t n = 0; n < m.columns; n++)
        scales[n] = pair_codes(pairs + n * column, w + n * each, p);
    pack_bf16(dst, pairs, &m);
    free(pairs);
    free(copy);
}

View packed_conv_codes(Lowering *l, const Node *n, const ConvShape *s)
{
    const int64_t how[P_COUNT] = {s->out_c, s->in_c, s->kernel_h, s->kernel_w};
    return weights_packed(l, quantized_weight(n->in[1])->in[0], pack_pairs, "conv int8", how, P_COUNT, DT_BF16,
                          code_bytes(how) / 2);
}
