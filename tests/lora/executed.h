/* executed.h: what tests share that compile a model, run it and compare what it wrote. */
#ifndef SDC_TESTS_EXECUTED_H
#define SDC_TESTS_EXECUTED_H

#include <stdbool.h>

typedef struct { const char *sdc, *folder; int passed, failed; } Executed;

void check(Executed *e, bool good, const char *what);
int run_shell(const char *command);                     /* its exit code; printed with its output unless 0 */
/* MODEL to FOLDER/NAME; exits when it fails. */
void compile(Executed *e, const char *model, const char *name, const char *options);
char *in_folder(const Executed *e, const char *name);
/* Relative root mean square of the distance between two arrays, the second one's size being 1; infinite when they can not be
 * read or differ in size.  Member names may be NULL. */
double distance(const char *path, const char *member, const char *reference, const char *name);
int conclude(const Executed *e);                        /* prints the counts; an exit code */

#endif
