/* bench.h: between bench.c (the command), measure.c (builds and runs), report.c and charts.c (the HTML page). */
#ifndef SDC_BENCH_H
#define SDC_BENCH_H

#include <jansson.h>

#include "cli.h"

typedef struct { double median, best; } Round;      /* milliseconds, of the runs of one process */

/* One way to compile the model. */
typedef struct Variant {
    const char *name;               /* "as asked", "no fusion", "without norm" */
    int fusion;                     /* that is left out; -1: the first two */
    unsigned no_fuse;
    const Program *program;
    const struct Variant *same;     /* an earlier one whose calls are the same; or NULL */
    Round *round;
    double median, best;            /* of the rounds' medians; of all runs */
    double spread;                  /* (slowest - fastest round) / median */
    double ratio, excess;           /* to the time of "no fusion", over that of "as asked": medians over the rounds' bests */
    double difference;              /* relative RMS between its outputs and those of "as asked" */
} Variant;

typedef struct {
    const char *model;              /* path */
    const Isa *isa;
    const char *exe;                /* one executable whose programs are the variants, in order */
    int threads, rounds, runs;      /* runs: in each process of a round */
    int64_t seed;
    Variant *variants;              /* 0: as asked, 1: no fusion at all, then one a fusion that is left out */
    int n_variants;
    json_t *profile;                /* of variant 0: what --profile --json printed */
} Bench;

static inline double number(const json_t *row, const char *key) { return json_number_value(json_object_get(row, key)); }

/* ---- measure.c ---- */

const char *gflops_text(const json_t *row);     /* of a row of the profile; "-" where no FLOPs are counted */
Bench measure(const char *path, const Options *o);

/* ---- report.c ---- */

void write_report(const Bench *b, const char *path);

/* ---- charts.c: one inline SVG each ---- */

typedef struct { const char *label; double value; const char *text; } Bar;

void html_text(FILE *out, const char *s);       /* escaped */
void chart_bars(FILE *out, const char *id, const Bar *bars, int count);
void chart_memory(FILE *out, const Program *p);
void chart_roofline(FILE *out, const json_t *profile);

#endif
