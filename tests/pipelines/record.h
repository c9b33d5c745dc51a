/* record.h: recorded runs of pipelines (a json of settings beside an npz of arrays), and how far an executable's are
 * from them.  What can not be read ends the program with a message. */
#ifndef SDC_TESTS_RECORD_H
#define SDC_TESTS_RECORD_H

#include <jansson.h>
#include <stdbool.h>

#include "../../runtime/runtime.h"

json_t *record_settings(const char *path);                          /* Python's -Infinity becomes null */
SdcArray record_array(const char *path, const char *name);

/* RMS of got - want over RMS of want, elements [from, from + n) of got against [at, at + n) of want; infinite where one
 * of them has fewer. */
double record_distance(const SdcArray *got, int64_t from, const SdcArray *want, int64_t at, int64_t n);

/* The largest distance of a step's latents; got has the starting latents in front, want has them when `first`. */
double record_worst_step(const SdcArray *got, const SdcArray *want, bool first);

/* Bytes of a PNG that are more than 2 away from the recorded ones, and the largest distance; all when sizes differ. */
int64_t record_far_bytes(const char *png, const SdcArray *want, int *largest);

#endif
