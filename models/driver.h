/* driver.h: what the command lines of drivers share: options that all have, questions that need no model, errors. */
#ifndef SDC_DRIVER_H
#define SDC_DRIVER_H

#include "../runtime/runtime.h"
#include "../runtime/scheduler.h"
#include "driver_options.h"
#include "driver_record.h"

/* First in the options of a driver. */
typedef struct {
    int64_t threads;                /* 0: the CPUs that this process may use */
    bool check, help, info, json, pin, quiet, version;
    bool deep;                      /* pictures are written with 16 bits, not 8 */
    DriverGiven given;
} DriverOptions;

/* Rows of the option table; what --json and --quiet do, where it is not as in DRIVER_ROWS. */
#define DRIVER_ROWS_SAYING(json, quiet) \
    {"threads", 't', "N", "threads to use (default: the CPUs that this process may use)", driver_set_threads}, \
    {"pin", 0, NULL, "keep each thread on a CPU of its own", driver_set_pin}, \
    {"info", 0, NULL, "print what is inside: programs and the memory they take", driver_set_info}, \
    {"json", 0, NULL, json, driver_set_json}, \
    {"check", 0, NULL, "compare this file's contents with their checksums", driver_set_check}, \
    {"quiet", 'q', NULL, quiet, driver_set_quiet}, \
    {"help", 'h', NULL, "print this", driver_set_help}, \
    {"version", 'V', NULL, "print the version", driver_set_version}
#define DRIVER_ROWS DRIVER_ROWS_SAYING("print one JSON object", "no notes")
/* That of drivers that write pictures. */
#define DRIVER_BIT_DEPTH \
    {"bit-depth", 0, "N", "of the PNG: 8 or 16 bits a channel, rounded from the network's floats (default: 8)", \
     driver_set_bit_depth}

int driver_set_threads(void *o, const char *v);
int driver_set_pin(void *o, const char *v);
int driver_set_info(void *o, const char *v);
int driver_set_json(void *o, const char *v);
int driver_set_check(void *o, const char *v);
int driver_set_quiet(void *o, const char *v);
int driver_set_help(void *o, const char *v);
int driver_set_version(void *o, const char *v);
int driver_set_bit_depth(void *o, const char *v);

/* Bits of a PNG's samples, as SdcPng has them. */
int driver_bits(const DriverOptions *o);

/* Values of an option that may be given several times. */
enum { DRIVER_LIST = 1024 };
typedef struct { const char *list[DRIVER_LIST]; int count; } DriverList;
int driver_append(const char *name, const char *text, DriverList *list);

/* Defaults of the compile command, then the command line. */
int driver_parse(const SdcOption *table, void *into, int argc, char **argv, int *positional);

/* Answers --help, --version, --check and --info: true, with the exit code. */
typedef struct {
    const SdcOption *table;
    const char *usage, *examples;                   /* "%s" is the name */
    void (*defaults)(void);                         /* prints what follows the table; NULL: nothing */
    int (*info)(const DriverOptions *o);            /* --info, by what is first in the driver's; NULL: as for one */
} DriverHelp;
bool driver_answered(const DriverOptions *o, const DriverHelp *help, int *code);

/* Prints the samplers when the scheduler that is asked for is "list"; --help and --version go before. */
bool driver_listed(const DriverOptions *o, const char *scheduler);

/* The sampler of a drawing: of the section's settings, or as `asked` where that is not NULL; eta NaN: its own.
 * variances: the network predicts them too. */
typedef struct { const char *section, *asked; double eta; int64_t count, size; bool variances; } DriverSampler;
int driver_scheduler(const DriverSampler *s, SchedulerConfig *config, Scheduler **scheduler);

/* A network of whole timesteps is not for samplers that have none: SDC_UNSUPPORTED. */
int driver_fits(const Scheduler *s, const SdcTensor *timestep);

int driver_pool(const DriverOptions *o, SdcPool **pool);

/* The driver's exit code: a standard output that can not be written is an error. */
int driver_end(int code);

#endif
