/* profile.h: --profile of a single-model executable: the time of every kernel call, beside what the machine can do.
 *
 * profile.c runs and measures, ceiling.c measures the machine, profile_report.c prints.  The emitter writes one
 * SdcProfile (profile.c of the emitted source). */
#ifndef SDC_PROFILE_H
#define SDC_PROFILE_H

#include "pool.h"
#include "runtime.h"

/* ---- what the emitter writes ---- */

/* Arrays of one ceiling's measurement; unit u has floats [u each, (u + 1) each) of both to itself. */
typedef struct {
    const float *from;
    float *to;
    int64_t each, steps;
} SdcCeiling;

struct SdcProfile {
    const char *calls;                /* a line a call: value, kernel, FLOPs, bytes read, written, of weights; note */
    SdcPart *multiply, *bf16, *read, *copy;   /* loops of kernels/c/ceiling.h; their argument is an SdcCeiling */
    const int64_t *multiply_flops, *bf16_flops;     /* of one step; 0: no such instructions */
};

/* ---- ceiling.c ---- */

typedef struct { double gflops, bf16_gflops, read_gbs, copy_gbs; } SdcCeilings;      /* bf16: 0 where no instruction is for it */

/* With all threads of the pool, in about 0.2 s; each is raised to what was measured, if that is more.  No memory for
 * it: they stay. */
void sdc_ceilings_raise(SdcCeilings *most, const SdcProfile *profile, SdcPool *pool);

/* ---- profile.c ---- */

typedef struct {
    int number;                       /* place in the listing, from 0 */
    char value[24], kernel[32];       /* "v17"; "-": a copy that belongs to an input or output */
    const char *note;
    int note_length;
    int64_t flops, read, written, weights;    /* of one run of the model */
    double seconds;                   /* of one run: the median */
    double idle;                      /* share of the threads' time that was spent waiting */
    double serial;                    /* share of its time outside of parallel loops of more than one unit */
    double spans[SDC_SPANS];          /* seconds of one run with sdc_span_threads[k] threads, on paper */
    int64_t times;                    /* that it ran in one run: loops, branches */
} SdcCallProfile;

typedef struct {
    SdcCallProfile *calls;            /* longest first */
    SdcCallProfile *kernels;          /* the same by kind of kernel; number: calls */
    int n_calls, n_kernels;
    int64_t runs;
    int threads;
    double median;                    /* seconds of one run */
    double seconds;                   /* all calls together */
    SdcCallProfile total;             /* of them: idle, serial, spans */
    SdcCeilings ceilings;
} SdcProfileResult;

/* Place the inputs and run; SDC_ code.  seconds is the time of run() alone. */
typedef int SdcRunOnce(void *session, SdcContext *c, double *seconds);

/* One run to warm up, then `runs` measured ones.  c is left as after any run. */
int sdc_profile_run(SdcProfileResult *r, SdcContext *c, int64_t runs, SdcRunOnce *run, void *session);
void sdc_profile_free(SdcProfileResult *r);
/* The fewest threads that a call needs so that any more would save less than 5 %, on paper. */
int sdc_useful_threads(const SdcCallProfile *c);
double sdc_median(double *values, int64_t count);       /* sorts them */

/* ---- profile_report.c ---- */

void sdc_print_profile(const SdcProfileResult *r, bool json);

#endif
