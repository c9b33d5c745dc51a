/* driver_options.h: values that the options of several drivers have.  SDC_OK, or SDC_USAGE after a line. */
#ifndef SDC_DRIVER_OPTIONS_H
#define SDC_DRIVER_OPTIONS_H

#include "../runtime/runtime.h"

/* name: without the dashes. */
int driver_real(const char *name, const char *text, double low, double high, double *into);
int driver_path(const char *name, const char *text, const char **into);
int driver_seed(const char *text, uint64_t *into);
int driver_size(const char *text, int64_t *width, int64_t *height);

/* set_FIELD(), what a row of the option table does with its value, for a file's type Options. */
#define DRIVER_SETTER(field, set) \
    static int set_##field(void *o, const char *v) { Options *into = o; return set; }
#define DRIVER_WHOLE(name, field, low, high) DRIVER_SETTER(field, sdc_option_int("--" name, v, low, high, &into->field))
#define DRIVER_REAL(name, field, low, high) DRIVER_SETTER(field, driver_real(name, v, low, high, &into->field))
#define DRIVER_PATH(name, field) DRIVER_SETTER(field, driver_path(name, v, &into->field))
#define DRIVER_TEXT(field) DRIVER_SETTER(field, (into->field = v, SDC_OK))
#define DRIVER_FLAG(field) DRIVER_SETTER(field, (into->field = *v == '1', SDC_OK))
#define DRIVER_SEED(field) DRIVER_SETTER(field, driver_seed(v, &into->field))
#define DRIVER_SIZE(width, height) DRIVER_SETTER(size, driver_size(v, &into->width, &into->height))

/* "steps=20" of `sdc compile --default`, by a driver's table into its options; another error than `code` there is
 * none. */
int driver_default(const SdcOption *table, void *options, const char *text, int code);
/* All that were given when this was compiled: they precede the command line.  SDC_BUG when one is wrong. */
int driver_defaults(const SdcOption *table, void *options);
void driver_defaults_help(FILE *out);

#endif
