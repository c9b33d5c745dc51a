/* driver_record.h: what was asked for, as the text chunk of a picture has it.
 *
 * Every option that was given and is not what it would be without is written under its own name, "Guidance rescale: .7".
 * A driver names the options that need none of that: those that it writes itself under keys that web UIs read, and those
 * that change no picture.  So an option that is added to a driver's table is written unless someone decides that it is
 * not. */
#ifndef SDC_DRIVER_RECORD_H
#define SDC_DRIVER_RECORD_H

#include "../runtime/runtime.h"

enum { DRIVER_GIVEN = 128 };

/* Options with their values, by --default or on the command line; of one that counts once, the last. */
typedef struct {
    struct { const SdcOption *row; const char *value; } list[DRIVER_GIVEN];
    int n;
} DriverGiven;

/* For sdc_options_parse(); options: they begin with DriverOptions. */
int driver_note(void *options, const SdcOption *row, const char *value);

/* The options of a driver as they are when none is given, and names of those that are not to be written, NULL at the
 * end; options that every driver has are left out by themselves. */
typedef struct { const SdcOption *table; const void *plain; size_t bytes; const char *const *apart; } DriverRecord;

/* ", KEY: VALUE" of each, in the table's order; files without their folders. */
void driver_record(FILE *out, const DriverGiven *given, const DriverRecord *record);

/* ", Model hash: HASH, Model: NAME" of this executable. */
void driver_record_model(FILE *out);

/* VALUE, quoted where web UIs could not tell its end otherwise. */
void driver_record_value(FILE *out, const char *value);

/* ", Sampler: NAME" of --scheduler NAME,FIELD=VALUE,... or NULL, for which it is the class without the word Scheduler;
 * then the fields, once more a key, from driver_record_fields(). */
void driver_record_sampler(FILE *out, const char *asked, const char *class);
void driver_record_fields(FILE *out, const char *asked);

#endif
