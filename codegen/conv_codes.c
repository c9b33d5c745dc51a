/* conv_codes.c: weights of convolutions that are stored in integers. */
#include <stdlib.h>
#include <string.h>

#include "code_pack.h"
#include "matmul_pack.h"
#include "spatial.h"

enum { SHAPE_FIELDS = sizeof(ConvShape) / sizeof(int64_t), P_BITS = SHAPE_FIELDS, P_GROUP, P_VL, P_COUNT };

const Node *weights_in_codes(const Value *weights)
{
    const Node *n = quantized_weight(weights);
    return n && n->out[0]->shape.rank == weights->shape.rank ? n : NULL;
}

static void coded_places(const int64_t *p, const CodeSink *sink)
{
    ConvShape s;
    memcpy(&s, p, sizeof s);
    conv_code_places(sink, &s, (int)p[P_VL], (CodeType){(int)p[P_BITS], p[P_GROUP]});
}

static void pack_coded(void *dst, const Tensor *t, const int64_t *p)
{
    float *copy;
    const CodeSink sink = packing_sink(&(CodePacking){dst, constant_floats(t, &copy), (int)p[P_BITS]});
    coded_places(p, &sink);
    free(copy);
}

View coded_weights(Lowering *l, const Value *weights, const ConvShape *s)
{
    const Node *quantized = quantized_weight(weights);
    const CodeType type = {(int)attr_i(quantized, "bits"), attr_i(quantized, "group")};
    const int vl = l->isa->vector_floats;
    const ConvShape format = conv_format(s);
    int64_t how[P_COUNT];
    memcpy(how, &format, sizeof format);
    how[P_BITS] = type.bits;
    how[P_GROUP] = type.group;
    how[P_VL] = vl;
    const View w = weights_packed(l, quantized->in[0], pack_coded, "conv, codes", how, P_COUNT, DT_I8,
                                  pack_conv_codes_bytes(s, vl, type));
    w.buffer->places = coded_places;
    w.buffer->code_bits = type.bits;
    return w;
}

bool conv_reads_codes(const Lowering *l, const Node *n, const ConvShape *s)
{
    if (!weights_in_codes(n->in[1]))
        return true;
    const int64_t chunk = conv_plan(s, l->isa->vector_floats, false).chunk;
    return !(l->isa->bf16_rate && n->in[1]->dtype == DT_BF16) && (chunk % CODE_CHUNK == 0 || n->in[1]->shape.dim[1] <= chunk);
}
