/* work.c: what a program does once a prompt, once a block of timesteps and in each step, for --info. */
#include <stdio.h>

#include "json.h"
#include "runtime.h"

static int64_t rows(const SdcProgram *p)
{
    return p->n_tables ? p->tables[0].dim[0] : 1;
}

static bool is_hoisted(const SdcProgram *p)
{
    return p->prompt || p->table;
}

void sdc_work_text(const SdcProgram *p, int indent)
{
    for (int k = 0; is_hoisted(p) && k < SDC_PACES; k++) {
        const SdcWork *w = &p->work[k];
        char when[48];
        if (k == SDC_TABLE)
            snprintf(when, sizeof when, rows(p) > 1 ? "once in %lld timesteps" : "once a timestep", (long long)rows(p));
        else
            snprintf(when, sizeof when, "%s", k == SDC_PROMPT ? "once a prompt" : "in each step");
        if (w->calls)
            printf("%*s%-24s %5d kernels, %.4g GFLOP, %.2f MiB of weights read\n", indent, "", when, w->calls,
                   (double)w->flops / 1e9, (double)w->weights / 1048576);
    }
}

void sdc_work_json(const SdcProgram *p)
{
    static const char *const names[SDC_PACES] = {"prompt", "table", "step"};
    printf("\"work\":{");
    for (int k = 0; k < SDC_PACES; k++) {
        const SdcWork *w = &p->work[k];
        printf("\"%s\":{\"kernels\":%d,", names[k], w->calls);
        sdc_json_integer("flops", w->flops);
        putchar(',');
        sdc_json_integer("weights_read_bytes", w->weights);
        printf("},");
    }
    sdc_json_integer("table_rows", p->n_tables ? rows(p) : 0);
    putchar('}');
}
