/* lock.h: lock files: which way each instance of a build takes, so that it can be repeated without measuring. */
#ifndef SDC_LOCK_H
#define SDC_LOCK_H

#include "../codegen/choice.h"

/* SDC_BAD_INPUT where the file is none, with the line; SDC_UNSUPPORTED for another version or instruction set. */
Choices *lock_read(const char *path, const Isa *isa);

/* All that lowering asked of c, with the answers that it got. */
void lock_write(const char *path, const Choices *c, const Isa *isa, int threads);

/* A line on stdout: what of the file lowering took, and what it did not. */
void lock_report(const Choices *c);

#endif
