/* lora_dora.h: weights whose directions change by products, and whose lengths are given (DoRA, Liu et al. 2024).
 *
 *      W' = f * V,     V = W + alpha / rank * change,     f = magnitude / |V|
 *
 * The norms are of the rows of outputs, or, as a dora_scale [1][inputs] says, of the columns of an input.  A SCALE other
 * than 1 is taken as the files' makers do: by PEFT, of lora_magnitude_vector, as a factor of the change in V; by
 * LyCORIS's apply_dora_scale(), of dora_scale, as the share of W' - W.  W is the executable's own, whatever other files
 * add. */
#ifndef SDC_LORA_DORA_H
#define SDC_LORA_DORA_H

#include "lora_delta.h"

typedef struct SdcDora {
    float *factors;                   /* of rows of the module's weight, or of its inputs */
    int64_t taps;                     /* elements of a row with one factor; 0: each row has one */
    float share;                      /* of W' - W */
} SdcDora;

static inline bool sdc_is_dora(const SdcAdapter *a) { return a->dora_scale || a->magnitude; }
/* The factors for the weight w [outputs][channels][taps]; d: what a's change is made of.  SDC_ code, printed. */
int sdc_dora_open(SdcDora *dora, const SdcAdapter *a, const SdcDelta *d, const float *w, int64_t taps);
/* The row of the file's matrices for row `output` of the module's weight. */
int64_t sdc_adapter_row(const SdcAdapter *a, int64_t output);

#endif
