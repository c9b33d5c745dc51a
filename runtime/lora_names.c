/* lora_names.c: modules' names as adapters' files spell them, '_' for '.', in the names of diffusers.
 *
 * Files for SDXL and Stable Diffusion 3 may have those of the original code, where the latter's attention has one layer
 * for queries, keys and values, and halves of modulations that scale and shift change places in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lora_file.h"

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Endings of attention processors, as diffusers had them before PEFT; the longest first. */
static const struct { const char *old, *now; } endings[] = {
    {"_self_attn_to_q", "_self_attn_q_proj"}, {"_self_attn_to_k", "_self_attn_k_proj"},
    {"_self_attn_to_v", "_self_attn_v_proj"}, {"_self_attn_to_out", "_self_attn_out_proj"}, {"_to_out", "_to_out_0"},
};
enum { ENDING_MORE = 3 };               /* letters that one is longer by, at most, and a zero */

/* name [n], which has room for ENDING_MORE. */
static char *with_ending(char *name, size_t n)
{
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        const size_t old = strlen(endings[k].old);
        if (n > old && !strcmp(name + n - old, endings[k].old)) {
            memcpy(name + n - old, endings[k].now, strlen(endings[k].now) + 1);
            break;
        }
    }
    return name;
}

/* `length` letters of a key or path without a prefix, '_' for '.'; malloc'd. */
static char *plain(const char *s, size_t length)
{
    static const char processor[] = ".processor.";
    char *name = malloc(length + ENDING_MORE + 1);
    size_t n = 0;
    for (size_t k = 0; name && k < length; k++) {
        if (length - k > sizeof processor - 1 && begins(s + k, processor))
            k += sizeof processor - 2;
        name[n++] = s[k] == '.' ? '_' : s[k];
    }
    if (!name)
        return NULL;
    name[n] = 0;
    if (begins(name, "text_model_")) {                  /* some exports have it, others start below */
        const size_t text = strlen("text_model_");
        for (size_t k = 0; k + text <= n; k++)
            name[k] = name[k + text];
        n -= text;
    }
    return with_ending(name, n);
}

/* ---- names of the original code: what kohya's scripts write for SDXL --------------------------------------------- */

static const struct { const char *original, *diffusers; } parts[] = {
    {"in_layers_2", "conv1"}, {"emb_layers_1", "time_emb_proj"}, {"out_layers_3", "conv2"},
    {"skip_connection", "conv_shortcut"},
};
static const struct { const char *original, *diffusers; } single[] = {
    {"input_blocks_0_0", "conv_in"}, {"out_2", "conv_out"}, {"time_embed_0", "time_embedding_linear_1"},
    {"time_embed_2", "time_embedding_linear_2"}, {"label_emb_0_0", "add_embedding_linear_1"},
    {"label_emb_0_2", "add_embedding_linear_2"},
};

static const char *part_of_resnet(const char *rest)
{
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        if (!strcmp(rest, parts[k].original))
            return parts[k].diffusers;
    return rest;
}

/* "input_blocks_4_1_proj_in" -> "down_blocks_1_attentions_0_proj_in": two layers a block, and a third place for what
 * changes the size.  false: it is no such name. */
static bool from_original(const char *name, char *into, size_t room)
{
    enum { PLACES = 3 };
    unsigned n, m = 0;
    int used = 0;
    for (size_t k = 0; k < sizeof single / sizeof *single; k++)
        if (!strcmp(name, single[k].original))
            return snprintf(into, room, "%s", single[k].diffusers) > 0;
    if (sscanf(name, "middle_block_%u_%n", &n, &used) == 1 && used && n < PLACES)
        return snprintf(into, room, "mid_block_%s_%u_%s", n == 1 ? "attentions" : "resnets", n / 2,
                        n == 1 ? name + used : part_of_resnet(name + used)) > 0;
    if (sscanf(name, "input_blocks_%u_%u_%n", &n, &m, &used) == 2 && used && n > 0) {
        if (!strcmp(name + used, "op"))
            return snprintf(into, room, "down_blocks_%u_downsamplers_0_conv", (n - 1) / PLACES) > 0;
        return snprintf(into, room, "down_blocks_%u_%s_%u_%s", (n - 1) / PLACES, m ? "attentions" : "resnets",
                        (n - 1) % PLACES, m ? name + used : part_of_resnet(name + used)) > 0;
    }
    used = 0;
    if (sscanf(name, "output_blocks_%u_%u_%n", &n, &m, &used) != 2 || !used)
        return false;
    if (!strcmp(name + used, "conv"))
        return snprintf(into, room, "up_blocks_%u_upsamplers_0_conv", n / PLACES) > 0;
    return snprintf(into, room, "up_blocks_%u_%s_%u_%s", n / PLACES, m ? "attentions" : "resnets", n % PLACES,
                    m ? name + used : part_of_resnet(name + used)) > 0;
}

