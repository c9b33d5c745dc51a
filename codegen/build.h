/* build.h: between build.c (what every kind of output goes through) and library.c (--emit lib). */
#ifndef SDC_BUILD_H
#define SDC_BUILD_H

#include <sys/types.h>

#include "codegen.h"

/* ---- build.c ----------------------------------------------------------------------------------------------------- */

/* A file beside `output`, to be renamed to it; removed if the process ends before. */
int beside(const char *output, char **path);
void copy_into(int fd, const char *from, const char *to);           /* to: for messages */
/* Weights and the other sections behind what fd already holds. */
void append_sections(int fd, const char *path, int weights_fd, int64_t weights_bytes, const BuildOptions *o);
void publish(int fd, const char *from, const char *to, mode_t mode);     /* synced, closed, renamed */

/* ---- support.c --------------------------------------------------------------------------------------------------- */

void make_folder(const char *path, bool temporary);                 /* may be there; temporary: removed at exit */
/* Headers and kernel templates, and the runtime's sources when asked for, into FOLDER/sdc. */
void write_support(const BuildOptions *o, const char *folder, bool sources, bool temporary);
char *write_archive(const char *folder);                            /* the runtime for this machine; returns its path */
char **with_runtime_sources(char **files, const BuildOptions *o);   /* what write_support wrote, added to the list */
void write_makefile(const BuildOptions *o, const char *folder);

/* ---- library.c --------------------------------------------------------------------------------------------------- */

/* Write OUT.weights, not yet under its name, and set o->weights_hash, which the emitted source carries. */
int library_weights(BuildOptions *o, int weights_fd, int64_t weights_bytes, char **path);
/* Compile the emitted files and publish OUT.a, OUT.so, OUT.h and OUT.weights. */
void library_build(Program *const *programs, int n_programs, const BuildOptions *o, const char *folder,
                   char *const *files, int weights_fd, const char *weights_path, CompileSummary *summary);

#endif
