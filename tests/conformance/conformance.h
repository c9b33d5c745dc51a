/* conformance.h: the parts of the ONNX node suite's driver.
 *
 *      conformance.c   what is run, in which order, and the verdict
 *      unit.c          one recorded case in a child process: by the oracle, and up to a planned program
 *      batch.c         many cases in one executable
 *      driver.c        inside that executable: runs each case and compares
 *      expected.c      out-of-scope.txt: what does not pass, and why                                                 */
#ifndef SDC_TESTS_CONFORMANCE_H
#define SDC_TESTS_CONFORMANCE_H

#include <stdbool.h>

#include "../../cli/verify.h"

/* Tolerances of ONNX's own backend tests. */
#define RTOL 1e-3
#define ATOL 1e-7

/* Exit codes of children beside those of sdc. */
enum { DIFFERS = 40, FOLDED = 41, NOTHING_LEFT_TO_BIND = 42 };

typedef enum { NOT_RUN, PASSED, PASSED_BOUND, ALL_FOLDED, FAILED } Verdict;

typedef struct {
    Verdict verdict;
    int attempt;                    /* number of the set of inputs that were made constants; 0: none */
    char *message;                  /* why it failed */
} Outcome;

typedef struct {
    char *name;                     /* test_add; test_add/1 for its second data set */
    char *model, *data;             /* paths */
    Outcome oracle, compiled;
    bool sampled;                   /* compiled in this run */
} Unit;

typedef struct {
    Unit *units;
    int count;
    const char *work;               /* folder for executables */
    const char *driver;             /* archive of driver.c and what it needs */
    int batch_size;
    Outcome *(*outcome)(Unit *);    /* the one that the present round is about */
    int *again, n_again;            /* units of the next round */
} Suite;

/* ---- unit.c: Work functions; k is a unit's number, context the Suite ---- */

int work_oracle(int k, void *context);
int work_lower(int k, void *context);
/* The planned program of a unit whose attempt is known; inputs in the program's order. */
Program *unit_program(const Unit *u, const char *name, Input **inputs);

/* ---- batch.c ---- */

/* All sampled units whose compiled verdict is not FAILED so far. */
void run_batches(Suite *s, int jobs);

/* ---- expected.c ---- */

/* Prints every line of the file that is not true, returns how many; update: rewrites it instead, keeping reasons. */
int check_expected(const Suite *s, const char *path, bool update);

#endif
