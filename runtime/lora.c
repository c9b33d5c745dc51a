/* lora.c: see lora.h.
 *
 *      lora_file.c   names in files (lora_names.c) -> adapters: a module's name, its matrices, how much of them
 *      lora_delta.c  matrices -> rows of the change;  lora_dora.c  and their factors
 *      here          adapters -> places of the section "origins" -> changes of constants
 *      lora_store.c  changes of constants -> packed weights */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lora_dora.h"
#include "lora_store.h"

/* The factors that an adapter has for the weight that these origins are of. */
typedef struct { const SdcAdapter *adapter; int32_t component, module; SdcDora dora; } Factors;

typedef struct {
    SdcAdapters adapters;
    SdcOriginTable table;
    char **names;                   /* [origins]: as an adapter's name is written */
    Factors *factors;               /* of the adapters that have any, before anything is changed */
    int64_t n_factors;
} Lora;

/* ---- which adapter changes what ---------------------------------------------------------------------------------- */

static bool changes(const Lora *l, const SdcAdapter *a, int64_t origin)
{
    const char *component = l->table.text + l->table.origins[origin].component;
    return !strcmp(a->name, l->names[origin]) && (!sdc_model.driver || sdc_adapter_is_for(a, component));
}

static int check_change(const Lora *l, const SdcAdapter *a, const SdcOrigin *o)
{
    const char *file = a->file->path;
    if (o->reason)
        return sdc_error(SDC_UNSUPPORTED, "%s: %s: cannot be added here: %s", file, a->key, l->table.text + o->reason);
    if (o->table)
        return sdc_error(SDC_UNSUPPORTED, "%s: %s: changes the rows of a table, which --lora does not", file, a->key);
    if (a->outputs != o->dim[0] || a->inputs != o->dim[1] * o->dim[2] * o->dim[3])
        return sdc_error(SDC_BAD_INPUT, "%s: %s: is for a weight of %lld x %lld; here it is %lld x %lld", file, a->key,
                         (long long)a->outputs, (long long)a->inputs, (long long)o->dim[0],
                         (long long)(o->dim[1] * o->dim[2] * o->dim[3]));
    return SDC_OK;
}

/* Floats that an adapter's change of an origin is made in: matrices, a whole weight twice for its norms. */
static int64_t work_of(const Lora *l, const SdcAdapter *a, const SdcOrigin *o)
{
    const SdcLayout *layout = &l->table.layouts[o->layout];
    int64_t work = layout->elements * (1 + (layout->bits != 0));
    for (const SdcProduct *p = &a->one; p <= &a->two; p++)
        work += p->inputs * (p->rank ? p->rank : p->outputs) + p->outputs * p->rank;
    return work + (sdc_is_dora(a) ? layout->elements + a->outputs * a->inputs : 0);
}

/* Of the pages that are copied, and of the largest change while it is made. */
static void count_memory(const Lora *l)
{
    int64_t page = sysconf(_SC_PAGESIZE), last = -1, largest = 0, bytes = 0;
    for (int64_t j = 0; j < l->table.header.origins; j++)
        for (int64_t k = 0; k < l->adapters.n; k++) {
            const SdcAdapter *a = &l->adapters.list[k];
            const SdcOrigin *o = &l->table.origins[j];
            if (!changes(l, a, j))
                continue;
            const int64_t work = work_of(l, a, o);
            largest = work > largest ? work : largest;
            bytes += o->offset == last ? 0 : o->bytes + 2 * page;
            last = o->offset;
        }
    sdc_weights_change(bytes + largest * (int64_t)sizeof(float));
}

/* Every adapter must change something, but of those for other networks of the pipeline that a single model comes
 * from. */
static int find_changes(Lora *l)
{
    int64_t used = 0;
    for (int64_t k = 0; k < l->adapters.n; k++) {
        SdcAdapter *a = &l->adapters.list[k];
        for (int64_t j = 0; j < l->table.header.origins; j++) {
            if (!changes(l, a, j))
                continue;
            const int code = check_change(l, a, &l->table.origins[j]);
            if (code)
                return code;
            a->used = true;
        }
        used += a->used;
        if (!a->used && sdc_model.driver)
            return sdc_error(SDC_BAD_INPUT, "%s: %s: this executable has no such weight", a->file->path, a->key);
    }
    if (!used)
        return sdc_error(SDC_BAD_INPUT, "%s: none of its %lld weights is in this executable", l->adapters.files[0].path,
                         (long long)l->adapters.n);
    count_memory(l);
    return SDC_OK;
}

/* ---- factors ----------------------------------------------------------------------------------------------------- */

static bool same_weight(const SdcOrigin *a, const SdcOrigin *b)
{
    return a->component == b->component && a->module == b->module && !b->reason;
}

