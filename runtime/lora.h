/* lora.h: low-rank changes of weights, added to a compiled executable's own before it runs.
 *
 *      W + sum over files of scale * alpha / rank * change            lora_delta.h: up * down, and other products
 *
 * The file of the executable stays as it is: the pages that change are copied (sdc_weights_private()).  The sum over
 * files is made in float32 and added once, then rounded to what the weight is stored in (lora_store.h); so one file
 * equals a model that was exported with it, but for the rounding of the weight before where that is narrower. */
#ifndef SDC_LORA_H
#define SDC_LORA_H

#include "runtime.h"

enum { SDC_LORAS = 16 };            /* --lora at once */

/* --lora as given, "FILE" or "FILE:SCALE"; set() of an option appends. */
typedef struct SdcLoraOptions { const char *text[SDC_LORAS]; int n; } SdcLoraOptions;
int sdc_lora_option(SdcLoraOptions *o, const char *text);

/* Add the files to this executable's weights, once, before a network is opened; without a pool only see whether they
 * can be added, and what memory that takes (sdc_weights_changed()).  SDC_ code, printed. */
int sdc_lora_apply(const SdcLoraOptions *o, SdcPool *pool);

/* "FILE:SCALE": the length of FILE, and the scale; "FILE": all of it, and 1. */
size_t sdc_lora_split(const char *text, double *scale);

#endif
