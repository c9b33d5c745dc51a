/* origin_table.c: see origin_table.h. */
#include "origin_table.h"

static int damaged(void)
{
    return sdc_error(SDC_BAD_INPUT, "the table of this file's weights is damaged; copy or compile it again");
}

/* Do base and the loops stay in [0, end)? */
static bool stays_inside(int64_t base, int levels, const int64_t *count, const int64_t *step, int64_t end)
{
    int64_t low = base, high = base, reach;
    for (int k = 0; k < levels; k++) {
        if (count[k] < 1 || __builtin_mul_overflow(count[k] - 1, step[k], &reach) ||
            __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high))
            return false;
    }
    return low >= 0 && high < end;
}

/* Are these nests there, with `to` in [0, to_end) and `from` in [0, from_end)? */
static bool nests_fit(const SdcOriginTable *t, int64_t first, int64_t count, int64_t to_end, int64_t from_end)
{
    if (first < 0 || count < 0 || count > t->header.nests || first > t->header.nests - count)
        return false;
    for (const SdcNest *n = t->nests + first; n < t->nests + first + count; n++)
        if (n->levels < 0 || n->levels > SDC_NEST_LEVELS ||
            !stays_inside(n->to, (int)n->levels, n->count, n->to_step, to_end) ||
            !stays_inside(n->from, (int)n->levels, n->count, n->from_step, from_end))
            return false;
    return true;
}

/* What is stored transformed: positions are the innermost loop, and a kernel's elements follow each other. */
static bool kernels_fit(const SdcOriginTable *t, const SdcLayout *l)
{
    for (const SdcNest *n = t->nests + l->nest; l->side && n < t->nests + l->nest + l->nests; n++)
        if (n->levels < 1 || n->count[0] != (int64_t)l->side * l->side || n->from_step[0])
            return false;
    return true;
}

static bool layout_fits(const SdcOriginTable *t, const SdcOrigin *o)
{
    enum { BYTE = 8, SCALE = 2, KERNEL = SDC_KERNEL_SIDE * SDC_KERNEL_SIDE };
    const int64_t size = dtype_info((DType)o->dtype)->bytes;
    const SdcLayout *l = &t->layouts[o->layout];
    if (size < 1 || o->offset < 0 || o->bytes < 0 || o->offset % size || o->bytes > t->weights_bytes - o->offset ||
        (l->bits != 0 && l->bits != BYTE && l->bits != BYTE / 2) || l->side < 0 || l->side > SDC_SIDE)
        return false;
    const int64_t to_end = l->bits ? o->bytes * (BYTE / l->bits) : o->bytes / (l->side ? (int64_t)sizeof(float) : size);
    return nests_fit(t, l->nest, l->nests, to_end, l->elements - (l->side ? KERNEL - 1 : 0)) &&
           nests_fit(t, l->scale, l->scales, o->bytes / SCALE, l->elements) && kernels_fit(t, l);
}

static bool origin_fits(const SdcOriginTable *t, const SdcOrigin *o)
{
    const SdcOriginsHeader *h = &t->header;
    if (o->component < 0 || o->component >= h->text_bytes || o->module < 0 || o->module >= h->text_bytes ||
        o->reason < 0 || o->reason >= h->text_bytes)
        return false;
    if (o->reason)
        return true;
    if (o->layout < 0 || o->layout >= h->layouts || !layout_fits(t, o))
        return false;
    for (int k = 0; k < SDC_ORIGIN_AXES; k++)
        if (o->first[k] < 0 || o->count[k] < 1 || o->first[k] > o->dim[k] - o->count[k])
            return false;
    return stays_inside(o->base, SDC_ORIGIN_AXES, o->count, o->stride, t->layouts[o->layout].elements);
}

/* A part of the section, count elements of `size`; NULL when it is too short. */
static const void *part(SdcSection *left, int64_t count, int64_t size)
{
    const void *p = left->data;
    if (count < 0 || count > left->bytes / size)
        return NULL;
    left->data = (const char *)left->data + count * size;
    left->bytes -= count * size;
    return p;
}

int sdc_origin_table_open(SdcOriginTable *t)
{
    SdcSection left = sdc_section("origins");
    t->weights_bytes = sdc_section("weights").bytes;
    if (!left.data)
        return sdc_error(SDC_UNSUPPORTED, "this executable has no table of its weights' origins: nothing can be added "
                         "to them");
    const SdcOriginsHeader *h = part(&left, 1, sizeof *h);
    if (!h)
        return damaged();
    t->header = *h;
    t->origins = part(&left, h->origins, sizeof *t->origins);
    t->layouts = t->origins ? part(&left, h->layouts, sizeof *t->layouts) : NULL;
    t->nests = t->layouts ? part(&left, h->nests, sizeof *t->nests) : NULL;
    t->text = t->nests ? part(&left, h->text_bytes, 1) : NULL;
    if (!t->text || h->text_bytes < 1 || t->text[h->text_bytes - 1])
        return damaged();
    for (int64_t k = 0; k < h->origins; k++)
        if (!origin_fits(t, &t->origins[k]))
            return damaged();
    return SDC_OK;
}

int sdc_origin_set_row(const SdcOriginTable *t, const SdcOrigin *o, int64_t row, const float *values)
{
    const SdcNest *n = &t->nests[t->layouts[o->layout].nest];
    const bool as_it_is = t->layouts[o->layout].nests == 1 && !t->layouts[o->layout].bits && !t->layouts[o->layout].side &&
                          n->levels == 1 && o->factor == 1 && n->to_step[0] == 1 &&
                          n->from_step[0] == 1 && !n->to && !n->from && o->stride[1] == 1 && o->first[0] == 0 &&
                          o->count[0] == o->dim[0] && o->count[1] == o->dim[1];
    if (!as_it_is || o->reason || row < 0 || row >= o->dim[0])
        return sdc_error(SDC_UNSUPPORTED, "%s: its rows cannot be changed here%s%s", t->text + o->module,
                         o->reason ? ": " : "", o->reason ? t->text + o->reason : "");
    const int64_t size = dtype_info((DType)o->dtype)->bytes;
    char *to = sdc_weights_private(o->offset + (o->base + row * o->stride[0]) * size, o->dim[1] * size);
    for (int64_t k = 0; to && k < o->dim[1]; k++)
        dtype_store_f((DType)o->dtype, to + k * size, (double)values[k]);
    return to ? SDC_OK : SDC_NO_SPACE;
}
