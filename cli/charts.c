/* charts.c: the charts of a bench report as inline SVG.  Colours and type are the page's (report.html).
 *
 * Coordinates are those of a view box WIDTH wide; the page scales it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { WIDTH = 900, LEFT = 70, RIGHT = 880, TOP = 32, UNIT = 14 };      /* UNIT: line of the upright axis's unit */

void html_text(FILE *out, const char *s)
{
    static const struct { char c; const char *as; } special[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"},
                                                                 {'"', "&quot;"}};
    for (; s && *s; s++) {
        size_t k = 0;
        while (k < sizeof special / sizeof *special && special[k].c != *s)
            k++;
        if (k < sizeof special / sizeof *special)
            fputs(special[k].as, out);
        else
            fputc((unsigned char)*s < ' ' ? '?' : *s, out);
    }
}

static void begin(FILE *out, const char *id, int height, const char *what)
{
    fprintf(out, "<svg id=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", id, WIDTH, height, what);
}

static void line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
    fprintf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2);
}

static void label(FILE *out, const char *class, double x, double y, const char *text)
{
    fprintf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    html_text(out, text);
    fputs("</text>\n", out);
}

/* ---- bars -------------------------------------------------------------------------------------------------------- */

/* Negative values grow to the left of the same zero. */
void chart_bars(FILE *out, const char *id, const Bar *bars, int count)
{
    enum { ROW = 26, BEGIN = 180, END = 700 };
    double low = 0, high = 0;
    for (int k = 0; k < count; k++) {
        low = fmin(low, bars[k].value);
        high = fmax(high, bars[k].value);
    }
    double scale = high > low ? (END - BEGIN) / (high - low) : 0, zero = BEGIN - low * scale;
    begin(out, id, ROW * count + 8, "bars");
    for (int k = 0; k < count; k++) {
        double y = ROW * k + 4, wide = fabs(bars[k].value) * scale;
        label(out, "end", BEGIN - 8, y + 15, bars[k].label);
        double x = bars[k].value < 0 ? zero - wide : zero;
        fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n",
                bars[k].value < 0 ? "loss" : "bar", x, y, fmax(wide, 0.5), ROW - 6);
        label(out, "tick end", WIDTH - 8, y + 15, bars[k].text);
    }
    line(out, "axis", zero, 0, zero, ROW * count + 6);
    fputs("</svg>\n", out);
}

/* ---- memory over time -------------------------------------------------------------------------------------------- */

enum { MEMORY_BOTTOM = 360, TICKS = 5 };

static int last_call(const Program *p)
{
    int last = 1;
    for (int k = 0; k < p->n_buffers; k++)
        if (p->buffers[k]->kind == BUFFER_ARENA && p->buffers[k]->last > last)
            last = p->buffers[k]->last;
    return last;
}

static bool is_port(const Program *p, const Buffer *b)
{
    bool port = false;
    for (int k = 0; k < p->graph->n_inputs; k++)
        port |= p->inputs[k].buffer == b;
    for (int k = 0; k < p->graph->n_outputs; k++)
        port |= p->outputs[k].buffer == b;
    return port;
}

static void print_buffer(FILE *out, const Program *p, const Buffer *b, int calls)
{
    double x = (double)(RIGHT - LEFT) / (calls + 1), y = (double)(MEMORY_BOTTOM - TOP) / (double)p->arena_bytes;
    fprintf(out, "<rect class=\"buffer %s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
            is_port(p, b) ? "port" : b->first == b->last ? "scratch" : "value", LEFT + b->first * x,
            MEMORY_BOTTOM - (double)(b->offset + b->bytes) * y, (b->last - b->first + 1) * x, (double)b->bytes * y);
    if (b->value)
        fprintf(out, "v%d, ", b->value->id);
    fprintf(out, "%.3f MB at %.3f, calls %d to %d</title></rect>\n", (double)b->bytes / 1e6, (double)b->offset / 1e6,
            b->first, b->last);
}

void chart_memory(FILE *out, const Program *p)
{
    int calls = last_call(p);
    begin(out, "memory", MEMORY_BOTTOM + 44, "buffers in the arena over time");
    for (int k = 0; k <= TICKS; k++) {
        double y = MEMORY_BOTTOM - (double)(MEMORY_BOTTOM - TOP) * k / TICKS;
        double x = LEFT + (double)(RIGHT - LEFT) * k / TICKS;
        line(out, "grid", LEFT, y, RIGHT, y);
        label(out, "tick end", LEFT - 8, y + 4, text_format("%.3g", (double)p->arena_bytes * k / TICKS / 1e6));
        label(out, "tick middle", x, MEMORY_BOTTOM + 18, text_format("%d", calls * k / TICKS));
    }
    for (int k = 0; k < p->n_buffers; k++)
        if (p->buffers[k]->kind == BUFFER_ARENA && p->buffers[k]->first >= 0 && p->arena_bytes > 0)
            print_buffer(out, p, p->buffers[k], calls);
    label(out, "tick end", LEFT - 8, UNIT, "MB");
    label(out, "tick middle", (LEFT + RIGHT) / 2, MEMORY_BOTTOM + 38, "kernel call");
    fputs("</svg>\n", out);
}

/* ---- roofline ---------------------------------------------------------------------------------------------------- */

enum { ROOF_BOTTOM = 410 };

/* Both axes are logarithmic, from and to whole powers of ten. */
typedef struct { double x0, x1, y0, y1; } Plane;

static double across(const Plane *p, double x)
{
    return LEFT + (log10(x) - p->x0) / (p->x1 - p->x0) * (RIGHT - LEFT);
}

