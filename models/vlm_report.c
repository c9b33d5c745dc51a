/* vlm_report.c: --info and --bench of a vision language model; see vlm.h. */
#include <math.h>
#include <stdlib.h>

#include "../runtime/certificate.h"
#include "../runtime/json.h"
#include "pipeline.h"
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
    for (int k = 0; (p = pipeline_nth("decoder", k)); k++)
        if (!pipeline_input(p, "inputs_embeds", 3, &t) && t->dim[1] == 1 && !pipeline_input(p, "attention_mask", 2, &t)) {
            *length = t->dim[1] - 1;
            return p;
        }
    return NULL;
}

static void print_programs(bool json)
{
    if (!json)
        printf("  %-24s %8s %12s %12s %12s\n", "program", "kernels", "GFLOP", "arena MiB", "weights MiB");
    for (int i = 0; i < sdc_model.n_programs; i++) {
        const SdcProgram *p = sdc_model.programs[i];
        if (json) {
            printf("%s{", i ? "," : "");
            sdc_json_text("name", p->name);
            printf(",\"kernels\":%d,\"flops\":%lld,\"arena_bytes\":%lld,\"weights_bytes\":%lld}", p->kernels,
                   (long long)p->flops, (long long)p->arena_bytes, (long long)p->weights_bytes);
        } else {
            printf("  %-24s %8d %12.4g %12.2f %12.2f\n", p->name, p->kernels, (double)p->flops / 1e9,
                   (double)p->arena_bytes / mib, (double)p->weights_bytes / mib);
        }
    }
}

int vlm_info(const VlmOptions *o)
{
    char model[64] = "";
    int64_t length = 0, threads = o->threads ? o->threads : sdc_default_threads();
    int64_t cache = cache_bytes(step_program(&length));
    SdcCertificate c = sdc_certify((int)threads, 1);
    pipeline_setting("model_type", model, sizeof model);
    if (o->json) {
        printf("{");
        sdc_json_text("name", sdc_model.name);
        printf(",");
        sdc_json_text("version", sdc_model.version);
        printf(",");
        sdc_json_text("model_type", model);
        printf(",\"length\":%lld,\"cache_bytes\":%lld,\"programs\":[", (long long)length, (long long)cache);
        print_programs(true);
        printf("],");
        sdc_certificate_json(&c);
        printf("}\n");
        return SDC_OK;
    }
    printf("%s: %s, compiled by sdc %s\n", sdc_model.name, model, sdc_model.version);
    printf("  isa      %s\n  compiler %s\n", sdc_model.isa, sdc_model.compiler);
    for (const char *const *text = sdc_model.defaults; text && *text; text++)
        printf("  default  %s\n", *text);
    print_programs(false);
    printf("  length   %lld tokens of prompt, picture and answer; their keys and values take %.2f MiB of the decoder's arena\n",
           (long long)length, (double)cache / mib);
    printf("  memory, at most; programs run one by one, and several are open at a time:\n");
    sdc_certificate_text(&c);
    return SDC_OK;
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
    if (v->options->json)
        printf("{\"runs\":%lld,\"threads\":%d,\"prompt_tokens\":%lld,\"tokens\":%lld,\"image_ms\":%.9g,"
               "\"prefill_ms\":%.9g,\"token_ms\":%.9g,\"peak_rss_mb\":%.9g,\"peak_anon_mb\":%.9g}\n",
               (long long)v->options->runs, threads, (long long)v->count, (long long)v->produced, image * 1e3,
               prefill * 1e3, token * 1e3, m.peak, m.anonymous);
    else
        printf("%lld run%s, %d thread%s: picture %.3f ms, prompt of %lld tokens %.3f ms, %.3f ms for each of %lld tokens\n"
               "peak memory %.2f MiB, anonymous %.2f MiB\n", (long long)v->options->runs,
               v->options->runs == 1 ? "" : "s", threads, threads == 1 ? "" : "s", image * 1e3, (long long)v->count,
               prefill * 1e3, token * 1e3, (long long)v->produced, m.peak, m.anonymous);
    return SDC_OK;
}
