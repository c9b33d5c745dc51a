/* record.c: see record.h. */
#include "record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../runtime/image.h"
#include "harness.h"

json_t *record_settings(const char *path)
{
    json_error_t error;
    char *text = read_text(path, NULL);
    for (char *p = text; p && (p = strstr(p, "-Infinity"));)
        memcpy(p, "null     ", 9);
    json_t *settings = text ? json_loads(text, 0, &error) : NULL;
    if (!settings) {
        fprintf(stderr, "%s: %s\n", path, text ? error.text : "can not be read");
        exit(1);
    }
    free(text);
    return settings;
}

SdcArray record_array(const char *path, const char *name)
{
    SdcArray a;
    if (sdc_array_read(&a, path, name))
        exit(1);
    return a;
}

static double value(const SdcArray *a, int64_t i)
{
    const char *at = (const char *)a->data + i * dtype_info(a->dtype)->bytes;
    return dtype_is_float(a->dtype) ? dtype_load_f(a->dtype, at) : (double)dtype_load_i(a->dtype, at);
}

double record_distance(const SdcArray *got, int64_t from, const SdcArray *want, int64_t at, int64_t n)
{
    double error = 0, size = 0;
    if (from < 0 || from + n > got->count || at + n > want->count)
        return INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double w = value(want, at + i), d = value(got, from + i) - w;
        error += d * d;
        size += w * w;
    }
    double d = error > 0 || isnan(error) ? sqrt(error / size) : 0;
    return isnan(d) ? INFINITY : d;
}

double record_worst_step(const SdcArray *got, const SdcArray *want, bool first)
{
    double worst = 0;
    int64_t steps = want->dim[0], n = want->count / steps, skipped = first ? 0 : 1;
    if (got->dim[0] != steps + skipped)
        return INFINITY;
    for (int64_t i = 0; i < steps; i++)
        worst = larger(worst, record_distance(got, (i + skipped) * n, want, i * n, n));
    return worst;
}

int64_t record_far_bytes(const char *png, const SdcArray *want, int *largest)
{
    SdcImage picture;
    if (sdc_image_read(&picture, png, 3))
        exit(1);
    bool fits = (int64_t)picture.width * picture.height * 3 == want->count;
    int64_t far = fits ? 0 : want->count;
    *largest = fits ? 0 : 255;
    for (int64_t i = 0; fits && i < want->count; i++) {
        int d = abs(picture.pixels[i] - ((const uint8_t *)want->data)[i]);
        far += d > 2;
        *largest = d > *largest ? d : *largest;
    }
    sdc_image_free(&picture);
    return far;
}
