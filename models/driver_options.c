/* driver_options.c: see driver_options.h. */
#include "driver_options.h"

#include "driver_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int driver_real(const char *name, const char *text, double low, double high, double *into)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= low && value <= high))
        return sdc_error(SDC_USAGE, "--%s: '%s' is not a number from %g to %g", name, text, low, high);
    *into = value;
    return SDC_OK;
}

int driver_path(const char *name, const char *text, const char **into)
{
    if (!*text)
        return sdc_error(SDC_USAGE, "--%s needs a file name", name);
    *into = text;
    return SDC_OK;
}

int driver_seed(const char *text, uint64_t *into)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end)
        return sdc_error(SDC_USAGE, "--seed: '%s' is not a whole number from 0 to 2^64 - 1", text);
    *into = value;
    return SDC_OK;
}

int driver_size(const char *text, int64_t *width, int64_t *height)
{
    enum { MOST = 32768 };
    int used = 0;
    long long w, h;
    if (sscanf(text, "%lldx%lld%n", &w, &h, &used) != 2 || text[used] || w < 1 || h < 1 || w > MOST || h > MOST)
        return sdc_error(SDC_USAGE, "--size: '%s' is not WIDTHxHEIGHT", text);
    *width = w;
    *height = h;
    return SDC_OK;
}

static int driver_set(const SdcOption *row, void *options, const char *value)
{
    int code = row->set(options, value);
    return code ? code : driver_note(options, row, value);
}

int driver_default(const SdcOption *table, void *options, const char *text, int code)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    for (const SdcOption *row = table; n && row->name; row++)
        if (row->argument && strlen(row->name) == n && !memcmp(row->name, text, n))
            return driver_set(row, options, equals + 1);
    return sdc_error(code, "the default '%s' is not OPTION=VALUE for one of this pipeline's options", text);
}

int driver_defaults(const SdcOption *table, void *options)
{
    for (const char *const *text = sdc_model.defaults; text && *text; text++)
        if (driver_default(table, options, *text, SDC_BUG))
            return SDC_BUG;
    return SDC_OK;
}

void driver_defaults_help(FILE *out)
{
    const char *const *text = sdc_model.defaults;
    if (text && *text)
        fprintf(out, "\nSet when this was compiled, instead of the defaults above:");
    for (; text && *text; text++)
        fprintf(out, " --%s%s", *text, text[1] ? "" : "\n");
}
