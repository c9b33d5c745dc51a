/* vlm.h: a folder with a vision language model as one executable. */
#ifndef SDC_CLI_VLM_H
#define SDC_CLI_VLM_H

#include "cli.h"

/* model_type of FOLDER/config.json when it is one that vlm.c builds; NULL for other folders. */
const char *vlm_model_type(const char *folder);
void compile_vlm(const char *folder, const char *model_type, const Options *o, const BuildOptions *given);

#endif
