/* tokenizer_pack.c: chooses the packer of a tokenizer's folder. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "../ir/sdc.h"
#include "../runtime/tokenizer.h"
#include "../runtime/tokenizer_unigram.h"

/* The first row whose file lies in the folder; model: what tokenizer.json must have as its model's type, NULL: any. */
static const struct {
    const char *file, *model;
    int (*pack)(const char *folder, void **blob, int64_t *bytes);
} packers[] = {
    {"merges.txt", NULL, tokenizer_clip_pack},
    {"vocab.txt", NULL, tokenizer_bert_pack},
    {"tokenizer.json", "Unigram", tokenizer_unigram_pack},
    {"tokenizer.json", NULL, tokenizer_bpe_pack},
    {"tokenizer.model", NULL, tokenizer_bpe_pack},
    {"spiece.model", NULL, tokenizer_unigram_pack},
};

/* The packer itself says what is wrong with a file that does not even tell its type. */
static bool is_of_model(const char *path, const char *model)
{
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(json_object_get(root, "model"), "type"));
    bool is = !type || !strcmp(type, model);
    json_decref(root);
    return is;
}

int tokenizer_pack(const char *folder, void **blob, int64_t *bytes)
{
    size_t count = sizeof packers / sizeof *packers;
    for (size_t k = 0; k < count; k++) {
        const char *path = text_format("%s/%s", folder, packers[k].file);
        if (!access(path, F_OK) && (!packers[k].model || is_of_model(path, packers[k].model)))
            return packers[k].pack(folder, blob, bytes);
    }
    return packers[0].pack(folder, blob, bytes);        /* it says what is missing */
}
