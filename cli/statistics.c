/* statistics.c: see statistics.h. */
#include "statistics.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/safetensors.h"
#include "cli.h"

/* The values of a tensor of *n elements, any where *n is 0; malloc'd. */
static float *find_values(const SdcSafetensors *file, const char *name, int64_t *n)
{
    enum { MAX_VALUES = 1 << 20 };
    float *values;
    const SdcSafetensor *t = sdc_safetensors_find(file, name);
    if (!t)
        fail(SDC_BAD_INPUT, "%s: no tensor '%s'", file->path, name);
    if (t->count < 1 || t->count > MAX_VALUES || (*n && t->count != *n))
        fail(SDC_BAD_INPUT, "%s: %lld values of '%s'", file->path, (long long)t->count, name);
    *n = t->count;
    int code = sdc_safetensor_floats(file, t, &values);
    if (code)
        exit(code);
    return values;
}

Section statistics_section(const char *folder, const StatisticsRule *rule)
{
    SdcSafetensors file;
    int64_t n = 0;
    const char *path = text_format("%s/%s/diffusion_pytorch_model.safetensors", folder, rule->folder);
    int code = sdc_safetensors_open(&file, path);
    if (code)
        exit(code);
    float *mean = find_values(&file, rule->mean, &n), *deviation = find_values(&file, rule->deviation, &n);
    size_t bytes = (size_t)n * sizeof(float);
    char *values = alloc(2 * bytes);
    memcpy(values, mean, bytes);
    memcpy(values + bytes, deviation, bytes);
    free(mean);
    free(deviation);
    sdc_safetensors_close(&file);
    return (Section){rule->section, values, (int64_t)(2 * bytes)};
}
