/* image_tasks.c: see image_tasks.h. */
#include "image_tasks.h"

#include <unistd.h>

#include "cli.h"
#include "image_processor.h"
#include "json_file.h"

/* A number of FOLDER/PART/config.json, which may be absent. */
static int64_t config_number(const char *folder, const char *part, const char *key, int64_t otherwise)
{
    const char *path = text_format("%s/%s/config.json", folder, part);
    json_t *config = read_json_if(path);
    if (!config)
        return otherwise;
    int64_t value = json_whole(config, path, key, otherwise, 1, 1 << 14);
    json_decref(config);
    return value;
}

/* feature_extractor/ tells what pictures become for `part`; without it the processor's class, in the part's size. */
static void describe_processor(const char *folder, const char *part, const char *class, int64_t side,
                               FolderFacts *facts)
{
    side = config_number(folder, part, "image_size", side);
    ImageProcessor p = read_image_processor(text_format("%s/feature_extractor", folder), class, side);
    facts->pixel_width = p.width ? p.width : side;
    facts->pixel_height = p.height ? p.height : side;
    facts->settings = p.settings;
}

void describe_image_encoder(const char *folder, const json_t *index, FolderFacts *facts)
{
    (void)index;
    describe_processor(folder, "image_encoder", "CLIPImageProcessor", 224, facts);
}

void describe_depth_model(const char *folder, const json_t *index, FolderFacts *facts)
{
    (void)index;
    if (!access(text_format("%s/depth_estimator", folder), F_OK))
        describe_processor(folder, "depth_estimator", "DPTImageProcessor", 384, facts);
}

/* LDMBert has fewer positions than its tokenizer allows. */
void describe_latent_diffusion(const char *folder, const json_t *index, FolderFacts *facts)
{
    (void)index;
    facts->tokens = config_number(folder, "text_encoder", "max_position_embeddings", 77);
}
