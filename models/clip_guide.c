/* clip_guide.c: see clip_guide.h.
 *
 * As in Crowson's "CLIP guided diffusion" and diffusers' clip_guided_stable_diffusion: CLIP looks at a mixture of the
 * picture x0 that the network predicts and of the noisy sample x,
 *
 *      seen = f x0 + (1 - f) x'        f = the sample's share of noise, x' = x scaled to unit variance
 *
 * and the predicted noise gets the loss's gradient in x, as that of a log probability: e += add scale dL/dx, for a
 * sample x = keep x0 + add e.  The network's e is held constant when x0 = (x - add e) / keep is differentiated, so that
 * dL/dx = (f / keep + (1 - f) / |keep, add|) dL/dseen: a backward pass through CLIP alone.  One through the denoiser as
 * well would cost several times its evaluation and the memory of all its layers, for a direction that differs little
 * where guidance works, at high noise, where f x0 is most of what CLIP sees.  Nothing is clamped: a pixel beyond the
 * range keeps its slope.  With cutouts (clip_cuts.c) loss and gradient are their means. */
#include "clip_guide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/tokenizer.h"

/* ---- the text --------------------------------------------------------------------------------------------------- */

static int put_text(SdcContext *c, const SdcProgram *p, const SdcTensor *ids, const char *text)
{
    SdcSection blob = sdc_section("clip_tokenizer");
    Tokenizer tokenizer;
    Tokens tokens;
    const SdcTensor *mask;
    const int64_t length = ids->dim[1];
    if (tokenizer_open(&tokenizer, blob.data, blob.bytes))
        return sdc_error(SDC_BAD_INPUT, "CLIP's tokenizer is missing from this file or damaged");
    int code = pipeline_tokens(&tokenizer, "--clip-text", text, length, &tokens);
    if (code)
        return code;
    for (int64_t i = 0; !code && i < length; i++)
        if (ids->bound > 0 && tokens.ids[i] >= ids->bound)
            code = sdc_error(SDC_BAD_INPUT, "CLIP's tokenizer gives id %lld, its text encoder knows %lld",
                             (long long)tokens.ids[i], (long long)ids->bound);
    tensor_put_ids(c, ids, 0, tokens.ids, length);
    if (!code && p->n_inputs > 1 && !(code = pipeline_input(p, "attention_mask", 2, &mask))) {
        tensor_fill(c, mask, 1);        /* nothing behind the end is seen from there: text is attended causally */
        for (int64_t i = 0; i < tokens.first; i++)
            tensor_put_ids(c, mask, i, &(int64_t){0}, 1);
    }
    tokens_free(&tokens);
    return code;
}

