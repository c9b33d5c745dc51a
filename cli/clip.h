/* clip.h: the graphs of CLIP guidance, of the folder of a CLIP model: model.onnx with both towers, as optimum exports
 * CLIPModel, its tokenizer, and preprocessor_config.json where it is there.  Their inputs and outputs:
 * models/clip_guide.h.  What is missing or does not fit ends the program with a line that names it. */
#ifndef SDC_CLIP_H
#define SDC_CLIP_H

#include "../ir/sdc.h"

/* Text to its embedding, for so many tokens. */
Graph *clip_text_graph(const char *folder, int64_t tokens);

/* A picture [1, channels, height, width] in -1..1 and a text's embedding to the loss, whose gradient in the picture is
 * to be asked for ("loss:sample").  The picture is cropped to the square in its middle, resized as CLIP's preprocessor
 * does, and normalised, all in the graph. */
Graph *clip_guide_graph(const char *folder, int64_t channels, int64_t height, int64_t width);

#endif