/* Element k of an output's row [inputs][height][width] in the constant's order; -1: it is in another origin. */
static int64_t place_of(const SdcOrigin *o, int64_t output, int64_t k)
{
    const int64_t at[] = {output, k / (o->dim[2] * o->dim[3]), k / o->dim[3] % o->dim[2], k % o->dim[3]};
    int64_t place = o->base;
    for (int a = 0; a < SDC_ORIGIN_AXES; a++) {
        if (at[a] < o->first[a] || at[a] >= o->first[a] + o->count[a])
            return -1;
        place += (at[a] - o->first[a]) * o->stride[a];
    }
    return place;
}

/* The box of an origin to its place in the whole weight. */
static void copy_box(const SdcOrigin *o, const float *constant, float *weight)
{
    const int64_t inputs = o->dim[1] * o->dim[2] * o->dim[3];
    for (int64_t row = o->first[0]; row < o->first[0] + o->count[0]; row++)
        for (int64_t k = 0; k < inputs; k++) {
            const int64_t place = place_of(o, row, k);
            if (place >= 0)
                weight[row * inputs + k] = (float)((double)constant[place] / o->factor);
        }
}

/* The whole weight that o is a box of, [outputs][inputs]; NULL after printing. */
static float *whole_weight(const Lora *l, const SdcOrigin *o, SdcPool *pool)
{
    float *weight = calloc((size_t)(o->dim[0] * o->dim[1] * o->dim[2] * o->dim[3]), sizeof *weight);
    bool good = weight != NULL;
    for (int64_t k = 0; good && k < l->table.header.origins; k++) {
        const SdcOrigin *part = &l->table.origins[k];
        if (!same_weight(o, part))
            continue;
        float *constant = calloc((size_t)l->table.layouts[part->layout].elements, sizeof *constant);
        good = constant != NULL;
        if (good) {
            sdc_store_read(&l->table, part, pool, constant);
            copy_box(part, constant, weight);
        }
        free(constant);
    }
    if (good)
        return weight;
    free(weight);
    sdc_error(SDC_NO_SPACE, "out of memory");
    return NULL;
}

static const SdcDora *factors_of(const Lora *l, const SdcAdapter *a, const SdcOrigin *o)
{
    for (int64_t k = 0; k < l->n_factors; k++)
        if (l->factors[k].adapter == a && l->factors[k].component == o->component && l->factors[k].module == o->module)
            return &l->factors[k].dora;
    return NULL;
}

static int add_factors(Lora *l, const SdcAdapter *a, const SdcOrigin *o, SdcPool *pool)
{
    Factors *list = realloc(l->factors, (size_t)(l->n_factors + 1) * sizeof *list);
    if (!list)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    l->factors = list;
    list[l->n_factors] = (Factors){.adapter = a, .component = o->component, .module = o->module};
    SdcDelta delta;
    int code = sdc_delta_open(&delta, a);
    float *weight = code ? NULL : whole_weight(l, o, pool);
    if (!code)
        code = !weight ? SDC_NO_SPACE
                       : sdc_dora_open(&list[l->n_factors++].dora, a, &delta, weight, o->dim[2] * o->dim[3]);
    sdc_delta_close(&delta);
    free(weight);
    return code;
}

