/* bench: a model's time with and without fusion, by kernel and by fusion. */
#include <math.h>
#include <sys/stat.h>

#include "../codegen/build.h"
#include "bench.h"
#include "explain.h"

OPTION_TEXT(report)
OPTION_FLAG(each) OPTION_FLAG(json) OPTION_FLAG(help)

static int option_runs(void *into, const char *value)
{
    return parse_int(value, 1, 1000, &((Options *)into)->runs);
}

static const SdcOption table[] = {
    AXIS_ROWS,
    {"runs", 0, "N", "rounds in which each executable runs once, in turns (5)", option_runs},
    {"each", 0, NULL, "also leave out one fusion at a time: what each of them saves", option_each},
    PASS_ROWS,
    {"json", 0, NULL, "print one JSON object instead of text", option_json},
    {"report", 0, "FILE", "write a page with charts (HTML)", option_report},
    RUN_ROWS,
    BUILD_ROWS,
    {"help", 'h', NULL, "this text", option_help},
    {0},
};

static const char examples[] =
    "  sdc bench vit.onnx --shape pixel_values=1x3x224x224\n"
    "  sdc bench unet.onnx --dim batch_size=1 --dim height=64 --dim width=64 --each --report unet.html\n"
    "  sdc bench clip.onnx --shape input_ids=1x77 --threads 1 --runs 9 --json\n";

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void print_builds(const Bench *b)
{
    printf("%-20s %10s %10s %7s %6s %7s %9s %9s %11s\n", "", "median ms", "best ms", "spread", "ratio", "calls",
           "MB moved", "MB arena", "difference");
    for (int k = 0; k < b->n_variants; k++) {
        const Variant *v = &b->variants[k];
        printf("%-20s %10.3f %10.3f %6.1f%% %6.3f %7d %9.1f %9.1f %11.2g%s\n", v->name, v->median, v->best,
               v->spread * 100, v->ratio, v->program->n_calls,
               (double)v->program->moved_bytes / 1e6, (double)v->program->arena_bytes / 1e6, v->difference,
               v->same ? text_format("  same as '%s'", v->same->name) : "");
    }
}

static void print_fusions(const Bench *b)
{
    const Variant *asked = &b->variants[0];
    if (b->n_variants > 2)
        printf("\n%-20s %10s %10s %7s   compared with leaving it out\n", "fusion", "saves ms", "saves MB", "calls");
    for (int k = 2; k < b->n_variants; k++) {
        const Variant *v = &b->variants[k];
        printf("%-20s %10.3f %10.1f %7d\n", fusion_name((Fusion)v->fusion), v->excess,
               (double)(v->program->moved_bytes - asked->program->moved_bytes) / 1e6,
               v->program->n_calls - asked->program->n_calls);
    }
}

static void print_kernels(const json_t *profile)
{
    size_t k;
    const json_t *row;
    printf("\n%-20s %10s %10s %7s %8s %7s %8s %5s\n", "kernel", "calls", "ms", "share", "GF/s", "GB/s", "ceiling",
           "idle");
    json_array_foreach(json_object_get(profile, "kernels"), k, row)
        printf("%-20s %10.0f %10.3f %6.1f%% %8s %7.1f %7.0f%% %4.0f%%\n",
               json_string_value(json_object_get(row, "kernel")), number(row, "calls"), number(row, "ms"),
               number(row, "share") * 100, gflops_text(row), number(row, "gbs"), number(row, "ceiling") * 100,
               number(row, "idle") * 100);
    printf("\nceiling measured here: %.1f GF/s, memory %.1f GB/s read, %.1f GB/s copied\n",
           number(profile, "ceiling_gflops"), number(profile, "ceiling_read_gbs"),
           number(profile, "ceiling_copy_gbs"));
}

static void print_text(const Bench *b)
{
    print_builds(b);
    print_fusions(b);
    print_kernels(b->profile);
    printf("%s, %d thread%s, %d round%s in turns, %d run%s in each; ratio: to no fusion; difference: relative RMS\n",
           b->isa->name, b->threads, b->threads == 1 ? "" : "s", b->rounds, b->rounds == 1 ? "" : "s", b->runs,
           b->runs == 1 ? "" : "s");
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* JSON has no infinity. */
static json_t *real_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *variant_json(const Variant *v)
{
    json_t *row = json_pack("{s:s, s:f, s:f, s:f, s:f, s:o}", "name", v->name, "median_ms", v->median, "best_ms",
                            v->best, "spread", v->spread, "ratio", v->ratio, "difference",
                            real_or_null(v->difference));
    json_t *off = json_array();
    for (int f = 0; f < FUSION_COUNT; f++)
        if (v->no_fuse & 1u << f)
            json_array_append_new(off, json_string(fusion_name((Fusion)f)));
    json_object_set_new(row, "no_fuse", off);
    json_object_set_new(row, "same_as", v->same ? json_string(v->same->name) : json_null());
    json_object_update_new(row, program_json(v->program));
    return row;
}

static json_t *fusion_json(const Variant *asked, const Variant *v)
{
    return json_pack("{s:s, s:f, s:I, s:i, s:o}", "name", fusion_name((Fusion)v->fusion), "saves_ms",
                     v->excess, "saves_bytes",
                     (json_int_t)(v->program->moved_bytes - asked->program->moved_bytes), "saves_calls",
                     v->program->n_calls - asked->program->n_calls, "difference", real_or_null(v->difference));
}

static json_t *bench_json(const Bench *b)
{
    json_t *builds = json_array(), *fusions = json_array();
    for (int k = 0; k < b->n_variants; k++)
        json_array_append_new(builds, variant_json(&b->variants[k]));
    for (int k = 2; k < b->n_variants; k++)
        json_array_append_new(fusions, fusion_json(&b->variants[0], &b->variants[k]));
    return json_pack("{s:o, s:s, s:i, s:i, s:i, s:I, s:o, s:o, s:O}", "model", text_json(b->model), "isa", b->isa->name,
                     "threads", b->threads, "rounds", b->rounds, "runs", b->runs, "seed", (json_int_t)b->seed, "builds",
                     builds, "fusions", fusions, "profile", b->profile);
}

int command_bench(int argc, char **argv)
{
    Options o = {0};
    int n;
    struct stat info;
    char **positional = parse_options(table, &o, argc, argv, &n, "sdc bench MODEL.onnx [options]", examples);
    if (n != 1)
        return sdc_error(SDC_USAGE, "bench takes one model; see sdc bench --help");
    if (!stat(positional[0], &info) && S_ISDIR(info.st_mode))
        return sdc_error(SDC_USAGE, "%s: is a folder; bench takes one model, such as %s/unet/model.onnx", positional[0],
                         positional[0]);
    char *page = NULL;
    int fd = o.report ? beside(o.report, &page) : -1;
    Bench b = measure(positional[0], &o);
    if (o.report) {
        write_report(&b, page);
        publish(fd, page, o.report, 0666);
    }
    if (o.json)
        print_json(bench_json(&b));
    else
        print_text(&b);
    json_decref(b.profile);
    return SDC_OK;
}
