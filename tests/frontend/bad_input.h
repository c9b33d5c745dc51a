/* bad_input.h: the rows of bad_input.def, and what some of them do beside the model. */
#ifndef SDC_BAD_INPUT_H
#define SDC_BAD_INPUT_H

#include "wire_text.h"

/* Changes the bytes of the model, or makes files in `folder`, which is the model's.  model->data NULL afterwards: the
 * hook has put something else in the place of folder/model.onnx. */
typedef void Hook(const char *folder, Bytes *model);

#define BAD(name, code, hook, part, text) Hook hook;
#include "bad_input.def"
#undef BAD

void file_write(const char *folder, const char *name, const void *data, size_t count);   /* makes folders in between */

#endif
