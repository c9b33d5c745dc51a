/* profile_report.c: a profile as two tables, calls and kinds of kernels, or as one JSON object.  See profile.h. */
#include <string.h>

#include "json.h"
#include "profile.h"

/* Figures of one row. */
typedef struct { double share, gflops, gbs, ceiling; } Rates;

/* Kernels of bf16 products are NAME_bf16. */
static double compute_ceiling(const SdcCeilings *most, const char *kernel)
{
    const char *suffix = strrchr(kernel, '_');
    return suffix && !strcmp(suffix, "_bf16") && most->bf16_gflops > 0 ? most->bf16_gflops : most->gflops;
}

static Rates rates_of(const SdcProfileResult *r, const SdcCallProfile *c)
{
    const SdcCeilings *most = &r->ceilings;
    double bytes = (double)(c->read + c->written + c->weights);
    double memory = most->read_gbs > most->copy_gbs ? most->read_gbs : most->copy_gbs;
    Rates x = {.share = r->seconds > 0 ? c->seconds / r->seconds : 0};
    if (c->seconds > 0) {
        x.gflops = (double)c->flops / c->seconds / 1e9;
        x.gbs = bytes / c->seconds / 1e9;
    }
    double limit = compute_ceiling(most, c->kernel), compute = limit > 0 ? x.gflops / limit : 0;
    double moving = memory > 0 ? x.gbs / memory : 0;
    x.ceiling = compute > moving ? compute : moving;
    return x;
}

/* ---- text ---- */

static void print_row(const SdcProfileResult *r, const SdcCallProfile *c)
{
    Rates x = rates_of(r, c);
    printf("%10.3f %5.1f%% ", c->seconds * 1e3, x.share * 100);
    if (c->flops)
        printf("%8.1f ", x.gflops);
    else
        printf("%8s ", "-");
    printf("%7.1f %6.0f%% %4.0f%% %5.0f%% %7d", x.gbs, x.ceiling * 100, c->idle * 100, c->serial * 100,
           sdc_useful_threads(c));
}

/* What more threads could do. */
static void print_threads(const SdcProfileResult *r)
{
    const SdcCallProfile *t = &r->total;
    int useful = sdc_useful_threads(t), k = 0;
    while (sdc_span_threads[k] != useful)
        k++;
    printf("threads idle %.1f %% of the time; serial %.3f ms (%.1f %%); on paper useful up to %d thread%s: %.1f times as fast "
           "as one\n", t->idle * 100, t->serial * t->seconds * 1e3, t->serial * 100, useful, useful == 1 ? "" : "s",
           t->spans[k] > 0 ? t->spans[0] / t->spans[k] : 1);
}

static void print_text(const SdcProfileResult *r)
{
    static const char head[] = "        ms  share     GF/s    GB/s ceiling  idle serial threads";
    printf("%s  %-18s call\n", head, "kernel");
    for (int k = 0; k < r->n_calls; k++) {
        const SdcCallProfile *c = &r->calls[k];
        print_row(r, c);
        printf("  %-18s %-5s %.*s\n", c->kernel, c->value, c->note_length, c->note);
    }
    printf("\n%s  %-18s calls\n", head, "kernel");
    for (int k = 0; k < r->n_kernels; k++) {
        print_row(r, &r->kernels[k]);
        printf("  %-18s %d\n", r->kernels[k].kernel, r->kernels[k].number);
    }
    printf("\n%lld run%s, %d thread%s: median %.3f ms, %.3f ms in the calls\n", (long long)r->runs,
           r->runs == 1 ? "" : "s", r->threads, r->threads == 1 ? "" : "s", r->median * 1e3, r->seconds * 1e3);
    print_threads(r);
    printf("ceiling measured here: %.1f GF/s", r->ceilings.gflops);
    if (r->ceilings.bf16_gflops > 0)
        printf(", products of bf16 %.1f GF/s", r->ceilings.bf16_gflops);
    printf(", memory %.1f GB/s read, %.1f GB/s copied\n", r->ceilings.read_gbs, r->ceilings.copy_gbs);
}

/* ---- JSON ---- */

static void json_figures(const SdcProfileResult *r, const SdcCallProfile *c)
{
    Rates x = rates_of(r, c);
    const SdcJsonNumber numbers[] = {
        {"ms", c->seconds * 1e3}, {"share", x.share}, {"gflops", x.gflops}, {"gbs", x.gbs},
        {"ceiling", x.ceiling},   {"idle", c->idle},        {"serial", c->serial},
    };
    const struct { const char *key; int64_t value; } integers[] = {
        {"times", c->times},           {"flops", c->flops},           {"read_bytes", c->read},
        {"written_bytes", c->written}, {"weights_bytes", c->weights}, {"useful_threads", sdc_useful_threads(c)},
    };
    sdc_json_more(numbers, sizeof numbers / sizeof *numbers);
    for (size_t k = 0; k < sizeof integers / sizeof *integers; k++) {
        putchar(',');
        sdc_json_integer(integers[k].key, integers[k].value);
    }
    putchar('}');
}

static void json_calls(const SdcProfileResult *r)
{
    printf(",\"calls\":[");
    for (int k = 0; k < r->n_calls; k++) {
        const SdcCallProfile *c = &r->calls[k];
        printf(k ? ",{" : "{");
        sdc_json_integer("call", c->number);
        putchar(',');
        sdc_json_text("kernel", c->kernel);
        putchar(',');
        sdc_json_text("value", c->value);
        printf(",\"note\":");
        sdc_json_string(c->note, c->note_length);
        json_figures(r, c);
    }
    printf("],\"kernels\":[");
    for (int k = 0; k < r->n_kernels; k++) {
        printf(k ? ",{" : "{");
        sdc_json_text("kernel", r->kernels[k].kernel);
        putchar(',');
        sdc_json_integer("calls", r->kernels[k].number);
        json_figures(r, &r->kernels[k]);
    }
    printf("]}\n");
}

static void print_json(const SdcProfileResult *r)
{
    const struct { const char *key; double value; } numbers[] = {
        {"median_ms", r->median * 1e3},            {"calls_ms", r->seconds * 1e3},
        {"ceiling_gflops", r->ceilings.gflops},    {"ceiling_bf16_gflops", r->ceilings.bf16_gflops},
        {"ceiling_read_gbs", r->ceilings.read_gbs},
        {"ceiling_copy_gbs", r->ceilings.copy_gbs}, {"idle", r->total.idle},
        {"serial_ms", r->total.serial * r->total.seconds * 1e3},
    };
    putchar('{');
    sdc_json_integer("runs", r->runs);
    putchar(',');
    sdc_json_integer("threads", r->threads);
    putchar(',');
    sdc_json_integer("useful_threads", sdc_useful_threads(&r->total));
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        putchar(',');
        sdc_json_number(numbers[k].key, numbers[k].value);
    }
    json_calls(r);
}

void sdc_print_profile(const SdcProfileResult *r, bool json)
{
    if (json)
        print_json(r);
    else
        print_text(r);
}
