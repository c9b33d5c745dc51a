/* image_processor.h: processor_config.json or preprocessor_config.json of a model folder, resolved to what an executable does
 * with a picture. */
#ifndef SDC_IMAGE_PROCESSOR_H
#define SDC_IMAGE_PROCESSOR_H

#include <jansson.h>
#include <stdint.h>

/* What processor_config.json has as image_processor, as transformers writes it since version 5, else preprocessor_config.json,
 * else NULL.  *path, unless path is NULL: the file it is from, or would be.  The caller decref's it. */
json_t *read_processor_config(const char *folder, const char **path);

/* What the picture becomes; 0 where that follows from the picture.  settings: lines for models/image_input.h. */
typedef struct { int64_t width, height; char *settings; } ImageProcessor;

/* class: "CLIPImageProcessor", ...: whose defaults count where the file does not name one.  side: of the model's input,
 * for a folder without the file; 0: the class's own. */
ImageProcessor read_image_processor(const char *folder, const char *class, int64_t side);

#endif
