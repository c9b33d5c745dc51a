/* json.h: pieces of the JSON that an executable prints, written straight to stdout.
 *
 * The objects are small and an executable should need no library for them. */
#ifndef SDC_JSON_H
#define SDC_JSON_H

#include <stdint.h>

void sdc_json_string(const char *text, int length);                 /* quoted and escaped; length -1: to its end */
void sdc_json_text(const char *key, const char *value);             /* "key":"value" */
void sdc_json_number(const char *key, double value);                /* NaN and infinity, which JSON lacks, are null */
void sdc_json_integer(const char *key, int64_t value);

typedef struct { const char *key; double value; } SdcJsonNumber;
void sdc_json_more(const SdcJsonNumber *list, int count);           /* each behind a comma */

#endif