static int find_factors(Lora *l, SdcPool *pool)
{
    int code = SDC_OK;
    for (int64_t k = 0; k < l->adapters.n; k++)
        for (int64_t j = 0; !code && sdc_is_dora(&l->adapters.list[k]) && j < l->table.header.origins; j++)
            if (changes(l, &l->adapters.list[k], j) && !factors_of(l, &l->adapters.list[k], &l->table.origins[j]))
                code = add_factors(l, &l->adapters.list[k], &l->table.origins[j], pool);
    return code;
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

/* A change of an origin's constant; base: the constant as it was, where there are factors. */
typedef struct {
    const SdcOrigin *origin;
    const SdcAdapter *adapter;
    const SdcDelta *delta;
    const SdcDora *dora;
    const float *base;
    float *change;
} Product;

/* The change of an element by a sum that is scaled already, as the constant has it. */
static void put_sum(const Product *p, int64_t output, int64_t k, int64_t place, float sum)
{
    const SdcOrigin *o = p->origin;
    if (p->dora) {
        const float factor = p->dora->factors[p->dora->taps ? k / p->dora->taps : output];
        p->change[place] += (float)o->factor * factor * sum + p->dora->share * (factor - 1) * p->base[place];
    } else {
        p->change[place] += (float)o->factor * sum;
    }
}

/* scale * sum to where inputs [first, first + n) of an output belong. */
static void put_sums(const Product *p, int64_t output, int64_t first, const float *sum, int64_t n)
{
    const SdcOrigin *o = p->origin;
    const float scale = (float)(p->adapter->strength * p->adapter->ratio);
    const bool matrix = o->dim[2] * o->dim[3] == 1;
    const int64_t low = o->first[1] > first ? o->first[1] : first, end = o->first[1] + o->count[1];
    const int64_t row = o->base + (output - o->first[0]) * o->stride[0];
    for (int64_t k = low; matrix && k < end && k < first + n; k++)
        put_sum(p, output, k, row + (k - o->first[1]) * o->stride[1], scale * sum[k - first]);
    for (int64_t k = 0; !matrix && k < n; k++) {
        const int64_t place = place_of(o, output, first + k);
        if (place >= 0)
            put_sum(p, output, first + k, place, scale * sum[k]);
    }
}

/* change += scale * up * down, outputs [begin, end) of the origin's. */
static void add_product(void *argument, int64_t begin, int64_t end)
{
    enum { CHUNK = 512 };
    const Product *p = argument;
    const SdcAdapter *a = p->adapter;
    float sum[CHUNK];
    for (int64_t row = begin + p->origin->first[0]; row < end + p->origin->first[0]; row++)
        for (int64_t first = 0; first < a->inputs; first += CHUNK) {
            const int64_t n = a->inputs - first < CHUNK ? a->inputs - first : CHUNK;
            sdc_delta_row(p->delta, sdc_adapter_row(a, row), first, sum, n);
            put_sums(p, row, first, sum, n);
        }
}

/* What is added to one packed constant. */
typedef struct { float *change, *base; } Sum;

static int open_sum(const Lora *l, const SdcOrigin *o, bool with_base, SdcPool *pool, Sum *s)
{
    const size_t elements = (size_t)l->table.layouts[o->layout].elements;
    if (!s->change)
        s->change = calloc(elements, sizeof *s->change);
    if (with_base && !s->base && (s->base = calloc(elements, sizeof *s->base)))
        sdc_store_read(&l->table, o, pool, s->base);
    return s->change && (s->base || !with_base) ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

static int add_adapter(const Lora *l, const SdcAdapter *a, const SdcOrigin *o, SdcPool *pool, Sum *s)
{
    SdcDelta delta = {0};
    int code = open_sum(l, o, sdc_is_dora(a), pool, s);
    if (!code)
        code = sdc_delta_open(&delta, a);
    if (!code)
        sdc_parallel(&(SdcContext){.pool = pool}, add_product,
                     &(Product){o, a, &delta, factors_of(l, a, o), s->base, s->change}, o->count[0]);
    sdc_delta_close(&delta);
    return code;
}

/* Are both boxes of one packed constant? */
static bool same_place(const SdcOrigin *a, const SdcOrigin *b)
{
    return !a->reason && !b->reason && a->offset == b->offset && a->layout == b->layout;
}

/* All adapters' changes of the constant that origin k is a box of, added at once, with those of other boxes. */
static int add_origin(const Lora *l, int64_t k, SdcPool *pool)
{
    const SdcOrigin *list = l->table.origins, *o = &list[k];
    Sum s = {0};
    int code = SDC_OK;
    for (int64_t j = 0; j < k; j++)
        if (same_place(o, &list[j]))
            return SDC_OK;
    for (int64_t i = k; !code && i < l->table.header.origins; i++)
        for (int64_t j = 0; same_place(o, &list[i]) && !code && j < l->adapters.n; j++)
            if (changes(l, &l->adapters.list[j], i))
                code = add_adapter(l, &l->adapters.list[j], &list[i], pool, &s);
    if (!code && s.change)
        code = sdc_store_add(&l->table, o, pool, s.change);
    free(s.change);
    free(s.base);
    return code;
}

static int add_all(const Lora *l, SdcPool *pool)
{
    int code = SDC_OK;
    SdcProgress bar;
    sdc_progress_begin(&bar, "adding", l->table.header.origins, false);
    for (int64_t k = 0; !code && k < l->table.header.origins; k++) {
        code = add_origin(l, k, pool);
        sdc_progress_step(&bar, k + 1);
    }
    sdc_progress_end(&bar);
    return code;
}

/* ---- from options to weights ------------------------------------------------------------------------------------- */

static int open_all(Lora *l, const SdcLoraOptions *o)
{
    int code = sdc_origin_table_open(&l->table);
    if (!code)
        code = sdc_adapters_open(&l->adapters, o);
    if (code)
        return code;
    l->names = calloc((size_t)l->table.header.origins + 1, sizeof *l->names);
    for (int64_t k = 0; l->names && k < l->table.header.origins; k++) {
        const SdcOrigin *row = &l->table.origins[k];
        l->names[k] = sdc_adapter_name(l->table.text + row->module, l->table.text + row->component);
        if (!l->names[k])
            return sdc_error(SDC_NO_SPACE, "out of memory");
    }
    return l->names ? find_changes(l) : sdc_error(SDC_NO_SPACE, "out of memory");
}

int sdc_lora_apply(const SdcLoraOptions *o, SdcPool *pool)
{
    Lora l = {0};
    int code = o->n ? open_all(&l, o) : SDC_OK;
    if (!code && o->n && pool)
        code = find_factors(&l, pool);
    if (!code && o->n && pool)
        code = add_all(&l, pool);
    for (int64_t k = 0; k < l.n_factors; k++)
        free(l.factors[k].dora.factors);
    free(l.factors);
    for (int64_t k = 0; l.names && k < l.table.header.origins; k++)
        free(l.names[k]);
    free(l.names);
    sdc_adapters_close(&l.adapters);
    return code;
}
