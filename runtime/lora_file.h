/* lora_file.h: adapters in .safetensors files, in the spellings of kohya's scripts and of diffusers and PEFT. */
#ifndef SDC_LORA_FILE_H
#define SDC_LORA_FILE_H

#include "lora.h"
#include "safetensors.h"

/* What one file does to one module's weight [outputs][inputs]: scale * up[outputs][rank] * down[rank][inputs]. */
typedef struct SdcAdapter {
    const SdcSafetensors *file;
    const char *key;                  /* of one of its tensors, for messages */
    char *name;                       /* of the module: "down_blocks_0_attentions_0_proj_in" */
    int prefix;                       /* which networks the key names; -1: any */
    const SdcSafetensor *down, *up, *alpha;
    int64_t outputs, inputs, rank;
    double scale;
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
/* The path of a module of that component ("text_model.encoder.layers.0") as adapters' names are written; malloc'd. */
char *sdc_adapter_name(const char *module, const char *component);

#endif