/* ---- those of Stable Diffusion 3 --------------------------------------------------------------------------------- */

/* Of a block: [0] the picture's stream, [1] the text's; '*' for q, k and v. */
static const struct { const char *original, *diffusers[2]; bool swaps; } joint_parts[] = {
    {"attn_qkv", {"attn_to_*", "attn_add_*_proj"}, false}, {"attn_proj", {"attn_to_out_0", "attn_to_add_out"}, false},
    {"attn2_qkv", {"attn2_to_*", NULL}, false}, {"attn2_proj", {"attn2_to_out_0", NULL}, false},
    {"mlp_fc1", {"ff_net_0_proj", "ff_context_net_0_proj"}, false},
    {"mlp_fc2", {"ff_net_2", "ff_context_net_2"}, false},
    {"adaLN_modulation_1", {"norm1_linear", "norm1_context_linear"}, true},
};
static const struct { const char *original, *diffusers; bool swaps; } joint_single[] = {
    {"x_embedder_proj", "pos_embed_proj", false},
    {"t_embedder_mlp_0", "time_text_embed_timestep_embedder_linear_1", false},
    {"t_embedder_mlp_2", "time_text_embed_timestep_embedder_linear_2", false},
    {"y_embedder_mlp_0", "time_text_embed_text_embedder_linear_1", false},
    {"y_embedder_mlp_2", "time_text_embed_text_embedder_linear_2", false},
    {"final_layer_linear", "proj_out", false}, {"final_layer_adaLN_modulation_1", "norm_out_linear", true},
};

/* "joint_blocks_3_x_block_mlp_fc1" -> "transformer_blocks_3_ff_net_0_proj". */
static bool from_joint(const char *name, char *into, size_t room, bool *swaps)
{
    static const char *const streams[] = {"x_block_", "context_block_"};
    unsigned block;
    int used = 0;
    for (size_t k = 0; k < sizeof joint_single / sizeof *joint_single; k++)
        if (!strcmp(name, joint_single[k].original)) {
            *swaps = joint_single[k].swaps;
            return snprintf(into, room, "%s", joint_single[k].diffusers) > 0;
        }
    if (sscanf(name, "joint_blocks_%u_%n", &block, &used) != 1 || !used)
        return false;
    for (int stream = 0; stream < 2; stream++)
        for (size_t k = 0; begins(name + used, streams[stream]) && k < sizeof joint_parts / sizeof *joint_parts; k++)
            if (joint_parts[k].diffusers[stream] &&
                !strcmp(name + used + strlen(streams[stream]), joint_parts[k].original)) {
                *swaps = joint_parts[k].swaps;
                return snprintf(into, room, "transformer_blocks_%u_%s", block, joint_parts[k].diffusers[stream]) > 0;
            }
    return false;
}

char *sdc_adapter_key_name(const char *key, size_t length, bool *swaps)
{
    char *name = plain(key, length), other[512];
    *swaps = false;
    if (!name || !(from_original(name, other, sizeof other) || from_joint(name, other, sizeof other, swaps)))
        return name;
    free(name);
    return strdup(other);
}

char *sdc_adapter_name(const char *module, const char *component)
{
    const size_t own = strlen(component);
    if (begins(module, component) && module[own] == '.')
        module += own + 1;
    return plain(module, strlen(module));
}

