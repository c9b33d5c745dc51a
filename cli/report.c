/* report.c: the page of `sdc bench --report`: report.html with its marks {{NAME}} replaced by tables and charts. */
#include <errno.h>
#include <string.h>

#include "bench.h"

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void title(FILE *out, const Bench *b)
{
    html_text(out, b->model);
}

static void setting(FILE *out, const Bench *b)
{
    fprintf(out, "%s, %d thread%s, %d rounds of %d run%s, random inputs of seed %lld.", b->isa->name, b->threads,
            b->threads == 1 ? "" : "s", b->rounds, b->runs, b->runs == 1 ? "" : "s", (long long)b->seed);
}

static void builds(FILE *out, const Bench *b)
{
    fputs("<table id=\"builds\">\n<tr><th>build</th><th>median ms</th><th>best ms</th><th>spread</th>"
          "<th>ratio</th><th>calls</th><th>MB moved</th><th>MB arena</th><th>difference</th></tr>\n", out);
    for (int k = 0; k < b->n_variants; k++) {
        const Variant *v = &b->variants[k];
        fprintf(out, "<tr><td>%s%s</td><td>%.3f</td><td>%.3f</td><td>%.1f %%</td><td>%.3f</td>", v->name,
                v->same ? text_format(" (= %s)", v->same->name) : "", v->median, v->best, v->spread * 100,
                v->ratio);
        fprintf(out, "<td>%d</td><td>%.1f</td><td>%.1f</td><td>%.2g</td></tr>\n", v->program->n_calls,
                (double)v->program->moved_bytes / 1e6, (double)v->program->arena_bytes / 1e6, v->difference);
    }
    fputs("</table>\n", out);
}

static void kernel_table(FILE *out, const Bench *b)
{
    size_t k;
    const json_t *row;
    fputs("<table id=\"kernel_table\">\n<tr><th>kernel</th><th>calls</th><th>ms</th><th>share</th><th>GF/s</th>"
          "<th>GB/s</th><th>of ceiling</th><th>threads idle</th></tr>\n", out);
    json_array_foreach(json_object_get(b->profile, "kernels"), k, row)
        fprintf(out, "<tr><td>%s</td><td>%.0f</td><td>%.3f</td><td>%.1f %%</td><td>%s</td><td>%.1f</td>"
                     "<td>%.0f %%</td><td>%.0f %%</td></tr>\n",
                json_string_value(json_object_get(row, "kernel")), number(row, "calls"), number(row, "ms"),
                number(row, "share") * 100, gflops_text(row), number(row, "gbs"), number(row, "ceiling") * 100,
                number(row, "idle") * 100);
    fputs("</table>\n", out);
}

/* ---- charts ------------------------------------------------------------------------------------------------------ */

static void kernels(FILE *out, const Bench *b)
{
    json_t *rows = json_object_get(b->profile, "kernels");
    int count = (int)json_array_size(rows);
    Bar *bars = alloc_array(count + 1, sizeof *bars);
    for (int k = 0; k < count; k++) {
        const json_t *row = json_array_get(rows, (size_t)k);
        bars[k] = (Bar){json_string_value(json_object_get(row, "kernel")), number(row, "ms"),
                        text_format("%.3f ms, %.1f %%", number(row, "ms"), number(row, "share") * 100)};
    }
    chart_bars(out, "kernels", bars, count);
}

static void fusions(FILE *out, const Bench *b)
{
    Bar bars[FUSION_COUNT];
    int count = 0;
    for (int k = 2; k < b->n_variants; k++) {
        const Variant *v = &b->variants[k];
        double moved = (double)(v->program->moved_bytes - b->variants[0].program->moved_bytes) / 1e6;
        bars[count++] = (Bar){fusion_name((Fusion)v->fusion), v->excess,
                              text_format("%.3f ms, %.1f MB", v->excess, moved)};
    }
    if (count)
        chart_bars(out, "fusions", bars, count);
    else
        fputs("<p>Not measured: ask for it with --each.</p>\n", out);
}

static void memory(FILE *out, const Bench *b)
{
    chart_memory(out, b->variants[0].program);
}

static void roofline(FILE *out, const Bench *b)
{
    chart_roofline(out, b->profile);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static const struct { const char *mark; void (*write)(FILE *out, const Bench *b); } parts[] = {
    {"TITLE", title},     {"SETTING", setting},           {"BUILDS", builds},
    {"KERNELS", kernels}, {"KERNEL_TABLE", kernel_table}, {"FUSIONS", fusions},
    {"MEMORY", memory},   {"ROOFLINE", roofline},
};

static void write_part(FILE *out, const Bench *b, const char *mark, size_t length)
{
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        if (strlen(parts[k].mark) == length && !memcmp(parts[k].mark, mark, length)) {
            parts[k].write(out, b);
            return;
        }
    bug("report.html has the unknown mark %.*s", (int)length, mark);
}

void write_report(const Bench *b, const char *path)
{
    const Embedded *page = embedded_find("cli/report.html");
    if (!page)
        bug("report.html is not inside this sdc");
    FILE *out = fopen(path, "w");
    if (!out)
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
    const char *at = (const char *)page->data, *end = (const char *)page->end, *mark;
    while ((mark = memmem(at, (size_t)(end - at), "{{", 2))) {
        const char *close = memmem(mark, (size_t)(end - mark), "}}", 2);
        if (!close)
            bug("report.html has a mark without end");
        fwrite(at, 1, (size_t)(mark - at), out);
        write_part(out, b, mark + 2, (size_t)(close - mark - 2));
        at = close + 2;
    }
    fwrite(at, 1, (size_t)(end - at), out);
    bool bad = ferror(out) != 0;
    if (fclose(out) || bad)
        fail(SDC_NO_SPACE, "%s: cannot be written", path);
}
