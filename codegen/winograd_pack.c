/* winograd_pack.c: see winograd_plan.h.  The transform is the kernels' own source, in which every product is rounded, so the
 * bits are those that a kernel makes on any instruction set. */
#include <stdlib.h>

#include "kernels/c/winograd.h"
#include "matmul_pack.h"
#include "spatial.h"
#include "winograd_plan.h"

int64_t pack_winograd_floats(const ConvShape *s, int64_t outputs, int vl)
{
    return pack_conv_bytes(s, vl, 1) / 9 * (outputs + 2) * (outputs + 2);
}

void pack_winograd(float *dst, const float *w, const ConvShape *s, int64_t outputs, int vl)
{
    const int64_t positions = (outputs + 2) * (outputs + 2), chunk = conv_plan(s, vl, false).chunk;
    float *packed = malloc((size_t)pack_conv_bytes(s, vl, sizeof *packed)), *from = packed;
    if (!packed)
        fail(SDC_NO_SPACE, "out of memory packing a weight of %lld elements", (long long)(s->out_c * s->in_c * 9));
    pack_conv(packed, w, s, vl, sizeof *packed);
    for (int64_t panel = 0; panel < panels_of(s->out_c, vl); panel++) {
        const int64_t width = (panel_begin(panel + 1, s->out_c, vl) - panel_begin(panel, s->out_c, vl)) * vl;
        for (int64_t channel = 0; channel < s->in_c; channel += chunk) {
            const int64_t count = min(chunk, s->in_c - channel) * width;
            if (outputs == 4)
                sdc_winograd_weights(4, dst, count, from, count);
            else
                sdc_winograd_weights(2, dst, count, from, count);
            from += 9 * count;
            dst += positions * count;
        }
    }
    free(packed);
}

/* ---- lowering ---------------------------------------------------------------------------------------------------- */

enum { SHAPE_FIELDS = sizeof(ConvShape) / sizeof(int64_t), P_OUTPUTS = SHAPE_FIELDS, P_VL, P_COUNT };

static void pack_transformed(void *dst, const Tensor *t, const int64_t *p)
{
    ConvShape s;
    memcpy(&s, p, sizeof s);
    float *copy;
    const float *w = constant_floats(t, &copy);
    pack_winograd(dst, w, &s, p[P_OUTPUTS], (int)p[P_VL]);
    free(copy);
}

View transformed_weights(Lowering *l, Value *weights, const ConvShape *s, int64_t outputs)
{
    const int vl = l->isa->vector_floats;
    const ConvShape format = conv_format(s);
    int64_t parameters[P_COUNT];
    memcpy(parameters, &format, sizeof format);
    parameters[P_OUTPUTS] = outputs;
    parameters[P_VL] = vl;
    return weights_packed(l, weights, pack_transformed, "winograd", parameters, P_COUNT, DT_F32,
                          pack_winograd_floats(s, outputs, vl));
}

void winograd_report(FILE *out, const Program *p)
{
    int count = 0;
    int64_t bytes = 0, before = 0;
    for (int k = 0; k < p->n_buffers; k++) {
        const Buffer *b = p->buffers[k];
        if (b->kind != BUFFER_WEIGHTS || b->pack != pack_transformed)
            continue;
        ConvShape s;
        memcpy(&s, b->pack_parameters, sizeof s);
        count++;
        bytes += b->bytes;
        before += pack_conv_bytes(&s, (int)b->pack_parameters[P_VL], dtype_info(b->value->dtype)->bytes);
    }
    if (p->graph->model->pack_winograd)
        fprintf(out, "  Winograd: %d weights stored transformed, %.1f MB instead of %.1f: the file grows by %lld bytes\n", count,
                (double)bytes / 1e6, (double)before / 1e6, (long long)(bytes - before));
}
