/* verify.h: between verify.c (what is compared), recorded.c (with what), run.c (how it is run) and bisect.c. */
#ifndef SDC_VERIFY_H
#define SDC_VERIFY_H

#include "cli.h"
#include "compare.h"

typedef struct { SdcArray array; const char *path; } Input;     /* path: the file it came from, or NULL */

/* ---- recorded.c: a test_data_set folder, or an .npz ---- */

Array *array_of(const SdcArray *a);
SdcArray array_view(const Array *a);                            /* f64 or i64, over a's own elements */
Input *recorded_inputs(const Graph *g, const char *data);     /* in g's order; fails when one is missing */
Array **
recorded_outputs(const Graph *g,
                 const char *data); /* in g's order, NULL where there is none; fails when there are none at all */
/* Adds to b the shapes of all inputs as the data has them; where as_constant[k], the values of input k instead. */
void bind_to_data(const Graph *g, const Input *inputs, const bool *as_constant, Bindings *b);
Input *
still_inputs(const Graph *g, const Input *given,
             const Value *const *before); /* those left after binding; before: g's inputs then, NULL at the end */

/* ---- run.c ---- */

Input *random_inputs(const Graph *g, const Options *o);         /* in g's order; those given by --input are read */
void run_oracle(Graph *g, const Input *inputs, Array **outputs, bool wide, EvalObserver *observe, void *context);
/* Lower, plan and build g as FOLDER/model, which is removed at exit. */
const char *build_executable(Graph *g, const char *folder, const Options *o);
/* Lower, plan and build g, run the executable on the inputs in a child process and read its outputs. */
void run_compiled(Graph *g, const Input *inputs, Array **outputs, const Options *o);

/* ---- bisect.c ---- */

/* Make every node's result an output, run oracle and executable, name the first that differs; exit code. */
int bisect(Graph *g, const Input *inputs, const Options *o);

/* ---- layers.c ---- */

/* With --weights or --dtype int8, by the graph before fusion, which it changes: a line a layer whose weights are stored in integers, with what
 * that changes of its result on these inputs; the worst first. */
void print_layers(Graph *g, const Input *inputs);

/* ---- check_passes.c ---- */

/* Run the passes, evaluating the graph after each on the same random inputs; prints a line a pass.  SDC_BUG, and the
 * pass that changed a result named, when one did. */
int check_passes(Graph *g, const Bindings *b, const Options *o);

#endif
