/* tokenizer_pack.c: chooses the packer of a tokenizer's folder. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"
#include "../runtime/tokenizer.h"
#include "../runtime/tokenizer_unigram.h"

/* The first row counts whose file lies in the folder: tokenizer.json before older spellings, as in transformers.
 * model: what tokenizer.json must have as its model's type, if it names one; mark: what its model must have, neither
 * null nor empty.  NULL: any. */
typedef struct {
    const char *file, *model, *mark;
    int (*pack)(const char *folder, void **blob, int64_t *bytes);
} PackerRow;

static const PackerRow packers[] = {
    {"tokenizer.json", "WordPiece", "max_input_chars_per_word", tokenizer_bert_pack},
    {"tokenizer.json", "BPE", "end_of_word_suffix", tokenizer_clip_pack},
    {"tokenizer.json", "BPE", "merges", tokenizer_bpe_pack},
    {"tokenizer.json", "Unigram", NULL, tokenizer_unigram_pack},
    {"tokenizer.json", NULL, NULL, tokenizer_bpe_pack},     /* which says what is wrong with it */
    {"merges.txt", NULL, NULL, tokenizer_clip_pack},
    {"vocab.txt", NULL, NULL, tokenizer_bert_pack},
    {"tokenizer.model", NULL, NULL, tokenizer_bpe_pack},
    {"spiece.model", NULL, NULL, tokenizer_unigram_pack},
    {"vocab.json", NULL, NULL, tokenizer_clip_pack},        /* without its merges.txt */
};

static bool lies_in(const char *folder, const char *file)
{
    return !access(text_format("%s/%s", folder, file), F_OK);
}

static bool fits(const PackerRow *row, const json_t *model)
{
    const char *type = json_string_value(json_object_get(model, "type"));
    const json_t *mark = row->mark ? json_object_get(model, row->mark) : NULL;
    const char *text = json_string_value(mark);
    return (!row->model || !type || !strcmp(type, row->model)) &&
           (!row->mark || (mark && !json_is_null(mark) && (!text || *text)));
}

bool tokenizer_is_there(const char *folder)
{
    for (size_t k = 0; k < sizeof packers / sizeof *packers; k++)
        if (lies_in(folder, packers[k].file))
            return true;
    return false;
}

int tokenizer_pack(const char *folder, void **blob, int64_t *bytes)
{
    json_t *root = json_load_file(text_format("%s/tokenizer.json", folder), JSON_ALLOW_NUL, NULL);
    const json_t *model = json_object_get(root, "model");
    const PackerRow *row = packers, *end = packers + sizeof packers / sizeof *packers;
    while (row < end && !(lies_in(folder, row->file) && fits(row, model)))
        row++;
    json_decref(root);
    if (row < end)
        return row->pack(folder, blob, bytes);
    *blob = NULL;
    return sdc_error(SDC_BAD_INPUT, "%s: no tokenizer; it can be a tokenizer.json, or as older versions of "
                     "transformers save it: vocab.json with merges.txt (CLIP), vocab.txt (BERT), spiece.model (T5)",
                     folder);
}
