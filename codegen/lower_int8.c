/* lower_int8.c: which products and convolutions are done in 8-bit integers, and the weights of the latter. */
#include <stdlib.h>
#include <string.h>

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

enum { P_COLUMNS, P_CHANNELS, P_HEIGHT, P_WIDTH, P_COUNT, DIGIT = 65535 };

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

/* The elements of a matrix of pairs, each its number's digit `digit`, 1 on, as bf16_tile.h walks over them. */
static uint16_t *packed_digits(const Bf16Matrix *m, int digit)
{
    const int64_t count = m->columns * m->column_step;
    uint16_t *numbers = calloc((size_t)count + 1, sizeof *numbers), *packed = calloc((size_t)pack_bf16_bytes(m) + 1, 1);
    if (!numbers || !packed)
        fail(SDC_NO_SPACE, "out of memory packing a weight of %lld elements", (long long)count);
    for (int64_t k = 0; k < count; k++)
        numbers[k] = (uint16_t)((digit ? k / DIGIT : k % DIGIT) + 1);
    pack_bf16(packed, numbers, m);
    free(numbers);
    return packed;
}

/* The codes as bf16_tile.h walks over them, and behind them the scales of the columns. */
static void pairs_places(const int64_t *p, const CodeSink *sink)
{
    const Bf16Matrix m = matrix_of(p);
    const int64_t taps = p[P_HEIGHT] * p[P_WIDTH], each = p[P_CHANNELS] * taps, pairs = pack_bf16_bytes(&m) / 2;
    uint16_t *low = packed_digits(&m, 0), *high = packed_digits(&m, 1);
    for (int64_t n = 0; n < m.columns; n++)
        sink->group(sink->context, &(CodeRun){.from = n * each, .step = 1, .count = each, .scale = pairs + n});
    for (int64_t k = 0; k < pairs; k++) {
        const int64_t number = (high[k] - 1) * (int64_t)DIGIT + low[k] - 1, n = number / m.column_step;
        const int64_t pair = number % m.column_step / taps, tap = number % taps;
        if (low[k])
            sink->run(sink->context, &(CodeRun){.to = 2 * k, .from = n * each + 2 * pair * taps + tap, .step = taps,
                                                .count = min(2, p[P_CHANNELS] - 2 * pair), .scale = pairs + n});
    }
    free(low);
    free(high);
}

static void pack_pairs(void *dst, const Tensor *t, const int64_t *p)
{
    float *copy;
    const CodeSink sink = packing_sink(&(CodePacking){dst, constant_floats(t, &copy), 8});
    pairs_places(p, &sink);
    free(copy);
}

View packed_conv_codes(Lowering *l, const Node *n, const ConvShape *s)
{
    const int64_t how[P_COUNT] = {s->out_c, s->in_c, s->kernel_h, s->kernel_w};
    const View w = weights_packed(l, quantized_weight(n->in[1])->in[0], pack_pairs, "conv int8", how, P_COUNT, DT_BF16,
                                  code_bytes(how) / 2);
    w.buffer->places = pairs_places;
    w.buffer->code_bits = 8;
    return w;
}
