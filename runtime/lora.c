/* lora.c: see lora.h.
 *
 *      lora_file.c   names in files -> adapters: a module's name, its two matrices, how much of them
 *      here          adapters -> places of the section "origins" -> packed weights */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lora_file.h"
#include "origin_table.h"

typedef struct {
    SdcAdapters adapters;
    SdcOriginTable table;
    char **names;                   /* [origins]: as an adapter's name is written */
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
            const int64_t work = l->table.layouts[o->layout].elements + a->down->count + a->up->count;
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

/* ---- adding ------------------------------------------------------------------------------------------------------ */

typedef struct { const SdcOrigin *origin; const SdcAdapter *adapter; const float *down, *up; float *change; } Product;

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

/* sum += up * down, four at a time whatever the compiler thinks of it. */
static void add_scaled(float *sum, const float *down, float up, int64_t n)
{
    typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
    int64_t k = 0;
    for (; k + 4 <= n; k += 4)
        *(Four *)(sum + k) += up * *(const Four *)(down + k);
    for (; k < n; k++)
        sum[k] += up * down[k];
}

/* scale * sum to where inputs [first, first + n) of an output belong. */
static void put_sums(const Product *p, int64_t output, int64_t first, const float *sum, int64_t n)
{
    const SdcOrigin *o = p->origin;
    const float scale = (float)p->adapter->scale;
    const bool matrix = o->dim[2] * o->dim[3] == 1;
    const int64_t low = o->first[1] > first ? o->first[1] : first, end = o->first[1] + o->count[1];
    float *row = p->change + o->base + (output - o->first[0]) * o->stride[0];
    for (int64_t k = low; matrix && k < end && k < first + n; k++)
        row[(k - o->first[1]) * o->stride[1]] += scale * sum[k - first];
    for (int64_t k = 0; !matrix && k < n; k++) {
        const int64_t place = place_of(o, output, first + k);
        if (place >= 0)
            p->change[place] += scale * sum[k];
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
            memset(sum, 0, sizeof sum);
            for (int64_t r = 0; r < a->rank; r++)
                add_scaled(sum, p->down + r * a->inputs + first, p->up[row * a->rank + r], n);
            put_sums(p, row, first, sum, n);
        }
}

static int add_adapter(const SdcAdapter *a, const SdcOrigin *o, SdcPool *pool, float *change)
{
    float *down = NULL, *up = NULL;
    int code = sdc_safetensor_floats(a->file, a->down, &down);
    if (!code)
        code = sdc_safetensor_floats(a->file, a->up, &up);
    if (!code)
        sdc_parallel(&(SdcContext){.pool = pool}, add_product, &(Product){o, a, down, up, change}, o->count[0]);
    free(down);
    free(up);
    return code;
}

/* One element of a weight; where the change is 0, also of what is another module's, it keeps its bits. */
static void add_element(char *packed, DType dtype, float change)
{
    if (change == 0)
        return;
    if (dtype == DT_F32)
        *(float *)(void *)packed += change;
    else
        dtype_store_f(dtype, packed, dtype_load_f(dtype, packed) + (double)change);
}

static void add_nest(char *packed, DType dtype, const float *change, const SdcNest *n, int64_t level, int64_t to,
                     int64_t from)
{
    const int64_t size = dtype_info(dtype)->bytes, count = level ? n->count[level - 1] : 1;
    const int64_t to_step = level ? n->to_step[level - 1] : 0, from_step = level ? n->from_step[level - 1] : 0;
    for (int64_t k = 0; k < count; k++, to += to_step, from += from_step) {
        if (level > 1)
            add_nest(packed, dtype, change, n, level - 1, to, from);
        else
            add_element(packed + to * size, dtype, change[from]);
    }
}

/* All adapters' changes of one origin, added at once. */
static int add_origin(const Lora *l, int64_t k, SdcPool *pool)
{
    const SdcOrigin *o = &l->table.origins[k];
    const SdcLayout *layout = &l->table.layouts[o->layout];
    float *change = NULL;
    int code = SDC_OK;
    for (int64_t j = 0; !code && j < l->adapters.n; j++) {
        if (!changes(l, &l->adapters.list[j], k))
            continue;
        if (!change && !(change = calloc((size_t)layout->elements, sizeof *change)))
            code = sdc_error(SDC_NO_SPACE, "out of memory");
        else
            code = add_adapter(&l->adapters.list[j], o, pool, change);
    }
    char *packed = change && !code ? sdc_weights_private(o->offset, o->bytes) : NULL;
    if (change && !code && !packed)
        code = SDC_NO_SPACE;
    for (const SdcNest *n = l->table.nests + layout->nest;
         packed && n < l->table.nests + layout->nest + layout->nests; n++)
        add_nest(packed, (DType)o->dtype, change, n, n->levels, n->to, n->from);
    free(change);
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
        code = add_all(&l, pool);
    for (int64_t k = 0; l.names && k < l.table.header.origins; k++)
        free(l.names[k]);
    free(l.names);
    sdc_adapters_close(&l.adapters);
    return code;
}
