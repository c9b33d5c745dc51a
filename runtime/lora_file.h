/* lora_file.h: adapters in .safetensors files, in the spellings of kohya's scripts, LyCORIS, diffusers and PEFT. */
#ifndef SDC_LORA_FILE_H
#define SDC_LORA_FILE_H

#include "lora.h"
#include "safetensors.h"

/* up [outputs][rank] times down [rank][inputs], or `whole`; with a core up may be transposed (lora_delta.h). */
typedef struct SdcProduct {
    const SdcSafetensor *whole, *up, *down, *core;
    bool up_transposed;
    int64_t outputs, inputs, rank;
} SdcProduct;

/* How products make the change; SDC_ANY_FORM: not known yet. */
typedef enum { SDC_ANY_FORM, SDC_LOW_RANK, SDC_HADAMARD, SDC_KRONECKER } SdcForm;

/* What one file does to one module's weight [outputs][inputs]: strength * ratio times the change that its products make,
 * of which the module gets `outputs` rows from `first` on.  With dora_scale (LyCORIS) or magnitude (PEFT) the sum is scaled
 * (lora_dora.h). */
typedef struct SdcAdapter {
    const SdcSafetensors *file;
    const char *key;                  /* of one of its tensors, for messages */
    char *name;                       /* of the module: "down_blocks_0_attentions_0_proj_in" */
    int prefix;                       /* which networks the key names; -1: any */
    SdcForm form;
    SdcProduct one, two;              /* two: of LoHa and LoKr */
    const SdcSafetensor *alpha, *dora_scale, *magnitude;
    int64_t outputs, inputs, first;
    double ratio, strength;           /* alpha / rank; what was asked for */
    bool swaps;                       /* its halves, where outputs are twice the inputs: by the original code's name */
    bool used;
} SdcAdapter;

typedef struct SdcAdapters {
    SdcSafetensors files[SDC_LORAS];
    char *paths[SDC_LORAS];
    SdcAdapter *list;
    int64_t n, room;
} SdcAdapters;

int sdc_adapters_open(SdcAdapters *a, const SdcLoraOptions *o);     /* SDC_ code, printed */
void sdc_adapters_close(SdcAdapters *a);
bool sdc_adapter_is_for(const SdcAdapter *a, const char *component);

/* ---- lora_names.c ---- */

/* The path of a module of that component ("text_model.encoder.layers.0") as adapters' names are written; malloc'd. */
char *sdc_adapter_name(const char *module, const char *component);
/* The same of a key's `length` letters; '*' stands for q, k and v.  swaps: see SdcAdapter. */
char *sdc_adapter_key_name(const char *key, size_t length, bool *swaps);

#endif
