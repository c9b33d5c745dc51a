/* lora_delta.c: see lora_delta.h. */
#include "lora_delta.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* from [rows][columns], the other way round; takes it over.  NULL: out of memory. */
static float *transposed(float *from, int64_t rows, int64_t columns)
{
    float *to = malloc((size_t)(rows * columns) * sizeof *to);
    for (int64_t k = 0; to && k < rows * columns; k++)
        to[k % columns * rows + k / columns] = from[k];
    free(from);
    return to;
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

/* Core [i][j][taps] and down [j][channels] to down [i][channels][taps]. */
static float *with_core(const float *core, const float *down, int64_t ranks, int64_t inner, int64_t taps,
                        int64_t channels)
{
    float *to = calloc((size_t)(ranks * channels * taps), sizeof *to);
    for (int64_t i = 0; to && i < ranks; i++)
        for (int64_t j = 0; j < inner; j++)
            for (int64_t c = 0; c < channels; c++)
                add_scaled(to + (i * channels + c) * taps, core + (i * inner + j) * taps, down[j * channels + c], taps);
    return to;
}

static int open_core(SdcLowRank *p, const SdcAdapter *a, const SdcProduct *parts)
{
    const SdcSafetensor *t = parts->core;
    const int64_t inner = t->dim[1], taps = t->count / p->rank / inner;
    float *core = NULL;
    const int code = sdc_safetensor_floats(a->file, t, &core);
    if (code)
        return code;
    float *down = with_core(core, p->down, p->rank, inner, taps, p->inputs / taps);
    free(core);
    free(p->down);
    p->down = down;
    if (down && parts->up_transposed)
        p->up = transposed(p->up, p->rank, p->outputs);
    return down && p->up ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

static int open_product(SdcLowRank *p, const SdcAdapter *a, const SdcProduct *parts)
{
    p->outputs = parts->outputs;
    p->inputs = parts->inputs;
    p->rank = parts->rank;
    if (parts->whole)
        return sdc_safetensor_floats(a->file, parts->whole, &p->down);
    int code = sdc_safetensor_floats(a->file, parts->down, &p->down);
    if (!code)
        code = sdc_safetensor_floats(a->file, parts->up, &p->up);
    return code || !parts->core ? code : open_core(p, a, parts);
}

int sdc_delta_open(SdcDelta *d, const SdcAdapter *a)
{
    *d = (SdcDelta){.form = a->form};
    const int code = open_product(&d->one, a, &a->one);
    return code || a->form == SDC_LOW_RANK ? code : open_product(&d->two, a, &a->two);
}

void sdc_delta_close(SdcDelta *d)
{
    float *const all[] = {d->one.up, d->one.down, d->two.up, d->two.down};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        free(all[k]);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void product_row(const SdcLowRank *p, int64_t output, int64_t first, float *row, int64_t n)
{
    if (!p->up) {
        memcpy(row, p->down + output * p->inputs + first, (size_t)n * sizeof *row);
        return;
    }
    memset(row, 0, (size_t)n * sizeof *row);
    for (int64_t r = 0; r < p->rank; r++)
        add_scaled(row, p->down + r * p->inputs + first, p->up[output * p->rank + r], n);
}

/* Inputs are blocks of two's, each times an element of one's row. */
static void kronecker_row(const SdcDelta *d, int64_t output, int64_t first, float *row, int64_t n)
{
    const int64_t inputs = d->two.inputs;
    for (int64_t k = 0, count; k < n; k += count) {
        const int64_t at = (first + k) % inputs;
        float factor;
        count = inputs - at < n - k ? inputs - at : n - k;
        product_row(&d->one, output / d->two.outputs, (first + k) / inputs, &factor, 1);
        product_row(&d->two, output % d->two.outputs, at, row + k, count);
        for (int64_t j = 0; j < count; j++)
            row[k + j] *= factor;
    }
}

void sdc_delta_row(const SdcDelta *d, int64_t output, int64_t first, float *row, int64_t n)
{
    enum { CHUNK = 512 };
    if (d->form == SDC_KRONECKER) {
        kronecker_row(d, output, first, row, n);
        return;
    }
    product_row(&d->one, output, first, row, n);
    for (int64_t k = 0, count; d->form == SDC_HADAMARD && k < n; k += count) {
        float other[CHUNK];
        count = n - k < CHUNK ? n - k : CHUNK;
        product_row(&d->two, output, first + k, other, count);
        for (int64_t j = 0; j < count; j++)
            row[k + j] *= other[j];
    }
}
