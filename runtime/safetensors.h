/* safetensors.h: tensors by name in a .safetensors file, mapped.
 *
 *      8 bytes: n | n bytes of JSON: {"name": {"dtype": "F32", "shape": [4, 32], "data_offsets": [0, 512]}, ...} | data
 *
 * The file is untrusted: every number is checked against the file's size before anything is read. */
#ifndef SDC_SAFETENSORS_H
#define SDC_SAFETENSORS_H

#include "fileio.h"
#include "runtime.h"

typedef struct SdcSafetensor {
    char *name;
    DType dtype;                      /* DT_NONE: a type that is none of ours */
    int rank;
    int64_t dim[SDC_MAX_RANK];
    int64_t count;
    const uint8_t *data;              /* in the file; perhaps unaligned */
} SdcSafetensor;

typedef struct SdcSafetensors {
    const char *path;                 /* kept by reference */
    SdcFile file;
    SdcSafetensor *list;
    int64_t n;
} SdcSafetensors;

int sdc_safetensors_open(SdcSafetensors *s, const char *path);     /* SDC_ code, printed; close it in any case */
void sdc_safetensors_close(SdcSafetensors *s);
const SdcSafetensor *sdc_safetensors_find(const SdcSafetensors *s, const char *name);   /* NULL: there is none */
/* The elements as float32, malloc'd; SDC_BAD_INPUT when they are no floats. */
int sdc_safetensor_floats(const SdcSafetensors *s, const SdcSafetensor *t, float **values);

#endif
