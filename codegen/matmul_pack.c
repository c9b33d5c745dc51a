/* matmul_pack.c: see matmul_pack.h. */
#include <stdlib.h>

#include "../runtime/runtime.h"
#include "bf16_pack.h"
#include "code_pack.h"
#include "matmul_pack.h"

const float *constant_floats(const Tensor *t, float **copy)
{
    *copy = NULL;
    if (t->dtype == DT_F32)
        return t->data;
    float *f = *copy = malloc((size_t)t->count * sizeof *f + 1);
    int bytes = dtype_info(t->dtype)->bytes;
    if (!f)
        fail(SDC_NO_SPACE, "out of memory packing a weight of %lld elements", (long long)t->count);
    for (int64_t k = 0; k < t->count; k++)
        f[k] = (float)dtype_load_f(t->dtype, (const char *)t->data + k * bytes);
    return f;
}

enum { P_OFFSET, P_DEPTH, P_COLUMNS, P_ROW, P_TRANSPOSED, P_VL, P_OUTER, P_OUTER_STEP, P_INNER, P_INNER_STEP,
       P_BITS, P_GROUP, P_SLICE, P_COUNT };

static void pack_matrices(void *dst, const Tensor *t, const int64_t *p)
{
    const int bytes = dtype_info(t->dtype)->bytes;
    const char *from = (const char *)t->data + p[P_OFFSET] * bytes;
    char *to = dst;
    for (int64_t o = 0; o < p[P_OUTER]; o++)
        for (int64_t i = 0; i < p[P_INNER]; i++) {
            pack_gemm(to, from + (o * p[P_OUTER_STEP] + i * p[P_INNER_STEP]) * bytes, p[P_DEPTH], p[P_COLUMNS],
                      p[P_ROW], p[P_TRANSPOSED] != 0, (int)p[P_VL], bytes);
            to += pack_gemm_bytes(p[P_DEPTH], p[P_COLUMNS], (int)p[P_VL], bytes);
        }
}

static void pack_matrices_bf16(void *dst, const Tensor *t, const int64_t *p)
{
    const Bf16Matrix m = {.columns = p[P_COLUMNS], .depth = p[P_DEPTH], .lines = 1, .taps = 1,
                          .column_step = p[P_TRANSPOSED] ? p[P_ROW] : 1, .depth_step = p[P_TRANSPOSED] ? 1 : p[P_ROW]};
    const uint16_t *from = (const uint16_t *)t->data + p[P_OFFSET];
    char *to = dst;
    for (int64_t o = 0; o < p[P_OUTER]; o++)
        for (int64_t i = 0; i < p[P_INNER]; i++) {
            pack_bf16(to, from + o * p[P_OUTER_STEP] + i * p[P_INNER_STEP], &m);
            to += pack_bf16_bytes(&m);
        }
}

static void matrices_places(const int64_t *p, const CodeSink *sink)
{
    const CodeType type = {(int)p[P_BITS], p[P_GROUP]};
    const int vl = (int)p[P_VL], slice = (int)p[P_SLICE];
    const bool transposed = p[P_TRANSPOSED] != 0;
    CodeSink at = *sink;
    for (int64_t o = 0; o < p[P_OUTER]; o++)
        for (int64_t i = 0; i < p[P_INNER]; i++) {
            at.from = p[P_OFFSET] + o * p[P_OUTER_STEP] + i * p[P_INNER_STEP];
            if (slice)
                code_places_bf16(&at, p[P_DEPTH], p[P_COLUMNS], p[P_ROW], transposed, slice, type);
            else
                code_places(&at, p[P_DEPTH], p[P_COLUMNS], p[P_ROW], transposed, vl, type);
            at.at += slice ? pack_codes_bf16_bytes(p[P_DEPTH], p[P_COLUMNS], slice, type)
                           : pack_codes_bytes(p[P_DEPTH], p[P_COLUMNS], vl, type);
        }
}

static void pack_matrices_codes(void *dst, const Tensor *t, const int64_t *p)
{
    float *copy;
    const CodeSink sink = packing_sink(&(CodePacking){dst, constant_floats(t, &copy), (int)p[P_BITS]});
    matrices_places(p, &sink);
    free(copy);
}

View packed_matrices(Lowering *l, Value *constant, const Matrices *m, int slice)
{
    const int vl = l->isa->vector_floats;
    const Node *quantized = quantized_weight(constant);
    const Bf16Matrix matrix = {.columns = m->columns, .depth = m->depth, .lines = 1, .taps = 1};
    int64_t how[P_COUNT] = {m->offset, m->depth, m->columns, m->row, m->transposed, vl,
                            m->outer, m->outer_step, m->inner, m->inner_step};
    if (quantized) {
        const CodeType type = {(int)attr_i(quantized, "bits"), attr_i(quantized, "group")};
        how[P_BITS] = type.bits;
        how[P_GROUP] = type.group;
        how[P_SLICE] = slice;
        const int64_t bytes = slice ? pack_codes_bf16_bytes(m->depth, m->columns, slice, type)
                                    : pack_codes_bytes(m->depth, m->columns, vl, type);
        const View w = weights_packed(l, quantized->in[0], pack_matrices_codes, slice ? "gemm bf16, codes" : "gemm, codes",
                                      how, P_COUNT, DT_I8, m->outer * m->inner * bytes);
        w.buffer->places = matrices_places;
        w.buffer->code_bits = type.bits;
        return w;
    }
    const int64_t elements = slice ? pack_bf16_bytes(&matrix) / 2 : pack_gemm_bytes(m->depth, m->columns, vl, 1);
    return weights_packed(l, constant, slice ? pack_matrices_bf16 : pack_matrices, slice ? "gemm bf16" : "gemm", how,
                          P_COUNT, constant->dtype, m->outer * m->inner * elements);
}

void code_parameters(Call *c, const Value *weights, const char *bits, const char *group)
{
    const Node *quantized = weights ? quantized_weight(weights) : NULL;
    if (!quantized)
        return;
    call_int(c, bits, attr_i(quantized, "bits"));
    call_int(c, group, attr_i(quantized, "group"));
}
