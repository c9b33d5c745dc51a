/* verify.h: between verify.c (what is compared), run.c (how it is run) and bisect.c. */
#ifndef SDC_VERIFY_H
#define SDC_VERIFY_H

#include "cli.h"

typedef struct { SdcArray array; const char *path; } Input;     /* path: the file it came from, or NULL */

typedef struct {
    bool same_shape;
    double rms;                     /* root-mean-square difference relative to that of the second */
    double worst;                   /* largest difference */
    int64_t outside;                /* elements beyond atol + rtol |b| */
} Difference;

Difference compare(const Array *a, const Array *b, double rtol, double atol);
Array *array_of(const SdcArray *a);

/* ---- run.c ---- */

Input *random_inputs(const Graph *g, const Options *o);         /* in g's order; those given by --input are read */
void run_oracle(Graph *g, const Input *inputs, Array **outputs, bool wide, EvalObserver *observe, void *context);
/* Lower, plan and build g, run the executable on the inputs in a child process and read its outputs. */
void run_compiled(Graph *g, const Input *inputs, Array **outputs, const Options *o);

/* ---- bisect.c ---- */

/* Make every node's result an output, run oracle and executable, name the first that differs; exit code. */
int bisect(Graph *g, const Input *inputs, const Options *o);

#endif
