/* lora_dora.c: see lora_dora.h. */
#include "lora_dora.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

int64_t sdc_adapter_row(const SdcAdapter *a, int64_t output)
{
    const bool swaps = a->swaps && a->outputs == 2 * a->inputs;
    return a->first + (swaps ? (output + a->inputs) % a->outputs : output);
}

/* Squares of the norms of V's rows, or of its inputs. */
static int add_squares(double *squares, const SdcDora *dora, const SdcAdapter *a, const SdcDelta *d, const float *w)
{
    const double scale = a->ratio * (a->magnitude ? a->strength : 1);
    float *row = malloc((size_t)a->inputs * sizeof *row);
    for (int64_t o = 0; row && o < a->outputs; o++) {
        sdc_delta_row(d, sdc_adapter_row(a, o), 0, row, a->inputs);
        for (int64_t k = 0; k < a->inputs; k++) {
            const double v = (double)w[o * a->inputs + k] + scale * (double)row[k];
            squares[dora->taps ? k / dora->taps : o] += v * v;
        }
    }
    free(row);
    return row ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

int sdc_dora_open(SdcDora *dora, const SdcAdapter *a, const SdcDelta *d, const float *w, int64_t taps)
{
    const SdcSafetensor *t = a->magnitude ? a->magnitude : a->dora_scale;
    const int64_t rows = d->form == SDC_KRONECKER ? d->one.outputs * d->two.outputs : d->one.outputs;
    const bool by_rows = a->magnitude || (t->rank > 0 && t->dim[0] == rows);
    const int64_t count = by_rows ? a->outputs : a->inputs / taps;
    if (t->count != (by_rows ? rows : count))
        return sdc_error(SDC_BAD_INPUT, "%s: %s: has %lld elements, not one for each output or input",
                         a->file->path, t->name, (long long)t->count);
    float *magnitudes = NULL;
    double *squares = calloc((size_t)count, sizeof *squares);
    *dora = (SdcDora){.factors = malloc((size_t)count * sizeof(float)), .taps = by_rows ? 0 : taps,
                      .share = a->magnitude ? 1 : (float)a->strength};
    int code = squares && dora->factors ? sdc_safetensor_floats(a->file, t, &magnitudes)
                                        : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code)
        code = add_squares(squares, dora, a, d, w);
    for (int64_t k = 0; !code && k < count; k++) {
        const float magnitude = magnitudes[by_rows ? sdc_adapter_row(a, k) : k];
        dora->factors[k] = (float)((double)magnitude / (sqrt(squares[k]) + (double)FLT_EPSILON));
    }
    free(magnitudes);
    free(squares);
    return code;
}
