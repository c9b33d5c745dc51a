/* origin_table.h: the section "origins" of the running executable, taken apart and checked. */
#ifndef SDC_ORIGIN_TABLE_H
#define SDC_ORIGIN_TABLE_H

#include "origins.h"
#include "runtime.h"

typedef struct SdcOriginTable {
    SdcOriginsHeader header;
    const SdcOrigin *origins;
    const SdcLayout *layouts;
    const SdcNest *nests;
    const char *text;
    int64_t weights_bytes;
} SdcOriginTable;

int sdc_origin_table_open(SdcOriginTable *t);       /* SDC_ code, printed */
/* Row `row` of an embedding's table, in pages of this process's own. */
int sdc_origin_set_row(const SdcOriginTable *t, const SdcOrigin *o, int64_t row, const float *values);

#endif
