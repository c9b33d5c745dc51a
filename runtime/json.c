/* json.c: see json.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

void sdc_json_string(const char *text, int length)
{
    const unsigned char *end = (const unsigned char *)text + (length < 0 ? strlen(text) : (size_t)length);
    putchar('"');
    for (const unsigned char *at = (const unsigned char *)text; at < end; at++) {
        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if (*at < 0x20)
            printf("\\u%04x", *at);
        else
            putchar(*at);
    }
    putchar('"');
}

void sdc_json_text(const char *key, const char *value)
{
    sdc_json_string(key, -1);
    putchar(':');
    sdc_json_string(value, -1);
}

void sdc_json_number(const char *key, double value)
{
    sdc_json_string(key, -1);
    if (isfinite(value))
        printf(":%.9g", value);
    else
        printf(":null");
}

void sdc_json_integer(const char *key, int64_t value)
{
    sdc_json_string(key, -1);
    printf(":%lld", (long long)value);
}

void sdc_json_more(const SdcJsonNumber *list, int count)
{
    for (int k = 0; k < count; k++) {
        putchar(',');
        sdc_json_number(list[k].key, list[k].value);
    }
}
