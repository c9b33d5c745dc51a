/* sd_report.c: see sd_report.h.  MiB everywhere; JSON is printed by hand, its objects are small and flat. */
#include "sd_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/certificate.h"
#include "../runtime/json.h"
#include "pipeline.h"

static const double mib = 1048576;

double sd_anonymous(void)
{
    return sdc_memory().anonymous;
}

/* ---- --info ----------------------------------------------------------------------------------------------------- */

static void json_text(const char *key, const char *value, const char *after)
{
    sdc_json_text(key, value);
    printf("%s", after);
}

static void json_programs(void)
{
    printf("\"programs\":[");
    for (int i = 0; i < sdc_model.n_programs; i++) {
        const SdcProgram *p = sdc_model.programs[i];
        printf("%s{", i ? "," : "");
        json_text("name", p->name, ",");
        printf("\"kernels\":%d,\"flops\":%lld,\"arena_bytes\":%lld,\"arena_bound_bytes\":%lld,\"weights_bytes\":%lld,",
               p->kernels, (long long)p->flops, (long long)p->arena_bytes, (long long)p->bound_bytes,
               (long long)p->weights_bytes);
        sdc_work_json(p);
        putchar('}');
    }
    printf("]");
}

static void info_json(const char *class, const SdcCertificate *c)
{
    printf("{");
    json_text("name", sdc_model.name, ",");
    json_text("version", sdc_model.version, ",");
    json_text("pipeline", class, ",");
    json_text("isa", sdc_model.isa, ",");
    json_text("compiler", sdc_model.compiler, ",");
    json_programs();
    putchar(',');
    sdc_certificate_json(c);
    printf("}\n");
}

static void info_text(const char *class, const char *keeps, const SdcCertificate *c)
{
    printf("%s: %s, compiled by sdc %s\n", sdc_model.name, class, sdc_model.version);
    printf("  isa      %s\n  compiler %s\n", sdc_model.isa, sdc_model.compiler);
    for (const char *const *text = sdc_model.defaults; text && *text; text++)
        printf("  default  %s\n", *text);
    printf("  %-24s %8s %12s %12s %12s\n", "program", "kernels", "GFLOP", "arena MiB", "weights MiB");
    for (int i = 0; i < sdc_model.n_programs; i++) {
        const SdcProgram *p = sdc_model.programs[i];
        printf("  %-24s %8d %12.4g %12.2f %12.2f\n", p->name, p->kernels, (double)p->flops / 1e9,
               (double)p->arena_bytes / mib, (double)p->weights_bytes / mib);
        sdc_work_text(p, 4);
    }
    printf("  memory, at most%s%s:\n", keeps ? ", beside what is kept for " : "", keeps ? keeps : "");
    sdc_certificate_text(c);
}

/* The largest arena of a component's programs; 0: there is none. */
static int64_t largest_arena(const char *component)
{
    int64_t largest = 0;
    const SdcProgram *p;
    for (int k = 0; (p = pipeline_nth(component, k)); k++)
        largest = p->arena_bytes > largest ? p->arena_bytes : largest;
    return largest;
}

int sd_info(const SdInfo *info)
{
    char class[96];
    int64_t threads = info->common->threads ? info->common->threads : sdc_default_threads();
    int code = info->loras ? sdc_lora_apply(info->loras, NULL) : SDC_OK;
    if (code)
        return code;
    if (!pipeline_setting("class", class, sizeof class))
        strcpy(class, "StableDiffusionPipeline");
    SdcCertificate c = sdc_certify((int)threads, info->count);
    for (const char *const *component = info->beside; *component; component++) {
        const int64_t arena = largest_arena(*component);
        c.arena += arena;
        c.all += arena;
    }
    if (info->common->json)
        info_json(class, &c);
    else
        info_text(class, info->keeps, &c);
    return SDC_OK;
}

/* ---- --bench ---------------------------------------------------------------------------------------------------- */

/* Seconds; prompt: the text encoder, table: the tables of all timesteps of one drawing, decode: the decoder. */
typedef struct { double best, median, prompt, table, decode, anonymous; int64_t runs; int threads; } Times;

static void print_times(const Times *t, bool json)
{
    SdcMemory m = sdc_memory();
    SdcCertificate c = sdc_certify(t->threads, 1);
    if (json) {
        printf("{\"runs\":%lld,\"threads\":%d,\"best_ms\":%.9g,\"median_ms\":%.9g,\"peak_rss_mb\":%.9g,"
               "\"peak_anon_mb\":%.9g,\"mapped_mb\":%.9g,\"arena_mb\":%.9g,\"weights_mb\":%.9g,\"prompt_ms\":%.9g,"
               "\"timestep_ms\":%.9g,\"decode_ms\":%.9g}\n", (long long)t->runs, t->threads, t->best * 1e3,
               t->median * 1e3, m.peak, t->anonymous, m.mapped, (double)c.arena / mib, (double)c.weights / mib,
               t->prompt * 1e3, t->table * 1e3, t->decode * 1e3);
        return;
    }
    printf("%lld run%s, %d thread%s: best %.3f ms, median %.3f ms; of it the prompt %.3f ms, all timesteps' "
           "tables %.3f ms, decoding %.3f ms\n", (long long)t->runs, t->runs == 1 ? "" : "s", t->threads,
           t->threads == 1 ? "" : "s", t->best * 1e3, t->median * 1e3, t->prompt * 1e3, t->table * 1e3,
           t->decode * 1e3);
    printf("peak memory %.2f MiB, anonymous %.2f MiB; arena %.2f MiB, weights %.2f MiB\n", m.peak, t->anonymous,
           (double)c.arena / mib, (double)c.weights / mib);
}

/* One drawing of all pictures, decoded but not written. */
static int draw_once(Sd *sd, float *picture, double *seconds, double *decode)
{
    double start = sdc_now();
    int code = sd_draw(sd);
    double drawn = sdc_now();
    for (int64_t k = 0; !code && k < sd->options->count; k++)
        code = sd_decode(sd, k, picture);
    double end = sdc_now();
    *seconds = end - start;
    *decode = end - drawn;
    return code;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int sd_bench(Sd *sd)
{
    int64_t runs = sd->options->runs, half = runs / 2;
    double *seconds = calloc((size_t)runs, sizeof *seconds);
    float *picture = NULL;
    int code = seconds ? pipeline_floats(&picture, 3 * sd->picture_height * sd->picture_width)
                       : sdc_error(SDC_NO_SPACE, "out of memory");
    Times t = {.runs = runs, .threads = sdc_pool_threads(sd->pool), .prompt = 1e30, .table = 1e30, .decode = 1e30};
    SdcProgress bar;
    sdc_progress_begin(&bar, "drawing", runs + 1, sd->options->common.quiet);
    for (int64_t i = -1; !code && i < runs; i++) {
        double decode;
        sd->warming = i < 0;
        code = draw_once(sd, picture, &seconds[i < 0 ? 0 : i], &decode);
        if (i >= 0) {
            t.prompt = fmin(t.prompt, sd->prompt_seconds);
            t.table = fmin(t.table, sd->table_seconds);
            t.decode = fmin(t.decode, decode);
        }
        sdc_progress_step(&bar, i + 2);
    }
    sdc_progress_end(&bar);
    if (!code) {
        qsort(seconds, (size_t)runs, sizeof *seconds, by_value);
        t.best = seconds[0];
        t.median = runs % 2 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
        t.anonymous = sd->anonymous;
        print_times(&t, sd->options->common.json);
    }
    free(seconds);
    free(picture);
    return code;
}
