/* vlm.h: a folder with a vision language model as one executable. */
#ifndef SDC_CLI_VLM_H
#define SDC_CLI_VLM_H

#include "pipelines.h"

/* PipelineRule.make of the classes whose driver is models/vlm.c. */
Program **vlm_programs(const char *folder, const char *class, const Options *o, const Isa *isa, int *count,
                       Section *sections, int *n_sections);

#endif
