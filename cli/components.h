/* components.h: the files of a pipeline's folder, under the names that exporters give them. */
#ifndef SDC_COMPONENTS_H
#define SDC_COMPONENTS_H

#include "cli.h"
#include "pipelines.h"

/* The ONNX file of what is called so: NAME/model.onnx, as optimum has it, or NAME.onnx in the folder itself or in its
 * folder onnx, as transformers.js has it; with f16 weights where there is no other.  NULL: there is none. */
const char *graph_file(const char *folder, const char *name);

/* A component's ONNX file; NULL when it is not there and need not be. */
const char *component_file(const char *folder, const ComponentRule *rule);

/* Ends the program, naming file and field, when the driver could not use a scheduler's configuration.  A sampler that
 * is set by --default stands for the first one's class. */
void check_schedulers(const char *folder, const PipelineRule *rule, const Options *o);

#endif
