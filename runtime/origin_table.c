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

static bool origin_fits(const SdcOriginTable *t, const SdcOrigin *o)
{
    const SdcOriginsHeader *h = &t->header;
    if (o->component < 0 || o->component >= h->text_bytes || o->module < 0 || o->module >= h->text_bytes ||
        o->reason < 0 || o->reason >= h->text_bytes)
        return false;
    if (o->reason)
        return true;
    const int64_t size = dtype_info((DType)o->dtype)->bytes;
    if (o->layout < 0 || o->layout >= h->layouts || size < 1 || o->offset < 0 || o->bytes < 0 || o->offset % size ||
        o->bytes > t->weights_bytes - o->offset)
        return false;
    const SdcLayout *l = &t->layouts[o->layout];
    if (l->nest < 0 || l->nests < 0 || l->nests > h->nests - l->nest)
        return false;
    for (const SdcNest *n = t->nests + l->nest; n < t->nests + l->nest + l->nests; n++)
        if (n->levels < 0 || n->levels > SDC_NEST_LEVELS ||
            !stays_inside(n->to, (int)n->levels, n->count, n->to_step, o->bytes / size) ||
            !stays_inside(n->from, (int)n->levels, n->count, n->from_step, l->elements))
            return false;
    for (int k = 0; k < SDC_ORIGIN_AXES; k++)
        if (o->first[k] < 0 || o->count[k] < 1 || o->first[k] > o->dim[k] - o->count[k])
            return false;
    return stays_inside(o->base, SDC_ORIGIN_AXES, o->count, o->stride, l->elements);
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
    const bool as_it_is = t->layouts[o->layout].nests == 1 && n->levels == 1 && n->to_step[0] == 1 &&
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
