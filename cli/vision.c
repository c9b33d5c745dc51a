/* vision.c: folders of CLIP, SigLIP and classifiers such as ViT, whose config.json and preprocessor_config.json tell how
 * pictures and texts go in and what the numbers that come out are called; and autoencoders, whose config.json tells the
 * pictures' size. */
#include "vision.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autoencoder_config.h"
#include "cli.h"
#include "image_processor.h"
#include "json_file.h"

/* Of config.json's model_type: the usual image processor, and the positions of the text model. */
typedef struct { const char *type, *processor; int64_t tokens; } Family;

static const Family families[] = {
    {"clip", "CLIPImageProcessor", 77},        {"siglip", "SiglipImageProcessor", 64},
    {"vit", "ViTImageProcessor", 0},           {"swin", "ViTImageProcessor", 0},
    {"deit", "DeiTImageProcessor", 0},         {"bit", "BitImageProcessor", 0},
    {"dinov2", "BitImageProcessor", 0},        {"convnext", "ConvNextImageProcessor", 0},
    {"resnet", "ConvNextImageProcessor", 0},   {"regnet", "ConvNextImageProcessor", 0},
    {"mobilenet_v1", "MobileNetV1ImageProcessor", 0}, {"mobilenet_v2", "MobileNetV2ImageProcessor", 0},
    {"efficientnet", "EfficientNetImageProcessor", 0}};

static const Family *find_family(const json_t *config)
{
    const char *type = json_string_value(json_object_get(config, "model_type"));
    for (size_t k = 0; type && k < sizeof families / sizeof *families; k++)
        if (!strncmp(type, families[k].type, strlen(families[k].type)))
            return &families[k];
    bug("a vision model of type %s", type ? type : "none");
}

/* "label.K=name" lines of id2label. */
static char *labels(const json_t *config)
{
    char *text, *line;
    const char *key;
    size_t bytes;
    json_t *value;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        fail(SDC_NO_SPACE, "out of memory");
    json_object_foreach(json_object_get(config, "id2label"), key, value) {
        const char *name = json_string_value(value);
        if (!name || strchr(name, '\n') || strspn(key, "0123456789") != strlen(key))
            fail(SDC_BAD_INPUT, "config.json: id2label: '%s' is not a number with a name", key);
        fprintf(out, "label.%s=%s\n", key, name);
    }
    if (fclose(out))
        fail(SDC_NO_SPACE, "out of memory");
    line = text_copy(text);
    free(text);
    return line;
}

void describe_vision(const char *folder, const json_t *config, FolderFacts *facts)
{
    const Family *family = find_family(config);
    const json_t *vision = json_object_get(config, "vision_config"), *words = json_object_get(config, "text_config");
    const char *path = text_format("%s/config.json", folder);
    int64_t side = json_whole(vision ? vision : config, path, "image_size", 0, 1, 1 << 14);
    ImageProcessor p = read_image_processor(folder, family->processor, side);
    facts->width = p.width ? p.width : 224;
    facts->height = p.height ? p.height : 224;
    facts->tokens = json_whole(words, path, "max_position_embeddings", family->tokens ? family->tokens : 77, 1, 4096);
    facts->settings = text_format("%s%s", p.settings, labels(config));
}

/* The folder that vae_encoder and vae_decoder lie in: this one, or the one that this part lies in. */
static const char *whole_of(const char *folder)
{
    bool part = !access(text_format("%s/model.onnx", folder), F_OK);
    return part ? text_format("%s/..", folder) : folder;
}

void describe_autoencoder(const char *folder, const json_t *config, FolderFacts *facts)
{
    const char *path = text_format("%s/config.json", folder);
    facts->scale = check_autoencoder(config, path);
    int64_t side = json_whole(config, path, "sample_size", 512, 1, 1 << 14);
    side = (side + facts->scale - 1) / facts->scale * facts->scale;
    facts->width = facts->height = side;
    facts->folder = whole_of(folder);
}
