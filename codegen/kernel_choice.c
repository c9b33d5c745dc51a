/* kernel_choice.c: see kernel_choice.h. */
#include "kernel_choice.h"

#include <stdlib.h>
#include <string.h>

enum {
    STACK_PANELS = 8, STACK_ROWS = 128,     /* conv.h and gemm.h keep a unit's sums on the stack */
    STACK_DEPTHS = 512,                     /* and what of narrow types is widened */
    STACK_KEYS = 30720,                     /* and attention.h a block of keys: floats of them */
    STACK_KEYS_BF16 = 32768,
    BF16_COLUMNS = 32                       /* of a panel of conv_bf16.h and gemm_bf16.h */
};

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

const char *conv_site(const ConvShape *s, const ConvKind *kind)
{
    return text_format("conv,in=%lldx%lldx%lld,out=%lldx%lldx%lld,kernel=%lldx%lld,stride=%lldx%lld,dilation=%lldx%lld,"
                       "groups=%lld,image=%s,weights=%s%s%s",
                       (long long)s->in_h, (long long)s->in_w, (long long)s->in_c, (long long)s->out_h, (long long)s->out_w,
                       (long long)s->out_c, (long long)s->kernel_h, (long long)s->kernel_w, (long long)s->stride_h,
                       (long long)s->stride_w, (long long)s->dilation_h, (long long)s->dilation_w, (long long)s->groups,
                       dtype_info(kind->image)->name, dtype_info(kind->weights)->name, kind->normalises ? ",norm" : "",
                       kind->more_c ? text_format(",shortcut=%lld", (long long)kind->more_c) : "");
}

WinogradPlan choose_winograd(const Lowering *l, const char *site, const ConvShape *s, int64_t more_c, int rate)
{
    const int vl = l->isa->vector_floats;
    const WinogradPlan standard = winograd_plan(s, more_c, vl, rate);
    if (!site || !winograd_serves(s))
        return standard;
    WinogradCut cut = {.outputs = choose(l, CHOICE_WINOGRAD, site, standard.outputs ? standard.outputs : 1, 4)};
    if (cut.outputs == 1)
        return (WinogradPlan){0};
    cut.unit_tiles = choose(l, CHOICE_UNIT_TILES, site, 0, INT64_MAX);
    cut.round_units = choose(l, CHOICE_ROUND_UNITS, site, 0, INT64_MAX);
    return winograd_cut(s, &cut, vl);
}

void choose_panels(const Lowering *l, const char *site, const ConvShape *s, ConvPlan *plan)
{
    const int64_t panels = panels_of(s->out_c / s->groups, l->isa->vector_floats);
    plan->unit_panels = choose(l, CHOICE_UNIT_PANELS, site, plan->unit_panels, min(panels, STACK_PANELS));
}

void choose_panels_bf16(const Lowering *l, const char *site, const ConvShape *s, Bf16Plan *plan)
{
    plan->unit_panels = choose(l, CHOICE_UNIT_PANELS, site, plan->unit_panels, ceil_div(s->out_c, BF16_COLUMNS));
}

/* ---- products and attention -------------------------------------------------------------------------------------- */

/* The kernel and its parameters, but for the batch. */
static const char *site_of(const Call *c)
{
    char *site = text_copy(c->kernel);
    for (int k = 0; k < c->n_parameters; k++) {
        const Parameter *p = &c->parameters[k];
        const char *end = strstr(p->name, "BATCH");
        if (!end || end[5])
            site = text_format("%s,%s=%s", site, p->name, p->value);
    }
    return site;
}

void choose_product(const Lowering *l, Call *c)
{
    const int64_t rows = call_parameter(c, "ROWS", 0), columns = call_parameter(c, "COLUMNS", 0);
    const bool tiles = strcmp(c->kernel, "gemm") != 0;
    const int64_t panels = tiles ? ceil_div(columns, BF16_COLUMNS) : min(panels_of(columns, l->isa->vector_floats), STACK_PANELS);
    const bool wide = call_parameter(c, "TA", 1) && call_parameter(c, "TB", 1);         /* neither is said to be narrow */
    c->site = site_of(c);
    call_choice(l, c, CHOICE_UNIT_PANELS, "UNIT_PANELS", panels);
    if (rows > 32)                          /* otherwise they are one unit anyhow */
        call_choice(l, c, CHOICE_UNIT_ROWS, "UNIT_ROWS", min(2 * rows, tiles ? INT64_MAX : STACK_ROWS));
    if (!tiles && !call_parameter(c, "CODE_BITS", 0))         /* groups of codes divide the template's step */
        call_choice(l, c, CHOICE_DEPTH_STEP, "DEPTH_STEP", min(call_parameter(c, "DEPTH", 0), wide ? INT64_MAX : STACK_DEPTHS));
    if (!tiles && rows > STACK_ROWS)
        call_choice(l, c, CHOICE_UNIT_ORDER, "UNIT_ORDER", 2);
}

void choose_attention(const Lowering *l, Call *c)
{
    const int64_t size = call_parameter(c, "SIZE", 0), v_size = call_parameter(c, "V_SIZE", 0), keys = call_parameter(c, "KEYS", 0);
    const bool bf16 = !strcmp(c->kernel, "attention_bf16");
    const int64_t floats = bf16 ? ceil_div(size, 32) * 32 + ceil_div(v_size, 16) * 16 : max(size, v_size);
    c->site = site_of(c);
    call_choice(l, c, CHOICE_KEY_BLOCK, "KEY_BLOCK", min((bf16 ? STACK_KEYS_BF16 : STACK_KEYS) / floats, keys));
}
