/* tokenizer_pack.c: chooses the packer of a tokenizer's folder. */
#include <unistd.h>

#include "../ir/sdc.h"
#include "../runtime/tokenizer.h"

/* The first row whose file lies in the folder. */
static const struct { const char *file; int (*pack)(const char *folder, void **blob, int64_t *bytes); } packers[] = {
    {"merges.txt", tokenizer_clip_pack},
    {"vocab.txt", tokenizer_bert_pack},
    {"tokenizer.json", tokenizer_bpe_pack},
};

int tokenizer_pack(const char *folder, void **blob, int64_t *bytes)
{
    size_t count = sizeof packers / sizeof *packers;
    for (size_t k = 0; k < count; k++)
        if (!access(text_format("%s/%s", folder, packers[k].file), F_OK))
            return packers[k].pack(folder, blob, bytes);
    return packers[0].pack(folder, blob, bytes);        /* it says what is missing */
}
