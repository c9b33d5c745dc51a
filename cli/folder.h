/* folder.h: a diffusers/optimum model folder as one executable. */
#ifndef SDC_FOLDER_H
#define SDC_FOLDER_H

#include "cli.h"

bool is_pipeline(const char *folder);           /* it holds a model_index.json */
void compile_folder(const char *folder, const Options *o, const BuildOptions *b);
/* One program a component: the first size, with guidance where it may be guided. */
Program **folder_components(const char *folder, const Options *o, const Isa *isa, int *count);

#endif