static int embed_text(ClipGuide *c, SdcPool *pool, const char *text)
{
    const SdcProgram *p = pipeline_nth("clip_text", 0);
    const SdcTensor *ids, *out;
    SdcContext context = {0};
    int code;
    if (!p)
        return sdc_error(SDC_UNSUPPORTED, "this file has no clip_text");
    if ((code = pipeline_input(p, "input_ids", 2, &ids)) || (code = pipeline_output(p, "text_embeds", 2, &out)))
        return code;
    if (tensor_count(out) != c->features)
        return sdc_error(SDC_UNSUPPORTED, "CLIP embeds text in %lld numbers, pictures in %lld",
                         (long long)tensor_count(out), (long long)c->features);
    if (!(code = sdc_instance_open(&context, p, pool)) && !(code = put_text(&context, p, ids, text)) &&
        !(code = pipeline_run(&context, p)))
        tensor_get(&context, out, 0, c->embedding, c->features);
    sdc_instance_close(&context);
    return code;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

int clip_guide_open(ClipGuide *c, SdcPool *pool, const char *text, int64_t count, int64_t channels, int64_t height,
                    int64_t width)
{
    *c = (ClipGuide){.program = pipeline_program("clip_guide", "sample", 1, height, width), .channels = channels,
                     .height = height, .width = width};
    const SdcProgram *p = c->program;
    const int64_t size = channels * height * width;
    int code;
    if (!p)
        return sdc_error(SDC_USAGE, "--clip-text needs a CLIP model of this size; compile with --clip FOLDER");
    if ((code = pipeline_input(p, "sample", 4, &c->sample)) || (code = pipeline_input(p, "text_embeds", 2, &c->text)) ||
        (code = pipeline_output(p, "loss", -1, &c->loss)) ||
        (code = pipeline_output(p, "sample.grad", 4, &c->gradient)))
        return code;
    c->features = tensor_count(c->text);
    if (tensor_count(c->sample) != size || tensor_count(c->gradient) != size)
        return sdc_error(SDC_UNSUPPORTED, "clip_guide: is for pictures of another shape");
    if ((code = pipeline_floats(&c->embedding, c->features)) || (code = pipeline_floats(&c->seen, count * size)) ||
        (code = pipeline_floats(&c->slope, size)) || (code = pipeline_floats(&c->cutout, size)) ||
        (code = embed_text(c, pool, text)))
        return code;
    return sdc_instance_open(&c->context, p, pool);
}

void clip_guide_close(ClipGuide *c)
{
    sdc_instance_close(&c->context);
    free(c->embedding);
    free(c->seen);
    free(c->slope);
    free(c->cutout);
}

/* ---- leading ---------------------------------------------------------------------------------------------------- */

/* Loss and gradient for what CLIP sees; slope may be seen. */
static int look(ClipGuide *c, const float *seen, float *slope, float *loss)
{
    tensor_put(&c->context, c->sample, 0, seen, c->channels * c->height * c->width);
    tensor_put(&c->context, c->text, 0, c->embedding, c->features);
    int code = pipeline_run(&c->context, c->program);
    if (code)
        return code;
    tensor_get(&c->context, c->gradient, 0, slope, c->channels * c->height * c->width);
    tensor_get(&c->context, c->loss, 0, loss, 1);
    return SDC_OK;
}

/* Of a picture, or the means over its cutouts: *loss, and its gradient to c->slope. */
static int look_at(ClipGuide *c, const float *picture, float *loss)
{
    const int64_t size = c->channels * c->height * c->width;
    float sum = 0;
    int code = SDC_OK;
    if (!c->cuts)
        return look(c, picture, c->slope, loss);
    memset(c->slope, 0, (size_t)size * sizeof *c->slope);
    for (int64_t k = 0; !code && k < c->cuts; k++, sum += *loss) {
        const ClipCut cut = clip_cut_draw(&c->random, c->height, c->width);
        clip_cut_take(c->cutout, picture, c->channels, c->height, c->width, cut);
        code = look(c, c->cutout, c->cutout, loss);
        clip_cut_give(c->slope, c->cutout, c->channels, c->height, c->width, cut);
    }
    for (int64_t i = 0; i < size; i++)
        c->slope[i] /= (float)c->cuts;
    *loss = sum / (float)c->cuts;
    return code;
}

int clip_guide_lead(ClipGuide *c, const Scheduler *s, double scale, const float *sample, float *predicted, float *x0,
                    float *losses)
{
    float keep, add, loss = 0;
    scheduler_level(s, &keep, &add);
    const float length = sqrtf(keep * keep + add * add), noise = add / length;
    const float in_x = noise / keep + (1 - noise) / length;
    scheduler_predict(s, predicted, sample, x0);
    for (int64_t i = 0; i < s->count; i++)
        c->seen[i] = noise * x0[i] + (1 - noise) * (sample[i] / length);
    for (int64_t k = 0; k < s->batch; k++) {
        float *e = predicted + k * s->size;
        int code = look_at(c, c->seen + k * s->size, &loss);
        if (code)
            return code;
        for (int64_t i = 0; i < s->size; i++)
            e[i] += add * (float)scale * in_x * c->slope[i];
        if (losses)
            losses[k] = (float)scale * loss;
    }
    return SDC_OK;
}
