/* image_tasks.h: what pipelines.c asks of Stable Diffusion's classes that look at pictures, and of latent diffusion
 * v0. */
#ifndef SDC_IMAGE_TASKS_H
#define SDC_IMAGE_TASKS_H

#include "pipelines.h"

void describe_image_encoder(const char *folder, const json_t *index, FolderFacts *facts);
void describe_depth_model(const char *folder, const json_t *index, FolderFacts *facts);
void describe_latent_diffusion(const char *folder, const json_t *index, FolderFacts *facts);

#endif
