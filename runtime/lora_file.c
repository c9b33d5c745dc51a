/* lora_file.c: see lora_file.h.
 *
 *      kohya       lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight     ... .lora_up.weight  ... .alpha
 *      PEFT        unet.down_blocks.0.attentions.0.proj_in.lora_A.weight              ... .lora_B.weight
 *      diffusers   unet.down_blocks.0.attn1.processor.to_q_lora.down.weight           ... .up.weight
 *      SDXL's      lora_unet_input_blocks_1_1_proj_in.lora_down.weight                 by the original code's names
 *
 * Without alpha the scale is 1.  Names lose their prefix, which says the networks, and have '_' for '.' afterwards. */
#include "lora_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum { DOWN, UP, ALPHA } Part;

static const struct { const char *end; Part part; } ends[] = {
    {".lora_down.weight", DOWN}, {".lora_up.weight", UP}, {".lora_A.weight", DOWN}, {".lora_B.weight", UP},
    {".lora_linear_layer.down.weight", DOWN}, {".lora_linear_layer.up.weight", UP}, {".lora.down.weight", DOWN},
    {".lora.up.weight", UP}, {"_lora.down.weight", DOWN}, {"_lora.up.weight", UP}, {".alpha", ALPHA},
};

static const struct { const char *begin, *components[2]; } prefixes[] = {
    {"lora_unet_", {"unet", "transformer"}}, {"lora_transformer_", {"transformer"}}, {"lora_te_", {"text_encoder"}},
    {"lora_te1_", {"text_encoder"}}, {"lora_te2_", {"text_encoder_2"}}, {"lora_te3_", {"text_encoder_3"}},
    {"unet.", {"unet"}}, {"transformer.", {"transformer"}}, {"text_encoder.", {"text_encoder"}},
    {"text_encoder_2.", {"text_encoder_2"}}, {"text_encoder_3.", {"text_encoder_3"}},
};

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* `length` letters of a key or path without a prefix, '_' for '.'; malloc'd. */
static char *plain(const char *s, size_t length)
{
    static const char processor[] = ".processor.";
    char *name = malloc(length + 3);
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
    const char *old = "_to_out";                        /* of attention processors */
    if (n > strlen(old) && !strcmp(name + n - strlen(old), old))
        memcpy(name + n, "_0", 3);
    return name;
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

/* An adapter's name as diffusers has it; takes over `name`. */
static char *in_diffusers(char *name)
{
    char other[512];
    if (!name || !from_original(name, other, sizeof other))
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

bool sdc_adapter_is_for(const SdcAdapter *a, const char *component)
{
    for (int k = 0; a->prefix >= 0 && k < 2; k++)
        if (prefixes[a->prefix].components[k] && !strcmp(prefixes[a->prefix].components[k], component))
            return true;
    return a->prefix < 0;
}

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

size_t sdc_lora_split(const char *text, double *scale)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    *scale = 1;
    if (!colon || colon == text)
        return strlen(text);
    const double value = strtod(colon + 1, &end);
    if (end == colon + 1 || *end || !isfinite(value))
        return strlen(text);
    *scale = value;
    return (size_t)(colon - text);
}

int sdc_lora_option(SdcLoraOptions *o, const char *text)
{
    if (!*text)
        return sdc_error(SDC_USAGE, "--lora needs a file name");
    if (o->n == SDC_LORAS)
        return sdc_error(SDC_USAGE, "--lora: more than %d files", SDC_LORAS);
    o->text[o->n++] = text;
    return SDC_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static SdcAdapter *adapter_of(SdcAdapters *all, const SdcSafetensors *file, char *name, int prefix, const char *key)
{
    for (int64_t k = all->n; k-- > 0 && all->list[k].file == file;)
        if (all->list[k].prefix == prefix && !strcmp(all->list[k].name, name)) {
            free(name);
            return &all->list[k];
        }
    if (all->n == all->room) {
        const int64_t room = all->room ? 2 * all->room : 64;
        SdcAdapter *list = realloc(all->list, (size_t)room * sizeof *list);
        if (!list) {
            free(name);
            return NULL;
        }
        all->list = list;
        all->room = room;
    }
    all->list[all->n] = (SdcAdapter){.file = file, .key = key, .name = name, .prefix = prefix};
    return &all->list[all->n++];
}

static int take_tensor(SdcAdapters *all, const SdcSafetensors *file, const SdcSafetensor *t)
{
    const size_t n = strlen(t->name);
    const char *peft = "base_model.model.";
    size_t k = 0, end = 0, count = sizeof ends / sizeof *ends;
    for (; k < count && (n <= (end = strlen(ends[k].end)) || strcmp(t->name + n - end, ends[k].end)); k++)
        ;
    if (k == count)
        return sdc_error(SDC_UNSUPPORTED, "%s: %s: is no part of a LoRA as kohya's scripts or diffusers write it",
                         file->path, t->name);
    const char *name = t->name + (begins(t->name, peft) ? strlen(peft) : 0);
    int prefix = (int)(sizeof prefixes / sizeof *prefixes);
    while (--prefix >= 0 && !begins(name, prefixes[prefix].begin))
        ;
    name += prefix >= 0 ? strlen(prefixes[prefix].begin) : 0;
    if (name > t->name + n - end)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: names no module", file->path, t->name);
    char *module = in_diffusers(plain(name, (size_t)(t->name + n - end - name)));
    SdcAdapter *a = module ? adapter_of(all, file, module, prefix, t->name) : NULL;
    if (!a)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    const SdcSafetensor **part = ends[k].part == DOWN ? &a->down : ends[k].part == UP ? &a->up : &a->alpha;
    if (*part)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: is there twice", file->path, t->name);
    *part = t;
    return SDC_OK;
}

/* Shapes that belong together: down [rank, inputs...], up [outputs, rank, 1, 1]. */
static int finish(SdcAdapter *a, double scale)
{
    const char *path = a->file->path;
    float *alpha = NULL;
    if (!a->down || !a->up)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: the other of the two matrices is missing", path, a->key);
    if (a->down->rank < 2 || a->up->rank < 2 || a->down->dim[0] < 1 || a->down->dim[0] != a->up->dim[1] ||
        a->up->dim[0] < 1 ||
        a->up->count != a->up->dim[0] * a->up->dim[1])
        return sdc_error(SDC_BAD_INPUT, "%s: %s: the two matrices do not fit together", path, a->key);
    a->rank = a->down->dim[0];
    a->outputs = a->up->dim[0];
    a->inputs = a->down->count / a->rank;
    a->scale = scale;
    if (!a->alpha)
        return SDC_OK;
    if (a->alpha->count != 1)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: is not one number", path, a->alpha->name);
    int code = sdc_safetensor_floats(a->file, a->alpha, &alpha);
    if (!code && !isfinite(*alpha))
        code = sdc_error(SDC_BAD_INPUT, "%s: %s: is no finite number", path, a->alpha->name);
    if (!code)
        a->scale = scale * (double)*alpha / (double)a->rank;
    free(alpha);
    return code;
}

int sdc_adapters_open(SdcAdapters *a, const SdcLoraOptions *o)
{
    int code = SDC_OK;
    for (int k = 0; !code && k < o->n; k++) {
        double scale;
        a->paths[k] = strndup(o->text[k], sdc_lora_split(o->text[k], &scale));
        SdcSafetensors *file = &a->files[k];
        code = a->paths[k] ? sdc_safetensors_open(file, a->paths[k]) : sdc_error(SDC_NO_SPACE, "out of memory");
        const int64_t first = a->n;
        for (int64_t j = 0; !code && j < file->n; j++)
            code = take_tensor(a, file, &file->list[j]);
        for (int64_t j = first; !code && j < a->n; j++)
            code = finish(&a->list[j], scale);
        if (!code && a->n == first)
            code = sdc_error(SDC_BAD_INPUT, "%s: has no weights", a->paths[k]);
    }
    return code;
}

void sdc_adapters_close(SdcAdapters *a)
{
    for (int64_t k = 0; k < a->n; k++)
        free(a->list[k].name);
    free(a->list);
    for (int k = 0; k < SDC_LORAS; k++) {
        sdc_safetensors_close(&a->files[k]);
        free(a->paths[k]);
    }
}
