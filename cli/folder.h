/* folder.h: a diffusers/optimum model folder as one executable. */
#ifndef SDC_FOLDER_H
#define SDC_FOLDER_H

#include "cli.h"

bool is_pipeline(const char *folder);           /* it holds a model_index.json */
void compile_folder(const char *folder, const Options *o, const BuildOptions *b);

#endif
