/* model_report.c: what a single-model executable prints on stdout, as text for people or as one JSON object.
 *
 * MiB in text; in JSON the *_mb keys are MiB too and *_bytes are bytes. */
#include <math.h>
#include <string.h>

#include "array_io.h"
#include "certificate.h"
#include "json.h"
#include "model_cli.h"

static const double mib = 1048576;

/* ---- tensors ---- */

/* {"name":..,"dtype":..,"shape":[..]  without the closing brace */
static void json_tensor(const SdcTensor *t)
{
    char shape[SDC_SHAPE_TEXT];
    putchar('{');
    sdc_json_text("name", t->name);
    putchar(',');
    sdc_json_text("dtype", dtype_info(t->dtype)->name);
    printf(",\"shape\":%s", sdc_shape_text(shape, t->rank, t->dim));
}

static void json_tensors(const char *key, const SdcTensor *tensors, int n)
{
    sdc_json_string(key, -1);
    printf(":[");
    for (int i = 0; i < n; i++) {
        if (i)
            putchar(',');
        json_tensor(&tensors[i]);
        putchar('}');
    }
    printf("],");
}

/* ---- --info ---- */

static void print_tensor(const char *kind, const SdcTensor *t)
{
    char shape[SDC_SHAPE_TEXT];
    printf("  %-8s %-24s %-8s %s\n", kind, t->name, dtype_info(t->dtype)->name, sdc_shape_text(shape, t->rank, t->dim));
}

static void info_text(const SdcProgram *p, const SdcCertificate *c)
{
    printf("%s, compiled by sdc %s\n", sdc_model.name, sdc_model.version);
    for (int i = 0; i < p->n_inputs; i++)
        print_tensor("input", &p->inputs[i]);
    for (int i = 0; i < p->n_outputs; i++)
        print_tensor("output", &p->outputs[i]);
    printf("  %-8s %s\n  %-8s %s\n", "isa", sdc_model.isa, "compiler", sdc_model.compiler);
    printf("  %-8s %d a run, %.4g GFLOP\n", "kernels", p->kernels, (double)p->flops / 1e9);
    sdc_work_text(p, 11);
    printf("  memory, at most:\n");
    sdc_certificate_text(c);
}

static void info_json(const SdcProgram *p, const SdcCertificate *c)
{
    const struct { const char *key, *value; } texts[] = {
        {"name", sdc_model.name}, {"version", sdc_model.version}, {"isa", sdc_model.isa},
        {"compiler", sdc_model.compiler},
    };
    putchar('{');
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sdc_json_text(texts[i].key, texts[i].value);
        putchar(',');
    }
    json_tensors("inputs", p->inputs, p->n_inputs);
    json_tensors("outputs", p->outputs, p->n_outputs);
    sdc_json_integer("kernels", p->kernels);
    putchar(',');
    sdc_json_integer("flops", p->flops);
    putchar(',');
    sdc_work_json(p);
    putchar(',');
    sdc_certificate_json(c);
    printf("}\n");
}

void sdc_print_info(const SdcProgram *p, int threads, bool json)
{
    SdcCertificate c = sdc_certify(threads, 1);
    if (json)
        info_json(p, &c);
    else
        info_text(p, &c);
}

/* ---- --bench ---- */

void sdc_print_times(const SdcProgram *p, const SdcTimes *t, bool json)
{
    double arena = (double)p->arena_bytes / mib, weights = (double)p->weights_bytes / mib;
    SdcMemory m = sdc_memory();         /* the arena's pages are never given back, so anonymous is the peak as well */
    if (!json) {
        printf("%lld run%s, %d thread%s: best %.3f ms, median %.3f ms\n", (long long)t->runs, t->runs == 1 ? "" : "s",
               t->threads, t->threads == 1 ? "" : "s", t->best * 1e3, t->median * 1e3);
        if (p->prompt)
            printf("%.3f ms of it once a prompt\n", t->prompt * 1e3);
        if (p->table)
            printf("%.3f ms of it once a timestep\n", t->table * 1e3);
        printf("peak memory %.2f MiB, anonymous %.2f MiB; arena %.2f MiB, weights %.2f MiB\n", m.peak,
               m.anonymous, arena, weights);
        return;
    }
    const SdcJsonNumber rows[] = {
        {"best_ms", t->best * 1e3}, {"median_ms", t->median * 1e3}, {"peak_rss_mb", m.peak},
        {"peak_anon_mb", m.anonymous}, {"mapped_mb", m.mapped}, {"arena_mb", arena}, {"weights_mb", weights},
        {"prompt_ms", t->prompt * 1e3}, {"timestep_ms", t->table * 1e3},
    };
    putchar('{');
    sdc_json_integer("runs", t->runs);
    putchar(',');
    sdc_json_integer("threads", t->threads);
    sdc_json_more(rows, sizeof rows / sizeof *rows);
    printf("}\n");
}

/* ---- what came out ---- */

typedef struct { double mean, std, min, max; } Statistics;

static Statistics describe(const SdcArray *a)
{
    Statistics s = {NAN, NAN, NAN, NAN};
    int64_t size = dtype_info(a->dtype)->bytes;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < a->count; i++) {
        double x = dtype_load_f(a->dtype, (const char *)a->data + i * size);
        sum += x;
        s.min = fmin(s.min, x);         /* passes over NaN; the mean shows it */
        s.max = fmax(s.max, x);
    }
    s.mean = sum / (double)a->count;
    for (int64_t i = 0; i < a->count; i++) {
        double x = dtype_load_f(a->dtype, (const char *)a->data + i * size) - s.mean;
        squares += x * x;
    }
    s.std = sqrt(squares / (double)a->count);
    return s;
}

static void output_json(const SdcTensor *t, Statistics s)
{
    const struct { const char *key; double value; } rows[] = {
        {"mean", s.mean}, {"std", s.std}, {"min", s.min}, {"max", s.max},
    };
    json_tensor(t);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        putchar(',');
        sdc_json_number(rows[i].key, rows[i].value);
    }
    putchar('}');
}

void sdc_print_outputs(const SdcContext *c, const SdcProgram *p, bool json)
{
    if (json)
        printf("{\"outputs\":[");
    for (int i = 0; i < p->n_outputs; i++) {
        const SdcTensor *t = &p->outputs[i];
        SdcArray view = sdc_output_view(c, t);
        Statistics s = describe(&view);
        char shape[SDC_SHAPE_TEXT];
        if (json) {
            if (i)
                putchar(',');
            output_json(t, s);
        } else {
            printf("%s %s %s mean %.6g std %.6g min %.6g max %.6g\n", t->name, dtype_info(t->dtype)->name,
                   sdc_shape_text(shape, t->rank, t->dim), s.mean, s.std, s.min, s.max);
        }
    }
    if (json)
        printf("]}\n");
}
