/* certificate.h: the memory that a run of an executable takes at most, stated before the run, and what it took.
 *
 * `sdc compile` prints the certificate and `--info` repeats it.  Measured memory minus what is resident of the mapped
 * weights never exceeds all parts but the weights; tests/fixtures and tests/pipelines see to that. */
#ifndef SDC_CERTIFICATE_H
#define SDC_CERTIFICATE_H

#include "runtime.h"

typedef struct {
    int64_t weights;                  /* mapped from the file, shared between processes */
    int64_t arena, bound;             /* of the program with the largest, since they run one by one; its lower bound */
    int64_t beside[3], beside_bound[3];     /* of what is open with another: sdc_certificate_beside() */
    int64_t arrays;                   /* read, converted and written outside the arena */
    int64_t stacks;                   /* of all threads */
    int64_t changed;                  /* copies of weights that --lora changes, and what that takes */
    int64_t program;                  /* code, tokenizer and other tables, the C library and its buffers */
    int64_t all;                      /* the sum, the bound apart */
    int threads;
} SdcCertificate;

/* The row of `beside` that a program of this name belongs to: ControlNets, what makes tokens for them, networks without
 * layers; -1: none, it runs alone. */
int sdc_certificate_beside(const char *program);
/* One program's share. */
void sdc_certificate_add(SdcCertificate *c, const char *program, int64_t arena, int64_t bound, const SdcTensor *inputs,
                         int n_inputs, const SdcTensor *outputs, int n_outputs);
/* After all programs.  pictures: drawn in one go, 1 for a single model; file_bytes: of the executable, with weights. */
void sdc_certificate_finish(SdcCertificate *c, int threads, int64_t pictures, int64_t weights, int64_t file_bytes);
/* Of the executable that runs. */
SdcCertificate sdc_certify(int threads, int64_t pictures);

void sdc_certificate_text(const SdcCertificate *c);           /* rows on stdout, in MiB */
void sdc_certificate_json(const SdcCertificate *c);           /* "memory":{...} in bytes */

/* Of this process, in MiB: the highest resident memory, what is anonymous or shared now, and what is resident now of
 * the mapped file with the weights. */
typedef struct { double peak, anonymous, mapped; } SdcMemory;
SdcMemory sdc_memory(void);

#endif
