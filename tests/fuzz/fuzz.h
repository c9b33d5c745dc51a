/* fuzz.h: the parts of the fuzzer.
 *
 *      make.h          graphs from seeds
 *      check.c         one graph by the oracle, pass by pass; many graphs in one executable
 *      driver.c        inside that executable: runs each program and compares
 *      reduce.c        a failing graph, made small
 *      fuzz.c          which seeds, for how long, and the verdict                                                  */
#ifndef SDC_TESTS_FUZZ_H
#define SDC_TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *work;               /* folder for graphs, data and executables */
    const char *driver;             /* archive of driver.c and what it needs */
    const char *isa;
    bool passes_only;               /* no executables */
} Fuzz;

/* A graph's text is at NAME.txt; its data go to NAME.data, beside it. */
typedef struct { char *name, *failure; uint64_t seed; } Case;   /* failure: "check: what is wrong", or NULL */

/* Fills the failures of all cases, of which the texts are there. */
void check_cases(const Fuzz *f, Case *list, int count);
/* The seed's graph, written to name.txt in a child; false, and the failure set, when that goes wrong. */
bool write_case(Case *c);

/* The check's name, the failure up to the colon: what a smaller graph must fail too. */
char *failed_check(const char *failure);
/* Makes name.txt smaller while the same check fails, at most so long. */
void reduce_case(const Fuzz *f, Case *c, int seconds);

#endif
