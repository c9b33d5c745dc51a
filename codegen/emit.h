/* emit.h: what the files that write C source share. */
#ifndef SDC_EMIT_H
#define SDC_EMIT_H

#include "codegen.h"

/* ---- emit.c ---- */

FILE *emit_open(const char *folder, const char *name);
int64_t emit_close(FILE *out, const char *folder, const char *name);           /* bytes written */
/* A C string constant: only printable ASCII is written as it is, so that no name can end the string or a comment. */
void emit_string(FILE *out, const char *s);
const char *call_value(const Call *c);          /* "v17", the first value that its node defines; "": it has no node */

/* ---- emit_profile.c ---- */

bool has_profile(const BuildOptions *o);        /* a single model's executable */
int64_t emit_profile(const Program *p, const char *folder);                    /* profile.c; bytes written */

#endif
