/* winograd_pack.c: see winograd_plan.h.  The transform is the kernels' own source, in which every product is rounded, so the
 * bits are those that a kernel makes on any instruction set. */
#include <stdlib.h>

#include "kernels/c/winograd.h"
#include "code_pack.h"
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

static void transformed_places(const int64_t *p, const CodeSink *sink)
{
    ConvShape s;
    memcpy(&s, p, sizeof s);
    const int vl = (int)p[P_VL];
    const int64_t positions = (p[P_OUTPUTS] + 2) * (p[P_OUTPUTS] + 2), chunk = conv_plan(&s, vl, false).chunk;
    int64_t to = 0;
    for (int64_t panel = 0; panel < panels_of(s.out_c, vl); panel++) {
        const int64_t begin = panel_begin(panel, s.out_c, vl) * vl, end = panel_begin(panel + 1, s.out_c, vl) * vl;
        for (int64_t channel = 0; channel < s.in_c; channel += chunk) {
            const int64_t channels = min(chunk, s.in_c - channel), width = end - begin;
            for (int64_t j = 0; j < min(end, s.out_c) - begin; j++)
                sink->run(sink->context, &(CodeRun){.to = to + j, .width = width, .step = 9, .count = channels,
                                                    .from = ((begin + j) * s.in_c + channel) * 9, .scale = channels * width});
            to += positions * channels * width;
        }
    }
}

void winograd_matrix(int outputs, float matrix[SDC_SIDE][SDC_KERNEL_SIDE])
{
    for (int k = 0; k < SDC_KERNEL_SIDE; k++) {
        sdc_vf g[SDC_KERNEL_SIDE] = {0}, u[SDC_SIDE];
        g[k] += 1;
        if (outputs == 4)
            sdc_winograd_filter(4, g, u);
        else
            sdc_winograd_filter(2, g, u);
        for (int y = 0; y < outputs + 2; y++)
            matrix[y][k] = u[y][0];
    }
}

View transformed_weights(Lowering *l, Value *weights, const ConvShape *s, int64_t outputs)
{
    const int vl = l->isa->vector_floats;
    const ConvShape format = conv_format(s);
    int64_t parameters[P_COUNT];
    memcpy(parameters, &format, sizeof format);
    parameters[P_OUTPUTS] = outputs;
    parameters[P_VL] = vl;
    const View w = weights_packed(l, weights, pack_transformed, "winograd", parameters, P_COUNT, DT_F32,
                                  pack_winograd_floats(s, outputs, vl));
    w.buffer->places = transformed_places;
    w.buffer->winograd = (int)outputs;
    return w;
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
