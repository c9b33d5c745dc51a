/* vision.h: what pipelines.c asks of classes whose folder is a single model with pictures as input. */
#ifndef SDC_VISION_H
#define SDC_VISION_H

#include "pipelines.h"

void describe_vision(const char *folder, const json_t *config, FolderFacts *facts);
void describe_autoencoder(const char *folder, const json_t *config, FolderFacts *facts);

#endif
