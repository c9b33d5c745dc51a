/* model_cli.h: what the files behind a single-model executable's command line share.
 *
 * model_main.c reads the options and shows the path as a list of calls, model_arrays.c brings arrays in and out,
 * model_report.c prints.  Functions that return int return an SDC_ code and have printed the error line. */
#ifndef SDC_MODEL_CLI_H
#define SDC_MODEL_CLI_H

#include "lora.h"
#include "runtime.h"

typedef struct SdcCommand {
    const SdcProgram *program;
    const char **inputs, **outputs;   /* the NAME=FILE texts, in order */
    int n_inputs, n_outputs;
    int64_t bench, profile, threads, seed;    /* bench, profile: runs to time; both 0: one run, not timed */
    int64_t turns;                    /* programs to time in turns, from `program` on; 0: not that */
    SdcLoraOptions loras;
    bool pin, info, json, check, help, version;
} SdcCommand;

/* ---- model_arrays.c ---- */

/* Which file goes with which tensor: path[i] belongs to tensor i, NULL where none was given. */
typedef struct SdcBindings { const char **path; int n, given; } SdcBindings;

/* Split NAME=FILE at the first `=` that has a tensor's name on its left.  kind: "input" or "output", for messages. */
int sdc_bind_files(SdcBindings *b, const SdcTensor *tensors, int n, const char *const *texts, int n_texts,
                   const char *kind);
/* May the outputs be written where they are bound?  Asked before the run. */
int sdc_bindings_check_outputs(const SdcBindings *b, const SdcProgram *p);
/* arrays[p->n_inputs]: from the bound files, converted and checked, otherwise random. */
int sdc_inputs_load(SdcArray *arrays, const SdcProgram *p, const SdcBindings *b, int64_t seed);
void sdc_inputs_place(SdcContext *c, const SdcProgram *p, const SdcArray *arrays);     /* copies into the arena */
SdcArray sdc_output_view(const SdcContext *c, const SdcTensor *t);                     /* borrows arena and name */
/* All files or none; outputs bound to the same .npz become its members. */
int sdc_outputs_write(const SdcContext *c, const SdcProgram *p, const SdcBindings *b);

/* ---- turns.c ---- */

/* Prints one JSON object: "ms", of each program the best time of each round. */
int sdc_turns(const SdcCommand *c);

/* ---- model_report.c ---- */

/* Seconds of complete runs; prompt and table: of the parts that are done once a prompt and once a block of timesteps,
 * the medians. */
typedef struct SdcTimes { int64_t runs; int threads; double best, median, prompt, table; } SdcTimes;

void sdc_print_info(const SdcProgram *p, int threads, bool json);
void sdc_print_times(const SdcProgram *p, const SdcTimes *t, bool json);
void sdc_print_outputs(const SdcContext *c, const SdcProgram *p, bool json);

#endif
