/* vlm_report.c: --info and --bench of a vision language model; see vlm.h. */
#include <math.h>
#include <stdlib.h>

#include "../runtime/certificate.h"
#include "pipeline.h"
#include "sd_report.h"
#include "vlm.h"

static const double mib = 1048576;

/* Keys and values of `length` tokens: what the step program's inputs past_key_values.* hold. */
static int64_t cache_bytes(const SdcProgram *step)
{
    int64_t bytes = 0;
    for (int k = 0; step && k < step->n_inputs; k++)
        if (step->inputs[k].rank == 4)
            bytes += step->inputs[k].bytes;
    return bytes;
}

static const SdcProgram *step_program(int64_t *length)
{
    const SdcProgram *p;
    const SdcTensor *t;
    for (int k = 0; (p = pipeline_nth("decoder", k)); k++) {
        if (pipeline_input(p, "inputs_embeds", 3, &t) || t->dim[1] != 1 || pipeline_input(p, "attention_mask", 2, &t))
            continue;
        *length = t->dim[1] - 1;
        return p;
    }
    return NULL;
}

int vlm_info(const VlmOptions *o)
{
    int64_t length = 0, cache = cache_bytes(step_program(&length));
    int code = sd_info(&(SdInfo){.common = &o->common, .count = 1, .keeps = "--trace"});
    if (!code && !o->common.json)
        printf("  length   %lld tokens of prompt, picture and answer, with %.2f MiB of keys and values in the "
               "decoder's arena\n", (long long)length, (double)cache / mib);
    return code;
}

/* ---- --bench ---------------------------------------------------------------------------------------------------- */

static void say_nothing(Vlm *v) { (void)v; }

int vlm_bench(Vlm *v)
{
    double image = INFINITY, prefill = INFINITY, token = INFINITY;
    int code = SDC_OK;
    for (int64_t i = -1; !code && i < v->options->runs; i++) {
        if ((code = vlm_prompt(v)) || (code = vlm_prefill(v)) || (code = vlm_answer(v, say_nothing)) || i < 0)
            continue;
        image = fmin(image, v->image_seconds);
        prefill = fmin(prefill, v->prefill_seconds);
        token = fmin(token, v->decode_seconds / (double)v->produced);
    }
    if (code)
        return code;
    SdcMemory m = sdc_memory();
    int threads = sdc_pool_threads(v->pool);
    if (v->options->common.json)
        printf("{\"runs\":%lld,\"threads\":%d,\"prompt_tokens\":%lld,\"tokens\":%lld,\"image_ms\":%.9g,"
               "\"prefill_ms\":%.9g,\"token_ms\":%.9g,\"peak_rss_mb\":%.9g,\"peak_anon_mb\":%.9g}\n",
               (long long)v->options->runs, threads, (long long)v->count, (long long)v->produced, image * 1e3,
               prefill * 1e3, token * 1e3, m.peak, m.anonymous);
    else
        printf("%lld run%s, %d thread%s: picture %.3f ms, prompt of %lld tokens %.3f ms, %.3f ms for each of %lld "
               "tokens\npeak memory %.2f MiB, anonymous %.2f MiB\n", (long long)v->options->runs,
               v->options->runs == 1 ? "" : "s", threads, threads == 1 ? "" : "s", image * 1e3, (long long)v->count,
               prefill * 1e3, token * 1e3, (long long)v->produced, m.peak, m.anonymous);
    return SDC_OK;
}
