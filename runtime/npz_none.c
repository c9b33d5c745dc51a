/* npz_none.c: stands for npz.c and npz_write.c where there is no zlib (cross builds of single models). */
#include "array_io.h"

int sdc_npz_parse(SdcArray *a, const uint8_t *data, int64_t bytes, const char *member, const char *path)
{
    (void)a, (void)data, (void)bytes, (void)member;
    return sdc_error(SDC_UNSUPPORTED, "%s: this executable was built without zlib; use .npy files", path);
}

int sdc_npz_names(const char *path, char ***names, int *n)
{
    (void)names, (void)n;
    return sdc_error(SDC_UNSUPPORTED, "%s: this executable was built without zlib; use .npy files", path);
}

int sdc_npz_emit(const SdcArray *const *arrays, int n, SdcSink *sink, void *to)
{
    (void)arrays, (void)n, (void)sink, (void)to;
    return sdc_error(SDC_UNSUPPORTED, "this executable was built without zlib; write .npy files");
}
