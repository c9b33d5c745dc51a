/* lora_store.h: a packed weight as the floats of its constant, and changed, whatever it is stored as. */
#ifndef SDC_LORA_STORE_H
#define SDC_LORA_STORE_H

#include "origin_table.h"

/* The constant that o is a box of, layout.elements floats; what is no weight's stays as it is. */
void sdc_store_read(const SdcOriginTable *t, const SdcOrigin *o, SdcPool *pool, float *constant);

/* Add `change`, layout.elements floats, in pages of this process's own; elements whose change is 0 keep their bits.
 * Floats are rounded to their type.  Of integers a group, in which anything changes, gets a scale and codes that suit the sum.
 * What is transformed gets the change's transform.  SDC_ code, printed. */
int sdc_store_add(const SdcOriginTable *t, const SdcOrigin *o, SdcPool *pool, const float *change);

#endif
