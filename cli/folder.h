/* folder.h: a diffusers/optimum model folder as one executable. */
#ifndef SDC_FOLDER_H
#define SDC_FOLDER_H

#include "cli.h"

void compile_folder(const char *folder, const Options *o, const BuildOptions *b);
/* Planned, every one that compile_folder() builds; once: one a component, the first size, with guidance where it may be
 * guided. */
Program **folder_programs(const char *folder, const Options *o, const Isa *isa, bool once, int *count);

#endif