static double up(const Plane *p, double y)
{
    return ROOF_BOTTOM - (log10(y) - p->y0) / (p->y1 - p->y0) * (ROOF_BOTTOM - TOP);
}

/* FLOPs a byte and GF/s of a row; false where there is no work that counts as FLOPs. */
static bool point_of(const json_t *row, double *x, double *y)
{
    double bytes = number(row, "read_bytes") + number(row, "written_bytes") + number(row, "weights_bytes");
    *x = bytes > 0 ? number(row, "flops") / bytes : 0;
    *y = number(row, "gflops");
    return *x > 0 && *y > 0;
}

static void widen(Plane *p, double x, double y)
{
    p->x0 = fmin(p->x0, floor(log10(x)));
    p->x1 = fmax(p->x1, ceil(log10(x)));
    p->y0 = fmin(p->y0, floor(log10(y)));
    p->y1 = fmax(p->y1, ceil(log10(y)));
}

static void print_decades(FILE *out, const Plane *p)
{
    for (double d = p->x0; d <= p->x1; d++) {
        line(out, "grid", across(p, pow(10, d)), TOP, across(p, pow(10, d)), ROOF_BOTTOM);
        label(out, "tick middle", across(p, pow(10, d)), ROOF_BOTTOM + 18, text_format("%g", pow(10, d)));
    }
    for (double d = p->y0; d <= p->y1; d++) {
        line(out, "grid", LEFT, up(p, pow(10, d)), RIGHT, up(p, pow(10, d)));
        label(out, "tick end", LEFT - 8, up(p, pow(10, d)) + 4, text_format("%g", pow(10, d)));
    }
    label(out, "tick end", LEFT - 8, UNIT, "GF/s");
    label(out, "tick middle", (LEFT + RIGHT) / 2, ROOF_BOTTOM + 38, "FLOP / byte");
}

static void print_points(FILE *out, const Plane *p, const json_t *rows, const char *class, double radius)
{
    size_t k;
    const json_t *row;
    double x, y;
    json_array_foreach(rows, k, row) {
        if (!point_of(row, &x, &y))
            continue;
        fprintf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>", class, across(p, x), up(p, y),
                radius);
        html_text(out, json_string_value(json_object_get(row, "kernel")));
        if (json_object_get(row, "note"))
            html_text(out, text_format(": %s", json_string_value(json_object_get(row, "note"))));
        fprintf(out, ", %.3f ms</title></circle>\n", number(row, "ms"));
    }
}

/* Where labels stand: about 8 units a letter and 15 a line. */
typedef struct { double x0, x1, y; } Place;

/* The first free place from y on downwards, or just above the axis. */
static Place find_place(const Place *taken, int count, double x0, double x1, double y)
{
    enum { LINE = 15 };
    for (int k = 0; k < count; k++)
        if (x0 < taken[k].x1 && taken[k].x0 < x1 && fabs(taken[k].y - y) < LINE) {
            y = taken[k].y + LINE;
            k = -1;
        }
    return (Place){x0, x1, fmin(y, ROOF_BOTTOM - 2)};
}

/* Names beside the kinds' points; the first place is that of the roof's own label. */
static void print_names(FILE *out, const Plane *p, const json_t *rows, Place roof)
{
    enum { MOST = 64, LETTER = 8 };
    Place taken[MOST] = {roof};
    int count = 1;
    size_t k;
    const json_t *row;
    double x, y;
    json_array_foreach(rows, k, row) {
        if (!point_of(row, &x, &y) || count == MOST)
            continue;
        const char *name = json_string_value(json_object_get(row, "kernel"));
        double at = across(p, x) + 10, wide = LETTER * (double)strlen(name);
        if (at + wide > RIGHT)
            at -= wide + 20;
        taken[count] = find_place(taken, count, at, at + wide, up(p, y) + 4);
        label(out, "", at, taken[count++].y, name);
    }
}

/* The two limits; the place of their label. */
static Place print_roof(FILE *out, const Plane *p, double peak, double speed)
{
    double ridge = peak / speed, lowest = fmax(pow(10, p->x0), pow(10, p->y0) / speed);
    Place text = {RIGHT - 200, RIGHT, up(p, peak) - 6};
    fprintf(out, "<polyline class=\"roof\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n", across(p, lowest),
            up(p, lowest * speed), across(p, ridge), up(p, peak), across(p, pow(10, p->x1)), up(p, peak));
    label(out, "tick end", RIGHT - 4, text.y, text_format("%.0f GF/s, %.1f GB/s", peak, speed));
    return text;
}

void chart_roofline(FILE *out, const json_t *profile)
{
    const json_t *calls = json_object_get(profile, "calls"), *kinds = json_object_get(profile, "kernels"), *row;
    double peak = fmax(number(profile, "ceiling_gflops"), number(profile, "ceiling_bf16_gflops")), x, y;
    double speed = fmax(number(profile, "ceiling_read_gbs"), number(profile, "ceiling_copy_gbs"));
    Plane p = {-1, 2, 0, 2};
    size_t k;
    json_array_foreach(calls, k, row)
        if (point_of(row, &x, &y))
            widen(&p, x, y);
    bool measured = peak > 0 && speed > 0;
    if (measured)
        widen(&p, peak / speed, peak);
    begin(out, "roofline", ROOF_BOTTOM + 44, "speed against work for each byte");
    print_decades(out, &p);
    Place roof = measured ? print_roof(out, &p, peak, speed) : (Place){0};
    print_points(out, &p, calls, "one", 3);
    print_points(out, &p, kinds, "kind", 6);
    print_names(out, &p, kinds, roof);
    fputs("</svg>\n", out);
}
