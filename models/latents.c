/* latents.c: see latents.h. */
#include "latents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"

enum { KEY = 96, LIST = 1 << 14 };

/* "[1,2.5]" of a key as n numbers.  false: there is no such list. */
static bool read_list(const char *prefix, const char *name, int64_t n, float *values)
{
    char key[KEY], text[LIST], *at = text;
    snprintf(key, sizeof key, "%s%s", prefix, name);
    if (!pipeline_setting(key, text, sizeof text))
        return false;
    for (int64_t i = 0; i < n; i++) {
        char *start = at + 1;
        if (*at != (i ? ',' : '['))
            return false;
        values[i] = strtof(start, &at);
        if (at == start)
            return false;
    }
    return *at == ']';
}

/* What diffusers' classes have where the configuration says nothing. */
static double usual_scale(const char *prefix)
{
    char key[KEY], class[KEY] = "";
    snprintf(key, sizeof key, "%s_class_name", prefix);
    pipeline_setting(key, class, sizeof class);
    return strcmp(class, "AutoencoderTiny") ? 0.18215 : 1;
}

static float number(const char *prefix, const char *name, double otherwise)
{
    char key[KEY];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    return (float)pipeline_number(key, otherwise);
}

int latents_scaling(const char *prefix, int64_t channels, bool statistics, float **scaling)
{
    float *deviation = NULL, scale = number(prefix, "scaling_factor", usual_scale(prefix));
    int code = pipeline_floats(scaling, 2 * channels);
    if (!code)
        code = pipeline_floats(&deviation, channels);
    if (code)
        return code;
    float *shift = *scaling + channels;
    statistics = statistics && read_list(prefix, "latents_mean", channels, shift) &&
                 read_list(prefix, "latents_std", channels, deviation);
    for (int64_t c = 0; c < channels; c++) {
        (*scaling)[c] = statistics ? scale / deviation[c] : scale;
        shift[c] = statistics ? shift[c] : number(prefix, "shift_factor", 0);
    }
    free(deviation);
    return SDC_OK;
}

void latents_scale(const float *scaling, int64_t channels, int64_t plane, const float *own, float *scaled)
{
    for (int64_t i = 0; i < channels * plane; i++)
        scaled[i] = (own[i] - scaling[channels + i / plane]) * scaling[i / plane];
}

void latents_unscale(const float *scaling, int64_t channels, int64_t plane, const float *scaled, float *own)
{
    for (int64_t i = 0; i < channels * plane; i++)
        own[i] = scaled[i] / scaling[i / plane] + scaling[channels + i / plane];
}
