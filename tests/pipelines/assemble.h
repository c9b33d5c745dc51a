/* assemble.h: model folders made of links into others.  What can not be made ends the program. */
#ifndef SDC_TESTS_ASSEMBLE_H
#define SDC_TESTS_ASSEMBLE_H

#include <stdbool.h>

/* What is taken of a folder: all, all but T5, or autoencoder and model_index.json. */
typedef bool Wanted(const char *here, const char *name);
Wanted folder_all, folder_but_t5, folder_vae;

/* A folder in `work`: what is wanted of model, and of base what that has not; the single ControlNet or the other. */
char *put_together(const char *work, const char *model, Wanted *of_model, const char *base, Wanted *of_base, bool is_single);

/* The decoder of such a folder gets more fields, JSON, in its configuration. */
void put_statistics(const char *folder, const char *model, const char *fields);

#endif
